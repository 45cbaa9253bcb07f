"""Which area answers for a site: every share, the main one, and whether a border runs through.

Plain and exact, and the oracle for everything faster (``geo.grid.Grid.assign``).

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
from geo.locate import ranks

#: A part below this share of its site is an artefact of rounded vertices and is dropped.
SLIVER = 1e-9
#: To so many digits shares are compared, so that two halves of a site are equal.
DIGITS = 9


class Assigned(NamedTuple):
    """The main area of each site (``main``) and all shares (``shares``); see ``assign``."""

    main: pd.DataFrame
    shares: pd.DataFrame


class Parts(NamedTuple):
    """Of each part the numbers of site and area, and its m²; of each site its m², and those covered."""

    site: np.ndarray
    area: np.ndarray
    m2: np.ndarray
    site_m2: np.ndarray
    covered_m2: np.ndarray


def _shapes(sites: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def parts(sites: np.ndarray, areas: np.ndarray) -> Parts:
    """Return the parts of sites in areas, made and measured one by one; those below SLIVER are left out.

    Args:
        sites: valid shapely polygons in STORED.
        areas: valid shapely polygons in STORED.
    """
    site_m2 = measure(sites)
    site, area, part = _shapes(sites, areas)
    m2 = measure(part)
    kept = m2 >= SLIVER * site_m2[site]
    site, area, m2, part = site[kept], area[kept], m2[kept], part[kept]
    covered_m2 = np.bincount(site, m2, len(sites)).astype(float)
    order = np.argsort(site, kind="stable")
    ends = np.searchsorted(site, np.arange(len(sites) + 1), sorter=order)
    for one in np.flatnonzero(np.diff(ends) > 1):
        together = shapely.union_all(part[order[ends[one] : ends[one + 1]]])
        covered_m2[one] = measure(np.array([together]))[0]
    return Parts(site, area, m2, site_m2, covered_m2)


class Shared(NamedTuple):
    """What is said of sites, in numbers: of each part, by site and the largest first; then of each site.

    ``site``, ``area``, ``m2`` and ``share`` are of the parts; ``main`` (the number of the area that
    answers, -1 for none), ``largest``, ``border``, ``outside`` and ``overlap`` of the sites.
    """

    site: np.ndarray
    area: np.ndarray
    m2: np.ndarray
    share: np.ndarray
    main: np.ndarray
    largest: np.ndarray
    border: np.ndarray
    outside: np.ndarray
    overlap: np.ndarray


def shared(found: Parts, sites: np.ndarray, areas: np.ndarray, border_above: float) -> Shared:
    """Return what ``assign`` says of the parts, for sites and areas of these ranks, in numbers."""
    count, share = len(found.site_m2), found.m2 / found.site_m2[found.site]
    order = np.lexsort((areas[found.area], -share.round(DIGITS), sites[found.site]))
    site, area, share = found.site[order], found.area[order], share[order]
    answering, first = np.unique(site, return_index=True)
    main, largest = np.full(count, -1, dtype=np.intp), np.zeros(count)
    main[answering], largest[answering] = area[first], share[first]
    total = np.bincount(site, share, count)
    overlap = np.maximum(total - found.covered_m2 / found.site_m2, 0.0)
    outside = 1.0 - total + overlap
    # Rounding can cover a site a hair more than wholly; that hair is claimed twice, not outside.
    overlap, outside = overlap - np.minimum(outside, 0.0), np.maximum(outside, 0.0)
    border = total - largest > border_above
    return Shared(site, area, found.m2[order], share, main, largest, border, outside, overlap)


def told(found: Parts, sites: pd.Index, areas: pd.Index, border_above: float) -> Assigned:
    """Return what ``assign`` says of the parts, for sites and areas of these labels."""
    said = shared(found, ranks(sites), ranks(areas), border_above)
    labels = np.append(areas.to_numpy(dtype=object), None)
    rows = pd.RangeIndex(len(said.site))
    codes = pd.Series(sites.to_numpy(dtype=object)[said.site], index=rows, dtype=object)
    parts = {"site": codes, "area": pd.Series(labels[said.area], index=rows, dtype=object)}
    shares = pd.DataFrame({**parts, "area_m2": said.m2, "share": said.share}, index=rows)
    whole = {"share": said.largest, "border": said.border, "outside": said.outside, "overlap": said.overlap}
    area = pd.Series(labels[said.main], index=sites, dtype=object)
    return Assigned(pd.DataFrame({"area": area, **whole}, index=sites), shares)


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
        outside = 1. Edges are straight in stored degrees but for their ends in AREA, so that
        a border through an edge bends it: some millionths of outside and overlap mean nothing.

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(sites, "polygon")
    require(areas, "polygon")
    return told(parts(sites.to_numpy(), areas.to_numpy()), sites.index, areas.index, border_above)
