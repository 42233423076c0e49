"""The recent songs in Redis: what comes in, in whatever order, comes out as the definition says."""

import random
import socket
import time
from datetime import timedelta

import msgspec
import pytest

from feature_store.definitions import HEARD_SONGS, KNOWN_LISTENER, RECENT_SONGS
from feature_store.online import ListenersOnline, RecentSongsSink, lately_of
from foundation.contracts.events import ListenerChanged, PlaybackEvent
from foundation.engines.redis import Redis, open_redis, open_redis_async
from foundation.errors import Unreachable
from foundation.ids import UserId
from tests.conftest import Engines
from tests.feature_store.conftest import NOON, imported, listen, removed

NOWHERE = "redis://127.0.0.1:9"  # nothing listens on the discard port
BLACK_HOLE = (
    "redis://192.0.2.1:6379"  # an address reserved for documentation: connecting gets no answer at all
)


def defined(events: list[PlaybackEvent], listener: int) -> list[int]:
    """The definition, written out: songs by their latest listen, newest first, later text first among equals."""
    latest: dict[int, int] = {}
    for event in events:
        if event.listener_id == listener and event.kind == "end":
            at = round((event.started_at - NOON) / timedelta(milliseconds=1))
            latest[event.song_id] = max(latest.get(event.song_id, at), at)
    newest_first = sorted(latest, key=lambda song: (latest[song], str(song)), reverse=True)
    return newest_first[: RECENT_SONGS.limit]


def songs_of(redis: Redis, listener: UserId) -> list[int]:
    return list(lately_of(redis, [listener])[listener].song_ids)


def test_the_newest_listen_comes_first(redis: Redis, listener: UserId) -> None:
    sink = RecentSongsSink(redis)

    sink.apply(["s1"], [listen(listener, 7, 1), listen(listener, 8, 2)])
    sink.apply(["s2"], [listen(listener, 7, 3)])

    assert songs_of(redis, listener) == [7, 8]


def test_starts_and_skips_are_no_listens(redis: Redis, listener: UserId) -> None:
    skipped = listen(listener, 7, 1, played_ms=29_999)
    started = listen(listener, 8, 2, played_ms=None)
    half_of_a_short_song = listen(listener, 9, 3, played_ms=20_000, song_ms=40_000)

    RecentSongsSink(redis).apply(["s1"], [skipped, started, half_of_a_short_song])

    assert songs_of(redis, listener) == [9]


def test_the_same_segment_twice_leaves_the_same(redis: Redis, listener: UserId) -> None:
    sink, segment = RecentSongsSink(redis), [listen(listener, song, song) for song in range(150)]

    sink.apply(["s1"], segment)
    once = lately_of(redis, [listener])
    sink.apply(["s1"], segment)

    assert lately_of(redis, [listener]) == once


def heard_by(redis: Redis, listener: UserId) -> list[int]:
    return sorted(lately_of(redis, [listener])[listener].heard.tolist())


def test_all_listens_and_imported_counts_are_heard_however_many(redis: Redis, listener: UserId) -> None:
    listens = [listen(listener, song, song) for song in range(1, 1501)]
    counts = [imported(listener, song) for song in range(1401, 3001)]
    no_listens = [listen(listener, 5001, 1, played_ms=None), listen(listener, 5002, 1, played_ms=5_000)]

    RecentSongsSink(redis).apply(["s1"], [*listens, *counts, *no_listens])

    assert heard_by(redis, listener) == list(range(1, 3001))
    assert songs_of(redis, listener) == list(range(1500, 1400, -1))


def test_segments_again_and_in_another_order_leave_the_same_heard_songs(
    redis: Redis, listener: UserId
) -> None:
    sink = RecentSongsSink(redis)
    plays = [listen(listener, song, song) for song in range(1, 200)]
    counts = [imported(listener, song) for song in range(150, 300)]

    for number, segment in enumerate((counts, plays, counts, plays, plays[:20])):
        sink.apply([f"s{number}"], segment)

    assert heard_by(redis, listener) == list(range(1, 300))
    assert redis.scard(HEARD_SONGS.key(listener)) == 299


def test_a_listener_with_counts_alone_is_known_and_has_no_recent_songs(
    redis: Redis, listener: UserId
) -> None:
    RecentSongsSink(redis).apply(["s1"], [imported(listener, 7)])

    lately = lately_of(redis, [listener])[listener]

    assert (lately.is_known, lately.song_ids, lately.heard.tolist()) == (True, (), [7])


def test_a_time_without_a_zone_leaves_out_that_play_and_no_other(
    redis: Redis, listener: UserId, caplog: pytest.LogCaptureFixture
) -> None:
    odd = msgspec.structs.replace(listen(listener, 7, 1), started_at=NOON.replace(tzinfo=None))

    RecentSongsSink(redis).apply(["s1"], [odd, listen(listener, 8, 2)])

    assert songs_of(redis, listener) == heard_by(redis, listener) == [8]
    assert str(odd.play_id) in caplog.text


@pytest.mark.parametrize("seed", range(5))
def test_segments_in_any_order_leave_what_the_definition_says(
    redis: Redis, listener: UserId, seed: int
) -> None:
    chance = random.Random(seed)
    other = UserId(listener + 1_000_000 + seed)
    events = [
        listen(chance.choice([listener, other]), chance.randrange(1, 160), chance.randrange(300))
        for _ in range(600)
    ]
    segments = [events[start : start + 37] for start in range(0, len(events), 37)]
    told = segments + chance.choices(segments, k=5)
    chance.shuffle(told)

    for number, segment in enumerate(told):
        RecentSongsSink(redis).apply([f"s{number}"], segment)

    assert songs_of(redis, listener) == defined(events, listener)
    assert songs_of(redis, other) == defined(events, other)


def test_a_listener_the_catalog_told_of_is_known(redis: Redis, listener: UserId) -> None:
    stranger = UserId(listener + 500_000)

    RecentSongsSink(redis).apply(["s1"], [ListenerChanged(listener_id=listener, version=1)])

    assert lately_of(redis, [listener, stranger])[listener].is_known
    assert not lately_of(redis, [listener, stranger])[stranger].is_known


def test_the_newest_country_of_a_listener_is_known(redis: Redis, listener: UserId) -> None:
    sink = RecentSongsSink(redis)
    old, new = (
        ListenerChanged(listener_id=listener, country=c, version=v) for v, c in ((1, "NZ"), (2, "FJ"))
    )

    sink.apply("s1", [old, new])
    sink.apply("s1", [old])

    assert lately_of(redis, [listener])[listener].country == "FJ"


def test_what_is_kept_is_forgotten_in_the_end(redis: Redis, listener: UserId) -> None:
    events = [ListenerChanged(listener_id=listener, version=1), listen(listener, 7, 1)]

    RecentSongsSink(redis).apply(["s1"], events)

    for feature in (RECENT_SONGS, HEARD_SONGS, KNOWN_LISTENER):
        assert 0 < redis.ttl(feature.key(listener)) <= feature.kept.total_seconds()


@pytest.mark.anyio
async def test_a_request_reads_songs_with_their_times(
    engines: Engines, redis: Redis, listener: UserId
) -> None:
    events = [listen(listener, 7, 1), listen(listener, 8, 2), imported(listener, 9)]
    RecentSongsSink(redis).apply(["s1"], events)

    client = open_redis_async(engines.redis)
    lately = await ListenersOnline(client).of(listener)
    await client.aclose()

    assert [(song.song_id, song.listened_at) for song in lately.songs] == [
        (8, NOON + timedelta(minutes=2)),
        (7, NOON + timedelta(minutes=1)),
    ]
    assert sorted(lately.heard.tolist()) == [7, 8, 9]


@pytest.mark.anyio
async def test_a_redis_that_is_away_costs_a_request_milliseconds() -> None:
    recent, began = ListenersOnline(open_redis_async(NOWHERE)), time.monotonic()

    with pytest.raises(Unreachable):
        await recent.of(UserId(1))

    assert time.monotonic() - began < 0.1


@pytest.mark.anyio
async def test_a_redis_that_hangs_costs_a_request_a_fraction_of_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        recent = ListenersOnline(open_redis_async(f"redis://127.0.0.1:{silent.getsockname()[1]}"))
        began = time.monotonic()

        with pytest.raises(Unreachable):
            await recent.of(UserId(1))

    assert time.monotonic() - began < 0.5


def test_a_sink_says_that_redis_is_away(listener: UserId) -> None:
    sink = RecentSongsSink(open_redis(NOWHERE))

    with pytest.raises(Unreachable):
        sink.apply(["s1"], [listen(listener, 7, 1)])


def test_a_listen_that_is_taken_back_takes_its_song_out_unless_it_was_heard_again(engines: Engines) -> None:
    redis = open_redis(engines.redis)
    sink = RecentSongsSink(redis)
    once, twice, again = listen(8801, 1, 0), listen(8801, 2, 0), listen(8801, 2, 5)
    sink.apply(["s1"], [once, twice, again])

    for _ in range(2):
        sink.apply(["s2"], [removed(play, NOON + timedelta(days=1)) for play in (once, twice)])

    lately = lately_of(redis, [UserId(8801)])[UserId(8801)]
    assert list(lately.song_ids) == [2]
    assert sorted(lately.heard.tolist()) == [1, 2]
