"""The receipts of deleted accounts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Deletion(Base):
    """One row per account that was deleted, or is being deleted."""

    __tablename__ = "deletions"
    __table_args__ = (
        {"comment": "Receipts of deleted accounts. The id of the account is all that is kept of it."},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    look_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When the stores are looked through for it next; null: never again."
    )
    removed: Mapped[dict[str, dict[str, int]]] = mapped_column(
        JSONB, server_default="{}", comment="What went, in numbers, by store and kind."
    )
    removing: Mapped[dict[str, dict[str, int]]] = mapped_column(
        JSONB,
        server_default="{}",
        comment="What was found in a store and is being removed: counted once it is.",
    )
    belongings: Mapped[dict[str, list[Any]]] = mapped_column(
        JSONB,
        server_default="{}",
        comment="What must go with it elsewhere, and whose copies name it; empty when that is done.",
    )
