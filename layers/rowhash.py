"""The hash of the rows a load wrote: what its one entry of the history says of them.

It is taken column by column, so that it costs little beside the writing, and it is the same from
either store. In the order of the table's columns each column adds its name and a zero byte; the number
of rows as 8 bytes; one bit a row that says whether there is a value (``numpy.packbits``); then the
values that there are: whole numbers and numbers as 8 bytes, little-endian; texts and bytes as the
length of each in bytes, 8 bytes little-endian, and then all of them one after the other, texts in UTF-8.
Not hashed is what the store says of a row by itself: ``fid``, ``version``, ``load_id``, ``edition_id``.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy
from sqlalchemy import Column, Connection, Double, Integer, LargeBinary, Table, select

from layers.tables import FEATURES

_OWN = frozenset({"fid", "version", "load_id", "edition_id"})


def columns_hash(table: Table, columns: Mapping[str, Sequence]) -> str:
    """Return the SHA-256 of rows of a layer, in their order; an absent column holds no value."""
    many = len(next(iter(columns.values()), ()))
    total = hashlib.sha256()
    for column in table.c:
        if column.name not in _OWN:
            values = columns.get(column.name, [None] * many)
            for part in _parts(column, values):
                total.update(part)
    return total.hexdigest()


def written_hash(connection: Connection, layer: str, load_id: int) -> str:
    """Return the hash of the rows that a load wrote, from the store, in the order of the file.

    It is what the load's entry in the history says as long as no row of it has been changed since.
    """
    table = FEATURES[layer]
    found = connection.execute(select(table).where(table.c.load_id == load_id).order_by(table.c.row)).all()
    names = table.c.keys()
    return columns_hash(
        table, dict(zip(names, zip(*found, strict=True) if found else [()] * len(names), strict=True))
    )


def _parts(column: Column, values: Sequence) -> list[bytes]:
    missing = values.count(None)
    there = [value for value in values if value is not None] if missing else values
    known = numpy.full(len(values), not missing)
    if there and missing:
        known = numpy.fromiter((value is not None for value in values), bool, len(values))
    head = [column.name.encode(), b"\0", len(values).to_bytes(8, "little"), numpy.packbits(known).tobytes()]
    if isinstance(column.type, Double):
        return [*head, numpy.array(there, "<f8").tobytes()]
    if isinstance(column.type, Integer):
        return [*head, numpy.array(there, "<i8").tobytes()]
    return head + _joined(there if isinstance(column.type, LargeBinary) else _encoded(there))


def _encoded(texts: Sequence[str]) -> Sequence:
    # Of ASCII a text has as many bytes as characters.
    return texts if "".join(texts).isascii() else [text.encode() for text in texts]


def _joined(parts: Sequence) -> list[bytes]:
    lengths = numpy.fromiter(map(len, parts), "<i8", len(parts)).tobytes()
    return [lengths, "".join(parts).encode() if parts and isinstance(parts[0], str) else b"".join(parts)]
