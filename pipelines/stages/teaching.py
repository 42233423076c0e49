"""Makes lessons for the ranker of a past: what listeners could have been given at a moment, and what they then chose."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from feature_store.online import Lately
from models.als.training import Parameters
from models.arrays import Positions
from models.evaluation.cuts import Cut, Held, held_back
from models.library import Library
from models.past import Past
from models.ranker.learning import ENOUGH_LISTENERS, Choices, Learnt, learn
from models.ranker.linear import DEFAULT
from pipelines.stages.moment import NO_TIME, Moment

TAUGHT_BY = 2_000  # listeners at most
Progress = Callable[[float], None]
NOTHING = Choices.of([])


@dataclass(frozen=True, slots=True)
class Shown:
    """A list that a listener was shown, by rows and columns of a past."""

    row: int
    at: float  # seconds since 1970
    songs: Positions  # in order of their places; a song that the past does not know is -1
    propensities: NDArray[np.float64]
    is_taken: NDArray[np.bool_]  # listened to within a day
    lately: Lately  # what the online store told of the listener at that moment


def taught(
    past: Past,
    cut: Cut,
    library: Library,
    parameters: Parameters,
    slates: Iterable[Shown] = (),
    *,
    seed: int = 1,
    progress: Progress = lambda _part: None,
) -> Learnt:
    """The weights that a past teaches: it is cut once more, serving is put together as of then, and the rest judges.

    Where too few listeners have anything to teach nothing is trained, and the weights set by hand stay.
    """
    rng = np.random.default_rng(seed)
    folds = held_back(past, cut, rng)
    if not folds or len(folds[0].rows) < ENOUGH_LISTENERS:
        return learn(NOTHING, NOTHING, rng)
    fold = folds[0]
    then = Moment.of(fold.past, library, parameters, progress=lambda part: progress(part / 2))
    future = from_future(then, fold, rng, lambda part: progress((1 + part) / 2))
    return learn(future, from_slates(then, slates), rng, DEFAULT)


def from_future(then: Moment, fold: Held, rng: np.random.Generator, progress: Progress) -> Choices:
    """A group for each of some listeners: their candidates at a moment, taken where they heard the song first after it."""
    chosen = np.arange(len(fold.rows))
    if len(chosen) > TAUGHT_BY:
        chosen = np.sort(rng.choice(chosen, TAUGHT_BY, replace=False))
    lists = []
    for number, each in enumerate(chosen.tolist()):
        places, features = then.candidates(int(fold.rows[each]))
        loved = fold.relevant.indices[fold.relevant.indptr[each] : fold.relevant.indptr[each + 1]]
        if len(places):
            lists.append((features, np.isin(places, loved)))
        progress((number + 1) / len(chosen))
    return Choices.of(lists)


def from_slates(then: Moment, slates: Iterable[Shown]) -> Choices:
    """A group for each list that was shown after the moment: its listener as known when it was shown, the rest as of the moment.

    A song that was known to be heard before was no discovery; it is left out, as are lists of which nothing was taken.
    """
    since = np.inf if then.at == NO_TIME else then.at.timestamp()
    lists, stood, chances = [], [], []
    for shown in slates:
        if shown.at < since or not shown.is_taken.any():
            continue
        places, features = then.candidates(
            shown.row,
            also=np.unique(shown.songs[shown.songs >= 0]),
            lately=shown.lately,
            at=datetime.fromtimestamp(shown.at, UTC),
        )
        row_of: Mapping[int, int] = {place: row for row, place in enumerate(places.tolist())}
        there = np.array(
            [place for place, song in enumerate(shown.songs.tolist()) if song in row_of], np.int64
        )
        rows = np.array([row_of[song] for song in shown.songs[there].tolist()], np.int64)
        if len(rows):
            lists.append((features[rows], shown.is_taken[there]))
            stood.append(there + 1)
            chances.append(shown.propensities[there])
    return Choices.of(lists, stood, chances)
