"""Matching: a history's songs find those of the catalog, are shown before anything is written, and stay where they are."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from psycopg import sql

from catalog_api.imports import recognise
from catalog_api.imports.errors import NoThreshold
from catalog_api.imports.matching.matches import match
from catalog_api.imports.matching.preview import Preview, preview
from catalog_api.imports.report import ImportReport
from catalog_api.imports.service import Asked
from foundation.contracts.history import History
from foundation.engines import postgres
from tests.catalog_api.imports.conftest import Place
from tests.catalog_api.world import NOW, town

CATALOG = [
    (1, 1, "Queen", "Bohemian Rhapsody"),
    (2, 1, "Queen", "Somebody to Love"),
    (3, 2, "Metallica", "The Unforgiven II"),
    (4, 3, "Queens of the Stone Age", "No One Knows"),
    (5, 1, "Queen", "Bohemian Rhapsody"),
    (6, 4, "Sigur Rós", "Svefn-g-englar"),
]


def matched(artist: str, title: str, threshold: float = 0.8) -> dict[str, Any]:
    told = pl.DataFrame({"external_id": ["x"], "artist": [artist], "title": [title]})
    catalog = pl.DataFrame(CATALOG, schema=["song_id", "artist_id", "artist", "title"], orient="row")
    songs = catalog.select("song_id", "artist_id", "title")
    artists = catalog.select("artist_id", "artist").unique("artist_id")
    return match(
        told, artists, lambda ids: songs.filter(pl.col("artist_id").is_in(ids.implode())), threshold
    ).row(0, named=True)


@pytest.mark.parametrize(
    ("artist", "title", "how", "song_id"),
    [
        ("QUEEN", "bohemian rhapsody!", "exact", 1),
        ("Sigur Ros", "Svefn g englar", "exact", 6),
        ("Queen", "Bohemian Rhapsody - Remastered 2011", "alike", 1),
        ("Queen", "Bohemian Rhapsodyy", "alike", 1),
        ("Queen", "Bohemian Rapsody", "near", 1),
        ("Queen", "Somebody Else", "new", None),
        ("Metallica", "The Unforgiven III", "new", None),
        ("Metallica", "The Unforgiven", "new", None),
        ("Queens", "No One Knows", "new", None),
        ("Nobody", "Bohemian Rhapsody", "new", None),
    ],
)
def test_a_song_is_the_one_whose_artist_and_title_are_both_alike(
    artist: str, title: str, how: str, song_id: int | None
) -> None:
    found = matched(artist, title)

    assert (found["how"], found["song_id"]) == (how, song_id)


def test_a_lower_threshold_takes_what_was_near() -> None:
    near, taken = matched("Queen", "Bohemian Rapsody"), matched("Queen", "Bohemian Rapsody", threshold=0.6)

    assert (near["how"], taken["how"]) == ("near", "alike")
    assert 0.6 <= near["score"] == taken["score"] < 0.8


def heard(folder: Path) -> History:
    """Ann listened to three songs, one of them twice, as a service tells it."""
    titles = ["Bohemian Rhapsody (Remastered 2011)", "Unfinished", "Unfinished", "Bohemian Rapsody"]
    rows = [
        {
            "listened_at": 1_700_000_000 + 300 * at,
            "track_metadata": {"artist_name": "queen", "track_name": title},
        }
        for at, title in enumerate(titles)
    ]
    path = folder / "listens.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = recognise.read(path, now=NOW, listener="ann").history
    assert isinstance(told, History)
    return told


def brought_in(place: Place, history: History, threshold: float | None = None) -> ImportReport:
    with place.shipping(), place.importer() as importer:
        return importer.import_history(history, Asked(threshold=threshold))


def shown(place: Place, history: History, threshold: float = 0.8) -> Preview:
    return preview(history, place.catalog, place.reader, threshold)


def rows_of(place: Place) -> list[Any]:
    tables = ("songs", "artists", "users", "external_ids", "imports", "outbox")
    with postgres.connection(place.catalog) as db:
        counted = [sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)) for table in tables]
        return [db.execute(each).fetchone() for each in counted]


def test_a_preview_counts_shows_and_writes_nothing(place: Place, tmp_path: Path) -> None:
    brought_in(place, town())
    before = rows_of(place)

    told = shown(place, heard(tmp_path))

    assert told.rows == {"known": (0, 0), "exact": (2, 1), "alike": (1, 1), "near": (1, 1), "new": (0, 0)}
    assert told.lines() == [
        "listenbrainz: 1 listeners, 1 artists, 3 songs, 4 rows that hold",
        "             4 plays are not here yet",
        "             0 rows of 0 songs told by this source before",
        "             2 rows of 1 songs with the same names in the catalog",
        "             1 rows of 1 songs with names alike by 0.80 or more",
        "             1 rows of 1 songs with names alike by less: new songs",
        "             0 rows of 0 songs not in the catalog: new songs",
        "  matched by the least:",
        "    1.00  queen: Bohemian Rhapsody (Remastered 2011)  ~  Queen: Bohemian Rhapsody",
        "  missed by the least:",
        "    0.75  queen: Bohemian Rapsody  ~  Queen: Bohemian Rhapsody",
        "  refused              0",
        f"  {heard(tmp_path).notes[0]}",
        "  nothing was written; with --match, rows join the songs that have the same names or names alike enough",
    ]
    assert json.loads(json.dumps(told.as_dict()))["matched"]["alike"] == {"rows": 1, "songs": 1}
    assert rows_of(place) == before
    assert place.number("SELECT count() FROM playback_events") == 0


def test_a_match_joins_songs_and_their_artist_and_makes_the_rest(place: Place, tmp_path: Path) -> None:
    brought_in(place, town())

    report = brought_in(place, heard(tmp_path), threshold=0.8)

    assert report.joined == Counter(exact=1, alike=1)
    assert "  songs that were here:  1 by the same names, 1 by similar ones" in report.lines()
    assert report.new == Counter(listeners=1, artists=0, albums=0, songs=1)
    assert place.number("SELECT count() FROM listens WHERE song_id IN (1, 2)") == 3
    assert place.number("SELECT uniqExact(artist_id) FROM songs FINAL") == 1


def test_a_match_told_again_moves_nothing(place: Place, tmp_path: Path) -> None:
    brought_in(place, town())
    brought_in(place, heard(tmp_path), threshold=0.8)
    before = rows_of(place)

    again = [brought_in(place, heard(tmp_path), threshold) for threshold in (0.8, 0.5, None)]

    assert [(report.accepted, report.new.total(), report.joined.total()) for report in again] == [
        (0, 0, 0)
    ] * 3
    assert shown(place, heard(tmp_path)).rows["known"] == (4, 3)
    assert rows_of(place)[:4] == before[:4]


def test_without_a_match_each_source_has_songs_of_its_own(place: Place, tmp_path: Path) -> None:
    brought_in(place, town())

    report = brought_in(place, heard(tmp_path))

    assert report.new == Counter(listeners=1, artists=1, albums=0, songs=3)
    assert place.number("SELECT count() FROM listens WHERE song_id IN (1, 2)") == 0


def test_what_was_not_known_of_a_joined_song_is_completed(place: Place, tmp_path: Path) -> None:
    brought_in(place, town())
    told = heard(tmp_path)
    songs = told.songs.with_columns(song_ms=pl.lit(61_000, pl.UInt32), title=pl.lit("Unfinished"))

    brought_in(place, dataclasses.replace(told, songs=songs), threshold=0.8)

    lengths = place.writer.query("SELECT song_ms FROM songs FINAL ORDER BY song_id").result_columns[0]
    assert list(lengths) == [354_320, 61_000]


def test_a_threshold_at_which_anything_is_alike_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(NoThreshold, match=r"from 0\.4 to 1"):
        shown(place, heard(tmp_path), threshold=0.3)
