"""A district moves from one store to another, whole or not at all, and is the same there."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Table, select

from geo.errors import StoreError
from layers import tables
from layers.epoch import renew
from layers.history import canonical, read_chain
from layers.people import OPERATOR
from layers.store import Store
from layers.work import Work

_BATCH = 1000


class Digest(NamedTuple):
    """What a table holds: how many rows, and the SHA-256 of all of them in the order of their key."""

    rows: int
    sha256: str


class Contents(NamedTuple):
    """What a store holds: each table's digest by its name, and the hash of the history's last entry."""

    digests: dict[str, Digest]
    head: str

    @property
    def rows(self) -> int:
        """How many rows all tables hold."""
        return sum(digest.rows for digest in self.digests.values())


def contents(connection: Connection) -> Contents:
    """Return what a store holds, as an open transaction sees it; equal stores have equal contents.

    Raises StoreError where the history's chain is broken.
    """
    digests = {}
    for table in tables.carried():
        rows, digest = 0, hashlib.sha256()
        for batch in _batches(connection, table):
            rows += len(batch)
            for row in batch:
                digest.update(canonical(list(row.values())).encode() + b"\n")
        digests[table.name] = Digest(rows, digest.hexdigest())
    return Contents(digests, _head(connection))


def _batches(connection: Connection, table: Table) -> Iterator[list[dict]]:
    """Yield all rows in the order of their key, so many at a time; memory does not grow with them."""
    streamed = {"stream_results": True, "yield_per": _BATCH}
    ordered = select(table).order_by(*table.primary_key)
    with connection.execute(ordered, execution_options=streamed) as result:
        for batch in result.mappings().partitions(_BATCH):
            yield [dict(row) for row in batch]


def _head(connection: Connection) -> str:
    chain = read_chain(row for batch in _batches(connection, tables.history) for row in batch)
    if chain.broken is not None:
        raise StoreError("The history of the store is broken at entry %(seq)s.", seq=chain.broken)
    return chain.head


def copy_store(source: Store, target: Store) -> Contents:
    """Copy all that ``source`` holds into ``target``, which must be empty; return what that is.

    What arrived is read again and compared before it is kept: every row by its hash, and the
    history's chain to its last entry. Raises StoreError, and leaves the target as it was, where
    the target holds anything, the source nothing, a history is broken or a row would change.
    """
    with source.reading() as reading, target.writing(OPERATOR) as work:
        for table in tables.carried():
            if work.connection.execute(select(table).limit(1)).first() is not None:
                raise StoreError("The store to copy into is not empty: nothing was copied.")
        wanted = contents(reading)
        if wanted.rows == 0:
            raise StoreError("The store to copy from is empty: nothing was copied.")
        for table in tables.carried():
            for batch in _batches(reading, table):
                work.insert(table, batch)
        target.number_on(work.connection)
        renew(work.connection)
        _compare(work, wanted)
    return wanted


def _compare(work: Work, wanted: Contents) -> None:
    found = contents(work.connection)
    for name, digest in wanted.digests.items():
        if found.digests[name] != digest:
            raise StoreError(
                "The rows of %(table)s would not be the same in the other store: nothing was copied.",
                table=name,
            )
