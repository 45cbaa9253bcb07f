"""Who may do what in the database of the shared store: the server itself holds each role to it."""

from contextlib import closing

import psycopg
import pytest
from builders import put_district, told
from psycopg import sql
from sqlalchemy import text
from test_postgis import refused

from geo.errors import PermissionError_, RequestError, StoreError
from layers import open_store, tables
from layers.people import OPERATOR, VISITOR
from layers.postgis import open_postgis
from layers.roles import grant_roles, granted, rights
from layers.store import verify_history

pytestmark = pytest.mark.postgis
ROLES = {"works": "program", "reads": "auditor"}


@pytest.fixture(scope="session")
def roles(cluster):
    """A server with a role that will own the tables, and others that will work, read or do nothing."""
    for name in ("owns", *ROLES, "idles"):
        cluster.run(sql.SQL("CREATE ROLE {} LOGIN"), name)
    cluster.run(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER"), "rules")
    return cluster


@pytest.fixture
def name(roles):
    """The name of a database with PostGIS that belongs to ``owns`` and holds no store yet."""
    address = roles.create()
    name = roles.name_in(address)
    roles.run(sql.SQL("ALTER DATABASE {} OWNER TO owns"), name)
    yield name
    roles.drop(address)


@pytest.fixture
def store_url(roles, name):
    """The address of a store as its owner opens it, in which the roles have their rights."""
    address = roles.address(name, user="owns")
    with closing(open_store(address)) as store:
        grant_roles(store, OPERATOR, ROLES)
    return address


@pytest.fixture
def at(roles, name, store_url):
    """Return the address of the store as a role opens it."""
    return lambda role: roles.address(name, user=role)


# What the program needs.


def test_the_program_works_under_its_role_as_it_does_under_the_owner(at, make_app, tmp_path):
    app = make_app(STORE=at("works"), CLI_LANGUAGE="en", LOCAL_ROLE="bureau")

    def run(*arguments: object) -> str:
        done = app.test_cli_runner().invoke(args=[str(a) for a in arguments])
        assert done.exit_code == 0, done.stderr
        return done.stdout

    run("sample")
    (tmp_path / "plan.toml").write_text("[plan.2025]\ndue_on = 2025-11-30\n")
    run("plan", tmp_path / "plan.toml")
    run("describe", "--name-en", "Worked")
    run("assign")
    for layer in tables.FEATURES:
        run("export", layer, tmp_path / f"{layer}.geojson", "--private")
    # The same rows again, and other street offices.
    run("load", "compounds", tmp_path / "compounds.geojson")
    offices = (tmp_path / "street_offices.geojson").read_text().replace('"name":"', '"name":"新')
    (tmp_path / "street_offices.geojson").write_text(offices)
    run("load", "street_offices", tmp_path / "street_offices.geojson")
    run("activate")
    assert "is whole" in run("verify")
    assert "the newest" in run("migrate")
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    run("copy-store", at("works"), target)
    with closing(open_store(at("works"))) as store, closing(open_store(target)) as copy:
        assert told(copy) == told(store)
        assert verify_history(store) is None
    client = app.test_client()
    pages = ["/", "/planning", "/compounds/XQ0001", "/healthz", "/map/overview.json", "/map/search.json?q=1"]
    pages += [f"/map/{layer}.geojson" for layer in (*tables.FEATURES, "backdrop")]
    pages += [f"/export/{layer}.geojson" for layer in tables.FEATURES]
    assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_a_store_is_copied_into_one_under_the_role_of_the_program(at, make_app, sample_store):
    app = make_app(STORE=at("works"), CLI_LANGUAGE="en")
    done = app.test_cli_runner().invoke(args=["copy-store", str(sample_store.engine.url), at("works")])
    assert done.exit_code == 0, done.stderr
    with closing(open_store(at("works"))) as store:
        assert told(store) == told(sample_store)
        with store.writing(OPERATOR) as work:
            assert work.open_load("compounds", "0" * 64, {}) > 1


def test_an_auditor_reads_every_table_and_page_and_writes_nothing(at, make_app):
    with closing(open_store(at("works"))) as store:
        put_district(store)
        written = told(store)
    client = make_app(STORE=at("reads")).test_client()
    for page in ("/", "/planning", "/compounds/C1", "/export/compounds.geojson"):
        assert client.get(page).status_code == 200
    with closing(open_store(at("reads"))) as store:
        assert told(store) == written
        assert verify_history(store) is None
        with pytest.raises(StoreError, match="permission denied"), store.writing(OPERATOR) as work:
            work.set("name_en", "never")
        assert told(store) == written


# What nobody but the owner may do.

ACTS = [
    "DELETE FROM history",
    "UPDATE history SET person = 'nobody'",
    "TRUNCATE history",
    "DROP TABLE history",
    "ALTER TABLE history DISABLE TRIGGER history_append_only",
    "ALTER TABLE history DISABLE TRIGGER ALL",
    "DROP TRIGGER history_append_only ON history",
    "DROP FUNCTION refuse_to_alter_history() CASCADE",
    "CREATE OR REPLACE FUNCTION refuse_to_alter_history() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE TRIGGER mine BEFORE INSERT ON compounds EXECUTE FUNCTION refuse_to_alter_history()",
    "CREATE RULE mine AS ON INSERT TO history DO INSTEAD NOTHING",
    "SET session_replication_role = replica",
    "ALTER TABLE compounds ADD COLUMN mine text",
    "ALTER TABLE compounds OWNER TO works",
    "DROP TABLE compounds",
    "TRUNCATE compounds",
    "DROP INDEX compounds_shape",
    "CREATE TABLE mine (a int)",
    "CREATE SCHEMA mine",
    "CREATE INDEX mine ON compounds (name)",
    "CREATE VIEW mine AS SELECT * FROM compounds",
    "CREATE EXTENSION dblink",
    "CREATE ROLE mine",
    "ALTER ROLE works SUPERUSER",
    "GRANT owns TO works",
    "SET ROLE owns",
    "UPDATE alembic_version SET version_num = 'none'",
    "DELETE FROM findings",
    "DELETE FROM set_aside",
    "COPY compounds TO PROGRAM 'cat'",
    "SELECT pg_read_file('pg_hba.conf')",
    "DO $$ BEGIN PERFORM lo_import('/etc/passwd'); END $$",
]


@pytest.mark.parametrize("role", ROLES)
def test_the_server_refuses_what_only_the_owner_may(roles, name, at, role):
    with closing(open_store(at("works"))) as store:
        put_district(store)
        written = told(store)
    let = []
    with psycopg.connect(f"host={roles.folder} user={role} dbname={name}", autocommit=True) as connection:
        for act in ACTS:
            try:
                connection.execute(act)
                let.append(act)
            except psycopg.errors.InsufficientPrivilege:
                pass
        # Giving on what one has not got is let pass, but gives nothing.
        connection.execute("GRANT ALL ON history TO PUBLIC")
        asked = "SELECT has_table_privilege('idles', 'history', 'SELECT, INSERT, DELETE')"
        assert connection.execute(asked).fetchone() == (False,)
    assert let == []
    with closing(open_store(at("owns"))) as store:
        assert told(store) == written


def test_what_is_refused_can_be_done_by_those_who_may(roles, name, at):
    """The control: no act is refused for a slip of the pen; the history is guarded even from a superuser."""
    with psycopg.connect(f"host={roles.folder} user=rules dbname={name}") as connection:
        for act in ACTS:
            with connection.transaction(force_rollback=True):
                try:
                    connection.execute(act)
                except psycopg.errors.RaiseException as error:
                    assert "append-only" in str(error) and act in ACTS[:3]


# Granting.


def test_the_same_grant_again_changes_nothing(at):
    known = "SELECT relname, relacl::text FROM pg_class WHERE relacl IS NOT NULL ORDER BY 1"
    with closing(open_store(at("owns"))) as store:
        before = told(store), store.frame(text(known))
        grant_roles(store, OPERATOR, ROLES)
        assert (told(store), store.frame(text(known))) == before
        with store.reading() as connection:
            assert granted(connection) == ROLES


def test_a_role_that_becomes_an_auditor_can_write_no_more(at):
    with closing(open_store(at("owns"))) as store:
        grant_roles(store, OPERATOR, {"works": "auditor"})
    with (
        closing(open_store(at("works"))) as store,
        pytest.raises(StoreError, match="permission denied"),
        store.writing(OPERATOR) as work,
    ):
        work.set("name_en", "never")


def test_roles_are_granted_at_the_command_line(roles, name, make_app):
    app = make_app(STORE=roles.address(name, user="owns"), CLI_LANGUAGE="en")
    arguments = ["grant-roles", "--program", "works", "--program", "idles", "--auditor", "reads"]
    done = app.test_cli_runner().invoke(args=arguments)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        "works may read and write rows, and alter no table.",
        "idles may read and write rows, and alter no table.",
        "reads may read.",
    ]
    with app.extensions["guatu"].reading() as connection:
        assert granted(connection) == {**ROLES, "idles": "program"}


@pytest.mark.parametrize(
    ("roles_asked", "error", "said"),
    [
        ({"nobody": "program"}, StoreError, "The server has no role nobody: make it first"),
        ({"rules": "auditor"}, StoreError, "The role rules may do more"),
        ({"owns": "program"}, StoreError, "The role owns may do more"),
        ({"works": "king"}, RequestError, "No kind of role is called king."),
    ],
)
def test_a_role_that_cannot_be_held_to_its_kind_is_given_nothing(at, roles_asked, error, said):
    with closing(open_store(at("owns"))) as store:
        before = told(store)
        with pytest.raises(error, match=said):
            grant_roles(store, OPERATOR, roles_asked)
        assert told(store) == before
        with store.reading() as connection:
            assert granted(connection) == ROLES


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "CREATE in public"),
        ("GRANT DELETE ON history TO PUBLIC", "DELETE on history"),
        ("GRANT TRUNCATE ON compounds TO idles", "TRUNCATE on compounds"),
    ],
)
def test_what_everybody_or_a_group_may_besides_is_found_out(roles, name, at, given, what):
    with psycopg.connect(f"host={roles.folder} user=postgres dbname={name}", autocommit=True) as connection:
        connection.execute(given)
        connection.execute("GRANT idles TO works")
        try:
            with closing(open_store(at("owns"))) as store, pytest.raises(StoreError) as error:
                grant_roles(store, OPERATOR, ROLES)
        finally:
            connection.execute("REVOKE idles FROM works")
    assert "The role works may do more than a role that only works here should" in str(error.value)
    assert what in str(error.value)


def test_only_the_owner_and_only_the_bureau_may_grant_and_only_on_a_shared_store(at, sample_store):
    with closing(open_store(at("works"))) as store:
        with pytest.raises(StoreError, match="Only owns, which owns the tables, may do that"):
            grant_roles(store, OPERATOR, {"idles": "program"})
        with pytest.raises(PermissionError_):
            grant_roles(store, VISITOR, {"idles": "program"})
    with pytest.raises(StoreError, match="The store is a file"):
        grant_roles(sample_store, OPERATOR, ROLES)


def test_every_table_has_rights_and_what_is_kept_is_only_added_to():
    assert set(rights("program")) == set(rights("auditor")) == {*tables.metadata.tables, "alembic_version"}
    for name, allowed in rights("program").items():
        assert ("UPDATE" in allowed or "DELETE" in allowed) == (name not in {*tables.KEPT, "alembic_version"})
    assert set(rights("auditor").values()) == {("SELECT",)}


# An older schema.


def test_a_role_that_is_not_the_owner_is_told_who_must_migrate(at, future):
    folder = future()
    for role in ROLES:
        said = refused(at(role), migrations=folder)
        assert "older than this Guatu: run flask migrate as their owner, owns." in said
    open_postgis(at("owns"), migrations=folder).close()
    with closing(open_postgis(at("works"), migrations=folder)) as store:
        assert store.schema() == "next"


def test_a_table_that_a_migration_makes_is_for_the_roles_as_well(at, future, name, roles):
    then = 'op.create_table("shares_again", sa.Column("a", sa.Text()))\n    op.drop_table("shares")\n'
    then += '    op.rename_table("shares_again", "shares")'
    open_postgis(at("owns"), migrations=future(then)).close()
    with psycopg.connect(f"host={roles.folder} user=works dbname={name}") as connection:
        connection.execute("INSERT INTO shares VALUES ('by the program')")
    with psycopg.connect(f"host={roles.folder} user=reads dbname={name}") as connection:
        assert connection.execute("SELECT count(*) FROM shares").fetchone() == (1,)


def test_a_role_without_rights_is_told_so(at):
    assert "permission denied" in refused(at("idles"))
