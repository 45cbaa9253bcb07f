"""The grounds of an answer: columns only, and last, so that nobody waits while rows are moved."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.Double().with_variant(sa.REAL(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

GROUNDS = (
    ("border_reason", TEXT),
    ("computed", TEXT),
    ("nearest_code", TEXT),
    ("nearest_m", NUMBER),
    ("candidates", TEXT),
)


def upgrade() -> None:
    """Take the step; rows from before it are completed where they are read (``record.grounded``)."""
    for name, kind in GROUNDS:
        op.add_column("assignments", sa.Column(name, kind, nullable=True))
