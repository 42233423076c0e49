"""The songs of the catalog, and what a song shows of its artist and album."""

from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Text, column, func, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base

# Songs are below artists, albums and playlists, which import them. These are the columns that the song itself needs.
ARTISTS = table("artists", column("id", BigInteger), column("name", Text), column("owner_id", BigInteger))
ALBUMS = table(
    "albums",
    column("id", BigInteger),
    column("artist_id", BigInteger),
    column("title", Text),
    column("cover_key", Text),
)
PLAYLISTS = table(
    "playlists",
    column("id", BigInteger),
    column("version", BigInteger),
    column("updated_at", DateTime(timezone=True)),
)
PLAYLIST_SONGS = table("playlist_songs", column("playlist_id", BigInteger), column("song_id", BigInteger))


class Song(Base):
    """One row per song."""

    __tablename__ = "songs"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    artist_id: Mapped[int] = mapped_column(ForeignKey("artists.id"))
    album_id: Mapped[int | None] = mapped_column(ForeignKey("albums.id"))
    title: Mapped[str] = mapped_column(Text)
    genre: Mapped[str] = mapped_column(Text, server_default="")
    duration_ms: Mapped[int | None]
    released_on: Mapped[date | None]
    play_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    is_explicit: Mapped[bool] = mapped_column(server_default="false")
    regions: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), comment="Where it may be played, ISO 3166-1 alpha-2; null: everywhere."
    )
    track_number: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
