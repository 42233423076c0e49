"""What people follow, love, hide and share: it must exist."""

from catalog_api.artists.errors import ArtistNotFound
from catalog_api.social import repository
from catalog_api.social.people.service import nobody
from catalog_api.social.repository import Kind
from catalog_api.songs.errors import SongNotFound
from foundation.engines.postgres import Writing
from foundation.errors import Problem
from foundation.ids import ArtistId, SongId, UserId


async def hold(db: Writing, kind: Kind, number: int) -> None:
    """Keep it from being removed until this is committed. Raises ListenerNotFound, ArtistNotFound, SongNotFound."""
    if not await repository.held(db, kind, number):
        raise _missing(kind, number)


def _missing(kind: Kind, number: int) -> Problem:
    if kind == "listener":
        return nobody(UserId(number))
    return ArtistNotFound(ArtistId(number)) if kind == "artist" else SongNotFound(SongId(number))
