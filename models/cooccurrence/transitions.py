"""What is played next after what: a Markov chain over songs, with a memory of some steps."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.cooccurrence.recency import recent
from models.past import Past


@dataclass(frozen=True, slots=True)
class Transitions:
    """How often each song follows each other soon."""

    name: ClassVar[str] = "transitions"
    follows: Matrix  # float32 [songs × songs], from a song to those that followed it
    memory: float  # what a listener's song counts, for each later one of theirs

    @classmethod
    def learn(
        cls,
        past: Past,
        reach: int = 10,
        fading: float = 0.8,
        backwards: float = 0.5,
        target: float = 0.3,
        memory: float = 0.8,
    ) -> "Transitions":
        """The chain; nothing where no play is known.

            f_ij = k_j^-target  sum over plays of i, then j after d = 1..reach steps, of  fading^(d - 1)

        plus `backwards` times f_ji: what stood before a song tells of it too. Skips are left out.
        """
        songs = past.shape[1]
        if past.plays is None:
            return cls(sp.csr_array((songs, songs), dtype=np.float32), memory)
        heard = past.plays.where(~past.plays.is_skip)
        chain = sp.csr_array((songs, songs), dtype=np.float32)
        for apart in range(1, min(reach, len(heard.songs) - 1) + 1):
            pairs = heard.listeners[apart:] == heard.listeners[:-apart]
            pairs &= heard.songs[apart:] != heard.songs[:-apart]
            cells = heard.songs[:-apart][pairs], heard.songs[apart:][pairs]
            steps = np.full(len(cells[0]), fading ** (apart - 1), np.float32)
            chain = chain + sp.coo_array((steps, cells), shape=(songs, songs)).tocsr()
        both = chain + backwards * chain.T
        scale = past.known().clip(1).astype(np.float64) ** -target
        follows = sp.csr_array((both @ sp.diags_array(scale.astype(np.float32))).astype(np.float32))
        follows.sort_indices()
        return cls(follows, memory)

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """How much leads from a listener's latest songs to each other [rows × songs]."""
        scores: NDArray[np.float32] = (recent(past.only(rows), self.memory) @ self.follows).toarray()
        return scores
