"""What is written back from the warehouse is what the event path had written, whatever it goes on telling meanwhile."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from event_log import forget as warehouse
from event_log.clickhouse import ClickHouseSink
from event_log.sink import Sink
from feature_store.definitions import (
    FEATURES,
    FOLLOWED_LISTENERS,
    HEARD_SONGS,
    KNOWN_LISTENER,
    LOVED_SONGS,
    MIXES,
    RECENT_SONGS,
    TAKEN_BACK,
)
from feature_store.forget import forget, held
from feature_store.online import RecentSongsSink, lately_of
from feature_store.rights import changed_since
from feature_store.write_back import everyone, write_back, write_back_songs
from foundation.clock import utc_now
from foundation.contracts.events import (
    Event,
    FollowChanged,
    ListenerChanged,
    OpinionChanged,
    SongChanged,
)
from foundation.engines.clickhouse import Client
from foundation.engines.redis import Redis, open_redis_async
from foundation.ids import UserId
from tests.conftest import Engines, own_redis, redis_database
from tests.feature_store.conftest import imported, listen, removed
from tests.feature_store.test_offline import PEOPLE, Town, said
from warehouse.checking import correct

PATIENCE = 120.0  # seconds
READINGS = (
    "lagInFrame",
    "groupUniqArray",
    "replaceAll",
    "FROM listener_words",
)  # a word of each query, in order


@pytest.fixture
def emptied(engines: Engines) -> Iterator[Redis]:
    """A database that the test has for itself, and may empty."""
    with own_redis(engines, 6) as client:
        yield client


@pytest.fixture
def kept(engines: Engines) -> Iterator[Redis]:
    """Another one, of which nothing is ever lost."""
    with own_redis(engines, 7) as client:
        yield client


class Telling:
    """Both sinks, as the shipper has them."""

    def __init__(self, writer: Client, redis: Redis, folder: Path) -> None:
        self.sinks: tuple[Sink, ...] = (
            ClickHouseSink(lambda: writer, folder, correct),
            RecentSongsSink(redis),
        )

    def tell(self, *events: Event) -> None:
        # ClickHouse leaves out what it was given under the same name, by whichever test.
        segment = str(uuid4())
        for sink in self.sinks:
            sink.apply([segment], events)


def everything(redis: Redis, listeners: Sequence[int]) -> dict[str, object]:
    """Every value of theirs, by key; lists of nothing but members are in order."""
    found: dict[str, object] = {}
    for listener in listeners:
        for feature in FEATURES:
            key = feature.key(listener)
            match redis.type(key):
                case b"zset":
                    found[key] = redis.zrange(key, 0, -1, withscores=True)
                case b"set":
                    found[key] = sorted(redis.smembers(key))
                case b"hash":
                    found[key] = redis.hgetall(key)
                case b"string":
                    found[key] = redis.get(key)
    return found


def loved(listener: int, song: int, said: Any, version: int) -> OpinionChanged:
    return OpinionChanged(listener_id=listener, kind="song", target_id=song, opinion=said, version=version)


def written(client: Any, redis: Redis, listeners: Sequence[int]) -> Counter[str]:
    done: Counter[str] = Counter()
    for some in write_back(client, redis, listeners, utc_now()):
        done += some
    return done


@pytest.mark.slow
def test_an_emptied_redis_is_filled_with_exactly_what_it_had(
    writer: Client, emptied: Redis, listener: UserId, tmp_path: Path
) -> None:
    town = Town(listener + 3_000_000, seed=5)
    telling = Telling(writer, emptied, tmp_path)
    for _ in range(12):
        telling.tell(*town.telling())
    telling.tell(*(imported(each, 900 + each % 7) for each in town.listeners[:9]))
    people = town.listeners
    before, online = everything(emptied, people), lately_of(emptied, people)
    lives = {key: emptied.ttl(key) for key in before}

    emptied.flushdb()
    first = written(writer, emptied, people)
    second = written(writer, emptied, people)

    assert everything(emptied, people) == before
    assert list(map(said, lately_of(emptied, people).values())) == list(map(said, online.values()))
    assert {key: emptied.ttl(key) for key in before} == pytest.approx(lives, abs=20)
    silent = sum(1 for each in people if not any(f"{{{each}}}" in key for key in before))
    assert first == Counter(written=PEOPLE - silent, silent=silent)
    assert second == Counter(left=PEOPLE - silent, silent=silent)
    assert any(key.startswith(TAKEN_BACK.prefix) for key in before)


@pytest.mark.slow
def test_nothing_is_lost_of_what_is_told_meanwhile(
    writer: Client, emptied: Redis, kept: Redis, listener: UserId, tmp_path: Path
) -> None:
    # What is told anew with another beginning, just after Redis forgot that it was taken back, nobody recognises.
    town = Town(listener + 4_000_000, seed=6, is_punctual=True)
    telling = Telling(writer, emptied, tmp_path)
    telling.sinks = (*telling.sinks, RecentSongsSink(kept))
    for _ in range(6):
        telling.tell(*town.telling())
    done = threading.Event()

    def tell_on() -> None:
        for _ in range(8):
            telling.tell(*town.telling())
        done.set()

    emptied.flushdb()
    thread = threading.Thread(target=tell_on)
    thread.start()
    runs = 0
    while runs == 0 or not done.is_set():
        written(writer, emptied, town.listeners)
        runs += 1
    thread.join(PATIENCE)

    assert done.is_set()
    assert runs > 1
    assert everything(emptied, town.listeners) == everything(kept, town.listeners)


@dataclass
class Interrupted:
    """A warehouse whose answer to one query is followed by something else before it is given."""

    client: Client
    after: str  # part of the query
    then: Callable[[], None]

    def query_arrow(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        answer = self.client.query_arrow(query, parameters=parameters)
        if self.after in query:
            self.then()
            self.after = "\0"
        return answer


@pytest.mark.parametrize("part", READINGS)
def test_what_is_taken_back_or_told_while_it_reads_holds(
    writer: Client, emptied: Redis, listener: UserId, tmp_path: Path, part: str
) -> None:
    telling = Telling(writer, emptied, tmp_path)
    gone, stays = listen(listener, 7, 1), listen(listener, 8, 2)
    telling.tell(gone, stays, loved(listener, 1, "love", 5), loved(listener, 2, "love", 5))
    emptied.flushdb()

    def meanwhile() -> None:
        telling.tell(
            removed(gone, utc_now()),
            listen(listener, 9, 3),
            loved(listener, 1, "hide", 6),
            loved(listener, 2, "", 6),
        )

    written(Interrupted(writer, part, meanwhile), emptied, [listener])

    lately = lately_of(emptied, [listener])[listener]
    assert lately.song_ids == (9, 8)
    assert lately.wishes.hidden_songs.tolist() == [1]
    assert lately.wishes.loved_songs.tolist() == []


@pytest.mark.parametrize("part", READINGS[1:])
def test_whoever_is_deleted_while_it_reads_stays_away(
    writer: Client, emptied: Redis, listener: UserId, tmp_path: Path, part: str
) -> None:
    friend = UserId(listener + 5_000_000)
    telling = Telling(writer, emptied, tmp_path)
    follows = FollowChanged(
        listener_id=friend, kind="listener", target_id=listener, is_following=True, version=1
    )
    own = ListenerChanged(listener_id=listener, country="FJ", version=1)
    telling.tell(own, listen(listener, 7, 1), listen(friend, 7, 1), loved(listener, 1, "love", 5), follows)

    def delete() -> None:
        forget(emptied, listener, [friend])
        warehouse.forget(writer, [listener], [])

    done = written(Interrupted(writer, part, delete), emptied, [listener, friend])

    assert held(emptied, listener, [friend]) == Counter()
    assert not emptied.exists(FOLLOWED_LISTENERS.key(friend))
    assert emptied.exists(RECENT_SONGS.key(friend))
    assert (done["deleted"], done["left"] + done["changed"]) == (1, 1)


def test_only_what_is_missing_or_older_is_changed(
    writer: Client, emptied: Redis, listener: UserId, tmp_path: Path
) -> None:
    ahead = UserId(listener + 6_000_000)
    telling = Telling(writer, emptied, tmp_path)
    telling.tell(
        listen(listener, 7, 1),
        loved(listener, 1, "love", 5),
        ListenerChanged(listener_id=listener, version=3),
    )
    telling.sinks[1].apply(
        ["ahead"], [listen(listener, 8, 2), loved(listener, 1, "hide", 6), listen(ahead, 7, 1)]
    )
    emptied.set(MIXES.key(listener), "[]")
    emptied.srem(HEARD_SONGS.key(listener), 7)
    emptied.zadd(RECENT_SONGS.key(listener), {"7": 1})
    emptied.set(KNOWN_LISTENER.key(listener), "2 NZ")

    first, second = (written(writer, emptied, [listener, ahead]) for _ in range(2))

    lately = lately_of(emptied, [listener, ahead])
    assert (first, second) == (Counter(changed=1, silent=1), Counter(left=1, silent=1))
    assert lately[listener].song_ids == (8, 7)
    assert lately[listener].listened_ms[1] > 1
    assert sorted(lately[listener].heard.tolist()) == [7, 8]
    assert lately[listener].country == ""
    assert lately[listener].wishes.hidden_songs.tolist() == [1]
    assert not emptied.exists(LOVED_SONGS.key(listener))
    assert emptied.get(MIXES.key(listener)) == b"[]"
    assert lately[ahead].song_ids == (7,)


def test_private_sessions_and_what_has_run_out_are_not_written(
    writer: Client, emptied: Redis, listener: UserId, tmp_path: Path
) -> None:
    silent = UserId(listener + 7_000_000)
    telling = Telling(writer, emptied, tmp_path)
    telling.tell(listen(listener, 7, 1, is_private=True))
    telling.tell(
        listen(silent, 7, 1),
        ListenerChanged(listener_id=silent, country="FJ", version=1),
        loved(silent, 1, "love", 5),
    )
    emptied.flushdb()

    later = utc_now() + RECENT_SONGS.kept + timedelta(hours=1)
    for _ in write_back(writer, emptied, [listener, silent], later):
        pass

    found = lately_of(emptied, [listener, silent])
    assert [each.is_known for each in found.values()] == [False, False]
    assert found[silent].wishes.loved_songs.tolist() == [1]
    assert everything(emptied, [listener]) == {}


def test_a_play_that_was_taken_back_stays_away_when_it_is_told_again(
    writer: Client, emptied: Redis, listener: UserId, tmp_path: Path
) -> None:
    telling = Telling(writer, emptied, tmp_path)
    play, other = listen(listener, 7, 1), listen(listener, 8, 2)
    telling.tell(play, other)
    telling.tell(removed(play, utc_now()))
    emptied.flushdb()
    written(writer, emptied, [listener])

    telling.tell(play)

    assert lately_of(emptied, [listener])[listener].song_ids == (8,)
    assert listener in everyone(writer)


def test_a_play_whose_length_is_just_told_anew_was_not_taken_back(
    writer: Client, emptied: Redis, listener: UserId, tmp_path: Path
) -> None:
    telling, play = Telling(writer, emptied, tmp_path), listen(listener, 7, 1)
    telling.tell(play)
    # As the sink does it: the earlier row goes first, and its place is taken a moment later.
    columns = [
        "play_id",
        "listener_id",
        "song_id",
        "listened_at",
        "played_ms",
        "source",
        "ingested_at",
        "removed_at",
    ]
    told = writer.query("SELECT ingested_at FROM listens WHERE listener_id = {who:UInt64}", {"who": listener})
    row = [play.play_id, listener, 7, play.started_at, 60_000, "organic", told.first_row[0], utc_now()]
    writer.insert("removals", [row], column_names=columns)

    written(writer, emptied, [listener])

    assert not emptied.exists(TAKEN_BACK.key(listener))
    assert lately_of(emptied, [listener])[listener].song_ids == (7,)


@pytest.mark.anyio
async def test_what_the_catalog_told_of_songs_lately_is_written_back(
    engines: Engines, writer: Client, emptied: Redis, tmp_path: Path
) -> None:
    telling, now = Telling(writer, emptied, tmp_path), utc_now()
    version = int(now.timestamp() * 1e6)
    about: dict[str, Any] = {"title": "Air", "artist_id": 1, "artist": "Air"}
    told = [
        SongChanged(song_id=880_001, version=version, is_removed=True, **about),
        SongChanged(song_id=880_002, version=version, regions=("FJ", "NZ"), is_explicit=True, **about),
        SongChanged(song_id=880_003, version=version - 8 * 86_400_000_000, **about),
    ]
    telling.tell(*told)
    client = open_redis_async(redis_database(engines, 6))
    before = {each.song_id: each for each in await changed_since(client, 1)}

    emptied.flushdb()
    changed = [write_back_songs(writer, emptied, now) for _ in range(2)]
    after = {each.song_id: each for each in await changed_since(client, 1)}
    await client.aclose()

    assert changed[0] >= 2
    assert changed[1] == 0
    assert {song: after.get(song) for song in (880_001, 880_002)} == {
        song: before[song] for song in (880_001, 880_002)
    }
    assert 880_003 in before
    assert 880_003 not in after
