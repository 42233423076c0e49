"""What a model may learn from and what it is judged on, never overlapping."""

from datetime import datetime

import numpy as np
import polars as pl

from foundation.contracts.tables import Interactions, Listens

LISTENS_BEFORE = "listens_before"  # a column of interactions: how many of the listens the past knows


def random_rows(
    rows: pl.DataFrame, share: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(to learn from, held out): a random `share` of the rows is held out, whoever they belong to.

    Rows are one per listener and song, so nothing held out is also learnt. Use it where no times are known.

    >>> rows = pl.DataFrame({"listener_id": range(10)})
    >>> [part.height for part in random_rows(rows, 0.2, np.random.default_rng(1))]
    [8, 2]
    """
    shuffled = rng.permutation(rows.height)
    size = round(rows.height * share)
    return rows[np.sort(shuffled[size:])], rows[np.sort(shuffled[:size])]


def by_time(listens: pl.DataFrame, until: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the past, the future): pairs heard before `until`, and pairs heard for the first time from then on.

    Nothing after `until` reaches the past. Both have one row per listener and song with its number of listens.
    """
    pair = [Interactions.listener_id, Interactions.song_id]
    is_past = pl.col(Listens.listened_at) < until
    past = listens.filter(is_past).group_by(pair).len(Interactions.listens).sort(pair)
    later = listens.filter(~is_past).group_by(pair).len(Interactions.listens).sort(pair)
    return past, later.join(past, on=pair, how="anti").sort(pair)


def at_moment(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the past, the future) of interactions that were counted twice, in all and before a moment.

    What was heard before the moment is past with its listens until then; what was first heard later is future.

    >>> rows = pl.DataFrame({"song_id": [1, 2], "listens": [5, 3], "listens_before": [2, 0]})
    >>> [part.rows() for part in at_moment(rows)]
    [[(1, 2)], [(2, 3)]]
    """
    before = pl.col(LISTENS_BEFORE)
    past = rows.filter(before > 0).with_columns(before.alias(Interactions.listens))
    return past.drop(LISTENS_BEFORE), rows.filter(before == 0).drop(LISTENS_BEFORE)
