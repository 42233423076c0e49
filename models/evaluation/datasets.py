"""What systems are judged on: a past to learn from, whom to judge, and what they should have been given."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from foundation.contracts.tables import Interactions as Columns
from foundation.errors import Problem
from models.arrays import Factors, Matrix, Positions
from models.evaluation.cuts import Cut
from models.evaluation.leakage import refuse_future, refuse_overlap
from models.evaluation.splits import random_rows
from models.interactions import positions
from models.library import Library
from models.past import Past, Plays

Published = Mapping[str, Mapping[str, float]]  # method -> measure -> number
SHARE = 0.2  # of the rows is held out where a data set brings no split of its own


class NothingToJudge(Problem):
    """No listener has both a past and something held out."""

    status, title = 422, "There is nothing to judge by"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One task of prediction. Row i of `relevant` and `repeats` is what the listener in row `rows[i]` of the past loved."""

    name: str
    how: str  # what is held out, in a sentence
    cut: Cut
    past: Past
    rows: Positions  # of the judged listeners
    relevant: Matrix  # [judged × songs]: unheard before, heard later
    repeats: Matrix | None = (
        None  # [judged for repeats × songs]: known, and heard again later; None where nothing tells
    )
    repeat_rows: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    kinds: Positions | None = None  # of each song, for calibration
    library: Library | None = None  # what is said of songs and listeners; None where nothing is
    headline: tuple[str, ...] = ("recall@20", "ndcg@20")
    published: Published = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.rows):
            raise NothingToJudge(f"{self.name}: no listener has both a past and something held out")
        refuse_overlap(self.past.listens, self.relevant, self.rows)


def of_pairs(
    name: str,
    train: pl.DataFrame,
    test: pl.DataFrame | None,
    *,
    seed: int = 1,
    headline: tuple[str, ...] = ("recall@20", "ndcg@20"),
    published: Published | None = None,
) -> Dataset:
    """The task of a fixed split, or of a random one where there is no test: rows of listener_id, song_id and listens.

    Everybody with test rows is judged, also who has no past. A test row that is a training row too is left out of the
    test: it is known. Rows of one pair add up.
    """
    how = "its own split"
    if test is None:
        pairs = train.group_by(Columns.listener_id, Columns.song_id, maintain_order=True).agg(
            pl.col(Columns.listens).sum()
        )
        train, test = random_rows(pairs, SHARE, np.random.default_rng(seed))
        how = f"{SHARE:.0%} of {pairs.height:,} rows, at random with seed {seed}"
    both = pl.concat([train.select(_PAIR), test.select(_PAIR)])
    listener_ids, song_ids = (both[each].unique().sort().to_numpy() for each in _PAIR)
    shape = len(listener_ids), len(song_ids)
    cells = [
        (_places(listener_ids, each[Columns.listener_id]), _places(song_ids, each[Columns.song_id]))
        for each in (train, test)
    ]
    counts = train[Columns.listens].cast(pl.Float32).to_numpy()
    listens = sp.coo_array((counts, cells[0]), shape=shape).tocsr()
    listens.sort_indices()
    rows, relevant = _judged(*cells[1], listens)
    return Dataset(
        name=name,
        how=how,
        cut="random",
        past=Past(listens),
        rows=rows,
        relevant=relevant,
        headline=headline,
        published=published or {},
    )


def of_sequences(name: str, sequences: list[list[int]], *, published: Published | None = None) -> Dataset:
    """Leave one out: the last song of each listener's sequence is to be predicted from all before it.

    A listener with one song alone has nothing to learn from and is not judged.
    """
    lengths = np.array([len(each) for each in sequences])
    listeners = np.repeat(np.arange(len(sequences)), lengths)
    songs = np.array([song for each in sequences for song in each], dtype=np.int64)
    song_ids, columns = np.unique(songs, return_inverse=True)
    place = np.concatenate([np.arange(length) for length in lengths]) if len(lengths) else np.empty(0)
    is_last = (place == lengths[listeners] - 1) & (place > 0)
    plays = Plays.of(
        listeners[~is_last], columns[~is_last], place[~is_last].astype(np.float64), is_timed=False
    )
    past = Past.of_plays(plays, len(sequences), len(song_ids))
    rows, relevant = _judged(listeners[is_last], columns[is_last], past.listens)
    return Dataset(
        name=name,
        how="the last item of each sequence",
        cut="last",
        past=past,
        rows=rows,
        relevant=relevant,
        headline=("hit@10", "ndcg@10"),
        published=published or {},
    )


def of_plays(
    name: str,
    plays: pl.DataFrame,
    *,
    counts: pl.DataFrame | None = None,
    share: float = SHARE,
    songs: pl.DataFrame | None = None,
    people: pl.DataFrame | None = None,
    texts: tuple[Positions, Factors] | None = None,
) -> Dataset:
    """Split by time: what is heard for the first time in the last `share` of all listens is to be predicted.

    `plays` has listener_id, song_id, at (UTC), seconds, is_skip, and optionally kind (text, "" unknown). `counts` are listens
    without times (listener_id, song_id, listens): they are past. What is known and heard again is judged apart. `songs`, `people`
    and `texts` tell the rest, as `models.library` takes it.
    """
    heard = plays.filter(~pl.col("is_skip"))
    if heard.is_empty():
        raise NothingToJudge(f"{name}: nothing was listened to at a known time")
    parted, how = _parted(heard, share)
    told = plays.join(parted, on=Columns.listener_id, how="left")
    is_past = (pl.col("at") < pl.col("until")).fill_null(value=True)
    past_plays, future = told.filter(is_past), told.filter(~is_past)
    known = [plays.select(_PAIR)] + ([counts.select(_PAIR)] if counts is not None else [])
    listener_ids, song_ids = (pl.concat(known)[each].unique().sort().to_numpy() for each in _PAIR)
    past = Past.of_plays(
        Plays.of(
            _places(listener_ids, past_plays[Columns.listener_id]),
            _places(song_ids, past_plays[Columns.song_id]),
            past_plays["at"].dt.epoch("ms").to_numpy() / 1000,
            seconds=past_plays["seconds"].to_numpy(),
            is_skip=past_plays["is_skip"].to_numpy(),
        ),
        len(listener_ids),
        len(song_ids),
    )
    if counts is not None and counts.height:
        past = _with_counts(past, counts, listener_ids, song_ids)
    until = pl.DataFrame({Columns.listener_id: listener_ids}).join(parted, on=Columns.listener_id, how="left")
    refuse_future(past, until["until"].dt.epoch("ms").fill_null(_FOREVER).to_numpy() / 1000)
    later = future.filter(~pl.col("is_skip"))
    who, what = (
        _places(listener_ids, later[Columns.listener_id]),
        _places(song_ids, later[Columns.song_id]),
    )
    has_past = np.diff(past.listens.indptr)[who] > 0
    who, what = who[has_past], what[has_past]
    rows, relevant = _judged(who, what, past.listens)
    repeat_rows, repeats = _judged(who, what, past.listens, again=True)
    return Dataset(
        name=name,
        how=how,
        cut="time",
        past=past,
        rows=rows,
        relevant=relevant,
        repeats=repeats,
        repeat_rows=repeat_rows,
        kinds=_kinds(plays, song_ids),
        library=None
        if songs is None or people is None
        else Library.of(song_ids, listener_ids, songs, people, texts),
    )


_FOREVER = 2**52  # milliseconds
_PAIR = [Columns.listener_id, Columns.song_id]


def _places(ascending: NDArray[np.int64], wanted: pl.Series) -> Positions:
    return positions(ascending, wanted.to_numpy())


def _judged(
    listeners: Positions, songs: Positions, listens: Matrix, *, again: bool = False
) -> tuple[Positions, Matrix]:
    """The rows of those who loved something unheard (or, `again`, something known), and what it was: binary."""
    width = np.int64(listens.shape[1])
    pairs = np.unique(listeners * width + songs)
    of_past = np.repeat(np.arange(listens.shape[0], dtype=np.int64), np.diff(listens.indptr)) * width
    is_known = np.isin(pairs, of_past + listens.indices)
    pairs = pairs[is_known == again]
    cells = (np.ones(len(pairs), np.float32), (pairs // width, pairs % width))
    loved = sp.csr_array(cells, shape=listens.shape)
    rows = np.flatnonzero(np.diff(loved.indptr))
    return rows, loved[rows]


def _parted(heard: pl.DataFrame, share: float) -> tuple[pl.DataFrame, str]:
    """Where past and future part for each listener, as listener_id and until, and that in words.

    It is one moment for all. Only where that would leave fewer than half of the listeners both a past and a future, as with
    a handful of exports from different years, each listener's own last plays are the future.
    """
    moment = heard["at"].sort()[min(round(heard.height * (1 - share)), heard.height - 1)]
    of_each = heard.group_by(Columns.listener_id, maintain_order=True).agg(
        pl.col("at").min().alias("first"),
        pl.col("at").max().alias("last"),
        pl.col("at").quantile(1 - share, "higher").alias("own"),
    )
    both = of_each.filter((pl.col("first") < moment) & (pl.col("last") >= moment)).height
    if 2 * both >= of_each.height:
        told = of_each.with_columns(pl.lit(moment, heard.schema["at"]).alias("until"))
        how = f"what was first listened to from {moment:%Y-%m-%d %H:%M} UTC on"
    else:
        told = of_each.rename({"own": "until"})
        how = f"what was first listened to in the last {share:.0%} of each listener's own plays: one moment would judge {both}"
    return told.select(Columns.listener_id, "until"), how


def _with_counts(
    past: Past, counts: pl.DataFrame, listener_ids: NDArray[np.int64], song_ids: NDArray[np.int64]
) -> Past:
    cells = (_places(listener_ids, counts[Columns.listener_id]), _places(song_ids, counts[Columns.song_id]))
    untimed = sp.coo_array((counts[Columns.listens].cast(pl.Float32).to_numpy(), cells), shape=past.shape)
    listens = (past.listens + untimed.tocsr()).tocsr()
    listens.sort_indices()
    return Past(listens, past.plays)


def _kinds(plays: pl.DataFrame, song_ids: NDArray[np.int64]) -> Positions | None:
    """The kind of each song, numbered by name; None where no kind is told."""
    if "kind" not in plays.columns or (plays["kind"] == "").all():
        return None
    of_song = plays.filter(pl.col("kind") != "").group_by(Columns.song_id).agg(pl.col("kind").first())
    kinds = np.full(len(song_ids), -1, dtype=np.int64)
    kinds[_places(song_ids, of_song[Columns.song_id])] = of_song["kind"].rank("dense").to_numpy() - 1
    return kinds
