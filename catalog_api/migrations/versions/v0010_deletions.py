"""Accounts that are being deleted, and the receipts."""

from alembic import op

revision = "v0010_deletions"
down_revision = "v0009_idempotency"

STATEMENTS = (
    """
    CREATE TABLE deletions (
        id uuid PRIMARY KEY,
        user_id bigint NOT NULL,
        requested_at timestamptz NOT NULL,
        finished_at timestamptz,
        look_at timestamptz,
        removed jsonb NOT NULL DEFAULT '{}',
        removing jsonb NOT NULL DEFAULT '{}',
        belongings jsonb NOT NULL DEFAULT '{}'
    )
    """,
    "CREATE INDEX idx_deletions_due ON deletions (look_at) WHERE look_at IS NOT NULL",
    # What others did to somebody or something is found by it.
    "CREATE INDEX idx_activities_target ON activities (kind, target_id)",
    "COMMENT ON TABLE deletions IS 'Receipts of deleted accounts. The id of the account is all that is kept of it.'",
    "COMMENT ON COLUMN deletions.look_at IS 'When the stores are looked through for it next; null: never again.'",
    "COMMENT ON COLUMN deletions.removed IS 'What went, in numbers, by store and kind.'",
    "COMMENT ON COLUMN deletions.removing IS 'What was found in a store and is being removed: counted once it is.'",
    "COMMENT ON COLUMN deletions.belongings IS 'What must go with it elsewhere, and whose copies name it; empty when that is done.'",
)

UNDO = ("DROP INDEX idx_activities_target", "DROP TABLE deletions")


def upgrade() -> None:
    """Make the table."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove it, with the receipts."""
    for statement in UNDO:
        op.execute(statement)
