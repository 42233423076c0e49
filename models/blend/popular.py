"""What any retriever must beat: the songs that most people know, for everybody."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.arrays import Positions
from models.past import Past


@dataclass(frozen=True, slots=True)
class Popular:
    """How many listeners each song has."""

    name: ClassVar[str] = "most popular"
    known: NDArray[np.int64]

    @classmethod
    def learn(cls, past: Past) -> "Popular":
        """Count them."""
        return cls(past.known())

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """The number of listeners of each song, the same for everybody [rows × songs]."""
        return np.tile(self.known.astype(np.float32), (len(rows), 1))
