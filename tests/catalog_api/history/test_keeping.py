"""What keeps the history in order: months ahead, months dropped, and what is forgotten when nobody can ask for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from catalog_api.history import partitions
from catalog_api.history.keeping import NOTHING, HistoryKeeper, keep
from catalog_api.history.sink import HistorySink
from catalog_api.migrate import migrate
from foundation.engines import postgres
from tests.catalog_api.world import settle, town
from tests.event_log.plays import make_play, write_segment

NOW = datetime(2035, 5, 17, 12, tzinfo=UTC)  # no month of it is made with the schema


@pytest.fixture
def url(empty_database: str) -> str:
    migrate(empty_database)
    settle(empty_database, town())
    return empty_database


@pytest.fixture
def db(url: str) -> Iterator[psycopg.Connection]:
    with postgres.connection(url) as connected:
        yield connected


@pytest.fixture
def keeper(url: str, tmp_path: Path) -> HistoryKeeper:
    return HistoryKeeper(url, tmp_path, months_ahead=2, kept_months=0)


def test_the_months_ahead_are_made_once(db: psycopg.Connection, keeper: HistoryKeeper) -> None:
    first, again = keep(db, keeper, NOW), keep(db, keeper, NOW)

    assert (first.made, again) == (3, NOTHING)
    assert {date(2035, 5, 1), date(2035, 6, 1), date(2035, 7, 1)} <= partitions.months(db)


def test_old_months_are_dropped_where_not_all_is_kept(
    db: psycopg.Connection, url: str, keeper: HistoryKeeper
) -> None:
    moments = [NOW - timedelta(days=days) for days in (0, 40, 80, 16_000)]
    plays = [make_play(listener_id=1, song_id=1, started_at=moment) for moment in moments]
    sink = HistorySink(url, lambda: NOW)
    sink.apply(["a-1"], plays)
    sink.close()

    kept = keep(db, replace(keeper, kept_months=1), NOW)

    assert kept.dropped > 0
    assert min(partitions.months(db)) == date(2035, 4, 1)
    left = db.execute("SELECT played_at FROM listening_history ORDER BY played_at DESC").fetchall()
    assert [moment for (moment,) in left] == moments[:2]


def test_plays_are_forgotten_when_they_cannot_be_told_again_but_never_those_of_imports(
    db: psycopg.Connection, url: str, keeper: HistoryKeeper
) -> None:
    told, imported = (
        make_play(listener_id=1, song_id=1, source=source) for source in ("organic", "imported")
    )
    sink = HistorySink(url, lambda: NOW)
    sink.apply(["a-1"], [told, imported])
    sink.close()

    soon, late = keep(db, keeper, NOW + timedelta(days=44)), keep(db, keeper, NOW + timedelta(days=46))

    assert (soon.forgotten_plays, late.forgotten_plays) == (0, 1)
    assert db.execute("SELECT play_id FROM counted_plays").fetchall() == [(imported.play_id,)]


def test_a_segment_is_forgotten_when_it_is_gone_and_old(
    db: psycopg.Connection, keeper: HistoryKeeper, tmp_path: Path
) -> None:
    noted = "INSERT INTO shipped (sink, segment_id, shipped_at) VALUES ('history', %s, %s)"
    for name, age in (("a-1", 3), ("a-2", 3), ("a-3", 1)):
        db.execute(noted, (name, NOW - timedelta(days=age)))
    write_segment(tmp_path, "a-2", [])

    kept = keep(db, keeper, NOW)

    assert kept.forgotten_segments == 1
    assert db.execute("SELECT segment_id FROM shipped ORDER BY 1").fetchall() == [("a-2",), ("a-3",)]


def test_readers_wait_for_no_month_that_is_made(
    db: psycopg.Connection, url: str, keeper: HistoryKeeper
) -> None:
    with postgres.connection(url) as reading, reading.transaction():
        reading.execute("SELECT count(*) FROM listening_history")
        made = keep(db, keeper, NOW).made

    assert made == 3
