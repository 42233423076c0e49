"""The lists of a chart in memory: the first songs or artists of each genre and region, and how what is new moves them."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from serving.trending.moves import Ints, Moved

LENGTH = 200  # of a list: twice what may be asked for, so that some may fall behind before it is counted anew
CHARTS = 5_000  # lists of one kind at most, those with the most listens: genres are what artists call them
Key: TypeAlias = tuple[str | None, str | None]
"""Genre (lower case) and region (upper case) of a list; None for all of them."""


@dataclass(slots=True)
class Board:
    """One list as it was counted: ids with their listens in the window, those left out, and those of the time before.

    `floor` is what a song or artist that is not listed can have had at most; 0 where all that have any are listed.
    """

    ids: Ints
    heard: Ints
    before: Ints
    removed: Ints
    listens: int  # of everything in this genre and region
    left_out: int
    floor: int

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in (self.ids, self.heard, self.before, self.removed))


NOBODY = np.empty(0, np.int64)
EMPTY = Board(NOBODY, NOBODY, NOBODY, NOBODY, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The first of a list, and who may belong among them but was not listed when it was counted."""

    ids: Ints
    heard: Ints
    before: Ints
    removed: Ints
    listens: int
    left_out: int
    unknown: Ints
    is_short: bool = False  # so much was taken away that the list must be counted anew

    def cut(self, limit: int) -> "Ranked":
        """Its first."""
        ids, heard, before, removed = (
            column[:limit] for column in (self.ids, self.heard, self.before, self.removed)
        )
        return replace(self, ids=ids, heard=heard, before=before, removed=removed)


@dataclass(slots=True)
class Boards:
    """All lists of one kind."""

    by_key: dict[Key, Board] = field(default_factory=dict)
    is_cut: bool = False  # whether there were more than CHARTS

    def of(self, key: Key) -> Board | None:
        """The list of a genre and region; None where it exists and is not held."""
        return self.by_key.get(key, None if self.is_cut else EMPTY)

    def learn(self, key: Key, asked: Ints, told: "Boards") -> None:
        """Add to a list who was not in it, with what they had when it was counted: nothing, unless told."""
        board, counted = self.by_key[key], told.by_key.get(key, EMPTY)
        fresh = np.setdiff1d(asked, board.ids)
        had = dict(zip(counted.ids.tolist(), counted.heard.tolist(), strict=True))
        board.ids = np.concatenate([board.ids, fresh])
        heard = np.array([had.get(each, 0) for each in fresh.tolist()], np.int64)
        board.heard = np.concatenate([board.heard, heard])

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


def boards_of(answer: pa.Table, length: int) -> Boards:
    """The lists that the query `chart_lists` answered; each was cut after `length`."""
    told = {name: answer[name].to_pylist() for name in ("genre", "country", "every_genre", "every_country")}
    keys = [
        (None if every_genre else genre, None if every_country else country)
        for genre, country, every_genre, every_country in zip(*told.values(), strict=True)
    ]
    columns = [_split(answer[name]) for name in ("ids", "counts", "earlier", "repeats")]
    totals = zip(answer["listens"].to_pylist(), answer["left_out"].to_pylist(), strict=True)
    found = Boards(is_cut=len(keys) >= CHARTS)
    for key, ids, heard, before, removed, (listens, left_out) in zip(keys, *columns, totals, strict=True):
        floor = int(heard[-1]) if len(ids) >= length else 0
        found.by_key[key] = Board(ids, heard, before, removed, listens, left_out, floor)
    return found


def _split(column: pa.ChunkedArray) -> list[Ints]:
    """The lists of a column as arrays of their own, so that one may go without the others."""
    found = []
    for chunk in column.chunks:
        values, ends = chunk.values.to_numpy().astype(np.int64), chunk.offsets.to_numpy()
        found += [values[begin:end].copy() for begin, end in pairwise(ends)]
    return found


def ranked(board: Board) -> Ranked:
    """A list as it was counted."""
    columns = (board.ids, board.heard, board.before, board.removed)
    return Ranked(*columns, board.listens, board.left_out, NOBODY)


def moved(board: Board, moves: tuple[Ints, Ints], limit: int) -> Ranked:
    """The first `limit` of a list after `moves`: ids, and listens more or less. Most first, then by id.

    Who was not listed had `floor` listens or fewer. Where that is nothing, it is known; else whoever could have come among
    the first by now is told as unknown, and in the list as soon as somebody has looked it up and `learn`ed it.

    >>> two = np.array([7, 9])
    >>> moved(Board(two, np.array([5, 4]), two, two, 9, 0, 0), (np.array([9, 8]), np.array([2, 1])), 3).ids
    array([9, 7, 8])
    """
    who, listens = moves
    ids, heard = board.ids, board.heard.copy()
    by_id = np.argsort(ids)
    places = np.searchsorted(ids, who, sorter=by_id)
    is_listed = places < len(ids)
    is_listed[is_listed] = ids[by_id[places[is_listed]]] == who[is_listed]
    heard[by_id[places[is_listed]]] += listens[is_listed]
    strangers, theirs = who[~is_listed], listens[~is_listed]
    if not board.floor:
        ids, heard = np.concatenate([ids, strangers]), np.concatenate([heard, theirs])
    order = np.lexsort((ids, -heard))
    order = order[heard[order] > 0][:limit]
    last = int(heard[order[-1]]) if len(order) == limit else 0
    could_come = (theirs > 0) & (board.floor + theirs >= last)
    return Ranked(
        ids[order],
        heard[order],
        NOBODY,
        NOBODY,
        board.listens + int(listens.sum()),
        board.left_out,
        unknown=strangers[could_come] if board.floor else NOBODY,
        is_short=bool(board.floor) and last <= board.floor and bool((listens < 0).any()),
    )


def moves_of(moved: Moved, codes: tuple[int | None, int | None], *, by_artist: bool) -> tuple[Ints, Ints]:
    """Ids of songs or artists and their listens more or less, of one genre and region (their codes; None for all)."""
    genre, region = codes
    wanted = np.ones(len(moved), np.bool_)
    if genre is not None:
        wanted &= moved.genres == genre
    if region is not None:
        wanted &= moved.regions == region
    who, places = np.unique((moved.artists if by_artist else moved.songs)[wanted], return_inverse=True)
    return who, np.bincount(places, moved.listens[wanted], len(who)).astype(np.int64)
