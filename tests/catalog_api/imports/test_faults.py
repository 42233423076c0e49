"""Imports that are killed, and files that are damaged: nothing is lost, nothing doubled, nothing half done."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_api.imports import history as histories
from catalog_api.imports import recognise
from foundation.contracts.history import History
from foundation.errors import Problem
from tests.catalog_api.imports.conftest import Place

REPOSITORY = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAYS = 20_000
SEED = 20


def a_file_of_plays(folder: Path) -> Path:
    rng = random.Random(SEED)
    path = folder / "events.tsv"
    rows = (
        f"u{rng.randrange(5)}\t2023-{rng.randrange(1, 13):02}-11 {rng.randrange(24):02}:{rng.randrange(60):02}"
        f"\tartist {rng.randrange(40)}\tsong {rng.randrange(20)}\t{rng.choice([1_000, 31_000])}\n"
        for _ in range(PLAYS)
    )
    path.write_text("user\tend_time_utc_minute\tartist\ttrack\tms_played\n" + "".join(rows))
    return path


def a_file_of_listens(folder: Path) -> Path:
    rng = random.Random(SEED)
    path = folder / "listens.jsonl"
    names = (
        {"artist_name": f"artist {rng.randrange(40)}", "track_name": f"song {rng.randrange(20)}"}
        for _ in range(PLAYS)
    )
    rows = ({"listened_at": 1_600_000_000 + 60 * at, "track_metadata": told} for at, told in enumerate(names))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def told_by(place: Place, file: Path, worker: str, until: str | None = None) -> list[str]:
    """What an import in a process of its own says; it is killed at the first line that begins so."""
    module = "tests.catalog_api.imports.in_process"
    told = map(str, [file, place.catalog, place.warehouse_reader, place.folder, worker])
    command = [sys.executable, "-m", module, *told]
    said: list[str] = []
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            said.append(line.strip())
            if until is not None and said[-1].startswith(until):
                process.kill()
    return said


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("a_file", [a_file_of_plays, a_file_of_listens])
def test_an_import_that_is_killed_is_finished_by_the_next(
    place: Place, tmp_path: Path, a_file: Callable[[Path], Path]
) -> None:
    file = a_file(tmp_path)
    steps = ("naming", "importing 5000", "importing 10000")

    with place.shipping():
        killed = [told_by(place, file, f"killed-{at}", step)[-1] for at, step in enumerate(steps)]
        finished = told_by(place, file, "finished")[-1]
        again = told_by(place, file, "again")[-1]

    accepted, duplicate = (int(number) for number in finished.split()[1:])
    assert not any(line.startswith("done") for line in killed)
    assert accepted + duplicate == PLAYS
    assert duplicate >= 15_000  # what the killed ones had told was kept
    assert again == f"done 0 {PLAYS}"
    assert place.number("SELECT count(), uniqExact(play_id) FROM playback_events") == [str(PLAYS)] * 2


TABLE = (
    b"user\tend_time_utc_minute\tartist\ttrack\tms_played\n"
    + b"u1\t2021-12-03 05:31\tKaiit\tMiss \xc3\x98\t188823\n" * 6
)
EXPORT = (
    b'[\n{"ts": "2022-02-22T20:46:54Z", "ms_played": 219310, "master_metadata_track_name": "Bianca",\n'
    b'"master_metadata_album_artist_name": "BB \xc3\x98", "master_metadata_album_album_name": "S \\u00d8",\n'
    b'"spotify_track_uri": "spotify:track:1"},\n{"ts": null}, {"ts": "2022-02-22T20:46:55Z", "ms_played": 1,\n'
    b'"master_metadata_track_name": "B", "master_metadata_album_artist_name": "A"}]'
)

LISTENS = (
    b'{"listened_at": 1700000000, "track_metadata": {"artist_name": "BB \xc3\x98", "track_name": "Bianca"}}\n'
    b'{"listened_at": "1700000300", "track_metadata": {"artist_name": "A", "track_name": "B", "release_name": "C",\t'
    b'"additional_info": {"duration_ms": 219310, "segue_play_id": "019a9f3c-5d20-7c5e-9b7e-2f6d1c0a4e11"}}}\n\n'
) * 2
SCROBBLES = (
    b"uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"
    + b'"1700000000","14 Nov 2023, 22:13","Kaiit","","Live, 2019","","Miss ""\xc3\x98""",""\n' * 4
)
YEARLY = b'[\n{"endTime": "2022-11-20 21:37", "artistName": "Kai\\u00d8", "trackName": "M", "msPlayed": 188823}\n, {}]'
PLAYLIST = b'{"playlist": {"track": [{"title": "A", "creator": "B", "listened_at": 1700000000, "extension": {"x": [{}]}}]}}'


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The bytes with some changed, taken out or put in, or cut off."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 8))] = draw(
            st.binary(max_size=8) | st.sampled_from([b"\t", b"\n", b'"', b"\\ud800"])
        )
    return bytes(content[: draw(st.integers(0, len(content)) | st.just(len(content)))])


def read_or_refused(path: Path) -> History | Problem:
    try:
        return recognise.read(path, now=NOW).history
    except Problem as problem:
        return problem


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("events.tsv", TABLE),
        ("endsong_0.json", EXPORT),
        ("listens.jsonl", LISTENS),
        ("scrobbles.csv", SCROBBLES),
        ("StreamingHistory0.json", YEARLY),
        ("listens.jspf", PLAYLIST),
    ],
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(
    tmp_path: Path, name: str, whole: bytes, content: st.DataObject
) -> None:
    path = tmp_path / name
    path.write_bytes(content.draw(damaged(whole)))

    told = read_or_refused(path)

    if isinstance(told, Problem):
        assert name in told.detail
    else:
        histories.check(told)
        assert told.plays.height + told.refused.total() > 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.data(),
    which=st.sampled_from(["user_artists.dat", "artists.dat", "tags.dat", "user_taggedartists.dat"]),
)
def test_a_damaged_folder_of_counts_is_refused_or_read(
    tmp_path: Path, content: st.DataObject, which: str
) -> None:
    files = {
        "user_artists.dat": b"userID\tartistID\tweight\r\n7\t1\t13\r\n7\t2\t14\r\n8\t2\t15\r\n",
        "artists.dat": b"id\tname\turl\tpictureURL\n1\tQueen\tu\tp\n2\tBj\xc3\xb6rk\tu\tp\n",
        "tags.dat": b"tagID\ttagValue\r\n1\trock\r\n2\tfran\xe7ais\r\n",
        "user_taggedartists.dat": b"userID\tartistID\ttagID\tday\n7\t1\t1\t1\n8\t2\t2\t1\n",
    }
    files[which] = content.draw(damaged(files[which]))
    for name, whole in files.items():
        (tmp_path / name).write_bytes(whole)

    told = read_or_refused(tmp_path)

    if isinstance(told, Problem):
        assert which in told.detail
    else:
        histories.check(told)
