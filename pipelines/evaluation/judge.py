"""Trains a system on the past of a data set and judges its lists: accuracy, character, for whom, and at what price."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from foundation.errors import Problem
from models.arrays import Matrix, Positions
from models.blend.families import FAMILIES
from models.blend.tuning import BLENDED, Tuned, blended, offered, tuned
from models.cooccurrence.again import activation
from models.cooccurrence.recency import recent
from models.evaluation.batch import measure
from models.evaluation.datasets import Dataset
from models.evaluation.ranking import ranked
from models.evaluation.report import CUTS, HEADLINE, Report
from models.past import Past
from models.retriever import Retriever
from pipelines.evaluation.served import SERVED, Stages
from serving.recommend.asking import Wanted

SHIPPED = "segue"  # the blend, its weights chosen by listeners held back
MODELS = (SHIPPED, SERVED, *FAMILIES)
Progress = Callable[[str, float], None]


class NoSuchModel(Problem):
    """A system that we do not have."""

    status, title = 404, "There is no such model"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One system on one data set."""

    dataset: Dataset
    model: str
    report: Report
    tuned: Tuned
    seconds: Mapping[str, float]  # train: choosing and training; score: ranking everybody judged
    again: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict
    )  # by ranker of known songs, where judged

    def as_dict(self) -> dict[str, object]:
        """Everything for JSON."""
        data = self.dataset
        listeners, songs = data.past.shape
        return {
            "dataset": data.name,
            "model": self.model,
            "held_out": data.how,
            "listeners": listeners,
            "songs": songs,
            "rows": int(data.past.listens.nnz),
            "judged": len(data.rows),
            **self.report.as_dict(),
            "repeats": {name: dict(values) for name, values in self.again.items()},
            "seconds": dict(self.seconds),
            "weights": dict(self.tuned.weights),
            "published": {name: dict(numbers) for name, numbers in data.published.items()},
        }


def evaluate(
    dataset: Dataset, model: str = SHIPPED, *, is_tuned: bool = False, seed: int = 1, progress: Progress
) -> Evaluation:
    """The evaluation of one of `MODELS`; tuning sees nothing but the past. Raises NoSuchModel.

    The shipped blend always chooses its weights; `is_tuned` makes it try more parameters, and makes any other model try
    parameters at all.
    """
    if model == SERVED:
        return _served(dataset, seed, progress)
    began = time.monotonic()
    choice = _choice(dataset, model, is_tuned=is_tuned, seed=seed, progress=progress)
    retriever = blended(dataset.past, choice.weights, seed=seed, progress=progress)
    trained = time.monotonic()
    lists = lists_of(retriever, dataset, progress)
    scored = time.monotonic()
    report = Report.of(lists, dataset.relevant, dataset.past.listens, dataset.rows, dataset.kinds)
    seconds = {"train": trained - began, "score": scored - trained}
    return Evaluation(dataset, model, report, choice, seconds, _again(dataset))


def _served(dataset: Dataset, seed: int, progress: Progress) -> Evaluation:
    """What the API serves: lists of twenty, so that measures at fifty see no more than these."""
    began = time.monotonic()
    stages = Stages.of(dataset, seed=seed, progress=progress)
    trained = time.monotonic()
    lists = stages.lists(Wanted(HEADLINE))
    seconds = {"train": trained - began, "score": time.monotonic() - trained}
    learnt = stages.learnt
    weights = {name: weight for name, weight in learnt.ranker.as_dict().items() if weight}
    choice = Tuned(weights, {}, 0.0, learnt.listeners)
    return Evaluation(dataset, SERVED, stages.report(lists), choice, seconds, _again(dataset))


def lists_of(retriever: Retriever, dataset: Dataset, progress: Progress) -> Positions:
    """The best unheard songs of everybody judged, as many as the deepest cut asks for."""
    whole, done = len(dataset.rows), 0

    def scores(rows: Positions) -> NDArray[np.float32]:
        nonlocal done
        found = retriever.scores(dataset.past, rows)
        done += len(rows)
        progress("ranking", done / whole)
        return found

    return ranked(scores, dataset.past.listens, dataset.rows, max(CUTS))


def k_of(dataset: Dataset) -> int:
    """The length of the lists that the data set is judged by first."""
    return int(dataset.headline[0].partition("@")[2])


def _choice(dataset: Dataset, model: str, *, is_tuned: bool, seed: int, progress: Progress) -> Tuned:
    k = k_of(dataset)
    if model == SHIPPED:
        return tuned(dataset.past, dataset.cut, k, BLENDED, seed=seed, thorough=is_tuned, progress=progress)
    if model not in FAMILIES:
        raise NoSuchModel(f"there is no model {model!r}; there are {', '.join(MODELS)}")
    variants = offered(dataset.past, [model], thorough=True)
    if not variants:
        raise NoSuchModel(f"{model} learns from plays in order, and {dataset.name} has none")
    if not is_tuned or len(variants[model]) == 1:
        return Tuned({variants[model][0].name: 1.0}, {}, 0.0, 0)
    tried = tuned(dataset.past, dataset.cut, k, [model], seed=seed, thorough=True, progress=progress)
    best = max(tried.alone, key=tried.alone.__getitem__, default=variants[model][0].name)
    return Tuned({best: 1.0}, tried.alone, tried.alone.get(best, 0.0), tried.listeners)


def _again(dataset: Dataset) -> dict[str, Mapping[str, float]]:
    """How well the songs heard again are found among those known: by plays, by the last play, and by both as they fade."""
    if dataset.repeats is None or not len(dataset.repeat_rows):
        return {}
    rankers: Sequence[tuple[str, Callable[[Past], Matrix]]] = (
        ("played most", lambda past: activation(past, 0.0)),
        ("played last", lambda past: recent(past, 0.999)),
        ("played often and lately", activation),
    )
    asked = dataset.past.only(dataset.repeat_rows)
    nothing = sp.csr_array(asked.shape, dtype=np.float32)
    told: dict[str, Mapping[str, float]] = {}
    for name, ranker in rankers:
        present = ranker(asked)

        def known(rows: Positions, present: Matrix = present) -> NDArray[np.float32]:
            scores: NDArray[np.float32] = present[rows].toarray().astype(np.float32)
            scores[scores <= 0] = -np.inf
            return scores

        lists = ranked(known, nothing, np.arange(len(dataset.repeat_rows)), HEADLINE)
        values = measure(lists, dataset.repeats, HEADLINE)
        told[name] = {f"{each}@{HEADLINE}": float(numbers.mean()) for each, numbers in values.items()}
    return told
