"""A history that is exported and brought in again: elsewhere the same listens, here nothing new; and imports into an account."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog_api.history.export import HistoryExport
from catalog_api.history.sink import HistorySink
from catalog_api.imports import recognise
from catalog_api.imports.errors import NothingToImport
from catalog_api.imports.report import ImportReport
from catalog_api.imports.service import PLAIN, Asked
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.migrate import migrate
from event_log.clickhouse import ClickHouseSink
from foundation.contracts.events import PlaybackEvent
from foundation.contracts.history import History
from foundation.engines import postgres
from foundation.engines.postgres import open_postgres
from foundation.ids import UserId
from tests.catalog_api.imports.conftest import Place
from tests.catalog_api.world import NOW, settle, town
from tests.event_log.plays import make_play
from warehouse.checking import correct

pytestmark = pytest.mark.anyio
ANN = UserId(1)


def plays() -> list[PlaybackEvent]:
    """Ann's, of both songs, some in the same millisecond, some years ago, one too short."""
    moments = [
        NOW - timedelta(days=400),
        NOW - timedelta(days=3, microseconds=-123_000),
        NOW - timedelta(hours=2),
    ]
    told = [
        make_play(listener_id=ANN, song_id=1 + at % 2, started_at=moments[at % 3], played_ms=31_000 + at)
        for at in range(7)
    ]
    return [*told, make_play(listener_id=ANN, song_id=1, started_at=moments[0], played_ms=10)]


def listened(catalog: str, told: Sequence[PlaybackEvent]) -> None:
    sink = HistorySink(catalog, lambda: NOW)
    sink.apply(["a-1"], told)
    sink.close()


async def exported(catalog: str, path: Path) -> Path:
    connected = open_postgres(catalog, connections=1)
    pieces = [piece async for piece in HistoryExport(connected).pieces_of(ANN, NOW)]
    await connected.close()
    return written(path, b"".join(pieces))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def brought_in(place: Place, path: Path, asked: Asked = PLAIN) -> ImportReport:
    told = recognise.read(path, now=NOW, account=asked.account).history
    assert isinstance(told, History)
    with place.shipping(), place.importer() as importer:
        return importer.import_history(told, asked)


def listens_of(place: Place) -> set[tuple[Any, ...]]:
    asked = (
        "SELECT toString(play_id), toUnixTimestamp64Milli(listened_at), played_ms, title, artist, album FROM listens "
        "JOIN (SELECT song_id, title, artist, album FROM songs FINAL) AS songs USING (song_id)"
    )
    return {tuple(row) for row in place.writer.query(asked).result_rows}


async def test_what_is_exported_is_the_same_listens_in_an_empty_platform(
    place: Place, empty_database: str, tmp_path: Path
) -> None:
    migrate(empty_database)
    settle(empty_database, town())
    *told, short = plays()
    listened(empty_database, [*told, short])

    report = brought_in(place, await exported(empty_database, tmp_path / "history.jsonl"))

    names = {1: ("Bohemian Rhapsody", "Queen", "A Night at the Opera"), 2: ("Unfinished", "Queen", "")}
    assert (report.accepted, report.duplicate, report.refused.total()) == (7, 0, 0)
    assert report.notes == ()  # how long each was played is told
    assert listens_of(place) == {
        (str(play.play_id), int(play.started_at.timestamp() * 1000), play.played_ms, *names[play.song_id])
        for play in told
    }


async def test_what_is_exported_is_nothing_new_where_it_came_from(place: Place, tmp_path: Path) -> None:
    settle(place.catalog, town())
    told = plays()
    listened(place.catalog, told)
    ClickHouseSink(lambda: place.writer, tmp_path, correct).apply(["a-1"], told)
    path = await exported(place.catalog, tmp_path / "history.jsonl")

    soon = brought_in(place, path, Asked(account=ANN))
    place.writer.command("TRUNCATE TABLE seen")  # as after the weeks for which it is kept
    later = brought_in(place, path, Asked(account=ANN))

    assert [(report.accepted, report.duplicate) for report in (soon, later)] == [(0, 7)] * 2
    assert place.number("SELECT count() FROM listens") == 7


def spotify(folder: Path, username: str | None) -> Path:
    path = folder / "endsong_0.json"
    names = {"master_metadata_track_name": "Bianca", "master_metadata_album_artist_name": "BB Bean"}
    path.write_text(
        json.dumps([{"ts": "2022-02-22T20:46:54Z", "ms_played": 90_000, "username": username} | names])
    )
    return path


@pytest.mark.parametrize("username", [None, "rob"])
async def test_an_account_takes_a_history_whomever_its_file_names(
    place: Place, tmp_path: Path, username: str | None
) -> None:
    settle(place.catalog, town())

    first, again = (brought_in(place, spotify(tmp_path, username), Asked(account=ANN)) for _ in range(2))

    assert (first.accepted, again.accepted) == (1, 0)
    assert place.number("SELECT listener_id FROM listens") == ANN
    with postgres.connection(place.catalog) as db:
        assert db.execute("SELECT count(*) FROM users").fetchone() == (1,)


async def test_nobody_takes_the_history_of_several_and_no_account_that_is_not_there(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "events.tsv").write_text(
        "user\tend_time_utc_minute\tartist\ttrack\tms_played\nu1\t2021-12-03 05:31\tA\tB\t188823\n"
    )

    with pytest.raises(NothingToImport, match="not the history of one person"):
        brought_in(place, tmp_path / "events.tsv", Asked(account=ANN))
    with pytest.raises(ListenerNotFound):
        brought_in(place, spotify(tmp_path, None), Asked(account=UserId(77)))
