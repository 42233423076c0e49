"""Who may read a playlist, who may change it, and at which version."""

from datetime import datetime
from typing import Final

from catalog_api.playlists import repository
from catalog_api.playlists.errors import PlaylistChanged, PlaylistNotFound
from catalog_api.playlists.repository import Whole
from catalog_api.playlists.schemas import Role
from catalog_api.playlists.tables import Playlist
from catalog_api.playlists.telling import encoded
from catalog_api.songs.keys import PLAYLIST
from foundation.cache import Cache, Encoded
from foundation.engines.postgres import Reading, Writing
from foundation.http.principal import NotAllowed
from foundation.ids import PlaylistId, UserId

TAG = 24  # characters of the tag of an answer, without its quotes; a version has fewer
_PUBLIC: Final = b'{"is_public":true,'
_PRIVATE: Final = b'{"is_public":false,"readers":['

READERS: Final = frozenset[Role]({"owner", "editor", "viewer"})
EDITORS: Final = frozenset[Role]({"owner", "editor"})
OWNER: Final = frozenset[Role]({"owner"})


def may_read(body: bytes, asking: UserId | None) -> bool:
    """Whether an encoded PlaylistOut is for this person; None is nobody in particular.

    The answer says itself who may read it, so that right and text are always of one moment. An administrator is nobody
    in particular here: private means private.

    >>> may_read(b'{"is_public":true,"readers":null,', None)
    True
    >>> private = b'{"is_public":false,"readers":[12,31],"playlist_id":7'
    >>> [may_read(private, asking) for asking in (12, 31, 1, 3, 7, None)]
    [True, True, False, False, False, False]
    """
    if body.startswith(_PUBLIC):
        return True
    if asking is None or not body.startswith(_PRIVATE):
        return False
    readers = body[len(_PRIVATE) : body.index(b"]", len(_PRIVATE))]
    return b",%d," % asking in b",%b," % readers


def readable(whole: Whole, asking: UserId | None) -> bool:
    """The same of what was just read."""
    playlist = whole.playlist
    return playlist.is_public or asking == playlist.user_id or asking in whole.members


async def role_of(db: Reading, playlist: Playlist, asking: UserId) -> Role | None:
    """What this person is to a playlist; None for a stranger, and for who is invited and has not accepted."""
    if playlist.user_id == asking:
        return "owner"
    return await repository.member_role(db, PlaylistId(playlist.id), asking)


async def permitted(db: Reading, playlist_id: PlaylistId, asking: UserId, roles: frozenset[Role]) -> Playlist:
    """The playlist, for those who have one of these roles.

    Raises PlaylistNotFound where `asking` may not know of it, NotAllowed where they know and have none of the roles.
    """
    return await _permitted(db, playlist_id, await repository.by_id(db, playlist_id), asking, roles)


async def locked_for(
    db: Writing,
    playlist_id: PlaylistId,
    asking: UserId,
    roles: frozenset[Role],
    if_match: str | None = None,
) -> Playlist:
    """The same, and nobody else changes it until this transaction ends.

    Raises PlaylistChanged, too, where it is not what `if_match` names.
    """
    locked = await repository.lock_for(db, playlist_id, asking)
    # Asked for only now: who lost the role while we waited for the lock has lost it.
    playlist = await _permitted(db, playlist_id, locked, asking, roles)
    if if_match is not None and not await _is_named(db, playlist, tags_of(if_match)):
        raise PlaylistChanged(playlist_id, playlist.version)
    return playlist


async def _permitted(
    db: Reading, playlist_id: PlaylistId, playlist: Playlist | None, asking: UserId, roles: frozenset[Role]
) -> Playlist:
    role = None if playlist is None else await role_of(db, playlist, asking)
    if playlist is None or (role is None and not playlist.is_public):
        raise PlaylistNotFound(playlist_id)
    if role not in roles:
        needed = " or ".join(sorted(roles))
        raise NotAllowed(f"this is for the {needed} of the playlist", playlist_id=playlist_id)
    return playlist


async def _is_named(db: Reading, playlist: Playlist, tags: set[str]) -> bool:
    """Whether one of these tags is of what the playlist is now: its version, or what `GET` answered with."""
    if tags & {"*", str(playlist.version)}:
        return True
    if not any(len(tag) == TAG for tag in tags):
        return False
    body = await encoded(db, PlaylistId(playlist.id))
    return body is not None and Encoded(body).tag.decode().strip('"') in tags


def tags_of(header: str) -> set[str]:
    """The entity tags of If-Match, without their quotes; what a proxy has weakened is still the same version.

    >>> sorted(tags_of('"7", W/"8"')), tags_of("9")
    (['7', '8'], {'9'})
    """
    return {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}


async def changed(db: Writing, cache: Cache, playlist: Playlist, now: datetime) -> None:
    """Say that the words or songs of this playlist, which is locked, are others now."""
    playlist.version += 1
    playlist.updated_at = now
    await repository.write(db, playlist)
    await cache.change(db, PLAYLIST.key(playlist.id))
