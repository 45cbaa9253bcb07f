"""What the rule says of sites: who would answer for each, worked out and not yet written.

Compounds go to the office with the largest share; points to the lowest code among the offices
whose closed area holds them, or, where the rule allows it, to the nearest one.
"""

from typing import NamedTuple, Protocol

import geopandas
import numpy
import pandas

from geo import assign, borders, locate
from layers.history import canonical
from layers.ruling import Rule

#: The columns of an answer: what the record says of a site besides when and by whom.
TOLD = (
    "street_office_code",
    "share",
    "outside",
    "claimed_twice",
    "border",
    "border_reason",
    "method",
    "computed",
    "nearest_code",
    "nearest_m",
    "candidates",
)
METHODS = ("largest_share", "containment", "nearest", "manual", "none")
#: Why a site is a border case, in the order in which it is told.
REASONS = (
    "several_offices",
    "low_share",
    "several_candidates",
    "on_edge",
    "near_edge",
    "office_gone",
)
_DIGITS = 9  # as shares are compared in ``assign``


class Answers(NamedTuple):
    """Answers by code (the columns of TOLD), and the shares they rest on (none for points).

    ``shares`` has a row for each part: ``code, street_office_code, area_m2, share``.
    """

    rows: dict[str, dict]
    shares: pandas.DataFrame


_NOBODY = {**dict.fromkeys(TOLD), "share": 0.0, "outside": 1.0, "claimed_twice": 0.0}


class Engine(Protocol):
    """What works answers out, here or elsewhere: as geo.assign and geo.locate do, with their answers."""

    def assign(
        self, sites: geopandas.GeoSeries, areas: geopandas.GeoSeries, border_above: float
    ) -> assign.Assigned:
        """Return what geo.assign.assign returns."""

    def locate(self, points: geopandas.GeoSeries, areas: geopandas.GeoSeries) -> pandas.DataFrame:
        """Return what geo.locate.locate returns."""


def compound_answers(assigned: assign.Assigned, rule: Rule) -> Answers:
    """Return who answers for compounds, with every share; ``assigned`` is what ``assign`` says of them."""
    shares = assigned.shares.rename(columns={"site": "code", "area": "street_office_code"})
    return Answers({row.Index: _compound(row, rule) for row in assigned.main.itertuples()}, shares)


def _compound(row: NamedTuple, rule: Rule) -> dict:
    low = row.area is not None and round(row.share, _DIGITS) < rule.main_share_below
    reasons = [name for name, holds in (("several_offices", row.border), ("low_share", low)) if holds]
    method = "none" if row.share == 0 else "containment" if row.share == 1 else "largest_share"
    return _answer(row.area, method, reasons, share=row.share, outside=row.outside, claimed_twice=row.overlap)


def _answer(office: str | None, method: str, reasons: list[str], **told: object) -> dict:
    said = {
        "street_office_code": office,
        "computed": office,
        "method": method,
        "border": int(bool(reasons)),
        "border_reason": ",".join(name for name in REASONS if name in reasons) if reasons else None,
    }
    return {**_NOBODY, **said, **told}


def point_answers(
    points: geopandas.GeoSeries, offices: geopandas.GeoSeries, located: pandas.DataFrame, rule: Rule
) -> Answers:
    """Return who answers for points; ``located`` is what ``locate`` says of them."""
    several = located["several"].to_numpy()
    claims = borders.candidates(points[several], offices)
    nowhere = located["area"].isna().to_numpy()
    near = locate.nearest(points[nowhere], offices)
    edges = _edges(points, offices, rule)
    rows = {}
    for code, area in located["area"].items():
        if area is None:
            rows[code] = _nobody(near.loc[code], code in edges, rule)
        else:
            rows[code] = _inside(area, claims.get(code), code in edges)
    return Answers(rows, pandas.DataFrame(columns=["code", "street_office_code", "area_m2", "share"]))


def _edges(points: geopandas.GeoSeries, offices: geopandas.GeoSeries, rule: Rule) -> set[str]:
    """Return the codes of the points within the rule's distance of a boundary."""
    if not rule.edge_m:
        return set()
    return set(borders.edge_distances(points, offices, rule.edge_m).dropna().index)


def _inside(area: str, claims: tuple[str, ...] | None, near_edge: bool) -> dict:
    reasons = ["near_edge"] if near_edge else []
    if claims is not None:
        reasons = ["several_candidates"] if len(claims) > 1 else ["on_edge"]
    told = canonical(list(claims)) if claims else None
    return _answer(area, "containment", reasons, share=1.0, outside=0.0, candidates=told)


def _nobody(near: pandas.Series, near_edge: bool, rule: Rule) -> dict:
    """Return the answer for a point in no office: the nearest where the rule allows, else none."""
    metres = None if numpy.isnan(near.distance_m) else float(near.distance_m)
    told = {"nearest_code": near.area, "nearest_m": metres}
    if metres is not None and metres <= rule.tolerance_m and rule.tolerance_m > 0:
        return _answer(near.area, "nearest", ["near_edge"] if near_edge else [], **told)
    return _answer(None, "none", [], **told)
