"""Artists: read by everybody, written by who owns them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from catalog_api.artists import repository
from catalog_api.artists.errors import ArtistNotEmpty, ArtistNotFound, OwnerUnknown
from catalog_api.artists.schemas import ArtistChange, ArtistEntry, ArtistIn, ArtistProfile
from catalog_api.external_ids import repository as external_ids
from catalog_api.external_ids import service as naming
from catalog_api.songs.editing import News, check_owner
from catalog_api.songs.keys import ALBUM, ARTIST
from catalog_api.songs.repository import Which
from foundation.cache import Cache
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Offset, Page
from foundation.http.principal import NotAllowed
from foundation.ids import ArtistId, UserId
from foundation.security import Principal


@dataclass(frozen=True, slots=True)
class Artists:
    """The artists of the catalog, read in one request."""

    db: Reading

    async def find(self, artist_id: ArtistId) -> ArtistProfile | None:
        """The artist; None where there is no such artist. One query."""
        row = await repository.by_id(self.db, artist_id)
        if row is None:
            return None
        return ArtistProfile(
            **_entry(row),
            biography=row.biography,
            song_count=row.song_count,
            album_count=row.album_count,
            external_ids=row.external_ids or {},
        )

    async def by_id(self, artist_id: ArtistId) -> ArtistProfile:
        """The artist. Raises ArtistNotFound."""
        found = await self.find(artist_id)
        if found is None:
            raise ArtistNotFound(artist_id)
        return found

    async def check(self, artist_id: ArtistId) -> None:
        """Raise ArtistNotFound where there is no such artist."""
        if not await repository.there_is(self.db, artist_id):
            raise ArtistNotFound(artist_id)

    async def is_of(self, artist_id: ArtistId, user_id: UserId) -> bool:
        """Whether there is such an artist, and they belong to this person."""
        artist = await repository.owner_of(self.db, artist_id)
        return artist is not None and artist.owner_id == user_id

    async def page(self, name: str | None, part: Offset) -> Page[ArtistEntry]:
        """Some artists, of this name in whatever case, or of all."""
        rows = await repository.listed(self.db, name, part.limit, part.offset)
        total = None if name is None else await repository.count_named(self.db, name)
        entries = [ArtistEntry(**_entry(row)) for row in rows]
        return Page(results=entries, total=total, limit=part.limit, offset=part.offset)

    async def owned_by(self, user_id: UserId, part: Offset) -> Page[ArtistEntry]:
        """Some of the artists that belong to someone."""
        rows = await repository.owned_by(self.db, user_id, part.limit, part.offset)
        total = await repository.count_owned_by(self.db, user_id)
        entries = [ArtistEntry(**_entry(row)) for row in rows]
        return Page(results=entries, total=total, limit=part.limit, offset=part.offset)


def _entry(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {"artist_id": row.id, "name": row.name, "country": row.country or None}


@dataclass(frozen=True, slots=True)
class ArtistEditor:
    """Writes artists in one request."""

    db: Writing
    cache: Cache
    now: Clock

    async def add(self, asking: Principal, told: ArtistIn) -> ArtistProfile:
        """A new artist, who belongs to whoever asks as an artist. Raises ExternalIdTaken, NotAllowed."""
        values = _columns(told.model_dump(exclude={"external_ids"}))
        if "artist" in asking.roles:
            if not await repository.user_kept(self.db, asking.user_id):
                raise NotAllowed("this account is no more")
            values["owner_id"] = asking.user_id
        artist_id = await repository.add(self.db, self.now(), values)
        return await self._finish(artist_id, told)

    async def change(self, asking: Principal, artist_id: ArtistId, told: ArtistChange) -> ArtistProfile:
        """The artist, as they are now. Raises ArtistNotFound, NotTheOwner, ExternalIdTaken."""
        await self._check(asking, artist_id)
        values = {field: value for field, value in told.told().items() if field != "external_ids"}
        await repository.change(self.db, artist_id, self.now(), _columns(values))
        if "name" in values:
            await News(self.db, self.cache, self.now).tell(Which(artist_id=artist_id))
            albums = await repository.album_ids(self.db, artist_id)
            await self.cache.change(self.db, *map(ALBUM.key, albums))
        return await self._finish(artist_id, told)

    async def give(self, artist_id: ArtistId, user_id: int | None) -> ArtistProfile:
        """Let the artist be this person's. Raises ArtistNotFound, OwnerUnknown."""
        await Artists(self.db).check(artist_id)
        if user_id is not None and not await repository.user_kept(self.db, user_id):
            raise OwnerUnknown(user_id)
        await repository.change(self.db, artist_id, self.now(), {"owner_id": user_id})
        return await Artists(self.db).by_id(artist_id)

    async def remove(self, asking: Principal, artist_id: ArtistId) -> None:
        """Take out an artist without songs and albums. Raises ArtistNotFound, NotTheOwner, ArtistNotEmpty."""
        await self._check(asking, artist_id)
        if await repository.has_works(self.db, artist_id):
            raise ArtistNotEmpty(artist_id)
        await external_ids.unname(self.db, "artist", artist_id)
        await repository.remove(self.db, artist_id)
        await self.cache.change(self.db, ARTIST.key(artist_id))

    async def _check(self, asking: Principal, artist_id: ArtistId) -> None:
        artist = await repository.owner_of(self.db, artist_id)
        if artist is None:
            raise ArtistNotFound(artist_id)
        check_owner(asking, artist)

    async def _finish(self, artist_id: ArtistId, told: ArtistIn | ArtistChange) -> ArtistProfile:
        await naming.keep(self.db, "artist", artist_id, told.external_ids.by_source())
        await self.cache.change(self.db, ARTIST.key(artist_id))
        return await Artists(self.db).by_id(artist_id)


def _columns(told: dict[str, Any]) -> dict[str, Any]:
    """The columns of what was told: a country that is not known is kept as ""."""
    return told | ({"country": told["country"] or ""} if "country" in told else {})
