"""Trains the model of taste on the newest interactions, measures it on rows held out, and registers it."""

import io
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.als.training import Model, Parameters, train
from models.evaluation.baselines import most_popular
from models.evaluation.ranking import inner_products
from models.evaluation.splits import random_rows
from models.evaluation.trial import Trial
from models.interactions import Interactions
from models.registry import Card
from pipelines.context import Context, InputMissing, Outcome
from pipelines.jobs.interactions import job as interactions
from pipelines.versions import Versions, digest

NAME = "als_model"
MODEL = "als"  # its name in the registry
RECIPE = 1  # part of every version: raise it when training changes its meaning
KEPT = 10  # registered models whose factors stay at hand
HELD_OUT = 0.2  # of the rows, for measuring
JUDGED = 2_000  # listeners at most
K = 20
_ARRAYS = ("listener_ids", "song_ids", "listener_factors", "song_factors")


@dataclass(frozen=True, slots=True)
class Trained:
    """The newest model, as the job after this one reads it."""

    version: str
    registered: str  # "als/3"
    interactions_version: str
    until: datetime
    listener_ids: NDArray[np.int64]
    song_ids: NDArray[np.int64]
    model: Model


def build(
    rows: pl.DataFrame, parameters: Parameters, progress: Callable[[float], None]
) -> tuple[Interactions, Model, dict[str, float]]:
    """The interactions as a matrix, the model of all of them, and how well one trained on 80 % finds the rest."""
    metrics = measured(rows, parameters, lambda part: progress(part / 2))
    everything = Interactions.of(rows)
    model = train(everything.listens, parameters, progress=lambda part: progress((1 + part) / 2))
    return everything, model, metrics


def measured(
    rows: pl.DataFrame, parameters: Parameters, progress: Callable[[float], None]
) -> dict[str, float]:
    """Recall and NDCG at 20 on held-out rows, of the model and of what is most popular.

    It shows that training worked; whether a model may go live is asked of the future, not of random rows.
    """
    rng = np.random.default_rng(parameters.seed)
    trial = Trial.of(*random_rows(rows, HELD_OUT, rng)).sample(JUDGED, rng)
    model = train(trial.train.listens, parameters, progress=progress)
    scores = {
        "": inner_products(model.listener_factors, model.song_factors),
        "popular_": most_popular(trial.train.listens),
    }
    verdicts = {name: trial.judge(trial.lists(score, K), K).means() for name, score in scores.items()}
    return {
        f"{name}{metric}_{K}": means[metric]
        for name, means in verdicts.items()
        for metric in ("recall", "ndcg")
    }


def run(context: Context) -> Outcome:
    """Train and register, unless these interactions were trained on with these parameters already."""
    source = interactions.newest(context)
    versions = Versions(NAME, context.blobs)
    version = digest(NAME, RECIPE, source.version, context.als.as_dict())
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=_summary(known))
    trained_at, began = context.now(), time.monotonic()
    beside = ThreadPoolExecutor(1)
    opening = beside.submit(context.registry)  # MLflow loads while training computes
    beside.shutdown(wait=False)
    matrix, model, metrics = build(source.rows, context.als, lambda part: context.progress("training", part))
    took = timedelta(seconds=time.monotonic() - began)
    registry = opening.result()
    about: dict[str, object] = {
        "interactions": source.version,
        "until": source.until.isoformat(),
        "written_at": trained_at.isoformat(),
        **metrics,
    }
    versions.write(version, _stored(matrix, model), about)
    context.progress("registering", 0.0)
    card = Card(
        version=version,
        trained_at=trained_at,
        took=took,
        data_version=source.version,
        data_url=f"{context.blobs_url}/{interactions.NAME}/{source.version}",
        data_until=source.until,
        factors_url=f"{context.blobs_url}/{versions.folder(version)}",
        counts={
            "rows": source.rows.height,
            "listeners": len(matrix.listener_ids),
            "songs": len(matrix.song_ids),
        },
        parameters=context.als.as_dict(),
        metrics=metrics,
    )
    about["registered"] = registry.register(MODEL, card)
    versions.point(version, about)
    versions.prune(KEPT)
    context.progress("registering", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def newest(context: Context) -> Trained:
    """What this job last wrote. Raises InputMissing when it never ran."""
    versions = Versions(NAME, context.blobs)
    about = versions.newest()
    if about is None:
        raise InputMissing("there is no model yet: run the job als_model first", job=NAME)
    version = str(about["version"])
    stored = {
        name: np.load(io.BytesIO(versions.read(version, f"{name}.npy")), allow_pickle=False)
        for name in _ARRAYS
    }
    return Trained(
        version=version,
        registered=str(about["registered"]),
        interactions_version=str(about["interactions"]),
        until=datetime.fromisoformat(str(about["until"])),
        listener_ids=stored["listener_ids"],
        song_ids=stored["song_ids"],
        model=Model(stored["listener_factors"], stored["song_factors"]),
    )


def _stored(matrix: Interactions, model: Model) -> Mapping[str, bytes]:
    arrays: tuple[NDArray[Any], ...] = (
        matrix.listener_ids,
        matrix.song_ids,
        model.listener_factors,
        model.song_factors,
    )
    stored = {}
    for name, array in zip(_ARRAYS, arrays, strict=True):
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        stored[f"{name}.npy"] = buffer.getvalue()
    return stored


def _summary(about: Mapping[str, object]) -> str:
    told = "{registered}: recall@20 {recall_20:.3f}, ndcg@20 {ndcg_20:.3f} (most popular {popular_recall_20:.3f})"
    return told.format_map(about)
