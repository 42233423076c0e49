"""Refuses an evaluation in which a model saw what it is judged by: a number that is too good is worse than none."""

import numpy as np
from numpy.typing import NDArray

from foundation.errors import Problem
from models.arrays import Matrix, Positions
from models.evaluation.batch import hits
from models.past import Past


class LeakedHistory(Problem):
    """What should be predicted is in what was learnt from, or a list shows what was known."""

    status, title = 500, "The evaluation leaks"


def refuse_overlap(train: Matrix, relevant: Matrix, rows: Positions) -> None:
    """Raise LeakedHistory when a judged pair is also a training pair; row i of `relevant` is row `rows[i]` of `train`."""
    shared = (train[rows].astype(bool).multiply(relevant.astype(bool))).nnz
    if shared:
        raise LeakedHistory(f"{shared} of the pairs to predict were learnt from")


def refuse_heard(lists: Positions, heard: Matrix, rows: Positions) -> None:
    """Raise LeakedHistory when lists of discoveries show what their listeners are known to have heard, or one song twice."""
    shown = int(hits(lists, heard[rows]).sum())
    if shown:
        raise LeakedHistory(f"{shown} places of the lists show what the listener had heard")
    ascending = np.sort(lists, axis=1)
    if ((ascending[:, 1:] == ascending[:, :-1]) & (ascending[:, 1:] >= 0)).any():
        raise LeakedHistory("a list shows a song twice")


def refuse_future(past: Past, until: NDArray[np.float64]) -> None:
    """Raise LeakedHistory when a play of the past is not before the moment, in seconds, that parts its listener's past and future."""
    if past.plays is None:
        return
    late = int((past.plays.at >= until[past.plays.listeners]).sum())
    if late:
        raise LeakedHistory(f"{late} plays of the past are from the future")
