"""The first schema: layers with editions, assignments, stages, loads, findings and history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.Double().with_variant(sa.REAL(), "sqlite")
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

FEATURES = ("street_offices", "compounds", "illegal_structures", "facilities")

# Plain SQL keeps the R*Tree, so that it is right even after an edit from SQLite's own shell.
BOXES = """
CREATE VIRTUAL TABLE {layer}_box USING rtree(fid, west, east, south, north);
CREATE TRIGGER {layer}_box_insert AFTER INSERT ON {layer} BEGIN
    INSERT INTO {layer}_box VALUES (new.fid, new.west, new.east, new.south, new.north);
END;
CREATE TRIGGER {layer}_box_update AFTER UPDATE OF fid, west, east, south, north ON {layer} BEGIN
    DELETE FROM {layer}_box WHERE fid = old.fid;
    INSERT INTO {layer}_box VALUES (new.fid, new.west, new.east, new.south, new.north);
END;
CREATE TRIGGER {layer}_box_delete AFTER DELETE ON {layer} BEGIN
    DELETE FROM {layer}_box WHERE fid = old.fid;
END
"""

# INSERT OR REPLACE deletes without firing the trigger of a DELETE, hence the third one.
APPEND_ONLY = """
CREATE TRIGGER history_no_update BEFORE UPDATE ON history BEGIN
    SELECT RAISE(ABORT, 'the history is append-only');
END;
CREATE TRIGGER history_no_delete BEFORE DELETE ON history BEGIN
    SELECT RAISE(ABORT, 'the history is append-only');
END;
CREATE TRIGGER history_no_replace BEFORE INSERT ON history
WHEN EXISTS (SELECT 1 FROM history WHERE seq = new.seq OR hash = new.hash) BEGIN
    SELECT RAISE(ABORT, 'the history is append-only');
END
"""

# PostGIS makes the geometry of the WKB itself, so that the two can never differ.
SHAPES = (
    """
ALTER TABLE {layer}
ADD COLUMN shape geometry(Geometry, 4490) GENERATED ALWAYS AS (ST_GeomFromWKB(wkb, 4490)) STORED
""",
    "CREATE INDEX {layer}_shape ON {layer} USING gist (shape)",
)

# A statement of its own each: the text of the function holds semicolons.
APPEND_ONLY_POSTGIS = (
    """
CREATE FUNCTION refuse_to_alter_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history is append-only';
END $$
""",
    """
CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter_history()
""",
)


def upgrade() -> None:
    """Create every table, the index of each layer's places, and the guard of the history."""
    _tables()
    if op.get_bind().dialect.name == "sqlite":
        for layer in FEATURES:
            _run(BOXES.format(layer=layer))
        _run(APPEND_ONLY)
    else:
        for statement in [s.format(layer=layer) for layer in FEATURES for s in SHAPES]:
            op.execute(sa.text(statement))
        for statement in APPEND_ONLY_POSTGIS:
            op.execute(sa.text(statement))


def _run(script: str) -> None:
    """Run statements that end at a semicolon before CREATE: a trigger holds some of its own."""
    for statement in script.strip().split(";\nCREATE"):
        text = statement if statement.startswith("CREATE") else "CREATE" + statement
        op.execute(sa.text(text.replace(":", "\\:")))


def _tables() -> None:
    op.create_table(
        "backdrop",
        sa.Column("fid", WHOLE, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fid"),
        sqlite_strict=True,
    )
    op.create_table(
        "coverage",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("share", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("code", "kind"),
        sqlite_strict=True,
    )
    op.create_table(
        "history",
        sa.Column("seq", WHOLE, autoincrement=False, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=True),
        sa.Column("load_id", WHOLE, nullable=True),
        sa.Column("before", TEXT, nullable=True),
        sa.Column("after", TEXT, nullable=True),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("hash"),
        sqlite_strict=True,
    )
    op.create_table(
        "loads",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("layer", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("options", TEXT, nullable=False),
        sa.Column("receipt", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "places",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("compound_code", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_places_compound_code"), "places", ["compound_code"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("layer", TEXT, nullable=False),
        sa.Column("revision", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("layer"),
        sqlite_strict=True,
    )
    op.create_table(
        "settings",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
    )
    op.create_table(
        "stage_history",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("position", WHOLE, nullable=False),
        sa.Column("planned_start", TEXT, nullable=True),
        sa.Column("planned_finish", TEXT, nullable=True),
        sa.Column("actual_start", TEXT, nullable=True),
        sa.Column("actual_finish", TEXT, nullable=True),
        sa.Column("reported", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("code", "stage"),
        sqlite_strict=True,
    )
    op.create_table(
        "targets",
        sa.Column("by", TEXT, nullable=False),
        sa.Column("share", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("by"),
        sqlite_strict=True,
    )
    op.create_table(
        "year_plans",
        sa.Column("plan_year", WHOLE, nullable=False),
        sa.Column("due_on", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("plan_year"),
        sqlite_strict=True,
    )
    op.create_table(
        "compounds",
        sa.Column("fid", WHOLE, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("load_id", WHOLE, nullable=False),
        sa.Column("row", WHOLE, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("division_code", TEXT, nullable=True),
        sa.Column("community", TEXT, nullable=True),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("plan_year", WHOLE, nullable=True),
        sa.Column("built_year", WHOLE, nullable=True),
        sa.Column("buildings", WHOLE, nullable=True),
        sa.Column("entrances", WHOLE, nullable=True),
        sa.Column("households", WHOLE, nullable=True),
        sa.Column("floor_area_m2", NUMBER, nullable=True),
        sa.Column("land_area_m2", NUMBER, nullable=True),
        sa.Column("tenure", TEXT, nullable=True),
        sa.Column("management", TEXT, nullable=True),
        sa.Column("owners_committee", WHOLE, nullable=True),
        sa.Column("work_categories", TEXT, nullable=True),
        sa.Column("investment_wan_yuan", NUMBER, nullable=True),
        sa.Column("invested_wan_yuan", NUMBER, nullable=True),
        sa.Column("funds_wan_yuan", NUMBER, nullable=True),
        sa.Column("responsible_body", TEXT, nullable=True),
        sa.Column("designer", TEXT, nullable=True),
        sa.Column("builder", TEXT, nullable=True),
        sa.Column("supervisor", TEXT, nullable=True),
        sa.Column("auditor", TEXT, nullable=True),
        sa.Column("satisfaction", NUMBER, nullable=True),
        sa.Column("contact", TEXT, nullable=True),
        sa.Column("contact_phone", TEXT, nullable=True),
        sa.Column("unmapped", TEXT, nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", NUMBER, nullable=False),
        sa.Column("south", NUMBER, nullable=False),
        sa.Column("east", NUMBER, nullable=False),
        sa.Column("north", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("fid"),
        sa.UniqueConstraint("code"),
        sqlite_strict=True,
    )
    op.create_table(
        "editions",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("load_id", WHOLE, nullable=False),
        sa.Column("code_list", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("activated_at", TEXT, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'active', 'former')"),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "facilities",
        sa.Column("fid", WHOLE, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("load_id", WHOLE, nullable=False),
        sa.Column("row", WHOLE, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("radius_m", NUMBER, nullable=True),
        sa.Column("floor_area_m2", NUMBER, nullable=True),
        sa.Column("capacity", NUMBER, nullable=True),
        sa.Column("status", TEXT, nullable=True),
        sa.Column("unmapped", TEXT, nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", NUMBER, nullable=False),
        sa.Column("south", NUMBER, nullable=False),
        sa.Column("east", NUMBER, nullable=False),
        sa.Column("north", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("fid"),
        sa.UniqueConstraint("code"),
        sqlite_strict=True,
    )
    op.create_table(
        "findings",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("load_id", WHOLE, nullable=False),
        sa.Column("row", WHOLE, nullable=False),
        sa.Column("field", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_findings_load_id"), "findings", ["load_id"], unique=False)
    op.create_table(
        "illegal_structures",
        sa.Column("fid", WHOLE, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("load_id", WHOLE, nullable=False),
        sa.Column("row", WHOLE, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("compound_code", TEXT, nullable=True),
        sa.Column("place", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("material", TEXT, nullable=True),
        sa.Column("storeys", WHOLE, nullable=True),
        sa.Column("area_m2", NUMBER, nullable=True),
        sa.Column("batch", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=True),
        sa.Column("built_on", TEXT, nullable=True),
        sa.Column("found_on", TEXT, nullable=True),
        sa.Column("due_on", TEXT, nullable=True),
        sa.Column("demolished_on", TEXT, nullable=True),
        sa.Column("disposal", TEXT, nullable=True),
        sa.Column("recheck", TEXT, nullable=True),
        sa.Column("later_use", TEXT, nullable=True),
        sa.Column("person", TEXT, nullable=True),
        sa.Column("unmapped", TEXT, nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", NUMBER, nullable=False),
        sa.Column("south", NUMBER, nullable=False),
        sa.Column("east", NUMBER, nullable=False),
        sa.Column("north", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("fid"),
        sa.UniqueConstraint("code"),
        sqlite_strict=True,
    )
    op.create_table(
        "plan_deadlines",
        sa.Column("plan_year", WHOLE, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("due_on", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_year"],
            ["year_plans.plan_year"],
        ),
        sa.PrimaryKeyConstraint("plan_year", "stage"),
        sqlite_strict=True,
    )
    op.create_table(
        "set_aside",
        sa.Column("load_id", WHOLE, nullable=False),
        sa.Column("row", WHOLE, nullable=False),
        sa.Column("original", TEXT, nullable=False),
        sa.Column("geometry", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("load_id", "row"),
        sqlite_strict=True,
    )
    op.create_table(
        "assignments",
        sa.Column("layer", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("edition_id", WHOLE, nullable=False),
        sa.Column("street_office_code", TEXT, nullable=True),
        sa.Column("share", NUMBER, nullable=False),
        sa.Column("outside", NUMBER, nullable=False),
        sa.Column("claimed_twice", NUMBER, nullable=False),
        sa.Column("border", WHOLE, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
        ),
        sa.PrimaryKeyConstraint("layer", "code", "edition_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "assignments_by_office", "assignments", ["edition_id", "street_office_code"], unique=False
    )
    op.create_table(
        "shares",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("edition_id", WHOLE, nullable=False),
        sa.Column("street_office_code", TEXT, nullable=False),
        sa.Column("area_m2", NUMBER, nullable=False),
        sa.Column("share", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
        ),
        sa.PrimaryKeyConstraint("code", "edition_id", "street_office_code"),
        sqlite_strict=True,
    )
    op.create_table(
        "street_offices",
        sa.Column("fid", WHOLE, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("load_id", WHOLE, nullable=False),
        sa.Column("row", WHOLE, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("division_code", TEXT, nullable=True),
        sa.Column("pinyin", TEXT, nullable=True),
        sa.Column("unmapped", TEXT, nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", NUMBER, nullable=False),
        sa.Column("south", NUMBER, nullable=False),
        sa.Column("east", NUMBER, nullable=False),
        sa.Column("north", NUMBER, nullable=False),
        sa.Column("edition_id", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("fid"),
        sa.UniqueConstraint("edition_id", "code"),
        sqlite_strict=True,
    )
