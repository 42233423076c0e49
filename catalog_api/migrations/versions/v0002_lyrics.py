"""The words of songs."""

from alembic import op

revision = "v0002_lyrics"
down_revision = "v0001_catalog"

LYRICS = """
    CREATE TABLE lyrics (
        song_id bigint NOT NULL REFERENCES songs ON DELETE CASCADE,
        language text NOT NULL CHECK (language ~ '^([a-z]{2})?$'),
        text text NOT NULL,
        PRIMARY KEY (song_id, language)
    )
"""


def upgrade() -> None:
    """Make the table: one row per song and language, which is ISO 639-1 or empty where unknown."""
    op.execute(LYRICS)


def downgrade() -> None:
    """Remove it, with what it holds."""
    op.execute("DROP TABLE lyrics")
