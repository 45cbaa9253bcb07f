"""What the district sets itself: ``flask plan``, ``standards`` and ``describe``; stage moves come later."""

from datetime import date, datetime
from pathlib import Path

import click
from flask import Blueprint

from layers import progress, service
from layers.people import OPERATOR
from layers.standards import read_standards
from webmap.access import store
from webmap.commands import Command, Option, tell

blueprint = Blueprint("timetable", __name__, cli_group=None)


@blueprint.cli.command("plan", cls=Command)
@click.argument("file", type=click.Path(path_type=Path, readable=False))
def plan(file: Path) -> None:
    """Take over year plans, stage deadlines and targets from a TOML file."""
    changed = progress.set_timetable(store(), OPERATOR, progress.read_timetable(file))
    tell("The timetable was taken over." if changed else "The timetable says this already: nothing changed.")


@blueprint.cli.command("standards", cls=Command)
@click.argument("file", type=click.Path(path_type=Path, readable=False))
def standards(file: Path) -> None:
    """Take over the city's standards for facilities and its weights of need from a TOML file."""
    changed = service.set_standards(store(), OPERATOR, read_standards(file))
    tell("The standards were taken over." if changed else "The standards say this already: nothing changed.")


@blueprint.cli.command("describe", cls=Command)
@click.option("--name-zh", cls=Option, help="The district's Chinese name.")
@click.option("--name-en", cls=Option, help="The district's English name.")
@click.option(
    "--date",
    "day",
    cls=Option,
    type=click.DateTime(["%Y-%m-%d"]),
    help="The reference date: the day that every page shows unless asked otherwise.",
)
@click.option("--approval", cls=Option, help="The approval number of the map, told at its foot.")
@click.option("--mark", cls=Option, help="A mark at the map's foot, such as for internal use.")
def describe(
    name_zh: str | None, name_en: str | None, day: datetime | None, approval: str | None, mark: str | None
) -> None:
    """Set the district's names and reference date, or show them."""
    reference: date | None = None if day is None else day.date()
    told = {"name_zh": name_zh, "name_en": name_en, "approval": approval, "mark": mark}
    progress.describe(store(), OPERATOR, reference_date=reference, **told)
    district = store().district()
    tell(
        "%(name_zh)s / %(name_en)s, reference date %(day)s",
        name_zh=district.name_zh or "–",
        name_en=district.name_en or "–",
        day=district.reference_date.isoformat(),
    )
