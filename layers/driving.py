"""Statements that are asked again and again, translated once and given to the driver as they are.

SQLAlchemy takes about as long to prepare a small statement as SQLite to answer it. What is run
here must be the same object each time, and its values need no translating: text, numbers and bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement


class _Translated(NamedTuple):
    """A statement in a store's own words, the order of its parameters (None: by name), its constants."""

    text: str
    order: tuple[str, ...] | None
    constants: Mapping[str, object]


@lru_cache(maxsize=1024)
def _translated(dialect: Dialect, statement: ClauseElement) -> _Translated:
    compiled = statement.compile(dialect=dialect)
    order = tuple(compiled.positiontup) if compiled.positional else None
    return _Translated(compiled.string, order, compiled.params)


@lru_cache(maxsize=1024)
def _named(dialect: Dialect, statement: ClauseElement) -> tuple[str, Mapping[str, object]]:
    """Return a statement's text with its parameters by name, and its constants."""
    text, _, constants = _translated(_by_name(dialect), statement)
    return text, constants


@lru_cache(maxsize=64)
def _by_name(dialect: Dialect) -> Dialect:
    """Return a dialect that names parameters.

    To SQLite two nameless parameters are never the same: it would work out one expression many times.
    """
    return type(dialect)(paramstyle="named") if dialect.positional else dialect


def translated(
    dialect: Dialect, statement: ClauseElement, values: Mapping[str, object]
) -> tuple[str, dict[str, object]]:
    """Return a statement's text and its parameters by name, as the driver of a store takes them."""
    text, constants = _named(dialect, statement)
    return text, {**constants, **values}


def run_many(connection: Connection, statement: ClauseElement, rows: Sequence[Mapping[str, object]]) -> None:
    """Run a statement with the values of each row, all rows having the same names."""
    if len(rows) == 1:
        _run_one(connection, *translated(connection.dialect, statement, rows[0])).close()
        return
    text, order, constants = _translated(connection.dialect, statement)
    if order is None:
        parameters = ({**constants, **row} for row in rows)
    else:
        parameters = ([{**constants, **row}[name] for name in order] for row in rows)
    _run_each(connection, text, parameters)


def run_columns(
    connection: Connection,
    statement: ClauseElement,
    columns: Mapping[str, Sequence[object]],
    order: Sequence[int] | None = None,
) -> None:
    """Run a statement with the values of each row of columns, which bring all its parameters.

    The rows are taken as they come, or in the order of the places that ``order`` names.
    """
    text, names, _ = _translated(connection.dialect, statement)
    rows: Iterable = zip(*(columns[name] for name in names or columns), strict=True)
    if order is not None:
        # A row is put in its place at once: to order each column takes as often as long.
        rows = map(list(rows).__getitem__, order)
    _run_each(connection, text, rows if names else (dict(zip(columns, row, strict=True)) for row in rows))


def _run_each(connection: Connection, text: str, parameters: Iterable) -> None:
    cursor = connection.connection.driver_connection.cursor()
    try:
        cursor.executemany(text, parameters)
        if connection.dialect.name == "postgresql":
            # psycopg sends the rows in a pipeline; a writer that stands still after one is not timed.
            cursor.execute("SELECT 1")
    except connection.dialect.dbapi.Error as error:
        raise wrapped(connection, text, error) from error
    finally:
        cursor.close()


def run(connection: Connection, statement: ClauseElement, values: Mapping[str, object]):
    """Run a statement inside the open transaction and return the driver's cursor.

    Raises sqlalchemy's DBAPIError, as the connection itself would.
    """
    return _run_one(connection, *translated(connection.dialect, statement, values))


def _run_one(connection: Connection, text: str, parameters: Mapping[str, object]):
    cursor = connection.connection.driver_connection.cursor()
    try:
        cursor.execute(text, parameters)
    except connection.dialect.dbapi.Error as error:
        raise wrapped(connection, text, error) from error
    return cursor


def wrapped(connection: Connection, text: str, error: Exception) -> DBAPIError:
    """Return the error of a driver as SQLAlchemy would raise it, without the values."""
    dialect = connection.dialect
    return DBAPIError.instance(text, None, error, dialect.dbapi.Error, hide_parameters=True, dialect=dialect)


class Found(NamedTuple):
    """The answer to a statement: the names of its columns, and all its rows."""

    names: tuple[str, ...]
    rows: list[tuple]


def fetch(connection: Connection, statement: ClauseElement, values: Mapping[str, object]) -> Found:
    """Return the names of the columns and all rows of a statement."""
    cursor = run(connection, statement, values)
    try:
        return Found(_columns(statement), cursor.fetchall())
    finally:
        cursor.close()


@lru_cache(maxsize=1024)
def _columns(statement: ClauseElement) -> tuple[str, ...]:
    """Return the names of a statement's columns, which do not depend on the store."""
    return tuple(statement.selected_columns.keys())
