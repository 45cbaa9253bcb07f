"""What all tests share. What may be skipped, and how it is said, is in skips.py."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import small_district
from builders import put_district
from cluster import Cluster, find_programs
from desk import Desk
from flask import Flask
from hypothesis import settings
from sqlalchemy import Engine, event

from app import create_app
from layers import driving, open_store, sample
from layers.people import OPERATOR
from layers.schema import MIGRATIONS
from layers.store import Store

pytest_plugins = ("skips", "pytester")

# A busy machine is no finding: no example fails for having been slow.
settings.register_profile("guatu", settings(), deadline=None)
settings.load_profile("guatu")


#: Both kinds of store: a test that asks for one of the fixtures below is run on each.
STORES = ("embedded", pytest.param("postgis", marks=pytest.mark.postgis))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own."""
    programs = find_programs()
    assert programs is not None, "a test that needs PostGIS ran without it"
    started = Cluster(programs)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def migrated(cluster: Cluster) -> str:
    """The name of a database that holds a new, empty store; copy it, do not open it."""
    address = cluster.create()
    open_store(address).close()
    return cluster.name_in(address)


@pytest.fixture(scope="module", params=STORES)
def new_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., str]]:
    """Make addresses of stores: not there yet, or (``empty``) perhaps there already, without a row."""
    if request.param == "embedded":
        yield lambda empty=False: f"sqlite:///{tmp_path_factory.mktemp('store') / 'district.db'}"
        return
    cluster, template = request.getfixturevalue("cluster"), request.getfixturevalue("migrated")
    made: list[str] = []

    def make(empty: bool = False) -> str:
        made.append(cluster.create(template) if empty else cluster.create())
        return made[-1]

    yield make
    for address in made:
        cluster.drop(address)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, new_url: Callable[..., str]) -> str:
    """The address of a store that is not there yet, where the test does not ask for the store too."""
    return new_url(empty="store" in request.fixturenames)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new, empty store."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def district(new_url: Callable[..., str]) -> Iterator[Store]:
    """A small district that no test changes."""
    opened = open_store(new_url(empty=True))
    put_district(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The district of small_district.py in one embedded store, which no test changes."""
    folder = tmp_path_factory.mktemp("small")
    opened = open_store(f"sqlite:///{folder / 'district.db'}")
    small_district.fill(Desk(opened, folder))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def small_on_each(new_url: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The district of small_district.py in a store of either kind, which no test changes."""
    opened = open_store(new_url(empty=True))
    small_district.fill(Desk(opened, tmp_path_factory.mktemp("small")))
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """A desk of this test's own with the district of small_district.py, and the files it was loaded from."""
    made = Desk(store, tmp_path)
    small_district.fill(made)
    return made


@pytest.fixture
def shared_url(cluster: Cluster, migrated: str) -> Iterator[str]:
    """The address of an empty shared store, for what is asked of no other kind."""
    address = cluster.create(migrated)
    yield address
    cluster.drop(address)


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store that holds the sample district; copy it, do not write to it."""
    folder = tmp_path_factory.mktemp("sample")
    opened = open_store(f"sqlite:///{folder / 'district.db'}")
    sample.load_sample(opened, OPERATOR, folder)
    opened.close()
    return folder / "district.db"


@pytest.fixture
def sample_store(sample_file: Path, tmp_path: Path) -> Iterator[Store]:
    """A store of this test's own that holds the sample district."""
    with closing(_copied(sample_file, tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="session")
def sample_shared(sample_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that holds the sample district, which no test changes."""
    with closing(_copied(sample_file, tmp_path_factory.mktemp("shared"))) as opened:
        yield opened


def _copied(file: Path, folder: Path) -> Store:
    copy = folder / "sample.db"
    shutil.copyfile(file, copy)
    return open_store(f"sqlite:///{copy}")


@pytest.fixture(scope="session")
def sample_app(sample_shared: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """The application of a local role (None: visitors alone) on the sample district that no test changes."""

    apps: dict[str | None, Flask] = {}

    def app(role: str | None = None) -> Flask:
        if role not in apps:
            told = {"STORE": str(sample_shared.engine.url), "DATA": tmp_path_factory.mktemp("data")}
            apps[role] = create_app({"TESTING": False, "LOCAL_ROLE": role, **told})
        return apps[role]

    yield app
    for one in apps.values():
        if "guatu" in one.extensions:
            one.extensions["guatu"].close()


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Make applications on a store; what they opened is closed after the test."""
    made: list[Flask] = []

    def make(store: Store | None = None, **config: object) -> Flask:
        url = f"sqlite:///{tmp_path / 'app.db'}" if store is None else str(store.engine.url)
        app = create_app({"TESTING": False, "STORE": url, "DATA": tmp_path / "data", **config})
        made.append(app)
        return app

    yield make
    for app in made:
        if "guatu" in app.extensions:
            app.extensions["guatu"].close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that stores are asked from here on, whichever way they reach the driver."""
    said: list[str] = []
    told = driving.translated

    def translated(dialect, statement, values):
        text, parameters = told(dialect, statement, values)
        said.append(text)
        return text, parameters

    def note(connection, cursor, statement, parameters, context, executemany):
        said.append(statement)

    monkeypatch.setattr(driving, "translated", translated)
    event.listen(Engine, "before_cursor_execute", note)
    yield said
    event.remove(Engine, "before_cursor_execute", note)


#: A step beyond our own.
NEXT = """
from alembic import op
import sqlalchemy as sa

revision = "next"
down_revision = {down!r}


def upgrade():
    op.add_column("settings", sa.Column("more", sa.Text()))
    {then}
"""


@pytest.fixture
def future(tmp_path):
    """Return a folder of migrations that goes one step further than ours."""

    def make(then: str = "pass") -> Path:
        folder = tmp_path / "mig%rations"  # what a configuration file would take for a sign
        shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        down = max(p.name for p in (MIGRATIONS / "versions").glob("*.py")).split("_")[0]
        (folder / "versions" / "next.py").write_text(NEXT.format(down=down, then=then))
        return folder

    return make
