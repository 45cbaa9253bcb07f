"""Border cases as a work list and one by one, with the form to decide them.

The commands ``assign``, ``decide``, ``record`` and ``rule`` are here too.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

import click
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import gettext

from geo.errors import ConflictError, NotFoundError, RequestError
from layers import cases, duty, figures, lookup, ruling
from layers.cases import Case
from layers.people import OPERATOR, Person, may, visible
from layers.querying import Query
from layers.scene import scene
from webmap import access, casemap, forms, wording, words
from webmap.access import store
from webmap.commands import Command, Option, step, tell
from webmap.words import layer_label

blueprint = Blueprint("duties", __name__, cli_group=None)


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
    return {case.code: casemap.looks(_offices_of(case)) for case in shown}


def _offices_of(case: Case) -> Iterator[str]:
    """Yield the offices that a case is about: those that share it, claim it or are nearest to it."""
    yield from (share.code for share in case.shares)
    yield from case.candidates
    yield from (code for code in (case.computed, case.street_office_code, case.nearest_code) if code)


@blueprint.get("/duties/<layer>/<path:code>")
def case(layer: str, code: str) -> str:
    """Return the page of one case: map, shares, what was decided, and the form."""
    access.check_arguments("done", "lang")
    return _case_page(layer, code)


def _case_page(layer: str, code: str, error: RequestError | None = None) -> str:
    person = access.person()
    found = cases.one_case(store(), person, layer, code)
    around = scene(store(), person, layer, code)
    near = [*_offices_of(found), *(area.code for area in around.areas)]
    shown = casemap.looks(near)
    title = gettext("Map of %(site)s and the street offices around it", site=found.name or code)
    district = store().district()
    listed = figures.offices(store(), person, district.reference_date)
    return render_template(
        "duties_case.html",
        district=district,
        case=found,
        looks=shown,
        names={office.code: office.name for office in listed},
        picture=casemap.case_svg(around, shown, title),
        choices=_choices(near, listed),
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
    asked = Query(layer=layer, on=store().district().reference_date, code=code)
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


@blueprint.cli.command("assign", cls=Command)
def assign() -> None:
    """Assign every site to its street office anew and say how many answers changed."""
    for layer, count in duty.assign_all(store(), OPERATOR, step).items():
        tell("%(layer)s: %(count)s changed", layer=layer_label(layer), count=count)


@blueprint.cli.command("rule", cls=Command)
@click.option(
    "--border-above",
    cls=Option,
    type=float,
    help="A compound is a border case when other offices hold more of it than this share.",
)
@click.option(
    "--main-share-below",
    cls=Option,
    type=float,
    help="Or when its main office holds less of it than this share (0: not asked).",
)
@click.option(
    "--edge-m",
    cls=Option,
    type=float,
    help="A point is a border case within so many metres of a boundary (0: on it).",
)
@click.option(
    "--tolerance-m",
    cls=Option,
    type=float,
    help="A point in no office belongs to the nearest within so many metres (0: to none).",
)
def rule(**values: float | None) -> None:
    """Set by which thresholds sites are assigned, and assign them anew; or show them."""
    wanted = {name: value for name, value in values.items() if value is not None}
    found = duty.set_rule(store(), OPERATOR, **wanted)
    for name in ruling.NAMES:
        click.echo(f"--{name.replace('_', '-')} {getattr(found, name):g}")


@blueprint.cli.command("decide", cls=Command)
@click.argument("code")
@click.argument("office", required=False)
@click.option("--reason", cls=Option, default="", help="Why; it is kept in the record.")
@click.option(
    "--layer", cls=Option, default="compounds", help="The layer of the site (by default compounds)."
)
@click.option("--withdraw", cls=Option, is_flag=True, help="Take the decision back: the rule's answer holds.")
def decide(code: str, office: str | None, reason: str, layer: str, withdraw: bool) -> None:
    """Decide which street office answers for a site, whatever the rule says.

    The decision holds until the site's outline or what the street offices' boundaries say of it
    changes; then it is for review. To decide again is to confirm it.
    """
    if withdraw == (office is not None):
        raise RequestError("Name the street office that answers, or --withdraw the decision.")
    if withdraw:
        cases.withdraw(store(), OPERATOR, layer, code, reason)
    else:
        cases.decide(store(), OPERATOR, layer, code, office, reason)
    _print_answer(lookup.answers(store(), OPERATOR, layer, code)[0])


@blueprint.cli.command("record", cls=Command)
@click.argument("code")
@click.option(
    "--layer", cls=Option, default="compounds", help="The layer of the site (by default compounds)."
)
@click.option(
    "--on", "day", cls=Option, type=click.DateTime(["%Y-%m-%d"]), help="Who answered at the end of this day."
)
def record(code: str, layer: str, day: datetime | None) -> None:
    """Show who answers for a site and why, and who did before; or who did on a day."""
    if day is None:
        for answer in lookup.answers(store(), OPERATOR, layer, code):
            _print_answer(answer)
        return
    answer = lookup.answer_on(store(), OPERATOR, layer, code, day.date())
    if answer is None:
        tell("%(code)s: nothing was on record on %(day)s.", code=code, day=day.date().isoformat())
    else:
        _print_answer(answer)


def _print_answer(answer: lookup.Answer) -> None:
    tell(
        "%(code)s: %(office)s — %(method)s, edition %(edition)s, since %(at)s, by %(person)s",
        code=answer.code,
        office=wording.office_named(answer.street_office_code, answer.street_office_name),
        method=wording.method_label(answer.method),
        edition=answer.edition_id,
        at=wording.moment(answer.at),
        person=answer.person or "–",
    )
    for line in _answer_lines(answer):
        click.echo(f"  {line}")


def _answer_lines(answer: lookup.Answer) -> Iterator[str]:
    """Yield what is told of an answer besides who it is."""
    if answer.until is not None:
        yield gettext("until %(at)s", at=wording.moment(answer.until))
    for share in answer.shares:
        yield f"{wording.office_named(share.code, share.name)}: {words.percent(share.share)}"
    if answer.nearest_m is not None:
        metres = f"{answer.nearest_m:.1f}"
        yield gettext("nearest is %(office)s, %(metres)s m away", office=answer.nearest_code, metres=metres)
    for reason in answer.reasons:
        yield wording.border_reason(reason)
    if answer.decision is not None:
        yield gettext(
            "decided upon: %(office)s (%(state)s), because: %(reason)s",
            office=answer.decision.street_office_code,
            state=wording.case_state(answer.decision.state),
            reason=answer.decision.reason,
        )
