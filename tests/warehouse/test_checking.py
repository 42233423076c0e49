"""Rollups equal a recount of what they stand for: over thousands of random histories, and again after damage."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from event_log.clickhouse import ClickHouseSink
from event_log.listens import counts_as_listen
from event_log.plays import Told
from foundation.clock import utc_now
from foundation.contracts.events import Event, ListenRemoved, PlaybackEvent
from foundation.engines.clickhouse import Client
from foundation.ids import new_play_id
from tests.event_log.conftest import clickhouse, server
from warehouse.checking import check, correct, differing
from warehouse.rollups import ROLLUPS

__all__ = ["clickhouse", "server"]

NOON = utc_now().replace(
    hour=12, minute=0, second=0, microsecond=0
)  # lately: some rollups are kept for weeks
HISTORIES = 2_000
SEGMENTS = 40


@dataclass
class History:
    """What one listener did, told as clients tell it: late, twice, out of order, some of it taken back."""

    listener: int
    rng: random.Random
    events: list[Event] = field(default_factory=list)
    listens: set[tuple[int, datetime]] = field(default_factory=set)  # song and beginning of those that stay

    def play(self) -> None:
        at = NOON - timedelta(minutes=self.rng.randrange(60 * 24 * 40))
        told = {
            "play_id": new_play_id(at),
            "listener_id": self.listener,
            "song_id": self.rng.randrange(1, 50),
            "started_at": at,
            "received_at": NOON,
            "song_ms": self.rng.choice([None, 20_000, 200_000]),
            "country": self.rng.choice(["", "NZ", "DE"]),
            "is_private": self.rng.random() < 0.1,
            "playlist_id": self.rng.choice([None, 1, 2]),
        }
        lengths = sorted(self.rng.randrange(0, 90_000) for _ in range(self.rng.randrange(1, 4)))
        beats = [self._told(told, "heartbeat", length) for length in lengths[:-1]]
        events: list[Event] = [self._told(told, "start", None), *beats]
        if self.rng.random() < 0.9:
            events.append(self._told(told, "end", lengths[-1]))
        counts = any(
            counts_as_listen(event.played_ms, event.song_ms)
            for event in events
            if isinstance(event, PlaybackEvent)
        )
        if counts and self.rng.random() < 0.2:
            events.append(self._removal(told))
        elif counts:
            self.listens.add((told["song_id"], at.replace(tzinfo=None)))
        self.events += events + [event for event in events if self.rng.random() < 0.2]

    def _told(self, told: dict[str, Any], kind: Any, played_ms: int | None) -> PlaybackEvent:
        return PlaybackEvent(**told, kind=kind, played_ms=played_ms)

    def _removal(self, told: dict[str, Any]) -> ListenRemoved:
        return ListenRemoved(
            play_id=told["play_id"],
            listener_id=self.listener,
            song_id=told["song_id"],
            started_at=told["started_at"],
            removed_at=NOON,
        )


def histories(seed: int, first: int = 1, number: int = HISTORIES) -> list[History]:
    told = []
    for listener in range(first, first + number):
        history = History(listener, random.Random(f"{seed} {listener}"))
        for _ in range(history.rng.randrange(1, 6)):
            history.play()
        told.append(history)
    return told


def segments(told: list[History], seed: int) -> Iterator[list[Event]]:
    """All events in any order, and some segments told again."""
    rng = random.Random(seed)
    events = [event for history in told for event in history.events]
    rng.shuffle(events)
    size = 1 + len(events) // SEGMENTS
    for start in range(0, len(events), size):
        yield events[start : start + size]
        if rng.random() < 0.2:
            yield events[start : start + size]


def apply(client: Client, folder: Path, told: list[History], seed: int) -> None:
    """One to three of them together, as where they wait."""
    sink, rng = ClickHouseSink(lambda: client, folder, correct), random.Random(seed)
    waiting = [(f"s-{seed}-{number}", Told(events)) for number, events in enumerate(segments(told, seed))]
    while waiting:
        taken = rng.randrange(1, 4)
        group, waiting = waiting[:taken], waiting[taken:]
        sink.apply([name for name, _ in group], Told.together([events for _, events in group]))


@pytest.mark.slow
def test_every_rollup_equals_a_recount_over_two_thousand_random_histories(
    tmp_path: Path, clickhouse: Client
) -> None:
    told = histories(1)

    apply(clickhouse, tmp_path, told, 1)

    rows = clickhouse.query("SELECT song_id, listened_at FROM valid_listens").result_rows
    assert Counter(rows) == Counter(listen for history in told for listen in sorted(history.listens))
    assert [differing(clickhouse, rollup).num_rows for rollup in ROLLUPS] == [0] * len(ROLLUPS)


@pytest.mark.slow
def test_a_past_moment_gives_the_same_answer_after_what_came_later(
    tmp_path: Path, clickhouse: Client
) -> None:
    asked = "SELECT listener_id, song_id, played_ms FROM listens_as_of(as_of = {as_of:String}) ORDER BY ALL"
    first, later = histories(2, number=200), histories(3, first=1, number=200)
    apply(clickhouse, tmp_path, first, 2)
    as_of = str(clickhouse.command("SELECT toString(now64(3, 'UTC'))"))
    clickhouse.command("SELECT sleep(0.01)")
    before = clickhouse.query(asked, parameters={"as_of": as_of}).result_rows

    apply(clickhouse, tmp_path, later, 3)
    gone = [event for history in first for event in history.events if isinstance(event, PlaybackEvent)]
    removals = [
        ListenRemoved(
            play_id=play.play_id,
            listener_id=play.listener_id,
            song_id=play.song_id,
            started_at=play.started_at,
            removed_at=NOON,
        )
        for play in gone
    ]
    ClickHouseSink(lambda: clickhouse, tmp_path, correct).apply(["gone"], removals)

    assert len(before) > 100
    assert clickhouse.query(asked, parameters={"as_of": as_of}).result_rows == before
    assert [differing(clickhouse, rollup).num_rows for rollup in ROLLUPS] == [0] * len(ROLLUPS)


@pytest.mark.parametrize("rollup", ROLLUPS, ids=lambda rollup: rollup.table)
def test_what_is_damaged_is_found_and_repaired(tmp_path: Path, clickhouse: Client, rollup: Any) -> None:
    apply(clickhouse, tmp_path, histories(4, number=20), 4)
    for _ in range(2):  # the second repair inserts the same rows as the first
        clickhouse.command(f"ALTER TABLE {rollup.table} DELETE WHERE 1 SETTINGS mutations_sync = 1")

        (found,) = check(clickhouse, repair=False, rollups=[rollup], settled=0)
        (repaired,) = check(clickhouse, repair=True, rollups=[rollup], settled=0)
        (again,) = check(clickhouse, repair=False, rollups=[rollup], settled=0)

        assert found.wrong == repaired.repaired > 0
        assert (found.is_right, repaired.is_right, again.is_right, again.wrong) == (False, True, True, 0)
