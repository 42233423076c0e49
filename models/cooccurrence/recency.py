"""What was heard last says more of what comes next: fades a listener's history, for whatever retriever reads it."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.past import Past, Plays
from models.retriever import Retriever

__all__ = ["Plays", "Recently", "recent"]


@dataclass(frozen=True, slots=True)
class Recently:
    """Another retriever, asked by what a listener heard lately."""

    name: ClassVar[str] = "recently"
    inner: Retriever
    memory: float
    floor: float  # what the oldest song counts beside the newest, which counts 1 + floor

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The inner retriever's scores of the faded history [rows × songs]."""
        asked = past.only(rows)
        faded = replace(asked, emphasis=recent(asked, self.memory, self.floor))
        return self.inner.scores(faded, np.arange(len(rows)))


def recent(past: Past, memory: float, floor: float = 0.0) -> Matrix:
    """How much each song heard counts now, float32 [listeners × songs]: `floor` + memory^(how many songs came later).

    A song counts from its last play. Where no play is known all songs count as much as the newest.

    >>> plays = Plays.of(np.zeros(3, int), np.array([2, 0, 2]), np.arange(3.0), is_timed=False)
    >>> recent(Past.of_plays(plays, 1, 3), 0.5).toarray()
    array([[0.5, 0. , 1. ]], dtype=float32)
    """
    if past.plays is None:
        return past.binary()
    heard = past.plays.where(~past.plays.is_skip)
    width = np.int64(past.shape[1])
    pair = (heard.listeners * width + heard.songs)[::-1]
    _, newest_first = np.unique(pair, return_index=True)
    last = np.sort(len(pair) - 1 - newest_first)  # the last play of each song of each listener, in order
    listeners, songs = heard.listeners[last], heard.songs[last]
    later = np.searchsorted(listeners, listeners, side="right") - 1 - np.arange(len(last))
    weights = (floor + memory**later).astype(np.float32)
    found = sp.csr_array((weights, (listeners, songs)), shape=past.shape)
    if found.nnz < past.listens.nnz:  # songs known from play counts without times are as old as can be
        found = sp.csr_array(found + (floor * (past.binary() - (found > 0).astype(np.float32))))
    found.sort_indices()
    return found
