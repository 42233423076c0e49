"""The readers, on small files: what they take, what they leave out, and what they refuse whole."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from catalog_api.imports import recognise
from catalog_api.imports.errors import BrokenFile, NothingToImport
from foundation.contracts.history import History
from foundation.ids import hashed_play_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "user\tend_time_utc_minute\tartist\ttrack\tms_played\n"
GOOD = "u1\t2021-12-03 05:31\tKaiit\tMiss Shiney\t188823\n"
SONG = {
    "ts": "2022-02-22T20:46:54Z",
    "ms_played": 219310,
    "master_metadata_track_name": "Bianca",
    "master_metadata_album_artist_name": "BB Bean",
    "master_metadata_album_album_name": "Stratford",
    "spotify_track_uri": "spotify:track:1",
}


def events(folder: Path, rows: str, name: str = "events.tsv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_bytes((header + rows).encode())
    return path


def export(folder: Path, *plays: object, name: str = "endsong_0.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(plays, indent=0))
    return path


def hetrec(folder: Path, rows: str, artists: str = "1\tQueen\tu\tp\n2\tABBA\tu\tp\n") -> Path:
    (folder / "artists.dat").write_text("id\tname\turl\tpictureURL\n" + artists)
    (folder / "user_artists.dat").write_bytes(
        ("userID\tartistID\tweight\n" + rows).replace("\n", "\r\n").encode()
    )
    return folder


def read(path: Path, listener: str | None = None) -> History:
    return recognise.read(path, now=NOW, listener=listener).history


def test_a_play_begins_when_it_ended_less_what_was_played(tmp_path: Path) -> None:
    history = read(events(tmp_path, GOOD))

    play = history.plays.row(0, named=True)
    ended_at = datetime(2021, 12, 3, 5, 31, tzinfo=UTC)
    assert play["started_at"] == ended_at - timedelta(milliseconds=188823)
    assert (play["listener_external_id"], play["song_external_id"]) == ("u1", "Kaiit\tMiss Shiney")
    assert history.songs.row(0, named=True)["title"] == "Miss Shiney"


def test_the_id_of_a_play_is_the_hash_of_what_was_told(tmp_path: Path) -> None:
    history = read(events(tmp_path, GOOD))

    ended_at = datetime(2021, 12, 3, 5, 31, tzinfo=UTC)
    told = ("listening_history", "u1", "2021-12-03T05:31:00Z", "Kaiit", "Miss Shiney", "188823", "0")
    assert history.plays["play_id"].to_list() == [hashed_play_id(ended_at, *told).bytes]


def test_equal_rows_are_several_plays_with_the_same_ids_in_any_order(tmp_path: Path) -> None:
    other = "u1\t2021-12-03 05:31\tKaiit\tMiss Shiney\t5\n"

    one_way = read(events(tmp_path, GOOD + other + GOOD))
    other_way = read(events(tmp_path, other + GOOD + GOOD))

    assert one_way.plays.height == one_way.plays["play_id"].n_unique() == 3
    assert set(one_way.plays["play_id"]) == set(other_way.plays["play_id"])


def test_a_part_of_a_file_has_the_ids_of_the_whole(tmp_path: Path) -> None:
    rows = [f"u1\t2021-12-03 05:{minute:02}\tKaiit\tMiss Shiney\t1000\n" for minute in range(20)]

    whole = read(events(tmp_path, "".join(rows)))
    part = read(events(tmp_path, "".join(rows[12:])))

    assert set(part.plays["play_id"]) < set(whole.plays["play_id"])


def test_bad_rows_are_counted_by_reason_and_good_ones_taken(tmp_path: Path) -> None:
    bad = (
        "u1\t2021-12-03 05:31\t\tNobody\t1\n"
        "u1\t2021-12-03 05:31\tKaiit\t \t1\n"
        "\t2021-12-03 05:31\tKaiit\tA\t1\n"
        "u1\t2021-13-03 05:31\tKaiit\tA\t1\n"
        "u1\t2027-01-01 00:00\tKaiit\tA\t1\n"
        "u1\t1970-01-01 00:00\tKaiit\tA\t1\n"
        "u1\t2021-12-03 05:31\tKaiit\tA\t-1\n"
        "u1\t2021-12-03 05:31\tKaiit\tA\t86400001\n"
        "u1\t2021-12-03 05:31\tKaiit\tA\tlong\n"
        "u1\t2021-12-03 05:31\tKaiit\n"
        "u1\t2021-12-03 05:31\tKaiit\tA\t1\tmore\n"
        f"u1\t2021-12-03 05:31\t{'x' * 1001}\tA\t1\n"
    )

    history = read(events(tmp_path, GOOD * 12 + bad))

    assert history.plays.height == 12
    assert history.refused == Counter(
        {
            "no artist": 1,
            "no song": 1,
            "no listener": 1,
            "end time not understood": 1,
            "end time in the future": 1,
            "end time before 2000": 1,
            "played time negative": 1,
            "played time over a day": 1,
            "played time not a number of milliseconds": 1,
            "wrong number of columns": 2,
            "artist longer than 1,000 bytes": 1,
        }
    )


def test_names_are_unquoted_where_a_writer_had_to_quote_them(tmp_path: Path) -> None:
    rows = 'u1\t2021-12-03 05:31\tDonna Summer\t"Bad Girls - 12"" Version"\t1\nu1\t2021-12-03 05:31\tBowie\t"Heroes"\t1\n'

    history = read(events(tmp_path, rows))

    assert sorted(history.songs["title"]) == ['"Heroes"', 'Bad Girls - 12" Version']


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: the file is empty"),
        (HEADER.encode(), "line 1: there is a header and no row"),
        (
            b"user\tend_time_utc_minute\tartist\tplays\n" + GOOD.encode(),
            "line 1: the header must name .* it lacks track",
        ),
        (
            (HEADER + GOOD).encode() + b"u1\t2021-12-03 05:31\tBey",
            "line 3: the file ends in the middle of a row",
        ),
        ((HEADER + GOOD).encode() + b"u1\t2021-12-03 05:31\tBjork \xf6\tA\t1\n", "line 3: not UTF-8 text"),
        ((HEADER + GOOD).encode() + b"\0\0\0\n", "line 3: a zero byte"),
        ((HEADER + GOOD + 2 * "garbage\n").encode(), "line 3: wrong number of columns; 2 of 3 rows are bad"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "events.tsv"
    path.write_bytes(content)

    with pytest.raises(BrokenFile, match=f"events.tsv, {told}"):
        read(path)


def test_an_export_names_songs_by_their_address_and_keeps_albums(tmp_path: Path) -> None:
    history = read(export(tmp_path, SONG | {"conn_country": "NZ", "offline_timestamp": 0, "username": "me"}))

    assert history.songs.row(0, named=True)["external_id"] == "spotify:track:1"
    assert history.songs.row(0, named=True)["album"] == "Stratford"
    assert history.listeners.row(0) == ("me", "NZ")
    assert history.plays.row(0, named=True)["started_at"] == datetime(
        2022, 2, 22, 20, 43, 14, 690000, tzinfo=UTC
    )


def test_podcasts_and_fields_of_a_wrong_type_are_bad_rows(tmp_path: Path) -> None:
    podcast = {"ts": SONG["ts"], "ms_played": 1, "episode_name": "News", "master_metadata_track_name": None}
    wrong = SONG | {"ms_played": "long"}

    history = read(export(tmp_path, SONG, SONG, podcast, wrong, SONG | {"ts": 5}, SONG))

    assert history.plays.height == 3
    assert history.refused == Counter(
        {"not music": 1, "played time not a number of milliseconds": 1, "end time not understood": 1}
    )


def test_the_listener_of_an_export_is_named_by_the_file_else_by_us(tmp_path: Path) -> None:
    path = export(tmp_path, SONG)

    unnamed, named = read(path), read(path, listener="ann")

    assert unnamed.listeners["external_id"].to_list() == ["me"]
    assert named.listeners["external_id"].to_list() == ["ann"]


def test_an_export_without_names_is_of_one_listener_however_its_files_are_called(tmp_path: Path) -> None:
    folder = tmp_path / "my_data"
    folder.mkdir()
    first = export(folder, SONG, SONG, name="endsong_0.json")
    second = export(folder, SONG | {"ms_played": 7}, name="endsong_1.json")
    copy = first.with_name("copy of endsong.json")
    copy.write_bytes(first.read_bytes())

    whole, parts, copied = read(folder), [read(first), read(second)], read(copy)

    assert [told.listeners["external_id"].to_list() for told in (whole, *parts, copied)] == [["me"]] * 4
    assert set(whole.plays["play_id"]) == {play_id for part in parts for play_id in part.plays["play_id"]}
    assert set(copied.plays["play_id"]) == set(parts[0].plays["play_id"])


@pytest.mark.parametrize(("songs", "podcasts"), [(1, 9), (0, 3)])
def test_podcasts_do_not_make_an_export_broken(tmp_path: Path, songs: int, podcasts: int) -> None:
    podcast = {"ts": SONG["ts"], "ms_played": 1, "episode_name": "News"}

    history = read(export(tmp_path, *[podcast] * podcasts, *[SONG] * songs))

    assert (history.plays.height, history.listeners.height) == (songs, min(songs, 1))
    assert history.refused == Counter({"not music": podcasts})


def test_a_list_of_anything_else_is_no_export_of_podcasts(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match="2 of 2 rows are bad"):
        read(export(tmp_path, {"name": "x"}, {"name": "y"}))


def test_a_folder_of_exports_is_one_import_in_which_a_copied_file_adds_no_ids(tmp_path: Path) -> None:
    export(tmp_path, SONG, SONG, name="endsong_0.json")
    export(tmp_path, SONG, SONG, name="endsong_1.json")
    export(tmp_path, SONG | {"ms_played": 7}, name="Streaming_History_Audio_2022.json")

    history = read(tmp_path, listener="ann")

    assert (history.plays.height, history.plays["play_id"].n_unique()) == (5, 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "line 1: the list is empty"),
        ('[\n{"ts": "2022-02-22T20:46:54Z",\n"ms_pl', "line 3: no valid JSON"),
        ('[\n{"ts": }]', "line 2: no valid JSON"),
        ("[1, 2]", "line 1: this is no list of plays"),
        ('[{"reason": ' + "[" * 100_000 + "]" * 100_000 + "}]", "line 1: .* nested too deeply"),
        ('[\n{"ts": 1},\n\n{"ts": 2}]', "line 2: no artist; 2 of 2 rows are bad"),
    ],
)
def test_a_broken_export_is_refused_with_its_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "endsong_0.json"
    path.write_text(content.replace('"ts": 1', '"ms_played": 1, "master_metadata_track_name": "x"'))

    with pytest.raises(BrokenFile, match=f"endsong_0.json, {told}"):
        read(path)


def test_counts_keep_names_and_an_artist_stands_in_as_a_song(tmp_path: Path) -> None:
    history = read(hetrec(tmp_path, "7\t1\t13\n7\t2\t5\n8\t9\t4000000\n"))

    songs = {row["external_id"]: row["title"] for row in history.songs.to_dicts()}
    assert songs == {"1": "Queen", "2": "ABBA", "9": "Unknown artist 9"}
    assert history.counts.rows() == [("7", "1", 13), ("7", "2", 5), ("8", "9", 4000000)]
    assert history.plays.is_empty()


def test_bad_counts_are_refused_row_by_row(tmp_path: Path) -> None:
    history = read(
        hetrec(tmp_path, "7\t1\t13\n7\t2\t5\n8\t2\t5\n8\t1\t1\n7\t1\t14\n7\tx\t1\n9\t1\t-4\n9\t2\t0\n")
    )

    assert history.counts.height == 4
    assert history.refused == Counter(
        {
            "listener and artist told before": 1,
            "artist id not a number": 1,
            "plays negative": 1,
            "no plays": 1,
        }
    )


def test_the_genre_is_the_tag_most_listeners_gave_unless_it_tells_of_them(tmp_path: Path) -> None:
    hetrec(tmp_path, "7\t1\t13\n")
    (tmp_path / "tags.dat").write_bytes(
        "tagID\ttagValue\r\n1\tseen live\r\n2\ttropicália\r\n3\trock\r\n".encode("latin-1")
    )
    (tmp_path / "user_taggedartists.dat").write_text(
        "userID\tartistID\ttagID\tday\tmonth\tyear\n"
        + "".join(
            f"{user}\t1\t{tag}\t1\t4\t2009\n"
            for user, tag in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 3)]
        )
    )

    history = read(tmp_path)

    assert history.songs["genre"].to_list() == ["tropicália", ""]


def test_what_is_nothing_we_know_is_told_what_we_can_read(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")

    with pytest.raises(NothingToImport, match="Segue reads\n"):
        read(tmp_path / "photo.jpg")
    with pytest.raises(NothingToImport, match="Segue reads\n"):
        read(tmp_path)
    with pytest.raises(NothingToImport, match="no such file or folder"):
        read(tmp_path / "missing")


def test_a_folder_of_two_kinds_asks_which(tmp_path: Path) -> None:
    events(tmp_path, GOOD)
    export(tmp_path, SONG)

    with pytest.raises(NothingToImport, match="more than one thing to import"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, ""),
        ({"reason_end": "trackdone", "skipped": True}, "finished"),
        ({"reason_end": "fwdbtn", "skipped": False}, "skipped"),
        ({"reason_end": "unexpected-exit"}, "stopped"),
        ({"reason_end": "none", "skipped": True}, "skipped"),
        ({"reason_end": 7, "skipped": "fwdbtn"}, ""),
    ],
)
def test_an_export_tells_why_a_play_ended(tmp_path: Path, told: dict[str, object], reason: str) -> None:
    history = read(export(tmp_path, SONG | told))

    assert history.plays["reason"].to_list() == [reason]


def test_plays_of_a_private_session_stay_private(tmp_path: Path) -> None:
    history = read(export(tmp_path, SONG, SONG | {"ms_played": 1, "incognito_mode": True}))

    assert history.plays.sort("played_ms")["is_private"].to_list() == [True, False]
    assert history.notes == ("1 plays are of private sessions: they count for the songs alone",)


@pytest.mark.slow
def test_the_real_tables_are_read_whole(data: Path) -> None:
    plays = read(data / "listening_history" / "events.tsv")
    exported = read(data / "listening_history" / "endsong_0.json")
    counts = read(data / "lastfm_hetrec")

    assert (plays.plays.height, plays.plays["play_id"].n_unique()) == (91_522, 91_522)
    assert plays.plays.filter(pl.col("played_ms") < 30_000).height == 28_908
    assert exported.plays.height + exported.refused.total() == 1_821
    assert (counts.listeners.height, counts.counts.height) == (1_892, 74_294)
    assert (counts.counts["plays"].sum(), plays.refused.total() + counts.refused.total()) == (54_864_943, 0)
