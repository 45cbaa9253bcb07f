"""The district map: the page, its rail and panel, and the layers and counts it draws from."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, render_template, request, url_for
from flask_babel import gettext

from geo.errors import RequestError
from layers import changes, chronicle, classes, figures, lookup, service, validity, writing
from layers.boxes import Box
from layers.catalogue import COMPOUNDS, STATES
from layers.conditions import CLASSES
from layers.districts import district_of
from layers.facts import compound_facts
from layers.figures import PROGRAMME_BEFORE
from layers.kept import Kept
from layers.mapping import TRIMMED, told_of
from layers.people import visible
from layers.querying import BESIDE, FILTERS, Query
from layers.stages import STAGES
from layers.store import Store
from webmap import access, colourings, drawing, grounds, lasting, palette, streams, tooltexts, viewing, words
from webmap.assets import asset_path

blueprint = Blueprint("districtmap", __name__)

#: The layers of the map in the order they are switched on and off.
SHOWN = ("compounds", "illegal_structures", "street_offices", "facilities", "backdrop")
#: Those switched on unless the address says otherwise.
USUAL = ("compounds", "illegal_structures", "street_offices", "backdrop")
#: Those that may hold so much that only what the view holds is sent, and is drawn from tiles.
TILED = ("compounds", "illegal_structures", "facilities")
MOST_LISTED = 200
#: So much of its history the panel tells of a compound.
MOST_EVENTS = 12
#: Facts the panel tells first, one that is told even when unknown, and those with another place.
IN_SHORT = ("floor_area_m2", "households", "buildings", "built_year")
ASKED_DAILY = {"land_area_m2"}
TOLD_ELSEWHERE = {"code", "name", "stage", "plan_year", "border", *IN_SHORT} | {
    f"street_office_{part}" for part in ("code", "name", "share")
}

#: The figures of what was asked for last.
overviews: Kept[figures.Overview] = Kept(32)
#: What was said last of layers that are drawn from tiles, by the kind of rows seen and the address.
tiled: Kept[Mapping[str, object]] = Kept(64)


class Chip(NamedTuple):
    """A filter that came by a link: its name and value, what it says, and the page without it."""

    name: str
    value: str
    text: str
    without: str


class OtherDay(NamedTuple):
    """What the legend counts on the day of the map beside: compounds by class, structures by state."""

    on: date
    compounds: dict[str, int]
    structures: dict[str, int]


class Shown(NamedTuple):
    """What the rail tells.

    Figures, legend, what it counts on another day and what changed between the two, filters without a
    control, of which kinds there may be gaps in service and how many of the one asked for, exports,
    layers shown.
    """

    overview: figures.Overview
    legend: colourings.Legend
    beside: OtherDay | None
    changes: changes.Changes | None
    structures: dict[str, figures.StateCount]
    states: tuple[str, ...]
    chips: tuple[Chip, ...]
    categories: dict[str, str]
    cleared: str
    gap_kinds: tuple[str, ...]
    gaps: service.Served | None
    exports: dict[str, str]
    layers: frozenset[str]

    @property
    def many_offices(self) -> bool:
        """Whether there are more street offices than a list or a view of all of them can hold."""
        return len(self.overview.offices) > viewing.MOST_OFFICES


@blueprint.get("/")
def page() -> str:
    """Return the district map, or with ``part=rail`` only the rail that counts."""
    district = district_of(access.still())
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    shown = _shown()
    if request.args.get("part") == "rail":
        return render_template("_rail.html", shown=shown, colourings=colourings.names(), args=request.args)
    chosen = request.args.get("compound")
    config = _config(district.bounds, _viewed(shown))
    drawn = drawing.draw(district.bounds, config, _static)
    return render_template(
        "districtmap.html",
        district=district,
        shown=shown,
        colourings=colourings.names(),
        args=request.args,
        on=access.reference_date(),
        beside=access.asked_day("beside"),
        quarter_before=_quarter_before(access.reference_date()),
        **(_told(chosen) if chosen else {"facts": None}),
        map=drawing.parts(drawn, access.nonce()),
        script=url_for(".script", v=lasting.word_of(lasting.map_script().encode())),
        first=[asked["url"] for asked in config["first"].values() if asked["said"] is None],
        tile_script=config["addresses"]["tile_script"] if _is_tiled(shown, district.bounds) else None,
    )


@blueprint.get("/map/script.js")
def script() -> Response:
    """Return the script of the map."""
    content = lasting.map_script().encode()
    return lasting.lasting(Response(content, mimetype="text/javascript"), lasting.word_of(content))


@blueprint.get("/map/<layer>.geojson")
def features(layer: str) -> Response:
    """Return the features of one layer that the filters leave, with what the map needs of each."""
    if layer not in TRIMMED:
        raise RequestError(
            "No layer is called %(layer)s; the layers are %(layers)s.", layer=layer, layers=", ".join(TRIMMED)
        )
    if layer == "backdrop":
        access.check_arguments("lang")
        access.repeatable(None, "", "backdrop")
        return streams.answer(access.tag("", "backdrop"), grounds.backdrop, viewing.WHOLE)
    also = (*viewing.ARGUMENTS, "fine") if layer == "street_offices" else viewing.ARGUMENTS
    asked, sight = access.query(layer, *also), visible(access.person(), layer)

    def make(still: Store) -> Iterator[bytes]:
        query, said = viewing.sent(still, sight, asked, _tiles(layer) if layer in TILED else None)
        if query is None:
            tiled.of(still, access.seen(kind, rests), (kind, request.full_path), lambda: said)
            return writing.feature_collection([], matched=0, extra=said)
        if layer == "street_offices":
            return grounds.offices(still, access.person(), query, said)
        return streams.collected(still, sight, query, told_of(layer), viewing.DECIMALS, said).pieces

    layer_seen, kind, rests = access.basis(asked, sight)
    access.repeatable(layer_seen, kind, *rests)
    return streams.answer(access.tag(kind, *rests), make, viewing.WHOLE)


def _tiles(layer: str) -> str:
    """Return the template of the addresses of the tiles with what is asked for, in words of its own."""
    place = url_for("tiles.tile", layer=layer, z=0, x=0, y=0).replace("0/0/0", "{z}/{x}/{y}")
    asked = {n: v for n, v in request.args.items() if v and n not in (*viewing.ARGUMENTS, "lang")}
    return f"{place}?{urlencode(asked)}" if asked else place


@blueprint.get("/map/compounds.json")
def listed() -> Response:
    """Return a page of the compounds that a view holds, in order of code: what the map is told of each."""
    also = ("bbox", "after")
    asked, sight = access.query("compounds", *also), visible(access.person(), "compounds")
    page = replace(asked, box=viewing.box(), limit=MOST_LISTED + 1, after=request.args.get("after"))
    rows = list(access.still().rows(sight, page, shapes=False))
    told = told_of("compounds")
    found = [told(row) for row in rows[:MOST_LISTED]]
    more = len(rows) > MOST_LISTED
    return access.tagged(jsonify(rows=found, more=more), access.tag_of(asked, sight))


@blueprint.get("/map/overview.json")
def overview() -> Response:
    """Return the figures of the filters as JSON."""
    found = _overview(access.query("compounds"))
    kind = visible(access.person(), "illegal_structures").kind
    tag = access.tag(kind, *FILTERS)
    return access.tagged(jsonify({**asdict(found), "on": found.on.isoformat()}), tag)


@blueprint.get("/compounds/<path:code>")
def compound(code: str) -> str:
    """Return the page of one compound, or with ``part=panel`` only the facts for the map's panel."""
    access.check_arguments("part", "on", "lang")
    told, on = _told(code), access.reference_date()
    if request.args.get("part") == "panel":
        return render_template("_panel.html", **told, on=on)
    district = district_of(access.still())
    return render_template("compound.html", **told, on=on, district=district)


def _told(code: str) -> dict:
    """Return what the panel tells of a compound: its facts, and which of its fields are listed."""
    store, person, on = access.still(), access.person(), access.reference_date()
    facts = compound_facts(store, person, code, on)
    known = {name for name, value in facts.properties.items() if value is not None}
    listed = [f.name for f in COMPOUNDS.fields if f.name in (known | ASKED_DAILY) - TOLD_ELSEWHERE]
    return {
        "facts": facts,
        "answer": lookup.answer_shown(store, person, "compounds", code, on),
        "events": chronicle.events(store, person, code),
        "MOST_EVENTS": MOST_EVENTS,
        "in_short": [name for name in IN_SHORT if name in facts.properties],
        "fields": [name for name in listed if name in facts.properties],
    }


def _overview(asked: Query) -> figures.Overview:
    """Return the figures of what is asked for, counted again when a layer has changed."""
    still, person = access.still(), access.person()
    kind = visible(person, "illegal_structures").kind
    rests = access.seen(kind, FILTERS)
    return overviews.of(still, rests, (kind, asked), lambda: figures.overview(still, person, asked))


def _shown() -> Shown:
    asked = access.page_query("compounds")
    # The other layers' filters are part of the same address: a wrong one is told here, not on the map.
    for layer in BESIDE:
        access.page_query(layer)
    still, person = access.still(), access.person()
    found = _overview(asked)
    legend = colourings.legend(still, person, asked, found, colourings.asked())
    other, changed, beside = access.asked_day("beside"), None, None
    if other is not None:
        changed = changes.changes(still, person, asked, other)
        legend, beside = _beside(legend, other)
    sight = visible(person, "illegal_structures")
    states = tuple(state for state in STATES if sight.states is None or state in sight.states)
    structures = {s.state: s for s in found.structures}
    categories = {one: colourings.category_label(one) for one in classes.categories(still)}
    chips = tuple(_chips(categories, legend))
    return Shown(
        found,
        legend,
        beside,
        changed,
        structures,
        states,
        chips,
        categories,
        _cleared(),
        service.kinds(still),
        service.served(still, person, asked, kind) if (kind := request.args.get("gaps")) else None,
        _exports(),
        _switched_on(),
    )


def _beside(legend: colourings.Legend, other: date) -> tuple[colourings.Legend, OtherDay]:
    """Return the legend with what only another day has, and what there is of each on that day."""
    asked = access.page_query("compounds", other)
    found = _overview(asked)
    then = colourings.legend(access.still(), access.person(), asked, found, legend.colouring)
    known = {entry.code for entry in legend.entries}
    more = (entry._replace(compounds=0, late=0, finished=0) for entry in then.entries)
    every = (*legend.entries, *(entry for entry in more if entry.code not in known))
    counted = {entry.code: entry.compounds for entry in then.entries}
    structures = {state.state: state.structures for state in found.structures}
    return legend._replace(entries=every), OtherDay(other, counted, structures)


def _cleared() -> str:
    """Return the page without any filter, "" where there is none."""
    asked = [name for name in request.args if name in access.PAGE_FILTERS and request.args[name]]
    return access.here(**dict.fromkeys(asked)) if asked else ""


def _quarter_before(day: date) -> date:
    """Return the last day of the quarter before that of a day: with it one compares by habit."""
    return date(day.year, day.month - (day.month - 1) % 3, 1) - timedelta(days=1)


def _is_tiled(shown: Shown, bounds: Box) -> bool:
    """Return whether the first picture is of all of a layer that surely holds more than is sent whole."""
    if viewing.first_box(bounds) is None:
        return False
    many = {
        "compounds": shown.overview.matched.compounds,
        "illegal_structures": sum(counted.structures for counted in shown.structures.values()),
    }
    return any(layer in shown.layers and number > viewing.FEW for layer, number in many.items())


def _viewed(shown: Shown) -> dict[str, dict[str, int]]:
    """Return the layers of which only what the view holds is sent, each with what is asked of it besides."""
    viewed = {layer: {"few": viewing.FEW} for layer in TILED}
    if shown.many_offices:
        viewed["street_offices"] = {"few": viewing.MOST_OFFICES, "fine": viewing.FINEST}
    return viewed


def _first(bounds: Box, views: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, object]]:
    """Return what the first picture asks for, by layer: the address, the box it is about, and the answer.

    Told in the page, it is asked for before any script runs; what is said of tiles is told at once.
    """
    box, on, asked = viewing.first_box(bounds), _switched_on(), {}
    for layer in SHOWN:
        viewed = layer in views
        if layer not in on or (viewed and box is None):
            continue
        told = {} if layer == "backdrop" else _asked({"on": "on", **BESIDE[layer]})
        if viewed:
            told |= {"bbox": ",".join(map(str, box)), **views[layer]}
        elif layer == "street_offices" and box is not None:
            told |= {"fine": viewing.FINE}
        url = url_for(".features", layer=layer, **told)
        asked[layer] = {
            "url": url,
            "box": box if viewed else None,
            "said": _said(layer, url) if viewed else None,
        }
    return asked


def _said(layer: str, url: str) -> Mapping[str, object] | None:
    """Return what an address says of a layer that is drawn from tiles: nobody need ask it then.

    None where features are sent, or where nobody has asked since the layer has changed.
    """
    _, kind, rests = access.basis(access.page_query(layer), visible(access.person(), layer))
    return tiled.known(access.still(), access.seen(kind, rests), (kind, url))


def _switched_on() -> frozenset[str]:
    asked = request.args.get("layers")
    return frozenset(_usual() if asked is None else asked.split(","))


def _usual() -> tuple[str, ...]:
    # A base map shows the streets itself.
    left_out = ("backdrop",) if current_app.config.get("BASEMAP") else ()
    return tuple(layer for layer in USUAL if layer not in left_out)


def _chips(categories: Container[str], legend: colourings.Legend) -> Iterator[Chip]:
    shown = {entry.code for entry in legend.entries}
    for name, value in request.args.items():
        held = value in (categories if name == "work_category" else shown if name == legend.colouring else ())
        text = _chip_text(name, value) if value and not held else None
        if text is not None:
            yield Chip(name, value, text, access.here(**{name: None}))


def _chip_text(name: str, value: str) -> str | None:
    """Return what a filter says, or None where the rail has a control that shows it."""
    if name in CLASSES:
        return gettext("%(colouring)s: %(name)s", **colourings.class_label(name, value))
    if name == "uncovered":
        return gettext("Outside the reach of: %(kind)s", kind=words.kind_label(value))
    if name == "outside_plan":
        return gettext("Not in the plan of %(year)s", year=value)
    if name == "border" and value != "1":
        return gettext("Not across a border")
    if name == "late" and value != "1":
        return gettext("Not late")
    if name == "work_category":
        return gettext("Work category: %(category)s", category=value)
    if name == "without_sites" and value == "1":
        return gettext("Street offices without any compound")
    if name == "without_sites":
        return gettext("Street offices with compounds")
    if name == "code":
        return gettext("Code: %(code)s", code=value)
    if name == "built_before" and value != str(PROGRAMME_BEFORE):
        return gettext("Built before %(year)s", year=value)
    return None


def _exports() -> dict[str, str]:
    """Return layer → address of the export of what is shown of it."""
    return {
        layer: url_for("downloads.export", layer=layer, **_asked({"on": "on", **BESIDE[layer]}))
        for layer in SHOWN
        if layer in BESIDE
    }


def _asked(called: Mapping[str, str]) -> dict[str, str]:
    """Return what the address asks for, as it is called elsewhere."""
    return {its: request.args[name] for name, its in sorted(called.items()) if request.args.get(name)}


def _static(path: str) -> str:
    return url_for("static", filename=path)


def _config(bounds: Box, viewed: Mapping[str, Mapping[str, int]]) -> dict:
    """Return what the map's script is told. No name out of the record is in it."""
    return {
        "bounds": bounds,
        "addresses": {
            "page": url_for(".page"),
            "search": url_for("finding.search"),
            "here": url_for("finding.here"),
            "compound": url_for(".compound", code="CODE"),
            "classes": url_for("mapdays.coloured"),
            "months": url_for("mapdays.played"),
            "gaps": url_for("gaplayer.gaps"),
            "layers": {layer: url_for(".features", layer=layer) for layer in SHOWN},
            "list": url_for(".listed"),
            "tile_script": _static(asset_path("protomaps_leaflet")),
        },
        "first": _first(bounds, viewed),
        "viewed": viewed,
        "usual": _usual(),
        "names": {layer: words.layer_label(layer) for layer in BESIDE},
        "filters": {layer: dict(sorted(BESIDE.get(layer, {}).items())) for layer in SHOWN},
        **_looks(),
        "backdrop": dict(palette.BACKDROP),
        "late": palette.LATE,
        "chosen": palette.CHOSEN,
        "ink": palette.INK,
        "tile": palette.TILE,
        "settled": _settled(),
        "gap": {"colour": palette.GAP_ON_MAP, "ink": palette.GAP_LINE, "path": palette.PATTERNS["diagonal"]},
        "texts": _texts(),
    }


def _settled() -> bool:
    """Return whether street offices and their answers are on two days that stand side by side the same."""
    if not request.args.get("beside"):
        return True
    with access.still().reading() as connection:
        return validity.settled(connection)


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
        "unknown": gettext("unknown"),
        "failed": gettext("The map could not be loaded."),
        "partly": gettext("Part of the map could not be loaded."),
        "retry": gettext("Try again"),
        "zoom_in": gettext("Zoom in"),
        "zoom_out": gettext("Zoom out"),
        "whole": gettext("Whole district"),
        "map": gettext("Map of the district; the list below the filters tells the same in words"),
        "no_compounds": gettext("No compound matches these filters."),
        "area_unit": gettext("m²"),
        "radius": gettext("reach"),
        "no_sites": gettext("no compound"),
        "play": gettext("Play the months"),
        "pause": gettext("Pause"),
        "plan": gettext("plan of %(year)s", year="YEAR"),
        "to_come": gettext("yet to come, as recorded today"),
        "together": gettext("Close together:"),
        "homes_out": gettext("out of reach: %(households)s households"),
        "land_out": gettext("out of reach: %(area)s m²"),
        "more_in_view": gettext("Show more"),
        "nothing_in_view": gettext("No compound in this view."),
        **tooltexts.texts(),
    }
