"""The tables that are added up as listens come in, and how each is counted anew from the rows it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of signed rows that add up, kept by views; `recount` gives the same from listens, a row for each cell."""

    table: str
    cell: Sequence[str]  # the columns that name what is counted
    measures: Sequence[str]  # the columns that add up
    day: str = "day"  # an expression over the cell: the day (UTC) it belongs to
    days_kept: int | None = None  # of what it is counted from; None: for ever

    @property
    def recount(self) -> str:
        """The query that counts it anew."""
        return (FOLDER / f"{self.table}.sql").read_text()


ROLLUPS = (
    Rollup("song_days", ("day", "song_id"), ("listens",)),
    Rollup("chart_hours", ("hour", "song_id", "country"), ("listens",), day="toDate(hour)", days_kept=38),
    Rollup("chart_days", ("day", "song_id", "country"), ("listens",)),
    Rollup(
        "playlist_hours",
        ("hour", "playlist_id", "song_id", "country"),
        ("listens",),
        day="toDate(hour)",
        days_kept=38,
    ),
    Rollup("playlist_days", ("day", "playlist_id", "song_id", "country"), ("listens",)),
    Rollup("listener_song_days", ("day", "listener_id", "song_id"), ("listens",), days_kept=128),
    Rollup("listener_days", ("day", "listener_id"), ("listens", "played_ms")),
    # Counted from playback_events, which go ninety days after they became known, and so never before their day is as old.
    Rollup("song_exits", ("song_id", "day", "tenth", "outcome"), ("exits",), days_kept=89),
)
