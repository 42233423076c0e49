"""A play that was acknowledged is in the warehouse once, however often it is told and whatever dies."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from event_log.clickhouse import ClickHouse, ClickHouseSink
from event_log.shipper import Shipper, pending
from foundation.engines.clickhouse import Client
from foundation.errors import Unreachable
from tests.event_log.conftest import Server
from tests.event_log.plays import NOON, make_play, make_plays, small_log, write_segment
from tests.event_log.test_recovery import DAMAGES
from warehouse.checking import correct

TABLES = ("playback_events", "listens", "seen")


def rows_of(client: Client) -> dict[str, int]:
    """How many rows each table of plays has (of seen the different ones), and what song_days counts beside a recount."""
    counts = client.query(
        "SELECT (SELECT count() FROM playback_events), (SELECT count() FROM listens), (SELECT uniqExact(play_key, kind) FROM seen WHERE kind != 'listen'), "
        "(SELECT sum(listens) FROM song_days)"
    )
    return dict(zip((*TABLES, "song_days"), counts.first_row, strict=True))


def differing_days(client: Client) -> int:
    """Days and songs where the rollup differs from a recount of listens."""
    recount = (
        "SELECT count() FROM (SELECT day, song_id, sum(listens) AS listens FROM song_days GROUP BY day, song_id) AS kept "
        "FULL JOIN (SELECT toDate(listened_at) AS day, song_id, count() AS listens FROM listens GROUP BY day, song_id) "
        "AS counted USING (day, song_id) WHERE kept.listens != counted.listens"
    )
    return int(str(client.command(recount)))


def all_once(number: int) -> dict[str, int]:
    return {"playback_events": number, "listens": number, "seen": number, "song_days": number}


def ship(directory: Path, client: ClickHouse) -> None:
    Shipper(directory, [ClickHouseSink(lambda: client, directory, correct)]).ship()


def test_a_start_its_end_and_a_short_play_become_three_events_and_one_listen(
    tmp_path: Path, clickhouse: Client
) -> None:
    end, short = make_play(), make_play(played_ms=29_999)
    start = make_play(play_id=end.play_id, kind="start", played_ms=None)
    write_segment(tmp_path, "a-1", [start, short, end])

    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == {"playback_events": 3, "listens": 1, "seen": 3, "song_days": 1}
    assert clickhouse.query(
        "SELECT play_id, listener_id, song_id, played_ms, source FROM listens"
    ).result_rows == [(end.play_id, 5, 7, 40_000, "organic")]


def test_an_end_told_before_its_start_counts_the_same(tmp_path: Path, clickhouse: Client) -> None:
    end = make_play()
    start = make_play(play_id=end.play_id, kind="start", played_ms=None)
    write_segment(tmp_path, "a-1", [end])
    write_segment(tmp_path, "a-2", [start])

    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == {"playback_events": 2, "listens": 1, "seen": 2, "song_days": 1}


def test_the_same_play_told_often_counts_once(tmp_path: Path, clickhouse: Client) -> None:
    plays = make_plays(50)
    for number in range(1, 4):
        write_segment(tmp_path, f"a-{number}", [*plays, *reversed(plays)])

    ship(tmp_path, clickhouse)
    write_segment(tmp_path, "b-1", plays)
    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == all_once(50)
    assert pending(tmp_path) == 0


def test_a_play_told_a_week_late_counts_on_the_day_it_was_heard(tmp_path: Path, clickhouse: Client) -> None:
    last_week = NOON - timedelta(days=7)
    write_segment(tmp_path, "a-1", [make_play(started_at=last_week, received_at=NOON)])

    ship(tmp_path, clickhouse)

    assert clickhouse.query("SELECT day, listens FROM song_days").result_rows == [(last_week.date(), 1)]


def test_a_play_keeps_where_it_came_from(tmp_path: Path, clickhouse: Client) -> None:
    slate = make_play().play_id
    write_segment(
        tmp_path, "a-1", [make_play(source="recommended", slate_id=slate, position=3, origin="radio")]
    )

    ship(tmp_path, clickhouse)

    told = "SELECT source, slate_id, position, origin FROM "
    expected = [("recommended", slate, 3, "radio")]
    assert clickhouse.query(told + "listens").result_rows == expected
    assert clickhouse.query(told + "playback_events").result_rows == expected


def test_ids_of_imports_are_kept_and_of_others_forgotten_in_time(tmp_path: Path, clickhouse: Client) -> None:
    write_segment(tmp_path, "a-1", [make_play(source="imported"), make_play()])

    ship(tmp_path, clickhouse)

    assert clickhouse.query("SELECT is_kept FROM seen WHERE kind = 'end' ORDER BY is_kept").result_rows == [
        (False,),
        (True,),
    ]


def test_a_play_keeps_where_it_was_heard_and_whether_in_private(tmp_path: Path, clickhouse: Client) -> None:
    write_segment(tmp_path, "a-1", [make_play(country="NZ", is_private=True), make_play()])

    ship(tmp_path, clickhouse)

    asked = "SELECT country, is_private FROM {table:Identifier} ORDER BY country"
    for table in ("playback_events", "listens"):
        found = clickhouse.query(asked, {"table": table}).result_rows
        assert found == [("", False), ("NZ", True)]


def test_an_event_the_warehouse_cannot_hold_is_set_aside_and_stops_no_other(
    tmp_path: Path, clickhouse: Client, caplog: pytest.LogCaptureFixture
) -> None:
    unfit = [make_play(played_ms=-1), make_play(position=70_000), make_play(started_at=NOON.replace(year=1))]
    write_segment(tmp_path, "a-1", [*unfit, *make_plays(2)])

    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == all_once(2)
    assert len((tmp_path / "a-1.damaged").read_text().splitlines()) == 3
    assert "beyond what the warehouse can hold" in caplog.text


@dataclass
class Dying:
    """A real client whose process seems to die at one insert: before it, or when it is done but not yet told."""

    client: Client
    table: str
    is_done: bool

    def insert_arrow(
        self, table: str, arrow_table: pa.Table, *, settings: dict[str, object] | None = None
    ) -> None:
        if table == self.table and not self.is_done:
            raise ConnectionError("killed")
        self.client.insert_arrow(table, arrow_table, settings=settings)
        if table == self.table:
            raise ConnectionError("killed")

    def raw_query(self, query: str, **told: Any) -> bytes:
        return self.client.raw_query(query, **told)

    def query_arrow(self, query: str, *, settings: dict[str, object] | None = None) -> pa.Table:
        return self.client.query_arrow(query, settings=settings)

    def command(self, cmd: str, *, settings: dict[str, object] | None = None) -> object:
        return self.client.command(cmd, settings=settings)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("are_tokens_kept", [True, False])
def test_a_shipper_killed_at_any_insert_counts_nothing_twice(
    tmp_path: Path, clickhouse: Client, table: str, is_done: bool, are_tokens_kept: bool
) -> None:
    write_segment(tmp_path, "a-1", make_plays(30))
    ship(tmp_path, clickhouse)
    write_segment(tmp_path, "a-2", [*make_plays(20), *make_plays(20)])

    ship(tmp_path, Dying(clickhouse, table, is_done))
    if not are_tokens_kept:
        forget_tokens(clickhouse)
    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == all_once(70)
    assert differing_days(clickhouse) == 0
    assert [path.name for path in tmp_path.glob("a-*")] == []


def forget_tokens(client: Client) -> None:
    """What a power cut may do: ClickHouse does not sync its deduplication log."""
    for table in ("playback_events", "listens", "song_days"):
        client.command(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0")
        client.command(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 10000")


@pytest.mark.parametrize("lost", ["playback_events", "listens", "song_days"])
def test_rows_that_a_crash_took_though_their_token_is_known_are_written_again(
    tmp_path: Path, clickhouse: Client, lost: str
) -> None:
    write_segment(tmp_path, "a-1", make_plays(30))

    ship(tmp_path, Dying(clickhouse, "seen", is_done=False))
    clickhouse.command(f"ALTER TABLE {lost} DELETE WHERE song_id = 3 SETTINGS mutations_sync = 1")
    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == all_once(30)
    assert differing_days(clickhouse) == 0


def test_rows_that_are_lost_again_after_a_second_try_are_written_again(
    tmp_path: Path, clickhouse: Client
) -> None:
    write_segment(tmp_path, "a-1", make_plays(30))

    for _ in range(3):
        ship(tmp_path, Dying(clickhouse, "seen", is_done=False))
        clickhouse.command("ALTER TABLE listens DELETE WHERE song_id = 3 SETTINGS mutations_sync = 1")
    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == all_once(30)
    assert differing_days(clickhouse) == 0


@pytest.mark.parametrize("table", TABLES)
def test_segments_begun_together_and_offered_apart_count_nothing_twice(
    tmp_path: Path, clickhouse: Client, table: str
) -> None:
    parts = {f"a-{number}": make_plays(10) for number in range(3)}
    dying = ClickHouseSink(lambda: Dying(clickhouse, table, is_done=True), tmp_path, correct)
    with pytest.raises(ConnectionError):
        dying.apply(list(parts), [play for plays in parts.values() for play in plays])

    sink = ClickHouseSink(lambda: clickhouse, tmp_path, correct)
    for name, plays in reversed(parts.items()):  # as where a damaged cursor forgot what was begun
        sink.apply([name], plays)

    assert rows_of(clickhouse) == all_once(30)
    assert differing_days(clickhouse) == 0
    assert list(tmp_path.glob("*.clickhouse")) == []


@pytest.mark.slow
def test_a_retry_of_a_history_of_very_many_days_is_no_too_large_query(
    tmp_path: Path, clickhouse: Client
) -> None:
    days = [NOON - timedelta(days=at) for at in range(9_000)]
    write_segment(tmp_path, "a-1", [make_play(started_at=day) for day in days])

    ship(tmp_path, Dying(clickhouse, "seen", is_done=False))
    ship(tmp_path, clickhouse)

    assert rows_of(clickhouse) == all_once(9_000)
    assert pending(tmp_path) == 0


def test_a_server_that_is_away_at_first_is_asked_again(tmp_path: Path, clickhouse: Client) -> None:
    write_segment(tmp_path, "a-1", make_plays(2))
    answers: list[Client | None] = [None, clickhouse]

    def connect() -> Client:
        if (client := answers.pop(0)) is None:
            raise Unreachable("not yet")
        return client

    shipper = Shipper(tmp_path, [ClickHouseSink(connect, tmp_path, correct)])
    shipped = [shipper.ship(), shipper.ship()]

    assert shipped == [0, 1]
    assert rows_of(clickhouse) == all_once(2)


@contextmanager
def shipping(directory: Path, client: Client) -> Iterator[None]:
    stop = threading.Event()
    shipper = Shipper(
        directory, [ClickHouseSink(lambda: client, directory, correct)], poll=timedelta(milliseconds=5)
    )
    thread = threading.Thread(target=shipper.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_until_shipped(directory: Path) -> None:
    tick = threading.Event()
    for _ in range(600):
        if not pending(directory):
            return
        tick.wait(0.05)
    raise AssertionError(f"{pending(directory)} segments were not shipped within half a minute")


@pytest.mark.slow
def test_plays_told_while_clickhouse_is_down_arrive_when_it_is_back(
    tmp_path: Path, server: Server, clickhouse: Client, caplog: pytest.LogCaptureFixture
) -> None:
    plays = make_plays(30)

    with (
        shipping(tmp_path, clickhouse),
        closing(small_log(tmp_path)) as log,
        caplog.at_level(logging.WARNING),
    ):
        log.append_now(plays[:10])
        wait_until_shipped(tmp_path)
        server.end_by(signal.SIGTERM)
        for play in plays[10:]:
            log.append_now([play])
        waiting = pending(tmp_path)
        back = server.start()
        wait_until_shipped(tmp_path)

    assert waiting > 0
    assert rows_of(back) == all_once(30)
    assert [message.split(" ")[2:4] for message in caplog.messages if "sink" in message] == [
        ["is", "down,"],
        ["takes", "segments"],
    ]


@pytest.mark.slow
def test_clickhouse_killed_again_and_again_holds_every_play_once(
    tmp_path: Path, server: Server, clickhouse: Client
) -> None:
    plays = make_plays(400)

    with shipping(tmp_path, clickhouse), closing(small_log(tmp_path, age=timedelta(milliseconds=5))) as log:
        for number, play in enumerate(plays):
            log.append_now([play])
            if number % 100 == 50:
                server.kill()
                server.start()
        wait_until_shipped(tmp_path)

    back = server.client()
    assert rows_of(back) == all_once(400)
    assert differing_days(back) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("how", "first"), [("cut off there", 0), ("one bit turned", 1)])
def test_a_note_damaged_at_any_byte_neither_loses_nor_repeats_a_play(
    tmp_path: Path, clickhouse: Client, how: str, first: int
) -> None:
    """Every byte is damaged in one of the two ways, in turns: each takes two retries of a server."""
    write_segment(tmp_path, "a-0", make_plays(1))
    ship(tmp_path, Dying(clickhouse, "listens", is_done=True))
    length = len((tmp_path / "a-0.clickhouse").read_bytes())
    ship(tmp_path, clickhouse)

    for number, at in enumerate(range(first, length, 2), start=1):
        plays = make_plays(3)
        write_segment(tmp_path, f"a-{at + 1}", [*plays, plays[1]])
        ship(tmp_path, Dying(clickhouse, "listens", is_done=True))
        note = tmp_path / f"a-{at + 1}.clickhouse"
        note.write_bytes(DAMAGES[how](note.read_bytes(), at))
        ship(tmp_path, clickhouse)

        assert pending(tmp_path) == 0, f"{how}, at byte {at} of {length}"
        assert rows_of(clickhouse) == all_once(1 + 3 * number), f"{how}, at byte {at} of {length}"
