"""Who answers for what, at the command line: ``assign``, ``rule``, ``decide``, ``record`` and ``draw``."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import click
from flask import Blueprint
from flask_babel import gettext

from geo.errors import FormatError, RequestError
from layers import cases, duty, lookup, ruling, writing
from layers.people import OPERATOR
from layers.scene import scene
from webmap import casemap, wording, words
from webmap.access import store
from webmap.commands import Command, Option, data_folder, step, tell
from webmap.words import layer_label

blueprint = Blueprint("dutycommands", __name__, cli_group=None)

_LAYER = click.option(
    "--layer", cls=Option, default="compounds", help="The layer of the site (by default compounds)."
)


@blueprint.cli.command("assign", cls=Command)
@click.option(
    "--engine",
    cls=Option,
    type=click.Choice(["process", "dask"]),
    default="process",
    help="Who works it out: this process, or dask's workers.",
)
@click.option(
    "--scheduler", cls=Option, help="The address of a dask scheduler; without it this machine works."
)
@click.option(
    "--partitions",
    cls=Option,
    type=click.Path(path_type=Path),
    help="Assign the sites of this folder of GeoParquet partitions, not those of the store.",
)
def assign(engine: str, scheduler: str | None, partitions: Path | None) -> None:
    """Assign every site to its street office anew and say how many answers changed."""
    if engine == "dask":
        _assign_with_dask(scheduler, partitions)
    elif scheduler or partitions:
        raise RequestError("A scheduler and partitions are for --engine dask.")
    else:
        _tell_changed(duty.assign_all(store(), OPERATOR, step))


def _tell_changed(changed: Mapping[str, int]) -> None:
    for layer, count in changed.items():
        tell("%(layer)s: %(count)s changed", layer=layer_label(layer), count=count)


def _assign_with_dask(scheduler: str | None, folder: Path | None) -> None:
    try:
        from layers import batching  # with it comes dask, which not everybody installs
    except ModuleNotFoundError as error:
        raise RequestError("dask is not installed: run make dask first.") from error
    with batching.workers(scheduler) as client:
        if folder is None:
            engine = batching.Engine(client, data_folder("partitions"), _tell_progress)
            _tell_changed(duty.assign_all(store(), OPERATOR, step, engine))
            return
        done = batching.assign_folder(
            client,
            folder,
            batching.offices_for(folder, store()),
            batching.rule_of(store()),
            say=step,
            progress=_tell_progress,
        )
    for layer, receipts in done.items():
        count = sum(receipt.rows for receipt in receipts)
        tell("%(layer)s: %(count)s assigned", layer=layer_label(layer), count=count)


def _tell_progress(done: int, total: int) -> None:
    click.echo("· " + gettext("%(done)s of %(total)s partitions", done=done, total=total), err=True)


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
@_LAYER
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
@_LAYER
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


@blueprint.cli.command("draw", cls=Command)
@click.argument("code")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@_LAYER
def draw(code: str, file: Path, layer: str) -> None:
    """Draw a site with the street offices around it to an SVG file."""
    if file.suffix.lower() != ".svg":
        raise FormatError("%(file)s: a drawing is SVG; name it .svg.", file=file.name)
    found = cases.one_case(store(), OPERATOR, layer, code)
    around = scene(store(), OPERATOR, layer, code)
    picture = casemap.picture(found, around, wording.map_title(found))
    size = writing.publish(file, [casemap.text_of(picture.svg).encode()])
    tell("%(file)s: %(size)s bytes", file=file.name, size=size)


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
