"""Songs and listeners as the catalog tells them."""

import asyncio
import socket
import time
from datetime import date, timedelta

import pytest

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.listeners.service import Listeners
from catalog_api.songs.errors import SongNotFound
from catalog_api.songs.schemas import AlbumOut, ArtistOut
from catalog_api.songs.service import SongLengths, Songs
from foundation.engines.postgres import Postgres, connection, open_postgres
from foundation.errors import Unreachable
from foundation.ids import SongId, UserId
from tests.catalog_api.world import NOW, SOURCE, settle, town

pytestmark = pytest.mark.anyio


async def test_a_song_is_told_with_its_artist_and_album(pool: Postgres, catalog: str) -> None:
    settle(catalog, town())

    async with pool.reading() as db:
        song = await Songs(db).by_id(SongId(1))

    assert song.artist == ArtistOut(artist_id=1, name="Queen")
    assert song.album == AlbumOut(album_id=1, title="A Night at the Opera")
    assert (song.title, song.duration, song.genre) == ("Bohemian Rhapsody", 354, "rock")
    assert song.released_on == date(1975, 10, 31)


async def test_what_is_not_known_of_a_song_is_null(pool: Postgres, catalog: str) -> None:
    settle(catalog, town())

    async with pool.reading() as db:
        song = await Songs(db).by_id(SongId(2))

    assert (song.album, song.duration, song.genre, song.released_on) == (None, None, None, None)


async def test_a_song_that_is_not_there_is_not_found(pool: Postgres) -> None:
    async with pool.reading() as db:
        with pytest.raises(SongNotFound):
            await Songs(db).by_id(SongId(99))


async def test_a_listener_is_found_by_either_id(pool: Postgres, catalog: str) -> None:
    settle(catalog, town())

    async with pool.reading() as db:
        by_id = await Listeners(db).by_id(UserId(1))
        by_external_id = await Listeners(db).by_external_id(SOURCE, "ann")

    assert by_id is by_external_id
    assert (by_id.display_name, by_id.country) == ("ann", "NZ")


async def test_an_unknown_listener_is_refused_with_the_sources_there_are(
    pool: Postgres, catalog: str
) -> None:
    settle(catalog, town())

    async with pool.reading() as db:
        with pytest.raises(ListenerNotFound, match="sources with listeners: town"):
            await Listeners(db).by_external_id("radio", "ann")


async def test_a_session_that_reads_cannot_write(pool: Postgres, catalog: str) -> None:
    settle(catalog, town())

    async with pool.reading() as db:
        (await Listeners(db).by_id(UserId(1))).country = "AU"

        with pytest.raises(Exception, match="read-only transaction"):
            await db.flush()


async def test_what_a_writing_session_wrote_stays_unless_it_failed(pool: Postgres, catalog: str) -> None:
    settle(catalog, town())

    async with pool.writing() as db:
        (await Listeners(db).by_id(UserId(1))).country = "AU"
    with pytest.raises(ListenerNotFound):
        await _move_to_france_and_fail(pool)

    async with pool.reading() as db:
        assert (await Listeners(db).by_id(UserId(1))).country == "AU"


async def _move_to_france_and_fail(pool: Postgres) -> None:
    async with pool.writing() as db:
        (await Listeners(db).by_id(UserId(1))).country = "FR"
        await db.flush()
        await Listeners(db).by_id(UserId(99))


async def test_a_postgres_that_is_not_there_is_told_plainly() -> None:
    pool = open_postgres("postgresql://segue@127.0.0.1:1/segue")

    with pytest.raises(Unreachable, match="Postgres does not answer"):
        async with pool.reading():
            pass


async def test_the_length_of_a_song_is_remembered_for_a_while(pool: Postgres, catalog: str) -> None:
    settle(catalog, town())
    now = NOW
    lengths = SongLengths(pool, lambda: now, remembered=timedelta(minutes=5))

    first = await lengths.of(SongId(1))
    with_connection = pool.engine.pool.checkedin()  # type: ignore[attr-defined]
    await pool.close()
    again = await lengths.of(SongId(1))

    assert (first, again) == (354_320, 354_320)
    assert with_connection == 1


async def test_a_remembered_length_outlives_postgres(catalog: str) -> None:
    settle(catalog, town())
    now = NOW
    reachable, gone = open_postgres(catalog), open_postgres("postgresql://segue@127.0.0.1:1/segue")
    lengths = SongLengths(reachable, lambda: now)
    await lengths.of(SongId(1))
    await reachable.close()

    later = SongLengths(gone, lambda: NOW + timedelta(hours=1), _known=lengths._known)

    assert await later.of(SongId(1)) == 354_320
    with pytest.raises(Unreachable):
        await later.of(SongId(2))


async def test_a_play_of_a_remembered_song_does_not_wait_for_a_postgres_that_hangs(catalog: str) -> None:
    settle(catalog, town())
    reachable = open_postgres(catalog)
    lengths = SongLengths(reachable, lambda: NOW)
    await lengths.of(SongId(1))
    await reachable.close()

    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        hanging = open_postgres(f"postgresql://segue@127.0.0.1:{silent.getsockname()[1]}/segue")
        later = SongLengths(hanging, lambda: NOW + timedelta(hours=1), _known=lengths._known)
        begun_at = time.monotonic()
        first = await later.of(SongId(1))
        took_first = time.monotonic() - begun_at
        second = await later.of(SongId(1))
        took_both = time.monotonic() - begun_at
        await asyncio.gather(*later._let_gone, return_exceptions=True)
        await hanging.close()

    assert (first, second) == (354_320, 354_320)
    assert took_first < 1.5
    assert took_both - took_first < 0.1


async def test_a_song_that_went_meanwhile_is_not_found_though_remembered(
    pool: Postgres, catalog: str
) -> None:
    settle(catalog, town())
    now = NOW
    lengths = SongLengths(pool, lambda: now)
    await lengths.of(SongId(1))

    with connection(catalog) as db:
        db.execute("DELETE FROM songs WHERE id = 1")
    now += timedelta(hours=1)

    with pytest.raises(SongNotFound):
        await lengths.of(SongId(1))


async def test_only_so_many_lengths_are_remembered(pool: Postgres, catalog: str) -> None:
    settle(catalog, town())
    lengths = SongLengths(pool, lambda: NOW, room=1)

    await lengths.of(SongId(1))
    await lengths.of(SongId(2))

    assert list(lengths._known) == [SongId(2)]
