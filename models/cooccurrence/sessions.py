"""Songs that people play in one sitting belong together: co-occurrence in sessions."""

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


@dataclass(frozen=True, slots=True)
class Sessions:
    """How much each song is played beside each other."""

    name: ClassVar[str] = "sessions"
    together: Matrix  # float32 [songs × songs], symmetric, the diagonal empty

    @classmethod
    def learn(cls, past: Past) -> "Sessions":
        """The co-occurrences, divided by the root of what both songs have in all; nothing where no play is known.

        s_ij = c_ij / sqrt(c_i c_j),   c_ij = sum over listeners u of min(CAP, sessions of u with i and j)
        """
        songs = past.shape[1]
        if past.plays is None:
            return cls(sp.csr_array((songs, songs), dtype=np.float32))
        counted = co_occurrences(past.plays, songs)
        totals = np.asarray(counted.sum(axis=1)).ravel().clip(1)
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


def co_occurrences(plays: Plays, songs: int) -> Matrix:
    """In how many sessions two songs were played at most `REACH` places apart, each listener counted up to `CAP` times.

    Skips are no plays. Float32 [songs × songs], symmetric, the diagonal empty.
    """
    heard = plays.where(~plays.is_skip)
    session = session_of_each(heard)
    told = []
    for apart in range(1, min(REACH, len(session) - 1) + 1):
        pairs = (session[apart:] == session[:-apart]) & (heard.songs[apart:] != heard.songs[:-apart])
        one, other = heard.songs[:-apart][pairs], heard.songs[apart:][pairs]
        low, high = np.minimum(one, other), np.maximum(one, other)
        told.append(np.column_stack([session[apart:][pairs], low, high]))
    if not told:
        return sp.csr_array((songs, songs), dtype=np.float32)
    once = np.unique(np.concatenate(told), axis=0)  # a pair counts once a session
    listener_of = np.zeros(int(session.max()) + 1, dtype=np.int64)
    listener_of[session] = heard.listeners
    by_listener = np.column_stack([listener_of[once[:, 0]], once[:, 1:]])
    pairs, counts = np.unique(by_listener, axis=0, return_counts=True)
    values = np.minimum(counts, CAP).astype(np.float32)
    half = sp.coo_array((values, (pairs[:, 1], pairs[:, 2])), shape=(songs, songs)).tocsr()
    return sp.csr_array(half + half.T)
