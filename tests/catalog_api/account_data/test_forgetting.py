"""Finishing a deletion: every store is gone through, whatever dies or comes late, and all that went is counted."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

import catalog_api
from catalog_api.account_data.forgetting import GRACE, LATER, Forgetting
from catalog_api.account_data.pending import LOCK
from catalog_api.account_data.stores import CacheEntries, OwnFiles, Person, PostgresAgain, Store
from catalog_api.social.activities.copies import keys_of
from event_log.segments import CLOSED
from feature_store import forget as features
from feature_store.definitions import FOLLOWED_LISTENERS, HEARD_SONGS, KNOWN_LISTENER, RECENT_SONGS
from feature_store.wishes import keep
from foundation.contracts.events import FollowChanged
from foundation.engines import postgres
from foundation.engines.blobs import open_blobs
from foundation.engines.redis import Redis, open_redis
from tests.catalog_api.account_data.town import ANN, BOB, heard, left_of, settle
from tests.catalog_api.api import Api

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Shelf:
    """A store in memory: what it holds of each listener; `dies` is called when it is about to forget."""

    holds: Counter[int]
    dies: list[BaseException] = field(default_factory=list)
    name: str = "shelf"

    def held(self, person: Person) -> Counter[str]:
        return Counter(things=self.holds[person.listener_id])

    def forget(self, people: Sequence[Person]) -> None:
        for person in people:
            if self.dies:
                self.holds[person.listener_id] //= 2  # it was halfway through
                raise self.dies.pop()
            del self.holds[person.listener_id]


@dataclass
class Forgotten:
    """A deletion of Ann, and a shipper's process that may be started anew."""

    api: Api
    id: UUID
    stores: Sequence[Store]
    _running: Forgetting | None = None

    def look(self, *, after: timedelta = timedelta(0)) -> None:
        self.api.clock.push(after)
        if self._running is None:
            log = self.api.folder / "event_log"
            self._running = Forgetting(self.api.catalog, log, self.stores, self.api.clock)
        with connected(self.api) as db:
            self._running.look(db)

    def restart(self) -> None:
        self._running = None

    def removed(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = self._row("removed")
        return found

    def finished_at(self) -> datetime | None:
        found: datetime | None = self._row("finished_at")
        return found

    def _row(self, column: str) -> object:
        return self.api.sql(f"SELECT {column} FROM deletions WHERE id = %s", self.id)[0][0]  # noqa: S608


@contextmanager
def connected(api: Api) -> Iterator[psycopg.Connection]:
    with postgres.connection(api.catalog) as db:
        yield db


async def begun(api: Api, *stores: Store) -> Forgotten:
    settle(api)
    answer = await api.as_(ANN).request("DELETE", "/me")
    api.sql("DELETE FROM outbox")  # the mover of the outbox has been
    return Forgotten(api, UUID(answer.json()["deletion_id"]), stores)


async def test_a_store_forgets_at_once_and_the_deletion_ends_after_the_grace(api: Api) -> None:
    shelf = Shelf(Counter({ANN: 3, BOB: 4}))
    forgotten = await begun(api, shelf)

    forgotten.look()
    at_once = dict(shelf.holds), forgotten.finished_at()
    forgotten.look(after=GRACE)

    assert at_once == ({BOB: 4}, None)
    assert forgotten.finished_at() is not None
    assert forgotten.removed()["shelf"] == {"things": 3}


async def test_what_is_on_its_way_is_waited_for_and_removed_too(api: Api) -> None:
    shelf = Shelf(Counter({ANN: 3}))
    forgotten = await begun(api, shelf)
    segment = api.folder / "event_log" / f"api-0000000001{CLOSED}"

    forgotten.look()
    segment.write_bytes(b"")
    forgotten.look(after=GRACE)
    is_waiting = forgotten.finished_at() is None
    shelf.holds[ANN] = 2  # the segment has come to the store
    segment.unlink()
    forgotten.look()

    assert is_waiting
    assert forgotten.finished_at() is not None
    assert shelf.holds[ANN] == 0
    assert forgotten.removed()["shelf"] == {"things": 5}


async def test_the_outbox_is_waited_for_before_the_log(api: Api) -> None:
    forgotten = await begun(api, Shelf(Counter()))
    api.sql("INSERT INTO outbox (events) VALUES ('[]')")

    forgotten.look()
    forgotten.look(after=GRACE)
    is_waiting = forgotten.finished_at() is None
    api.sql("DELETE FROM outbox")
    forgotten.look()

    assert is_waiting
    assert forgotten.finished_at() is not None


async def test_counts_add_up_whenever_the_process_dies(api: Api) -> None:
    shelf = Shelf(Counter({ANN: 8}), dies=[Killed()])
    forgotten = await begun(api, shelf)

    with pytest.raises(Killed):
        forgotten.look()
    forgotten.restart()
    forgotten.look()
    forgotten.restart()
    forgotten.look(after=GRACE)
    forgotten.look()

    assert shelf.holds[ANN] == 0
    assert forgotten.removed()["shelf"] == {"things": 8}
    assert forgotten.finished_at() is not None


async def test_a_store_that_is_away_keeps_the_deletion_open_and_no_other_store_waiting(api: Api) -> None:
    away = Shelf(Counter({ANN: 2}), dies=[OSError("away"), OSError("away")], name="away")
    shelf = Shelf(Counter({ANN: 1}))
    forgotten = await begun(api, away, shelf)

    forgotten.look()
    others = shelf.holds[ANN]
    forgotten.look(after=GRACE)
    is_open = forgotten.finished_at() is None
    forgotten.look(after=timedelta(seconds=2))

    assert (others, is_open) == (0, True)
    assert forgotten.finished_at() is not None
    assert forgotten.removed()["away"] == {"things": 2}


async def test_of_two_shippers_one_forgets(api: Api) -> None:
    shelf = Shelf(Counter({ANN: 3}))
    forgotten = await begun(api, shelf)

    with connected(api) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        forgotten.look()
        held_meanwhile = shelf.holds[ANN]
    forgotten.look()

    assert (held_meanwhile, shelf.holds[ANN]) == (3, 0)


async def test_an_answer_kept_about_them_meanwhile_goes_too(api: Api) -> None:
    forgotten = await begun(api, PostgresAgain(api.catalog))
    before = forgotten.removed()["postgres"]["idempotency_keys"]
    api.sql(
        "INSERT INTO idempotency_keys (scope, key, fingerprint, created_at, about) VALUES ('public', 'k', '', now(), %s)",
        ANN,
    )

    forgotten.look()
    forgotten.look(after=GRACE)

    assert api.sql("SELECT count(*) FROM idempotency_keys WHERE about = %s", ANN) == [(0,)]
    assert forgotten.removed()["postgres"]["idempotency_keys"] == before + 1


def test_no_two_locks_have_one_number() -> None:
    """They share one space in Postgres: who forgets would wait for who makes a partition."""
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(catalog_api.__path__, "catalog_api.")
        if ".migrations" not in found.name
    ]

    numbers = Counter(module.LOCK for module in modules if isinstance(getattr(module, "LOCK", None), int))

    assert len(numbers) >= 4
    assert set(numbers.values()) == {1}


async def test_later_looks_find_what_nobody_expected_and_then_end(api: Api) -> None:
    shelf = Shelf(Counter({ANN: 1}))
    forgotten = await begun(api, shelf)
    forgotten.look()
    forgotten.look(after=GRACE)

    shelf.holds[ANN] = 1  # a job published what it had read before
    for after in LATER:
        forgotten.look(after=after)

    assert forgotten.removed()["shelf"] == {"things": 2}
    assert api.sql("SELECT look_at, belongings FROM deletions") == [(None, {})]


async def test_what_the_history_got_meanwhile_goes_too(api: Api) -> None:
    forgotten = await begun(api, PostgresAgain(api.catalog))
    before = forgotten.removed()["postgres"]["listening_history"]
    heard(api, ANN, 2)

    forgotten.look()
    forgotten.look(after=GRACE)

    assert left_of(api, ANN) == {}
    assert forgotten.removed()["postgres"]["listening_history"] == before + 2
    assert api.sql("SELECT count(*) FROM listening_history WHERE user_id = %s", BOB) == [(3,)]


async def test_redis_holds_nothing_of_them_in_their_own_keys_or_in_others(api: Api, redis: Redis) -> None:
    keep(redis, [follows(ANN, BOB), follows(BOB, ANN)])
    redis.sadd(HEARD_SONGS.key(ANN), 1, 2, 3)
    redis.zadd(RECENT_SONGS.key(ANN), {"1": 5})
    redis.set(KNOWN_LISTENER.key(ANN), 1)
    for key in (*keys_of(ANN), *keys_of(BOB), f"user:{ANN}:profile", f"user:{BOB}:profile"):
        redis.set(key, 1)
    forgotten = await begun(api, CacheEntries(redis), Features(redis))

    forgotten.look()
    forgotten.look(after=GRACE)

    assert [
        key for key in redis.scan_iter() if f"{{{ANN}}}" in key.decode() or f"user:{ANN}:" in key.decode()
    ] == []
    assert redis.smembers(FOLLOWED_LISTENERS.key(BOB)) == set()
    assert redis.exists(f"user:{BOB}:profile") == 1
    assert forgotten.removed()["features"] == {
        "heard_songs": 3,
        "recent_songs": 1,
        "known_listener": 1,
        "followed_listeners": 1,
        "wish_versions": 1,
        "told_by_others": 1,
    }
    assert forgotten.removed()["cache"]["entries"] >= 4


async def test_the_covers_of_own_albums_go_and_those_of_others_stay(api: Api) -> None:
    blobs = open_blobs(f"file://{api.folder}/blobs")
    for key in ("covers/abc/64.jpg", "covers/abc/300.jpg", "covers/def/64.jpg"):
        blobs.put(key, b"jpeg")
    forgotten = await begun(api, OwnFiles(blobs))

    forgotten.look()

    assert blobs.keys("covers") == ["covers/def/64.jpg"]
    assert forgotten.removed()["blobs"] == {"covers": 2}


@dataclass(frozen=True)
class Features:
    """The online features, as the shipper's process wires them."""

    redis: Redis
    name: str = "features"

    def held(self, person: Person) -> Counter[str]:
        return features.held(self.redis, person.listener_id, person.others)

    def forget(self, people: Sequence[Person]) -> None:
        for person in people:
            features.forget(self.redis, person.listener_id, person.others)


@pytest.fixture
def redis(api: Api) -> Iterator[Redis]:
    opened = open_redis(api.app.state.settings.engines.redis)
    opened.flushdb()
    yield opened
    opened.close()


def follows(follower: int, followed: int) -> FollowChanged:
    return FollowChanged(
        listener_id=follower, kind="listener", target_id=followed, is_following=True, version=1
    )
