"""The first schema: layers with editions, assignments, stages, loads, findings and history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

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


def upgrade() -> None:
    """Create every table, and on SQLite the R*Trees and the guard of the history."""
    _tables()
    if op.get_bind().dialect.name == "sqlite":
        for layer in FEATURES:
            _run(BOXES.format(layer=layer))
        _run(APPEND_ONLY)


def _run(script: str) -> None:
    """Run statements that end at a semicolon before CREATE: a trigger holds some of its own."""
    for statement in script.strip().split(";\nCREATE"):
        text = statement if statement.startswith("CREATE") else "CREATE" + statement
        op.execute(sa.text(text.replace(":", "\\:")))


def _tables() -> None:
    op.create_table(
        "backdrop",
        sa.Column("fid", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fid"),
        sqlite_strict=True,
    )
    op.create_table(
        "coverage",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("share", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("code", "kind"),
        sqlite_strict=True,
    )
    op.create_table(
        "history",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("load_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("hash"),
        sqlite_strict=True,
    )
    op.create_table(
        "loads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "places",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("compound_code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_places_compound_code"), "places", ["compound_code"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("layer"),
        sqlite_strict=True,
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
    )
    op.create_table(
        "stage_history",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("planned_start", sa.Text(), nullable=True),
        sa.Column("planned_finish", sa.Text(), nullable=True),
        sa.Column("actual_start", sa.Text(), nullable=True),
        sa.Column("actual_finish", sa.Text(), nullable=True),
        sa.Column("reported", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", "stage"),
        sqlite_strict=True,
    )
    op.create_table(
        "targets",
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("share", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("by"),
        sqlite_strict=True,
    )
    op.create_table(
        "year_plans",
        sa.Column("plan_year", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plan_year"),
        sqlite_strict=True,
    )
    op.create_table(
        "compounds",
        sa.Column("fid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("division_code", sa.Text(), nullable=True),
        sa.Column("community", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("plan_year", sa.Integer(), nullable=True),
        sa.Column("built_year", sa.Integer(), nullable=True),
        sa.Column("buildings", sa.Integer(), nullable=True),
        sa.Column("entrances", sa.Integer(), nullable=True),
        sa.Column("households", sa.Integer(), nullable=True),
        sa.Column("floor_area_m2", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("land_area_m2", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("tenure", sa.Text(), nullable=True),
        sa.Column("management", sa.Text(), nullable=True),
        sa.Column("owners_committee", sa.Integer(), nullable=True),
        sa.Column("work_categories", sa.Text(), nullable=True),
        sa.Column("investment_wan_yuan", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("invested_wan_yuan", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("funds_wan_yuan", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("responsible_body", sa.Text(), nullable=True),
        sa.Column("designer", sa.Text(), nullable=True),
        sa.Column("builder", sa.Text(), nullable=True),
        sa.Column("supervisor", sa.Text(), nullable=True),
        sa.Column("auditor", sa.Text(), nullable=True),
        sa.Column("satisfaction", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("contact_phone", sa.Text(), nullable=True),
        sa.Column("unmapped", sa.Text(), nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("south", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("east", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("north", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
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
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("code_list", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("activated_at", sa.Text(), nullable=True),
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
        sa.Column("fid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("radius_m", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("floor_area_m2", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("capacity", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("unmapped", sa.Text(), nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("south", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("east", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("north", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
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
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
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
        sa.Column("fid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("compound_code", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("material", sa.Text(), nullable=True),
        sa.Column("storeys", sa.Integer(), nullable=True),
        sa.Column("area_m2", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=True),
        sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("built_on", sa.Text(), nullable=True),
        sa.Column("found_on", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Text(), nullable=True),
        sa.Column("demolished_on", sa.Text(), nullable=True),
        sa.Column("disposal", sa.Text(), nullable=True),
        sa.Column("recheck", sa.Text(), nullable=True),
        sa.Column("later_use", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("unmapped", sa.Text(), nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("south", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("east", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("north", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
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
        sa.Column("plan_year", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_year"],
            ["year_plans.plan_year"],
        ),
        sa.PrimaryKeyConstraint("plan_year", "stage"),
        sqlite_strict=True,
    )
    op.create_table(
        "set_aside",
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("geometry", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
        ),
        sa.PrimaryKeyConstraint("load_id", "row"),
        sqlite_strict=True,
    )
    op.create_table(
        "assignments",
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("street_office_code", sa.Text(), nullable=True),
        sa.Column("share", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("outside", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("claimed_twice", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("border", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
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
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("street_office_code", sa.Text(), nullable=False),
        sa.Column("area_m2", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("share", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"],
            ["editions.id"],
        ),
        sa.PrimaryKeyConstraint("code", "edition_id", "street_office_code"),
        sqlite_strict=True,
    )
    op.create_table(
        "street_offices",
        sa.Column("fid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=True),
        sa.Column("pinyin", sa.Text(), nullable=True),
        sa.Column("unmapped", sa.Text(), nullable=True),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.Column("west", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("south", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("east", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("north", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
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
