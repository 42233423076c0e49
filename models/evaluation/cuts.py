"""Parts a past once more, so that parameters are chosen by listeners held back from it and never by what is judged."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.past import Past

Cut = Literal["random", "time", "last"]  # how what is judged was parted from the past
SHARE = 0.2  # of a held-back listener's songs, or of all plays
ENOUGH = 2_000  # listeners to choose by
FOLDS = 4  # at most: a quarter of the listeners is held back at a time, so that songs keep most of theirs


@dataclass(frozen=True, slots=True)
class Held:
    """An earlier past, and what its listeners in `rows` came to love."""

    past: Past
    rows: Positions
    relevant: Matrix  # [rows × songs]


def held_back(past: Past, cut: Cut, rng: np.random.Generator) -> list[Held]:
    """The past parted again as it was parted from what is judged; several times where listeners are few.

    random   a fifth of the songs of some listeners, everybody else's kept whole: models are as well fed as they will be
    time     what was first heard in the last fifth of all plays, of everybody
    last     the last song of everybody

    Of a cut by time or by last that leaves nobody to judge, or where no play is known, rows are held back at random.
    """
    if past.plays is not None and cut != "random":
        held = _by_time(past) if cut == "time" else _last(past)
        if len(held.rows):
            return [_fewer(held, rng)]
    shuffled = rng.permutation(past.shape[0])
    quarters = np.array_split(shuffled, FOLDS)
    if past.shape[0] > ENOUGH * FOLDS:
        quarters = [shuffled[: ENOUGH + ENOUGH // 2]]
    folds = [_random(past, np.sort(each), rng) for each in quarters]
    return [fold for fold in folds if len(fold.rows)]


def _random(past: Past, who: Positions, rng: np.random.Generator) -> Held:
    heard = past.listens
    songs = np.diff(heard.indptr)
    rows = np.repeat(np.arange(past.shape[0]), songs)
    order = np.lexsort((rng.random(heard.nnz), rows))
    place = np.empty(heard.nnz, dtype=np.int64)
    place[order] = np.arange(heard.nnz) - heard.indptr[rows]
    wanted = np.zeros(past.shape[0], dtype=np.int64)
    wanted[who] = np.minimum(np.round(songs[who] * SHARE).clip(1), songs[who] - 1).clip(0)
    is_hidden: NDArray[np.bool_] = place < wanted[rows]
    return _held(past.without(is_hidden), rows[is_hidden], heard.indices[is_hidden])


def _by_time(past: Past) -> Held:
    plays = past.plays
    assert plays is not None
    heard = plays.where(~plays.is_skip)
    until = np.quantile(heard.at, 1 - SHARE) if len(heard.at) else 0.0
    earlier = Past.of_plays(plays.where(plays.at < until), *past.shape)
    untimed = past.listens - Past.of_plays(plays, *past.shape).listens
    untimed.data = np.maximum(untimed.data, 0)  # plays may be told that were not counted
    untimed.eliminate_zeros()
    listens = sp.csr_array(earlier.listens + untimed)
    listens.sort_indices()
    later = heard.where(heard.at >= until)
    return _held(Past(listens, earlier.plays), later.listeners, later.songs)


def _last(past: Past) -> Held:
    plays = past.plays
    assert plays is not None
    is_last = np.concatenate([np.diff(plays.listeners) != 0, [True]]) if len(plays.at) else np.empty(0, bool)
    earlier = Past.of_plays(plays.where(~is_last), *past.shape)
    return _held(earlier, plays.listeners[is_last], plays.songs[is_last])


def _held(past: Past, listeners: Positions, songs: Positions) -> Held:
    """Judged is who has a past, by what is not in it."""
    cells = (np.ones(len(listeners), np.float32), (listeners, songs))
    loved = sp.coo_array(cells, shape=past.shape).tocsr()
    loved.data[:] = 1
    known = (loved.astype(bool).multiply(past.listens.astype(bool))).astype(np.float32)
    loved = sp.csr_array(loved - known)
    loved.eliminate_zeros()
    rows = np.flatnonzero((np.diff(loved.indptr) > 0) & (np.diff(past.listens.indptr) > 0))
    return Held(past, rows, loved[rows])


def _fewer(held: Held, rng: np.random.Generator) -> Held:
    if len(held.rows) <= 2 * ENOUGH:
        return held
    kept = np.sort(rng.choice(len(held.rows), 2 * ENOUGH, replace=False))
    return Held(held.past, held.rows[kept], held.relevant[kept])
