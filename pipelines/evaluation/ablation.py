"""What each retriever adds to the blend and what it costs: the blend without it, and it alone."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from models.blend.tuning import BLENDED, blended, compared, offered, tuned_by
from models.evaluation.datasets import Dataset, NothingToJudge
from models.evaluation.report import Report
from pipelines.evaluation.judge import Progress, k_of, lists_of


@dataclass(frozen=True, slots=True)
class Line:
    """One system of the ablation."""

    system: str
    report: Report
    train: float  # seconds of processor time, on all cores together, once its weights are known
    milliseconds: float  # of processor time, to score and rank the catalogue for one listener


def ablation(dataset: Dataset, *, seed: int = 1, progress: Progress) -> list[Line]:
    """The whole blend; the blend without each family, its weights chosen anew; and each family alone.

    Raises NothingToJudge where nobody can be held back to choose weights by.
    """
    families = offered(dataset.past, BLENDED, thorough=False)
    sheet = compared(dataset.past, dataset.cut, families, seed=seed, progress=progress)
    if sheet is None:
        raise NothingToJudge(f"{dataset.name}: nobody can be held back to choose weights by")
    lines = [_line("the blend", tuned_by(sheet, k_of(dataset)).weights, dataset, seed, progress)]
    for family, variants in families.items():
        others = set(sheet.names) - {each.name for each in variants}
        weights = tuned_by(sheet.only(others), k_of(dataset)).weights
        lines.append(_line(f"without {family}", weights, dataset, seed, progress))
    for family, variants in offered(
        dataset.past, ("most-popular", "item-knn", *families), thorough=False
    ).items():
        lines.append(_line(f"{family} alone", {variants[0].name: 1.0}, dataset, seed, progress))
    return lines


def _line(name: str, weights: Mapping[str, float], dataset: Dataset, seed: int, progress: Progress) -> Line:
    began = time.process_time()
    retriever = blended(dataset.past, weights, seed=seed, progress=progress)
    trained = time.process_time()
    lists = lists_of(retriever, dataset, progress)
    took = time.process_time() - trained
    report = Report.of(lists, dataset.relevant, dataset.past.listens, dataset.rows, dataset.kinds)
    return Line(name, report, trained - began, 1000 * took / len(dataset.rows))
