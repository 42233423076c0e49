"""What a report is made of: headline numbers, plots and tables, in sections that say what they show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Literal

import polars as pl

from foundation.errors import Problem

Kind = Literal["text", "number", "share", "change"]
LONGEST = 400  # days
ONE_DAY = timedelta(days=1)


class NotTheseDays(Problem):
    """A report over no day, or over more than a year and a bit."""

    status, title = 422, "There is no report over these days"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days (UTC) that a report is about, both included, and the moment as of which it is true."""

    since: date
    until: date
    as_of: datetime

    @classmethod
    def of(cls, since: date, until: date, as_of: datetime) -> "Stretch":
        """Raises NotTheseDays."""
        if not 0 <= (until - since).days < LONGEST:
            raise NotTheseDays(f"a report is over 1 to {LONGEST} days, the first of them first")
        return cls(since, until, as_of)

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def folder(self) -> str:
        """
        >>> Stretch(date(2026, 3, 2), date(2026, 3, 8), datetime(2026, 3, 9)).folder
        '2026-03-02_2026-03-08'
        """
        return f"{self.since}_{self.until}"

    @property
    def parameters(self) -> dict[str, object]:
        """As the queries take them."""
        return {
            "since": self.since,
            "until": self.until,
            "as_of_ms": int(self.as_of.timestamp() * 1000),
        }


@dataclass(frozen=True, slots=True)
class Number:
    """A headline: a value as it is read, and what it is."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows behind a section: the whole of them go beside the page, the first `shown` onto it."""

    name: str  # of the files
    rows: pl.DataFrame
    columns: Mapping[str, tuple[str, Kind]]  # the heading and kind of each that is shown
    shown: int = 20


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a sentence that says what to read in it, a plot as SVG, a table; either may be missing."""

    heading: str
    says: str
    plot: str = ""
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report."""

    name: str
    title: str
    about: str
    stretch: Stretch
    numbers: tuple[Number, ...] = ()
    sections: tuple[Section, ...] = field(default_factory=tuple)

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(section.table for section in self.sections if section.table is not None)


def share(part: float, whole: float) -> float | None:
    """
    >>> share(1, 4), share(0, 0)
    (0.25, None)
    """
    return part / whole if whole else None


def counted(value: float) -> str:
    """A number as it is read.

    >>> counted(1234567), counted(0.0)
    ('1,234,567', '0')
    """
    return f"{value:,.0f}"


def percent(value: float | None) -> str:
    """
    >>> percent(0.1234), percent(None), percent(float("nan"))
    ('12.3 %', '–', '–')
    """
    return "–" if value is None or not isfinite(value) else f"{100 * value:.1f} %"
