"""Tells serving who owns an artist, by asking the catalog: neither knows the other."""

from dataclasses import dataclass

from catalog_api.artists.service import Artists
from foundation.engines.postgres import Postgres
from foundation.ids import ArtistId, UserId


@dataclass(frozen=True, slots=True)
class CatalogOwners:
    """The port that statistics ask of ownership, over the catalog's own service."""

    postgres: Postgres

    async def owns(self, user_id: UserId, artist_id: ArtistId) -> bool:
        """Whether the artist is this person's, as the catalog says now. Raises Unreachable."""
        async with self.postgres.reading() as db:
            return await Artists(db).is_of(artist_id, user_id)
