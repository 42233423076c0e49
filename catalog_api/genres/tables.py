"""The genres of the catalog."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Text, column, func, table
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base

SONGS = table("songs", column("genre", Text))  # what of a song matters here; genres are below songs


class Genre(Base):
    """One row per word that songs may be sorted by."""

    __tablename__ = "genres"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    parent: Mapped[str | None] = mapped_column(
        ForeignKey("genres.name"), comment="The genre that this is a kind of; null: none."
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
