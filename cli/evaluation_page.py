"""Writes the measured tables of a page anew, each between the comment that asks for it and the next `<!-- end -->`.

    <!-- evaluate lastfm_hetrec: segue als most-popular; seeds 3 -->
    <!-- ablation lastfm_hetrec -->
    <!-- stages world -->

A page is read again before each table is put in, so that people may edit its text meanwhile.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cli import say
from cli.evaluate import ablation_table, stages_table
from foundation.engines.disk import replace_file
from foundation.errors import Problem
from models.evaluation.tables import markdown

if TYPE_CHECKING:
    from models.evaluation.datasets import Dataset
    from pipelines.evaluation.judge import Evaluation

ASKED = re.compile(
    r"<!-- (?P<what>evaluate|ablation|stages) (?P<dataset>\w+)(?:: (?P<models>[\w -]+?))?(?:; seeds (?P<seeds>\d+))? -->"
)
END = "<!-- end -->"


class NothingAsked(Problem):
    """A page in which no table is asked for."""

    status, title = 422, "The page asks for no table"


def rewrite(path: Path, dataset: str | None, task: "Callable[[str, int], Dataset]") -> None:
    """Measure every table of the page, or those of one data set; `task` gives a data set by name and seed."""
    found = [each for each in ASKED.finditer(path.read_text()) if dataset in {None, each["dataset"]}]
    if not found:
        raise NothingAsked(f"{path} asks for no table{f' of {dataset}' if dataset else ''}")
    for each in found:
        table = MADE[each["what"]](each, task)
        replace_file(path, with_table(path.read_text(), each[0], table).encode())
        say.line(f"written: {each[0]}")


def with_table(page: str, asked: str, table: str) -> str:
    """The page with a table between the comment that asks for it and the end.

    >>> print(with_table("a\\n<!-- x -->\\nold\\n<!-- end -->\\nb", "<!-- x -->", "new"))
    a
    <!-- x -->
    <BLANKLINE>
    new
    <BLANKLINE>
    <!-- end -->
    b
    """
    before, _, rest = page.partition(asked)
    _, _, after = rest.partition(END)
    return f"{before}{asked}\n\n{table}\n\n{END}{after}"


def _ablation(asked: re.Match[str], task: "Callable[[str, int], Dataset]") -> str:
    from pipelines.evaluation.ablation import ablation

    data = task(asked["dataset"], 1)
    with say.bars() as bars:
        return ablation_table(data, ablation(data, progress=bars))


def _stages(asked: re.Match[str], task: "Callable[[str, int], Dataset]") -> str:
    from pipelines.evaluation.served import ablation

    data = task(asked["dataset"], 1)
    listeners, songs = data.past.shape
    how = f"{listeners:,} listeners, {songs:,} songs; held out: {data.how}; {len(data.rows):,} listeners judged."
    with say.bars() as bars:
        return f"{how}\n\n{stages_table(data, *ablation(data, progress=bars))}"


def _evaluation(asked: re.Match[str], task: "Callable[[str, int], Dataset]") -> str:
    """A row a system: published ones, then ours, each the mean over seeds, and below them the cohorts of the first of ours."""
    from pipelines.evaluation.judge import evaluate

    seeds = range(1, int(asked["seeds"] or 1) + 1)
    tasks = [task(asked["dataset"], seed) for seed in seeds]
    told: dict[str, list[Evaluation]] = {}
    with say.bars() as bars:
        for model in (asked["models"] or "segue").split():
            told[model] = [
                evaluate(data, model, seed=seed, progress=bars)
                for data, seed in zip(tasks, seeds, strict=True)
            ]
    data, first = tasks[0], next(iter(told.values()))
    heads = [
        "system",
        *data.headline,
        "coverage",
        "novelty",
        "diversity",
        "popularity lift",
        "train s",
        "score s",
    ]
    rows = [
        [name, *(f"{numbers[each]:.4f}" for each in data.headline), *[""] * 6]
        for name, numbers in data.published.items()
    ]
    rows += [_row(model, runs, data.headline) for model, runs in told.items()]
    listeners, songs = data.past.shape
    how = (
        f"{listeners:,} listeners, {songs:,} songs, {data.past.listens.nnz:,} pairs to learn from; held out: {data.how};"
        f" {len(data.rows):,} listeners judged."
    )
    if len(seeds) > 1:
        how += f" Means over seeds 1 to {len(seeds)}; intervals of seed 1."
    chosen = ", ".join(f"{name} {weight:.2f}" for name, weight in first[0].tuned.weights.items())
    parts = [how, markdown(heads, rows), f"What was chosen: {chosen}.", _cohorts(first)]
    return "\n\n".join(parts)


def _row(model: str, runs: "Sequence[Evaluation]", headline: Sequence[str]) -> list[str]:
    measured = []
    for name in headline:
        mean = float(np.mean([each.report.means()[name] for each in runs]))
        interval = runs[0].report.estimate(name)
        measured.append(f"**{mean:.4f}** [{interval.low:.4f}, {interval.high:.4f}]")
    characters = [each.report.character.as_dict() for each in runs]
    names = ("coverage", "novelty", "diversity", "popularity_lift")
    shape = [f"{np.mean([each[name] for each in characters]):.2f}" for name in names]
    price = [f"{np.mean([each.seconds[name] for each in runs]):.1f}" for name in ("train", "score")]
    return [model, *measured, *shape, *price]


def _cohorts(runs: "Sequence[Evaluation]") -> str:
    names = list(runs[0].report.cohorts)
    rows = []
    for name in names:
        size, means = runs[0].report.cohorts[name]
        rows.append([name, f"{size:,}", *(f"{value:.4f}" for value in means.values())])
    return markdown(["cohort", "listeners", "recall@20", "ndcg@20"], rows)


MADE = {"ablation": _ablation, "evaluate": _evaluation, "stages": _stages}
