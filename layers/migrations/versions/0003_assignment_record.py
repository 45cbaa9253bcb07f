"""The assignment as a record: decisions, former answers and their shares, when editions were active."""

import sqlalchemy as sa
from alembic import op

from layers import schema

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


def upgrade() -> None:
    """Make the tables."""
    _make_tables()
    schema.index("former_assignments_by_end", "former_assignments", ["until"])
    schema.index("history_by_subject", "history", ["subject", "code"])


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
