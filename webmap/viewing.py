"""How much of a layer a view of the map is sent: all of it, what the view holds, or the way to its tiles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from flask import request

from geo.errors import RequestError
from layers.boxes import Box
from layers.people import Sight
from layers.querying import Query
from layers.store import Store

#: Up to so many features are sent as GeoJSON; where a view holds more it is drawn from tiles.
FEW = 2000
#: Up to so many street offices are outlined in a view; more names than that nobody could read on a screen.
MOST_OFFICES = 400
#: What an address may say of the view.
ARGUMENTS = ("bbox", "few")
#: An answer of less than so many bytes goes out as a whole, and can be kept.
WHOLE = 2 << 20
#: Metres on the ground are told apart to the decimetre on screen at six decimals of a degree.
DECIMALS = 6
#: In a view of the whole district outlines may be off by about the Nth part of its longer side: less
#: than a pixel of a desk's window, so that nobody sees it.
FINE = 1500
#: Of what a part of the district holds outlines are asked for as fine as the widest window shows them.
FINEST = 4000
#: What is said of a layer without tiles of which a view holds too much.
CROWDED = {"whole": False, "crowded": True}


class Sent(NamedTuple):
    """The question for what is sent (None: nothing is), and what the answer says of it besides."""

    query: Query | None
    said: Mapping[str, object]


def box() -> Box | None:
    """Return the box that is asked for (``bbox=west,south,east,north``, degrees), None where none is.

    Raises:
        RequestError: it is not four numbers.
    """
    text = request.args.get("bbox", "")
    if not text:
        return None
    try:
        return tuple(float(side) for side in text.split(","))
    except ValueError as error:
        raise RequestError("A box is four numbers: west, south, east and north in degrees.") from error


def first_box(bounds: Box) -> Box | None:
    """Return the box of the first picture: the whole district, with room around it for any window.

    None where the address names another place, and only the browser knows what it shows there.
    """
    if request.args.get("at") or request.args.get("compound"):
        return None
    west, south, east, north = bounds
    room = 2 * max(east - west, north - south)
    box = (max(west - room, -180), max(south - room, -90), min(east + room, 180), min(north + room, 90))
    return tuple(round(side, 5) for side in box)


def sent(still: Store, sight: Sight, asked: Query, tiles: str | None) -> Sent:
    """Return what is sent of what is asked for.

    With ``few=N`` that is all of it, be it beyond the box, while it is at most so many; else what the
    box holds while that is; else nothing but the address of the ``tiles``, or where a layer has none
    (None) the word that the view is ``crowded``. What is not sent whole is told with the box of the
    whole, where its tiles are known.
    """
    here = box()
    if "few" not in request.args:
        return Sent(replace(asked, box=here), {})
    most = _number("few", FEW)
    within = replace(asked, box=here)  # refuses a box that is none
    if here is None or not _more_than(most, still, sight, asked):
        return Sent(asked, {"whole": True})
    if tiles is None:
        crowded = _more_than(most, still, sight, within)
        return Sent(None, CROWDED) if crowded else Sent(within, {"whole": False})
    from layers import pictures  # with it comes numba, which takes its time

    drawn = pictures.picture(still, sight, asked)
    keep = pictures.kept_rows(still, sight, asked, drawn)
    said = {"whole": False, "bounds": drawn.bounds(keep)}
    if drawn.count(keep, here) > most:
        return Sent(None, {**said, "tiles": tiles})
    return Sent(within, said)


def step(bounds: Box | None) -> float | None:
    """Return by how many degrees outlines may be off, None where every vertex is asked for.

    With ``fine=N`` it is the Nth part of the longer side of the view's box, without one of the district.
    """
    if "fine" not in request.args:
        return None
    parts = _number("fine", FINEST)
    west, south, east, north = box() or bounds or (0, 0, 0, 0)
    return max(east - west, north - south) / parts


def _number(name: str, most: int) -> int:
    text = request.args[name]
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        raise RequestError("%(name)s is a number from 1 to %(most)s.", name=name, most=most)
    return int(text)


def _more_than(most: int, still: Store, sight: Sight, asked: Query) -> bool:
    only = replace(sight, fields=("code",))
    return sum(1 for _ in still.rows(only, replace(asked, limit=most + 1), shapes=False)) > most
