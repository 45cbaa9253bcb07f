"""The shared store in operation: ``flask migrate`` and ``flask grant-roles``. No pages."""

import click
from flask import Blueprint

from geo.errors import RequestError, StoreBusyError
from layers.people import OPERATOR
from layers.roles import grant_roles
from webmap.access import store
from webmap.commands import Command, Option, tell

blueprint = Blueprint("granting", __name__, cli_group=None)


@blueprint.cli.command("migrate", cls=Command)
def migrate() -> None:
    """Bring the store's tables to this version of the program; a shared store's as their owner."""
    # Whoever opens a store as its owner has migrated it.
    version, unfinished = store().schema(), store().unfinished()
    if unfinished:
        raise StoreBusyError(
            "The tables have schema %(version)s, but others kept the store too busy to make %(indexes)s: "
            "run flask migrate again.",
            version=version,
            indexes=", ".join(unfinished),
        )
    tell("The tables have schema %(version)s, the newest.", version=version)


@blueprint.cli.command("grant-roles", cls=Command)
@click.option("--program", cls=Option, multiple=True, metavar="ROLE", help="A role the program works under.")
@click.option(
    "--auditor", cls=Option, multiple=True, metavar="ROLE", help="A role that reads all and writes nothing."
)
def grant(program: tuple[str, ...], auditor: tuple[str, ...]) -> None:
    """Give roles of a shared store's database what they need and no more; to be run as its owner."""
    named = [*program, *auditor]
    if not named:
        raise RequestError("Name a role: --program ROLE or --auditor ROLE.")
    for role in named:
        if named.count(role) > 1:
            raise RequestError("The role %(role)s is named twice.", role=role)
    kinds = {**dict.fromkeys(program, "program"), **dict.fromkeys(auditor, "auditor")}
    grant_roles(store(), OPERATOR, kinds)
    for role, kind in kinds.items():
        if kind == "program":
            tell("%(role)s may read and write rows, and alter no table.", role=role)
        else:
            tell("%(role)s may read.", role=role)
