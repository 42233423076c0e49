"""Two published versions that take turns under load: every request is answered, each by one version alone."""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import numpy as np
import polars as pl
import pytest

from foundation.clock import utc_now
from foundation.contracts.tables import Songs
from foundation.engines.vectors.port import Vectors
from foundation.ids import UserId
from foundation.security import token_maker
from models import bundle as bundles
from pipelines.context import open_context
from pipelines.jobs.song_vectors.job import COLLECTION, points_of
from pipelines.jobs.text_vectors import job as text_vectors
from tests.journeys.conftest import Platform

pytestmark = [pytest.mark.slow]

SWAPS = int(os.environ.get("TEST_SWAPS", "30"))  # the hundred of docs/performance.md take two minutes
FOLLOWED = 1.3  # seconds between two swaps: each process looks at the pointer once a second
CLIENTS = 8
MARK = "~twin"  # at the end of every title of the twin


@dataclass(frozen=True, slots=True)
class Versions:
    """The version that serves, and one that has the same songs under marked titles."""

    vectors: Vectors
    original: str
    twin: str
    songs: list[int]
    listeners: list[int]

    def flip(self, swap: int) -> None:
        self.vectors.flip(COLLECTION, self.twin if swap % 2 == 0 else self.original)


@pytest.fixture(scope="module")
def versions(platform: Platform) -> Iterator[Versions]:
    with open_context(platform.settings) as context:
        vectors, blobs = context.vectors, context.blobs
        original = vectors.current(COLLECTION)
        assert original is not None
        bundle = bundles.load(original, blobs)
        titles = bundle.songs.with_columns(pl.col(Songs.title) + MARK)
        twin = replace(bundle, version=f"{original}-twin", songs=titles)
        bundles.save(twin, blobs)
        vectors.publish(COLLECTION, twin.version, points_of(twin, text_vectors.newest(context).rows))
    songs, listeners = bundle.song_ids.tolist(), bundle.listener_ids.tolist()
    yield Versions(vectors, original, twin.version, songs, listeners)
    vectors.flip(COLLECTION, original)


class Load:
    """Clients who ask as fast as they are answered, and what they were told."""

    def __init__(self, platform: Platform, versions: Versions) -> None:
        self.versions = versions
        self.answered: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.is_over = False
        self._maker = token_maker(platform.settings)
        self._address = str(platform.client(versions.listeners[0]).base_url)

    async def run(self) -> None:
        # Many clients a machine: each on connections of its own, so that every process is asked.
        await asyncio.gather(*(self._client(np.random.default_rng(seed)) for seed in range(CLIENTS)))

    async def _client(self, rng: np.random.Generator) -> None:
        while not self.is_over:
            async with httpx.AsyncClient(base_url=self._address, timeout=20) as client:
                for _ in range(20):
                    await self._ask(client, rng)

    async def _ask(self, client: httpx.AsyncClient, rng: np.random.Generator) -> None:
        listener, song = rng.choice(self.versions.listeners), rng.choice(self.versions.songs)
        token = self._maker.issue(UserId(int(listener)), roles=["user"], now=utc_now())
        page = ("/recommendations", f"/songs/{song}/similar?by=listening", f"/songs/{song}/similar?by=text")[
            int(rng.integers(3))
        ]
        answer = await client.get(page, headers={"Authorization": f"Bearer {token}"})
        if answer.status_code != httpx.codes.OK:
            self.wrong.append(f"{page}: {answer.status_code} {answer.text}")
            return
        told = answer.json()
        self.answered[told["version"]] += 1
        titles = [item["title"] for item in told["items"]]
        # What is trending comes from the warehouse, which knows no versions.
        by_model = [
            item["title"] for item in told["items"] if item.get("reason", {}).get("code") != "trending"
        ]
        if {title.endswith(MARK) for title in by_model} - {told["version"] == self.versions.twin}:
            self.wrong.append(f"{page}: {told['version']} answered {titles}")


async def _swap(versions: Versions, load: Load) -> None:
    for swap in range(SWAPS):
        versions.flip(swap)
        await asyncio.sleep(FOLLOWED)
    load.is_over = True


@pytest.mark.timeout(300)
def test_swaps_under_load_lose_no_request_and_mix_no_versions(platform: Platform, versions: Versions) -> None:
    load = Load(platform, versions)

    async def both() -> None:
        await asyncio.gather(load.run(), _swap(versions, load))

    asyncio.run(both())

    print(f"{SWAPS} swaps, {dict(load.answered)} answers, {len(load.wrong)} wrong")
    assert load.wrong == []
    assert min(load.answered[versions.original], load.answered[versions.twin]) > 10 * SWAPS


def test_every_process_comes_to_serve_what_the_pointer_names(platform: Platform, versions: Versions) -> None:
    page = platform.client(versions.listeners[0]).base_url.copy_with(path="/metrics")

    versions.vectors.flip(COLLECTION, versions.twin)
    told = _serving(page, versions.twin)

    assert len(told) >= 2
    assert set(told.values()) == {versions.twin}


def _serving(page: httpx.URL, wanted: str) -> dict[str, str]:
    """The version that each process says it serves; asked until all say the wanted one, for ten seconds at most."""
    told: dict[str, str] = {}
    for _ in range(100):
        lines = httpx.get(page).text.splitlines()
        found = [re.match(r"serving_bundle_info{(.*)} 1\.0", line) for line in lines]
        labels = [dict(re.findall(r'(\w+)="([^"]*)"', match[1])) for match in found if match]
        told = {label["pid"]: label["version"] for label in labels}
        if set(told.values()) == {wanted}:
            break
        time.sleep(0.1)
    return told
