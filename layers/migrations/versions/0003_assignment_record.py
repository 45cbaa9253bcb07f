"""The assignment as a record: decisions, former answers and their shares, when editions were active."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.Double().with_variant(sa.REAL(), "sqlite")
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

GROUNDS = (
    ("border_reason", TEXT),
    ("computed", TEXT),
    ("nearest_code", TEXT),
    ("nearest_m", NUMBER),
    ("candidates", TEXT),
)
ANSWER = (
    "layer, code, edition_id, street_office_code, share, outside, claimed_twice, border, method, at, person"
)

# What the rule said then is what was answered: nobody could decide otherwise.
GROUNDED = """
UPDATE assignments SET computed = street_office_code, border_reason = CASE
    WHEN border = 0 THEN NULL WHEN layer = 'compounds' THEN 'several_offices' ELSE 'several_candidates' END
"""
ACTIVATED = """
INSERT INTO activations (edition_id, at)
SELECT CAST(code AS {whole}), at FROM history WHERE action = 'activate' AND subject = 'editions' ORDER BY seq
"""
# An edition's answers ended when another one was made active for the last time before ``before``.
ENDED = """
SELECT max(b.at) FROM activations b JOIN activations a
ON a.id = (SELECT max(c.id) FROM activations c WHERE c.id < b.id)
WHERE a.edition_id = assignments.edition_id
"""
# An answer from before its edition was made active again held until the edition first ended.
AGAIN = "edition_id IN (SELECT id FROM editions WHERE state = 'active' AND activated_at > assignments.at)"
FORMER = "edition_id IN (SELECT id FROM editions WHERE state <> 'active')"
MOVED = f"""
INSERT INTO former_assignments ({ANSWER}, border_reason, computed, until)
SELECT {ANSWER}, border_reason, computed, ended FROM (
    SELECT assignments.*, ({ENDED}) AS ended FROM assignments WHERE {FORMER} OR {AGAIN}
) AS former WHERE ended > at
"""
MOVED_SHARES = """
INSERT INTO former_shares (code, until, street_office_code, area_m2, share)
SELECT s.code, f.until, s.street_office_code, s.area_m2, s.share FROM shares s
JOIN former_assignments f ON f.layer = 'compounds' AND f.code = s.code AND f.edition_id = s.edition_id
"""
RESTORED = f"""
UPDATE assignments SET at = (SELECT activated_at FROM editions WHERE id = assignments.edition_id)
WHERE {AGAIN}
"""


def upgrade() -> None:
    """Take the step."""
    for name, kind in GROUNDS:
        op.add_column("assignments", sa.Column(name, kind, nullable=True))
    _make_tables()
    op.create_index("former_assignments_by_end", "former_assignments", ["until"])
    op.create_index("history_by_subject", "history", ["subject", "code"])
    whole = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    for step in (
        GROUNDED,
        ACTIVATED.format(whole=whole),
        MOVED,
        MOVED_SHARES,
        f"DELETE FROM assignments WHERE {FORMER}",
        f"DELETE FROM shares WHERE {FORMER}",
        RESTORED,
    ):
        op.execute(step)


def _make_tables() -> None:
    op.create_table(
        "former_assignments",
        sa.Column("layer", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.Column("edition_id", WHOLE, nullable=False),
        sa.Column("street_office_code", TEXT, nullable=True),
        sa.Column("share", NUMBER, nullable=False),
        sa.Column("outside", NUMBER, nullable=False),
        sa.Column("claimed_twice", NUMBER, nullable=False),
        sa.Column("border", WHOLE, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        *(sa.Column(name, kind, nullable=True) for name, kind in GROUNDS),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"]),
        sa.PrimaryKeyConstraint("layer", "code", "until"),
        sqlite_strict=True,
    )
    op.create_table(
        "former_shares",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.Column("street_office_code", TEXT, nullable=False),
        sa.Column("area_m2", NUMBER, nullable=False),
        sa.Column("share", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("code", "until", "street_office_code"),
        sqlite_strict=True,
    )
    op.create_table(
        "decisions",
        sa.Column("layer", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("street_office_code", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("state", TEXT, sa.CheckConstraint("state IN ('decided', 'review')"), nullable=False),
        sa.Column("ground", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("layer", "code"),
        sqlite_strict=True,
    )
    op.create_table(
        "activations",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("edition_id", WHOLE, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
