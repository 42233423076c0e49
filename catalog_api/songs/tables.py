"""The songs of the catalog."""

from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


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
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
