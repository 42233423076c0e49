"""When each line of the lyrics is sung."""

from alembic import op

revision = "v0007_timed_lyrics"
down_revision = "v0006_social"

STATEMENTS = (
    "ALTER TABLE lyrics ADD COLUMN lines jsonb, ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()",
    "COMMENT ON COLUMN lyrics.lines IS 'A list of {start_time, end_time, text}, in seconds; null where no times are known.'",
)

UNDO = ("ALTER TABLE lyrics DROP COLUMN lines, DROP COLUMN updated_at",)


def upgrade() -> None:
    """Add the lines."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove them; the words stay."""
    for statement in UNDO:
        op.execute(statement)
