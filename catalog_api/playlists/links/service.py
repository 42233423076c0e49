"""Makes and revokes share links, and tells what is read through them."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from catalog_api.playlists.access import OWNER, locked_for, permitted
from catalog_api.playlists.errors import LinkNotFound, TooManyLinks
from catalog_api.playlists.links import repository
from catalog_api.playlists.links.schemas import LinkMade, LinkOut, SharedOut
from catalog_api.playlists.repository import Whole, whole
from catalog_api.playlists.schemas import OwnerOut, PlaylistSongOut
from catalog_api.playlists.service import songs_page
from catalog_api.playlists.tables import ShareLink
from catalog_api.playlists.telling import FIRST, in_seconds, songs_of
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Offset, Page
from foundation.ids import PlaylistId, UserId, new_id

TOKEN_BYTES = 32
MOST_LINKS = 100  # of one playlist, that hold


def new_token() -> str:
    """A token that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """What is kept of a token: who reads the table learns no link."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Links:
    """The links that hold now, and what is read through them."""

    db: Reading
    now: Clock

    async def shared(self, token: str) -> SharedOut:
        """The playlist of a link. Raises LinkNotFound where it does not hold."""
        found, expires_at = await self._whole(token, FIRST)
        return SharedOut(
            name=found.playlist.name,
            description=found.playlist.description,
            owner=OwnerOut(user_id=found.playlist.user_id, display_name=found.owner),
            version=found.playlist.version,
            song_count=found.song_count,
            duration=in_seconds(found.duration_ms),
            songs=songs_of(found),
            expires_at=expires_at,
        )

    async def songs(self, token: str, page: Offset) -> Page[PlaylistSongOut]:
        """Some of its songs. Raises LinkNotFound."""
        found, _ = await self._whole(token, page.limit, page.offset)
        return songs_page(found, page)

    async def of_playlist(self, asking: UserId, playlist_id: PlaylistId, page: Offset) -> Page[LinkOut]:
        """The links of one's own playlist that hold. Raises what `permitted` raises."""
        await permitted(self.db, playlist_id, asking, OWNER)
        found, total = await repository.of_playlist(self.db, playlist_id, self.now(), page.limit, page.offset)
        told = [
            LinkOut(link_id=link.id, created_at=link.created_at, expires_at=link.expires_at) for link in found
        ]
        return Page(results=told, total=total, limit=page.limit, offset=page.offset)

    async def _whole(self, token: str, limit: int, offset: int = 0) -> tuple[Whole, datetime]:
        link = await repository.by_token(self.db, digest(token), self.now())
        found = None if link is None else await whole(self.db, PlaylistId(link.playlist_id), limit, offset)
        if link is None or found is None:
            raise LinkNotFound("there is no such link, or it holds no longer")
        return found, link.expires_at


@dataclass(frozen=True, slots=True)
class WritingLinks:
    """Links, where they are made and revoked; the owner alone does."""

    db: Writing
    now: Clock
    token: Callable[[], str] = new_token

    async def make(self, asking: UserId, playlist_id: PlaylistId, days: int) -> LinkMade:
        """A link that holds for some days. Raises TooManyLinks, and what `locked_for` raises."""
        await locked_for(self.db, playlist_id, asking, OWNER)
        now, token = self.now(), self.token()
        await repository.remove_expired(self.db, playlist_id, now)
        if await repository.count(self.db, playlist_id, now) >= MOST_LINKS:
            detail = f"a playlist has at most {MOST_LINKS} links that hold: revoke one"
            raise TooManyLinks(detail, playlist_id=playlist_id, limit=MOST_LINKS)
        link = ShareLink(
            id=new_id(now),
            token_sha256=digest(token),
            playlist_id=playlist_id,
            created_by=asking,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        await repository.add(self.db, link)
        return LinkMade(
            link_id=link.id,
            created_at=link.created_at,
            expires_at=link.expires_at,
            token=token,
            url=f"/api/v1/shared/{token}",
        )

    async def revoke(self, asking: UserId, playlist_id: PlaylistId, link_id: UUID) -> None:
        """Let a link hold no longer, from now on. Raises LinkNotFound, and what `locked_for` raises."""
        await locked_for(self.db, playlist_id, asking, OWNER)
        if not await repository.remove(self.db, playlist_id, link_id):
            raise LinkNotFound(f"playlist {playlist_id} has no link {link_id}", playlist_id=playlist_id)
