"""Decisions of people about who answers for a site, and whether they still stand.

A decision rests on its *ground*: the outline of the site, and what the street offices' edition
says of it: the code list, and which offices hold how much of it (for a point: which ones hold it,
else which one is nearest). While the ground is what it was, the decision is the answer, however
often sites are assigned anew. When it has changed the decision is for *review*: it stays the
answer, and is listed, until somebody confirms, changes or withdraws it; and when the ground comes
back to what it was, so does the decision. Where its office is no longer in the edition nobody answers.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

import geopandas
import shapely
from sqlalchemy import Connection, bindparam, select, update

from geo import borders
from layers import driving, tables
from layers.answering import REASONS, Answers
from layers.history import canonical
from layers.work import Work

#: Shares that differ by less are the same: rounding, not another boundary.
SAME_SHARE = 1e-6

_made = tables.decisions.c


def ground(
    layer: str, shape: shapely.Geometry, row: Mapping, parts: Mapping[str, float], code_list: str
) -> dict:
    """Return what a decision rests on.

    Args:
        layer: the site's layer.
        shape: the site.
        row: the rule's answer for it.
        parts: the share of each street office in it (for a point, 1 for each that holds it).
        code_list: the list the offices' codes come from.
    """
    return {
        "layer": layer,
        "shape": hashlib.sha256(shapely.to_wkb(shape)).hexdigest(),
        "code_list": code_list,
        "offices": dict(sorted(parts.items())),
        "nearest": row["nearest_code"],
    }


def same_ground(one: Mapping, other: Mapping) -> bool:
    """Return whether two grounds are the same, but for rounding in the shares.

    >>> ground = {"shape": "9f", "offices": {"a": 0.6, "b": 0.4}}
    >>> same_ground(ground, {"shape": "9f", "offices": {"a": 0.6000000001, "b": 0.3999999999}})
    True
    >>> same_ground(ground, {"shape": "9f", "offices": {"a": 0.61, "b": 0.39}})
    False
    """
    left, right = one["offices"], other["offices"]
    if {**one, "offices": None} != {**other, "offices": None} or left.keys() != right.keys():
        return False
    return all(abs(left[code] - right[code]) <= SAME_SHARE for code in left)


_MADE = select(_made.code).where(_made.layer == bindparam("layer"), _made.code == bindparam("code"))


def is_decided(connection: Connection, layer: str, code: str) -> bool:
    """Return whether somebody decided who answers for a site, whatever became of the decision."""
    return bool(driving.fetch(connection, _MADE, {"layer": layer, "code": code}).rows)


def decisions(connection: Connection, layer: str) -> dict[str, dict]:
    """Return the decisions about a layer's sites, by code."""
    d = tables.decisions
    found = connection.execute(select(d).where(d.c.layer == layer)).mappings()
    return {row["code"]: dict(row) for row in found}


def grounds(
    layer: str,
    sites: geopandas.GeoSeries,
    answers: Answers,
    offices: geopandas.GeoSeries,
    code_list: str,
) -> dict[str, dict]:
    """Return the ground on which a decision about each of the sites would rest, by code."""
    if layer == "compounds":
        parts = {code: {office: share for office, _, share in held} for code, held in answers.shares.items()}
    else:
        points = geopandas.GeoSeries(shapely.point_on_surface(sites.values), sites.index, crs=sites.crs)
        claims = borders.candidates(points, offices)
        parts = {code: dict.fromkeys(codes, 1.0) for code, codes in claims.items()}
    return {
        code: ground(layer, shape, answers.rows[code], parts.get(code, {}), code_list)
        for code, shape in sites.items()
    }


def decided(row: Mapping, decision: Mapping, found: Mapping, known: bool) -> dict:
    """Return the answer where a decision was made: the rule's row with the office decided upon.

    ``found`` is the ground as it is now; ``known`` whether the edition has that office.
    """
    office = decision["street_office_code"]
    if known:
        return {
            **row,
            "street_office_code": office,
            "share": found["offices"].get(office, 0.0),
            "method": "manual",
        }
    reasons = {*(row["border_reason"] or "").split(","), "office_gone"}
    told = ",".join(reason for reason in REASONS if reason in reasons)
    gone = {"street_office_code": None, "share": 0.0, "method": "manual", "border": 1}
    return {**row, **gone, "border_reason": told}


def state(decision: Mapping, found: Mapping, known: bool) -> str:
    """Return whether a decision stands (decided) or is for review."""
    return "decided" if known and same_ground(json.loads(decision["ground"]), found) else "review"


class Overlaid(NamedTuple):
    """Answers with the decisions put over them, and the decisions whose state turned, with the new one."""

    answers: Answers
    turned: list[tuple[dict, str]]


def overlay(
    connection: Connection,
    layer: str,
    sites: geopandas.GeoSeries,
    answers: Answers,
    offices: geopandas.GeoSeries,
    code_list: str,
) -> Overlaid:
    """Return the answers with the decisions put over what the rule says; nothing is written."""
    made = {code: d for code, d in decisions(connection, layer).items() if code in answers.rows}
    if not made:
        return Overlaid(answers, [])
    found = grounds(layer, sites.loc[sites.index.isin(list(made))], answers, offices, code_list)
    rows, turned = dict(answers.rows), []
    for code, decision in made.items():
        known = decision["street_office_code"] in offices.index
        rows[code] = decided(rows[code], decision, found[code], known)
        if (now := state(decision, found[code], known)) != decision["state"]:
            turned.append((decision, now))
    return Overlaid(Answers(rows, answers.shares), turned)


def turn(work: Work, decision: Mapping, state: str) -> None:
    """Write down that a decision is for review, or stands again."""
    d = tables.decisions
    same = d.c.layer == decision["layer"], d.c.code == decision["code"]
    work.connection.execute(update(d).where(*same).values(state=state))
    action = "review" if state == "review" else "stand"
    work.log(action, decision["layer"], code=decision["code"], before=decision["state"], after=state)


def said(decision: Mapping) -> dict:
    """Return what the history tells of a decision."""
    return {
        "street_office_code": decision["street_office_code"],
        "reason": decision["reason"],
        "ground": json.loads(decision["ground"]),
    }


def put(work: Work, layer: str, code: str, office: str, reason: str, found: Mapping) -> None:
    """Write a decision in the place of the one there may be, with history."""
    before = decisions(work.connection, layer).get(code)
    row = {
        "layer": layer,
        "code": code,
        "street_office_code": office,
        "reason": reason,
        "state": "decided",
        "ground": canonical(found),
        "at": work.at,
        "person": work.person.name,
    }
    work.remove(tables.decisions, [{"layer": layer, "code": code}])
    work.insert(tables.decisions, [row])
    work.log("decide", layer, code=code, before=before and said(before), after=said(row))


def take_back(work: Work, decision: Mapping, reason: str) -> None:
    """Remove a decision, with history."""
    key = {name: decision[name] for name in ("layer", "code")}
    work.remove(tables.decisions, [key])
    work.log("withdraw", key["layer"], code=key["code"], before=said(decision), after={"reason": reason})
