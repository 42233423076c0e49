"""Imported plays written for the log many at once: the events that writing each would give."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_api.imports.encoding import encoded_plays
from event_log.plays import Told
from foundation.contracts.events import PlaybackEvent, decode
from foundation.contracts.history import PLAYS
from tests.catalog_api.world import NOW

MOMENTS = st.integers(946_684_800_000, 1_900_000_000_000).map(
    lambda told: datetime.fromtimestamp(told // 1000, UTC) + timedelta(milliseconds=told % 1000)
)
BIGGEST = 2**63 - 1


@st.composite
def plays(draw: st.DrawFn) -> PlaybackEvent:
    return PlaybackEvent(
        play_id=draw(st.uuids()),
        kind="end",
        listener_id=draw(st.integers(1, BIGGEST)),
        song_id=draw(st.integers(1, BIGGEST)),
        started_at=draw(MOMENTS),
        received_at=NOW,
        played_ms=draw(st.integers(0, 2**32 - 1)),
        song_ms=draw(st.none() | st.integers(1, 2**31 - 1)),
        reason=draw(st.sampled_from(["", "finished", "skipped", "stopped"])),
        is_private=draw(st.booleans()),
        country=draw(st.sampled_from(["", "NZ", "US"])),
        source="imported",
        origin='a "source"\n',
    )


@settings(deadline=None)
@given(told=st.lists(plays(), max_size=5))
def test_what_is_written_is_read_as_the_events(told: list[PlaybackEvent]) -> None:
    columns = (
        "listener_id",
        "song_id",
        "started_at",
        "played_ms",
        "song_ms",
        "reason",
        "is_private",
        "country",
    )
    schema = {name: PLAYS.get(name, pl.UInt64()) for name in columns} | {"country": pl.String()}
    rows = pl.DataFrame(
        [[getattr(play, name) for name in columns] for play in told], schema=schema, orient="row"
    )
    ids = pl.Series("play_id", [play.play_id.bytes for play in told], pl.Binary)

    record = encoded_plays(rows.with_columns(ids), 'a "source"\n', NOW)

    assert sorted(Told(decode(record)), key=repr) == sorted(told, key=repr)
