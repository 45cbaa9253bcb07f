"""The shared store: one database of a PostgreSQL server with PostGIS, where many write at once.

How its connections behave is told in ``layers/session.py``, who may do what in its database in
``layers/roles.py``, how its indexes are made in ``layers/indexing.py``.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import uniform
from time import monotonic, sleep

from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Double, Integer, LargeBinary, Table, Text, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from geo.errors import StoreBusyError, StoreError
from layers import driving
from layers.address import address_shown
from layers.indexing import make_indexes, missing_indexes
from layers.people import OPERATOR
from layers.roles import grant, granted, may_migrate, owner_of
from layers.schema import MIGRATIONS, is_known, is_ours, upgrade
from layers.session import IDLE_S, make_engine
from layers.store import Store, reason_of
from layers.tables import metadata
from layers.work import Columns

#: What PostgreSQL calls the types of our columns.
_KINDS = {Text: "text", Integer: "int8", Double: "float8", LargeBinary: "bytea"}
#: The oldest server that is tested.
OLDEST_SERVER = 15
#: How long a step of a migration waits for a table that somebody reads: whoever comes to read
#: meanwhile waits behind it, so it is short, and the migration tries again.
LOCK_WAIT_MS = 200
# What belongs to an extension (PostGIS brings spatial_ref_sys) is nobody's own table.
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


class PostgisStore(Store):
    """One district's record in a database that others may use as well."""

    def put(self, connection: Connection, table: Table, columns: Columns) -> None:
        """Insert many rows, given as columns, with one COPY."""
        preparer = connection.dialect.identifier_preparer
        names = ", ".join(preparer.quote(name) for name in columns)
        statement = f"COPY {preparer.format_table(table)} ({names}) FROM STDIN (FORMAT BINARY)"
        kinds = [_KINDS[type(table.c[name].type)] for name in columns]
        with closing(connection.connection.cursor()) as cursor:
            try:
                with cursor.copy(statement) as copy:
                    copy.set_types(kinds)
                    for row in zip(*columns.values(), strict=True):
                        copy.write_row(row)
            except connection.dialect.dbapi.Error as error:
                raise driving.wrapped(connection, statement, error) from error

    def number_on(self, connection: Connection) -> None:
        """Have the next rows numbered after those that are there, which were numbered elsewhere."""
        for table in metadata.sorted_tables:
            column = table.autoincrement_column
            if column is not None:
                sequence = func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(select(func.setval(sequence, func.max(column))))

    def unfinished(self) -> list[str]:
        """Return the indexes that are still to be made, or made anew."""
        with self.reading() as connection:
            return [index.name for index in missing_indexes(connection)]


def open_postgis(
    url: str,
    *,
    patience_s: float = 10.0,
    idle_s: float = IDLE_S,
    make: bool = True,
    migrations: Path = MIGRATIONS,
) -> Store:
    """Return the store in the database of ``url``, created or migrated where it needs to be.

    ``url`` is ``postgresql+psycopg://user:password@host:port/database``. A writer waits at most
    ``patience_s`` seconds for its turn, and a migration for the tables it changes; a writer that
    stands still for ``idle_s`` is ended. Without ``make`` a database that holds no store yet is an
    error; ``migrations`` is the folder of the steps to the newest schema. Raises StoreError, with
    the reason and never with the password, for a server that cannot be reached or is too old, a
    database without PostGIS, of a newer Guatu, of an older one where the role does not own the
    tables, or that is no store of ours; it is then left untouched.
    """
    address, scripts = _address(url), ScriptDirectory(str(migrations))
    store = PostgisStore(make_engine(address, patience_s=patience_s, idle_s=idle_s))
    try:
        with _opening(address), store.engine.connect() as connection:
            found = _inspect(connection, scripts)
            if found is None and not make:
                raise StoreError("There is no store at %(url)s.", url=address_shown(url))
            old, owner = found != scripts.get_current_head(), may_migrate(connection)
            if old and not owner:
                _refuse(connection, found)
            incomplete = owner and (old or missing_indexes(connection))
        if old:
            _migrate(store, scripts, patience_s)
        if incomplete:
            with _opening(address):
                make_indexes(store.engine, patience_s)
    except BaseException:
        store.close()
        raise
    return store


def _address(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = URL.create("")
    if parsed.drivername not in ("postgresql", "postgresql+psycopg") or not parsed.database:
        raise StoreError(
            "%(url)s is no store: write postgresql+psycopg://user:password@host:port/database.",
            url=address_shown(url),
        )
    return parsed.set(drivername="postgresql+psycopg")


@contextmanager
def _opening(address: URL) -> Iterator[None]:
    """Say which store it is that cannot be opened, and why, in one line."""
    try:
        yield
    except DatabaseError as error:
        raise StoreError(
            "The store %(url)s cannot be opened: %(reason)s.",
            url=address_shown(str(address)),
            reason=reason_of(error),
        ) from error


def _inspect(connection: Connection, scripts: ScriptDirectory) -> str | None:
    """Return the schema version of the store behind a connection, None where there is none yet."""
    name = connection.engine.url.database
    _check_server(connection, name)
    names = set(connection.scalars(text(_TABLES)))
    if names and not is_ours(names):
        raise StoreError("The database %(name)s holds tables of another program, not a store.", name=name)
    if not names:
        return None
    found = _version(connection)
    if not is_known(found, scripts):
        raise StoreError("The store %(path)s was written by a newer Guatu than this one.", path=name)
    return found


def _check_server(connection: Connection, name: str) -> None:
    version = connection.dialect.server_version_info
    if version[0] < OLDEST_SERVER:
        raise StoreError(
            "The server runs PostgreSQL %(found)s: Guatu needs %(oldest)s or newer.",
            found=".".join(map(str, version)),
            oldest=OLDEST_SERVER,
        )
    if connection.scalar(text("SHOW server_encoding")) != "UTF8":
        raise StoreError("The database %(name)s is not in UTF8: create it with ENCODING 'UTF8'.", name=name)
    if connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")) is None:
        raise StoreError(
            "The database %(name)s has no PostGIS: install it on the server (Debian: apt-get install "
            "postgresql-15-postgis-3) and run CREATE EXTENSION postgis in the database as its superuser.",
            name=name,
        )


def _version(connection: Connection) -> str:
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _refuse(connection: Connection, found: str | None) -> None:
    """Say who must make or migrate the tables where this role may not."""
    name = connection.engine.url.database
    if found is None:
        raise StoreError(
            "The database %(name)s holds no store yet and the role %(role)s may not make one: run flask "
            "migrate as the role that shall own it.",
            name=name,
            role=connection.scalar(text("SELECT current_user")),
        )
    raise StoreError(
        "The tables of %(name)s are older than this Guatu: run flask migrate as their owner, %(owner)s.",
        name=name,
        owner=owner_of(connection),
    )


def _migrate(store: Store, scripts: ScriptDirectory, patience_s: float) -> None:
    """Bring the database to the newest schema in one transaction, in a moment when nobody is in the way."""
    until = monotonic() + patience_s
    while True:
        try:
            with store.writing(OPERATOR) as work:
                _upgrade(work.connection, scripts)
            return
        except StoreBusyError as error:
            if monotonic() > until:
                raise StoreBusyError(
                    "The tables of the store could not be changed: others are reading or writing them all "
                    "the time; try again later."
                ) from error
        # Meanwhile those who came to read have their turn.
        sleep(uniform(1, 2) * LOCK_WAIT_MS / 1000)


def _upgrade(connection: Connection, scripts: ScriptDirectory) -> None:
    # Another process may have been quicker while this one waited for its turn.
    if _inspect(connection, scripts) != scripts.get_current_head():
        roles = granted(connection)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
        upgrade(connection, scripts)
        # A table that is new is for those who work with the others.
        grant(connection, roles)
