"""Everything worth knowing of one system's lists: the measures at several cut-offs, their character, and for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.evaluation.batch import Estimate, bootstrap, measure
from models.evaluation.character import Character, popularity_thirds
from models.evaluation.leakage import refuse_heard

CUTS = (5, 10, 20, 50)
HEADLINE = 20
NEW = 10  # songs in the history of a listener who is new, at most
SAMPLED = 3000  # listeners by whose lists the character is told: more would change the third digit
LISTENER_COHORTS = ("new", "light", "heavy")
SONG_COHORTS = ("head", "middle", "tail")


@dataclass(frozen=True, slots=True)
class Report:
    """How good a system's lists are, for every judged listener and for all together."""

    values: Mapping[str, NDArray[np.float64]]  # "recall@20" -> one number per judged listener
    character: Character  # at the headline cut
    cohorts: Mapping[str, tuple[int, Mapping[str, float]]]  # "new" -> how many, and the means of two measures

    @classmethod
    def of(
        cls,
        lists: Positions,
        relevant: Matrix,
        heard: Matrix,
        rows: Positions,
        kinds: Positions | None = None,
    ) -> "Report":
        """The report on lists [judged × places] of the listeners in `rows` of `heard`, who loved `relevant` [judged × songs].

        `kinds` is the kind of each song by which calibration is judged: its genre, or by default its popularity third.
        Raises LeakedHistory when a list shows what its listener is known to have heard.
        """
        refuse_heard(lists, heard, rows)
        values: dict[str, NDArray[np.float64]] = {}
        for k in CUTS:
            values |= {f"{name}@{k}": each for name, each in measure(lists, relevant, k).items()}
        thirds = popularity_thirds(heard)
        shown = np.arange(len(rows))
        if len(rows) > SAMPLED:
            shown = np.sort(np.random.default_rng(0).choice(len(rows), SAMPLED, replace=False))
        top = lists[shown, :HEADLINE]
        character = Character.of(top, heard, rows[shown], thirds if kinds is None else kinds)
        cohorts = _listener_cohorts(values, heard, rows) | _song_cohorts(lists, relevant, thirds)
        return cls(values, character, cohorts)

    def means(self) -> dict[str, float]:
        """The mean of every measure over the judged listeners, 0 where nobody was judged."""
        return {name: float(each.mean()) if len(each) else 0.0 for name, each in self.values.items()}

    def estimate(self, name: str) -> Estimate:
        """The mean of a measure with its 95 % interval."""
        values = self.values[name]
        return bootstrap(values, np.random.default_rng(0)) if len(values) else Estimate(0.0, 0.0, 0.0)

    def as_dict(self) -> dict[str, object]:
        """Everything but the single listeners, for JSON."""
        return {
            "metrics": self.means(),
            "intervals": {name: [each.low, each.high] for name, each in self._estimates().items()},
            "character": self.character.as_dict(),
            "cohorts": {name: {"listeners": size, **means} for name, (size, means) in self.cohorts.items()},
        }

    def _estimates(self) -> dict[str, Estimate]:
        return {name: self.estimate(name) for name in self.values}


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


def _listener_cohorts(
    values: Mapping[str, NDArray[np.float64]], heard: Matrix, rows: Positions
) -> dict[str, tuple[int, Mapping[str, float]]]:
    of_each = cohort_of_listeners(heard, rows)
    told = {}
    for number, name in enumerate(LISTENER_COHORTS):
        inside = of_each == number
        told[name] = (int(inside.sum()), _means(values, inside))
    return told


def _song_cohorts(
    lists: Positions, relevant: Matrix, thirds: Positions
) -> dict[str, tuple[int, Mapping[str, float]]]:
    """The same measures when only the loved songs of one popularity third count, over listeners who love any there."""
    told = {}
    for number, name in enumerate(SONG_COHORTS):
        inside = sp.csr_array(relevant @ sp.diags_array((thirds == number).astype(np.float32)))
        inside.eliminate_zeros()
        judged = np.diff(inside.indptr) > 0
        values = {f"{each}@{HEADLINE}": numbers for each, numbers in measure(lists, inside, HEADLINE).items()}
        told[name] = (int(judged.sum()), _means(values, judged))
    return told


def _means(values: Mapping[str, NDArray[np.float64]], inside: NDArray[np.bool_]) -> Mapping[str, float]:
    shown: Sequence[str] = (f"recall@{HEADLINE}", f"ndcg@{HEADLINE}")
    return {name: float(values[name][inside].mean()) if inside.any() else 0.0 for name in shown}
