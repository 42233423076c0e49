"""Imports that listeners have asked for, and what became of them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base

Status = Literal["waiting", "running", "done", "failed"]


class HistoryImport(Base):
    """One row per file that a listener has sent."""

    __tablename__ = "history_imports"
    __table_args__ = (
        {"comment": "One row per file of listening history that a listener sent, and what became of it."},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary, comment="SHA-256 of the file.")
    is_preview: Mapped[bool]
    threshold: Mapped[float]
    status: Mapped[Status] = mapped_column(Text)
    has_file: Mapped[bool] = mapped_column(
        server_default="true", comment="Whether the file is still kept among the blobs."
    )
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    stage: Mapped[str] = mapped_column(Text, server_default="")
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    crashes: Mapped[int] = mapped_column(
        server_default="0", comment="How often the process that read it ended before its time."
    )
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment="As RFC 9457 has it.")
