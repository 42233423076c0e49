"""Makes plays for the tests: valid ones, of which a test says only what matters to it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from event_log import segments
from event_log.log import EventLog
from foundation.contracts.events import Event, PlaybackEvent, decode, encode
from foundation.ids import new_play_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_play(**told: Any) -> PlaybackEvent:
    """The end of a listen of song 7 by listener 5, unless told otherwise."""
    at = told.get("started_at", NOON)
    usual = {
        "play_id": new_play_id(at),
        "kind": "end",
        "listener_id": 5,
        "song_id": 7,
        "started_at": at,
        "received_at": at + timedelta(seconds=40),
        "played_ms": 40_000,
    }
    return PlaybackEvent(**{**usual, **told})


def make_plays(number: int) -> list[Event]:
    """Listens a second apart, of ten songs in turn."""
    return [make_play(started_at=NOON + timedelta(seconds=at), song_id=1 + at % 10) for at in range(number)]


def write_segment(directory: Path, segment_id: str, events: list[Event]) -> Path:
    """A closed segment with one record an event."""
    path = directory / f"{segment_id}{segments.CLOSED}"
    path.write_bytes(segments.PREAMBLE + b"".join(segments.record(encode([event])) for event in events))
    return path


def events_on_disk(directory: Path) -> list[Event]:
    """Every event in the log's files, closed or open, read as after a crash."""
    paths = sorted([*directory.glob(f"*{segments.CLOSED}"), *directory.glob(f"*{segments.OPEN}")])
    found = [segments.contents(path.read_bytes()) for path in paths]
    return [event for whole in found for payload in whole.payloads for event in decode(payload)]


def small_log(directory: Path, **told: Any) -> EventLog:
    """A log that hands over a segment after 50 ms."""
    return EventLog(
        directory, told.pop("worker", "api"), **{"age": timedelta(milliseconds=50), "size": 1 << 20, **told}
    )
