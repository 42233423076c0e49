"""Some listeners of the demonstration world ask for their feeds and play from them, as the generator knows their tastes."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import numpy as np

from catalog_api.imports.matching import repository
from catalog_api.imports.shipping import Shipping
from foundation.clock import utc_now
from foundation.engines import postgres
from foundation.engines.vectors import open_vectors
from foundation.ids import UserId
from foundation.security import token_maker
from foundation.settings import Settings

if TYPE_CHECKING:
    from pipelines.world.world import World

MOST = 100  # listeners
LIMIT = 20  # songs of a feed
PLAYED = 8.0  # songs from the top of a feed, on average
APART = timedelta(seconds=5)
PATIENCE = 30.0  # seconds


def listen(connected: Settings, world: "World", address: str, seed: int) -> tuple[int, int]:
    """Feeds served and songs played from them, all of which are in the stores on return.

    They listen in fast motion: plays are told at once, each begun a few seconds after the one before.
    """
    rng = np.random.default_rng(seed)
    songs, people = (_ids(connected, world, kind) for kind in ("song", "listener"))
    asking = world.history.listeners["external_id"].to_list()
    newest = open_vectors(connected.engines.vectors).current("songs")
    feeds = plays = 0
    with httpx.Client(base_url=f"{address}/api/v1", timeout=20) as client:
        for index in _some(len(asking)):
            speak_for(client, connected, UserId(people[asking[index]]))
            feed = feed_of(client, newest)
            items = [item for item in feed["items"] if item["song_id"] in songs][: rng.geometric(1 / PLAYED)]
            if not items:
                continue
            heard = world.listened(rng, index, np.array([songs[item["song_id"]] for item in items]))
            told = list(_plays(feed["slate_id"], items, heard, utc_now() - len(items) * APART))
            client.post("/plays", json={"plays": told}).raise_for_status()
            feeds, plays = feeds + 1, plays + len(told)
    Shipping(connected.log_dir).wait(lambda _what, _done, _all: None)
    return feeds, plays


def feed_of(client: httpx.Client, newest: str | None) -> dict[str, Any]:
    """The feed of whom the client speaks for, as soon as whichever worker it asks serves this version."""
    give_up = time.monotonic() + PATIENCE
    while True:
        answer = client.get("/recommendations", params={"limit": LIMIT})
        if answer.status_code == httpx.codes.OK and answer.json()["version"] == newest:
            return dict(answer.json())
        if time.monotonic() > give_up:
            return dict(answer.raise_for_status().json())
        time.sleep(0.1)


def speak_for(client: httpx.Client, connected: Settings, listener: UserId) -> None:
    """Let the client's requests be this listener's."""
    token = token_maker(connected).issue(listener, roles=["user"], now=utc_now())
    client.headers["Authorization"] = f"Bearer {token}"


def _some(number: int) -> Iterator[int]:
    """Listeners from all over the world, the same each time."""
    return islice(range(0, number, max(1, number // MOST)), MOST)


def _ids(connected: Settings, world: "World", kind: str) -> dict[Any, int]:
    """Of songs the row in the world by our id; of listeners our id by the world's."""
    with postgres.connection(connected.engines.postgres, name="segue demo") as db:
        known = dict(repository.known(db, kind, world.history.source).iter_rows())
    if kind == "listener":
        return known
    rows = enumerate(world.history.songs["external_id"])
    return {known[external_id]: row for row, external_id in rows}


def _plays(
    slate: str, items: Sequence[dict[str, Any]], heard: Sequence[tuple[int, str]], begun_at: datetime
) -> Iterator[dict[str, Any]]:
    """Plays as a client tells them."""
    for place, (item, (played_ms, reason)) in enumerate(zip(items, heard, strict=True)):
        yield {
            "song_id": item["song_id"],
            "play_id": str(uuid4()),
            "started_at": (begun_at + place * APART).isoformat(),
            "played_ms": played_ms,
            "reason": reason,
            "slate_id": slate,
            "position": item["rank"],
        }
