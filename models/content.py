"""What the words of a version's songs say of them beside its model of taste: neighbours, and places for songs nobody has heard."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions
from models.cold.ridge import learn
from models.embeddings.neighbours import nearest_rows

NEIGHBOURS = 10


@dataclass(frozen=True)
class Content:
    """Positions are those of the bundle's songs. Without songs it says nothing, of a version that has no texts."""

    neighbours: NDArray[np.int32] = field(
        default_factory=lambda: np.empty((0, 0), np.int32)
    )  # [songs × k], -1: none
    likeness: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))  # cosines
    placed: Positions = field(
        default_factory=lambda: np.empty(0, np.int64)
    )  # songs without listens, ascending
    placed_factors: Factors = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @classmethod
    def of(cls, texts: Factors, factors: Factors, listens: NDArray[np.int64]) -> Self:
        """What text vectors [songs × dimensions], zeros where there is none, say of songs with these factors and listens."""
        told, known = texts.any(axis=1), factors.any(axis=1)
        taught = told & known
        cold_map = learn(texts[taught], factors[taught], listens[taught])
        placed = np.flatnonzero(told & ~known)
        near = nearest_rows(texts, NEIGHBOURS)
        return cls(
            near.places,
            near.likeness,
            placed,
            cold_map.places(texts[placed]),
        )

    def of_songs(self, kept: Positions, songs: int) -> Self:
        """The same of some of its `songs` songs, at these positions, ascending."""
        moved = np.full(songs + 1, -1, np.int64)  # the last for "none"
        moved[kept] = np.arange(len(kept))
        stays = moved[self.placed] >= 0
        has_neighbours = len(self.neighbours) > 0
        places = moved[self.neighbours[kept]].astype(np.int32) if has_neighbours else self.neighbours
        return replace(
            self,
            neighbours=places,
            likeness=np.where(places >= 0, self.likeness[kept], 0) if has_neighbours else self.likeness,
            placed=moved[self.placed[stays]],
            placed_factors=self.placed_factors[stays],
        )
