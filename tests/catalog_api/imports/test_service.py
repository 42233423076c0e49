"""Importing: everything arrives, once, whatever is told again and whoever else imports."""

import dataclasses
import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from catalog_api.imports import recognise
from catalog_api.imports.errors import BrokenHistory, LogStuck
from catalog_api.imports.report import ImportReport
from catalog_api.imports.shipping import Shipping, silent
from foundation.clock import utc_now
from foundation.contracts.history import COUNTS, PLAYS, History
from foundation.engines import postgres
from foundation.ids import hashed_play_id
from tests.catalog_api.imports.conftest import Place
from tests.catalog_api.world import NOW, SOURCE, town
from warehouse.checking import check

SPRING = datetime(2021, 3, 1, tzinfo=UTC)
NAMES = ("master_metadata_track_name", "master_metadata_album_artist_name")
PLAY = {
    "ts": "2022-02-22T20:46:54Z",
    "ms_played": 219310,
    **dict(zip(NAMES, ("Bianca", "BB Bean"), strict=True)),
}


def played(*numbers: int, refused: Counter[str] | None = None) -> History:
    """Ann played Bohemian Rhapsody once for each number, that many minutes after the spring began, for 45 seconds."""
    rows = [
        (hashed_play_id(at, SOURCE, str(number)).bytes, "ann", "s1", at, 45_000, "", False)
        for number in numbers
        for at in [SPRING + timedelta(minutes=number)]
    ]
    plays = pl.DataFrame(rows, schema=PLAYS, orient="row")
    return dataclasses.replace(town(), plays=plays, refused=refused or Counter())


def counted(**plays: int) -> History:
    """How often Ann played each song, without times."""
    rows = [("ann", song, number) for song, number in plays.items()]
    return dataclasses.replace(town(), counts=pl.DataFrame(rows, schema=COUNTS, orient="row"))


def brought_in(place: Place, history: History) -> ImportReport:
    with place.shipping(), place.importer() as importer:
        return importer.import_history(history)


def numbers(report: ImportReport) -> tuple[int, int, int]:
    return report.accepted, report.duplicate, report.refused.total()


def test_plays_are_in_the_warehouse_when_the_import_returns(place: Place) -> None:
    report = brought_in(place, played(1, 2, refused=Counter({"no artist": 3})))

    assert numbers(report) == (2, 0, 3)
    assert report.new == Counter(listeners=1, artists=1, albums=1, songs=2)
    assert (
        place.number("SELECT count() FROM listens WHERE origin = 'town' AND song_id = 1 AND listener_id = 1")
        == 2
    )
    assert (
        place.number("SELECT count() FROM playback_events WHERE source = 'imported' AND song_ms = 354320")
        == 2
    )


def test_imported_plays_count_in_the_country_of_their_listener_and_old_ones_in_no_chart_by_the_hour(
    place: Place,
) -> None:
    recent = played(1)
    today = utc_now().replace(microsecond=0)
    plays = recent.plays.with_columns(
        play_id=pl.lit(hashed_play_id(today, SOURCE, "today").bytes),
        started_at=pl.lit(today).dt.cast_time_unit("ms"),
    )
    told = dataclasses.replace(recent, plays=pl.concat([recent.plays, plays]))

    brought_in(place, told)

    counted = [
        place.number("SELECT count() FROM listens WHERE country = 'NZ'"),
        place.number("SELECT sum(listens) FROM chart_days WHERE country = 'NZ'"),
        place.number("SELECT sum(listens) FROM chart_hours WHERE country = 'NZ'"),
        place.number("SELECT sum(listens) FROM listener_song_days"),
    ]
    assert counted == [2, 2, 1, 1]
    assert all(rollup.is_right for rollup in check(place.writer, repair=False, settled=0))


def test_the_warehouse_knows_the_names_told(place: Place) -> None:
    brought_in(place, played(1))

    songs = place.writer.query(
        "SELECT song_id, title, artist, album, external_id FROM songs FINAL ORDER BY song_id"
    )
    listeners = place.writer.query("SELECT listener_id, country, origin, external_id FROM listeners FINAL")
    assert songs.result_rows == [
        (1, "Bohemian Rhapsody", "Queen", "A Night at the Opera", "s1"),
        (2, "Unfinished", "Queen", "", "s2"),
    ]
    assert listeners.result_rows == [(1, "NZ", "town", "ann")]


def test_a_second_import_adds_only_what_is_new(place: Place) -> None:
    brought_in(place, played(1, 2))

    again, more = brought_in(place, played(2, 1)), brought_in(place, played(2, 3))

    assert numbers(again) == (0, 2, 0)
    assert numbers(more) == (1, 1, 0)
    assert again.new.total() == 0
    assert place.number("SELECT count() FROM listens") == 3


def test_a_row_told_twice_within_one_import_is_one_play(place: Place) -> None:
    report = brought_in(place, played(1, 1, 2))

    assert numbers(report) == (2, 1, 0)
    assert place.number("SELECT count() FROM listens") == 2


def test_counts_are_kept_as_counts_and_replaced_when_they_change(place: Place) -> None:
    first = brought_in(place, counted(s1=54_000_000, s2=3))

    again, changed = (
        brought_in(place, counted(s1=54_000_000, s2=3)),
        brought_in(place, counted(s1=54_000_001, s2=3)),
    )

    assert [numbers(report) for report in (first, again, changed)] == [(2, 0, 0), (0, 2, 0), (1, 1, 0)]
    assert place.number("SELECT sum(plays) FROM imported_counts FINAL") == 54_000_004
    assert place.number("SELECT count() FROM playback_events") == 0


def test_what_a_source_tells_later_completes_a_song_and_changes_nothing_known(place: Place) -> None:
    brought_in(place, played(1))
    songs = town().songs.with_columns(
        title=pl.lit("Other"), album=pl.lit("Late"), genre=pl.lit("pop"), song_ms=pl.lit(61_000, pl.UInt32)
    )

    report = brought_in(place, dataclasses.replace(played(1), songs=songs))

    told = place.writer.query(
        "SELECT title, album, genre, song_ms FROM songs FINAL ORDER BY song_id"
    ).result_rows
    assert told == [
        ("Bohemian Rhapsody", "A Night at the Opera", "rock", 354_320),
        ("Unfinished", "Late", "pop", 61_000),
    ]
    assert report.new == Counter(listeners=0, artists=0, albums=1, songs=0)


def test_every_import_is_noted_with_its_numbers(place: Place) -> None:
    brought_in(place, played(1, refused=Counter({"no artist": 3})))

    with postgres.connection(place.catalog) as db:
        noted = db.execute("SELECT source, accepted, duplicate, refused, finished_at FROM imports").fetchall()
    assert noted == [("town", 1, 0, {"no artist": 3}, NOW)]


def test_the_report_reads_well(place: Place) -> None:
    report = brought_in(place, played(1, refused=Counter({"no artist": 3, "no song": 1})))

    assert report.lines() == [
        "town: 1 listeners, 1 artists, 2 songs, 5 rows",
        "  listener: ann",
        "  new in the catalog: 1 listeners, 1 artists, 1 albums, 2 songs",
        "  accepted             1 plays",
        "  duplicate            0",
        "  refused              4",
        "                       3 no artist",
        "                       1 no song",
    ]


def test_the_report_says_whose_plays_it_took_an_export_for(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "endsong_0.json"
    path.write_text(json.dumps([PLAY]))

    unnamed = brought_in(place, recognise.read(path, now=NOW).history)
    renamed = brought_in(place, recognise.read(path.rename(tmp_path / "endsong_7.json"), now=NOW).history)

    assert "  listener: me   (--listener NAME says whose history it is)" in unnamed.lines()
    assert (numbers(unnamed), numbers(renamed)) == ((1, 0, 0), (0, 1, 0))


def test_an_export_of_podcasts_only_brings_nothing_and_fails_nothing(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "endsong_0.json"
    path.write_text(json.dumps([PLAY | dict.fromkeys(NAMES)] * 3))

    report = brought_in(place, recognise.read(path, now=NOW).history)

    assert numbers(report) == (0, 0, 3)
    assert "                       3 not music" in report.lines()


@pytest.mark.parametrize("history", [played(1), counted(s1=3), town()], ids=["plays", "counts", "names"])
def test_every_step_of_an_import_ends(place: Place, history: History) -> None:
    last: dict[str, tuple[int, int]] = {}

    def note(what: str, done: int, total: int) -> None:
        last[what] = (done, total)

    with place.shipping(), place.importer() as importer:
        first = dataclasses.replace(importer, progress=note)
        first.import_history(history)
        first.import_history(history)

    assert {"naming listeners, artists and songs", "importing", "waiting for the stores"} <= set(last)
    assert all(done == total for done, total in last.values())


def test_what_no_log_wrote_is_not_waited_for(place: Place) -> None:
    place.folder.mkdir(exist_ok=True)
    for name in ("notes.open", "a-copy.segment", "import-1-000000000001.segment.bak"):
        (place.folder / name).touch()
    shipping = Shipping(place.folder, patience=timedelta(milliseconds=100))

    shipping.wait(silent)

    (place.folder / "api-1-000000000001.segment").touch()
    with pytest.raises(LogStuck, match="1 segments wait"):
        shipping.wait(silent)


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (
            dataclasses.replace(played(1), listeners=town().listeners.clear()),
            "'ann' is not among the listeners",
        ),
        (
            dataclasses.replace(played(1), songs=pl.concat([town().songs] * 2)),
            "songs: an external id is told twice",
        ),
        (dataclasses.replace(played(1), artists=town().artists.drop("name")), "artists: the columns must be"),
        (
            dataclasses.replace(town(), songs=town().songs.with_columns(title=pl.lit(None, pl.String))),
            "missing in title",
        ),
    ],
)
def test_a_history_that_does_not_hang_together_leaves_nothing_behind(
    place: Place, history: History, told: str
) -> None:
    with place.importer() as importer, pytest.raises(BrokenHistory, match=told):
        importer.import_history(history)

    with postgres.connection(place.catalog) as db:
        assert db.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_without_a_shipper_the_import_says_so_and_can_be_finished_later(place: Place) -> None:
    with (
        place.importer(patience=timedelta(milliseconds=100)) as importer,
        pytest.raises(LogStuck, match="shipper"),
    ):
        importer.import_history(played(1))

    report = brought_in(place, played(1))

    assert numbers(report) == (1, 0, 0)


def test_an_import_does_not_wait_for_what_is_told_after_it_began(place: Place) -> None:
    stop = threading.Event()

    with place.shipping(), place.importer() as importer, place.importer() as other:

        def keep_telling() -> None:
            while not stop.wait(0.005):
                other.log.append_now([])

        teller = threading.Thread(target=keep_telling)
        teller.start()
        report = importer.import_history(played(1))
        stop.set()
        teller.join()

    assert numbers(report) == (1, 0, 0)


def test_two_imports_at_once_take_turns(place: Place) -> None:
    reports: list[ImportReport] = []

    def run() -> None:
        with place.importer() as importer:
            reports.append(importer.import_history(played(*range(50))))

    with place.shipping():
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(numbers(report) for report in reports) == [(0, 50, 0), (50, 0, 0)]
    assert place.number("SELECT count() FROM listens") == 50


def test_names_that_look_like_anything_arrive_as_they_are(place: Place) -> None:
    odd = [
        "",
        "\\N",
        "\\.",
        '"',
        '""',
        "a,b",
        "a\tb",
        "'; DROP TABLE songs; --",
        "Sigur Rós",
        "🎵",
        "NULL",
        "%s",
    ]
    songs = pl.concat(
        [
            town().songs[:1].with_columns(external_id=pl.lit(f"o{at}"), title=pl.lit(name))
            for at, name in enumerate(odd)
        ]
    )

    brought_in(place, dataclasses.replace(town(), songs=songs))

    told = place.writer.query("SELECT title FROM songs FINAL ORDER BY song_id").result_columns[0]
    assert list(told) == odd


@pytest.mark.slow
def test_the_real_plays_come_in_once(place: Place, data: Path) -> None:
    history = recognise.read(data / "listening_history" / "events.tsv", now=NOW).history

    first, again = brought_in(place, history), brought_in(place, history)

    assert (numbers(first), numbers(again)) == ((91_522, 0, 0), (0, 91_522, 0))
    assert first.short == 28_908
    assert place.number("SELECT count() FROM playback_events") == 91_522
    assert place.number("SELECT count() FROM listens") == 91_522 - 28_908


@pytest.mark.slow
def test_the_real_counts_come_in_once(place: Place, data: Path) -> None:
    history = recognise.read(data / "lastfm_hetrec", now=NOW).history

    first, again = brought_in(place, history), brought_in(place, history)

    assert (numbers(first), numbers(again)) == ((74_294, 0, 0), (0, 74_294, 0))
    assert first.listeners == place.number("SELECT count() FROM listeners FINAL") == 1_892
    assert place.number("SELECT sum(plays) FROM imported_counts FINAL") == 54_864_943
