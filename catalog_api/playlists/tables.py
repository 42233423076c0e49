"""Playlists, the songs on them, who makes them together, and the links they are shared by."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base


class Playlist(Base):
    """One row per playlist; whoever changes it or its songs locks this row first."""

    __tablename__ = "playlists"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="")
    is_public: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[int] = mapped_column(
        BigInteger, server_default="1", comment="Raised by one with every change of its words or songs."
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PlaylistSong(Base):
    """One row per song of a playlist."""

    __tablename__ = "playlist_songs"
    # Deferrable: a renumbering passes through places that are taken.
    __table_args__ = (UniqueConstraint("playlist_id", "place", deferrable=True, initially="IMMEDIATE"),)

    playlist_id: Mapped[int] = mapped_column(ForeignKey("playlists.id", ondelete="CASCADE"), primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(
        BigInteger, comment="Orders the songs; gaps are left so that a move changes one row."
    )
    added_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PlaylistMember(Base):
    """One row per person beside the owner who was invited to a playlist."""

    __tablename__ = "playlist_members"

    playlist_id: Mapped[int] = mapped_column(ForeignKey("playlists.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(Text)  # editor or viewer
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    invited_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    accepted_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="Null: invited, and not yet a member."
    )


class ShareLink(Base):
    """One row per link that lets anyone read a playlist for a while."""

    __tablename__ = "share_links"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_sha256: Mapped[bytes] = mapped_column(
        LargeBinary, unique=True, comment="The token itself is told once, to who made the link."
    )
    playlist_id: Mapped[int] = mapped_column(ForeignKey("playlists.id", ondelete="CASCADE"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
