"""The district map: the page, its rail and panel, and the layers and counts it draws from."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import NamedTuple

import shapely
from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext

from geo.errors import RequestError
from layers import figures, writing
from layers.catalogue import COMPOUNDS, STATES
from layers.people import visible
from layers.querying import FILTERS, Query
from layers.stages import STAGES
from layers.store import Row
from webmap import access, drawing, palette, words

blueprint = Blueprint("districtmap", __name__)

#: The layers of the map in the order they are switched on and off.
SHOWN = ("compounds", "illegal_structures", "street_offices", "facilities", "backdrop")
#: What the map needs of each layer's fields; everything else is told by the panel.
TRIMMED = {
    "compounds": (
        "code",
        "name",
        "stage",
        "street_office_name",
        "border",
        "floor_area_m2",
        "households",
        "plan_year",
    ),
    "illegal_structures": ("code", "state", "kind", "area_m2"),
    "street_offices": ("code", "name"),
    "facilities": ("code", "name", "kind", "radius_m"),
    "backdrop": ("kind", "name"),
}
#: Layers whose rows also change when these change.
_RESTS_ON = {
    "compounds": ("compounds", "street_offices", "facilities"),
    "illegal_structures": ("illegal_structures", "compounds", "street_offices"),
    "street_offices": ("street_offices", "compounds"),
    "facilities": ("facilities", "street_offices"),
    "backdrop": ("backdrop", "street_offices"),
}
#: Metres on the ground are told apart to the decimetre on screen at six decimals of a degree.
DECIMALS = 6
MOST_FOUND = 20
#: Facts that are told even when unknown, and those the panel tells in a place of their own.
ASKED_DAILY = {"built_year", "buildings", "households", "floor_area_m2", "land_area_m2"}
TOLD_ELSEWHERE = {"code", "name", "stage", "plan_year", "border"} | {
    f"street_office_{part}" for part in ("code", "name", "share")
}


class Chip(NamedTuple):
    """A filter that came by a link: what it says, and the address of the page without it."""

    text: str
    without: str


class Shown(NamedTuple):
    """What the rail tells: the figures for the filter, the filters without a control, the exports."""

    overview: figures.Overview
    structures: dict[str, figures.StateCount]
    states: tuple[str, ...]
    chips: tuple[Chip, ...]
    exports: dict[str, str]


@blueprint.get("/")
def page() -> str:
    """Return the district map, or with ``part=rail`` only the rail that counts."""
    district = access.store().district()
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    shown = _shown()
    if request.args.get("part") == "rail":
        return render_template("_rail.html", shown=shown, args=request.args)
    chosen = request.args.get("compound")
    drawn = drawing.draw(district.bounds, _config(district.bounds), _static)
    return render_template(
        "districtmap.html",
        district=district,
        shown=shown,
        args=request.args,
        on=access.reference_date(),
        **(_told(chosen) if chosen else {"facts": None}),
        map=drawing.parts(drawn, access.nonce()),
    )


@blueprint.get("/map/<layer>.geojson")
def features(layer: str) -> Response:
    """Return the features of one layer that the filters leave, with what the map needs of each."""
    if layer not in TRIMMED:
        raise RequestError(
            "No layer is called %(layer)s; the layers are %(layers)s.", layer=layer, layers=", ".join(TRIMMED)
        )
    asked = access.query(layer) if layer in FILTERS else None
    kind = visible(access.person(), layer).kind if asked else ""
    tag = access.tag(kind, *_RESTS_ON[layer])
    if request.if_none_match.contains_weak(tag):
        return access.tagged(Response(status=304), tag)
    return access.tagged(Response(_collection(layer, asked), mimetype="application/geo+json"), tag)


@blueprint.get("/map/overview.json")
def overview() -> Response:
    """Return the figures of the filters as JSON."""
    found = figures.overview(access.store(), access.person(), access.query("compounds"))
    kind = visible(access.person(), "illegal_structures").kind
    tag = access.tag(kind, *_RESTS_ON["compounds"], "illegal_structures")
    return access.tagged(jsonify({**asdict(found), "on": found.on.isoformat()}), tag)


@blueprint.get("/map/search.json")
def search() -> Response:
    """Return up to 20 compounds whose name or code holds ``q``, and whether there are more."""
    text = request.args.get("q", "").strip()
    if not text:
        return jsonify(found=[], more=False)
    store, sight = access.store(), visible(access.person(), "compounds")
    asked = Query(layer="compounds", on=access.query("compounds", "q").on, text=text)
    rows = list(_first(store.rows(sight, asked), MOST_FOUND + 1))
    found = [
        {
            "code": row.code,
            "name": row.properties["name"] or row.code,
            "office": row.properties["street_office_name"],
            "bounds": shapely.from_wkb(row.wkb).bounds,
        }
        for row in rows[:MOST_FOUND]
    ]
    return jsonify(found=found, more=len(rows) > MOST_FOUND)


@blueprint.get("/compounds/<path:code>")
def compound(code: str) -> str:
    """Return the page of one compound, or with ``part=panel`` only the facts for the map's panel."""
    template = "_compound.html" if request.args.get("part") == "panel" else "compound.html"
    district = access.store().district()
    return render_template(template, **_told(code), on=access.reference_date(), district=district)


def _told(code: str) -> dict:
    """Return what the panel tells of a compound: its facts, and which of its fields are listed."""
    facts = figures.facts(access.store(), access.person(), code, access.reference_date())
    known = {name for name, value in facts.properties.items() if value is not None}
    listed = [f.name for f in COMPOUNDS.fields if f.name in (known | ASKED_DAILY) - TOLD_ELSEWHERE]
    return {"facts": facts, "fields": [name for name in listed if name in facts.properties]}


def _first(rows: Iterator[Row], most: int) -> Iterator[Row]:
    for _, row in zip(range(most), rows, strict=False):
        yield row


def _collection(layer: str, asked: Query | None) -> Iterator[bytes]:
    store, person = access.store(), access.person()
    if asked is None:
        rows = list(store.backdrop())
        matched = len(rows)
    else:
        sight = visible(person, layer)
        matched, rows = store.count(sight, asked), store.rows(sight, asked)
    offices = _compounds_by_office(asked) if layer == "street_offices" else {}
    features = ((row.code, _trimmed(layer, row, offices), row.wkb) for row in rows)
    # The first piece is made here, so that an error in it is still told as an error.
    pieces = writing.feature_collection(features, matched=matched, decimals=DECIMALS)
    return chain([next(pieces)], pieces)


def _compounds_by_office(asked: Query) -> dict[str, int]:
    offices = figures.offices(access.store(), access.person(), asked.on)
    return {office.code: office.compounds for office in offices}


def _trimmed(layer: str, row: Row, offices: dict[str, int]) -> dict:
    known = {name: row.properties.get(name) for name in TRIMMED[layer]}
    if layer == "compounds":
        known |= {"finished": row.standing["finished"], "late": row.standing["late"]}
    if layer == "street_offices":
        # Where the name is written: the middle of the widest place, not of the outline's box.
        middle = shapely.maximum_inscribed_circle(shapely.from_wkb(row.wkb), tolerance=1e-4).coords[0]
        known |= {"compounds": offices.get(row.code, 0), "label_at": [round(x, DECIMALS) for x in middle]}
    return known


def _shown() -> Shown:
    asked = access.page_query("compounds")
    # The other layers' filters are part of the same address: a wrong one is told here, not on the map.
    for layer in FILTERS:
        access.page_query(layer)
    found = figures.overview(access.store(), access.person(), asked)
    sight = visible(access.person(), "illegal_structures")
    states = tuple(state for state in STATES if sight.states is None or state in sight.states)
    return Shown(found, {s.state: s for s in found.structures}, states, tuple(_chips()), _exports())


def _chips() -> Iterator[Chip]:
    args = request.args
    if args.get("uncovered"):
        kind = words.kind_label(args["uncovered"])
        yield Chip(gettext("Outside the reach of: %(kind)s", kind=kind), access.here(uncovered=None))
    if args.get("border") == "1":
        yield Chip(gettext("Across a border"), access.here(border=None))
    if args.get("without_sites") == "1":
        yield Chip(gettext("Street offices without any compound"), access.here(without_sites=None))
    if args.get("text"):
        yield Chip(gettext("Name or code: %(text)s", text=args["text"]), access.here(text=None))


def _exports() -> dict[str, str]:
    """Return layer → address of the export of what is shown of it."""
    asked = access.page_filters()
    day = {"on": request.args["on"]} if request.args.get("on") else {}
    return {
        layer: url_for("downloads.export", layer=layer, **day, **{n: asked[n] for n in asked if n in filters})
        for layer, filters in ((name, FILTERS[name]) for name in SHOWN if name in FILTERS)
    }


def _static(path: str) -> str:
    return url_for("static", filename=path)


def _config(bounds: tuple[float, float, float, float]) -> dict:
    """Return what the map's script is told. No name out of the record is in it."""
    return {
        "bounds": bounds,
        "addresses": {
            "page": url_for(".page"),
            "search": url_for(".search"),
            "compound": url_for(".compound", code="CODE"),
            "layers": {layer: url_for(".features", layer=layer) for layer in SHOWN},
        },
        "filters": {layer: sorted(FILTERS.get(layer, set()) - {"compound"}) for layer in SHOWN},
        **_looks(),
        "backdrop": dict(palette.BACKDROP),
        "late": palette.LATE,
        "ink": palette.INK,
        "tile": palette.TILE,
        "texts": _texts(),
    }


def _looks() -> dict[str, dict]:
    """Return how stages and states are drawn and what they are called, by code."""
    return {
        "stages": {
            code: {
                "label": words.stage_label(code),
                "colour": stage.colour,
                "path": palette.stage_path(code),
            }
            for code, stage in STAGES.items()
        },
        "states": {
            code: {"label": words.state_label(code), "colour": look.colour, "filled": look.filled}
            for code, look in palette.STATES.items()
        },
    }


def _texts() -> dict[str, str]:
    """Return the texts the map's script shows, in the reader's language."""
    return {
        "late": gettext("late"),
        "finished": gettext("finished, next stage not begun"),
        "unknown": gettext("unknown"),
        "failed": gettext("The map could not be loaded."),
        "retry": gettext("Try again"),
        "nothing": gettext("Nothing of this name or code."),
        "more": gettext("There are more; type more of the name."),
        "zoom_in": gettext("Zoom in"),
        "zoom_out": gettext("Zoom out"),
        "whole": gettext("Whole district"),
        "map": gettext("Map of the district; the list below the filters tells the same in words"),
        "no_compounds": gettext("No compound matches these filters."),
        "households": gettext("households"),
        "area_unit": gettext("m²"),
        "radius": gettext("reach"),
        "no_sites": gettext("no compound"),
    }
