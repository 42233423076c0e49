"""Plays as clients send them: each until it is acknowledged, some once more, out of order and late."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import numpy as np

from event_log.listens import counts_as_listen
from foundation.clock import utc_now
from foundation.ids import UserId, new_play_id

SENDERS = 32
SENT_AGAIN = 0.1  # the share of acknowledged plays that a client, unsure, sends again
OLDEST = timedelta(days=20)
PAUSE = 0.2  # seconds before a client tries again


@dataclass(frozen=True, slots=True)
class Play:
    """What a client tells of one play."""

    play_id: UUID
    song_id: int
    listener: UserId
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
    rng: np.random.Generator, number: int, songs: Sequence[int], tokens: Mapping[UserId, str]
) -> list[Play]:
    """Plays of the last weeks in no order, a fifth of them too short to count."""
    now = utc_now()
    ages = rng.random(number) * OLDEST.total_seconds()
    lengths = np.where(
        rng.random(number) < 0.2, rng.integers(0, 30_000, number), rng.integers(30_000, 120_000, number)
    )
    moments = [now - timedelta(seconds=float(age)) for age in ages]
    listeners = list(tokens)
    who = [listeners[int(one)] for one in rng.integers(len(listeners), size=number)]
    return [
        Play(
            new_play_id(moment),
            songs[int(rng.integers(len(songs)))],
            listener,
            tokens[listener],
            moment,
            int(length),
        )
        for moment, listener, length in zip(moments, who, lengths, strict=True)
    ]


class Traffic:
    """Sends plays by many clients at once and remembers what was acknowledged.

    `pace` is how many plays a second they send together while more kills are to come.
    """

    def __init__(self, address: str, plays: Sequence[Play], rng: np.random.Generator, pace: float) -> None:
        self.plays = plays
        self.requests = 0
        self.acknowledged: set[UUID] = set()
        self._address, self._rng = address, rng
        self._pause = 2 * SENDERS / pace
        self._begun = self._allowed = 0
        self._again: list[Play] = []

    def allow(self, plays: int) -> None:
        """Let so many of the plays be sent."""
        self._allowed = min(plays, len(self.plays))

    async def run(self) -> None:
        """Return when every play is acknowledged."""
        limits = httpx.Limits(max_connections=SENDERS, max_keepalive_connections=SENDERS)
        async with httpx.AsyncClient(base_url=self._address, timeout=10, limits=limits) as client:
            await asyncio.gather(*(self._send_all(client) for _ in range(SENDERS)))

    async def _send_all(self, client: httpx.AsyncClient) -> None:
        while self._begun < len(self.plays) or self._again:
            play = self._next()
            if play is None:
                await asyncio.sleep(0.02)
                continue
            while not await self._is_taken(client, play):  # noqa: ASYNC110 - nothing else tells that it is time
                await asyncio.sleep(PAUSE)
            is_first = play.play_id not in self.acknowledged
            self.acknowledged.add(play.play_id)
            if is_first and self._rng.random() < SENT_AGAIN:
                self._again.append(play)
            if self._allowed < len(self.plays):
                await asyncio.sleep(self._rng.random() * self._pause)

    def _next(self) -> Play | None:
        """A play that was not sent yet, or at times one that was, long ago or just now; None when it must wait."""
        if self._again and (self._begun == len(self.plays) or self._rng.random() < SENT_AGAIN):
            return self._again.pop(int(self._rng.integers(len(self._again))))
        if self._begun >= self._allowed:
            return None
        self._begun += 1
        return self.plays[self._begun - 1]

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
