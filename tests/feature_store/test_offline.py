"""The warehouse and Redis give the same recent songs for the same events."""

import random
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from event_log.clickhouse import ClickHouseSink
from feature_store.offline import recent_songs
from feature_store.online import RecentSongsSink, lately_of
from foundation.clock import utc_now
from foundation.engines.clickhouse import Client, open_clickhouse
from foundation.engines.redis import Redis
from foundation.ids import UserId
from tests.conftest import Engines
from tests.feature_store.conftest import listen
from warehouse.checking import correct
from warehouse.migrate import migrate


@pytest.fixture
def writer(engines: Engines) -> Iterator[Client]:
    client = open_clickhouse(engines.clickhouse)
    migrate(client)
    yield client
    client.close()


def online(redis: Redis, listeners: list[UserId]) -> list[tuple[int, int, datetime]]:
    return [
        (listener, song.song_id, song.listened_at)
        for listener, lately in lately_of(redis, listeners).items()
        for song in lately.songs
    ]


@pytest.mark.slow
def test_online_and_offline_agree_now_and_as_of_before(
    writer: Client, redis: Redis, listener: UserId, tmp_path: Path
) -> None:
    chance = random.Random(11)
    listeners = [UserId(listener + 2_000_000 + number) for number in range(4)]
    plays = [
        listen(
            chance.choice(listeners),
            chance.randrange(1, 140),
            chance.randrange(200),
            played_ms=chance.choice([None, 5_000, 20_000, 60_000]),
            song_ms=chance.choice([None, 30_000, 200_000]),
            is_private=chance.random() < 0.2,
        )
        for _ in range(1500)
    ]
    sinks = (ClickHouseSink(lambda: writer, tmp_path, correct), RecentSongsSink(redis))

    for sink in sinks:
        sink.apply(["early"], plays[:700])
    online_before, before = online(redis, listeners), utc_now()
    time.sleep(0.01)
    for sink in sinks:
        sink.apply(["late"], plays[700:])

    assert recent_songs(writer, before, listeners).rows() == online_before
    assert recent_songs(writer, utc_now(), listeners).rows() == online(redis, listeners)
    assert online(redis, listeners) != online_before


def test_nobody_has_no_recent_songs(writer: Client) -> None:
    assert recent_songs(writer, utc_now(), []).is_empty()
