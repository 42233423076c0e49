"""Whom kept answers are about, so that they go with an account."""

from alembic import op

revision = "v0011_answers_about"
down_revision = "v0010_deletions"

STATEMENTS = (
    "ALTER TABLE idempotency_keys ADD COLUMN about bigint",
    "CREATE INDEX idx_idempotency_keys_about ON idempotency_keys (about) WHERE about IS NOT NULL",
    # What somebody asked for is found by the beginning of its scope, whatever the collation of the database.
    "CREATE INDEX idx_idempotency_keys_scope ON idempotency_keys (scope text_pattern_ops)",
    "COMMENT ON COLUMN idempotency_keys.about IS 'The account that the answer tells of, which need not be who asked.'",
)

UNDO = (
    "DROP INDEX idx_idempotency_keys_scope",
    "DROP INDEX idx_idempotency_keys_about",
    "ALTER TABLE idempotency_keys DROP COLUMN about",
)


def upgrade() -> None:
    """Add the column."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove it: kept answers then go after a day."""
    for statement in UNDO:
        op.execute(statement)
