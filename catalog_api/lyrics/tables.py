"""The words of songs."""

from sqlalchemy import BigInteger, ForeignKey, Text
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
