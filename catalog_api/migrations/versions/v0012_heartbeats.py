"""Of a play that a heartbeat has counted it is known that its end is still to come."""

from alembic import op

revision = "v0012_heartbeats"
down_revision = "v0011_answers_about"


def upgrade() -> None:
    """Add the column; of all plays so far the end was told."""
    op.execute("ALTER TABLE counted_plays ADD COLUMN is_ended boolean NOT NULL DEFAULT true")


def downgrade() -> None:
    """Remove it: an end that is still to come then changes nothing."""
    op.execute("ALTER TABLE counted_plays DROP COLUMN is_ended")
