"""The factors of a listener from what they heard, without training: a small linear system a member, solved exactly."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from models.als.confidence import confidence_of_one, damping_of_songs
from models.als.parameters import Parameters
from models.arrays import Factors, Matrix, Positions

# How much more the newest listens count than what training knew: a feed follows the mood of the hour. Chosen by the
# next songs of real sequences (docs/evaluation.md): more emphasis finds fewer.
NEWEST, EMPHASIS = 5, 2.0


def gram(song_factors: Factors) -> Factors:
    """Y'Y [factors × factors], which every fold-in into the same songs shares."""
    product: Factors = song_factors.T @ song_factors
    return product


def fold_in(
    song_factors: Factors,
    gram_of_all: NDArray[np.floating],
    confidences: NDArray[np.float32],
    regularisation: float,
) -> NDArray[np.float32]:
    """The row [factors] that minimises a listener's part of the loss, given the songs.

        x = (Y'Y + Y_h' (C - I) Y_h + regularisation I)^-1  Y_h' c

    `song_factors` are the rows Y_h of the songs heard [heard × factors], `confidences` their c [heard], C = diag(c),
    `gram_of_all` is Y'Y over all songs. Source: Hu, Koren, Volinsky 2008, equation 4; unheard songs have c = 1, p = 0.

    >>> songs = np.eye(2, dtype=np.float32)
    >>> fold_in(songs[:1], gram(songs), np.array([3.0], np.float32), regularisation=1.0).tolist()
    [0.75, 0.0]
    """
    # The sums over songs stay in the factors' precision, four times faster; the solution is found in doubles.
    system = (
        gram_of_all.astype(np.float64, copy=False)
        + (song_factors * (confidences - 1)[:, None]).T @ song_factors
    )
    wanted = (confidences @ song_factors).astype(np.float64)
    system.reshape(-1)[:: len(system) + 1] += regularisation
    # LAPACK's own door: for systems this small scipy's checks would take as long as the solution.
    _, row, failure = lapack.dposv(system.T, wanted)
    if failure:  # a regularisation of zero and too few songs: many rows are as good, and this is the shortest
        row = np.linalg.lstsq(system, wanted)[0]
    folded: NDArray[np.float32] = row.astype(np.float32)
    return folded


@dataclass(frozen=True, slots=True)
class FoldIn:
    """Folds listens into a trained committee, as training would have: what all listeners share is computed once."""

    song_factors: Factors  # [songs × factors], the members side by side
    grams: tuple[NDArray[np.float64], ...]  # of each member
    damping: NDArray[np.float64]  # [songs]
    is_known: NDArray[np.bool_]  # [songs]: whether the model has anything to say of a song
    parameters: Parameters

    @classmethod
    def into(cls, song_factors: Factors, heard: Matrix, parameters: Parameters) -> Self:
        """What fold-ins share, from the songs and who had heard them when they were trained."""
        return cls.of(song_factors, damping_of_songs(heard, parameters.damping), parameters)

    @classmethod
    def of(cls, song_factors: Factors, damping: NDArray[np.float64], parameters: Parameters) -> Self:
        """The same, from the damping of every song that `damping_of_songs` gave."""
        if song_factors.shape[1] != parameters.factors:
            raise ValueError(f"{song_factors.shape[1]} factors are not those of members {parameters.members}")
        return cls(
            song_factors,
            tuple(gram(block).astype(np.float64) for block in _blocks(song_factors, parameters)),
            damping,
            np.asarray(song_factors.any(axis=1)),
            parameters,
        )

    def row(
        self, songs: Positions, listens: NDArray[np.float32], newest: Positions | None = None
    ) -> Factors | None:
        """The factors [factors] of whoever heard these songs so often; None when the model knows none of the songs.

        `songs` ascend. The songs of `newest` count `EMPHASIS` times as much. Without them, folding in what training
        knew of a listener gives the row that training gave.
        """
        known = self.is_known[songs]
        songs, listens = songs[known], listens[known]
        if not len(songs):
            return None
        sure = confidence_of_one(
            listens, self.damping[songs], self.parameters.weighting, self.parameters.alpha
        )
        if newest is not None:
            places = songs.searchsorted(newest)
            sure[places[songs.take(places, mode="clip") == newest]] *= EMPHASIS
        heard, regularisation = self.song_factors[songs], self.parameters.regularisation
        if len(self.grams) == 1:
            return fold_in(heard, self.grams[0], sure, regularisation)
        members = [
            fold_in(block, gram_of_all, sure, regularisation)
            for block, gram_of_all in zip(_blocks(heard, self.parameters), self.grams, strict=True)
        ]
        return np.concatenate(members) / np.float32(len(members))


def _blocks(factors: Factors, parameters: Parameters) -> list[Factors]:
    """The columns of each member."""
    ends = list(accumulate(parameters.members))
    return [factors[:, end - width : end] for end, width in zip(ends, parameters.members, strict=True)]
