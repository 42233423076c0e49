"""Who follows, loves, hides, blocks, and what they tell each other."""

from alembic import op

revision = "v0006_social"
down_revision = "v0005_playlists"

STATEMENTS = (
    """
    CREATE TABLE listener_follows (
        follower_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        followed_id bigint NOT NULL REFERENCES users ON DELETE CASCADE CHECK (followed_id <> follower_id),
        followed_at timestamptz NOT NULL,
        PRIMARY KEY (follower_id, followed_id)
    )
    """,
    "CREATE INDEX idx_listener_follows_newest ON listener_follows (follower_id, followed_at DESC, followed_id DESC)",
    "CREATE INDEX idx_listener_follows_followed ON listener_follows (followed_id, followed_at DESC, follower_id DESC)",
    """
    CREATE TABLE artist_follows (
        follower_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        artist_id bigint NOT NULL REFERENCES artists ON DELETE CASCADE,
        followed_at timestamptz NOT NULL,
        PRIMARY KEY (follower_id, artist_id)
    )
    """,
    "CREATE INDEX idx_artist_follows_newest ON artist_follows (follower_id, followed_at DESC, artist_id DESC)",
    "CREATE INDEX idx_artist_follows_artist ON artist_follows (artist_id, follower_id)",
    """
    CREATE TABLE song_opinions (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        song_id bigint NOT NULL REFERENCES songs ON DELETE CASCADE,
        opinion text NOT NULL CHECK (opinion IN ('love', 'hide')),
        said_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, song_id)
    )
    """,
    "CREATE INDEX idx_song_opinions_newest ON song_opinions (user_id, opinion, said_at DESC, song_id DESC)",
    "CREATE INDEX idx_song_opinions_song ON song_opinions (song_id)",
    """
    CREATE TABLE artist_opinions (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        artist_id bigint NOT NULL REFERENCES artists ON DELETE CASCADE,
        opinion text NOT NULL CHECK (opinion IN ('love', 'hide')),
        said_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, artist_id)
    )
    """,
    "CREATE INDEX idx_artist_opinions_newest ON artist_opinions (user_id, opinion, said_at DESC, artist_id DESC)",
    "CREATE INDEX idx_artist_opinions_artist ON artist_opinions (artist_id)",
    """
    CREATE TABLE blocks (
        blocker_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        blocked_id bigint NOT NULL REFERENCES users ON DELETE CASCADE CHECK (blocked_id <> blocker_id),
        blocked_at timestamptz NOT NULL,
        PRIMARY KEY (blocker_id, blocked_id)
    )
    """,
    "CREATE INDEX idx_blocks_blocked ON blocks (blocked_id)",
    """
    CREATE TABLE shares (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        from_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        to_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        song_id bigint NOT NULL REFERENCES songs ON DELETE CASCADE,
        message text NOT NULL DEFAULT '',
        shared_at timestamptz NOT NULL,
        seen_at timestamptz
    )
    """,
    "CREATE INDEX idx_shares_to ON shares (to_id, id DESC)",
    "CREATE INDEX idx_shares_from ON shares (from_id, id DESC)",
    "CREATE INDEX idx_shares_song ON shares (song_id)",
    """
    CREATE TABLE activities (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        verb text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('listener', 'artist', 'song', 'playlist')),
        target_id bigint NOT NULL,
        happened_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX idx_activities_user ON activities (user_id, id DESC)",
    """
    CREATE TABLE feeds (
        user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
        version bigint NOT NULL,
        newest_id bigint NOT NULL
    )
    """,
    "COMMENT ON TABLE activities IS 'What people did that others may know of: the newest 1,000 of each.'",
    "COMMENT ON TABLE feeds IS 'Which state of a person''s activities is the valid one, so that copies know whether they are.'",
)

UNDO = (
    "DROP TABLE feeds, activities, shares, blocks, artist_opinions, song_opinions, artist_follows, listener_follows",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove them, with what they hold."""
    for statement in UNDO:
        op.execute(statement)
