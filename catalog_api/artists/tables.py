"""The artists of the catalog."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Artist(Base):
    """One row per artist, band or orchestra that a song names."""

    __tablename__ = "artists"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, server_default="")  # ISO 3166-1 alpha-2, "" where unknown
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
