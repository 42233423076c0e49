"""What is counted together: the charts of one source, window, order and view, and when it is their turn again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from serving.trending.boards import Boards, Growth
from serving.trending.counting import Parameters
from serving.trending.moves import Moved, Times, sums_of
from serving.trending.schemas import SOURCE_OF, Asked, Kind, Of, Source, View
from serving.trending.windows import Span, Window

SHARE: Mapping[Source, float] = {"listens": 0.05, "playlists": 0.01, "searches": 0.02}
"""Of the time, what counting the charts of a source may take at most, and looking up."""

Name: TypeAlias = tuple[Source, Window, Kind, View]


def name_of(asked: Asked) -> Name:
    """Which unit a chart belongs to."""
    return SOURCE_OF[asked.of], asked.window, asked.kind, asked.view


@dataclass(slots=True)
class Unit:
    """The charts of one source, window, order and view."""

    source: Source
    window: Window
    kind: Kind
    view: View
    boards: dict[Of, Boards] = field(default_factory=dict)
    span: Span | None = None
    told: Parameters = field(default_factory=dict)  # how it was counted
    totals: tuple[int, int] = (0, 0)  # where it rises: of the window, and of the time before it
    place: int = 0  # in the log of moves: those after it are not counted
    until: datetime | None = None
    tried_at: datetime | None = None  # when the last count, by whichever process, began
    due: float = 0.0
    seconds: float = 0.0  # that counting took
    is_behind: bool = True  # whether it can not be moved until it is counted anew

    @property
    def title(self) -> str:
        """Its name in one word."""
        return f"{self.source}-{self.window}-{self.kind}-{self.view}"

    @property
    def moves(self) -> bool:
        """Whether it follows what is new between two counts.

        Searches do not: whether enough people made one for it to be told is known where it is counted alone.
        """
        return self.source != "searches"

    @property
    def compares(self) -> bool:
        """Whether it is counted beside the time before."""
        return self.kind == "rising"

    @property
    def is_cleaned(self) -> bool:
        """Whether repeats are left out."""
        return self.view == "cleaned"

    @property
    def growth(self) -> float | None:
        """All of the window for one of the time before, where it rises and there was any."""
        return growth_of(self.totals) if self.compares else None

    @property
    def next_at(self) -> datetime:
        """When its window, which was counted, begins later."""
        assert self.span is not None
        return self.span.next_at

    def times(self, now: datetime) -> Times:
        """Which of the moves count."""
        assert self.span is not None
        return Times.of(self.span, Span.at(self.window, now), compares=self.compares)

    def grown(self, fresh: Moved, times: Times) -> Growth | None:
        """How the whole has grown by these moves; None where it does not rise."""
        counted = self.growth
        if counted is None:
            return None
        of: Of = "playlists" if self.source == "playlists" else "songs"
        sums = sums_of(fresh, of, (None, None), times, cleaned=self.is_cleaned)
        window, before = self.totals
        after = growth_of((window + int(sums.heard.sum()), before + int(sums.before.sum())))
        return Growth(counted, counted if after is None else after)


def growth_of(totals: tuple[int, int]) -> float | None:
    """All of a window for one of the time before; None where either had none."""
    window, before = totals
    return window / before if before > 0 and window > 0 else None
