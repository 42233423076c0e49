"""The ALS committee as a retriever: whoever asks is folded in, so that it knows listeners it was not trained on."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.als.confidence import damping_of_songs
from models.als.fold_in import FoldIn
from models.als.training import Parameters, Progress, train
from models.arrays import Factors, Positions
from models.past import Past


@dataclass(frozen=True, slots=True)
class Als:
    """The factors of songs, and how listeners are folded into them."""

    name: ClassVar[str] = "ALS"
    song_factors: Factors  # [songs × factors]
    damping: NDArray[np.float64]  # [songs]
    parameters: dict[str, Any]

    @classmethod
    def learn(
        cls,
        past: Past,
        parameters: Parameters | None = None,
        seed: int = 1,
        *,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> "Als":
        """Train the committee."""
        chosen = replace(parameters or Parameters(), seed=seed)
        model = train(past.listens, chosen, threads=threads, progress=progress)
        damping = damping_of_songs(past.listens, chosen.damping)
        return cls(model.song_factors, damping, chosen.as_dict())

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The inner products with each listener's folded-in row [rows × songs]."""
        heard = past.listens[rows]
        folding = FoldIn.of(self.song_factors, self.damping, Parameters.of(self.parameters))
        listeners = np.zeros((len(rows), self.song_factors.shape[1]), np.float32)
        for place in range(len(rows)):
            cells = slice(heard.indptr[place], heard.indptr[place + 1])
            row = folding.row(heard.indices[cells].astype(np.int64), heard.data[cells])
            if row is not None:
                listeners[place] = row
        scores: NDArray[np.float32] = listeners @ self.song_factors.T
        return scores
