"""The tables of the store, for SQLAlchemy Core; the layers' columns come from the catalogue.

Dates are ISO text and flags 0 or 1 in both stores, so that a row reads the same from either.
Geometry is WKB in STORED (CGCS2000 longitude and latitude) beside its box.
``migrations/`` builds the same tables step by step; a test holds the two together.
"""

from sqlalchemy import (
    REAL,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from layers.catalogue import LAYERS, Field

metadata = MetaData()

#: SQLite calls an 8-byte float REAL; PostgreSQL's REAL has 4 bytes.
NUMBER = Double().with_variant(REAL(), "sqlite")
BOX = ("west", "south", "east", "north")

_TYPES = {
    "text": Text,
    "code": Text,
    "date": Text,
    "choice": Text,
    "integer": Integer,
    "year": Integer,
    "flag": Integer,
    "number": NUMBER,
}


def table(name: str, *parts: Column | UniqueConstraint | Index | CheckConstraint) -> Table:
    """Return a STRICT table of the store's metadata."""
    return Table(name, metadata, *parts, sqlite_strict=True)


def _column(field: Field) -> Column:
    return Column(field.name, _TYPES[field.type], nullable=not (field.must or field.name == "code"))


def _feature_table(layer: str, *more: Column | UniqueConstraint) -> Table:
    """One row a feature: who knows it, which load brought it, its fields, its shape and box."""
    # A compound's stage follows from its stage history; all else a file brings is a column.
    fields = [_column(f) for f in LAYERS[layer].stored if f.name != "stage"]
    return table(
        layer,
        Column("fid", Integer, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("load_id", Integer, ForeignKey("loads.id"), nullable=False),
        Column("row", Integer, nullable=False),
        *fields,
        Column("unmapped", Text),
        Column("wkb", LargeBinary, nullable=False),
        *(Column(side, NUMBER, nullable=False) for side in BOX),
        *more,
    )


settings = table("settings", Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

revisions = table(
    "revisions", Column("layer", Text, primary_key=True), Column("revision", Integer, nullable=False)
)

loads = table(
    "loads",
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("layer", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("receipt", Text, nullable=False),
)

set_aside = table(
    "set_aside",
    Column("load_id", Integer, ForeignKey("loads.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("original", Text, nullable=False),
    Column("geometry", Text),
)

findings = table(
    "findings",
    Column("id", Integer, primary_key=True),
    Column("load_id", Integer, ForeignKey("loads.id"), nullable=False, index=True),
    Column("row", Integer, nullable=False),
    Column("field", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

editions = table(
    "editions",
    Column("id", Integer, primary_key=True),
    Column("load_id", Integer, ForeignKey("loads.id"), nullable=False),
    Column("code_list", Text, nullable=False),
    Column("state", Text, CheckConstraint("state IN ('waiting', 'active', 'former')"), nullable=False),
    Column("activated_at", Text),
)

street_offices = _feature_table(
    "street_offices",
    Column("edition_id", Integer, ForeignKey("editions.id"), nullable=False),
    UniqueConstraint("edition_id", "code"),
)
compounds = _feature_table("compounds", UniqueConstraint("code"))
illegal_structures = _feature_table("illegal_structures", UniqueConstraint("code"))
facilities = _feature_table("facilities", UniqueConstraint("code"))

#: The revision of the published rows of ``illegal_structures``.
PUBLISHED_STRUCTURES = "illegal_structures/published"

FEATURES: dict[str, Table] = {
    "street_offices": street_offices,
    "compounds": compounds,
    "illegal_structures": illegal_structures,
    "facilities": facilities,
}

assignments = table(
    "assignments",
    Column("layer", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("edition_id", Integer, ForeignKey("editions.id"), primary_key=True),
    Column("street_office_code", Text),
    Column("share", NUMBER, nullable=False),
    Column("outside", NUMBER, nullable=False),
    Column("claimed_twice", NUMBER, nullable=False),
    Column("border", Integer, nullable=False),
    Column("method", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("person", Text, nullable=False),
)
Index("assignments_by_office", assignments.c.edition_id, assignments.c.street_office_code)

shares = table(
    "shares",
    Column("code", Text, primary_key=True),
    Column("edition_id", Integer, ForeignKey("editions.id"), primary_key=True),
    Column("street_office_code", Text, primary_key=True),
    Column("area_m2", NUMBER, nullable=False),
    Column("share", NUMBER, nullable=False),
)

#: Which compound a structure belongs to: as its file says, else the one it lies in.
places = table(
    "places",
    Column("code", Text, primary_key=True),
    Column("compound_code", Text, nullable=False, index=True),
)

coverage = table(
    "coverage",
    Column("code", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("share", NUMBER, nullable=False),
)

stage_history = table(
    "stage_history",
    Column("code", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("planned_start", Text),
    Column("planned_finish", Text),
    Column("actual_start", Text),
    Column("actual_finish", Text),
    # 1: a file called the stage begun without giving a date.
    Column("reported", Integer, nullable=False),
)

year_plans = table(
    "year_plans", Column("plan_year", Integer, primary_key=True), Column("due_on", Text, nullable=False)
)

plan_deadlines = table(
    "plan_deadlines",
    Column("plan_year", Integer, ForeignKey("year_plans.plan_year"), primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("due_on", Text, nullable=False),
)

targets = table("targets", Column("by", Text, primary_key=True), Column("share", NUMBER, nullable=False))

#: Every change with its before and after, each entry bound to the one before by its hash.
history = table(
    "history",
    Column("seq", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("code", Text),
    Column("load_id", Integer),
    Column("before", Text),
    Column("after", Text),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
)

#: Roads, water, parks and blocks, drawn faintly below the layers where there is no base map.
backdrop = table(
    "backdrop",
    Column("fid", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text),
    Column("wkb", LargeBinary, nullable=False),
)
