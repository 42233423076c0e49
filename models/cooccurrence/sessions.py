"""Songs that people play in one sitting belong together: co-occurrence in sessions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.past import Past, Plays

SILENCE = 300.0  # seconds without music after which a new session begins
CAP = 5  # how often one listener's playing two songs in a session counts at most: an evening on repeat is one opinion
REACH = 20  # songs of a session that stand further apart say little of each other
AT_ONCE = 200_000  # plays whose pairs are in memory at once, and the rest of the last listener's


@dataclass(frozen=True, slots=True)
class Sessions:
    """How much each song is played beside each other."""

    name: ClassVar[str] = "sessions"
    together: Matrix  # float32 [songs × songs], symmetric, the diagonal empty

    @classmethod
    def learn(cls, past: Past, *, least: int = 1, shrunk: float = 0.0) -> "Sessions":
        """The co-occurrences, divided by the root of what both songs have in all; nothing where no play is known.

        s_ij = c_ij / (c_ij + shrunk) * c_ij / sqrt(c_i c_j),   c_ij = sum over listeners u of min(CAP, sessions of u with both)

        What fewer than `least` listeners play together says nothing; `shrunk` trusts rare pairs less.
        """
        songs = past.shape[1]
        if past.plays is None:
            return cls(sp.csr_array((songs, songs), dtype=np.float32))
        counted = co_occurrences(past.plays, songs, least=least)
        totals = np.asarray(counted.sum(axis=1)).ravel().clip(1)
        if shrunk:
            counted.data *= counted.data / (counted.data + np.float32(shrunk))
        scale = sp.diags_array((totals**-0.5).astype(np.float32))
        together = sp.csr_array(scale @ counted @ scale)
        together.sort_indices()
        return cls(together)

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The summed co-occurrence with what was heard [rows × songs]."""
        scores: NDArray[np.float32] = (past.taste(rows) @ self.together).toarray()
        return scores


def session_of_each(plays: Plays) -> Positions:
    """The number of the session of each play: a new one for each listener, and after `SILENCE` from end to start.

    Without times a listener's whole sequence is one session.

    >>> plays = Plays.of(np.zeros(3, int), np.arange(3), np.array([0.0, 200.0, 900.0]), seconds=np.full(3, 180.0))
    >>> session_of_each(plays).tolist()
    [0, 0, 1]
    """
    if not len(plays.at):
        return np.empty(0, dtype=np.int64)
    is_new = np.diff(plays.listeners) != 0
    if plays.is_timed:
        is_new |= plays.at[1:] - (plays.at[:-1] + plays.seconds[:-1]) > SILENCE
    return np.concatenate([[0], np.cumsum(is_new)]).astype(np.int64)


def co_occurrences(plays: Plays, songs: int, *, least: int = 1) -> Matrix:
    """In how many sessions two songs were played at most `REACH` places apart, each listener counted up to `CAP` times.

    Skips are no plays. What fewer than `least` listeners play together is left out. Float32 [songs × songs], symmetric, the
    diagonal empty. Listeners are looked at some at a time, so that memory is bounded by the pairs there are.
    """
    heard = plays.where(~plays.is_skip)
    pairs: Positions = np.empty(0, np.int64)
    counts: NDArray[np.float64] = np.empty(0)
    listeners: NDArray[np.float64] = np.empty(0)
    for part in _parts(heard):
        found, counted, who = _pairs(part, songs)
        both = np.concatenate([pairs, found])
        pairs, where = np.unique(both, return_inverse=True)
        counts = np.bincount(where, np.concatenate([counts, counted]), len(pairs)).astype(np.float64)
        listeners = np.bincount(where, np.concatenate([listeners, who]), len(pairs)).astype(np.float64)
    kept = listeners >= least
    low, high = np.divmod(pairs[kept], songs)
    values = counts[kept].astype(np.float32)
    half = sp.csr_array((values, (low, high)), shape=(songs, songs))
    return sp.csr_array(half + half.T)


def _parts(heard: Plays) -> Iterator[Plays]:
    """The plays of some listeners at a time, whole listeners each."""
    size = len(heard.at)
    starts = np.flatnonzero(np.diff(heard.listeners, prepend=-1))
    start = 0
    while start < size:
        later = starts[starts >= start + AT_ONCE]
        stop = int(later[0]) if len(later) else size
        kept = np.zeros(size, np.bool_)
        kept[start:stop] = True
        yield heard.where(kept)
        start = stop


def _pairs(heard: Plays, songs: int) -> tuple[Positions, NDArray[np.float64], Positions]:
    """Of some plays: pairs of songs as low * songs + high, how often in all, and of how many listeners."""
    session = session_of_each(heard)
    told = []
    for apart in range(1, min(REACH, len(session) - 1) + 1):
        pairs = (session[apart:] == session[:-apart]) & (heard.songs[apart:] != heard.songs[:-apart])
        one, other = heard.songs[:-apart][pairs], heard.songs[apart:][pairs]
        told.append(
            (session[apart:][pairs], np.minimum(one, other) * np.int64(songs) + np.maximum(one, other))
        )
    if not told:
        return np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
    of_session, pair = (np.concatenate(each) for each in zip(*told, strict=True))
    pairs, pair = np.unique(pair, return_inverse=True)  # small numbers, so that two fit into one
    width = np.int64(max(len(pairs), 1))
    once = np.unique(of_session * width + pair)  # a pair counts once a session
    listener_of = np.zeros(int(session.max(initial=0)) + 1, dtype=np.int64)
    listener_of[session] = heard.listeners
    of_listener, counts = np.unique(listener_of[once // width] * width + once % width, return_counts=True)
    pair = of_listener % width
    counted = np.bincount(pair, np.minimum(counts, CAP), len(pairs)).astype(np.float64)
    return pairs.astype(np.int64), counted, np.bincount(pair, minlength=len(pairs)).astype(np.int64)
