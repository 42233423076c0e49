"""What lists are like beyond being right: how new, how varied, how like the listener's own mix, whom they show.

The fast counterparts of `models.evaluation.metrics`. Lists are integer arrays [listeners × places] of song positions,
-1 where a place is empty.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.evaluation.batch import coverage, mean_popularity

BLUR = 0.01
Values = NDArray[np.float64]  # one number per listener


@dataclass(frozen=True, slots=True)
class Character:
    """The lists of many listeners as a whole."""

    coverage: float  # the part of the catalogue that anybody is shown
    known_to: float  # the share of listeners who know the average song shown
    novelty: float  # bits
    diversity: float  # 0 to 1, by who hears the songs
    miscalibration: float  # nats, of the mix of kinds against the listener's own
    popularity_lift: (
        float  # how much better known the songs shown are than those heard: 0 as well known, 1 twice
    )
    exposure_gini: float  # 0 all songs alike, 1 one song alone

    @classmethod
    def of(cls, lists: Positions, heard: Matrix, rows: Positions, kinds: Positions) -> "Character":
        """The character of the lists of the listeners in `rows` of `heard`; `kinds` is each song's kind, -1 unknown."""
        return cls(
            coverage=coverage(lists, heard.shape[1]),
            known_to=mean_popularity(lists, heard),
            novelty=_mean(novelty(lists, heard)),
            diversity=_mean(diversity(lists, heard)),
            miscalibration=_mean(miscalibration(lists, heard[rows], kinds)),
            popularity_lift=popularity_lift(lists, heard, rows),
            exposure_gini=gini(np.bincount(lists[lists >= 0], minlength=heard.shape[1])),
        )

    def as_dict(self) -> dict[str, float]:
        """The numbers by name."""
        return {name: float(getattr(self, name)) for name in Character.__slots__}


def listeners_of_each(heard: Matrix) -> NDArray[np.int64]:
    """How many listeners know each song [songs]."""
    return np.bincount(heard.indices, minlength=heard.shape[1])


def popularity_thirds(heard: Matrix) -> Positions:
    """0, 1 or 2 for the songs that get the first, second and last third of all listening pairs, the best known first.

    The head is a few songs, the tail thousands; a third of what people hear lies in each.

    >>> popularity_thirds(sp.csr_array([[1, 1, 0], [1, 0, 1], [1, 0, 0]])).tolist()
    [0, 1, 2]
    """
    known = listeners_of_each(heard)
    order = np.argsort(-known, kind="stable")
    before = np.cumsum(known[order]) - known[order]
    thirds = np.empty(len(known), dtype=np.int64)
    thirds[order] = np.minimum(3 * before // max(int(known.sum()), 1), 2)
    return thirds


def novelty(lists: Positions, heard: Matrix) -> Values:
    """The mean self-information of each list's songs, in bits; a song nobody knows counts as if half a listener did."""
    share = np.maximum(listeners_of_each(heard), 0.5) / heard.shape[0]
    return _mean_over_places(-np.log2(share), lists)


def diversity(lists: Positions, heard: Matrix) -> Values:
    """One minus the mean cosine of the listeners of two songs of a list, for each list.

    With unit columns v_i of who hears song i, the cosines of all ordered pairs add up to |sum v_i|^2 - sum |v_i|^2.
    """
    known = listeners_of_each(heard)
    binary = sp.csr_array((np.ones(heard.nnz), heard.indices, heard.indptr), shape=heard.shape)
    unit = (sp.diags_array(1 / np.sqrt(known.clip(1))) @ binary.T).tocsr()  # [songs × listeners]
    shown = _indicator(lists, heard.shape[1])
    sizes = np.diff(shown.indptr).astype(np.float64)
    summed = shown @ unit
    together = np.asarray(summed.multiply(summed).sum(axis=1)).ravel()
    alone = shown @ (known > 0).astype(np.float64)
    pairs = sizes * (sizes - 1)
    return np.where(pairs > 0, 1 - (together - alone) / np.maximum(pairs, 1), 0.0)


def miscalibration(lists: Positions, heard: Matrix, kinds: Positions) -> Values:
    """Steck's divergence of each list's mix of kinds from that of the listener's history [listeners × songs].

    Songs of unknown kind (-1) are left out of both; a listener without known kinds on either side has 0.
    """
    known = kinds >= 0
    of_kind = sp.csr_array(
        (np.ones(known.sum()), (np.flatnonzero(known), kinds[known])),
        shape=(len(kinds), max(kinds.max(), 0) + 1),
    )
    binary = sp.csr_array((np.ones(heard.nnz), heard.indices, heard.indptr), shape=heard.shape)
    p, q = ((who @ of_kind).toarray() for who in (binary, _indicator(lists, len(kinds))))
    told = (p.sum(axis=1) > 0) & (q.sum(axis=1) > 0)
    p, q = (each / np.maximum(each.sum(axis=1, keepdims=True), 1) for each in (p, q))
    blurred = (1 - BLUR) * q + BLUR * p
    ratio = np.divide(p, blurred, out=np.ones_like(p), where=p > 0)
    return np.where(told, (p * np.log(ratio)).sum(axis=1), 0.0)


def popularity_lift(lists: Positions, heard: Matrix, rows: Positions) -> float:
    """How much better known what is shown is than what its listeners hear, as a part of the latter.

        lift = (mean popularity of the lists - mean popularity of the histories) / the latter, means over listeners

    Source: Abdollahpouri et al., "The connection between popularity bias, calibration, and fairness", 2020.

    >>> heard = sp.csr_array([[1, 1, 0], [0, 1, 1], [0, 1, 0]])
    >>> popularity_lift(np.array([[1]]), heard, np.array([0]))
    0.5
    """
    known = listeners_of_each(heard).astype(np.float64)
    histories = heard[rows]
    binary = sp.csr_array(
        (np.ones(histories.nnz), histories.indices, histories.indptr), shape=histories.shape
    )
    own = (binary @ known) / np.diff(histories.indptr).clip(1)
    usual = _mean(own)
    return (_mean(_mean_over_places(known, lists)) - usual) / usual if usual else 0.0


def gini(shown: NDArray[np.int64]) -> float:
    """How unequally songs are shown, from how often each is.

    >>> gini(np.array([0, 0, 0, 8]))
    0.75
    """
    ascending, n = np.sort(shown).astype(np.float64), len(shown)
    total = ascending.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ ascending / (n * total)) if total else 0.0


def _indicator(lists: Positions, songs: int) -> Matrix:
    row, place = np.nonzero(lists >= 0)
    cells = (np.ones(len(row)), (row, lists[row, place]))
    return sp.csr_array(cells, shape=(len(lists), songs))


def _mean_over_places(values: Values, lists: Positions) -> Values:
    is_filled = lists >= 0
    sums = np.where(is_filled, values[lists], 0.0).sum(axis=1)
    means: Values = sums / is_filled.sum(axis=1).clip(1)
    return means


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else 0.0
