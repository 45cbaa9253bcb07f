"""Who answers for what: geo.locate and geo.assign against geopandas.sjoin and overlay, same answers."""

import warnings

import geopandas
import inputs
import numpy as np
import pandas

from geo import assign, crs, locate

RUNS = 5


def sjoin(points: geopandas.GeoSeries, offices: geopandas.GeoSeries) -> pandas.Series:
    """Return the office of each point: the lowest code of those that meet it.

    The offices stand on the left, which lets GEOS prepare them: many times faster than the
    other way round, and with the same pairs.
    """
    left = geopandas.GeoDataFrame({"office": offices.index}, geometry=offices.to_numpy(), crs=offices.crs)
    right = geopandas.GeoDataFrame({"point": points.index}, geometry=points.to_numpy(), crs=points.crs)
    joined = left.sjoin(right, predicate="intersects")
    lowest = joined[["point", "office"]].sort_values("office").drop_duplicates("point")
    return lowest.set_index("point")["office"].reindex(points.index)


def overlay(sites: geopandas.GeoSeries, offices: geopandas.GeoSeries) -> pandas.DataFrame:
    """Return every share of each site, largest first."""
    left = geopandas.GeoDataFrame({"site": sites.index}, geometry=sites.to_numpy(), crs=sites.crs)
    right = geopandas.GeoDataFrame({"area": offices.index}, geometry=offices.to_numpy(), crs=offices.crs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it leaves out lines and points
        parts = left.overlay(right, how="intersection", keep_geom_type=True)
    whole = pandas.Series(left.to_crs(crs.AREA).area.to_numpy(), index=sites.index)
    parts["share"] = parts.to_crs(crs.AREA).area.to_numpy() / whole[parts["site"]].to_numpy()
    return parts[["site", "area", "share"]].sort_values(["site", "share"], ascending=[True, False])


def same_offices(ours: pandas.DataFrame, theirs: pandas.Series) -> None:
    """Assert that both say the same office of every point."""
    assert (ours["area"].fillna("") == theirs.fillna("")).all()


def same_shares(ours: assign.Assigned, theirs: pandas.DataFrame) -> None:
    """Assert that both give every office the same share of every site."""
    keys = ["site", "area"]
    both = ours.shares.merge(theirs[theirs["share"] > 1e-6], on=keys, how="outer", suffixes=("", "_theirs"))
    assert np.allclose(both["share"].fillna(0), both["share_theirs"].fillna(0), atol=1e-6)


def main() -> None:
    """Run both comparisons and print the table."""
    given = inputs.inputs()
    offices, compounds, points = (given.frame(layer).geometry for layer in inputs.LAYERS)
    rows = []
    times, answers = inputs.medians(
        {"geo.locate": lambda: locate.locate(points, offices), "sjoin": lambda: sjoin(points, offices)}, RUNS
    )
    same_offices(answers["geo.locate"], answers["sjoin"])
    rows += [(f"{len(points):,} points", n, t, len(points) / t, times["sjoin"] / t) for n, t in times.items()]
    times, answers = inputs.medians(
        {
            "geo.assign": lambda: assign.assign(compounds, offices),
            "overlay": lambda: overlay(compounds, offices),
        },
        RUNS,
    )
    same_shares(answers["geo.assign"], answers["overlay"])
    rows += [
        (f"{len(compounds):,} compounds", n, t, len(compounds) / t, times["overlay"] / t)
        for n, t in times.items()
    ]
    title = (
        f"Assignment to {len(offices)} street offices, {given.size}: medians of {RUNS} runs, equal answers"
    )
    inputs.table(title, ("sites", "by", "s", "rows/s", "× geopandas"), rows)


if __name__ == "__main__":
    main()
