"""The listening history: one row per listen that its listener may see."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Listen(Base):
    """A listen. A play is in it once: that is the sink's doing, since a key would have to hold its time as well."""

    __tablename__ = "listening_history"
    __table_args__ = ({"comment": "One row per listen that its listener may see, a partition a month."},)

    user_id: Mapped[int] = mapped_column(BigInteger)
    song_id: Mapped[int] = mapped_column(BigInteger)
    play_id: Mapped[UUID] = mapped_column()
    played_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    played_ms: Mapped[int]
    source: Mapped[str] = mapped_column(Text)  # organic, recommended or imported

    __mapper_args__ = {"primary_key": [user_id, played_at, play_id]}  # noqa: RUF012 - as SQLAlchemy wants it
