"""Border cases as a work list and one by one, with the form to decide them."""

from collections.abc import Callable

from flask import Blueprint, Response, redirect, render_template, request, url_for

from geo.errors import ConflictError, NotFoundError, RequestError
from layers import cases, duty, figures, lookup
from layers.cases import Case
from layers.people import Person, may, visible
from layers.querying import Query
from layers.scene import scene
from webmap import access, casemap, forms, wording, words
from webmap.access import store

blueprint = Blueprint("duties", __name__)


#: Cases on one page of the list.
PAGE = 50


@blueprint.get("/duties")
def page() -> str:
    """Return the list of the cases, by layer, state and street office."""
    access.check_arguments("layer", "state", "street_office", "page", "lang")
    district = store().district()
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    person, number = access.person(), _page_number()
    asked = {name: request.args.get(name) or None for name in ("state", "street_office")}
    layer = request.args.get("layer", "compounds")
    listed = figures.offices(store(), person, district.reference_date)
    found = cases.border_cases(
        store(),
        person,
        layer,
        state=asked["state"],
        office=asked["street_office"],
        offset=(number - 1) * PAGE,
        limit=PAGE,
    )
    return render_template(
        "duties.html",
        district=district,
        layer=layer,
        layers=_counts(layer, found.counts, asked["street_office"]),
        asked=asked,
        found=found,
        number=number,
        pages=max(1, -(-_matched(found, asked["state"]) // PAGE)),
        offices=listed,
        names={office.code: office.name for office in listed},
        looks=_looks(found.page),
        decides=may(person, "decide"),
    )


def _page_number() -> int:
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text)):
        raise RequestError("%(value)s is no number of a page.", value=text)
    return int(text)


def _matched(found: cases.Cases, state: str | None) -> int:
    return sum(found.counts.values()) if state is None else found.counts[state]


def _counts(layer: str, counts: dict[str, int], office: str | None) -> dict[str, int]:
    """Return how many cases of each layer are still open, for the tabs."""

    def open_ones(name: str) -> int:
        if name != layer:
            told = cases.border_cases(store(), access.person(), name, office=office, limit=1).counts
        else:
            told = counts
        return told["review"] + told["undecided"]

    return {name: open_ones(name) for name in duty.SITES}


def _looks(shown: tuple[Case, ...]) -> dict[str, dict]:
    """Return of each case how its street offices are drawn."""
    return {case.code: casemap.looks(casemap.offices_of(case)) for case in shown}


@blueprint.get("/duties/<layer>/<path:code>")
def case(layer: str, code: str) -> str:
    """Return the page of one case: map, shares, what was decided, and the form."""
    access.check_arguments("done", "lang")
    return _case_page(layer, code)


def _case_page(layer: str, code: str, error: RequestError | None = None) -> str:
    person = access.person()
    found = cases.one_case(store(), person, layer, code)
    around = scene(store(), person, layer, code)
    picture = casemap.picture(found, around, wording.map_title(found))
    district = store().district()
    listed = figures.offices(store(), person, district.reference_date)
    return render_template(
        "duties_case.html",
        district=district,
        case=found,
        looks=picture.looks,
        names={office.code: office.name for office in listed},
        picture=picture.svg,
        choices=_choices(list(picture.looks), listed),
        steps=lookup.steps(store(), person, layer, code),
        properties=_properties(layer, code),
        error=None if error is None else words.told(error),
        decides=may(person, "decide"),
        longest=cases.LONGEST_REASON,
        follows=cases.next_case(store(), person, layer, code),
        done=_done(layer),
    )


def _done(layer: str) -> Case | None:
    """Return the case that was written before this one was shown, as the record has it."""
    try:
        return cases.one_case(store(), access.person(), layer, request.args["done"])
    except (KeyError, NotFoundError):
        return None


def _choices(near: list[str], listed: tuple[figures.Office, ...]) -> tuple[list, list]:
    """Return the street offices to choose from: first those near the case, then all others."""
    known = {office.code: office for office in listed}
    first = [known[code] for code in dict.fromkeys(near) if code in known]
    return first, [office for office in listed if office not in first]


def _properties(layer: str, code: str) -> dict[str, object]:
    asked = Query(layer=layer, on=store().day(), code=code)
    rows = store().rows(visible(access.person(), layer), asked, shapes=False)
    return next((row.properties for row in list(rows)), {})


@blueprint.post("/duties/<layer>/<path:code>/decision")
def make_decision(layer: str, code: str) -> Response | tuple[str, int]:
    """Write a decision down and go on to the next case; what is wrong is told beside the form."""
    office, reason, seen = (request.form.get(name, "") for name in ("street_office", "reason", "seen"))
    return _written(
        layer, code, lambda person: cases.decide(store(), person, layer, code, office, reason, seen)
    )


@blueprint.post("/duties/<layer>/<path:code>/withdrawal")
def withdraw_decision(layer: str, code: str) -> Response | tuple[str, int]:
    """Take a decision back and go on to the next case."""
    reason, seen = (request.form.get(name, "") for name in ("reason", "seen"))
    return _written(layer, code, lambda person: cases.withdraw(store(), person, layer, code, reason, seen))


def _written(layer: str, code: str, write: Callable[[Person], None]) -> Response | tuple[str, int]:
    access.check_arguments("lang")
    forms.check()
    person = access.person()
    try:
        write(person)
    except NotFoundError:
        raise
    except RequestError as error:
        return _case_page(layer, code, error), 409 if isinstance(error, ConflictError) else 400
    follows = cases.next_case(store(), person, layer, code)
    if follows is None:
        return redirect(url_for(".page", layer=layer), 303)
    return redirect(url_for(".case", layer=layer, code=follows, done=code), 303)
