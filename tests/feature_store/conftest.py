"""Listeners nobody else uses, and the plays they make."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from foundation.contracts.events import ImportedCount, ListenRemoved, PlaybackEvent
from foundation.engines.clickhouse import Client, open_clickhouse
from foundation.engines.redis import Redis, open_redis
from foundation.ids import UserId, new_play_id
from tests.conftest import Engines
from warehouse.migrate import migrate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_listeners = count(40_000_000)


def listen(
    listener: int,
    song: int,
    minute: float,
    *,
    played_ms: int | None = 60_000,
    song_ms: int | None = None,
    is_private: bool = False,
) -> PlaybackEvent:
    """A play that began `minute` minutes after noon; with no length it is a start."""
    at = NOON + timedelta(minutes=minute)
    return PlaybackEvent(
        play_id=new_play_id(at),
        kind="start" if played_ms is None else "end",
        listener_id=listener,
        song_id=song,
        started_at=at,
        received_at=at,
        played_ms=played_ms,
        song_ms=song_ms,
        is_private=is_private,
    )


def imported(listener: int, song: int, *, plays: int = 3) -> ImportedCount:
    """A count from a source that tells no times."""
    return ImportedCount(origin="town", listener_id=listener, song_id=song, plays=plays, received_at=NOON)


def removed(play: PlaybackEvent, at: datetime) -> ListenRemoved:
    """The news that a listener took a play back."""
    return ListenRemoved(
        play_id=play.play_id,
        listener_id=play.listener_id,
        song_id=play.song_id,
        started_at=play.started_at,
        removed_at=at,
    )


@pytest.fixture
def writer(engines: Engines) -> Iterator[Client]:
    client = open_clickhouse(engines.clickhouse)
    migrate(client)
    yield client
    client.close()


@pytest.fixture
def redis(engines: Engines) -> Iterator[Redis]:
    client = open_redis(engines.redis)
    yield client
    client.close()


@pytest.fixture
def listener() -> UserId:
    return UserId(next(_listeners))
