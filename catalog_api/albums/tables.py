"""The albums of the catalog."""

from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Album(Base):
    """One row per release of an artist."""

    __tablename__ = "albums"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    artist_id: Mapped[int] = mapped_column(ForeignKey("artists.id"))
    title: Mapped[str] = mapped_column(Text)
    released_on: Mapped[date | None]
    cover_key: Mapped[str | None] = mapped_column(
        Text, comment="The cover art in the blob store, without its size and ending; null: none."
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
