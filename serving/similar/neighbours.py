"""Finds the songs whose factors point the way that one song's do: the same people listen to them."""

import weakref
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors, Positions
from models.bundle import Bundle


@dataclass(slots=True)
class Lengths:
    """The lengths of the factors of the bundle that serves, worked out once."""

    _known: tuple[weakref.ref[Bundle], NDArray[np.float32]] | None = field(default=None)

    def of(self, bundle: Bundle) -> NDArray[np.float32]:
        """float32 [songs]; it holds no bundle in memory."""
        known = self._known
        if known is not None and known[0]() is bundle:
            return known[1]
        factors = bundle.song_factors
        lengths: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", factors, factors))
        self._known = (weakref.ref(bundle), lengths)
        return lengths


@dataclass(frozen=True, slots=True)
class ArtistSpace:
    """The artists of a bundle by the sum of their songs' factors: those to whom people listen most speak loudest."""

    artist_ids: Positions  # ascending
    factors: Factors  # [artists × factors]
    lengths: NDArray[np.float32]
    songs: Positions  # of each the position of one song, for the name

    @classmethod
    def of(cls, song_factors: Factors, artists: NDArray[np.int64]) -> Self:
        """From the factors and the artist of each song.

        >>> space = ArtistSpace.of(np.ones((3, 2), np.float32), np.array([9, 4, 9]))
        >>> space.artist_ids.tolist(), space.factors.tolist()
        ([4, 9], [[1.0, 1.0], [2.0, 2.0]])
        """
        order = np.argsort(artists, kind="stable")
        ids, starts = np.unique(artists[order], return_index=True)
        factors = np.add.reduceat(song_factors[order], starts, axis=0) if len(ids) else song_factors[:0]
        return cls(ids, factors, np.sqrt(np.einsum("ij,ij->i", factors, factors)), order[starts])


@dataclass(slots=True)
class ArtistSpaces:
    """That of the bundle that serves, worked out when somebody first asks."""

    _known: tuple[weakref.ref[Bundle], ArtistSpace] | None = field(default=None)

    def of(self, bundle: Bundle, artists: NDArray[np.int64]) -> ArtistSpace:
        """It holds no bundle in memory."""
        known = self._known
        if known is not None and known[0]() is bundle:
            return known[1]
        space = ArtistSpace.of(bundle.song_factors, artists)
        self._known = (weakref.ref(bundle), space)
        return space


def closest(
    factors: Factors, lengths: NDArray[np.float32], place: int, limit: int, among: Positions | None = None
) -> tuple[Positions, NDArray[np.float32]]:
    """The positions of the songs most like the one at `place` and how much they are, the most alike first.

        cosine(i, j) = ⟨y_i, y_j⟩ / (|y_i| |y_j|)

    Only songs with a cosine above 0, `among` some positions or all of them; equal ones by position. A song whose
    factors are zeros is like none, and none is like it.

    >>> rows = np.array([[1, 0], [2, 0], [1, 1], [-1, 0], [0, 0]], np.float32)
    >>> closest(rows, np.linalg.norm(rows, axis=1), 0, 5)[0].tolist()
    [1, 2]
    """
    if among is None:
        products, sizes = factors @ factors[place], lengths
    else:
        products, sizes = factors[among] @ factors[place], lengths[among]
    scale = sizes * lengths[place]
    cosines = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    places = np.arange(len(factors)) if among is None else among
    cosines[places == place] = 0
    candidates = np.flatnonzero(cosines > 0)
    if len(candidates) > limit:
        least = np.partition(cosines[candidates], len(candidates) - limit)[len(candidates) - limit]
        candidates = candidates[cosines[candidates] >= least]
    best = candidates[np.lexsort((places[candidates], -cosines[candidates]))][:limit]
    return places[best].astype(np.int64), np.minimum(cosines[best], 1)
