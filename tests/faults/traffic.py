"""Plays as clients send them: each until it is acknowledged, some once more, out of order and late."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import numpy as np

from event_log.listens import counts_as_listen
from foundation.clock import utc_now
from foundation.ids import new_play_id

SENDERS = 32
SENT_AGAIN = 0.1  # the share of acknowledged plays that a client, unsure, sends again
OLDEST = timedelta(days=20)
PAUSE = 0.2  # seconds before a client tries again


@dataclass(frozen=True, slots=True)
class Play:
    """What a client tells of one play."""

    play_id: UUID
    song_id: int
    token: str
    started_at: datetime
    played_ms: int

    @property
    def counts(self) -> bool:
        return counts_as_listen(self.played_ms, song_ms=120_000)

    def body(self) -> dict[str, Any]:
        return {
            "play_id": str(self.play_id),
            "started_at": self.started_at.isoformat(),
            "played_ms": self.played_ms,
        }


def make_plays(
    rng: np.random.Generator, number: int, songs: Sequence[int], tokens: Sequence[str]
) -> list[Play]:
    """Plays of the last weeks in no order, a fifth of them too short to count."""
    now = utc_now()
    ages = rng.random(number) * OLDEST.total_seconds()
    lengths = np.where(
        rng.random(number) < 0.2, rng.integers(0, 30_000, number), rng.integers(30_000, 120_000, number)
    )
    moments = [now - timedelta(seconds=float(age)) for age in ages]
    return [
        Play(
            new_play_id(moment),
            songs[int(rng.integers(len(songs)))],
            tokens[int(rng.integers(len(tokens)))],
            moment,
            int(length),
        )
        for moment, length in zip(moments, lengths, strict=True)
    ]


class Traffic:
    """Sends plays by many clients at once and remembers what was acknowledged."""

    def __init__(self, address: str, plays: Sequence[Play], rng: np.random.Generator) -> None:
        self.plays = plays
        self.requests = 0
        self.acknowledged: set[UUID] = set()
        self._address, self._rng = address, rng
        self._waiting: asyncio.Queue[Play] = asyncio.Queue()

    async def run(self) -> None:
        """Return when every play is acknowledged."""
        for play in self.plays:
            self._waiting.put_nowait(play)
        limits = httpx.Limits(max_connections=SENDERS, max_keepalive_connections=SENDERS)
        async with httpx.AsyncClient(base_url=self._address, timeout=10, limits=limits) as client:
            await asyncio.gather(*(self._send_all(client) for _ in range(SENDERS)))

    async def _send_all(self, client: httpx.AsyncClient) -> None:
        while not self._waiting.empty():
            play = self._waiting.get_nowait()
            while not await self._is_taken(client, play):  # noqa: ASYNC110 - nothing else tells that it is time
                await asyncio.sleep(PAUSE)
            is_first = play.play_id not in self.acknowledged
            self.acknowledged.add(play.play_id)
            if is_first and self._rng.random() < SENT_AGAIN:
                self._waiting.put_nowait(play)

    async def _is_taken(self, client: httpx.AsyncClient, play: Play) -> bool:
        """Whether the play was acknowledged. A refusal that no repetition would change fails the trial."""
        self.requests += 1
        try:
            answer = await client.post(
                f"/api/v1/songs/{play.song_id}/play",
                json=play.body(),
                headers={"Authorization": f"Bearer {play.token}"},
            )
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.ACCEPTED:
            return True
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            return False
        raise AssertionError(f"a play was refused with {answer.status_code}: {answer.text}")
