"""Who pays, for which plan, and until when."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Subscription(Base):
    """One row per subscription; a listener has at most one that has not ended."""

    __tablename__ = "subscriptions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"))
    plan: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)  # active, cancelled (paid to its end), past_due or expired
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    renews_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), comment="Until when it is paid.")
    due_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), comment="When it is looked at next: to renew it, to try again, or to end it."
    )
    cancelled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    payment_method: Mapped[str] = mapped_column(Text)
    payment_reference: Mapped[str] = mapped_column(Text, server_default="")
