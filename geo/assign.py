"""Which area answers for a site: every share, the main one, and whether a border runs through.

Intersections are made on stored longitude and latitude and only then projected to measure
them, so that a boundary two areas share stays one line.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.check import require
from geo.crs import areas as measure

#: A part below this share of its site is an artefact of rounded vertices and is dropped.
SLIVER = 1e-9
_DIGITS = 9  # to which shares are compared, so that two halves of a site are equal


class Assigned(NamedTuple):
    """The main area of each site (``main``) and all shares (``shares``); see ``assign``."""

    main: pd.DataFrame
    shares: pd.DataFrame


def _parts(sites: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the parts of sites in areas: site number, area number, and the part itself."""
    tree = shapely.STRtree(sites)
    pairs = tree.query(areas, predicate="intersects").T
    inside = tree.query(areas, predicate="covers").T
    number = len(sites)  # area * number + site names a pair in one integer
    whole = np.isin(pairs @ [number, 1], inside @ [number, 1])
    area, site = pairs.T
    part = sites[site]
    part[~whole] = shapely.intersection(part[~whole], areas[area[~whole]])
    return site, area, part


def _covered(part: pd.Series, share: pd.Series, site_m2: np.ndarray) -> pd.Series:
    """Return the share of each site that lies in any area, from its parts and their shares."""
    covered = share.groupby(level=0).sum()
    for site in covered.index[part.groupby(level=0).size() > 1]:
        together = shapely.union_all(part.loc[site].to_numpy())
        covered[site] = measure(np.array([together]))[0] / site_m2[site]
    return covered


def _main(sites: pd.Index, table: pd.DataFrame, covered: pd.Series, border_above: float) -> pd.DataFrame:
    """Return the main frame from the sorted shares (site and area still numbers)."""
    first = table.drop_duplicates("site").set_index("site").reindex(range(len(sites)))
    total = table.groupby("site")["share"].sum().reindex(range(len(sites)), fill_value=0.0).to_numpy()
    covered = covered.reindex(range(len(sites)), fill_value=0.0).to_numpy()
    overlap = np.maximum(total - covered, 0.0)
    outside = 1.0 - total + overlap
    # Rounding can cover a site a hair more than wholly; that hair is claimed twice, not outside.
    overlap, outside = overlap - np.minimum(outside, 0.0), np.maximum(outside, 0.0)
    share = first["share"].fillna(0.0).to_numpy(dtype=float)
    area = first["label"].astype(object).where(first["label"].notna(), None).to_numpy()
    border = total - share > border_above
    columns = {"share": share, "border": border, "outside": outside, "overlap": overlap}
    return pd.DataFrame({"area": pd.Series(area, index=sites, dtype=object), **columns}, index=sites)


def assign(sites: gpd.GeoSeries, areas: gpd.GeoSeries, border_above: float = 0.01) -> Assigned:
    """Return which areas share each site, and which one answers for it.

    Args:
        sites: polygons in STORED, indexed by code.
        areas: polygons in STORED, indexed by code; they may overlap and leave gaps.
        border_above: a site lies on a border when the areas beside the main one hold more of it.

    Returns:
        ``shares``: a row for each part (``site, area, area_m2, share``), by site, then the
        largest share, then the area's code; parts below a share of SLIVER are left out.
        ``main``, on the sites' index: ``area``, that of the largest share (the lowest code among
        equal ones, None when none); its ``share`` (0.0 when none); ``border``, True when the
        other areas hold more than ``border_above`` (what lies in no area is no border case: it
        is told apart); ``outside``, the share of the site in no area; ``overlap``, the share
        claimed more than once, counted for each further claim. Sum of shares − overlap +
        outside = 1. Shares carry the rounding of stored degrees: below SLIVER, outside and
        overlap mean nothing.

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(sites, "polygon")
    require(areas, "polygon")
    site_m2 = measure(sites.to_numpy())
    site, area, part = _parts(sites.to_numpy(), areas.to_numpy())
    area_m2 = measure(part)
    table = pd.DataFrame({"site": site, "area_m2": area_m2, "share": area_m2 / site_m2[site], "part": part})
    table["label"] = areas.index.to_numpy(dtype=object)[area]
    table["code"] = sites.index.to_numpy(dtype=object)[site]
    table = table[table["share"] >= SLIVER]
    order = table.assign(share=-table["share"].round(_DIGITS)).sort_values(["code", "share", "label"])
    table = table.loc[order.index].reset_index(drop=True)
    by_site = table.set_index("site")
    covered = _covered(by_site["part"], by_site["share"], site_m2)
    shares = table[["code", "label", "area_m2", "share"]]
    shares = shares.rename(columns={"code": "site", "label": "area"}).astype({"site": object, "area": object})
    return Assigned(_main(sites.index, table, covered, border_above), shares)
