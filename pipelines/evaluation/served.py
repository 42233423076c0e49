"""Judges what the API serves: both stages by serving's own code, the ranker learnt from the past alone."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.als.training import Parameters
from models.arrays import Positions
from models.diversity.choosing import PLAIN, Dials
from models.evaluation.datasets import Dataset
from models.evaluation.report import HEADLINE, Report
from models.exploration.drawing import NONE, Budget
from models.graph_filter import GraphFilter
from models.library import Library
from models.ranker.learning import Learnt
from models.ranker.linear import DEFAULT, Linear
from models.together import Together
from pipelines.stages.moment import Moment
from pipelines.stages.teaching import taught
from serving.recommend.asking import Wanted

SERVED = "two-stage"
BY_TASTE = Linear.of({"taste": 1.0, "placed": 1.0})  # the first stage's own order
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Stages:
    """Both stages at the end of a data set's past."""

    dataset: Dataset
    moment: Moment
    learnt: Learnt

    @classmethod
    def of(cls, dataset: Dataset, *, seed: int = 1, progress: Progress) -> "Stages":
        """Learn the ranker from the past, cut once more, then train the first stage on all of it."""
        past, library = dataset.past, dataset.library or Library.unknown(dataset.past)
        parameters = replace(Parameters(), seed=seed)
        learnt = taught(
            past,
            dataset.cut,
            library,
            parameters,
            seed=seed,
            progress=lambda part: progress("learning the ranker", part),
        )
        moment = Moment.of(
            past,
            library,
            parameters,
            ranker=learnt.ranker,
            progress=lambda part: progress("training", part),
        )
        return cls(dataset, moment, learnt)

    def lists(self, wanted: Wanted, moment: Moment | None = None) -> Positions:
        """The lists of everybody judged, as they would be served [judged × places]."""
        asked, rows = moment or self.moment, self.dataset.rows
        ids = asked.recommender.bundle.song_ids
        lists = np.full((len(rows), wanted.limit), -1, np.int64)
        for place, feed in enumerate(asked.feeds(rows, wanted)):
            songs = [item.song_id for item in feed.items]
            lists[place, : len(songs)] = np.searchsorted(ids, songs)
        return lists

    def report(self, lists: Positions) -> Report:
        """How good these lists are."""
        data = self.dataset
        return Report.of(lists, data.relevant, data.past.listens, data.rows, data.kinds)


@dataclass(frozen=True, slots=True)
class Line:
    """The feed as it is served, or without one of its parts."""

    system: str
    report: Report
    milliseconds: float  # of a processor, for a list


def ablation(dataset: Dataset, *, seed: int = 1, progress: Progress) -> tuple[Learnt, Sequence[Line]]:
    """The feed; the feed without each part of its second stage; and the first stage alone."""
    stages = Stages.of(dataset, seed=seed, progress=progress)
    served, dials = Wanted(HEADLINE, budget=Budget()), Dials()
    whole = stages.moment
    bundle = whole.recommender.bundle
    unfiltered = whole.of_bundle(replace(bundle, graph_filter=GraphFilter()))
    alone = whole.of_bundle(replace(bundle, together=Together()))
    variants: Mapping[str, tuple[Moment, Wanted]] = {
        "the feed": (whole, served),
        "weights set by hand": (whole.by(DEFAULT), served),
        "without a ranker: taste's own order": (whole.by(BY_TASTE), served),
        "without the graph filter": (unfiltered, served),
        "without sessions": (alone, served),
        "without MMR": (whole, replace(served, dials=replace(dials, redundancy=0.0))),
        "without caps on artists and albums": (
            whole,
            replace(served, dials=replace(dials, artist_share=1.0, album_share=1.0)),
        ),
        "without calibration": (whole, replace(served, dials=replace(dials, calibration=0.0))),
        "without exploration": (whole, replace(served, budget=NONE)),
        "ranker alone": (whole, replace(served, dials=PLAIN, budget=NONE)),
        "taste alone": (whole.by(BY_TASTE), replace(served, dials=PLAIN, budget=NONE)),
    }
    lines = []
    for number, (system, (moment, wanted)) in enumerate(variants.items()):
        progress("ranking", number / len(variants))
        began = time.process_time()
        lists = stages.lists(wanted, moment)
        took = 1000 * (time.process_time() - began) / len(dataset.rows)
        lines.append(Line(system, stages.report(lists), took))
    progress("ranking", 1.0)
    return stages.learnt, lines
