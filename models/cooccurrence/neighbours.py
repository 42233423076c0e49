"""Item-kNN as a retriever: a listener likes what is heard by the same people as what they heard."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.cooccurrence.item_knn import cosine_neighbours
from models.past import Past


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The songs most like each song, by the cosine of their listeners."""

    name: ClassVar[str] = "item-kNN"
    similar: Matrix  # float32 [songs × songs], row i the neighbours of i

    @classmethod
    def learn(cls, past: Past, neighbours: int = 200) -> "Neighbours":
        """The neighbours of every song, so many at most."""
        return cls(cosine_neighbours(past.listens, neighbours))

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The summed similarity to what was heard [rows × songs]."""
        scores: NDArray[np.float32] = (past.binary()[rows] @ self.similar.T).toarray()
        return scores
