"""Reports are built of small frames counted by hand, and written where people find them, the same from the same listens."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from uuid import uuid4

import numpy as np
import polars as pl
import pytest

from pipelines.context import Context
from pipelines.jobs.reports import job
from pipelines.reports import artists, html, recommendations, retention, trending
from pipelines.reports.report import NotTheseDays, Report, Stretch
from pipelines.reports.writing import KINDS, Name, files, keep, made
from tests.pipelines.conftest import NOON, World

WEEK = Stretch(date(2026, 2, 23), date(2026, 3, 1), datetime(2026, 3, 1, 12, tzinfo=UTC))


MONTH = Stretch(date(2026, 2, 1), WEEK.until, WEEK.as_of)


def frame(schema: Mapping[str, object], *rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(schema), orient="row")  # type: ignore[arg-type]


def numbers(report: Report) -> dict[str, str]:
    return {number.label: number.value for number in report.numbers}


def test_a_song_rises_against_its_own_past_and_three_plays_are_no_trend() -> None:
    songs = frame(
        trending.SCHEMAS["trending_songs"],
        (1, "Steady", "A", "pop", 500, 200, 0.1, 480),
        (2, "Risen", "B", "pop", 120, 90, 0.1, 20),
        (3, "Three plays", "C", "", 3, 1, 1.0, 0),
        (4, "Fallen", "D", "jazz", 10, 9, 0.2, 90),
    )

    risen = trending.rising(songs)

    assert risen["title"].to_list() == ["Risen", "Three plays", "Steady"]
    assert risen["rise"].to_list() == pytest.approx([3.5, 23 / 20, 520 / 500])


def test_a_cohort_has_a_share_for_every_week_that_has_come() -> None:
    monday = date(2026, 2, 9)
    rows = frame(
        retention.SCHEMAS["retention"], (monday, 0, 4), (monday, 2, 1), (monday + timedelta(days=14), 0, 2)
    )

    kept = retention.of_cohorts(rows, until=date(2026, 3, 1))

    assert kept.select("cohort", "week", "listeners", "share").rows() == [
        (monday, 0, 4, 1.0),
        (monday, 1, 0, 0.0),
        (monday, 2, 1, 0.25),
        (monday + timedelta(days=14), 0, 2, 1.0),
    ]


def test_an_artists_skips_are_shares_of_the_ends_whose_outcome_is_known() -> None:
    frames = {
        "artists": frame(
            artists.SCHEMAS["artists"], (1, "Heard", 90, 30, 12, 18), (2, "Hardly", 10, 5, 5, 0)
        ),
        "artist_ends": frame(artists.SCHEMAS["artist_ends"], (1, 100, 60, 20)),
        "exits": frame(
            artists.SCHEMAS["exits"], (0, "skip_early", 20), (9, "completed", 60), (5, "unknown", 20)
        ),
    }

    report = artists.build(frames, WEEK)

    assert report.tables[0].rows.select("artist", "skip_rate", "new_share").rows() == [
        ("Heard", 0.25, 0.4),
        ("Hardly", None, 1.0),
    ]
    assert numbers(report)["of plays were skipped"] == "25.0 %"


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [9, 1, 0, 3, 2], [5]])
def test_the_gini_coefficient_is_the_mean_difference_of_two(counts: list[int]) -> None:
    x = np.array(counts)
    differences = np.abs(x[:, None] - x[None, :]).sum()

    assert artists.gini(x) == pytest.approx(differences / (2 * len(x) * x.sum()))


def test_a_share_has_the_interval_of_wilson() -> None:
    funnel = frame(recommendations.SCHEMAS["funnel"], ("feed", "als", 5, 100, 30, 20))
    coverage = frame(
        recommendations.SCHEMAS["coverage"], ("feed", "als", 200, 80, 100, 40), ("", "", 200, 80, 100, 40)
    )

    report = recommendations.build(
        {"funnel": funnel, "coverage": coverage, "positions": frame(recommendations.SCHEMAS["positions"])},
        WEEK,
    )

    row = report.tables[0].rows.row(0, named=True)
    assert (row["listen_rate"], row["coverage"], row["tail_share"]) == (0.2, 0.4, 0.4)
    # 20 of 100 by Wilson's interval at 95 %, as any table has it
    assert (row["low"], row["high"]) == (pytest.approx(0.1334, abs=1e-4), pytest.approx(0.2888, abs=1e-4))


@pytest.mark.parametrize(
    ("since", "until"), [(date(2026, 3, 2), date(2026, 3, 1)), (date(2020, 1, 1), date(2026, 1, 1))]
)
def test_there_is_no_report_over_no_day_or_over_years(since: date, until: date) -> None:
    with pytest.raises(NotTheseDays):
        Stretch.of(since, until, NOON)


class Outside(HTMLParser):
    """Whatever a page would fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data", "srcset")
        ]
        self.found += [value for value in told if tag != "a" and not value.startswith("#")]
        self.found += [tag] if tag in ("script", "link", "iframe", "object", "image", "img") else []


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_page_opens_without_a_network_and_has_its_tables_beside_it(
    world: World, context: Context, name: Name
) -> None:
    settle(world)

    content = files(made(name, context, MONTH))

    page = content["index.html"].decode()
    outside = Outside()
    outside.feed(page)
    assert outside.found == []
    assert "url(" not in page.replace("url(#", "")
    assert page.count("<svg") >= 1
    tables = {each.removesuffix(".csv") for each in content if each.endswith(".csv")}
    assert tables
    for table in tables:
        read = pl.read_parquet(content[f"{table}.parquet"])
        assert read.height == len(content[f"{table}.csv"].decode().splitlines()) - 1
        assert read.height > 0


@pytest.mark.slow
def test_a_title_cannot_write_into_the_page(world: World, context: Context) -> None:
    settle(world)
    world.writer.insert(
        "songs",
        [[101, "<script>alert(1)</script>", 9, "Nine", 2]],
        column_names=["song_id", "title", "artist_id", "artist", "version"],
    )

    page = html.page(made("trending", context, WEEK))

    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.slow
def test_the_same_moment_makes_the_same_bytes_whatever_was_removed_since(
    world: World, context: Context
) -> None:
    settle(world)
    before = [files(made(name, context, WEEK)) for name in KINDS]

    world.writer.command(
        "INSERT INTO removals SELECT play_id, listener_id, song_id, listened_at, played_ms, song_ms, outcome, confidence, source, "
        "origin, slate_id, position, playlist_id, country, is_private, ingested_at, now64(3) FROM listens WHERE song_id % 3 = 0"
    )
    after = [files(made(name, context, WEEK)) for name in KINDS]
    today = Stretch(WEEK.since, WEEK.until, datetime(2100, 1, 1, tzinfo=UTC))

    assert [set(each) for each in before] == [set(each) for each in after]
    assert before == after
    assert files(made("trending", context, today))["songs.csv"] != before[0]["songs.csv"]


@pytest.mark.slow
def test_reports_are_listed_the_newest_first(world: World, context: Context) -> None:
    settle(world)
    earlier = Stretch(WEEK.since - timedelta(days=7), WEEK.since - timedelta(days=1), WEEK.as_of)

    for stretch in (earlier, WEEK):
        page = keep(made("artists", context, stretch), context.blobs)
        assert context.blobs.exists(page)

    listed = context.blobs.read("reports/index.html").decode()
    assert listed.index(WEEK.folder) < listed.index(earlier.folder)


@pytest.mark.slow
def test_the_job_reports_on_the_last_whole_week_and_changes_nothing_the_second_time(
    world: World, context: Context
) -> None:
    settle(world)

    first, second = job.run(context), job.run(context)

    assert (first.changed, second.changed) == (True, False)
    assert first.version == second.version
    assert context.blobs.exists("reports/retention/2026-02-16_2026-02-22/index.html")


def settle(world: World) -> None:
    """Twelve listeners and six songs over four weeks, known as they happened; ends, and two slates."""
    rng = np.random.default_rng(2)
    world.describe(range(101, 107), range(1, 13))
    listens, ends, shown = [], [], []
    slates = {listener: uuid4() for listener in (1, 2)}
    for _ in range(400):
        listener, song = int(rng.integers(1, 13)), 101 + int(6 * rng.random() ** 2)
        at = NOON - timedelta(minutes=int(rng.integers(10, 28 * 1440)))
        slate = slates.get(listener) if at > NOON - timedelta(days=2) else None
        listens.append([uuid4(), listener, song, at, 150_000, "organic", "", slate, "NL", at])
        ends.append(
            [uuid4(), "end", listener, song, at, 150_000, 200_000, "skip_late", "organic", "", at, at]
        )
    for listener, slate in slates.items():
        served = NOON - timedelta(days=3)
        shown += [
            [slate, listener, served, "feed", "als", place, 100 + place, served] for place in range(1, 6)
        ]
    columns = [
        "play_id",
        "listener_id",
        "song_id",
        "listened_at",
        "played_ms",
        "source",
        "origin",
        "slate_id",
    ]
    world.writer.insert("listens", listens, column_names=[*columns, "country", "ingested_at"])
    columns = ["play_id", "kind", "listener_id", "song_id", "started_at", "played_ms", "song_ms", "outcome"]
    world.writer.insert(
        "playback_events", ends, column_names=[*columns, "source", "origin", "received_at", "ingested_at"]
    )
    columns = [
        "slate_id",
        "listener_id",
        "served_at",
        "surface",
        "policy",
        "position",
        "song_id",
        "ingested_at",
    ]
    world.writer.insert("impressions", shown, column_names=columns)
