"""Tells serving what it asks of artists and playlists, by asking the catalog: neither knows the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from catalog_api.artists.service import Artists
from catalog_api.playlists.service import Playlists
from foundation.engines.postgres import Postgres
from foundation.ids import ArtistId, UserId
from serving.statistics.schemas import ArtistPlaylists, CarryingPlaylist
from serving.trending.playlists import PublicPlaylist


@dataclass(frozen=True, slots=True)
class CatalogOfArtists:
    """The port that statistics ask, over the catalog's own services."""

    postgres: Postgres

    async def owns(self, user_id: UserId, artist_id: ArtistId) -> bool:
        """Whether the artist is this person's, as the catalog says now. Raises Unreachable."""
        async with self.postgres.reading() as db:
            return await Artists(db).is_of(artist_id, user_id)

    async def playlists_with(self, artist_id: ArtistId, limit: int) -> ArtistPlaylists:
        """The playlists that carry songs of the artist, as they are now. Raises Unreachable."""
        async with self.postgres.reading() as db:
            public, private, most = await Playlists(db).with_artist(artist_id, limit)
        return ArtistPlaylists(
            public=public,
            private=private,
            most_songs=tuple(
                CarryingPlaylist(each.playlist_id, each.name, each.owner_id, each.owner, each.songs)
                for each in most
            ),
        )


@dataclass(frozen=True, slots=True)
class CatalogOfPlaylists:
    """The port that charts ask."""

    postgres: Postgres
    viewer: UserId | None = None

    def seen_by(self, viewer: UserId) -> Self:
        """But for those of listeners from whom a block parts the viewer."""
        return replace(self, viewer=viewer)

    async def public_among(self, playlist_ids: Sequence[int]) -> Mapping[int, PublicPlaylist]:
        """Those of these that everyone may see, as the catalog says now. Raises Unreachable."""
        async with self.postgres.reading() as db:
            found = await Playlists(db).public_among(playlist_ids, self.viewer)
        return {each.playlist_id: PublicPlaylist(each.name, each.owner_id, each.owner) for each in found}
