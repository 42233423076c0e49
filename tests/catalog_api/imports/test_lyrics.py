"""Lyrics come in with the songs they belong to, once, and the warehouse is told how they begin."""

import dataclasses
from pathlib import Path

import polars as pl
import pytest

from catalog_api.imports import lrc, recognise
from catalog_api.imports.errors import BrokenFile, BrokenHistory, NothingToImport
from catalog_api.imports.history import check
from catalog_api.imports.report import ImportReport
from foundation.contracts.history import LYRICS, History
from foundation.engines import postgres
from tests.catalog_api.imports.conftest import Place
from tests.catalog_api.world import NOW, town

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


def test_lrc_is_kept_as_words_and_as_lines_with_times(place: Place) -> None:
    brought_in(
        place, sung(("s1", "en", "[ti:Dawn]\n[00:01.00]First light\n[00:03.50]Second"), ("s2", "", "Plain"))
    )

    with postgres.connection(place.catalog) as db:
        kept = db.execute("SELECT text, lines FROM lyrics ORDER BY song_id").fetchall()
    lines = [
        {"start_time": 1.0, "end_time": 3.5, "text": "First light"},
        {"start_time": 3.5, "end_time": 354.32, "text": "Second"},
    ]
    assert kept == [("First light\nSecond", lines), ("Plain", None)]
    assert openings(place) == [(1, "en", "First light\nSecond"), (2, "", "Plain")]


def test_real_lyrics_come_in_once_in_four_languages(place: Place, data: Path) -> None:
    history = recognise.read(data / "lyrics", now=NOW).history
    assert isinstance(history, History)

    first, again = brought_in(place, history), brought_in(place, history)

    with postgres.connection(place.catalog) as db:
        languages = db.execute("SELECT language, count(*) FROM lyrics GROUP BY 1 ORDER BY 1").fetchall()
        timed = db.execute(
            "SELECT songs.title, artists.name, jsonb_array_length(lines) FROM lyrics JOIN songs ON songs.id = song_id "
            "JOIN artists ON artists.id = artist_id"
        ).fetchall()
    table = pl.read_csv(data / "lyrics" / "ATTRIBUTION.tsv", separator="\t", quote_char=None)
    assert (first.new["songs"], first.new["lyrics"], again.new.total()) == (13, 13, 0)
    assert languages == [("de", 2), ("en", 3), ("es", 3), ("fr", 5)]
    assert sorted(timed) == sorted(table.select("title", "artist", "lines").rows())


def folder_of(folder: Path, **files: str) -> History:
    for name, text in files.items():
        (folder / f"{name}.lrc").write_text(text)
    return lrc.read(folder, NOW)


def test_a_file_names_its_song_its_artist_and_its_language(tmp_path: Path) -> None:
    history = folder_of(
        tmp_path, a="\ufeff[ti: Dawn]\r\n[ar:Ann]\r\n[la:German]\r\n[length:02:05]\r\n[00:01.00]Licht\r\n"
    )

    assert history.songs.row(0, named=True) | {"released_on": None} == {
        "external_id": "Ann\tDawn",
        "artist_external_id": "Ann",
        "title": "Dawn",
        "album": "",
        "genre": "",
        "song_ms": 125_000,
        "released_on": None,
    }
    assert history.lyrics["language"].to_list() == ["de"]


def test_what_a_file_does_not_say_the_table_or_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "ATTRIBUTION.tsv").write_text("file\tartist\ttitle\tlanguage\nx\tBob\tRain\tFrench\n")

    history = folder_of(tmp_path, x="[00:01.00]Pluie", **{"Cat - Snow": "[00:01.00]Snow"})

    assert history.lyrics.rows() == [
        ("Cat\tSnow", "", "[00:01.00]Snow"),
        ("Bob\tRain", "fr", "[00:01.00]Pluie"),
    ]


def test_one_song_may_have_lyrics_in_two_languages_and_each_once(tmp_path: Path) -> None:
    head = "[ti:Dawn]\n[ar:Ann]\n[la:{}]\n[00:01.00]{}"

    history = folder_of(
        tmp_path, a=head.format("en", "Light"), b=head.format("fr", "Aube"), c=head.format("en", "Other")
    )

    assert history.songs.height == 1
    assert history.lyrics["language"].to_list() == ["en", "fr"]
    assert history.refused == {"lyrics of this song told before": 1}


def test_what_cannot_be_used_is_left_out_and_a_folder_of_it_is_refused(tmp_path: Path) -> None:
    history = folder_of(
        tmp_path, a="[ti:Dawn]\n[ar:Ann]\n[00:01.00]Light", b="[ti:Dusk]\n[ar:Ann]\n[00:01.00]"
    )

    with pytest.raises(BrokenFile, match=r"b\.lrc, line 1: no words; 3 of 4 files cannot be used"):
        folder_of(tmp_path, c="[00:01.00]Whose?", d="[00:01.00]Whose is this?")
    with pytest.raises(NothingToImport, match="no lyrics"):
        lrc.read(tmp_path / "nowhere", NOW)

    assert history.refused == {"no words": 1}
