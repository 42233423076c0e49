"""The lists of a chart in memory: the first of each genre and region, and how what is new moves them."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from serving.trending.moves import NOBODY, Ints, Sums
from serving.trending.rising import KEPT, LEAST, PRIOR, rises

LENGTH = 200  # of a list: twice what may be asked for, so that some may fall behind before it is counted anew
CHARTS = 5_000  # lists of one kind at most, those with the most listens: genres are what artists call them
Key: TypeAlias = tuple[str | None, str | None]
"""Genre (lower case) and region (upper case) of a list; None for all of them."""


@dataclass(slots=True)
class Board:
    """One list as it was counted: ids with their listens in the window, those of the time before, and those left out.

    `floor` is the score (`scores`) that whoever is not listed can have had at most; 0 where all that have any are listed.
    """

    ids: Ints
    heard: Ints
    before: Ints
    removed: Ints
    listens: int  # of everything in this genre and region
    left_out: int
    floor: float

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in (self.ids, self.heard, self.before, self.removed))


EMPTY = Board(NOBODY, NOBODY, NOBODY, NOBODY, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Growth:
    """All listens of a window for one of the time before it: as it was when a list was counted, and as it is."""

    counted: float
    now: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """The first of a list, and who may belong among them but was not listed when it was counted."""

    ids: Ints
    heard: Ints
    before: Ints
    removed: Ints
    listens: int
    left_out: int
    unknown: Ints  # those that gained most first
    is_short: bool = False  # so much was taken away that the list must be counted anew

    def where(self, wanted: npt.NDArray[np.bool_]) -> "Ranked":
        """Some of them."""
        ids, heard, before, removed = (
            column[wanted] for column in (self.ids, self.heard, self.before, self.removed)
        )
        return replace(self, ids=ids, heard=heard, before=before, removed=removed)

    def cut(self, limit: int) -> "Ranked":
        """Its first."""
        return self.where(np.arange(len(self.ids)) < limit)


@dataclass(slots=True)
class Boards:
    """All lists of one kind."""

    by_key: dict[Key, Board] = field(default_factory=dict)
    is_cut: bool = False  # whether there were more than CHARTS
    texts: dict[int, str] = field(default_factory=dict)  # of what has no name beside its text

    def of(self, key: Key) -> Board | None:
        """The list of a genre and region; None where it exists and is not held."""
        return self.by_key.get(key, None if self.is_cut else EMPTY)

    def learn(self, key: Key, asked: Ints, told: "Boards") -> None:
        """Add to a list who was not in it, with what they had when it was counted: nothing, unless told."""
        board, counted = self.by_key.setdefault(key, replace(EMPTY)), told.by_key.get(key, EMPTY)
        fresh = np.setdiff1d(asked, board.ids)
        order = np.argsort(counted.ids)
        places = np.searchsorted(counted.ids, fresh, sorter=order)
        is_told = places < len(order)
        is_told[is_told] = counted.ids[order[places[is_told]]] == fresh[is_told]

        def joined(mine: Ints, theirs: Ints) -> Ints:
            had = np.zeros(len(fresh), np.int64)
            had[is_told] = theirs[order[places[is_told]]]
            return np.concatenate([mine, had])

        board.ids = np.concatenate([board.ids, fresh])
        board.heard = joined(board.heard, counted.heard)
        board.before = joined(board.before, counted.before)
        board.removed = joined(board.removed, counted.removed)

    @property
    def ids(self) -> Ints:
        """Everything that is listed anywhere, ascending."""
        return np.unique(np.concatenate([NOBODY, *(board.ids for board in self.by_key.values())]))

    @property
    def nbytes(self) -> int:
        return sum(board.nbytes for board in self.by_key.values())

    @property
    def entries(self) -> int:
        return sum(len(board.ids) for board in self.by_key.values())


def boards_of(answer: pa.Table, length: int, growth: float | None = None) -> Boards:
    """The lists that the query `chart_lists` answered; each was cut after `length`."""
    told = {name: answer[name].to_pylist() for name in ("genre", "country", "every_genre", "every_country")}
    keys = [
        (None if every_genre else genre, None if every_country else country)
        for genre, country, every_genre, every_country in zip(*told.values(), strict=True)
    ]
    columns = [_split(answer[name]) for name in ("ids", "counts", "earlier", "repeats")]
    totals = zip(answer["listens"].to_pylist(), answer["left_out"].to_pylist(), strict=True)
    found = Boards(is_cut=len(keys) >= CHARTS)
    lowest = 0 if growth is None else KEPT
    for key, ids, heard, before, removed, (listens, left_out) in zip(keys, *columns, totals, strict=True):
        is_full = len(ids) >= length
        floor = float(scores(heard[-1:], before[-1:], growth)[0]) if is_full else lowest
        found.by_key[key] = Board(ids, heard, before, removed, listens, left_out, floor)
    if "texts" in answer.column_names:
        words = (word for listed in answer["texts"].to_pylist() for word in listed)
        found.texts = dict(zip(np.concatenate([NOBODY, *columns[0]]).tolist(), words, strict=True))
    return found


def _split(column: pa.ChunkedArray) -> list[Ints]:
    """The lists of a column as arrays of their own, so that one may go without the others."""
    found = []
    for chunk in column.chunks:
        values, ends = chunk.values.to_numpy().astype(np.int64), chunk.offsets.to_numpy()
        found += [values[begin:end].copy() for begin, end in pairwise(ends)]
    return found


def scores(heard: Ints, before: Ints, growth: float | None) -> npt.NDArray[np.float64]:
    """What a list is ordered by: listens, or with a growth how far they rise."""
    return heard.astype(np.float64) if growth is None else rises(heard, before, growth)


def moved(board: Board, moves: Sums, limit: int, growth: Growth | None = None) -> Ranked:
    """The first `limit` of a list after `moves`: most first, or with a growth what rises most; then by id.

    Who was not listed had a score of `floor` at most. Where that is nothing, it is known; else whoever could have come among
    the first by now is told as unknown, and in the list as soon as somebody has looked it up and `learn`ed it. A growth that
    shrinks raises a rise by as much as that shrank; one more listen raises it by 1 / PRIOR at most, and one that is taken
    from the time before by what was expected for it, times the rise that it had, / PRIOR.

    >>> two, none = np.array([7, 9]), np.array([0, 0])
    >>> moves = Sums(np.array([8, 9]), np.array([1, 2]), none, none)
    >>> moved(Board(two, np.array([5, 4]), none, none, 9, 0, 0), moves, 3).ids
    array([9, 7, 8])
    """
    ids = board.ids
    by_id = np.argsort(ids)
    places = np.searchsorted(ids, moves.ids, sorter=by_id)
    is_listed = places < len(ids)
    is_listed[is_listed] = ids[by_id[places[is_listed]]] == moves.ids[is_listed]
    joins = growth is None and not board.floor

    def after(had: Ints, more: Ints) -> Ints:
        has = had.copy()
        has[by_id[places[is_listed]]] += more[is_listed]
        return np.concatenate([has, more[~is_listed]]) if joins else has

    strangers, gained = moves.ids[~is_listed], np.maximum(moves.heard[~is_listed], 0).astype(np.float64)
    ids = np.concatenate([ids, strangers]) if joins else ids
    heard, before = after(board.heard, moves.heard), after(board.before, moves.before)
    removed = after(board.removed, moves.removed)
    score = scores(heard, before, None if growth is None else growth.now)
    least = 1.0 if growth is None else LEAST
    order = np.lexsort((ids, -score))
    order = order[(score[order] >= least) & (heard[order] > 0)][:limit]
    last = float(score[order[-1]]) if len(order) == limit else least
    floor = board.floor
    if growth is not None:
        floor = max(floor, 1.0) * max(1.0, growth.counted / growth.now)
        lessened = np.maximum(-moves.before[~is_listed], 0)
        gained = (gained + floor * growth.counted * lessened) / PRIOR
    could_come = (gained > 0) & (floor + gained >= last)
    unknown = NOBODY
    if not joins and could_come.any():
        unknown = strangers[could_come][np.argsort(-gained[could_come], kind="stable")]
    lost = bool((moves.heard < 0).any())
    return Ranked(
        ids[order],
        heard[order],
        before[order],
        removed[order],
        board.listens + int(moves.heard.sum()),
        board.left_out + int(moves.removed.sum()),
        unknown=unknown,
        is_short=bool(floor) and (floor > last if growth else lost and last <= floor),
    )
