"""Reads what a report is made from, builds it and keeps it: one way for the command, the job and the tests."""

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from foundation.contracts.tables import Songs
from foundation.engines.blobs import Blobs
from models.files import parquet
from pipelines.context import Context, Schema
from pipelines.reports import artists, html, recommendations, retention, trending
from pipelines.reports.report import Report, Stretch
from warehouse.migrate import QUERIES

Name = Literal["trending", "retention", "artists", "recommendations"]
Build = Callable[[Mapping[str, pl.DataFrame], Stretch], Report]
HERE = Path(__file__).parent
FOLDER = "reports"
SONG = Songs.song_id  # the column by which tables name songs


@dataclass(frozen=True, slots=True)
class Kind:
    """How a report is made: the queries with the columns they answer, and what builds it of these."""

    schemas: Mapping[str, Schema]
    build: Build


KINDS: Mapping[Name, Kind] = {
    "trending": Kind(trending.SCHEMAS, trending.build),
    "retention": Kind(retention.SCHEMAS, retention.build),
    "artists": Kind(artists.SCHEMAS, artists.build),
    "recommendations": Kind(recommendations.SCHEMAS, recommendations.build),
}


def made(name: Name, context: Context, stretch: Stretch) -> Report:
    """The report, of listens as they were known at `stretch.as_of`. Raises Unreachable."""
    kind = KINDS[name]
    frames = {
        query: context.frame(_path(query), schema, **stretch.parameters)
        for query, schema in kind.schemas.items()
    }
    return kind.build(frames, stretch)


def files(report: Report) -> dict[str, bytes]:
    """What a report's folder holds, by name: the page, and each table as CSV and Parquet."""
    content = {"index.html": html.page(report).encode()}
    for table in report.tables:
        content[f"{table.name}.csv"] = table.rows.write_csv().encode()
        content[f"{table.name}.parquet"] = parquet(table.rows)
    return content


def keep(report: Report, blobs: Blobs) -> str:
    """Put the report among the blobs, then on the page that lists all; returns the key of its page."""
    folder = f"{FOLDER}/{report.name}/{report.stretch.folder}"
    content = files(report)
    for name in sorted(
        content, key=lambda each: each == "index.html"
    ):  # the page last: what it links to is there
        blobs.put(f"{folder}/{name}", content[name])
    blobs.put(f"{FOLDER}/index.html", html.index(kept(blobs)).encode())
    return f"{folder}/index.html"


def naming(blobs: Blobs, songs: Collection[int]) -> dict[str, int]:
    """The folders of reports that name one of these songs, and in how many rows of their tables."""
    found: dict[str, int] = {}
    if songs:
        for key in blobs.keys(FOLDER):
            if key.endswith(".parquet"):
                rows = pl.read_parquet(io.BytesIO(blobs.read(key)))
                if SONG in rows.columns and (count := int(rows[SONG].is_in(list(songs)).sum())):
                    folder = key.rpartition("/")[0]
                    found[folder] = found.get(folder, 0) + count
    return found


def remove(folder: str, blobs: Blobs) -> None:
    """Forget a report: made again, it is of what there is then."""
    blobs.delete(folder)
    blobs.put(f"{FOLDER}/index.html", html.index(kept(blobs)).encode())


def kept(blobs: Blobs) -> dict[str, list[str]]:
    """The folders of each report that have a page, the newest first."""
    pages = [
        key.split("/")[1:3]
        for key in blobs.keys(FOLDER)
        if key.count("/") == 3 and key.endswith("/index.html")
    ]
    return {name: sorted((folder for of, folder in pages if of == name), reverse=True) for name in KINDS}


def _path(query: str) -> Path:
    """A query of reports alone, or one that the API asks as well."""
    own = HERE / f"{query}.sql"
    return own if own.exists() else QUERIES / f"{query}.sql"
