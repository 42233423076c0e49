"""The people of the catalog, and the names other sources have for them and for everything else."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Identity, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class User(Base):
    """One row per person with an id; everywhere else they are called listeners."""

    __tablename__ = "users"
    __table_args__ = ({"comment": "One row per person with an id; the rest of Segue calls them listeners."},)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    display_name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, server_default="")  # ISO 3166-1 alpha-2, "" where unknown
    email: Mapped[str | None] = mapped_column(
        Text
    )  # in lower case; None for who was imported and never signed up
    password_hash: Mapped[str | None] = mapped_column(Text)  # argon2id, in its own format
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{user}")
    subscription_type: Mapped[str] = mapped_column(Text, server_default="free")  # free or premium
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ExternalId(Base):
    """One row per name that a source has for one of ours."""

    __tablename__ = "external_ids"
    __table_args__ = ({"comment": "What other sources call our listeners, artists, albums and songs."},)

    kind: Mapped[str] = mapped_column(Text, primary_key=True)  # listener, artist, album or song
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    external_id: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger)
