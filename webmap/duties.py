"""Who answers for what: ``flask assign`` and ``flask activate``; border cases will come in here."""

import click
from flask import Blueprint

from layers import duty
from layers.people import OPERATOR
from webmap.access import store
from webmap.commands import Command, step, tell
from webmap.words import layer_label

blueprint = Blueprint("duties", __name__, cli_group=None)


@blueprint.cli.command("assign", cls=Command)
def assign() -> None:
    """Assign every site to its street office anew and say how many answers changed."""
    for layer, count in duty.assign_all(store(), OPERATOR, step).items():
        tell("%(layer)s: %(count)s changed", layer=layer_label(layer), count=count)


@blueprint.cli.command("activate", cls=Command)
@click.argument("edition", type=int, required=False)
def activate(edition: int | None) -> None:
    """Make an edition of the street offices the active one (by default the newest that waits)."""
    first = store().district().bounds is None
    done = duty.activate(store(), OPERATOR, edition, step)
    tell("Edition %(edition)s of the street offices is active.", edition=done.edition_id)
    for layer, count in done.moved.items():
        if first:
            tell("%(layer)s: %(count)s assigned", layer=layer_label(layer), count=count)
        else:
            tell("%(layer)s: %(count)s moved", layer=layer_label(layer), count=count)
