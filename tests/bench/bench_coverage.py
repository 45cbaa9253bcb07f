"""What facilities serve: our way against geopandas' buffer, dissolve and overlay; the same answers.

    python tests/bench/bench_coverage.py [district] [city] [plain]

Without sizes those of GUATU_BENCH_SIZES, else district and city. Facilities are points of the
layers, of seven kinds with the radii of the standards: 250 in a district, 5,000 in a city. Each
side begins with points, radii and compounds in CGCS2000, and ends with the area of each compound
that each kind serves. The plain way overlays compounds with one multipolygon for each kind; in a
city that takes minutes and is measured only where ``plain`` is said. The parted way takes these
apart first, as somebody would who has waited once.
"""

import os
import sys
from collections.abc import Callable

import geopandas
import inputs
import numpy as np
import pandas
import shapely

from geo import siting
from geo.coverage import coverage_by_kind, served_area
from geo.crs import AREA, STORED, areas, to_area

FACILITIES = {"district": 250, "sample": 250, "city": 5000}
RADII = np.array([300.0, 500, 300, 500, 1000, 500, 300])
RUNS = {"district": 5, "sample": 5, "city": 3}
ZONE = "EPSG:4549"
EQUAL = 1e-9  # of a compound's area, from the same polygons; rounding of square metres is 1e-10 of it
NEAR = 2e-2  # of it, where the other side draws its own circles, whose sides lie a few decimetres inwards
GOALS = {"district": 3, "sample": 3, "city": 5}

Shares = dict[int, np.ndarray]


class Given:
    """The layers of a size."""

    def __init__(self, size: str) -> None:
        made = inputs.made(size)
        self.size, rng = made.size, np.random.default_rng(5)
        homes = made.frame("compounds", ["households"])
        self.compounds, self.households = homes.geometry, homes["households"].fillna(0).to_numpy(float)
        points = made.frame("illegal_structures", []).geometry
        chosen = rng.choice(len(points), FACILITIES[self.size], replace=False)
        labels = pandas.Index([f"F{number}" for number in range(len(chosen))], dtype=object)
        self.facilities = geopandas.GeoSeries(points.to_numpy()[chosen], index=labels, crs=STORED)
        self.kinds = rng.integers(0, len(RADII), len(chosen))
        self.radii = RADII[self.kinds]

    def ours(self) -> Shares:
        """Return the shares as we work them out."""
        found = coverage_by_kind(self.compounds, served_area(self.facilities, self.radii), self.kinds)
        return {kind: reached.share.to_numpy() for kind, reached in found.items()}

    def theirs(self, parted: bool) -> Shares:
        """Return the shares by buffer, dissolve and overlay in the district's zone."""
        spots = geopandas.GeoDataFrame({"kind": self.kinds}, geometry=self.facilities.to_numpy(), crs=STORED)
        spots = spots.to_crs(ZONE)
        spots["geometry"] = spots.buffer(self.radii, quad_segs=32)
        dissolved = spots.dissolve("kind").reset_index()
        homes = geopandas.GeoDataFrame(
            {"row": np.arange(len(self.compounds))}, geometry=self.compounds.to_numpy(), crs=STORED
        )
        return self._overlaid(homes.to_crs(ZONE), dissolved, parted)

    def same_circles(self) -> Shares:
        """Return the shares by dissolve and overlay of our own served areas, for the comparison."""
        served = to_area(served_area(self.facilities, self.radii).to_numpy())
        drawn = geopandas.GeoDataFrame({"kind": self.kinds}, geometry=served, crs=AREA)
        homes = geopandas.GeoDataFrame(
            {"row": np.arange(len(self.compounds))}, geometry=to_area(self.compounds.to_numpy()), crs=AREA
        )
        return self._overlaid(homes, drawn.dissolve("kind").reset_index(), True)

    def _overlaid(
        self, homes: geopandas.GeoDataFrame, served: geopandas.GeoDataFrame, parted: bool
    ) -> Shares:
        served = served.explode(ignore_index=True) if parted else served
        cut = geopandas.overlay(homes, served, how="intersection", keep_geom_type=True)
        cut["m2"] = cut.to_crs(AREA).area
        m2 = cut.groupby(["kind", "row"])["m2"].sum()
        sizes = homes.to_crs(AREA).area.to_numpy()
        rows = np.arange(len(homes))
        return {
            kind: (m2.loc[kind].reindex(rows, fill_value=0.0).to_numpy() / sizes)
            if kind in m2.index.get_level_values(0)
            else np.zeros(len(homes))
            for kind in np.unique(self.kinds).tolist()
        }


def apart(found: Shares, other: Shares) -> float:
    """Return by how much of a compound two answers differ at most."""
    assert set(found) == set(other)
    return max(float(np.abs(found[kind] - other[kind]).max()) for kind in found)


def places(given: Given) -> dict[str, Callable[[], object]]:
    """Return the search for five next places: by us, and by measuring every candidate each time."""
    mine = given.kinds == 3
    reached = coverage_by_kind(
        given.compounds, served_area(given.facilities[mine], given.radii[mine]), given.kinds[mine]
    )[3]
    m2, spots = areas(given.compounds.to_numpy()), shapely.point_on_surface(given.compounds.to_numpy())
    candidates = geopandas.GeoSeries(spots, index=given.compounds.index, crs=STORED)

    def all_measured() -> list:
        left, density, found = reached.left.to_numpy().copy(), given.households / m2, []
        rings = to_area(served_area(candidates, np.full(len(candidates), 500.0)).to_numpy())
        for _ in range(5):
            ring, site = shapely.STRtree(left).query(rings, predicate="intersects")
            gain = shapely.area(shapely.intersection(left[site], rings[ring])) * density[site]
            best = int(np.bincount(ring, gain, minlength=len(rings)).argmax())
            near = site[ring == best]
            left[near] = shapely.difference(left[near], rings[best])
            found.append(candidates.index[best])
        return found

    return {
        "next places": lambda: siting.best_places(reached, m2, given.households, candidates, 500.0, 5),
        "next places, every candidate measured": all_measured,
    }


def measure(size: str, plain: bool) -> None:
    """Print the tables of a size, and whether its goal is met."""
    given = Given(size)
    runs = RUNS[given.size]
    print(f"\n== {given.size}: {len(given.compounds):,} compounds, {len(given.facilities):,} facilities")
    contenders = {
        "ours": given.ours,
        "geopandas, buffer, dissolve, explode, overlay": lambda: given.theirs(True),
    }
    if plain or given.size != "city":
        contenders["geopandas, buffer, dissolve, overlay"] = lambda: given.theirs(False)
    given.ours()
    times, answers = inputs.medians(contenders, 1 if plain and given.size == "city" else runs)
    exact = apart(answers["ours"], given.same_circles())
    assert exact <= EQUAL, exact
    print(f"the same from the same circles, within {exact:.1e} of a compound")
    for name in contenders:
        assert (off := apart(answers["ours"], answers[name])) <= NEAR, name
        print(f"{name}: with its own circles within {off:.1e}")
    rows = [(name, seconds, seconds / times["ours"]) for name, seconds in times.items()]
    inputs.table(f"coverage, {given.size}", ("by", "s", "× ours"), rows)
    searched, chosen = inputs.medians(places(given), 1 if given.size == "city" else 3)
    labels = [place.label for place in chosen["next places"]]
    assert labels == chosen["next places, every candidate measured"]
    rows = [(name, seconds, seconds / searched["next places"]) for name, seconds in searched.items()]
    inputs.table(f"five next places, {given.size}", ("by", "s", "× ours"), rows)
    goals = [
        ("ours", name, f"≥ {GOALS[given.size]} ×", seconds / times["ours"], _met(seconds, times, given.size))
        for name, seconds in times.items()
        if name != "ours"
    ]
    inputs.table(f"goals, {given.size}", ("ours", "theirs", "goal", "reached", "met"), goals)


def _met(seconds: float, times: dict[str, float], size: str) -> str:
    return "yes" if seconds >= GOALS[size] * times["ours"] else "NO"


def main(words: list[str]) -> None:
    """Measure the sizes that are named."""
    sizes = [word for word in words if word != "plain"]
    sizes = sizes or os.environ.get("GUATU_BENCH_SIZES", "district city").split()
    for size in sizes:
        measure(size, "plain" in words)


if __name__ == "__main__":
    main(sys.argv[1:])
