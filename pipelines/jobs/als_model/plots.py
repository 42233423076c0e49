"""Pictures of a contest: how good each system is, how well known what it shows is, and for whom it works."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluation.gate import KNN, LIVE, POPULAR
from pipelines.jobs.als_model.judging import DECIDES, NEW, SHOWN, Contest, K
from pipelines.sheets import png, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TENTHS = 10
_MEASURES = {"recall": "Recall", "ndcg": "NDCG"}
_COLOURS = {
    NEW: "#1f6f8b",
    LIVE: "#8fb8c9",
    KNN: "#7a9e5f",
    POPULAR: "#c9a227",
    "really heard": "#555555",
}


def pictures(contest: Contest) -> dict[str, bytes]:
    """PNG files by name; none where nobody was judged."""
    if not len(contest.trial.rows):
        return {}
    drawn = {"quality": quality(contest), "popularity": popularity(contest), "cohorts": cohorts(contest)}
    return {f"{name}.png": png(figure) for name, figure in drawn.items()}


def quality(contest: Contest) -> "Figure":
    """Recall and NDCG of each system with their intervals."""
    bars = {
        system: [contest.estimate(system, measure) for measure in SHOWN]
        for system in _COLOURS
        if system in contest.verdicts
    }
    figure, axes = sheet(f"How good the lists are, by {contest.how}")
    for system, place, estimates in zip(bars, _places(len(bars)), bars.values(), strict=True):
        means = np.array([each.mean for each in estimates])
        reach = [[each.mean - each.low for each in estimates], [each.high - each.mean for each in estimates]]
        at = np.arange(len(SHOWN)) + place
        axes.bar(at, means, 0.8 / len(bars), yerr=reach, capsize=4, label=system, color=_COLOURS[system])
    axes.set_xticks(np.arange(len(SHOWN)), [f"{_MEASURES[name]}@{K}" for name in SHOWN])
    axes.legend(frameon=False)
    return figure


def popularity(contest: Contest) -> "Figure":
    """Which part of each system's places goes to the best known tenth of the songs, the next tenth, and so on."""
    known = np.bincount(contest.trial.train.listens.indices, minlength=len(contest.trial.train.song_ids))
    tenth_of = np.empty(len(known), dtype=np.int64)
    tenth_of[np.argsort(-known, kind="stable")] = np.arange(len(known)) * TENTHS // max(len(known), 1)
    shown = {system: each[each >= 0] for system, each in contest.lists.items() if system != LIVE}
    shown["really heard"] = contest.trial.relevant.indices.astype(np.int64)
    figure, axes = sheet("How well known the songs are, in tenths of the catalogue")
    for system, songs in sorted(shown.items()):
        shares = np.bincount(tenth_of[songs], minlength=TENTHS) / max(len(songs), 1)
        axes.plot(np.arange(1, TENTHS + 1), shares, marker="o", label=system, color=_COLOURS[system])
    axes.set_xlabel("tenth of the songs, the best known first")
    axes.set_ylabel("share of the places")
    axes.legend(frameon=False)
    return figure


def cohorts(contest: Contest) -> "Figure":
    """What decides, for each cohort of listeners and of songs."""
    named = {name: systems for name, systems in contest.cohorts.items() if len(systems[NEW])}
    systems = [system for system in _COLOURS if system in contest.verdicts]
    figure, axes = sheet(f"{_MEASURES[DECIDES]}@{K} by cohort")
    for system, place in zip(systems, _places(len(systems)), strict=True):
        means = [float(values[system].mean()) for values in named.values()]
        axes.bar(
            np.arange(len(named)) + place, means, 0.8 / len(systems), label=system, color=_COLOURS[system]
        )
    axes.set_xticks(np.arange(len(named)), [f"{name}\n{len(each[NEW]):,}" for name, each in named.items()])
    axes.legend(frameon=False)
    return figure


def _places(systems: int) -> NDArray[np.float64]:
    """Where the bars of each system stand around a tick."""
    places: NDArray[np.float64] = (np.arange(systems) - (systems - 1) / 2) * 0.8 / systems
    return places
