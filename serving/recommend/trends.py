"""The charts in this process's memory as candidates: the first songs of a genre and region, looked at every few seconds."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from serving.trending.charts import Charts
from serving.trending.schemas import KINDS, Asked, Chart, Kind
from serving.trending.units import Unit, name_of

FIRST = 50
AGAIN = 5.0  # seconds after which a chart is looked at again
MOST = 5_000  # charts that are remembered: genres are what artists call them


@dataclass(slots=True)
class NearCharts:
    """Reads charts for feeds: a chart costs some hundred microseconds to put in order, and moves little in seconds."""

    charts: Charts
    seconds: Callable[[], float] = time.monotonic
    _known: dict[tuple[Kind, str | None, str | None], tuple[float, Sequence[int]]] = field(
        default_factory=dict
    )
    _units: dict[Kind, Unit] = field(init=False)

    def __post_init__(self) -> None:
        self._units = {kind: self.charts.units[name_of(Asked(kind=kind))] for kind in KINDS}

    @property
    def are_counted(self) -> bool:
        """Whether both charts have been counted: a process that has just begun recommends without them for a moment."""
        return all(unit.until is not None for unit in self._units.values())

    def most_played(self, genre: str | None, region: str | None) -> Sequence[int]:
        """The ids of the songs most listened to in the last week; none where no such chart is held."""
        return self._first("most_played", genre, region)

    def rising(self, genre: str | None, region: str | None) -> Sequence[int]:
        """The ids of the songs that rise most."""
        return self._first("rising", genre, region)

    def _first(self, kind: Kind, genre: str | None, region: str | None) -> Sequence[int]:
        if self._units[kind].until is None:  # it may be counted a moment later
            return ()
        key, now = (kind, genre, region), self.seconds()
        known = self._known.get(key)
        if known is not None and now - known[0] < AGAIN:
            return known[1]
        if len(self._known) >= MOST:
            self._known.clear()
        _, found = self.charts.list_of(Asked(kind=kind, genre=genre, region=region), FIRST)
        ids = () if found is None else tuple(found.ids.tolist())
        self._known[key] = (now, ids)
        return ids


def of_both(chart: Chart, near: NearCharts, region: str) -> Sequence[int]:
    """What rises in a region; where nothing does, in all of them; where nothing does at all, what is listened to most."""
    return (
        near.rising(None, region or None)
        or near.rising(None, None)
        or [song.song_id for song in chart.songs[:FIRST]]
    )
