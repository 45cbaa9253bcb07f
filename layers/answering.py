"""What the rule says of sites: who would answer for each, worked out and not yet written.

Compounds go to the office with the largest share; points to the lowest code among the offices
whose closed area holds them, or, where the rule allows it, to the nearest one.
"""

from collections import defaultdict
from collections.abc import Iterable
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


class Answers(NamedTuple):
    """Answers by code (the columns of TOLD), and by code the shares they rest on (none for points).

    ``shares`` are (street office, m², share), in order of the offices' codes.
    """

    rows: dict[str, dict]
    shares: dict[str, list[tuple[str, float, float]]]


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
    columns = (assigned.shares[name].tolist() for name in ("site", "area", "area_m2", "share"))
    rows = {row.Index: compound_answer(row, rule) for row in assigned.main.itertuples()}
    return Answers(rows, by_code(zip(*columns, strict=True)))


def by_code(parts: Iterable[tuple[str, str, float, float]]) -> dict[str, list[tuple]]:
    """Return parts of (code, street office, m², share) as the ``shares`` of ``Answers``."""
    found = defaultdict(list)
    for code, *part in parts:
        found[code].append(tuple(part))
    return {code: sorted(parts) for code, parts in found.items()}


class Main(NamedTuple):
    """A row of ``Assigned.main``."""

    area: str | None
    share: float
    border: bool
    outside: float
    overlap: float


def compound_answer(row: Main, rule: Rule) -> dict:
    """Return the answer for a compound of which ``assign`` says this."""
    low = row.area is not None and round(row.share, assign.DIGITS) < rule.main_share_below
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
            rows[code] = nobody_answer(*near.loc[code], code in edges, rule)
        else:
            rows[code] = inside_answer(area, claims.get(code), code in edges)
    return Answers(rows, {})


def _edges(points: geopandas.GeoSeries, offices: geopandas.GeoSeries, rule: Rule) -> set[str]:
    """Return the codes of the points within the rule's distance of a boundary."""
    if not rule.edge_m:
        return set()
    return set(borders.edge_distances(points, offices, rule.edge_m).dropna().index)


def inside_answer(area: str, claims: tuple[str, ...] | None, near_edge: bool) -> dict:
    """Return the answer for a point in an office; ``claims`` are all that hold it, where it is in doubt."""
    reasons = ["near_edge"] if near_edge else []
    if claims is not None:
        reasons = ["several_candidates"] if len(claims) > 1 else ["on_edge"]
    told = canonical(list(claims)) if claims else None
    return _answer(area, "containment", reasons, share=1.0, outside=0.0, candidates=told)


def nobody_answer(nearest: str | None, distance_m: float, near_edge: bool, rule: Rule) -> dict:
    """Return the answer for a point in no office: the nearest where the rule allows, else none."""
    metres = None if numpy.isnan(distance_m) else float(distance_m)
    told = {"nearest_code": nearest, "nearest_m": metres}
    if metres is not None and metres <= rule.tolerance_m and rule.tolerance_m > 0:
        return _answer(nearest, "nearest", ["near_edge"] if near_edge else [], **told)
    return _answer(None, "none", [], **told)
