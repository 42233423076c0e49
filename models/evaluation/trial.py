"""One trial of a model: what it may learn from, what is judged, and how well its lists did."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from foundation.contracts.tables import Interactions as Columns
from models.arrays import Matrix, Positions
from models.evaluation import batch
from models.evaluation.ranking import Scores, ranked
from models.interactions import Interactions, positions


@dataclass(frozen=True, slots=True)
class Trial:
    """Training interactions over the whole catalogue, and what each judged listener should have been given.

    A listener is judged when they have history to learn from and something held out.
    """

    train: Interactions
    rows: Positions  # of the judged listeners in `train`
    relevant: Matrix  # [judged listeners × songs]

    @classmethod
    def of(cls, train: pl.DataFrame, held_out: pl.DataFrame) -> "Trial":
        """The trial that two disjoint sets of rows make; the catalogue is every song of either."""
        song_ids = np.unique(
            pl.concat([train[Columns.song_id], held_out[Columns.song_id]]).cast(pl.Int64).to_numpy()
        )
        learnt = Interactions.of(train, song_ids)
        listeners = learnt.rows_of(held_out[Columns.listener_id].cast(pl.Int64).to_numpy())
        songs = positions(song_ids, held_out[Columns.song_id].cast(pl.Int64).to_numpy())
        judged = listeners >= 0
        cells = (np.ones(judged.sum(), np.float32), (listeners[judged], songs[judged]))
        relevant = sp.coo_array(cells, shape=learnt.listens.shape).tocsr()
        rows = np.flatnonzero(np.diff(relevant.indptr))
        return cls(learnt, rows, relevant[rows])

    def sample(self, size: int, rng: np.random.Generator) -> "Trial":
        """The same trial over at most `size` of its judged listeners."""
        if len(self.rows) <= size:
            return self
        chosen = np.sort(rng.choice(len(self.rows), size, replace=False))
        return Trial(self.train, self.rows[chosen], self.relevant[chosen])

    def lists(self, score: Scores, k: int) -> Positions:
        """The k best songs for each judged listener, without those they are known to have heard."""
        return ranked(score, self.train.listens, self.rows, k)

    def judge(self, lists: Positions, k: int) -> "Verdict":
        """How good lists of song positions [judged listeners × places] are."""
        songs = len(self.train.song_ids)
        return Verdict(
            batch.measure(lists, self.relevant, k),
            coverage=batch.coverage(lists[:, :k], songs),
            popularity=batch.mean_popularity(lists[:, :k], self.train.listens),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The measures of every judged listener, and what the lists are like as a whole."""

    measures: dict[str, NDArray[np.float64]]  # by name, [judged listeners]
    coverage: float
    popularity: float

    def means(self) -> dict[str, float]:
        """The mean of each measure over listeners, 0 where nobody was judged."""
        return {name: float(values.mean()) if len(values) else 0.0 for name, values in self.measures.items()}
