"""The indexes of the shared store are made while others read and write, and made anew when half done.

An index that is built beside the work of others (CONCURRENTLY) cannot be part of a transaction:
what a crash left of it is there, but not valid. So the store compares what there is with what
``tables.py`` names, whenever its owner opens it. What is missing makes a question slower, never
its answer wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from sqlalchemy import Connection, Engine, Index, inspect, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.schema import CreateIndex

from layers.session import WRITING
from layers.store import is_busy
from layers.tables import metadata

#: The advisory lock of a database whose holder makes indexes: two at once would wait for each other.
_INDEXING = WRITING + 1
_STATES = """
SELECT i.relname, x.indisvalid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = i.relnamespace WHERE n.nspname = current_schema()
"""


def missing_indexes(connection: Connection) -> list[Index]:
    """Return the indexes that the tables there are should have, and that are not there, or not valid."""
    valid = {name for name, valid in connection.execute(text(_STATES)) if valid}
    there = set(inspect(connection).get_table_names())
    named = [i for table in metadata.sorted_tables if table.name in there for i in table.indexes]
    return sorted((index for index in named if index.name not in valid), key=lambda index: index.name)


def make_indexes(engine: Engine, patience_s: float) -> list[Index]:
    """Make the missing indexes beside the work of others, and return those that are still missing.

    Whoever is reading or writing when one is begun is waited for, up to ``patience_s`` seconds;
    nobody waits for it. What could not be made is left to the next time.
    """
    with _apart(engine, patience_s) as connection:
        if _our_turn(connection, patience_s):
            for index in missing_indexes(connection):
                _make(connection, index)
        return missing_indexes(connection)


@contextmanager
def _apart(engine: Engine, patience_s: float) -> Iterator[Connection]:
    """Give a connection outside any transaction; its locks and settings end with it."""
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(f"SET lock_timeout = {max(1, round(patience_s * 1000))}")
        try:
            yield connection
        finally:
            connection.invalidate()


def _our_turn(connection: Connection, patience_s: float) -> bool:
    # Asked again and again: one who waits in the server holds up the very index that is waited for.
    until = monotonic() + patience_s
    while not connection.scalar(text(f"SELECT pg_try_advisory_lock({_INDEXING})")):
        if monotonic() > until:
            return False
        sleep(0.05)
    return True


def _make(connection: Connection, index: Index) -> None:
    name = connection.dialect.identifier_preparer.format_index(index)
    statement = str(CreateIndex(index).compile(dialect=connection.dialect))
    try:
        # What a crash has left stands in the way.
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        connection.exec_driver_sql(statement.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1))
    except DatabaseError as error:
        if not is_busy(error):
            raise
