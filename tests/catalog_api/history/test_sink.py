"""The Postgres sink: each play counts once, whatever is told again, and nothing private or strange stops or taints it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from catalog_api.history import partitions
from catalog_api.history.sink import HistorySink
from foundation.contracts.events import ImportedCount, ListenerChanged, PlaybackEvent
from foundation.engines import postgres
from tests.catalog_api.world import settle, town
from tests.event_log.plays import NOON, make_play

NOW = NOON + timedelta(hours=1)
ANN, RHAPSODY, UNFINISHED = 1, 1, 2


def play(**told: object) -> PlaybackEvent:
    return make_play(**{"listener_id": ANN, "song_id": RHAPSODY, **told})


@pytest.fixture
def db(catalog: str) -> Iterator[psycopg.Connection]:
    settle(catalog, town())
    with postgres.connection(catalog) as connected:
        yield connected


@pytest.fixture
def sink(catalog: str, db: psycopg.Connection) -> Iterator[HistorySink]:
    opened = HistorySink(catalog, lambda: NOW)
    yield opened
    opened.close()


def heard(db: psycopg.Connection) -> list[tuple[int, int, UUID]]:
    rows = db.execute("SELECT user_id, song_id, play_id FROM listening_history ORDER BY played_at, play_id")
    return [(user, song, play_id) for user, song, play_id in rows]


def counts(db: psycopg.Connection) -> dict[int, int]:
    return dict(db.execute("SELECT id, play_count FROM songs WHERE play_count > 0 ORDER BY id").fetchall())


def test_a_listen_is_in_the_history_and_counts(sink: HistorySink, db: psycopg.Connection) -> None:
    listen, skipped = play(), play(played_ms=29_999)
    started = play(kind="start", played_ms=None)

    sink.apply(["a-1"], [started, listen, skipped, ListenerChanged(listener_id=ANN, version=1)])

    assert heard(db) == [(ANN, RHAPSODY, listen.play_id)]
    assert counts(db) == {RHAPSODY: 1}
    assert db.execute("SELECT played_at, played_ms, source FROM listening_history").fetchone() == (
        listen.started_at,
        40_000,
        "organic",
    )


def test_a_heartbeat_makes_the_listen_and_the_end_says_how_long_it_was(
    sink: HistorySink, db: psycopg.Connection
) -> None:
    end = play(played_ms=180_000)
    beats = [play(play_id=end.play_id, kind="heartbeat", played_ms=ms) for ms in (10_000, 31_000, 61_000)]

    sink.apply(["a-1"], beats[:1])
    before = heard(db)
    sink.apply(["a-2"], beats[1:])
    sink.apply(["a-3"], beats[1:])
    at_first = db.execute("SELECT played_ms FROM listening_history").fetchall()
    for name in ("a-4", "a-5"):
        sink.apply([name], [play(play_id=end.play_id, kind="heartbeat", played_ms=90_000), end])

    assert (before, at_first) == ([], [(31_000,)])
    assert db.execute("SELECT played_ms FROM listening_history").fetchall() == [(180_000,)]
    assert counts(db) == {RHAPSODY: 1}


def test_the_same_segment_again_changes_nothing(sink: HistorySink, db: psycopg.Connection) -> None:
    plays = [play(), play(), play(song_id=UNFINISHED)]

    for _ in range(3):
        sink.apply(["a-1"], plays)

    assert len(heard(db)) == 3
    assert counts(db) == {RHAPSODY: 2, UNFINISHED: 1}


def test_the_same_play_in_other_segments_counts_once(sink: HistorySink, db: psycopg.Connection) -> None:
    first, second = play(), play()

    sink.apply(["a-1"], [first, first])
    sink.apply(["a-2"], [second, first, second])
    sink.apply(["b-1"], [first, second])

    assert sorted(heard(db)) == sorted((ANN, RHAPSODY, told.play_id) for told in (first, second))
    assert counts(db) == {RHAPSODY: 2}


def test_of_a_play_that_is_ended_twice_the_first_end_holds(sink: HistorySink, db: psycopg.Connection) -> None:
    short = play(played_ms=5_000)
    again = play(play_id=short.play_id, played_ms=50_000)

    sink.apply(["a-1"], [short, again])
    sink.apply(["a-2"], [again])

    assert heard(db) == []
    assert counts(db) == {}


def test_a_crash_in_the_middle_leaves_nothing_and_the_next_try_everything(
    sink: HistorySink, db: psycopg.Connection
) -> None:
    db.execute("ALTER TABLE songs ADD CONSTRAINT stuck CHECK (play_count < 2)")
    plays = [play(), play()]
    try:
        with pytest.raises(psycopg.errors.CheckViolation):
            sink.apply(["a-1"], plays)
        left = (heard(db), counts(db), db.execute("SELECT count(*) FROM shipped").fetchone())
    finally:
        db.execute("ALTER TABLE songs DROP CONSTRAINT stuck")
    sink.apply(["a-1"], plays)

    assert left == ([], {}, (0,))
    assert len(heard(db)) == 2
    assert counts(db) == {RHAPSODY: 2}


def test_a_private_play_counts_for_its_song_and_for_nobody(sink: HistorySink, db: psycopg.Connection) -> None:
    sink.apply(["a-1"], [play(is_private=True)])

    assert heard(db) == []
    assert counts(db) == {RHAPSODY: 1}


def test_imported_totals_are_no_listens(sink: HistorySink, db: psycopg.Connection) -> None:
    total = ImportedCount(origin="old", listener_id=ANN, song_id=RHAPSODY, plays=12, received_at=NOON)

    sink.apply(["a-1"], [total, play(source="imported")])

    assert counts(db) == {RHAPSODY: 1}
    assert len(heard(db)) == 1


def test_who_and_what_is_gone_stops_nothing(sink: HistorySink, db: psycopg.Connection) -> None:
    of_nobody, of_no_song, whole = play(listener_id=99), play(song_id=99), play()

    sink.apply(["a-1"], [of_nobody, of_no_song, whole])

    assert {play_id for _, _, play_id in heard(db)} == {of_no_song.play_id, whole.play_id}
    assert counts(db) == {RHAPSODY: 2}


def test_what_postgres_cannot_hold_is_left_out(
    sink: HistorySink, db: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    strange = [
        play(song_id=2**63),
        play(listener_id=2**64),
        play(played_ms=2**31),
        play(started_at=NOON.replace(tzinfo=None), received_at=NOON, play_id=play().play_id),
        play(started_at=NOON.replace(year=1), received_at=NOON, play_id=play().play_id),
    ]

    sink.apply(["a-1"], [*strange, play()])

    assert len(heard(db)) == 1
    assert all(str(told.play_id) in caplog.text for told in strange)


def test_old_months_are_made_when_a_play_needs_them(sink: HistorySink, db: psycopg.Connection) -> None:
    years = (1995, 2007, 2007, 2031, 2150)
    plays = [
        play(started_at=datetime(year, 5, day, tzinfo=UTC), source="imported")
        for day, year in enumerate(years, start=1)
    ]

    sink.apply(["a-1"], plays)

    of_table = "SELECT tableoid::regclass::text FROM listening_history ORDER BY played_at"
    assert [name.removeprefix("listening_history_") for (name,) in db.execute(of_table)] == [
        "before",
        "2007_05",
        "2007_05",
        "2031_05",
        "after",
    ]
    indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'listening_history_2007_05'"
    assert db.execute(indexes).fetchone() == (2,)


def test_a_month_that_was_dropped_meanwhile_is_made_again(sink: HistorySink, db: psycopg.Connection) -> None:
    sink.apply(["a-1"], [play()])
    db.execute(f"DROP TABLE {partitions.name_of(partitions.month_of(NOON))}".encode())

    with pytest.raises(psycopg.errors.CheckViolation):
        sink.apply(["a-2"], [play()])
    sink.apply(["a-2"], [play()])

    assert len(heard(db)) == 1
    assert counts(db) == {RHAPSODY: 2}


def test_what_is_older_than_what_is_kept_counts_and_is_not_in_the_history(
    catalog: str, db: psycopg.Connection
) -> None:
    sink = HistorySink(catalog, lambda: NOW, kept_months=2)
    ages = [timedelta(), timedelta(days=59), timedelta(days=61)]

    sink.apply(["a-1"], [play(started_at=NOON - age) for age in ages])
    sink.close()

    assert len(heard(db)) == 2
    assert counts(db) == {RHAPSODY: 3}


def test_it_gives_way_to_who_changes_a_song_and_comes_back(
    sink: HistorySink, catalog: str, db: psycopg.Connection
) -> None:
    with postgres.connection(catalog) as editing, editing.transaction():
        editing.execute("UPDATE songs SET title = 'Edited' WHERE id = %s", (RHAPSODY,))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            sink.apply(["a-1"], [play()])
    sink.apply(["a-1"], [play()])

    assert len(heard(db)) == 1
    assert counts(db) == {RHAPSODY: 1}


def test_a_postgres_that_ended_the_connection_is_asked_again(
    sink: HistorySink, db: psycopg.Connection
) -> None:
    sink.apply(["a-1"], [play()])
    db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'segue history'"
    )

    with pytest.raises(psycopg.OperationalError):
        sink.apply(["a-2"], [play()])
    sink.apply(["a-2"], [play()])

    assert counts(db) == {RHAPSODY: 2}
