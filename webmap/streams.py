"""Layers as GeoJSON that is made while it goes out, all of it of one state of the store."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from flask import Response, request

from layers import writing
from layers.people import Sight
from layers.querying import Query
from layers.store import Row, Store
from webmap import access


class Collected(NamedTuple):
    """What a query asks for: how many rows, and all of them as pieces of GeoJSON."""

    matched: int
    pieces: Iterator[bytes]


def collected(
    still: Store,
    sight: Sight,
    query: Query,
    told: Callable[[Row], Mapping[str, object]] = lambda row: row.properties,
    decimals: int | None = None,
    said: Mapping[str, object] | None = None,
) -> Collected:
    """Return what the query asks for, as far as it may be seen.

    The pieces are made as they are taken, so that memory does not grow.

    Args:
        still: what ``Store.still`` (or ``access.still``) gave: number and rows are then of one state.
        sight: what the person sees of the layer.
        query: a filter in it that cannot be raises RequestError before the first piece.
        told: the properties that are written of a row.
        decimals: to round coordinates to; None keeps every digit.
        said: more members of the collection.
    """
    matched = still.count(sight, query)
    rows = ((row.code, told(row), row.wkb) for row in still.rows(sight, query))
    return Collected(
        matched, writing.feature_collection(rows, matched=matched, extra=said, decimals=decimals)
    )


def _first(pieces: Iterator[bytes], least: int) -> list[bytes]:
    """Return the first pieces, of so many bytes, or all there are."""
    found, size = [], 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= least:
            break
    return found


def answer(known: str, make: Callable[[Store], Iterator[bytes]], whole: int = 0) -> Response:
    """Return GeoJSON under the tag ``known``, or 304 where the asker has it already.

    Args:
        known: the answer's tag (``access.tag``), of the state that ``access.still`` gives.
        make: gives the pieces, read from the store it is handed: that of the tag, which stands
            still until the answer has gone out.
        whole: what is smaller than so many bytes goes out as a whole.
    """
    if request.if_none_match.contains_weak(known):
        return access.tagged(Response(status=304), known)
    pieces = make(access.still())
    # The first pieces are made here, so that an error in them is still told as an error.
    first = _first(pieces, whole)
    if sum(map(len, first)) < whole:
        return access.tagged(Response(b"".join(first), mimetype="application/geo+json"), known)
    response = Response(chain(first, pieces), mimetype="application/geo+json")
    response.call_on_close(access.kept_still().close)
    # Otherwise Werkzeug gathers all of it, only to know how long it is.
    response.implicit_sequence_conversion = False
    return access.tagged(response, known)
