"""The windows of a chart: where each begins, what it is compared with, and which rows of the rollups it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias, get_args

Window: TypeAlias = Literal["hour", "day", "week", "month"]
WINDOWS: tuple[Window, ...] = get_args(Window)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Measure:
    """How long a window is, to what its beginning is rounded down, and how many such before it say what is usual."""

    length: timedelta
    aligned: timedelta
    before: int


MEASURES: Mapping[Window, Measure] = {
    "hour": Measure(HOUR, MINUTE, 24),
    "day": Measure(DAY, HOUR, 7),
    "week": Measure(7 * DAY, HOUR, 4),
    "month": Measure(30 * DAY, DAY, 3),
}


@dataclass(frozen=True, slots=True)
class Span:
    """A window as of one moment: [since, close), and the time that it is compared with, [before_from, before_to).

    It closes with the day: a listen from a clock that runs ahead counts on the day that it names, once that has begun.
    """

    window: Window
    since: datetime
    close: datetime
    before_from: datetime
    before_to: datetime

    @classmethod
    def at(cls, window: Window, moment: datetime) -> "Span":
        """The window that ends at this moment.

        >>> span = Span.at("day", datetime(2026, 3, 8, 12, 34, 56, tzinfo=UTC))
        >>> f"{span.since:%d %H:%M} {span.close:%d %H:%M} {span.before_from:%d %H:%M} {span.before_to:%d %H:%M}"
        '07 12:00 09 00:00 28 12:00 07 12:00'
        """
        measure = MEASURES[window]
        since = _floor(moment - measure.length, measure.aligned)
        before_to = _floor(
            since, HOUR
        )  # of the hours before the last hour, whole ones: there is a rollup of those
        return cls(
            window,
            since,
            _floor(moment, DAY) + DAY,
            before_to - measure.before * measure.length,
            before_to,
        )

    @property
    def next_at(self) -> datetime:
        """When the window begins later than now."""
        measure = MEASURES[self.window]
        return self.since + measure.length + measure.aligned

    def parameters(self, closed: datetime, *, compares: bool) -> dict[str, str]:
        """The parameters of `chart_cells`: whole days from the rollup by day, what is left of them from the one by hour.

        Nothing of the time before unless it compares. The last hour is in fresh_listens to the minute, whenever told.
        """
        before_from = self.before_from if compares else self.before_to
        is_hour = self.window == "hour"
        earlier, now = (
            _pieces(before_from, self.before_to),
            _pieces(self.close if is_hour else self.since, self.close),
        )
        named = {
            "hours1": earlier.head,
            "hours2": earlier.tail,
            "days1": earlier.days,
            "hours3": now.head,
            "days2": now.days,
        }
        moments = {"since": self.since, "close": self.close, "closed": closed}
        moments |= {"before_from": before_from, "before_to": self.before_to}
        moments["fresh_from"] = self.since - 10 * MINUTE if is_hour else closed
        for name, (begins, ends) in named.items():
            moments |= {f"{name}_from": begins, f"{name}_to": ends}
        told = {name: f"{at:%Y-%m-%d %H:%M:%S}" for name, at in moments.items()}
        return told | {name: at[:10] for name, at in told.items() if name.startswith("days")}


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A time as the hours before its first whole day, its whole days, and the hours after the last."""

    head: tuple[datetime, datetime]
    days: tuple[datetime, datetime]
    tail: tuple[datetime, datetime]


def _pieces(begins: datetime, ends: datetime) -> _Pieces:
    """
    >>> _pieces(datetime(2026, 3, 1, 22, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)).days[0].day
    2
    """
    first, last = _floor(begins, DAY), _floor(ends, DAY)
    first = first if first == begins else first + DAY
    if first > last:  # within one day
        return _Pieces((begins, ends), (ends, ends), (ends, ends))
    return _Pieces((begins, first), (first, last), (last, ends))


def _floor(moment: datetime, unit: timedelta) -> datetime:
    return _EPOCH + (moment - _EPOCH) // unit * unit
