"""Whether an index finds what is nearest: asked of some of its own vectors before a version may be seen."""

from collections.abc import Callable, Sequence

import numpy as np

from foundation.engines.vectors.inner_product import highest
from foundation.engines.vectors.port import Ids, IndexNotBuilt, Matrix, Neighbour

PROBES, NEIGHBOURS = 50, 10
RECALL_FLOOR = 0.9
ROUNDING = 1e-5


def check_recall(ids: Ids, vectors: Matrix, nearest: Callable[[Matrix, int], Sequence[Neighbour]]) -> None:
    """Raises IndexNotBuilt where `nearest` finds less than RECALL_FLOOR of the nearest of these points to some of them."""
    probes = vectors[:: max(len(ids) // PROBES, 1)][:PROBES]
    limit = min(NEIGHBOURS, len(ids))
    nobody = np.array([], dtype=np.int64)
    found = 0
    for vector in probes:
        least = highest(ids, vectors, vector, limit, nobody)[-1].score
        # By score, not by id: points with the same vector stand for each other.
        found += sum(met.score >= least - ROUNDING * abs(least) for met in nearest(vector, limit))
    recall = found / (len(probes) * limit)
    if recall < RECALL_FLOOR:
        raise IndexNotBuilt(f"the index finds only {recall:.0%} of the true neighbours", recall=recall)
