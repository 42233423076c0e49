"""What a change of the live model would do to people's lists, before it is done: the blast radius."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Positions

TOLD = 5  # artists that gain most, and as many that lose most


@dataclass(frozen=True, slots=True)
class Moved:
    """How an artist's part of all places changes, 0 to 1."""

    artist: str
    before: float
    after: float

    def __str__(self) -> str:
        return f"{self.artist} {100 * self.before:.2f} % → {100 * self.after:.2f} %"


@dataclass(frozen=True, slots=True)
class Radius:
    """The lists of two models for the same listeners, side by side."""

    live: str  # the model that serves, "als/3"
    listeners: int
    overlap: float  # the mean part of a list's songs that are on the live model's list too
    churn: float  # the part of listeners of whom more than half the list changes
    first: float  # the part of listeners whose first song changes
    gaining: tuple[Moved, ...]
    losing: tuple[Moved, ...]
    milliseconds: float  # to score and rank the catalogue for one listener
    live_milliseconds: float

    @classmethod
    def of(
        cls,
        live: str,
        before: Positions,
        after: Positions,
        artists: NDArray[np.int64],
        names: Mapping[int, str],
        *,
        milliseconds: tuple[float, float],
    ) -> Self:
        """From lists [listeners × places] of song positions, the live model's and the new one's, and each song's artist.

        `milliseconds` are what a list costs the live model and the new one.

        >>> same = np.array([[0, 1], [2, 3]])
        >>> told = Radius.of("als/1", same, np.array([[1, 0], [2, 0]]), np.arange(4), {0: "A", 3: "D"}, milliseconds=(1, 1))
        >>> told.overlap, told.churn, told.first, str(told.gaining[0]), str(told.losing[0])
        (0.75, 0.0, 0.5, 'A 25.00 % → 50.00 %', 'D 25.00 % → 0.00 %')
        """
        shared = shared_part(before, after)
        earlier, later = (_shares(lists, artists) for lists in (before, after))
        change = {one: later.get(one, 0.0) - earlier.get(one, 0.0) for one in earlier.keys() | later.keys()}
        ordered = sorted(change, key=lambda one: (-change[one], one))

        def moved(some: list[int]) -> tuple[Moved, ...]:
            return tuple(
                Moved(names.get(one) or f"artist {one}", earlier.get(one, 0.0), later.get(one, 0.0))
                for one in some
            )

        is_other = before[:, 0] != after[:, 0] if before.shape[1] else np.zeros(len(before), np.bool_)
        return cls(
            live,
            len(before),
            _mean(shared),
            _mean(shared < 0.5),
            _mean(is_other),
            moved([one for one in ordered[:TOLD] if change[one] > 0]),
            moved([one for one in ordered[::-1][:TOLD] if change[one] < 0]),
            milliseconds[1],
            milliseconds[0],
        )

    @classmethod
    def told(cls, named: Mapping[str, Any]) -> Self:
        """What `as_dict` told."""
        artists = {side: tuple(Moved(**each) for each in named[side]) for side in ("gaining", "losing")}
        return cls(**{**named, **artists})

    def as_dict(self) -> dict[str, Any]:
        """The numbers by name, for JSON."""
        told = {name: getattr(self, name) for name in Radius.__slots__}
        for side in ("gaining", "losing"):
            told[side] = [{name: getattr(each, name) for name in Moved.__slots__} for each in told[side]]
        return told

    def line(self) -> str:
        """The whole in a line."""
        artists = [
            f"{side} {each[0]}" for side, each in (("up", self.gaining), ("down", self.losing)) if each
        ]
        return "; ".join(
            [
                f"beside {self.live} overlap@20 {self.overlap:.2f}, {self.churn:.0%} of feeds change by more than half",
                *artists,
                f"{self.milliseconds:.2f} ms a list, {self.live} {self.live_milliseconds:.2f}",
            ]
        )


def shared_part(before: Positions, after: Positions) -> NDArray[np.float64]:
    """For each listener the part of the longer list's songs that are on both lists; 1 where both are empty.

    >>> shared_part(np.array([[1, 2], [3, -1], [-1, -1]]), np.array([[2, 9], [3, 4], [-1, -1]])).tolist()
    [0.5, 0.5, 1.0]
    """
    both = (before[:, :, None] == after[:, None, :]) & (before >= 0)[:, :, None]
    longer = np.maximum((before >= 0).sum(axis=1), (after >= 0).sum(axis=1))
    shared: NDArray[np.float64] = both.any(axis=2).sum(axis=1) / longer.clip(1)
    shared[longer == 0] = 1
    return shared


def _shares(lists: Positions, artists: NDArray[np.int64]) -> dict[int, float]:
    shown, places = np.unique(artists[lists[lists >= 0]], return_counts=True)
    return dict(zip(shown.tolist(), (places / max(int(places.sum()), 1)).tolist(), strict=True))


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else 0.0
