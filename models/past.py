"""What models may learn from: who listened to what how often and, where it is known, in which order and for how long."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions


@dataclass(frozen=True, slots=True)
class Plays:
    """Plays, each listener's in order of time: row i of every array is one play."""

    listeners: Positions  # rows
    songs: Positions  # columns
    at: NDArray[
        np.float64
    ]  # when it began, in seconds; where no times are known, its place in the listener's sequence
    seconds: NDArray[np.float64]  # how long it was played
    is_skip: NDArray[np.bool_]  # broken off before it counted
    is_timed: bool  # whether `at` are seconds

    @classmethod
    def of(
        cls,
        listeners: Positions,
        songs: Positions,
        at: NDArray[np.float64],
        *,
        seconds: NDArray[np.float64] | None = None,
        is_skip: NDArray[np.bool_] | None = None,
        is_timed: bool = True,
    ) -> "Plays":
        """The plays in order of listener and time; of one moment, in the order given."""
        order = np.lexsort((at, listeners))
        lengths = np.zeros(len(at)) if seconds is None else seconds
        skips = np.zeros(len(at), dtype=np.bool_) if is_skip is None else is_skip
        return cls(listeners[order], songs[order], at[order], lengths[order], skips[order], is_timed)

    def where(self, kept: NDArray[np.bool_]) -> "Plays":
        """Those plays alone."""
        return Plays(
            self.listeners[kept],
            self.songs[kept],
            self.at[kept],
            self.seconds[kept],
            self.is_skip[kept],
            self.is_timed,
        )


@dataclass(frozen=True, slots=True)
class Past:
    """How often each listener listened to each song, and the plays themselves where they are known."""

    listens: Matrix  # float32 [listeners × songs], sorted; a stored cell is more than 0
    plays: Plays | None = None
    emphasis: Matrix | None = (
        None  # how much each of those cells says of its listener now; None: all as much, 1
    )

    @classmethod
    def of_plays(cls, plays: Plays, listeners: int, songs: int) -> "Past":
        """The past that plays tell; skips count as no listen."""
        heard = plays.where(~plays.is_skip)
        cells = (np.ones(len(heard.songs), np.float32), (heard.listeners, heard.songs))
        matrix = sp.coo_array(cells, shape=(listeners, songs)).tocsr()
        matrix.sort_indices()
        return cls(matrix, plays)

    @property
    def shape(self) -> tuple[int, int]:
        """Listeners and songs."""
        return int(self.listens.shape[0]), int(self.listens.shape[1])

    def binary(self) -> Matrix:
        """1 where a listener heard a song, float32 [listeners × songs]."""
        heard = self.listens
        return sp.csr_array((np.ones(heard.nnz, np.float32), heard.indices, heard.indptr), shape=heard.shape)

    def strength(self) -> Matrix:
        """How much each song was heard, on its listener's own scale (`loudness`): 1 everywhere where no counts are known."""
        heard = self.listens
        return sp.csr_array(
            (loudness(heard).astype(np.float32), heard.indices, heard.indptr), shape=heard.shape
        )

    def taste(self, rows: Positions) -> Matrix:
        """What the listeners in `rows` are asked by: `emphasis` where there is one, else the strength of each song heard."""
        if self.emphasis is not None:
            return self.emphasis[rows]
        return Past(self.listens[rows]).strength()

    def only(self, rows: Positions) -> "Past":
        """The past of the listeners in `rows` alone, in that order: they become rows 0, 1, 2 …"""
        place = np.full(self.shape[0], -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        plays = self.plays
        if plays is not None:
            kept = plays.where(place[plays.listeners] >= 0)
            plays = Plays.of(
                place[kept.listeners],
                kept.songs,
                kept.at,
                seconds=kept.seconds,
                is_skip=kept.is_skip,
                is_timed=kept.is_timed,
            )
        return Past(self.listens[rows], plays, None if self.emphasis is None else self.emphasis[rows])

    def known(self) -> NDArray[np.int64]:
        """How many listeners each song has [songs]."""
        return np.bincount(self.listens.indices, minlength=self.shape[1])

    def without(self, is_hidden: NDArray[np.bool_]) -> "Past":
        """The past without some of the cells of `listens`, in the order they are stored, and without their plays.

        What is left says as much as any other: `emphasis` is not kept.
        """
        heard = self.listens
        rows = np.repeat(np.arange(heard.shape[0]), np.diff(heard.indptr))
        kept = ~is_hidden
        matrix = sp.csr_array((heard.data[kept], (rows[kept], heard.indices[kept])), shape=heard.shape)
        matrix.sort_indices()
        if self.plays is None:
            return Past(matrix)
        songs = np.int64(heard.shape[1])
        hidden = rows[is_hidden] * songs + heard.indices[is_hidden]
        asked = self.plays.listeners * songs + self.plays.songs
        return Past(matrix, self.plays.where(~np.isin(asked, hidden)))


def loudness(listens: Matrix) -> NDArray[np.float64]:
    """How much each pair was heard beside the listener's other songs [stored cells]: ln(1 + n), divided by its mean for them.

    So a heavy listener is no louder than a light one, and who has no counts has 1 everywhere.

    >>> loudness(sp.csr_array([[1.0, 0.0, 100.0], [3.0, 0.0, 0.0]])).round(2)
    array([0.26, 1.74, 1.  ])
    """
    logarithms = np.log1p(listens.data.astype(np.float64))
    songs = np.diff(listens.indptr)
    of_listener = np.repeat(np.arange(listens.shape[0]), songs)
    means = np.bincount(of_listener, logarithms, minlength=listens.shape[0]) / songs.clip(1)
    loud: NDArray[np.float64] = logarithms / means[of_listener]
    return loud
