"""Which playlists carry an artist: public ones by name, the others as a number."""

import pytest

from foundation.engines.postgres import Postgres
from foundation.ids import ArtistId
from gateway.catalog import CatalogOfArtists
from serving.statistics.schemas import ArtistPlaylists, CarryingPlaylist
from tests.catalog_api.api import Api
from tests.catalog_api.playlists.world import ANN, BOB, made, settle

pytestmark = pytest.mark.anyio


async def test_public_ones_are_named_and_the_others_counted(api: Api, pool: Postgres) -> None:
    settle(api)
    api.sql("INSERT INTO artists (id, name) VALUES (900, 'Other')")
    api.sql("UPDATE songs SET artist_id = 900 WHERE id = 3")
    few = await made(api.as_(ANN), name="Few", is_public=True, song_ids=[1, 3])
    many = await made(api.as_(BOB), name="Many", is_public=True, song_ids=[1, 2])
    await made(api.as_(BOB), name="Secret", song_ids=[1, 2, 3])
    await made(api.as_(BOB), name="Of another", is_public=True, song_ids=[3])
    artist = ArtistId(api.sql("SELECT artist_id FROM songs WHERE id = 1")[0][0])

    told = await CatalogOfArtists(pool).playlists_with(artist, 20)

    assert told == ArtistPlaylists(
        public=2,
        private=1,
        most_songs=(
            CarryingPlaylist(many, "Many", BOB, "bob", 2),
            CarryingPlaylist(few, "Few", ANN, "ann", 1),
        ),
    )


async def test_all_are_counted_though_few_are_named(api: Api, pool: Postgres) -> None:
    settle(api)
    for number in range(3):
        await made(api.as_(ANN), name=f"List {number}", is_public=True, song_ids=[1])
        await made(api.as_(BOB), song_ids=[1])
    artist = ArtistId(api.sql("SELECT artist_id FROM songs WHERE id = 1")[0][0])

    told = await CatalogOfArtists(pool).playlists_with(artist, 2)

    assert (told.public, told.private, len(told.most_songs)) == (3, 3, 2)


async def test_an_artist_on_no_playlist_is_on_none(api: Api, pool: Postgres) -> None:
    settle(api)
    await made(api.as_(ANN), song_ids=[1])

    assert await CatalogOfArtists(pool).playlists_with(ArtistId(999), 20) == ArtistPlaylists()
