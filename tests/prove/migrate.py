"""Stores of each released schema are brought to a newer one and killed on the way: old or new, never between.

What a store is, is told by its whole schema and all of its rows. After each kill it must be what it
was, or what it becomes where nobody is killed; and opened again it must become that.
"""

import hashlib
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

from campaign import Result, main, steps
from cluster import Cluster, find_programs
from crew import Crew
from schemas import fill, released, shared_columns, shared_rows, steps_to

from layers.embedded import open_embedded
from layers.postgis import open_postgis
from layers.store import verify_history

#: Tables of which a migration changes rows on purpose, in columns that both schemas have.
CHANGED_ON_PURPOSE = frozenset({"assignments", "shares"})
#: From so many points on, some must have hit a store that was still old and some one already new.
JUDGED_FROM = 100


class Way(NamedTuple):
    """From a schema (None: no store yet) to a newer one."""

    start: str | None
    end: str


def ways() -> list[Way]:
    """Return every way to the newest schema, and the one from it to a next."""
    known = released()
    return [Way(start, known[-1]) for start in (None, *known[:-1])] + [Way(known[-1], "next")]


def run(seed: int, size: int) -> Result:
    """Kill ``size`` migrations on each kind of store, shared out among the ways."""
    random, result = Random(seed), Result()
    cluster = Cluster(find_programs())
    try:
        with tempfile.TemporaryDirectory(prefix="guatu-prove-") as folder:
            for kind in (_Files(Path(folder)), _Databases(Path(folder), cluster)):
                found = {way: _Walk(kind, way, result) for way in ways()}
                for point in steps(size):
                    found[ways()[point % len(found)]].kill(random)
    finally:
        cluster.stop()
    for state in ("still old", "already new"):
        hit = sum(number for key, number in result.counts.items() if key.endswith(state))
        result.check(size < JUDGED_FROM or hit > 0, f"no store was {state} when it was killed")
    return result


class _Walk:
    """One way on one kind of store: what is there before, and what comes of it in peace."""

    def __init__(self, kind: "_Files | _Databases", way: Way, result: Result) -> None:
        self._kind, self._way, self._result = kind, way, result
        self._start = kind.make(way.start)
        url = kind.copy(self._start)
        self._old = kind.fingerprint(url)
        began = time.monotonic()
        self._migrate(url)
        self._took_s = time.monotonic() - began
        self._new = kind.fingerprint(url)
        result.check(self._old != self._new, f"{kind.name}: the way {way} leads nowhere")
        if way.start is not None:
            self._compare(url)

    def _steps(self) -> Path:
        return steps_to(self._way.end, self._kind.folder)

    def _migrate(self, url: str) -> None:
        self._kind.open(url, self._steps()).close()

    def _compare(self, url: str) -> None:
        """Check that a migration in peace changes no row of the old schema but on purpose."""
        before = self._kind.open(self._start, steps_to(self._way.start, self._kind.folder))
        after = self._kind.open(url, self._steps())
        with closing(before), closing(after), before.reading() as old, after.reading() as new:
            columns = shared_columns(old)
            known, found = shared_rows(old, columns), shared_rows(new, columns)
        for name, rows in known.items():
            same = rows == found[name] or name in CHANGED_ON_PURPOSE
            self._result.check(same, f"{self._kind.name}: {self._way} changes rows of {name}")
        self._result.add(f"{self._kind.name}: rows that came over", sum(map(len, known.values())))

    def kill(self, random: Random) -> None:
        """Kill one migration at a random moment, look at the store, and let it be finished."""
        url = self._kind.copy(self._start)
        crew = Crew(1, lambda _number, _ack: self._migrate(url))
        time.sleep(random.uniform(0, 1.5 * self._took_s))
        words = crew.kill()
        self._result.check(words == [], f"{self._kind.name}: {words}")
        self._kind.settle(url)
        found = self._kind.fingerprint(url)
        state = {self._old: "still old", self._new: "already new"}.get(found, "between")
        self._result.add(f"{self._kind.name}: killed, {state}")
        self._result.check(state != "between", f"{self._kind.name}: {self._way} left something between")
        self._finish(url)

    def _finish(self, url: str) -> None:
        with closing(self._kind.open(url, self._steps())) as store:
            broken = verify_history(store)
        self._result.check(broken is None, f"{self._kind.name}: the history is broken at {broken}")
        same = self._kind.fingerprint(url) == self._new
        self._result.check(same, f"{self._kind.name}: {self._way} taken up again leads elsewhere")
        if self._way.start is not None:
            kept = self._kind.kept(url, self._way.end)
            self._result.check(
                kept in (None, self._old), f"{self._kind.name}: the copy taken before is not whole"
            )
        self._kind.drop(url)


class _Files:
    """Embedded stores."""

    name = "embedded"
    open = staticmethod(lambda url, folder: open_embedded(url, migrations=folder))

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = 0

    def make(self, revision: str | None) -> str:
        """Make a store of a schema, with rows, and return its address."""
        url = f"sqlite:///{self.folder / f'start-{revision}.db'}"
        if revision is not None:
            with closing(self.open(url, steps_to(revision, self.folder))) as store:
                fill(store, self.folder)
        return url

    def copy(self, start: str) -> str:
        """Return the address of a copy of a store that nobody has open."""
        self._number += 1
        place = self.folder / f"copy-{self._number}" / "district.db"
        place.parent.mkdir()
        source = Path(start.removeprefix("sqlite:///"))
        if source.exists():
            shutil.copyfile(source, place)
        return f"sqlite:///{place}"

    def settle(self, url: str) -> None:
        """Wait until a migration that was killed has come to its end: at once."""

    def fingerprint(self, url: str) -> str:
        """Return what stands for the whole schema and all rows of a store."""
        return fingerprint_of(Path(url.removeprefix("sqlite:///")))

    def kept(self, url: str, end: str) -> str | None:
        """Return the fingerprint of the copy that was taken before the migration."""
        return fingerprint_of(Path(f"{url.removeprefix('sqlite:///')}.before-{end}"))

    def drop(self, url: str) -> None:
        """Remove a copy."""
        shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent)


def fingerprint_of(path: Path) -> str:
    """Return what stands for the whole schema and all rows of an embedded store."""
    total = hashlib.sha256()
    if path.exists() and path.stat().st_size:
        with closing(sqlite3.connect(path)) as connection:
            made = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
            total.update(repr(made).encode() if made else b"")
            # How an R*Tree lays its boxes out is its own affair; the table itself is among these.
            own = [name for kind, name, _ in made if kind == "table" and not _is_inside_a_tree(name)]
            for name in own:
                rows = sorted(map(repr, connection.execute(f'SELECT {_told(name)} FROM "{name}"')))
                total.update(repr((name, rows)).encode())
    return total.hexdigest()


def _told(table: str) -> str:
    """Return what is told of the rows of a table: of the word no two stores share only its length."""
    return "length(word)" if table == "epoch" else "*"


def _is_inside_a_tree(name: str) -> bool:
    return name.endswith(("_box_node", "_box_parent", "_box_rowid"))


_SCHEMA = (
    "SELECT table_name, column_name, data_type, is_nullable, ordinal_position "
    "FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
    "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
)
_OWN = (
    "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
    "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
)
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class _Databases:
    """Stores on PostGIS."""

    name = "PostGIS"
    open = staticmethod(lambda url, folder: open_postgis(url, migrations=folder))

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self._cluster = folder, cluster

    def make(self, revision: str | None) -> str:
        """Make a store of a schema, with rows, and return its address."""
        url = self._cluster.create()
        if revision is not None:
            with closing(self.open(url, steps_to(revision, self.folder))) as store:
                fill(store, self.folder)
        return url

    def copy(self, start: str) -> str:
        """Return the address of a copy of a store that nobody has open."""
        return self._cluster.create(self._cluster.name_in(start))

    def settle(self, url: str) -> None:
        """Wait until the server has noticed that its client is gone."""
        with closing(self._cluster.connect(self._cluster.name_in(url))) as connection:
            until = time.monotonic() + 60
            while connection.execute(_OTHERS).fetchone() != (0,):
                assert time.monotonic() < until, "the server still serves a client that was killed"
                time.sleep(0.01)

    def fingerprint(self, url: str) -> str:
        """Return what stands for the whole schema and all rows of a store."""
        total = hashlib.sha256()
        with closing(self._cluster.connect(self._cluster.name_in(url))) as connection:
            for statement in _SCHEMA:
                total.update(repr(sorted(connection.execute(statement).fetchall())).encode())
            for (name,) in sorted(connection.execute(_OWN).fetchall()):
                rows = sorted(map(repr, connection.execute(f'SELECT {_told(name)} FROM "{name}"').fetchall()))
                total.update(repr((name, rows)).encode())
        return total.hexdigest()

    def kept(self, _url: str, _end: str) -> None:
        """Return None: on a server no copy is taken before."""

    def drop(self, url: str) -> None:
        """Remove a copy."""
        self._cluster.drop(url)


if __name__ == "__main__":
    main(run)
