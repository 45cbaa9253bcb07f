"""The tables of the store, for SQLAlchemy Core; the layers' columns come from the catalogue.

Dates are ISO text and flags 0 or 1 in both stores, so that a row reads the same from either.
Geometry is WKB in STORED (CGCS2000 longitude and latitude) beside its box.
On PostGIS each layer has a column ``shape`` besides, which the database itself makes from ``wkb``.
``migrations/`` builds the same tables step by step; a test holds the two together.
"""

from sqlalchemy import (
    REAL,
    BigInteger,
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
#: PostgreSQL's INTEGER has 4 bytes, SQLite's 8.
WHOLE = Integer().with_variant(BigInteger(), "postgresql")
#: Both stores sort and compare text by code point, whatever language the server is set to.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")
BOX = ("west", "south", "east", "north")

_TYPES = {
    "text": TEXT,
    "code": TEXT,
    "date": TEXT,
    "choice": TEXT,
    "integer": WHOLE,
    "year": WHOLE,
    "flag": WHOLE,
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
        Column("fid", WHOLE, primary_key=True),
        Column("version", WHOLE, nullable=False),
        Column("load_id", WHOLE, ForeignKey("loads.id"), nullable=False),
        Column("row", WHOLE, nullable=False),
        *fields,
        Column("unmapped", TEXT),
        Column("wkb", LargeBinary, nullable=False),
        *(Column(side, NUMBER, nullable=False) for side in BOX),
        *more,
    )


settings = table("settings", Column("key", TEXT, primary_key=True), Column("value", TEXT, nullable=False))

revisions = table(
    "revisions", Column("layer", TEXT, primary_key=True), Column("revision", WHOLE, nullable=False)
)

loads = table(
    "loads",
    Column("id", WHOLE, primary_key=True),
    Column("at", TEXT, nullable=False),
    Column("person", TEXT, nullable=False),
    Column("layer", TEXT, nullable=False),
    Column("sha256", TEXT, nullable=False),
    Column("options", TEXT, nullable=False),
    Column("receipt", TEXT, nullable=False),
)

set_aside = table(
    "set_aside",
    Column("load_id", WHOLE, ForeignKey("loads.id"), primary_key=True),
    Column("row", WHOLE, primary_key=True),
    Column("original", TEXT, nullable=False),
    Column("geometry", TEXT),
)

findings = table(
    "findings",
    Column("id", WHOLE, primary_key=True),
    Column("load_id", WHOLE, ForeignKey("loads.id"), nullable=False, index=True),
    Column("row", WHOLE, nullable=False),
    Column("field", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
    Column("severity", TEXT, nullable=False),
    Column("detail", TEXT, nullable=False),
)

editions = table(
    "editions",
    Column("id", WHOLE, primary_key=True),
    Column("load_id", WHOLE, ForeignKey("loads.id"), nullable=False),
    Column("code_list", TEXT, nullable=False),
    Column("state", TEXT, CheckConstraint("state IN ('waiting', 'active', 'former')"), nullable=False),
    Column("activated_at", TEXT),
)

street_offices = _feature_table(
    "street_offices",
    Column("edition_id", WHOLE, ForeignKey("editions.id"), nullable=False),
    UniqueConstraint("edition_id", "code"),
)
compounds = _feature_table("compounds", UniqueConstraint("code"))
illegal_structures = _feature_table("illegal_structures", UniqueConstraint("code"))
facilities = _feature_table("facilities", UniqueConstraint("code"))

#: The revision of the published rows of ``illegal_structures``.
PUBLISHED_STRUCTURES = "illegal_structures/published"

#: Tables whose rows are kept as they were written: added to, never changed.
KEPT = frozenset({"history", "findings", "set_aside"})

FEATURES: dict[str, Table] = {
    "street_offices": street_offices,
    "compounds": compounds,
    "illegal_structures": illegal_structures,
    "facilities": facilities,
}


def _grounds() -> tuple[Column, ...]:
    """Why an answer is what it is: border reasons, the rule's own answer, what a point is near to."""
    return (
        Column("border_reason", TEXT),
        Column("computed", TEXT),
        Column("nearest_code", TEXT),
        Column("nearest_m", NUMBER),
        Column("candidates", TEXT),
    )


#: Who answers for each site now: the rows of the active edition only.
assignments = table(
    "assignments",
    Column("layer", TEXT, primary_key=True),
    Column("code", TEXT, primary_key=True),
    Column("edition_id", WHOLE, ForeignKey("editions.id"), primary_key=True),
    Column("street_office_code", TEXT),
    Column("share", NUMBER, nullable=False),
    Column("outside", NUMBER, nullable=False),
    Column("claimed_twice", NUMBER, nullable=False),
    Column("border", WHOLE, nullable=False),
    Column("method", TEXT, nullable=False),
    Column("at", TEXT, nullable=False),
    Column("person", TEXT, nullable=False),
    *_grounds(),
)
Index("assignments_by_office", assignments.c.edition_id, assignments.c.street_office_code)

shares = table(
    "shares",
    Column("code", TEXT, primary_key=True),
    Column("edition_id", WHOLE, ForeignKey("editions.id"), primary_key=True),
    Column("street_office_code", TEXT, primary_key=True),
    Column("area_m2", NUMBER, nullable=False),
    Column("share", NUMBER, nullable=False),
)

#: Who answered, from ``at`` until an edit, a decision or an edition took the row's place.
former_assignments = table(
    "former_assignments",
    Column("layer", TEXT, primary_key=True),
    Column("code", TEXT, primary_key=True),
    Column("until", TEXT, primary_key=True),
    Column("edition_id", WHOLE, ForeignKey("editions.id"), nullable=False),
    Column("street_office_code", TEXT),
    Column("share", NUMBER, nullable=False),
    Column("outside", NUMBER, nullable=False),
    Column("claimed_twice", NUMBER, nullable=False),
    Column("border", WHOLE, nullable=False),
    Column("method", TEXT, nullable=False),
    Column("at", TEXT, nullable=False),
    Column("person", TEXT, nullable=False),
    *_grounds(),
)
Index("former_assignments_by_end", former_assignments.c.until)

#: The shares a former answer for a compound rested on; ``until`` names the answer.
former_shares = table(
    "former_shares",
    Column("code", TEXT, primary_key=True),
    Column("until", TEXT, primary_key=True),
    Column("street_office_code", TEXT, primary_key=True),
    Column("area_m2", NUMBER, nullable=False),
    Column("share", NUMBER, nullable=False),
)

#: Who answers for a site because a person said so; ``ground`` is what was known when they did.
decisions = table(
    "decisions",
    Column("layer", TEXT, primary_key=True),
    Column("code", TEXT, primary_key=True),
    Column("street_office_code", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("state", TEXT, CheckConstraint("state IN ('decided', 'review')"), nullable=False),
    Column("ground", TEXT, nullable=False),
    Column("at", TEXT, nullable=False),
    Column("person", TEXT, nullable=False),
)

#: Which edition of the street offices was made active when.
activations = table(
    "activations",
    Column("id", WHOLE, primary_key=True),
    Column("edition_id", WHOLE, ForeignKey("editions.id"), nullable=False),
    Column("at", TEXT, nullable=False),
)

#: Which compound a structure belongs to: as its file says, else the one it lies in.
places = table(
    "places",
    Column("code", TEXT, primary_key=True),
    Column("compound_code", TEXT, nullable=False, index=True),
)

coverage = table(
    "coverage",
    Column("code", TEXT, primary_key=True),
    Column("kind", TEXT, primary_key=True),
    Column("share", NUMBER, nullable=False),
)

stage_history = table(
    "stage_history",
    Column("code", TEXT, primary_key=True),
    Column("stage", TEXT, primary_key=True),
    Column("position", WHOLE, nullable=False),
    Column("planned_start", TEXT),
    Column("planned_finish", TEXT),
    Column("actual_start", TEXT),
    Column("actual_finish", TEXT),
    # 1: a file called the stage begun without giving a date.
    Column("reported", WHOLE, nullable=False),
)

#: All that ``standings`` asks of a stage: a page of compounds need not read the rows themselves.
Index(
    "stage_history_standing",
    *(
        stage_history.c[name]
        for name in ("code", "position", "planned_finish", "actual_start", "actual_finish", "reported")
    ),
)

year_plans = table(
    "year_plans", Column("plan_year", WHOLE, primary_key=True), Column("due_on", TEXT, nullable=False)
)

plan_deadlines = table(
    "plan_deadlines",
    Column("plan_year", WHOLE, ForeignKey("year_plans.plan_year"), primary_key=True),
    Column("stage", TEXT, primary_key=True),
    Column("due_on", TEXT, nullable=False),
)

targets = table("targets", Column("by", TEXT, primary_key=True), Column("share", NUMBER, nullable=False))

#: Every change with its before and after, each entry bound to the one before by its hash.
history = table(
    "history",
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("at", TEXT, nullable=False),
    Column("person", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("code", TEXT),
    Column("load_id", WHOLE),
    Column("before", TEXT),
    Column("after", TEXT),
    Column("previous", TEXT, nullable=False),
    Column("hash", TEXT, nullable=False, unique=True),
)
Index("history_by_subject", history.c.subject, history.c.code)

#: Roads, water, parks and blocks, drawn faintly below the layers where there is no base map.
backdrop = table(
    "backdrop",
    Column("fid", WHOLE, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("name", TEXT),
    Column("wkb", LargeBinary, nullable=False),
)

#: The word that a store has for as long as its revisions only grow (``layers/epoch.py``).
epoch = table("epoch", Column("word", TEXT, primary_key=True))


def carried() -> list[Table]:
    """Return the tables that go with a district into another store, each after those it refers to."""
    return [table for table in metadata.sorted_tables if table is not epoch]
