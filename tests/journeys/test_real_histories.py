"""Histories of real people come in whole, and every report runs on them."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.journeys.conftest import Platform

YEAR = 2021

pytestmark = pytest.mark.slow


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path / "home")
    try:
        platform.segue("up", "--detach", "--port", "0")
        yield platform
    finally:
        platform.segue("down")


@pytest.fixture
def histories(data: Path) -> Path:
    return data / "listening_history"


def listens_of(year: int, histories: Path) -> int:
    """Counted from the file itself: how many plays that began in the year lasted 30 s."""
    played = pl.col("ms_played")
    rows = pl.read_csv(histories / "events.tsv", separator="\t", quote_char=None)
    ended = pl.col("end_time_utc_minute").str.to_datetime("%Y-%m-%d %H:%M")
    begun = rows.select(played, begun=ended - pl.duration(milliseconds=played))
    return begun.filter(played >= 30_000, pl.col("begun").dt.year() == year).height


def test_every_report_runs_on_them(empty: Platform, histories: Path, tmp_path: Path) -> None:
    told = empty.segue("import", str(histories / "events.tsv"))
    counted = {}
    for name, table in (("trending", "songs"), ("artists", "artists"), ("retention", "activity")):
        empty.segue(
            "report", name, "--from", f"{YEAR}-01-01", "--to", f"{YEAR}-12-31", "--out", str(tmp_path / name)
        )
        counted[name] = pl.read_csv(tmp_path / name / f"{table}.csv")["listens"].sum()
    again = empty.segue("import", str(histories / "events.tsv"))
    exported = empty.segue("import", str(histories / "endsong_0.json"))
    empty.segue(
        "report",
        "recommendations",
        "--from",
        f"{YEAR}-01-01",
        "--to",
        f"{YEAR}-12-31",
        "--out",
        str(tmp_path / "r"),
    )

    assert "accepted        91,522 plays" in told
    assert counted == dict.fromkeys(counted, listens_of(YEAR, histories))
    assert "duplicate       91,522" in again
    assert f"{len(json.loads((histories / 'endsong_0.json').read_text())):,} rows" in exported
    assert "<td>" not in (tmp_path / "r" / "index.html").read_text()  # nothing was ever recommended
