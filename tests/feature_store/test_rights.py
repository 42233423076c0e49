"""What the catalog told of songs lately reaches every serving process."""

from collections.abc import AsyncIterator, Iterator

import pytest

from feature_store import rights
from feature_store.definitions import CHANGED_SONGS
from feature_store.rights import SongRights, changed_since
from foundation.contracts.events import SongChanged
from foundation.engines.redis import AsyncRedis, Redis, open_redis_async
from tests.conftest import Engines

pytestmark = pytest.mark.anyio
NOON = 1_790_000_000_000_000


@pytest.fixture
def emptied(redis: Redis) -> Iterator[Redis]:
    yield redis
    redis.delete(CHANGED_SONGS.key(0), f"{CHANGED_SONGS.key(0)}:rights")


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[AsyncRedis]:
    opened = open_redis_async(engines.redis)
    yield opened
    await opened.aclose()


def song(song_id: int, version: int, **rights: object) -> SongChanged:
    told = {"title": "Air", "artist_id": 1, "artist": "Air"} | rights
    return SongChanged(song_id=song_id, version=version, **told)  # type: ignore[arg-type]


async def test_the_newest_rights_of_a_song_are_told(emptied: Redis, client: AsyncRedis) -> None:
    told = [
        song(1, NOON),
        song(2, NOON, regions=("FJ", "NZ")),
        song(3, NOON, regions=(), is_explicit=True),
        song(1, NOON + 1, is_removed=True),
    ]

    rights.keep(emptied, told)
    rights.keep(emptied, told[:1])

    assert sorted(await changed_since(client, 0), key=lambda each: each.song_id) == [
        SongRights(1, NOON + 1, is_removed=True, is_explicit=False, regions=None),
        SongRights(2, NOON, is_removed=False, is_explicit=False, regions=("FJ", "NZ")),
        SongRights(3, NOON, is_removed=False, is_explicit=True, regions=()),
    ]


async def test_who_follows_is_told_what_is_new_and_what_may_have_come_late(
    emptied: Redis, client: AsyncRedis
) -> None:
    minutes = range(5)
    rights.keep(emptied, [song(1 + minute, NOON + minute * 60_000_000) for minute in minutes])

    found = await changed_since(client, NOON + 4 * 60_000_000)

    assert sorted(each.song_id for each in found) == [4, 5]


async def test_no_more_than_the_newest_are_kept(
    emptied: Redis, client: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(rights, "CHANGED_SONGS", replace(CHANGED_SONGS, limit=3))

    rights.keep(emptied, [song(number, NOON + number) for number in range(1, 9)])

    assert sorted(each.song_id for each in await changed_since(client, 0)) == [6, 7, 8]
    assert emptied.hlen(f"{CHANGED_SONGS.key(0)}:rights") == 3
