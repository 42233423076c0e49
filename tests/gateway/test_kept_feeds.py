"""A feed that nothing has changed is given again before there is a task for the request, and never longer than it holds."""

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_store.online import RecentSongsSink
from foundation.contracts.events import ListenerChanged
from foundation.engines.blobs import open_blobs
from foundation.engines.redis import open_redis
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Points
from models.bundle import save
from tests.gateway.conftest import Gateway, StartGateway, token_of
from tests.serving.conftest import checkerboard_of
from tests.serving.test_recommend_api import listen

pytestmark = pytest.mark.slow

HELD_WITHIN = 5.0  # seconds: the gateway begins to hear of changes after it has started
_listeners = count(83_000)


@pytest.fixture
def town_gateway(tmp_path: Path, start_gateway: StartGateway, urls: dict[str, str]) -> Gateway:
    """One worker that serves a town whose even listeners love even songs, and of whom nothing else was told."""
    with open_redis(urls["redis"]) as redis:
        redis.flushdb()
    bundle = checkerboard_of(10, 40)
    save(bundle, open_blobs(f"file://{tmp_path}/blobs"))
    vectors = open_vectors(f"edge://{tmp_path}/vectors")
    vectors.publish("songs", bundle.version, Points(bundle.song_ids, {"als": bundle.song_factors}))
    vectors.flip("songs", bundle.version)
    return start_gateway(workers=1)


class Asking:
    """One listener who asks, and how often Redis was asked about listeners meanwhile."""

    def __init__(self, gateway: Gateway, redis: str, listener: int) -> None:
        self.client = httpx.Client(base_url=gateway.address, headers=token_of(listener), timeout=20)
        self.redis: Any = open_redis(redis)

    def slate(self, query: str = "") -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/recommendations{query}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def asked_of_redis(self, query: str = "") -> int:
        """How many scripts Redis ran for one request."""
        before = self._scripts()
        self.slate(query)
        return self._scripts() - before

    def wait_until_held(self) -> None:
        give_up = time.monotonic() + HELD_WITHIN
        while self.asked_of_redis():
            assert time.monotonic() < give_up, "nothing is held"

    def _scripts(self) -> int:
        return int(self.redis.info("commandstats").get("cmdstat_eval", {}).get("calls", 0))


@pytest.fixture
def asking(town_gateway: Gateway, urls: dict[str, str]) -> Iterator[Callable[[int], Asking]]:
    opened: list[Asking] = []

    def ask(listener: int) -> Asking:
        opened.append(Asking(town_gateway, urls["redis"], listener))
        return opened[-1]

    yield ask
    for each in opened:
        each.client.close()
        each.redis.close()


def songs_of(slate: dict[str, Any]) -> list[int]:
    return [item["song_id"] for item in slate["items"]]


def test_a_feed_from_memory_is_the_one_that_was_made_but_a_slate_of_its_own(
    asking: Callable[[int], Asking], town_gateway: Gateway, urls: dict[str, str]
) -> None:
    listener = next(_listeners)
    RecentSongsSink(open_redis(urls["redis"])).apply(
        ["s"], [ListenerChanged(listener_id=listener, version=1), listen(listener, 1011)]
    )
    one = asking(listener)
    made = one.slate()
    one.wait_until_held()

    again, third = one.slate(), one.slate()
    headers = one.client.get("/api/v1/recommendations").headers

    own = {"slate_id", "generated_at"}
    assert list(again) == list(made)
    assert {name: value for name, value in again.items() if name not in own} == {
        name: value for name, value in made.items() if name not in own
    }
    assert len({each["slate_id"] for each in (made, again, third)}) == 3
    assert made["generated_at"] < again["generated_at"] < third["generated_at"]
    assert headers["content-type"] == "application/json"
    assert "ratelimit" in headers
    assert one.asked_of_redis("?limit=5&familiarity=0.5") == 1


def test_a_play_changes_a_feed_that_is_held(asking: Callable[[int], Asking], urls: dict[str, str]) -> None:
    listener, sink = next(_listeners), RecentSongsSink(open_redis(urls["redis"]))
    sink.apply(["s"], [ListenerChanged(listener_id=listener, version=1), listen(listener, 1011)])
    one = asking(listener)
    before = songs_of(one.slate())
    one.wait_until_held()

    for song in before[:3]:
        sink.apply([f"s{song}"], [listen(listener, song)])
        told_at = time.monotonic()
        while song in songs_of(one.slate()):
            assert time.monotonic() - told_at < 1.0
        one.wait_until_held()


def test_everyone_gets_their_own(asking: Callable[[int], Asking], urls: dict[str, str]) -> None:
    odd, even = asking(1), asking(2)
    for each in (odd, even):
        each.slate("?limit=3")
        each.wait_until_held()

    assert songs_of(odd.slate("?limit=3")) == [1039, 1037, 1035]
    assert songs_of(even.slate("?limit=3")) == [1040, 1038, 1036]
    assert (odd.slate()["user_id"], even.slate()["user_id"]) == (1, 2)
