"""Imports of listening history that listeners ask for over HTTP."""

from alembic import op

revision = "v0013_history_imports"
down_revision = "v0012_heartbeats"

STATEMENTS = (
    """
    CREATE TABLE history_imports (
        id uuid PRIMARY KEY,
        user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        name text NOT NULL,
        size bigint NOT NULL,
        digest bytea NOT NULL,
        is_preview boolean NOT NULL,
        threshold double precision NOT NULL,
        status text NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed')),
        has_file boolean NOT NULL DEFAULT true,
        asked_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        stage text NOT NULL DEFAULT '',
        done bigint NOT NULL DEFAULT 0,
        total bigint NOT NULL DEFAULT 0,
        crashes integer NOT NULL DEFAULT 0,
        outcome jsonb,
        problem jsonb
    )
    """,
    "CREATE INDEX idx_history_imports_user ON history_imports (user_id, id DESC)",
    # What is still to be done: an import, or a file to be removed.
    "CREATE INDEX idx_history_imports_due ON history_imports (asked_at, id) WHERE has_file",
    "COMMENT ON TABLE history_imports IS 'One row per file of listening history that a listener sent, and what became of it.'",
    "COMMENT ON COLUMN history_imports.digest IS 'SHA-256 of the file.'",
    "COMMENT ON COLUMN history_imports.has_file IS 'Whether the file is still kept among the blobs.'",
    "COMMENT ON COLUMN history_imports.crashes IS 'How often the process that read it ended before its time.'",
    "COMMENT ON COLUMN history_imports.problem IS 'As RFC 9457 has it.'",
)


def upgrade() -> None:
    """Make the table."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove it; what was imported stays."""
    op.execute("DROP TABLE history_imports")
