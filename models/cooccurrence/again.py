"""What a listener plays again: what they played often and lately, as memory itself fades.

    score_ui = sum over u's plays of i, t hours ago, of  (t + 1)^-decay

Source: the base-level activation of ACT-R (Anderson and Schooler, 1991), found in music by Reiter-Haas et al., "Predicting
music relistening behavior using the ACT-R framework", 2021.
"""

import numpy as np
import scipy.sparse as sp

from models.arrays import Matrix
from models.past import Past

DECAY = 0.5
HOUR = 3600.0


def activation(past: Past, decay: float = DECAY) -> Matrix:
    """How present each known song is to each listener at the end of the past: float32 [listeners × songs].

    With a decay of 0 it is the number of plays. What is known from play counts without times was heard before all else.

    >>> from models.past import Plays
    >>> plays = Plays.of(np.zeros(3, int), np.array([0, 0, 1]), np.array([0.0, 0.0, 99 * HOUR]))
    >>> activation(Past.of_plays(plays, 1, 2)).toarray()
    array([[0.2, 1. ]], dtype=float32)
    """
    heard = past.plays.where(~past.plays.is_skip) if past.plays is not None else None
    if heard is None or not len(heard.at):
        return past.listens.copy()
    unit = HOUR if heard.is_timed else 1.0
    ages = (heard.at.max() - heard.at) / unit
    cells = (((ages + 1) ** -decay).astype(np.float32), (heard.listeners, heard.songs))
    timed = sp.coo_array(cells, shape=past.shape).tocsr()
    untimed = past.listens - Past.of_plays(heard, *past.shape).listens
    untimed.data *= (ages.max() + 1) ** -decay
    untimed.eliminate_zeros()
    present = sp.csr_array((timed + untimed).astype(np.float32))
    present.sort_indices()
    return present
