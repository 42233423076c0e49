"""How fast a history is read and previewed, beside what cannot be done without: `python -m bench.imports`.

Made-up histories of one listener in the forms of four services. Read: from the file to judged rows with their ids, beside
json.loads of the same bytes. Previewed: against a catalog of as many songs, every tenth title misspelt.
`bench.events` measures the import.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from catalog_api.imports import recognise
from catalog_api.imports.matching.preview import preview
from cli.imports import import_with_progress
from cli.running import running
from foundation.clock import utc_now
from foundation.contracts.history import History
from foundation.engines.clickhouse import open_clickhouse_reader
from foundation.settings import Settings

SONGS, ARTISTS = 20_000, 4_000
PARTS = ("read", "preview")
Rows = list[tuple[int, str, str, str, int]]  # seconds since 1970, artist, title, album, milliseconds


def rows(number: int, rng: np.random.Generator) -> Rows:
    """Listens some minutes apart, until yesterday; few songs are heard often, as in life."""
    until = int((utc_now() - timedelta(days=1)).timestamp())
    moments = until - np.cumsum(rng.integers(100, 300, number))[::-1]
    songs = np.minimum(rng.zipf(1.3, number), SONGS)
    lengths = rng.integers(31_000, 300_000, number)
    return [
        (moment, f"Artist {song % ARTISTS}", f"Song of number {song}", f"Album {song // 12}", length)
        for moment, song, length in zip(moments.tolist(), songs.tolist(), lengths.tolist(), strict=True)
    ]


def extended(folder: Path, told: Rows) -> Path:
    """As Streaming_History_Audio_*.json, all of whose fields are there."""
    path = folder / "Streaming_History_Audio_0.json"
    plays = [
        {
            "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
            "platform": "android",
            "ms_played": length,
            "conn_country": "NZ",
            "ip_addr": "192.0.2.1",
            "master_metadata_track_name": title,
            "master_metadata_album_artist_name": artist,
            "master_metadata_album_album_name": album,
            "spotify_track_uri": f"spotify:track:{title.rpartition(' ')[2]:>022}",
            "episode_name": None,
            "episode_show_name": None,
            "spotify_episode_uri": None,
            "reason_start": "trackdone",
            "reason_end": "trackdone",
            "shuffle": False,
            "skipped": False,
            "offline": False,
            "offline_timestamp": moment,
            "incognito_mode": False,
        }
        for moment, artist, title, album, length in told
    ]
    path.write_text(json.dumps(plays, indent=2))
    return path


def yearly(folder: Path, told: Rows) -> Path:
    """As StreamingHistory_music_*.json."""
    path = folder / "StreamingHistory_music_0.json"
    plays = [
        {
            "endTime": time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment)),
            "artistName": artist,
            "trackName": title,
            "msPlayed": length,
        }
        for moment, artist, title, _, length in told
    ]
    path.write_text(json.dumps(plays, indent=2))
    return path


def listens(folder: Path, told: Rows) -> Path:
    """As ListenBrainz's lines."""
    path = folder / "listens.jsonl"
    with path.open("w") as file:
        for moment, artist, title, album, length in told:
            beside = {"duration_ms": length, "music_service": "spotify.com", "tracknumber": 1}
            names = {
                "artist_name": artist,
                "track_name": title,
                "release_name": album,
                "additional_info": beside,
            }
            file.write(json.dumps({"listened_at": moment, "track_metadata": names}) + "\n")
    return path


def scrobbles(folder: Path, told: Rows) -> Path:
    """As Last.fm's CSV with a header."""
    path = folder / "scrobbles.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(
            ["uts", "utc_time", "artist", "artist_mbid", "album", "album_mbid", "track", "track_mbid"]
        )
        writer.writerows(
            [moment, "", artist, "", album, "", title, ""] for moment, artist, title, album, _ in told
        )
    return path


MAKERS: tuple[Callable[[Path, Rows], Path], ...] = (extended, yearly, listens, scrobbles)


def reading(folder: Path, told: Rows) -> Table:
    """Each form, from the file to a history."""
    table = Table(title=f"{len(told):,} rows read, judged, and given their ids")
    for column in ("form", "bytes a row", "rows/s", "CPU µs a row", "parsed alone, rows/s", "÷ that by CPU"):
        table.add_column(column, justify="right")
    for make in MAKERS:
        path = make(folder, told)
        bare = min(_timed(partial(_parsed, path)) for _ in range(3))
        took = min(_timed(partial(recognise.read, path, now=utc_now())) for _ in range(3))
        table.add_row(
            path.name,
            f"{path.stat().st_size / len(told):.0f}",
            f"{len(told) / took.wall:,.0f}",
            f"{took.cpu / len(told) * 1e6:.1f}",
            f"{len(told) / bare.wall:,.0f}",
            f"{bare.cpu / took.cpu:.2f}",
        )
    return table


def _parsed(path: Path) -> None:
    """What everybody must do at least: the standard library's parser over the same file."""
    with path.open(newline="") as file:
        if path.suffix == ".csv":
            list(csv.reader(file))
        elif path.suffix == ".jsonl":
            [json.loads(line) for line in file]
        else:
            json.load(file)


def previewing(connected: Settings, folder: Path, number: int, rng: np.random.Generator) -> Table:
    """A history of as many songs as rows against a catalog of as many, which another source told before."""
    names = [f"{_word(rng)} {_word(rng)} {at}" for at in range(number)]
    artists = [f"{_word(rng)} {_word(rng)}" for _ in range(number // 5)]
    told = [
        (1_600_000_000 + 200 * at, artists[at % len(artists)], name, "", 60_000)
        for at, name in enumerate(names)
    ]
    import_with_progress(connected, _history(yearly(folder, told)))
    misspelt = [
        (moment, artist, title.replace("a", "", 1) if at % 10 == 0 else title, album, length)
        for at, (moment, artist, title, album, length) in enumerate(told)
    ]
    history = _history(scrobbles(folder, misspelt))
    table = Table(title=f"{number:,} songs previewed against {number:,} in the catalog")
    for column in ("seconds", "same names", "alike", "near", "new"):
        table.add_column(column, justify="right")
    with closing(open_clickhouse_reader(connected.engines.clickhouse_reader)) as warehouse:
        began = time.perf_counter()
        shown = preview(history, connected.engines.postgres, warehouse, 0.8)
        took = time.perf_counter() - began
    table.add_row(f"{took:.1f}", *(f"{shown.rows[how][0]:,}" for how in ("exact", "alike", "near", "new")))
    return table


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list("abcdefghijklmnoprstuvw"), size=rng.integers(4, 10)))


def _history(path: Path) -> History:
    told = recognise.read(path, now=utc_now()).history
    if not isinstance(told, History):
        raise TypeError(f"{path} is no history")
    return told


class Took(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


def _timed(work: Callable[[], object]) -> Took:
    began, worked = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - began, time.process_time() - worked)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one of the parts (all)")
    parser.add_argument(
        "--rows", type=int, default=200_000, help="of the histories that are read and imported"
    )
    parser.add_argument("--songs", type=int, default=100_000, help="that are previewed")
    given = parser.parse_args()
    parts = [given.only] if given.only else PARTS
    rng = np.random.default_rng(1)
    console = Console(width=132)
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as made:
        folder = Path(made)
        told = rows(given.rows, rng)
        if "read" in parts:
            console.print(reading(folder, told))
        if "preview" in parts:
            with running(Settings(SEGUE_HOME=folder / "home")) as connected:
                console.print(previewing(connected, folder, given.songs, rng))


if __name__ == "__main__":
    main()
