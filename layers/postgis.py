"""The shared store: one database of a PostgreSQL server with PostGIS, where many write at once.

Writers take turns: each transaction that writes first takes one advisory lock, so that the
history's chain never forks and what was read before a write still holds. Readers never wait:
each sees the one state its transaction began with. Only here is psycopg spoken to.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import (
    URL,
    Connection,
    Double,
    Engine,
    Integer,
    LargeBinary,
    Table,
    Text,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from geo.errors import StoreError
from layers import driving
from layers.address import address_shown
from layers.people import OPERATOR
from layers.schema import MIGRATIONS, is_known, is_ours, upgrade
from layers.store import Store, reason_of
from layers.tables import metadata
from layers.work import Columns

#: What PostgreSQL calls the types of our columns.
_KINDS = {Text: "text", Integer: "int8", Double: "float8", LargeBinary: "bytea"}
#: The oldest server that is tested.
OLDEST_SERVER = 15
#: The advisory lock of a database whose holder may write: "guatu" as a number.
_WRITING = int.from_bytes(b"guatu")
_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# A server may be set to acknowledge before a commit is on disk; ours is acknowledged after.
_WRITE = f"""
SELECT set_config('lock_timeout', '{{patience_ms}}', true);
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
SELECT pg_advisory_xact_lock({_WRITING})
"""
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


def open_postgis(
    url: str, *, patience_s: float = 10.0, make: bool = True, migrations: Path = MIGRATIONS
) -> Store:
    """Return the store in the database of ``url``, created or migrated where it needs to be.

    ``url`` is ``postgresql+psycopg://user:password@host:port/database``. A writer waits at most
    ``patience_s`` seconds for its turn; without ``make`` a database that holds no store yet is an
    error; ``migrations`` is the folder of the steps to the newest
    schema. Raises StoreError, with the reason and never with the password, for a server that
    cannot be reached or is too old, a database without PostGIS, of a newer Guatu, or that is no
    store of ours; it is then left untouched.
    """
    address, scripts = _address(url), ScriptDirectory(str(migrations))
    store = PostgisStore(_engine(address, patience_s))
    try:
        with _opening(address), store.engine.connect() as connection:
            found = _inspect(connection, scripts)
        if found is None and not make:
            raise StoreError("There is no store at %(url)s.", url=address_shown(url))
        if found != scripts.get_current_head():
            _migrate(store, scripts)
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


def _engine(address: URL, patience_s: float) -> Engine:
    # A connection that the server has dropped meanwhile is replaced before it is used.
    engine = create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=16,
        max_overflow=16,
        connect_args={} if "connect_timeout" in address.query else {"connect_timeout": 10},
    )
    write = _WRITE.format(patience_ms=max(1, round(patience_s * 1000)))

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("guatu_write", False)
        connection.exec_driver_sql(write if writes else _READ)

    return engine


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


def _migrate(store: Store, scripts: ScriptDirectory) -> None:
    """Bring the database to the newest schema in one transaction."""
    with store.writing(OPERATOR) as work:
        # Another process may have been quicker while this one waited for its turn.
        if _inspect(work.connection, scripts) != scripts.get_current_head():
            upgrade(work.connection, scripts)
