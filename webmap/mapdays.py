"""What the map asks for by code alone: classes on a day, months to play. No shape is in it."""

from flask import Blueprint, Response, jsonify, request

from layers import classes
from layers.people import visible
from layers.querying import FILTERS
from webmap import access

blueprint = Blueprint("mapdays", __name__)

#: The stage, late and finished of a compound as one sign: place of the stage, +8 late, +16 finished.
SIGNS = "0123456789abcdefghijklmnopqrstuv"


@blueprint.get("/map/classes.json")
def coloured() -> Response:
    """Return the class of each compound by one colouring: ``of`` tells its place in ``classes``."""
    asked = access.query("compounds", "colour")
    found = classes.classed(access.still(), access.person(), asked, request.args.get("colour", classes.STAGE))
    codes = sorted(set(found.of.values()))
    place = {code: i for i, code in enumerate(codes)}
    of = {code: place[named] for code, named in found.of.items()}
    return _tagged(jsonify(colour=found.colouring, on=found.on.isoformat(), classes=codes, of=of))


def _tagged(response: Response) -> Response:
    kind = visible(access.person(), "illegal_structures").kind
    return access.tagged(response, access.tag(kind, *FILTERS))
