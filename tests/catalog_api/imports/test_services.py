"""The readers of what music services hand out: account data, scrobbles as CSV, listens as JSON, playlists, and zips of them."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from catalog_api.imports import history as histories
from catalog_api.imports import recognise, scrobbles
from catalog_api.imports.errors import BrokenFile, NothingToImport
from foundation.contracts.history import History
from foundation.ids import hashed_play_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AT = datetime(2023, 11, 29, 15, 4, tzinfo=UTC)
SECONDS = int(AT.timestamp())
NAMED = "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"
PLAY = {"endTime": "2022-11-20 21:37", "artistName": "Kaiit", "trackName": "Miss Shiney", "msPlayed": 188823}


def read(path: Path, listener: str | None = None) -> History:
    told = recognise.read(path, now=NOW, listener=listener).history
    assert isinstance(told, History)
    histories.check(told)
    return told


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def listen(
    at: object = SECONDS, artist: object = "Kaiit", track: object = "Miss Shiney", **beside: object
) -> str:
    metadata = {"artist_name": artist, "track_name": track, "release_name": "Live", "additional_info": beside}
    return json.dumps({"listened_at": at, "track_metadata": metadata}) + "\n"


def zipped(path: Path, files: dict[str, str]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["StreamingHistory0.json", "StreamingHistory_music_3.json", "renamed.json"])
def test_account_data_tells_plays_by_their_end(tmp_path: Path, name: str) -> None:
    history = read(written(tmp_path / name, json.dumps([PLAY], indent=1)), listener="ann")

    play = history.plays.row(0, named=True)
    assert history.source == "streaming_history"
    assert play["started_at"] == datetime(2022, 11, 20, 21, 37, tzinfo=UTC) - timedelta(milliseconds=188823)
    assert (play["listener_external_id"], play["song_external_id"]) == ("ann", "Kaiit\tMiss Shiney")
    assert history.notes == ()


def test_podcasts_and_what_the_service_does_not_name_are_left_out_of_account_data(tmp_path: Path) -> None:
    podcast = {"endTime": "2022-11-20 21:37", "podcastName": "P", "episodeName": "E", "msPlayed": 1}
    unknown = PLAY | {"artistName": "Unknown Artist", "trackName": "Unknown Track"}
    bad = [PLAY | {"msPlayed": "long"}, PLAY | {"endTime": "2022-11-20T21:37:00Z"}]
    path = written(tmp_path / "StreamingHistory0.json", json.dumps([PLAY, PLAY, podcast, unknown, *bad]))

    history = read(path)

    assert history.plays.height == 2
    assert history.refused == Counter(
        {
            "not music": 1,
            "not named by the service": 1,
            "end time not understood": 1,
            "played time not a number of milliseconds": 1,
        }
    )


def test_scrobbles_are_listens_of_thirty_seconds_and_it_is_said_so(tmp_path: Path) -> None:
    row = f'"{SECONDS}","29 Nov 2023, 15:04","Kaiit","","Live, 2019","","Miss ""Shiney""",""\n'

    history = read(written(tmp_path / "recenttracks-ann-1.csv", NAMED + row))

    play, song = history.plays.row(0, named=True), history.songs.row(0, named=True)
    assert (play["started_at"], play["played_ms"], history.source) == (AT, 30_000, "lastfm")
    assert (song["title"], song["album"], song["song_ms"]) == ('Miss "Shiney"', "Live, 2019", None)
    assert history.notes == (scrobbles.NOTE,)


def test_scrobbles_without_a_header_are_the_same_listens(tmp_path: Path) -> None:
    rows = 'Kaiit,Live,Miss Shiney,29 Nov 2023 15:04\n"Zoé, duo",,Miel,"29 Nov 2023, 15:09"\n'
    named = f'{SECONDS},,Kaiit,,Live,,Miss Shiney,\n{SECONDS + 300},,"Zoé, duo",,,,Miel,\n'

    unnamed = read(written(tmp_path / "scrobbles.csv", rows))
    again = read(written(tmp_path / "named.csv", NAMED + named))

    assert unnamed.plays.sort("play_id").equals(again.plays.sort("play_id"))
    assert unnamed.songs["title"].to_list() == ["Miss Shiney", "Miel"]


def test_the_id_of_a_scrobble_is_made_of_source_listener_time_artist_and_title(tmp_path: Path) -> None:
    path = written(tmp_path / "listens.jsonl", listen(duration_ms=188_000) + listen(duration=12) + listen())

    history = read(path, listener="ann")

    told = hashed_play_id(AT, "listenbrainz", "ann", "2023-11-29T15:04:00Z", "Kaiit", "Miss Shiney").bytes
    assert set(history.plays["play_id"]) == {told}


def test_bad_scrobbles_are_counted_by_reason(tmp_path: Path) -> None:
    good = f"{SECONDS},,Kaiit,,,,Miss Shiney,\n"
    bad = (
        ",,Kaiit,,,,Playing now,\n"
        f"{SECONDS},,,,,,Nobody,\n"
        f"{SECONDS},,Kaiit,,,, ,\n"
        "0,,Kaiit,,,,Unset clock,\n"
        "1900000000,,Kaiit,,,,Later,\n"
        "soon,,Kaiit,,,,Then,\n"
        f"{SECONDS},,Kaiit\n"
    )

    history = read(written(tmp_path / "scrobbles.csv", NAMED + good * 6 + bad))

    assert history.refused == Counter(
        {
            scrobbles.NO_TIME: 1,
            "no artist": 1,
            "no song": 1,
            "time before 2002": 1,
            "time in the future": 1,
            "time not understood": 1,
            "wrong number of columns": 1,
        }
    )


@pytest.mark.parametrize(
    ("beside", "song_ms", "played_ms"),
    [
        ({}, None, 30_000),
        ({"duration_ms": 188_823}, 188_823, 188_823),
        ({"duration_ms": "188823"}, 188_823, 188_823),
        ({"duration": 188.5}, 188_500, 188_500),
        ({"duration_ms": 0}, None, 30_000),
        ({"duration_ms": 188_823, "duration_played": 95}, 188_823, 95_000),
        ({"duration_ms": 188_823, "duration_played": 2}, 188_823, 188_823),
        ({"duration_ms": 10**12}, None, 30_000),
        ({"duration_ms": ["x"], "tags": [{"deep": 1}]}, None, 30_000),
    ],
)
def test_a_listen_is_as_long_as_its_song_where_that_is_told(
    tmp_path: Path, beside: dict[str, object], song_ms: int | None, played_ms: int
) -> None:
    history = read(written(tmp_path / "listens.jsonl", listen(**beside)))

    assert history.songs.item(0, "song_ms") == song_ms
    assert history.plays.select("started_at", "played_ms").row(0) == (AT, played_ms)


def test_listens_come_as_lines_as_a_list_as_a_folder_and_as_a_zip(tmp_path: Path) -> None:
    first, second = listen(), listen(SECONDS + 300, track="Miel")
    files = {"user.json": "{}", "listens/2023/11.jsonl": first, "listens/2024/1.jsonl": second + "\n"}
    for name, content in files.items():
        written(tmp_path / "folder" / name, content)

    told = [
        read(written(tmp_path / "lines.json", first + "\n" + second)),
        read(written(tmp_path / "list.json", f"[{first},{second}]")),
        read(tmp_path / "folder"),
        read(zipped(tmp_path / "listenbrainz_ann_1.zip", files | {"feedback.jsonl": "{}"})),
    ]

    assert {history.source for history in told} == {"listenbrainz"}
    assert len({frozenset(history.plays["play_id"]) for history in told}) == 1
    assert [history.plays.height for history in told] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (listen() + '{"listened_at": 1, "track_meta', "line 2: no valid JSON"),
        (listen() + "\n" + "7\n", "line 3: this is no listen"),
        (listen() * 2 + "\n\n" + listen(artist="", track=None) * 3, "line 5: no artist; 3 of 5 rows are bad"),
        ("[" + listen() + "," + listen()[:-9], "line 2: no valid JSON"),
        (" \n", "line 1: the file is empty"),
    ],
)
def test_broken_listens_are_refused_with_their_line(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(BrokenFile, match=told):
        read(written(tmp_path / "listens.jsonl", content))


def test_bad_listens_are_counted_and_a_wrong_field_spoils_no_other(tmp_path: Path) -> None:
    bad = listen("soon") + listen(artist=7) + listen(None) + '{"listened_at": 1700000000}\n'

    history = read(written(tmp_path / "listens.jsonl", listen(str(SECONDS)) * 5 + bad))

    assert history.plays.height == 5
    assert history.refused == Counter({"time not understood": 2, "no artist": 2})


def test_the_listener_is_named_by_the_listen_else_by_us(tmp_path: Path) -> None:
    named = json.dumps(json.loads(listen()) | {"user_name": "rob"})

    history = read(written(tmp_path / "listens.jsonl", named + "\n" + listen()), listener="ann")

    assert history.plays["listener_external_id"].to_list() == ["rob", "ann"]


def test_a_playlist_is_history_only_where_its_songs_tell_when_they_were_listened_to(tmp_path: Path) -> None:
    track = {"title": "Miss Shiney", "creator": "Kaiit", "duration": 188_823, "identifier": ["urn:isrc:x"]}
    told = [
        track | {"extension": {"https://musicbrainz.org/doc/jspf#track": {"listened_at": SECONDS}}},
        track | {"extension": {"a": [{"additional_metadata": {"listened_at": "2023-11-29T15:09:00Z"}}]}},
        track | {"listened_at": SECONDS + 600},
    ]

    history = read(written(tmp_path / "listens.jspf", json.dumps({"playlist": {"track": told}})))

    assert history.plays["started_at"].to_list() == [
        AT + timedelta(minutes=minutes) for minutes in (0, 5, 10)
    ]
    assert set(history.plays["played_ms"]) == {188_823}
    with pytest.raises(NothingToImport, match=r"a playlist of 2 songs .* POST /api/v1/playlists/import"):
        read(written(tmp_path / "mix.json", json.dumps({"playlist": {"track": [track, track]}})))
    with pytest.raises(BrokenFile, match="line 1: this is no JSPF"):
        read(written(tmp_path / "broken.jspf", '{"playlist": []}'))


def test_a_zip_of_a_service_is_read_like_its_folder(tmp_path: Path) -> None:
    extended = {
        "ts": "2022-02-22T20:46:54Z",
        "ms_played": 219_310,
        "master_metadata_track_name": "Bianca",
        "master_metadata_album_artist_name": "BB Bean",
        "skipped": None,
        "offline_timestamp": 1572964071330,
        "incognito_mode": False,
    }
    files = {
        "Spotify Extended Streaming History/Streaming_History_Audio_2022_0.json": json.dumps([extended]),
        "Spotify Extended Streaming History/Streaming_History_Video_2022.json": json.dumps([extended]),
        "Spotify Extended Streaming History/ReadMe.pdf": "%PDF",
        "../../Streaming_History_Audio_2023_1.json": json.dumps([extended | {"ts": "2023-01-01T00:00:00Z"}]),
    }

    history = read(zipped(tmp_path / "my_spotify_data.zip", files))

    assert (history.source, history.plays.height) == ("endsong", 2)


def test_a_zip_of_nothing_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", {"listens/2023/11.jsonl": listen() * 50})
    damaged = bytearray(whole.read_bytes())
    damaged[60:70] = b"\xff" * 10
    (tmp_path / "damaged.zip").write_bytes(damaged)

    with pytest.raises(BrokenFile, match=r"damaged\.zip, line 1: this zip is damaged"):
        read(tmp_path / "damaged.zip")
    with pytest.raises(NothingToImport, match=r"photos\.zip holds nothing that Segue can import"):
        read(zipped(tmp_path / "photos.zip", {"photo.jpg": "x"}))
