"""What each listener listened to, a partition a month, and what has been counted."""

from alembic import op

revision = "v0008_listening_history"
down_revision = "v0007_timed_lyrics"

# No DEFAULT partition: with one, Postgres could not read the months one after the other, newest first, and stop, and
# no month could be added beside rows of it. Between the two outermost every month is made when it is first needed.
STATEMENTS = (
    """
    CREATE TABLE listening_history (
        user_id bigint NOT NULL,
        song_id bigint NOT NULL,
        play_id uuid NOT NULL,
        played_at timestamptz NOT NULL,
        played_ms integer NOT NULL,
        source text NOT NULL
    ) PARTITION BY RANGE (played_at)
    """,
    "CREATE INDEX idx_history_user_time ON listening_history (user_id, played_at DESC)",
    "CREATE INDEX idx_history_song_time ON listening_history (song_id, played_at DESC)",
    """
    CREATE TABLE listening_history_before PARTITION OF listening_history
    FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00+00')
    """,
    """
    CREATE TABLE listening_history_after PARTITION OF listening_history
    FOR VALUES FROM ('2100-01-01 00:00+00') TO (MAXVALUE)
    """,
    """
    DO $$
    DECLARE month timestamp;
    BEGIN
        FOR month IN SELECT generate_series(
            date_trunc('month', now() AT TIME ZONE 'UTC') - interval '12 months',
            date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months',
            interval '1 month'
        ) LOOP
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF listening_history FOR VALUES FROM (%L) TO (%L)',
                'listening_history_' || to_char(month, 'YYYY_MM'),
                month AT TIME ZONE 'UTC',
                (month + interval '1 month') AT TIME ZONE 'UTC'
            );
        END LOOP;
    END $$
    """,
    """
    CREATE TABLE counted_plays (
        play_id uuid PRIMARY KEY,
        kept_until timestamptz NOT NULL
    )
    """,
    "CREATE INDEX idx_counted_plays_time ON counted_plays USING brin (kept_until)",
    """
    CREATE TABLE shipped (
        sink text NOT NULL,
        segment_id text NOT NULL,
        shipped_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (sink, segment_id)
    )
    """,
    "COMMENT ON TABLE listening_history IS 'One row per listen that its listener may see, a partition a month.'",
    "COMMENT ON TABLE counted_plays IS 'Plays whose end was taken, as long as it may be told again; of imports for ever.'",
    "COMMENT ON TABLE shipped IS 'Segments of the event log that a sink of this database has taken.'",
)

UNDO = ("DROP TABLE shipped, counted_plays, listening_history",)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove them, with what they hold."""
    for statement in UNDO:
        op.execute(statement)
