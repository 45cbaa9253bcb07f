"""Who may do what in the database of the shared store: its owner, the program, an auditor.

The owner made the tables, and brings them to the newest schema. The program works under a role
that reads and writes rows and nothing else: what is kept for ever it can only add to, and it can
neither alter a table nor the guard of the history. An auditor reads. The server itself holds all
three to it, whatever the program does.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from geo.errors import RequestError, StoreError
from layers.people import Person, require
from layers.store import Store
from layers.tables import KEPT, metadata

KINDS = ("program", "auditor")
_READ = ("SELECT",)
_ADD = ("SELECT", "INSERT")
_CHANGE = ("SELECT", "INSERT", "UPDATE", "DELETE")
_EVERY = (*_CHANGE, "TRUNCATE", "REFERENCES", "TRIGGER")
_VERSION = "alembic_version"

_MAY_MIGRATE = """
SELECT coalesce(
    (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('history')),
    has_schema_privilege(current_schema(), 'CREATE')
)
"""
_OWNER = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('history')"
_GRANTED = """
SELECT pg_get_userbyid(a.grantee), bool_or(a.privilege_type = 'INSERT')
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.oid = to_regclass('history') AND a.grantee NOT IN (0, c.relowner) GROUP BY 1
"""
_TOO_MUCH = """
SELECT 'CREATE in ' || current_schema() WHERE has_schema_privilege(:role, current_schema(), 'CREATE')
UNION ALL
SELECT 'CREATE in ' || current_database() WHERE has_database_privilege(:role, current_database(), 'CREATE')
UNION ALL
SELECT p || ' on ' || t FROM unnest(CAST(:tables AS text[]), CAST(:rights AS text[])) AS asked (t, p)
WHERE has_table_privilege(:role, to_regclass(quote_ident(t)), p)
"""


def rights(kind: str) -> dict[str, tuple[str, ...]]:
    """Return what a kind of role may do with each table of a store.

    >>> rights("program")["history"], rights("auditor")["history"]
    (('SELECT', 'INSERT'), ('SELECT',))
    """
    tables = {name: _ADD if name in KEPT else _CHANGE for name in sorted(metadata.tables)}
    found = {**tables, _VERSION: _READ}
    return found if kind == "program" else dict.fromkeys(found, _READ)


def may_migrate(connection: Connection) -> bool:
    """Return whether this role may make or alter the tables of the store behind a connection."""
    return connection.scalar(text(_MAY_MIGRATE))


def owner_of(connection: Connection) -> str | None:
    """Return the role that owns the tables of the store, None where there are none yet."""
    return connection.scalar(text(_OWNER))


def granted(connection: Connection) -> dict[str, str]:
    """Return role → kind of those that were given rights."""
    return {role: "program" if adds else "auditor" for role, adds in connection.execute(text(_GRANTED))}


def grant_roles(store: Store, person: Person, roles: Mapping[str, str]) -> None:
    """Give roles of the database the rights of their kind, and no others.

    Args:
        store: a shared store, opened as the owner of its tables.
        person: who may.
        roles: role → one of ``KINDS``; the roles must be there already.

    Raises:
        StoreError: the store is a file; a role is missing or may do more than its kind (because
            it is a superuser, owns the tables, or everybody may); this role owns no table.
    """
    require(person, "grant")
    if store.engine.dialect.name != "postgresql":
        raise StoreError("The store is a file: who may do what with it is said by the rights of its folder.")
    with store.writing(person) as work:
        if not may_migrate(work.connection):
            raise StoreError(
                "Only %(owner)s, which owns the tables, may do that.", owner=owner_of(work.connection)
            )
        grant(work.connection, roles)


def grant(connection: Connection, roles: Mapping[str, str]) -> None:
    """Do what ``grant_roles`` does inside a transaction that is already open."""
    known = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    for role, kind in roles.items():
        if kind not in KINDS:
            raise RequestError("No kind of role is called %(kind)s.", kind=kind)
        if role not in known:
            raise StoreError(
                "The server has no role %(role)s: make it first (CREATE ROLE … LOGIN PASSWORD …).", role=role
            )
        for statement in _statements(connection, role, kind):
            connection.exec_driver_sql(statement)
        _check(connection, role, kind)


def _statements(connection: Connection, role: str, kind: str) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote_identifier
    to, schema = quote(role), quote(connection.scalar(text("SELECT current_schema()")))
    found = [f"GRANT USAGE ON SCHEMA {schema} TO {to}"]
    for name, allowed in rights(kind).items():
        found.append(f"REVOKE ALL ON {quote(name)} FROM {to}")
        found.append(f"GRANT {', '.join(allowed)} ON {quote(name)} TO {to}")
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            asked = {"table": table.name, "column": column.name}
            sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), asked)
            found.append(f"REVOKE ALL ON SEQUENCE {sequence} FROM {to}")
            # UPDATE, because rows that were numbered in another store are numbered on from there.
            found += [f"GRANT USAGE, UPDATE ON SEQUENCE {sequence} TO {to}"] * (kind == "program")
    return found


def _check(connection: Connection, role: str, kind: str) -> None:
    """Refuse a role that has more than was given to it: as a superuser, an heir, or like everybody."""
    beyond = [(name, p) for name, allowed in rights(kind).items() for p in _EVERY if p not in allowed]
    asked = {"role": role, "tables": [name for name, _ in beyond], "rights": [p for _, p in beyond]}
    found = connection.scalars(text(_TOO_MUCH), asked).all()
    if found:
        raise StoreError(
            "The role %(role)s may do more than a role that only works here should (%(what)s): "
            "take that from it first.",
            role=role,
            what=", ".join(found[:3]),
        )
