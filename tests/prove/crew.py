"""Processes that work on one store until they are killed, and what they were told is written."""

import os
import select
import signal
import traceback
from collections.abc import Callable
from random import Random

from builders import put, square
from sqlalchemy import select as rows_of

from layers import tables
from layers.people import OPERATOR
from layers.store import Store
from layers.tables import BOX
from layers.work import Work

ROWS = 200

#: Tells whoever started the crew one word after a commit.
Ack = Callable[[str], None]


class Crew:
    """Forked processes, each of which does ``work(number, ack)``; their acks arrive through one pipe."""

    def __init__(self, number: int, work: Callable[[int, Ack], None]) -> None:
        self._reading, writing = os.pipe()
        self._killed = False
        self.processes = [self._fork(i, work, writing) for i in range(number)]
        os.close(writing)

    def _fork(self, number: int, work: Callable[[int, Ack], None], writing: int) -> int:
        process = os.fork()
        if process:
            return process
        try:
            os.close(self._reading)
            # One write of a short line is whole or not there at all.
            work(number, lambda word: os.write(writing, word.encode() + b"\n"))
        except BaseException:
            os.write(writing, b"error " + traceback.format_exc().replace("\n", " | ")[-900:].encode() + b"\n")
        finally:
            os._exit(0)

    def await_word(self, most_s: float) -> None:
        """Return when somebody has acknowledged something, at the latest after so many seconds."""
        select.select([self._reading], [], [], most_s)

    def kill(self) -> list[str]:
        """Kill all of them at once and return every word that was acknowledged."""
        self._killed = True
        for process in self.processes:
            os.kill(process, signal.SIGKILL)
        return self.words()

    def words(self) -> list[str]:
        """Wait until all have ended and return every word that was acknowledged.

        One that was ended by a signal that was not ours has left an error.
        """
        with os.fdopen(self._reading, "rb") as file:
            words = file.read().decode().splitlines()
        for process in self.processes:
            _, status = os.waitpid(process, 0)
            if os.WIFSIGNALED(status) and not self._killed:
                words.append(f"error: ended by {signal.Signals(os.WTERMSIG(status)).name}")
        return words


def make_rows(store: Store, number: int = ROWS) -> None:
    """Put compounds into an empty store that can be edited by ``edit``."""
    with store.writing(OPERATOR) as work:
        put(work, "compounds", *({"code": f"C{i}", "name": ""} for i in range(number)))
        work.log("load", "compounds", after={"rows": number})


def edit(store: Store, random: Random) -> str:
    """Change name and place of a compound in one transaction; return its code and new version."""
    with store.writing(OPERATOR) as work:
        return edit_in(work, random)


def edit_in(work: Work, random: Random) -> str:
    """Do ``edit`` inside a transaction that is already open."""
    code = f"C{random.randrange(ROWS)}"
    shape = square(random.randrange(-5000, 5000), random.randrange(-5000, 5000), side=0.00013)
    c = tables.compounds.c
    fid, version = work.connection.execute(rows_of(c.fid, c.version).where(c.code == code)).one()
    values = {"code": code, "name": "里" * random.randrange(1, 300)}
    box = dict(zip(BOX, shape.bounds, strict=True))
    work.update_feature("compounds", fid, version, {**values, "wkb": shape.wkb, **box})
    work.log("update", "compounds", code=code, before={"version": version}, after={"version": version + 1})
    work.bump("compounds")
    return f"{code} {version + 1}"
