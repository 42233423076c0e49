"""Catalogues: what the readers take, what becomes of it, and that told again it changes nothing."""

import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalog_api.imports import recognise
from catalog_api.imports.catalogue import Catalogue, Part
from catalog_api.imports.errors import BrokenFile, NothingToImport
from catalog_api.imports.report import CatalogueReport
from foundation.engines import postgres
from tests.catalog_api.imports.conftest import Place
from tests.catalog_api.world import NOW

SONGS = (
    "track_id,track_name,track_artist,track_popularity,track_album_id,track_album_name,track_album_release_date,"
    "playlist_genre,playlist_subgenre,duration_ms\n"
)
ARTISTS = "id,name,type,gender,country,area_id\n"
MBID = "0383dadf-2a4e-4d10-a46a-e9e041da8eb{}"


def identifier(letter: str) -> str:
    return letter * 22


def song(
    letter: str = "s",
    title: str = "Dawn",
    artist: str = "Band",
    album: str = "a",
    day: str = "1984-05-06",
    genre: str = "rock,art rock",
    length: str = "200000",
) -> str:
    return f'{identifier(letter)},"{title}","{artist}",50,{identifier(album)},Album {album},{day},{genre},{length}\n'


def artist(number: int, name: str, country: str = "NZ") -> str:
    return f"{MBID.format(number)},{name},Group,,{country},\n"


def songs_file(folder: Path, *rows: str) -> Path:
    path = folder / "spotify_songs.csv"
    path.write_text(SONGS + "".join(rows))
    return path


def artists_file(folder: Path, *rows: str) -> Path:
    path = folder / "mb_artists.csv"
    path.write_text(ARTISTS + "".join(rows))
    return path


def read(path: Path) -> Catalogue:
    told = recognise.read(path, now=NOW).history
    assert isinstance(told, Catalogue)
    return told


def part(path: Path) -> Part:
    (only,) = read(path).parts
    return only


def brought_in(place: Place, path: Path) -> CatalogueReport:
    with place.shipping(), place.importer() as importer:
        return importer.bring_in(read(path))


def kept(place: Place, statement: str) -> list[tuple[Any, ...]]:
    with postgres.connection(place.catalog) as db:
        return db.execute(statement.encode()).fetchall()


def everything(place: Place) -> list[list[tuple[Any, ...]]]:
    return [
        kept(place, "SELECT * FROM artists ORDER BY id"),
        kept(place, "SELECT * FROM albums ORDER BY id"),
        kept(place, "SELECT * FROM songs ORDER BY id"),
        kept(place, "SELECT * FROM genres ORDER BY name"),
        kept(place, "SELECT * FROM external_ids ORDER BY kind, source, external_id"),
    ]


def test_a_song_told_for_two_playlists_is_one_song_of_the_genre_told_most(tmp_path: Path) -> None:
    told = part(
        songs_file(
            tmp_path,
            song(genre="Pop,dance pop"),
            song(genre="rock,art rock"),
            song(genre="rock,hard rock"),
            song("t", album="b"),
        )
    )

    assert (told.rows, told.songs.height, told.albums.height, told.artists.height) == (4, 2, 2, 1)
    assert told.songs["genre"].to_list() == ["rock", "rock"]
    assert told.genres.rows() == [
        ("pop", None),
        ("rock", None),
        ("dance pop", "pop"),
        ("art rock", "rock"),
        ("hard rock", "rock"),
    ]


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("1984-05-06", date(1984, 5, 6)),
        ("1984-05", date(1984, 5, 1)),
        ("1984", date(1984, 1, 1)),
        ("", None),
        ("soon", None),
        ("1984-13-01", None),
        ("0001-01-01", None),
    ],
)
def test_a_date_may_be_told_in_part(tmp_path: Path, told: str, day: date | None) -> None:
    read_part = part(songs_file(tmp_path, song(day=told)))

    assert read_part.songs["released_on"].to_list() == [day]
    assert read_part.albums["released_on"].to_list() == [day]


def test_an_album_is_of_the_artist_of_most_of_its_songs(tmp_path: Path) -> None:
    told = part(songs_file(tmp_path, song("s", artist="Guest"), song("t"), song("u")))

    assert told.albums["artist_external_id"].to_list() == ["Band"]
    assert told.songs["artist_external_id"].to_list() == ["Guest", "Band", "Band"]


def test_rows_that_do_not_hold_are_left_out_and_counted(tmp_path: Path) -> None:
    good = [song(letter) for letter in "abcdefgh"]

    told = part(
        songs_file(
            tmp_path,
            *good,
            f"{identifier('i')},NA,NA,0,{identifier('b')},NA,2017,rap,gangster rap,1000\n",
            song("j", title=""),
            song("k", length="-5"),
            song("l", title="a\tb"),
            "too,short\n",
            song("!"),
            f'{identifier("m")},"two\nlines",Band,1,{identifier("a")},x,2017,rap,rap,1\n',
        )
    )

    assert told.songs.height == len(good)
    assert told.refused == Counter(
        {
            "no title, artist and album (NA)": 1,
            "no title": 1,
            "length not in milliseconds above 0": 1,
            "control character in title": 2,
            "wrong number of columns": 1,
            "song id not of 22 letters and digits": 1,
        }
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (SONGS, "no row"),
        (SONGS + song() + 'x,"unclosed', "comma-separated"),
        (SONGS + song() + song()[:40], "middle of a row"),
        (SONGS + "too,short\n" * 3, "3 of 3 rows are bad"),
        (SONGS + song() + "\0", "zero byte"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_whole(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "songs.csv"
    path.write_text(text)

    with pytest.raises(BrokenFile, match=what):
        read(path)


def test_a_file_of_other_columns_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_text("a,b\n1,2\n")

    with pytest.raises(NothingToImport, match="a catalogue"):
        read(path)


def test_a_catalogue_comes_in_with_albums_dates_and_genres(place: Place, tmp_path: Path) -> None:
    path = songs_file(tmp_path, song("s"), song("s"), song("t", title="Dusk", album="b", day="1999"))

    report = brought_in(place, path)

    told = place.writer.query(
        "SELECT title, artist, album, genre, song_ms, released_on, origin FROM songs FINAL ORDER BY song_id"
    )
    assert told.result_rows == [
        ("Dawn", "Band", "Album a", "rock", 200_000, date(1984, 5, 6), "spotify"),
        ("Dusk", "Band", "Album b", "rock", 200_000, date(1999, 1, 1), "spotify"),
    ]
    assert kept(place, "SELECT title, released_on FROM albums ORDER BY id") == [
        ("Album a", date(1984, 5, 6)),
        ("Album b", date(1999, 1, 1)),
    ]
    assert kept(place, "SELECT name, parent FROM genres ORDER BY name") == [
        ("art rock", "rock"),
        ("rock", None),
    ]
    assert report.lines() == [
        "spotify: 1 artists, 2 albums, 2 songs, 2 genres, 3 rows",
        "  new in the catalog: 1 artists, 2 albums, 2 songs, 2 genres",
        "  completed there:    nothing",
        "  accepted             2 songs",
        "  duplicate            1",
        "  refused              0",
    ]


def test_artists_of_a_name_known_here_are_named_and_others_added(place: Place, tmp_path: Path) -> None:
    songs_file(tmp_path, song("s", artist="Björk"), song("t", artist="Mark"), song("u", artist="Owned"))
    brought_in(place, tmp_path)
    with postgres.connection(place.catalog) as db:
        db.execute("INSERT INTO users (display_name) VALUES ('ann')")
        db.execute("UPDATE artists SET owner_id = 1 WHERE name = 'Owned'")
    artists_file(
        tmp_path,
        artist(1, "BJÖRK", "IS"),
        artist(2, "Mark", "XW"),
        artist(3, "Mark", "US"),
        artist(4, "Owned", "GB"),
        artist(4, "Owned", "GB"),
    )

    report = brought_in(place, tmp_path / "mb_artists.csv")

    assert kept(
        place,
        "SELECT artist.name, country, right(external_id, 1) FROM artists AS artist LEFT JOIN external_ids AS known "
        "ON known.kind = 'artist' AND known.source = 'musicbrainz' AND known.id = artist.id ORDER BY artist.id",
    ) == [
        ("Björk", "IS", "1"),
        ("Mark", "", "2"),
        ("Owned", "", None),
        ("Mark", "US", "3"),
        ("Owned", "GB", "4"),
    ]
    (only,) = report.parts
    assert (only.accepted, only.duplicate, only.refused.total()) == (4, 1, 0)
    assert (only.made.new["artists"], only.made.completed["artists"]) == (2, 2)


def test_a_catalogue_told_again_changes_nothing(place: Place, tmp_path: Path) -> None:
    songs_file(tmp_path, song("s"), song("t", title="Dusk"))
    artists_file(tmp_path, artist(1, "Band"), artist(2, "Other"))
    first = brought_in(place, tmp_path)
    before = everything(place)

    again = brought_in(place, tmp_path)

    assert everything(place) == before
    assert [report.accepted for report in first.parts] == [2, 2]
    assert [(report.accepted, report.duplicate) for report in again.parts] == [(0, 2), (0, 2)]
    assert [report.made.new.total() + report.made.completed.total() for report in again.parts] == [0, 0]
    assert place.number("SELECT count() FROM songs") == 2


def test_what_a_catalogue_tells_later_completes_a_song_and_changes_nothing_known(
    place: Place, tmp_path: Path
) -> None:
    brought_in(place, songs_file(tmp_path, song("s", title="Dawn", day="", genre=",", length="")))

    report = brought_in(place, songs_file(tmp_path, song("s", title="Other")))

    told = place.writer.query("SELECT title, genre, song_ms, released_on FROM songs FINAL").result_rows
    assert told == [("Dawn", "rock", 200_000, date(1984, 5, 6))]
    assert report.parts[0].made.completed == Counter(genres=0, artists=0, albums=1, songs=1)
    assert (report.parts[0].accepted, report.parts[0].duplicate) == (1, 0)


@pytest.mark.slow
def test_the_real_catalogue_comes_in_once_and_soon(place: Place, data: Path) -> None:
    begun_at = time.perf_counter()
    first = brought_in(place, data / "catalogue")
    took = time.perf_counter() - begun_at

    again = brought_in(place, data / "catalogue")

    songs, artists = first.parts
    print("\n".join([*first.lines(), f"{took:.1f} s"]))
    assert took < 30
    assert songs.made.new == Counter(artists=10_692, albums=22_543, songs=28_352, genres=30)
    assert (songs.accepted, songs.duplicate, songs.refused.total()) == (28_352, 4_476, 5)
    assert artists.made.new["artists"] + artists.made.completed["artists"] == 21_208
    assert [report.accepted for report in again.parts] == [0, 0]
    assert place.number("SELECT count() FROM songs FINAL") == 28_352
    assert kept(place, "SELECT count(*) FROM songs WHERE album_id IS NULL OR released_on IS NULL") == [(0,)]
