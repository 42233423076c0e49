"""The genres that songs may have, and who uses them."""

from dataclasses import dataclass
from datetime import timedelta

from catalog_api.genres import repository
from catalog_api.genres.errors import GenreExists, GenreInUse, GenreNotFound, GenreUnknown
from catalog_api.genres.schemas import GenreIn, GenreOut, GenresOut
from foundation.cache import Cache, Kind
from foundation.engines.postgres import Reading, Writing

GENRES = Kind("genres", "genres", timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Genres:
    """The list of genres, as one request reads it."""

    db: Reading

    async def everything(self) -> GenresOut:
        """All of them; there are at most some thousands."""
        found = [
            GenreOut(name=each.name, parent=each.parent) for each in await repository.all_of_them(self.db)
        ]
        return GenresOut(results=found, total=len(found))


@dataclass(frozen=True, slots=True)
class GenreEditor:
    """The list of genres, for who may change it."""

    db: Writing
    cache: Cache

    async def add(self, told: GenreIn) -> GenreOut:
        """A new genre. Raises GenreExists, GenreUnknown for its parent."""
        name = told.name.lower()
        parent = None if told.parent is None else await kept_name(self.db, told.parent)
        # A genre that is to be a kind of itself is there already.
        if parent == name or not await repository.add(self.db, name, parent):
            raise GenreExists(name)
        await self.cache.change(self.db, GENRES.key())
        return GenreOut(name=name, parent=parent)

    async def remove(self, name: str) -> None:
        """Take it out where nothing names it. Raises GenreNotFound, GenreInUse."""
        if not await repository.locked(self.db, name):
            raise GenreNotFound(name)
        if await repository.is_in_use(self.db, name):
            raise GenreInUse(name)
        await repository.remove(self.db, name)
        await self.cache.change(self.db, GENRES.key())


async def kept_name(db: Writing, name: str) -> str:
    """The genre as the catalog writes it; it stays until the transaction ends. Raises GenreUnknown."""
    kept = await repository.kept_name(db, name)
    if kept is None:
        raise GenreUnknown(name)
    return kept
