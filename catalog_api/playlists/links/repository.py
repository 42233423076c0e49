"""Reads and writes share links."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select

from catalog_api.playlists.tables import ShareLink
from foundation.engines.postgres import Reading, Writing
from foundation.ids import PlaylistId


async def by_token(db: Reading, token_sha256: bytes, now: datetime) -> ShareLink | None:
    """The link of this token, where it holds."""
    holding = select(ShareLink).where(ShareLink.token_sha256 == token_sha256, ShareLink.expires_at > now)
    return await db.scalar(holding)


async def of_playlist(
    db: Reading, playlist_id: PlaylistId, now: datetime, limit: int, offset: int
) -> tuple[list[ShareLink], int]:
    """The links of a playlist that hold, the newest first; and how many they are."""
    holding = select(ShareLink).where(ShareLink.playlist_id == playlist_id, ShareLink.expires_at > now)
    newest = holding.order_by(ShareLink.created_at.desc(), ShareLink.id.desc())
    found = list(await db.scalars(newest.limit(limit).offset(offset)))
    return found, await count(db, playlist_id, now)


async def count(db: Reading, playlist_id: PlaylistId, now: datetime) -> int:
    """How many links of a playlist hold."""
    counted = select(func.count()).where(ShareLink.playlist_id == playlist_id, ShareLink.expires_at > now)
    return await db.scalar(counted) or 0


async def add(db: Writing, link: ShareLink) -> None:
    """Keep a new link."""
    db.add(link)
    await db.flush()


async def remove(db: Writing, playlist_id: PlaylistId, link_id: UUID) -> bool:
    """Let a link hold no longer; whether the playlist had it."""
    gone = (
        delete(ShareLink)
        .where(ShareLink.id == link_id, ShareLink.playlist_id == playlist_id)
        .returning(ShareLink.id)
    )
    return await db.scalar(gone) is not None


async def remove_expired(db: Writing, playlist_id: PlaylistId, now: datetime) -> None:
    """Forget the links of a playlist that hold no longer."""
    await db.execute(
        delete(ShareLink).where(ShareLink.playlist_id == playlist_id, ShareLink.expires_at <= now)
    )
