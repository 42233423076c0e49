"""A listener with a small catalog, files of history, and the worker that does what was asked for."""

import io
import json
import sys
import threading
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog_api.history_imports.files import Files
from catalog_api.history_imports.working import HistoryImportWorker
from foundation.engines import postgres
from foundation.engines.blobs import open_blobs
from foundation.settings import Settings, child_environment
from tests.catalog_api.api import SECRET, Api, people
from tests.catalog_api.imports.conftest import Place, place

__all__ = ["place"]

SPRING = datetime(2024, 3, 1, 12, tzinfo=UTC)
COMMAND = (sys.executable, "-m", "cli.history_import")


def play(minute: int, title: str = "Innuendo", artist: str = "Queen", ms: int = 200_000) -> dict[str, Any]:
    """A play as the extended history of a streaming service tells it."""
    ended_at = SPRING + timedelta(minutes=minute)
    return {
        "ts": f"{ended_at:%Y-%m-%dT%H:%M:%SZ}",
        "ms_played": ms,
        "master_metadata_track_name": title,
        "master_metadata_album_artist_name": artist,
        "reason_end": "trackdone",
    }


def export(plays: Sequence[dict[str, Any]]) -> bytes:
    """The file of such plays, one a line so that a line can be wrong."""
    return ("[" + ",\n".join(json.dumps(each) for each in plays) + "]").encode()


def zipped(**files: bytes) -> bytes:
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"MyData/{name}.json", data)
    return told.getvalue()


@dataclass
class Listening:
    """Ann, her client, and who does what she asks for."""

    api: Api
    place: Place
    ann: int
    client: httpx.AsyncClient
    worker: HistoryImportWorker

    async def send(self, data: bytes, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return await self.client.post("/me/history/import", content=data, params=query, headers=headers or {})

    async def told(self, sent: httpx.Response) -> dict[str, Any]:
        """What is told of an import now."""
        assert sent.status_code == 202, sent.text
        answer = await self.client.get(sent.headers["location"].removeprefix("/api/v1"))
        told: dict[str, Any] = answer.json()
        return told

    def work(self, looks: int = 1) -> None:
        """Let the worker look, with the log being shipped meanwhile."""
        with postgres.connection(self.place.catalog) as db, self.place.shipping():
            for _ in range(looks):
                self.worker.look(db, threading.Event())

    @property
    def kept(self) -> list[Path]:
        """The files that were sent and are there still."""
        return [path for path in (self.api.folder / "blobs" / "history_imports").glob("*") if path.is_file()]

    def listens(self) -> int:
        """How many listens of hers the warehouse has."""
        return int(self.place.number(f"SELECT count() FROM listens WHERE listener_id = {self.ann}"))  # noqa: S608


@pytest.fixture
def listening(api: Api, place: Place) -> Listening:
    (ann,) = people(api.catalog, "ann")
    api.sql("INSERT INTO artists (name) VALUES ('Queen'), ('Beyoncé')")
    api.sql(
        "INSERT INTO songs (artist_id, title, duration_ms) VALUES (1, 'Innuendo', 394000), (1, 'Killer Queen', 180000), "
        "(2, 'Halo (Single Version)', 261000)"
    )
    urls = {
        "postgres": api.catalog,
        "clickhouse": place.warehouse,
        "clickhouse_reader": place.warehouse_reader,
        "redis": "redis://127.0.0.1:9",  # an import needs none
        "blobs": f"file://{api.folder}/blobs",
    }
    environment = {
        **child_environment(Settings(SEGUE_HOME=api.folder)),
        **{f"SEGUE__ENGINES__{name.upper()}": url for name, url in urls.items()},
        "SEGUE__TOKENS__SECRET": SECRET,
        "SEGUE__IMPORTS__BIGGEST_UNPACKED": str(2**20),
    }
    files = Files(open_blobs(urls["blobs"]))
    pause = timedelta(milliseconds=50)
    worker = HistoryImportWorker(api.catalog, files, COMMAND, environment, api.folder / "work", pause=pause)
    return Listening(api, place, ann, api.as_(ann), worker)
