"""Everything worth knowing of one system's lists: the measures at several cut-offs, their character, and for whom."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Matrix, Positions
from models.evaluation.batch import Estimate, bootstrap, measure
from models.evaluation.character import Character, popularity_thirds
from models.evaluation.cohorts import by_cohort
from models.evaluation.leakage import refuse_heard

CUTS = (5, 10, 20, 50)
HEADLINE = 20
SAMPLED = 3000  # listeners by whose lists the character is told: more would change the third digit


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
        return cls(values, character, _cohorts(lists, relevant, heard, rows))

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


def _cohorts(
    lists: Positions, relevant: Matrix, heard: Matrix, rows: Positions
) -> dict[str, tuple[int, Mapping[str, float]]]:
    told: dict[str, tuple[int, Mapping[str, float]]] = {}
    for name, values in by_cohort(lists, relevant, heard, rows, HEADLINE).items():
        means = {
            f"{each}@{HEADLINE}": float(values[each].mean()) if len(values[each]) else 0.0
            for each in ("recall", "ndcg")
        }
        told[name] = (len(values["ndcg"]), means)
    return told
