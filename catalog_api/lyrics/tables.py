"""The words of songs."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Lyrics(Base):
    """One row per song and language."""

    __tablename__ = "lyrics"

    song_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("songs.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = mapped_column(Text, primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    lines: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="A list of {start_time, end_time, text}, in seconds; null where no times are known.",
    )
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
