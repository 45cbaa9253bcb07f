"""A PostgreSQL server of the tests' own: in a temporary folder, gone with the tests, no service needed."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

DEBIAN = Path("/usr/lib/postgresql")
SHARE = Path("/usr/share/postgresql")


def find_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL (15 or newer) that has PostGIS, or None."""
    folders = [p for p in DEBIAN.glob("*/bin") if re.fullmatch(r"\d+", p.parent.name)]
    fit = [
        p
        for p in folders
        if int(p.parent.name) >= 15
        and (p / "initdb").exists()
        and (SHARE / p.parent.name / "extension" / "postgis.control").exists()
    ]
    return max(fit, key=lambda p: int(p.parent.name), default=None)


class Cluster:
    """A running server; ``create`` makes a database with PostGIS on it and returns its address.

    It sorts Chinese text by pinyin, so that a store that left sorting to the server would be
    found out. Its one role that needs a password is ``guest``, with the password ``s3cret``. With
    a ``port`` it is reached over TCP from this machine too. A ``durable`` one waits for its disk,
    as a server does by itself; else it is in a hurry.
    """

    def __init__(self, programs: Path, port: int | None = None, *, durable: bool = False) -> None:
        self.programs, self.port, self.durable = programs, port, durable
        # PostgreSQL refuses to run as root.
        self.account = {"user": "postgres", "group": "postgres", "extra_groups": []} if is_root() else {}
        self.folder = Path(tempfile.mkdtemp(prefix="guatu-postgis-"))
        self.numbers = count(1)
        self._make()
        self.process = self._start()
        try:
            self._prepare()
        except BaseException:
            self.stop()
            raise

    def _run(self, program: str, *arguments: str) -> list[str]:
        return [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]

    def _make(self) -> None:
        if is_root():
            shutil.chown(self.folder, "postgres", "postgres")
        locale = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=zh")
        make = self._run("initdb", "--username=postgres", "--auth=trust", "--no-sync", *locale)
        done = subprocess.run(make, cwd=self.folder, capture_output=True, text=True, **self.account)
        assert done.returncode == 0, done.stderr
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text(
            "local all guest scram-sha-256\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n"
        )

    def _start(self) -> subprocess.Popen:
        listen = ("listen_addresses=",) if self.port is None else (f"port={self.port}",)
        hurry = () if self.durable else ("fsync=off", "full_page_writes=off")
        settings = (*hurry, "shared_buffers=64MB", *listen)
        options = [part for setting in settings for part in ("-c", setting)]
        start = self._run("postgres", "-k", str(self.folder), *options)
        with (self.folder / "log").open("w") as log:
            return subprocess.Popen(start, cwd=self.folder, stdout=log, stderr=log, **self.account)

    def _prepare(self) -> None:
        self.await_ready()
        with closing(self.connect("postgres")) as connection:
            connection.execute("CREATE ROLE guest LOGIN PASSWORD 's3cret'")
            connection.execute("CREATE DATABASE with_postgis")
        with closing(self.connect("with_postgis")) as connection:
            connection.execute("CREATE EXTENSION postgis")

    def await_ready(self) -> None:
        """Return when the server takes connections."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect("postgres").close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def halt(self, how: signal.Signals) -> None:
        """End the server without a checkpoint: SIGQUIT (at once) or SIGKILL of all its processes."""
        if how == signal.SIGKILL:
            # Stopped first, so that it starts no more of them.
            self.process.send_signal(signal.SIGSTOP)
            for child in self.children():
                os.kill(child, how)
        self.process.send_signal(how)
        self.process.wait(30)

    def children(self) -> list[int]:
        """Return the processes that the server has started."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def restart(self) -> None:
        """Start the server again after ``halt``, and return when it takes connections."""
        self.process = self._start()
        self.await_ready()

    def connect(self, database: str) -> psycopg.Connection:
        """Return a connection as the superuser, outside any transaction; the caller closes it."""
        port = f"port={self.port}" if self.port else ""
        asked = f"host={self.folder} user=postgres dbname={database} {port}"
        return psycopg.connect(asked, autocommit=True)

    def create(self, template: str = "with_postgis") -> str:
        """Return the address of a new database that is a copy of ``template``."""
        name = f"store_{next(self.numbers)}"
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)
        return self.address(name)

    def drop(self, address: str) -> None:
        """Remove a database that ``create`` made, whoever is still connected to it."""
        self.run(sql.SQL("DROP DATABASE {} WITH (FORCE)"), self.name_in(address))

    def run(self, statement: sql.SQL, *names: str) -> None:
        """Run a statement about databases or roles."""
        with closing(self.connect("postgres")) as connection:
            connection.execute(statement.format(*map(sql.Identifier, names)))

    def address(self, name: str, user: str = "postgres") -> str:
        """Return the address of a database."""
        return f"postgresql+psycopg://{user}@/{name}?host={self.folder}"

    def name_in(self, address: str) -> str:
        """Return the name of the database in an address."""
        return re.search(r"@/(\w+)\?", address)[1]

    def stop(self) -> None:
        """End the server at once and remove its folder."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)
        shutil.rmtree(self.folder)


def is_root() -> bool:
    """Return whether the tests run as root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
