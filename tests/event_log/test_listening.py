"""Heartbeats make listens, ends say how long they were, and what is removed counts no more: once each, whatever dies."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from event_log.clickhouse import ClickHouse, ClickHouseSink
from event_log.listens import outcome_of
from event_log.shipper import Shipper
from foundation.clock import utc_now
from foundation.contracts.events import (
    Event,
    ListenRemoved,
    PlaybackEvent,
    SearchMade,
    ServedSong,
    SlateServed,
)
from foundation.engines.clickhouse import Client
from foundation.ids import new_play_id
from tests.event_log.plays import NOON, make_play, write_segment
from warehouse.checking import correct

PLAY = new_play_id(NOON)


def heartbeat(played_ms: int = 31_000, play_id: UUID = PLAY, **told: Any) -> PlaybackEvent:
    return make_play(kind="heartbeat", played_ms=played_ms, play_id=play_id, **told)


def end(played_ms: int = 180_000, **told: Any) -> PlaybackEvent:
    return make_play(**{"played_ms": played_ms, "play_id": PLAY, "song_ms": 200_000} | told)


def removal(play_id: UUID = PLAY) -> ListenRemoved:
    return ListenRemoved(
        play_id=play_id, listener_id=5, song_id=7, started_at=NOON, removed_at=NOON + timedelta(days=1)
    )


def ship(directory: Path, client: ClickHouse, *segments: list[Event]) -> None:
    """Each of them a segment of its own, shipped one after the other."""
    for events in segments:
        at = len(list(directory.glob("told-*")))
        (directory / f"told-{at}").touch()
        write_segment(directory, f"a-{at:03d}", events)
        Shipper(directory, [ClickHouseSink(lambda: client, directory, correct)]).ship()


def valid(client: Client) -> list[tuple[int, str]]:
    """The length and the outcome of each listen that is valid now."""
    rows = client.query(
        "SELECT played_ms, toString(outcome) FROM valid_listens ORDER BY listened_at, played_ms"
    )
    return [(int(played_ms), str(outcome)) for played_ms, outcome in rows.result_rows]


def counted(client: Client) -> int:
    return int(str(client.command("SELECT sum(listens) FROM song_days")))


def test_a_heartbeat_past_half_a_minute_is_a_listen_and_one_before_is_none(
    tmp_path: Path, clickhouse: Client
) -> None:
    ship(tmp_path, clickhouse, [heartbeat(15_000)], [heartbeat(31_000)], [heartbeat(61_000)])

    assert valid(clickhouse) == [(31_000, "unknown")]
    assert counted(clickhouse) == 1


def test_the_end_says_how_long_a_listen_was_that_a_heartbeat_had_made(
    tmp_path: Path, clickhouse: Client
) -> None:
    ship(tmp_path, clickhouse, [heartbeat()], [end()], [end(150_000)])

    assert valid(clickhouse) == [(180_000, "completed")]
    assert counted(clickhouse) == 1


def test_of_one_segment_the_end_makes_the_listen_in_whatever_order_they_come(
    tmp_path: Path, clickhouse: Client
) -> None:
    ship(tmp_path, clickhouse, [heartbeat(), end(), heartbeat(61_000)])

    assert valid(clickhouse) == [(180_000, "completed")]
    assert clickhouse.command("SELECT count() FROM removals") == 0


def test_each_heartbeat_is_kept_once_however_often_it_is_told(tmp_path: Path, clickhouse: Client) -> None:
    ship(tmp_path, clickhouse, [heartbeat(15_000), heartbeat(15_000)], [heartbeat(15_000), heartbeat(31_000)])

    assert clickhouse.command("SELECT count() FROM playback_events") == 2


def test_a_listen_that_is_removed_counts_no_more_and_did_before(tmp_path: Path, clickhouse: Client) -> None:
    ship(tmp_path, clickhouse, [end(), make_play()])
    before = str(clickhouse.command("SELECT toString(now64(3, 'UTC'))"))
    ship(tmp_path, clickhouse, [removal()], [removal(), end()])

    assert valid(clickhouse) == [(40_000, "unknown")]
    assert counted(clickhouse) == 1
    known = "SELECT count() FROM listens_as_of(as_of = {before:String})"
    assert clickhouse.query(known, parameters={"before": before}).first_row == (2,)


def test_an_end_that_comes_with_the_removal_does_not_bring_the_listen_back(
    tmp_path: Path, clickhouse: Client
) -> None:
    ship(tmp_path, clickhouse, [heartbeat()], [removal(), end()])

    assert valid(clickhouse) == []
    assert counted(clickhouse) == 0


EVENTS: dict[str, Callable[[], Event]] = {"heartbeat": heartbeat, "end": end, "removal": removal}


@pytest.mark.parametrize("order", list(permutations(EVENTS)), ids="-".join)
def test_whatever_comes_first_a_removed_listen_does_not_come_back(
    tmp_path: Path, clickhouse: Client, order: tuple[str, ...]
) -> None:
    ship(tmp_path, clickhouse, *([EVENTS[name]()] for name in order))

    assert valid(clickhouse) == []
    assert counted(clickhouse) == 0


@dataclass
class Dying:
    """A real client whose process seems to die at its n-th write: before it, or when it is done but not yet told."""

    client: Client
    writes: int
    is_done: bool

    def insert_arrow(
        self, table: str, arrow_table: pa.Table, *, settings: dict[str, object] | None = None
    ) -> None:
        self._write(lambda: self.client.insert_arrow(table, arrow_table, settings=settings))

    def raw_query(self, query: str, **told: Any) -> bytes:
        return self.client.raw_query(query, **told)

    def query_arrow(self, query: str, *, settings: dict[str, object] | None = None) -> pa.Table:
        return self.client.query_arrow(query, settings=settings)

    def command(self, cmd: str, *, settings: dict[str, object] | None = None) -> object:
        self._write(lambda: self.client.command(cmd, settings=settings))
        return None

    def _write(self, write: Callable[[], object]) -> None:
        self.writes -= 1
        if self.writes == 0 and not self.is_done:
            raise ConnectionError("killed")
        write()
        if self.writes == 0:
            raise ConnectionError("killed")


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5])
def test_a_shipper_killed_at_any_write_revises_and_removes_once(
    tmp_path: Path, clickhouse: Client, writes: int, is_done: bool
) -> None:
    other = new_play_id(NOON)
    ship(tmp_path, clickhouse, [heartbeat(), end(90_000, play_id=other)])
    write_segment(tmp_path, "b-1", [end(), removal(other), heartbeat(61_000), make_play()])

    for client in (Dying(clickhouse, writes, is_done), Dying(clickhouse, writes, is_done), clickhouse):
        Shipper(tmp_path, [ClickHouseSink(lambda client=client: client, tmp_path, correct)]).ship()  # type: ignore[misc]

    assert valid(clickhouse) == [(40_000, "unknown"), (180_000, "completed")]
    assert counted(clickhouse) == 2
    assert clickhouse.command("SELECT count() FROM removals") == 2
    assert clickhouse.command("SELECT count() FROM playback_events") == 5


def test_a_slate_is_a_row_for_each_of_its_songs(tmp_path: Path, clickhouse: Client) -> None:
    slate = SlateServed(
        slate_id=PLAY,
        listener_id=5,
        served_at=NOON,
        surface="recommendations",
        policy="als",
        model="als/1",
        version="v",
        songs=(ServedSong(7, 0.5, 1.0), ServedSong(8, 0.25, 1.0)),
    )

    ship(tmp_path, clickhouse, [slate], [slate])

    shown = "SELECT position, song_id, score FROM impressions FINAL ORDER BY position"
    assert clickhouse.query(shown).result_rows == [(1, 7, 0.5), (2, 8, 0.25)]


def test_a_listen_knows_the_playlist_that_it_came_from_and_so_does_its_removal(
    tmp_path: Path, clickhouse: Client
) -> None:
    alone = make_play()
    ship(tmp_path, clickhouse, [heartbeat(playlist_id=9)], [end(playlist_id=9)], [alone])

    def told(table: str, what: str) -> list[tuple[object, ...]]:
        asked = f"SELECT {what} FROM {table} ORDER BY ALL"  # noqa: S608 - words of ours
        return [tuple(row) for row in clickhouse.query(asked).result_rows]

    assert told("valid_listens", "played_ms, playlist_id") == [(40_000, 0), (180_000, 9)]
    assert told("removals", "playlist_id") == [(9,)]
    assert told("playlist_days", "playlist_id, song_id, sum(listens) OVER ()")[0] == (9, 7, 1)
    fresh = set(
        told("fresh_listens", "listener_id, play_id, playlist_id, sum(sign) OVER (PARTITION BY play_id)")
    )
    assert fresh == {(5, PLAY, 9, 1), (5, alone.play_id, 0, 1)}


def test_a_search_is_a_row_however_often_it_is_told(tmp_path: Path, clickhouse: Client) -> None:
    search = SearchMade(
        search_id=PLAY,
        listener_id=5,
        query="queen",
        kind="songs",
        results=3,
        searched_at=utc_now(),
        country="NZ",
    )

    ship(tmp_path, clickhouse, [search], [search])

    made = "SELECT listener_id, query, kind, results, country FROM searches FINAL"
    assert clickhouse.query(made).result_rows == [(5, "queen", "songs", 3, "NZ")]


@pytest.mark.parametrize("song_ms", [None, 0, 20_000, 200_000])
@pytest.mark.parametrize("reason", ["", "finished", "skipped", "stopped"])
def test_an_outcome_is_as_sure_as_what_it_is_told_by(song_ms: int | None, reason: Any) -> None:
    outcomes = [outcome_of(played_ms, song_ms, reason) for played_ms in range(0, 200_000, 5_000)]

    assert all((outcome.name == "unknown") == (outcome.confidence == 0.0) for outcome in outcomes)
    assert {outcome.confidence for outcome in outcomes} <= (
        {1.0} if reason in ("finished", "skipped") else {0.0, 0.5, 0.6, 0.8, 0.9}
    )
    assert outcome_of(None, song_ms, reason).name == "unknown"
