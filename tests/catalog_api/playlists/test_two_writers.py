"""Two people edit one playlist at once, through two workers: every acknowledged edit is there, and no other."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.catalog_api.api import Api, serving
from tests.catalog_api.playlists.world import ANN, BOB, kept, made, settle, together

pytestmark = pytest.mark.anyio

SONGS = 90  # few, so that the two often mean the same song
GONE = (404, "song-not-in-playlist")
STALE = (409, "playlist-changed")


@dataclass
class Writer:
    """One of them. `acknowledged` holds what was promised: the version, what was done, and with which song."""

    client: httpx.AsyncClient
    playlist: int
    chance: random.Random
    believed: set[int] = field(default_factory=set)  # to be on the playlist, as far as this writer has seen
    acknowledged: list[tuple[int, str, int]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=lambda: {"stale": 0, "gone": 0, "there": 0})

    async def edit(self, times: int) -> None:
        for _ in range(times):
            await self._one()

    async def _one(self) -> None:
        kind = self.chance.choice(("insert", "move", "remove"))
        likely = set(range(1, SONGS + 1)) - self.believed if kind == "insert" else self.believed
        song = self.chance.choice(sorted(likely) or range(1, SONGS + 1))
        position = self.chance.randint(0, SONGS)
        is_careful = self.chance.random() < 0.5
        version: int | None = None
        while True:
            if is_careful and version is None:
                version = (await self.client.get(f"/playlists/{self.playlist}")).json()["version"]
            headers = {} if version is None else {"If-Match": f'"{version}"'}
            answer = await self._sent(kind, song, position, headers)
            told = answer.json()
            if (answer.status_code, told.get("code")) == STALE:
                assert version is not None
                assert told["version"] > version
                self.refused["stale"] += 1
                version = told["version"]
                continue
            self._note(answer.status_code, told, kind, song, version)
            return

    def _believe(self, kind: str, song: int) -> None:
        if kind == "remove":
            self.believed.discard(song)
        else:
            self.believed.add(song)

    async def _sent(self, kind: str, song: int, position: int, headers: dict[str, str]) -> httpx.Response:
        path = f"/playlists/{self.playlist}/songs"
        if kind == "insert":
            said = {"song_id": song, "position": position}
            return await self.client.post(path, json=said, headers=headers)
        if kind == "remove":
            return await self.client.delete(f"{path}/{song}", headers=headers)
        beside = sorted(self.believed - {song})
        way = self.chance.choice(("to", "before", "after") if beside else ("to",))
        to = {way: position if way == "to" else self.chance.choice(beside)}
        return await self.client.post(f"{path}/{song}/move", json=to, headers=headers)

    def _note(self, status: int, told: dict[str, Any], kind: str, song: int, version: int | None) -> None:
        if (status, told.get("code")) == GONE:
            self.refused["gone"] += 1
            self._believe("remove", int(told["song_id"]))
            return
        assert status == 200, told
        self._believe(kind, song)
        if kind == "insert" and not told["added"]:
            self.refused["there"] += 1
            return
        if version is not None:
            assert told["version"] == version + 1  # it met just the version that it named
        self.acknowledged.append((told["version"], kind, song))


@pytest.fixture
async def other(
    api: Api, catalog: str, own_redis: tuple[str, "subprocess.Popen[bytes]"], tmp_path: Path
) -> AsyncIterator[Api]:
    """A second worker on the same engines."""
    async with serving(catalog, own_redis[0], tmp_path / "other") as running:
        yield running


def implied(edits: list[tuple[int, str, int]]) -> set[int]:
    """The songs that must be there after these edits, done in the order of their versions."""
    songs: set[int] = set()
    for version, kind, song in sorted(edits):
        assert (song in songs) == (kind != "insert"), (version, kind, song)
        if kind == "insert":
            songs.add(song)
        elif kind == "remove":
            songs.remove(song)
    return songs


@pytest.mark.slow
@pytest.mark.parametrize(("edits_each", "seed"), [(100, 1), (1_000, 20261122)])
async def test_two_writers_lose_and_double_nothing(api: Api, other: Api, edits_each: int, seed: int) -> None:
    settle(api, songs=SONGS)
    playlist = await made(api.as_(ANN))
    await together(api, playlist, BOB)
    writers = [
        Writer(worker.as_(who), playlist, random.Random(f"{seed} {who}"))
        for worker, who in ((api, ANN), (other, BOB))
    ]

    await asyncio.gather(*(writer.edit(edits_each) for writer in writers))

    edits = [edit for writer in writers for edit in writer.acknowledged]
    held = kept(api, playlist)
    told = [
        (await worker.as_(ANN).get(f"/playlists/{playlist}/songs?limit=100&offset={offset}")).json()[
            "results"
        ]
        for worker in (api, other)
        for offset in (0, 100)
    ]
    print(
        f"{len(edits)} edits of {2 * edits_each} acknowledged; refused:",
        *(writer.refused for writer in writers),
    )
    assert sorted(version for version, *_ in edits) == list(range(2, 2 + len(edits)))
    assert len(held) == len(set(held))
    assert set(held) == implied(edits)
    assert [song["song_id"] for page in told[:2] for song in page] == held
    assert told[:2] == told[2:]
    assert all(writer.refused["stale"] for writer in writers)  # they did meet
