"""Plays as clients send them, alone or gathered: each until it is acknowledged, some once more, out of order and late."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
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
WITH_BEATS = 0.3  # the share of plays whose clients tell how far they have come
REQUESTS = 150  # a second: a faster pace of plays is kept by sending several at once


@dataclass(frozen=True, slots=True)
class Play:
    """What a client tells of one play."""

    play_id: UUID
    song_id: int
    listener: UserId
    token: str
    started_at: datetime
    played_ms: int
    beats: tuple[int, ...] = ()  # how far it had come, where its client tells that on the way

    @property
    def counts(self) -> bool:
        return counts_as_listen(self.played_ms, song_ms=120_000)

    def body(self) -> dict[str, Any]:
        return {
            "play_id": str(self.play_id),
            "started_at": self.started_at.isoformat(),
            "played_ms": self.played_ms,
        }

    def told(self) -> list[dict[str, Any]]:
        """Everything that is told of it, as a batch has it."""
        body = {"song_id": self.song_id, **self.body()}
        beats = [body | {"kind": "heartbeat", "played_ms": beat} for beat in self.beats]
        return [*beats, body]


class Answer(NamedTuple):
    """What became of one request; `is_first` where none of its plays was acknowledged before."""

    at: float  # seconds of time.monotonic when it was sent
    seconds: float
    plays: int
    events: int
    is_taken: bool
    is_first: bool


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
    with_beats = rng.random(number) < WITH_BEATS
    return [
        Play(
            new_play_id(moment),
            songs[int(rng.integers(len(songs)))],
            listener,
            tokens[listener],
            moment,
            int(length),
            tuple(range(15_000, int(length), 15_000)) if has_beats else (),
        )
        for moment, listener, length, has_beats in zip(moments, who, lengths, with_beats, strict=True)
    ]


def gathered(plays: Sequence[Play], rng: np.random.Generator, together: int) -> list[list[Play]]:
    """The plays as their clients send them: each alone, or about so many of one listener at once, in any order."""
    if together <= 1:
        return [[play] for play in plays]
    by_listener: dict[UserId, list[Play]] = {}
    for play in plays:
        by_listener.setdefault(play.listener, []).append(play)
    sent = []
    for theirs in by_listener.values():
        while theirs:
            size = int(rng.integers(1, 2 * together))
            sent.append(theirs[:size])
            del theirs[:size]
    return [sent[int(at)] for at in rng.permutation(len(sent))]


class Traffic:
    """Sends plays by many clients at once and remembers what was acknowledged.

    `pace` is how many plays a second they send together while more kills are to come. A fast pace is kept by sending
    many at once.
    """

    def __init__(self, address: str, plays: Sequence[Play], rng: np.random.Generator, pace: float) -> None:
        self.plays = plays
        self.requests = 0
        self.acknowledged: set[UUID] = set()
        self.answers: list[Answer] = []
        self._address, self._rng = address, rng
        together = round(pace / REQUESTS)
        self._sent = gathered(plays, rng, together)
        self._pause = 2 * SENDERS * max(1, together) / pace
        self._begun = self._upto = self._next_sent = 0  # the first two in plays
        self._kept: tuple[float, float] | None = None
        self._again: list[list[Play]] = []

    def allow(self, plays: int) -> None:
        """Let so many of the plays be sent."""
        self._upto = min(plays, len(self.plays))

    def keep(self, pace: float) -> None:
        """From now on let so many plays a second be sent, whatever else is allowed."""
        self._kept = (time.monotonic(), pace)

    @property
    def _allowed(self) -> int:
        if self._kept is None:
            return self._upto
        began, pace = self._kept
        return min(int((time.monotonic() - began) * pace), len(self.plays))

    async def run(self) -> None:
        """Return when every play is acknowledged."""
        limits = httpx.Limits(max_connections=SENDERS, max_keepalive_connections=SENDERS)
        async with httpx.AsyncClient(base_url=self._address, timeout=10, limits=limits) as client:
            await asyncio.gather(*(self._send_all(client) for _ in range(SENDERS)))

    async def _send_all(self, client: httpx.AsyncClient) -> None:
        while self._begun < len(self.plays) or self._again:
            plays = self._next()
            if plays is None:
                await asyncio.sleep(0.02)
                continue
            while not await self._is_taken(client, plays):  # noqa: ASYNC110 - nothing else tells that it is time
                await asyncio.sleep(PAUSE)
            is_first = plays[0].play_id not in self.acknowledged
            self.acknowledged.update(play.play_id for play in plays)
            if is_first and self._rng.random() < SENT_AGAIN:
                self._again.append(plays)
            if self._allowed < len(self.plays):
                await asyncio.sleep(self._rng.random() * self._pause)

    def _next(self) -> list[Play] | None:
        """What was not sent yet, or at times what was, long ago or just now; None when it must wait."""
        if self._again and (self._begun == len(self.plays) or self._rng.random() < SENT_AGAIN):
            return self._again.pop(int(self._rng.integers(len(self._again))))
        if self._begun >= self._allowed:
            return None
        if self._next_sent == len(self._sent):
            return None
        plays = self._sent[self._next_sent]
        self._next_sent += 1
        self._begun += len(plays)
        return plays

    async def _is_taken(self, client: httpx.AsyncClient, plays: Sequence[Play]) -> bool:
        """Whether the plays were acknowledged. A refusal that no repetition would change fails the trial."""
        self.requests += 1
        told = [each for play in plays for each in play.told()]
        is_first, began = plays[0].play_id not in self.acknowledged, time.monotonic()
        is_taken = await self._take(client, plays, told)
        took = time.monotonic() - began
        self.answers.append(Answer(began, took, len(plays), len(told), is_taken, is_taken and is_first))
        return is_taken

    async def _take(
        self, client: httpx.AsyncClient, plays: Sequence[Play], told: list[dict[str, Any]]
    ) -> bool:
        path, body = f"/api/v1/songs/{plays[0].song_id}/play", plays[0].body()
        if len(told) > 1:
            self._rng.shuffle(told)  # type: ignore[arg-type]
            path, body = "/api/v1/plays", {"plays": told}
        try:
            answer = await client.post(path, json=body, headers={"Authorization": f"Bearer {plays[0].token}"})
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.ACCEPTED:
            if len(told) > 1 and answer.json()["refused"]:
                raise AssertionError(f"plays were refused: {answer.text}")
            return True
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            return False
        raise AssertionError(f"a play was refused with {answer.status_code}: {answer.text}")
