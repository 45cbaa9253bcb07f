"""A word that is another one in every store, and after every restore."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table and put a word into it."""
    epoch = op.create_table("epoch", sa.Column("word", TEXT, primary_key=True), sqlite_strict=True)
    op.bulk_insert(epoch, [{"word": secrets.token_hex(8)}])
