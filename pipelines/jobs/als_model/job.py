"""Trains the model of taste on the newest interactions, lets the gate judge it, and registers it either way."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foundation.contracts.tables import Interactions as Columns
from models.als.training import Model, Parameters, train
from models.evaluation.radius import Radius
from models.files import array_of, npy, parquet
from models.interactions import Interactions
from pipelines import journal, live
from pipelines.context import Context, InputMissing, Outcome
from pipelines.jobs.als_model.card import card
from pipelines.jobs.als_model.judging import Contest, Rival, contest
from pipelines.jobs.als_model.plots import pictures
from pipelines.jobs.als_model.radius import Fit, beside
from pipelines.jobs.interactions import job as interactions
from pipelines.jobs.interactions.job import Written
from pipelines.versions import Versions, digest

NAME = live.ALS
MODEL = "als"  # its name in the registry
RECIPE = 4  # part of every version: raise it when training changes its meaning
KEPT = 10  # registered models whose factors stay at hand
_ARRAYS = ("listener_ids", "song_ids", "listener_factors", "song_factors")
_PAIRS = (Columns.listener_id, Columns.song_id, Columns.listens)


class NothingPassed(InputMissing):
    """Models were trained, and the gate let none of them through."""

    title = "No model passed the gate"


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, as the job after this one reads it."""

    version: str
    registered: str  # "als/3"
    interactions_version: str
    until: datetime
    parameters: Parameters
    listener_ids: NDArray[np.int64]
    song_ids: NDArray[np.int64]
    model: Model

    @property
    def fit(self) -> Fit:
        """The model with the ids of its rows."""
        return Fit(self.listener_ids, self.song_ids, self.model)


@dataclass(frozen=True, slots=True)
class Built:
    """What one run makes of its interactions."""

    matrix: Interactions
    model: Model
    contest: Contest
    metrics: Mapping[str, float]
    plots: Mapping[str, bytes]
    seconds: Mapping[str, float]  # by stage


def build(
    source: Written, parameters: Parameters, rival: Rival | None, progress: Callable[[float], None]
) -> Built:
    """The contest with the live recipe and most popular, and the model of everything."""
    began = time.monotonic()
    held = contest(source, parameters, rival, lambda part: progress(part / 2))
    judged = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(pictures, held)  # while training computes
        matrix = Interactions.of(source.rows)
        model = train(matrix.listens, parameters, progress=lambda part: progress((1 + part) / 2))
        seconds = {"judging": judged - began, "training": time.monotonic() - judged}
        return Built(matrix, model, held, held.metrics(), drawing.result(), seconds)


def run(context: Context) -> Outcome:
    """Train, judge and register, unless these interactions were trained on with these parameters already."""
    began, trained_at = time.monotonic(), context.now()
    source = interactions.newest(context)
    versions = Versions(NAME, context.blobs)
    version = digest(NAME, RECIPE, source.version, context.als.as_dict())
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=_summary(known))
    beside = ThreadPoolExecutor(1)
    opening = beside.submit(context.registry)  # MLflow loads while training computes
    beside.shutdown(wait=False)
    reading = time.monotonic() - began
    built = build(source, context.als, _rival(context), lambda part: context.progress("training", part))
    ruling, radius = built.contest.ruling, _radius(context, built, source)
    about: dict[str, object] = {
        "interactions": source.version,
        "rows": source.rows.height,
        "until": source.until.isoformat(),
        "parameters": context.als.as_dict(),
        "written_at": trained_at.isoformat(),
        "is_passed": ruling.is_passed,
        "reason": ruling.reason,
        "judged_by": built.contest.how,
        "radius": None if radius is None else radius.as_dict(),
        **built.metrics,
    }
    storing = time.monotonic()
    versions.write(version, _stored(built, source), about)
    context.progress("registering", 0.0)
    registry = opening.result()
    seconds = {"reading": reading, **built.seconds, "storing": time.monotonic() - storing}
    took = timedelta(seconds=time.monotonic() - began)
    told = card(
        context,
        version,
        versions.folder(version),
        source,
        built.contest,
        radius,
        counts={
            "rows": source.rows.height,
            "listeners": len(built.matrix.listener_ids),
            "songs": len(built.matrix.song_ids),
        },
        trained_at=trained_at,
        took=took,
        seconds=seconds,
    )
    about["registered"] = registry.register(MODEL, replace(told, plots=built.plots))
    versions.describe(version, about)
    versions.point(version, about)
    versions.prune(KEPT, spared=_spared(context))
    live.reconcile(context, thoroughly=True)
    context.progress("registering", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def newest(context: Context) -> Trained:
    """What this job last wrote, passed or refused. Raises InputMissing when it never ran."""
    about = Versions(NAME, context.blobs).newest()
    if about is None:
        raise InputMissing("there is no model yet: run the job als_model first", job=NAME)
    return _trained(context, about)


def chosen(context: Context, source_version: str) -> Trained:
    """The model that should serve: the newest one that passed, or that somebody promoted later than that.

    What was rolled back is left out. A model may be older than the interactions `source_version`, when the gate refused
    the newest; `learnt_from` gives the rows it knows. Raises InputMissing when nothing was trained on `source_version`
    yet, and NothingPassed when no model may serve.
    """
    decided = journal.read(context.blobs)
    candidates = []
    for model, about in live.abouts(context).items():
        promoted_at = decided.promoted.get(model)
        if model not in decided.withdrawn and (promoted_at is not None or about["is_passed"]):
            trained_at = datetime.fromisoformat(str(about["written_at"]))
            candidates.append((promoted_at or trained_at, promoted_at is not None, about))
    best = max(candidates, key=lambda each: each[0], default=None)
    last = Versions(NAME, context.blobs).newest()
    if last is None:
        raise InputMissing("there is no model yet: run the job als_model first", job=NAME)
    if last["interactions"] != source_version and not (best is not None and best[1]):
        raise InputMissing(
            "there are newer interactions than the model knows: run the job als_model first", job=NAME
        )
    if best is None:
        refused = f"no model may serve: {last['registered']} was refused, {last['reason']}"
        raise NothingPassed(
            f"{refused}; ./segue models promote {last['registered']} would let it all the same", job=NAME
        )
    return _trained(context, best[2])


def learnt_from(context: Context, trained: Trained) -> pl.DataFrame:
    """The interactions a model was trained on: listener_id, song_id, listens. Kept as long as its factors are."""
    return pl.read_parquet(Versions(NAME, context.blobs).read(trained.version, "rows.parquet"))


def beside_live(context: Context, model: str) -> Radius | None:
    """What would change if this model served; None where it serves, or nothing does.

    Raises NoSuchModel when its factors are not kept.
    """
    about, serving = live.about_of(context, model), live.model(context)
    of_live = live.abouts(context).get(serving) if serving is not None else None
    if serving is None or of_live is None or serving == model:
        return None
    before, after = _trained(context, of_live), _trained(context, about)
    newer = max(before, after, key=lambda each: each.until)
    return beside(context, serving, before.fit, after.fit, learnt_from(context, newer))


def _radius(context: Context, built: Built, source: Written) -> Radius | None:
    """What would change if what was built served; None where nothing is live, or it is kept no more."""
    serving = live.model(context)
    about = live.abouts(context).get(serving) if serving is not None else None
    if serving is None or about is None:
        return None
    after = Fit(built.matrix.listener_ids, built.matrix.song_ids, built.model)
    return beside(context, serving, _trained(context, about).fit, after, source.rows)


def _rival(context: Context) -> Rival | None:
    """The live model as the gate sees it; None where nothing is live, or nothing is known of it any more."""
    model = live.model(context)
    about = live.abouts(context).get(model) if model is not None else None
    if model is None or about is None:
        return None
    return Rival(model, _parameters(about), int(str(about["rows"])))


def _trained(context: Context, about: Mapping[str, object]) -> Trained:
    versions, version = Versions(NAME, context.blobs), str(about["version"])
    stored = {name: array_of(versions.read(version, f"{name}.npy")) for name in _ARRAYS}
    return Trained(
        version=version,
        registered=str(about["registered"]),
        interactions_version=str(about["interactions"]),
        until=datetime.fromisoformat(str(about["until"])),
        parameters=_parameters(about),
        listener_ids=stored["listener_ids"],
        song_ids=stored["song_ids"],
        model=Model(stored["listener_factors"], stored["song_factors"]),
    )


def _stored(built: Built, source: Written) -> Mapping[str, bytes]:
    """The factors, and the rows they were learnt from: whoever publishes the model again later needs both."""
    arrays: tuple[NDArray[Any], ...] = (
        built.matrix.listener_ids,
        built.matrix.song_ids,
        built.model.listener_factors,
        built.model.song_factors,
    )
    stored = {f"{name}.npy": npy(array) for name, array in zip(_ARRAYS, arrays, strict=True)}
    return stored | {"rows.parquet": parquet(source.rows.select(_PAIRS))}


def _spared(context: Context) -> set[str]:
    """The versions of models that serve, that served before, or that people promoted: they may be needed again."""
    decided = journal.read(context.blobs)
    serving = live.model(context)
    needed = {serving, *decided.promoted, decided.before(serving) if serving is not None else None}
    return {str(about["version"]) for model, about in live.abouts(context).items() if model in needed}


def _parameters(about: Mapping[str, object]) -> Parameters:
    return Parameters.of(cast("Mapping[str, str | int | float]", about["parameters"]))


def _summary(about: Mapping[str, object]) -> str:
    told = (
        "{registered}: recall@20 {recall_20:.3f}, ndcg@20 {ndcg_20:.3f} "
        "(item-kNN {knn_ndcg_20:.3f}, most popular {popular_ndcg_20:.3f})"
    )
    verdict = "passed" if about["is_passed"] else "REFUSED"
    line = f"{told.format_map({'knn_ndcg_20': 0.0, **about})}; {verdict}: {about['reason']}"
    radius = about.get("radius")
    return line if radius is None else f"{line}; {Radius.told(cast('Mapping[str, Any]', radius)).line()}"
