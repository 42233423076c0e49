"""The table of revocations; a row is kept until the last token it strikes has expired by itself."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import DateTime, Text, delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base, Reading, Writing


class Revocation(Base):
    """One row per session or account whose older tokens no longer hold."""

    __tablename__ = "revocations"
    __table_args__ = (
        {"comment": "session:ID or user:ID, and the moment before which its access tokens do not hold."},
    )

    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


# The subjects travel as one array: an account may have more of them than a statement may have parameters.
WRITE = text(
    "INSERT INTO revocations AS kept (subject, not_before, expires_at) "
    "SELECT subject, :not_before, :expires_at FROM unnest(CAST(:subjects AS text[])) AS subject "
    "ON CONFLICT (subject) DO UPDATE SET not_before = greatest(kept.not_before, excluded.not_before), "
    "expires_at = greatest(kept.expires_at, excluded.expires_at)"
)


async def write(db: Writing, subjects: Sequence[str], not_before: datetime, expires_at: datetime) -> None:
    """Note them, in an order that is the same for everyone; a later moment stays."""
    told = {"subjects": sorted(set(subjects)), "not_before": not_before, "expires_at": expires_at}
    await db.execute(WRITE, told)


async def standing(db: Reading, now: datetime) -> list[tuple[str, datetime]]:
    """What still matters: subject and moment, in the order of the moments."""
    asked = (
        select(Revocation.subject, Revocation.not_before)
        .where(Revocation.expires_at > now)
        .order_by(Revocation.not_before)
    )
    return [(subject, not_before) for subject, not_before in await db.execute(asked)]


async def remove_expired(db: Writing, now: datetime) -> int:
    """Remove what no longer strikes any token; returns how many rows went."""
    gone = await db.execute(
        delete(Revocation).where(Revocation.expires_at <= now).returning(Revocation.subject)
    )
    return len(gone.all())
