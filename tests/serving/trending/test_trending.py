"""The chart comes from the warehouse and stays in memory when the warehouse goes."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from event_log.clickhouse import ClickHouseSink
from foundation.contracts.events import PlaybackEvent, SongChanged
from foundation.engines.clickhouse import (
    open_clickhouse,
    open_clickhouse_reader,
    open_clickhouse_reader_async,
)
from serving.trending.service import STALE, Trending, read_chart
from tests.conftest import Engines
from warehouse.checking import correct
from warehouse.migrate import migrate

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# Long after every other test's listens: the chart's window ends with the newest day that has any.
DAY = datetime(2031, 5, 7, 12, tzinfo=UTC)
SONGS = (9_000_001, 9_000_002, 9_000_003)


@pytest.fixture
def heard(engines: Engines, tmp_path: Path) -> None:
    """One song was heard on each day of a week, one once, and one often but weeks before."""
    client = open_clickhouse(engines.clickhouse)
    migrate(client)
    told = [
        SongChanged(song_id=song, title=f"Song {song}", artist_id=5, artist="Star", version=1)
        for song in SONGS
    ]
    days_ago = {SONGS[0]: [0, 1, 2, 3, 4, 5, 6], SONGS[1]: [1], SONGS[2]: [20] * 5}
    listens = [listen(song, DAY - timedelta(days=days)) for song, each in days_ago.items() for days in each]
    ClickHouseSink(lambda: client, tmp_path, correct).apply([f"trending-{uuid4()}"], [*told, *listens])
    client.close()


def listen(song: int, at: datetime) -> PlaybackEvent:
    return PlaybackEvent(
        play_id=uuid4(),
        kind="end",
        listener_id=1,
        song_id=song,
        started_at=at,
        received_at=at,
        played_ms=60_000,
    )


@pytest.fixture
async def trending(engines: Engines) -> AsyncIterator[Callable[[datetime], Trending]]:
    """A chart at a moment of the test's choice."""
    opened: list[Trending] = []

    def at(moment: datetime) -> Trending:
        opened.append(
            Trending(lambda: open_clickhouse_reader_async(engines.clickhouse_reader), lambda: moment)
        )
        return opened[-1]

    yield at
    for each in opened:
        await each.close()


@pytest.mark.usefixtures("heard")
async def test_the_chart_counts_the_listens_of_a_week(
    engines: Engines, trending: Callable[[datetime], Trending]
) -> None:
    chart = trending(DAY)

    has_answered = await chart.refresh()

    assert has_answered
    assert [song.song_id for song in chart.chart.songs] == [SONGS[0], SONGS[1]]
    assert (chart.chart.songs[0].title, chart.chart.songs[0].artist) == ("Song 9000001", "Star")
    assert chart.chart.songs[0].listens >= 2 * chart.chart.songs[1].listens
    reader = open_clickhouse_reader(engines.clickhouse_reader)
    assert read_chart(reader, DAY) == chart.chart
    reader.close()


@pytest.mark.usefixtures("heard")
async def test_the_last_chart_stays_when_the_warehouse_goes_and_is_called_stale_in_time(
    engines: Engines,
) -> None:
    moments = [DAY]
    urls = [engines.clickhouse_reader]
    chart = Trending(lambda: open_clickhouse_reader_async(urls[-1]), lambda: moments[-1])
    await chart.refresh()
    was_stale = chart.is_stale
    await chart.close()
    after = Trending(lambda: open_clickhouse_reader_async("http://127.0.0.1:9"), lambda: moments[-1])
    after.chart = chart.chart

    moments.append(DAY + STALE + timedelta(seconds=1))
    has_answered = await after.refresh()

    assert not was_stale
    assert not has_answered
    assert after.chart == chart.chart
    assert after.is_stale
