"""Pictures of an evaluation: how good beside what others published, at which lengths, and for whom."""

from typing import TYPE_CHECKING

from models.evaluation.report import CUTS, HEADLINE
from pipelines.evaluation.judge import Evaluation
from pipelines.sheets import png, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS, THEIRS = "#1f6f8b", "#c9a227"


def pictures(told: Evaluation) -> dict[str, bytes]:
    """PNG files by name."""
    figures = {"lengths": lengths(told), "cohorts": cohorts(told)}
    if told.dataset.published:
        figures["published"] = beside_published(told)
    return {f"{name}.png": png(figure) for name, figure in figures.items()}


def lengths(told: Evaluation) -> "Figure":
    """Recall, NDCG and hit rate by the length of the list."""
    figure, axes = sheet(f"{told.dataset.name}: by the length of the list")
    means = told.report.means()
    for name in ("recall", "ndcg", "hit"):
        axes.plot(CUTS, [means[f"{name}@{k}"] for k in CUTS], marker="o", label=name)
    axes.set_xlabel("songs in the list")
    axes.legend(frameon=False)
    return figure


def cohorts(told: Evaluation) -> "Figure":
    """Recall by how much a listener had heard, and by how well known the songs are."""
    figure, axes = sheet(f"{told.dataset.name}: Recall@{HEADLINE} by cohort")
    names = [f"{name}\n{size:,}" for name, (size, _) in told.report.cohorts.items()]
    axes.bar(names, [means[f"recall@{HEADLINE}"] for _, means in told.report.cohorts.values()], color=OURS)
    return figure


def beside_published(told: Evaluation) -> "Figure":
    """The first measure beside the numbers of others."""
    measure = told.dataset.headline[0]
    bars = {name: numbers[measure] for name, numbers in told.dataset.published.items()}
    bars["Segue"] = told.report.means()[measure]
    figure, axes = sheet(f"{told.dataset.name}: {measure}, beside published numbers")
    axes.barh(list(bars), list(bars.values()), color=[THEIRS] * (len(bars) - 1) + [OURS])
    return figure
