"""Answers kept by their Idempotency-Key."""

from alembic import op

revision = "v0009_idempotency"
down_revision = "v0008_listening_history"

STATEMENTS = (
    """
    CREATE TABLE idempotency_keys (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        status smallint,
        headers jsonb,
        body bytea,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (scope, key)
    )
    """,
    "CREATE INDEX idx_idempotency_keys_time ON idempotency_keys USING brin (created_at)",
)

UNDO = ("DROP TABLE idempotency_keys",)


def upgrade() -> None:
    """Make the table."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove it: a request sent again then counts as a new one."""
    for statement in UNDO:
        op.execute(statement)
