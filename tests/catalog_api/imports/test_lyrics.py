"""Lyrics come in with the songs they belong to, once, and the warehouse is told how they begin."""

import dataclasses

import polars as pl
import pytest

from catalog_api.imports.errors import BrokenHistory
from catalog_api.imports.history import check
from catalog_api.imports.report import ImportReport
from foundation.contracts.history import LYRICS, History
from foundation.engines import postgres
from tests.catalog_api.imports.conftest import Place
from tests.catalog_api.world import town

DAWN = 'First light\n\n  "Second", she said\nThird \\.\nFourth\nFifth'


def sung(*lyrics: tuple[str, str, str]) -> History:
    return dataclasses.replace(town(), lyrics=pl.DataFrame(lyrics, schema=LYRICS, orient="row"))


def brought_in(place: Place, history: History) -> ImportReport:
    with place.shipping(), place.importer() as importer:
        return importer.import_history(history)


def openings(place: Place) -> list[tuple[int, str, str]]:
    told = place.writer.query(
        "SELECT song_id, language, opening FROM lyrics FINAL ORDER BY song_id, language"
    )
    return [(song, language, opening) for song, language, opening in told.result_rows]


def test_the_catalog_keeps_all_lines_and_the_warehouse_the_first(place: Place) -> None:
    report = brought_in(place, sung(("s1", "en", DAWN), ("s1", "fr", "Aube")))

    with postgres.connection(place.catalog) as db:
        kept = db.execute("SELECT song_id, language, text FROM lyrics ORDER BY language").fetchall()
    assert kept == [(1, "en", DAWN), (1, "fr", "Aube")]
    assert openings(place) == [
        (1, "en", 'First light\n"Second", she said\nThird \\.\nFourth'),
        (1, "fr", "Aube"),
    ]
    assert report.new["lyrics"] == 2


def test_lyrics_told_again_add_nothing_and_change_nothing(place: Place) -> None:
    brought_in(place, sung(("s1", "en", "Old words")))

    again = brought_in(place, sung(("s1", "en", "New words"), ("s2", "", "La la")))

    assert again.new["lyrics"] == 1
    assert openings(place) == [(1, "en", "Old words"), (2, "", "La la")]
    assert place.number("SELECT count() FROM lyrics") == 2


def test_lyrics_go_with_their_song(place: Place) -> None:
    brought_in(place, sung(("s1", "en", "Words")))

    with postgres.connection(place.catalog) as db:
        db.execute("DELETE FROM songs WHERE id = 1")
        left = db.execute("SELECT count(*) FROM lyrics").fetchone()

    assert left == (0,)


@pytest.mark.parametrize(
    ("lyrics", "what"),
    [
        ([("s9", "en", "Words")], "not among the songs"),
        ([("s1", "en", "One"), ("s1", "en", "Other")], "twice in one language"),
        ([("s1", "English", "Words")], "two lower-case letters"),
        ([("s1", "en", " \n ")], "empty"),
    ],
)
def test_lyrics_of_no_song_or_no_language_are_refused(lyrics: list[tuple[str, str, str]], what: str) -> None:
    with pytest.raises(BrokenHistory, match=what):
        check(sung(*lyrics))
