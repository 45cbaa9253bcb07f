"""Stores of every schema that was ever released, with rows in them, and of one that is yet to come."""

import shutil
from contextlib import closing
from pathlib import Path

from alembic.script import ScriptDirectory
from builders import put_district
from sqlalchemy import Column, Connection, MetaData, Table, inspect, text

from layers import tables
from layers.embedded import open_embedded
from layers.people import OPERATOR
from layers.schema import MIGRATIONS
from layers.store import Store

#: The schema that comes after the newest: a column, a table, an index, and rows written.
_NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = {down!r}


def upgrade():
    op.add_column("compounds", sa.Column("proving", sa.Text()))
    op.execute("UPDATE compounds SET proving = code")
    op.create_table("proving", sa.Column("code", sa.Text(), primary_key=True), sqlite_strict=True)
    op.execute("INSERT INTO proving SELECT code FROM compounds")
    op.create_index("proving_compounds", "compounds", ["proving"])
    op.execute("DELETE FROM proving WHERE code = 'C1'")
"""


def released() -> list[str]:
    """Return all schemas that were released, from the first to the newest."""
    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    return [script.revision for script in scripts][::-1]


def steps_to(revision: str, folder: Path) -> Path:
    """Make a folder of the migrations up to a released schema, or to ``next``, and return it."""
    place = folder / f"to-{revision}"
    if place.exists():
        return place
    shutil.copytree(MIGRATIONS, place, ignore=shutil.ignore_patterns("__pycache__"))
    known = released()
    if revision == "next":
        (place / "versions" / "next.py").write_text(_NEXT.format(down=known[-1]))
    else:
        for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions():
            if known.index(script.revision) > known.index(revision):
                (place / "versions" / Path(script.path).name).unlink()
    return place


def fill(store: Store, folder: Path) -> None:
    """Put the rows of a district into a store of an older schema, as far as it has places for them."""
    with closing(open_embedded(f"sqlite:///{folder / 'rows.db'}")) as newest:
        if newest.entries() == 0:
            put_district(newest)
        with newest.reading() as source, store.writing(OPERATOR) as work:
            for name, columns in shared_columns(work.connection).items():
                rows = source.execute(text(_asked(name, columns))).mappings()
                work.insert(Table(name, MetaData(), *map(Column, columns)), [dict(row) for row in rows])
            if work.connection.dialect.name == "postgresql":
                _number_on(work.connection)


def shared_columns(connection: Connection) -> dict[str, list[str]]:
    """Return the columns, by table, that a store has and the newest schema has too.

    A table that others refer to comes before them.
    """
    names, found = set(inspect(connection).get_table_names()), {}
    for table in tables.carried():
        if table.name in names:
            columns = connection.execute(text(f"SELECT * FROM {table.name} LIMIT 0")).keys()
            found[table.name] = [column for column in columns if column in table.c]
    return found


def shared_rows(connection: Connection, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what stands in these columns of each table, in the order of the text it makes."""
    return {
        name: sorted(map(repr, connection.execute(text(_asked(name, named)))))
        for name, named in columns.items()
    }


def _asked(name: str, columns: list[str]) -> str:
    quoted = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT {quoted} FROM {name}"


def _number_on(connection: Connection) -> None:
    """Have the server number the next rows after those that are there."""
    for name in shared_columns(connection):
        column = tables.metadata.tables[name].autoincrement_column
        if column is not None:
            asked = "SELECT setval(s, (SELECT max({c}) FROM {t})) FROM pg_get_serial_sequence('{t}', '{c}') s"
            connection.execute(text(asked.format(t=name, c=column.name)))
