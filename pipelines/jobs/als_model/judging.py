"""Lets a new recipe, the live one, item-kNN and most popular learn from the same past, and judges them on the same future."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import polars as pl

from models.als.training import Parameters, train
from models.arrays import Positions
from models.cooccurrence.item_knn import item_knn
from models.evaluation.baselines import most_popular
from models.evaluation.batch import Estimate, bootstrap
from models.evaluation.cohorts import by_cohort
from models.evaluation.gate import ENOUGH, KNN, LIVE, POPULAR, Ballot, Ruling, Values, rule
from models.evaluation.ranking import inner_products
from models.evaluation.splits import LISTENS_BEFORE, at_moment, random_rows
from models.evaluation.trial import Trial, Verdict
from pipelines.jobs.interactions.job import Written

K = 20
HELD_OUT = 0.2  # of the rows, where no time parts them
JUDGED = 2_000  # listeners at most
NEW = "this model"
DECIDES = "ndcg"
SHOWN = ("recall", "ndcg")
_PREFIX = {NEW: "", POPULAR: "popular_", KNN: "knn_", LIVE: "live_"}
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Rival:
    """The live model: what it was told to learn with, and how much it learnt from."""

    model: str  # "als/3"
    parameters: Parameters
    rows: int


@dataclass(frozen=True, slots=True)
class Contest:
    """One past, one future, and how well each system's lists told it."""

    split: datetime | None  # None: random rows were held out
    trial: Trial
    lists: Mapping[str, Positions]  # by system, [judged listeners × K]
    verdicts: Mapping[str, Verdict]
    cohorts: Mapping[str, Mapping[str, Values]]  # by cohort and system, what decides of each listener in it
    ruling: Ruling
    rival: Rival | None

    @property
    def how(self) -> str:
        """What the systems were judged by, for people."""
        if self.split is None:
            return f"{HELD_OUT:.0%} of the rows, held out at random"
        return f"what was first listened to from {self.split:%Y-%m-%d %H:%M} on"

    def estimate(self, system: str, measure: str) -> Estimate:
        """The mean of a measure over listeners with its interval; nothing at all where nobody was judged."""
        values = self.verdicts[system].measures[measure]
        return bootstrap(values, np.random.default_rng(0)) if len(values) else Estimate(0.0, 0.0, 0.0)

    def metrics(self) -> dict[str, float]:
        """Every number worth keeping, by the name under which MLflow shows it."""
        told: dict[str, float] = {"judged": len(self.trial.rows)}
        for system, verdict in self.verdicts.items():
            prefix = _PREFIX[system]
            for measure in SHOWN:
                each = self.estimate(system, measure)
                told[f"{prefix}{measure}_{K}"] = each.mean
                told[f"{prefix}{measure}_{K}_low"] = each.low
                told[f"{prefix}{measure}_{K}_high"] = each.high
            told[f"{prefix}songs_shown"] = verdict.coverage
            told[f"{prefix}known_to"] = verdict.popularity
        for system, gained in self.ruling.gains.items():
            name = f"gain_over_{_PREFIX[system].rstrip('_')}"
            told |= {name: gained.mean, f"{name}_low": gained.low, f"{name}_high": gained.high}
        for cohort, systems in self.cohorts.items():
            told[f"{cohort}_judged"] = len(systems[NEW])
            for system, values in systems.items():
                if len(values):
                    told[f"{cohort}_{_PREFIX[system]}{DECIDES}_{K}"] = float(values.mean())
            for system, gained in self.ruling.cohorts.get(cohort, {}).items():
                name = f"{cohort}_gain_over_{_PREFIX[system].rstrip('_')}"
                told |= {name: gained.mean, f"{name}_low": gained.low, f"{name}_high": gained.high}
        return told


def contest(source: Written, parameters: Parameters, rival: Rival | None, progress: Progress) -> Contest:
    """The contest over these interactions, the same for the same seed.

    Past and future are parted at the moment the interactions name. Where no listen has a time, or too few listeners
    have both a past and a future, random rows are held out instead.

    The live model itself has learnt from that future, so it cannot be judged on it: what competes is its recipe, its
    parameters trained on the same past. Is the recipe the same, then so is the result, and nothing is trained twice.
    """
    rng = np.random.default_rng(parameters.seed)
    split, whole = _trial(source, rng)
    trial = whole.sample(JUDGED, rng)
    recipes = {NEW: parameters}
    if rival is not None and rival.parameters != parameters:
        recipes[LIVE] = rival.parameters
    heard = trial.train.listens
    lists = {POPULAR: trial.lists(most_popular(heard), K), KNN: trial.lists(item_knn(heard), K)}
    for number, (system, recipe) in enumerate(recipes.items()):
        lists[system] = _learnt(trial, recipe, partial(_tell, progress, number, len(recipes)))
    if rival is not None:
        lists.setdefault(LIVE, lists[NEW])
    verdicts = {system: trial.judge(each, K) for system, each in lists.items()}
    values = {system: verdict.measures[DECIDES] for system, verdict in verdicts.items()}
    cohorts = _cohorts(trial, lists)
    ruling = rule(
        _ballot(values),
        {name: _ballot(of_each) for name, of_each in cohorts.items()},
        source.rows.height,
        rival.rows if rival else None,
        rng,
    )
    return Contest(split, trial, lists, verdicts, cohorts, ruling, rival)


def _ballot(values: Mapping[str, Values]) -> Ballot:
    return Ballot(values[NEW], {system: each for system, each in values.items() if system != NEW})


def _cohorts(trial: Trial, lists: Mapping[str, Positions]) -> dict[str, dict[str, Values]]:
    """What decides, of the listeners of each cohort, by system."""
    told: dict[str, dict[str, Values]] = {}
    for system, each in lists.items():
        for cohort, measures in by_cohort(each, trial.relevant, trial.train.listens, trial.rows, K).items():
            told.setdefault(cohort, {})[system] = measures[DECIDES]
    return told


def _trial(source: Written, rng: np.random.Generator) -> tuple[datetime | None, Trial]:
    """Where past and future part, and the trial; without a moment random rows are held out."""
    if source.split is not None:
        by_time = Trial.of(*at_moment(source.rows))
        if len(by_time.rows) >= ENOUGH:
            return source.split, by_time
    rows: pl.DataFrame = source.rows.drop(LISTENS_BEFORE)
    return None, Trial.of(*random_rows(rows, HELD_OUT, rng))


def _tell(progress: Progress, done: int, recipes: int, part: float) -> None:
    progress((done + part) / recipes)


def _learnt(trial: Trial, recipe: Parameters, progress: Progress) -> Positions:
    model = train(trial.train.listens, recipe, progress=progress)
    return trial.lists(inner_products(model.listener_factors, model.song_factors), K)
