"""The steps to the newest schema (``migrations/``), and how far a store has come on them.

A step runs in one transaction, while others read: it may add tables and columns, but not write
a table anew or read through one that it keeps from the others. What takes long on a large table
and needs no transaction is an index: ``index`` leaves it to the store where it must.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select, table

MIGRATIONS = Path(__file__).with_name("migrations")
#: Tables that every store of ours has, and no database of another program.
_SIGNS = frozenset({"alembic_version", "history", "stage_history"})


def is_ours(names: Collection[str]) -> bool:
    """Return whether the tables of these names are those of a store of Guatu.

    >>> is_ours(["alembic_version", "roads"])
    False
    """
    return _SIGNS.issubset(names)


def is_known(version: str, scripts: ScriptDirectory) -> bool:
    """Return whether a schema version is one of the steps: a newer Guatu may have made others."""
    return version in {script.revision for script in scripts.walk_revisions()}


def upgrade(connection: Connection, scripts: ScriptDirectory, to: str = "head") -> None:
    """Take the steps that are missing up to one, on a connection and inside the transaction it has open."""
    config = Config()
    config.set_main_option("script_location", scripts.dir.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def index(name: str, table_name: str, columns: Sequence, **options: object) -> None:
    """Make an index, in a migration of either store.

    SQLite makes it inside the transaction of the step. On PostgreSQL that would keep writers
    from a large table for as long as it takes, so that only an empty one is indexed at once;
    for the others the store makes, after the step, every index that ``tables.py`` names and
    that is not there (``layers/indexing.py``): the new one must stand there too. A unique
    index is a promise, not only a help, and is made as a constraint instead.

    Args:
        name: the index.
        table_name: the table it is on.
        columns: names of columns, or SQL expressions.
        options: as ``alembic.op.create_index`` takes them, but ``unique``.
    """
    if options.get("unique"):
        raise ValueError("a unique index is made as a constraint")
    here = op.get_bind()
    if here.dialect.name == "postgresql":
        rows = select(func.count()).select_from(select(1).select_from(table(table_name)).limit(1).subquery())
        if here.scalar(rows):
            return
    # A store may have made it after an earlier step: it makes what ``tables.py`` names.
    op.create_index(name, table_name, columns, if_not_exists=True, **options)
