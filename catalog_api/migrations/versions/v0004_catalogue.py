"""The catalog as people edit it: owners, genres, regions, explicit songs, covers."""

from alembic import op

revision = "v0004_catalogue"
down_revision = "v0003_accounts"

STATEMENTS = (
    """
    CREATE TABLE genres (
        name text PRIMARY KEY,
        parent text REFERENCES genres CHECK (parent <> name),
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX idx_genres_parent ON genres (parent) WHERE parent IS NOT NULL",
    "INSERT INTO genres (name) SELECT DISTINCT genre FROM songs WHERE genre <> ''",
    """
    ALTER TABLE artists
        ADD COLUMN owner_id bigint REFERENCES users ON DELETE SET NULL,
        ADD COLUMN biography text NOT NULL DEFAULT '',
        ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()
    """,
    "CREATE INDEX idx_artists_owner ON artists (owner_id) WHERE owner_id IS NOT NULL",
    "CREATE INDEX idx_artists_name ON artists (lower(name))",
    """
    ALTER TABLE albums
        ADD COLUMN released_on date,
        ADD COLUMN cover_key text,
        ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()
    """,
    """
    ALTER TABLE songs
        ADD COLUMN is_explicit boolean NOT NULL DEFAULT false,
        ADD COLUMN regions text[],
        ADD COLUMN track_number integer CHECK (track_number > 0),
        ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()
    """,
    # The songs of a genre are listed by their ids: with both in the index a page of a large genre needs no sorting.
    "DROP INDEX idx_songs_genre",
    "CREATE INDEX idx_songs_genre ON songs (genre, id)",
    "COMMENT ON COLUMN genres.parent IS 'The genre that this is a kind of; null: none.'",
    "COMMENT ON COLUMN songs.regions IS 'Where it may be played, ISO 3166-1 alpha-2; null: everywhere.'",
    "COMMENT ON COLUMN albums.cover_key IS 'The cover art in the blob store, without its size and ending; null: none.'",
)

UNDO = (
    "DROP INDEX idx_songs_genre",
    "CREATE INDEX idx_songs_genre ON songs (genre)",
    "ALTER TABLE songs DROP COLUMN is_explicit, DROP COLUMN regions, DROP COLUMN track_number, DROP COLUMN updated_at",
    "ALTER TABLE albums DROP COLUMN released_on, DROP COLUMN cover_key, DROP COLUMN updated_at",
    "DROP INDEX idx_artists_owner, idx_artists_name",
    "ALTER TABLE artists DROP COLUMN owner_id, DROP COLUMN biography, DROP COLUMN updated_at",
    "DROP TABLE genres",
)


def upgrade() -> None:
    """Add what an editor needs."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Take it away, with what it holds."""
    for statement in UNDO:
        op.execute(statement)
