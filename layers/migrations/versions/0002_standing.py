"""An index that holds all that is asked of a compound's stages, so that a page need not read their rows."""

from layers import schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the index."""
    schema.index(
        "stage_history_standing",
        "stage_history",
        ["code", "position", "planned_finish", "actual_start", "actual_finish", "reported"],
    )
