"""The steps to the newest schema (``migrations/``), and how far a store has come on them."""

from collections.abc import Collection
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

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


def upgrade(connection: Connection, scripts: ScriptDirectory) -> None:
    """Take the steps that are missing, on a connection and inside the transaction it has open."""
    config = Config()
    config.set_main_option("script_location", scripts.dir.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
