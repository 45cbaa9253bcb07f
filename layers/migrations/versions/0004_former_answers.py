"""The answers of former editions become former answers; rows only, so that nobody waits for a table."""

from alembic import op

revision = "0004"
down_revision = "0003"

ANSWER = (
    "layer, code, edition_id, street_office_code, share, outside, claimed_twice, border, method, at, person"
)

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
INSERT INTO former_assignments ({ANSWER}, until)
SELECT {ANSWER}, ended FROM (
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
    """Move the rows."""
    whole = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    for step in (
        ACTIVATED.format(whole=whole),
        MOVED,
        MOVED_SHARES,
        f"DELETE FROM assignments WHERE {FORMER}",
        f"DELETE FROM shares WHERE {FORMER}",
        RESTORED,
    ):
        op.execute(step)
