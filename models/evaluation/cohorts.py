"""For whom lists are good: the measures of new, light and heavy listeners, and of songs of the head, the middle and the tail."""

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.evaluation.batch import measure
from models.evaluation.character import popularity_thirds

NEW = 10  # songs in the history of a listener who is new, at most
OF_LISTENERS = ("new", "light", "heavy")
OF_SONGS = ("head", "middle", "tail")
IN_WORDS = {
    **{name: f"{name} listeners" for name in OF_LISTENERS},
    **{name: f"songs of the {name}" for name in OF_SONGS},
}

Values = NDArray[np.float64]  # one number per listener of a cohort


def by_cohort(
    lists: Positions, relevant: Matrix, heard: Matrix, rows: Positions, k: int
) -> dict[str, Mapping[str, Values]]:
    """Every measure at k for the listeners of each cohort, by its name: lists [judged × places], relevant [judged × songs].

    Of a cohort of songs only what is loved of its third of all listening counts, for those listeners who love any of it.
    Who is in a cohort hangs on `heard` and `relevant` alone, so that the values of two systems are of the same listeners.
    """
    told: dict[str, Mapping[str, Values]] = {}
    whole, cohort = measure(lists, relevant, k), cohort_of_listeners(heard, rows)
    for number, name in enumerate(OF_LISTENERS):
        told[name] = {each: values[cohort == number] for each, values in whole.items()}
    thirds = popularity_thirds(heard)
    for number, name in enumerate(OF_SONGS):
        inside = sp.csr_array(relevant @ sp.diags_array((thirds == number).astype(np.float32)))
        inside.eliminate_zeros()
        judged = np.flatnonzero(np.diff(inside.indptr))
        told[name] = measure(lists[judged], inside[judged], k)
    return told


def cohort_of_listeners(heard: Matrix, rows: Positions) -> Positions:
    """0 for new listeners, 1 for light and 2 for heavy ones, of those in `rows`.

    New is who has heard at most ten songs; of the others, those below their median number of songs are light.

    >>> heard = sp.csr_array(np.tri(40)[[0, 14, 20, 39]])
    >>> cohort_of_listeners(heard, np.arange(4)).tolist()
    [0, 1, 2, 2]
    """
    songs = np.diff(heard.indptr)[rows]
    others = songs[songs > NEW]
    middle = np.median(others) if len(others) else 0
    return np.where(songs <= NEW, 0, np.where(songs < middle, 1, 2)).astype(np.int64)
