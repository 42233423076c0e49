"""The factors of a listener from what they heard, without training: one small linear system, solved exactly."""

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors


def gram(song_factors: Factors) -> Factors:
    """Y'Y [factors × factors], which every fold-in into the same songs shares."""
    product: Factors = song_factors.T @ song_factors
    return product


def fold_in(
    song_factors: Factors, gram_of_all: Factors, confidences: NDArray[np.float32], regularisation: float
) -> NDArray[np.float32]:
    """The row [factors] that minimises a listener's part of the loss, given the songs.

        x = (Y'Y + Y_h' (C - I) Y_h + regularisation I)^-1  Y_h' c

    `song_factors` are the rows Y_h of the songs heard [heard × factors], `confidences` their c [heard], C = diag(c),
    `gram_of_all` is Y'Y over all songs. Source: Hu, Koren, Volinsky 2008, equation 4; unheard songs have c = 1, p = 0.

    >>> songs = np.eye(2, dtype=np.float32)
    >>> fold_in(songs[:1], gram(songs), np.array([3.0], np.float32), regularisation=1.0).tolist()
    [0.75, 0.0]
    """
    weighted = song_factors * (confidences - 1)[:, None]
    ridge = regularisation * np.eye(gram_of_all.shape[0])
    system = gram_of_all.astype(np.float64) + weighted.T.astype(np.float64) @ song_factors + ridge
    return np.linalg.solve(system, song_factors.T.astype(np.float64) @ confidences).astype(np.float32)
