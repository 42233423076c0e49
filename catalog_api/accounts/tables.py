"""What account holders told us to mind when we serve them."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Preferences(Base):
    """One row per listener who told any; who has none gets the defaults."""

    __tablename__ = "preferences"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    allows_explicit: Mapped[bool] = mapped_column(server_default="true")
    language: Mapped[str] = mapped_column(Text, server_default="")  # ISO 639-1, "" where not told
    genres: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    is_private_session: Mapped[bool] = mapped_column(server_default="false")
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
