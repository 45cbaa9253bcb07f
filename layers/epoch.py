"""The word of a store that no other has: made anew where numbers that were told once may come again.

A revision only grows, but a store that was restored counts on from where the backup stood. What a
browser was told before must not pass for what it is told now, so that its tags carry this word. It
says nothing of the rows: a change of those that somebody may not see leaves it as it is.
"""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, delete, insert

from layers.tables import epoch


def renew(connection: Connection) -> None:
    """Give the store of an open transaction another word."""
    connection.execute(delete(epoch))
    connection.execute(insert(epoch), {"word": secrets.token_hex(8)})


def renew_in(path: Path) -> None:
    """Give the store in a file that nobody else has open another word, on disk when this returns.

    A store of a schema without one gets it when it is migrated.
    """
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'epoch'").fetchone():
            connection.execute("PRAGMA synchronous=FULL")
            with connection:
                connection.execute("UPDATE epoch SET word = ?", (secrets.token_hex(8),))
