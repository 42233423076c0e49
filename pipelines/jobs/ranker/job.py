"""Learns the weights of the ranker from what listeners chose after a moment of the past, and from lists that were shown."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from feature_store.offline import AT_ONCE, Asked, lately_then
from feature_store.online import EPOCH, MILLISECOND, Lately
from foundation.contracts.tables import Impressions, Interactions, Listens
from foundation.ids import UserId
from models.evaluation.cuts import Cut
from models.evaluation.tables import markdown
from models.interactions import Interactions as Matrix
from models.interactions import positions
from models.library import Library
from models.past import Past, Plays
from models.ranker.learning import Learnt, of_dict
from models.ranker.linear import DEFAULT, FEATURES, Linear
from pipelines.context import Context, InputMissing, Outcome, Schema
from pipelines.dimensions import LISTENERS, LISTENERS_SQL, SONGS, SONGS_SQL
from pipelines.jobs.als_model import job as als_model
from pipelines.jobs.als_model.job import Trained
from pipelines.jobs.interactions import job as interactions
from pipelines.jobs.session_neighbours import job as session_neighbours
from pipelines.jobs.text_vectors import job as text_vectors
from pipelines.stages.teaching import Shown, taught
from pipelines.versions import Versions, digest

NAME = "ranker"
RECIPE = 2  # part of every version: raise it when learning, a feature or the SQL changes its meaning
KEPT = 10  # as many as models: one that serves again has again the ranker that it served with
SINCE = timedelta(days=90)  # lists that were shown longer ago are not asked for
MOST = 1_000_000  # songs of lists
HERE = Path(__file__).parent
RELIABILITY = (
    "Predicted and observed probability that a candidate is listened to for the first time, of listeners who taught nothing, "
    "in ten parts of the candidates."
)
SLATES: Schema = {
    "slate": pl.String,
    Impressions.listener_id: pl.Int64,
    "at_ms": pl.Int64,
    Impressions.position: pl.Int64,
    Impressions.song_id: pl.Int64,
    Impressions.propensity: pl.Float64,
    "is_taken": pl.Boolean,
}


def build(
    heard: Matrix, listens: pl.DataFrame, slates: Iterable[Shown], library: Library, trained: Trained
) -> Learnt:
    """The weights that a past teaches: `heard` over the songs and listeners of the library, `listens` with their times."""
    plays = _plays(listens, heard)
    cut: Cut = "time" if plays is not None else "random"
    return taught(
        Past(heard.listens, plays),
        cut,
        library,
        trained.parameters,
        slates,
        seed=trained.parameters.seed,
    )


def shown(
    slates: pl.DataFrame, heard: Matrix, known: Callable[[Sequence[Asked]], Sequence[Lately]]
) -> Iterator[Shown]:
    """The lists in rows of `SLATES`, of listeners who are known, each with what was `known` of its listener at its moment."""
    lists = slates.sort("slate", Impressions.position).partition_by("slate", maintain_order=True)
    whose = np.array([one[Impressions.listener_id][0] for one in lists], np.int64)
    told = [(row, one) for row, one in zip(heard.rows_of(whose).tolist(), lists, strict=True) if row >= 0]
    for start in range(0, len(told), AT_ONCE):  # what is known of all of them would be large
        some = told[start : start + AT_ONCE]
        asked = [
            Asked(UserId(one[Impressions.listener_id][0]), EPOCH + one["at_ms"][0] * MILLISECOND)
            for _, one in some
        ]
        for (row, one), lately in zip(some, known(asked), strict=True):
            yield Shown(
                row,
                one["at_ms"][0] / 1000,
                positions(heard.song_ids, one[Impressions.song_id].to_numpy()),
                one[Impressions.propensity].to_numpy(),
                one["is_taken"].to_numpy(),
                lately,
            )


def run(context: Context) -> Outcome:
    """Learn for the model that will serve, unless that was done; the card says what was learnt and how sure it is."""
    trained = als_model.chosen(context, interactions.newest(context).version)
    versions, version = Versions(NAME, context.blobs), version_of(trained)
    known = versions.newest()
    if versions.has(version):
        about = versions.about(version)
        if known is None or known["version"] != version:
            versions.point(version, {name: value for name, value in about.items() if name != "version"})
        return Outcome(version, changed=False, summary=_summary(about))
    context.progress("learning the ranker", 0.0)
    library, heard = _library(context, trained)
    until_ms = int(trained.until.timestamp() * 1000)
    since_ms = until_ms - SINCE // timedelta(milliseconds=1)
    slates = context.frame(HERE / "slates.sql", SLATES, at_ms=until_ms, since_ms=since_ms, most=MOST)
    learnt = build(
        heard,
        session_neighbours.listens_before(context, until_ms),
        shown(slates, heard, partial(lately_then, context.clickhouse)),
        library,
        trained,
    )
    about = {"model": trained.registered, **learnt.as_dict(), "written_at": context.now().isoformat()}
    page = card(trained, learnt)
    context.registry().record(
        NAME,
        f"{version} for {trained.registered}",
        at=context.now(),
        parameters={"model": trained.registered, "learnt": learnt.is_learnt, **learnt.ranker.as_dict()},
        metrics=_metrics(learnt),
        files={"card.md": page.encode(), "ranker.json": json.dumps(about, indent=1).encode()},
    )
    versions.publish(version, {"card.md": page.encode()}, about, KEPT)
    context.progress("learning the ranker", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def version_of(trained: Trained) -> str:
    """The version of the ranker of a model."""
    return digest(NAME, RECIPE, trained.version)


def learnt_for(context: Context, trained: Trained) -> tuple[str, Linear]:
    """The ranker of a model and its version; that set by hand where the one it had is kept no more.

    Raises InputMissing when the job never ran.
    """
    versions, version = Versions(NAME, context.blobs), version_of(trained)
    if versions.newest() is None:
        raise InputMissing("there is no ranker yet: run the job ranker first", job=NAME)
    if not versions.has(version):
        return "by hand", DEFAULT
    return version, of_dict(versions.about(version))


def card(trained: Trained, learnt: Learnt) -> str:
    """What was learnt, from what, and how true its probabilities are, in Markdown."""
    weights = [
        [name, f"{weight:.4f}", f"{by_hand:.4f}", FEATURES[name]]
        for (name, weight), by_hand in zip(
            learnt.ranker.as_dict().items(), DEFAULT.weights.tolist(), strict=True
        )
    ]
    reliable = [
        [f"{each.predicted:.4f}", f"{each.observed:.4f}", f"{each.candidates:,}"]
        for each in learnt.reliability
    ]
    said = f"- {'Learnt' if learnt.is_learnt else 'Set by hand'}: {learnt.reason}"
    from_what = f"- {learnt.listeners:,} listeners took {learnt.taken:,} of their candidates; {learnt.slates:,} lists shown"
    parts = [
        f"# Ranker for {trained.registered}",
        f"{said}\n{from_what}",
        "## Weights",
        markdown(["feature", "weight", "by hand", "what it is"], weights),
    ]
    if reliable:
        parts += ["## Reliability", RELIABILITY, markdown(["predicted", "observed", "candidates"], reliable)]
    return "\n\n".join(parts) + "\n"


def _library(context: Context, trained: Trained) -> tuple[Library, Matrix]:
    """What the catalog says of the songs that the model knows, and who heard them."""
    songs = context.frame(SONGS_SQL, SONGS)
    rows = als_model.learnt_from(context, trained)
    kept = np.intersect1d(trained.song_ids, songs[Listens.song_id].to_numpy())
    heard = Matrix.of(rows.filter(pl.col(Interactions.song_id).is_in(kept.tolist())), kept)
    texts = text_vectors.newest(context).rows
    people = context.frame(LISTENERS_SQL, LISTENERS)
    told = texts.song_ids, texts.vectors
    return Library.of(kept, heard.listener_ids, songs, people, told), heard


def _plays(listens: pl.DataFrame, heard: Matrix) -> Plays | None:
    """The listens of what is known, by rows and columns; None where no listen has a time."""
    listeners = heard.rows_of(listens[Interactions.listener_id].to_numpy())
    songs = positions(heard.song_ids, listens[Interactions.song_id].to_numpy())
    known = (listeners >= 0) & (songs >= 0)
    if not known.any():
        return None
    return Plays.of(
        listeners[known],
        songs[known],
        listens["at_ms"].to_numpy()[known] / 1000,
        seconds=listens[Listens.played_ms].to_numpy()[known] / 1000,
    )


def _metrics(learnt: Learnt) -> Mapping[str, float]:
    told: dict[str, float] = {
        "listeners": learnt.listeners,
        "taken": learnt.taken,
        "slates": learnt.slates,
    }
    if learnt.gain is not None:
        told |= {"gain": learnt.gain.mean, "gain_low": learnt.gain.low, "gain_high": learnt.gain.high}
    for number, each in enumerate(learnt.reliability):
        told |= {f"predicted_{number}": each.predicted, f"observed_{number}": each.observed}
    return told


def _summary(about: Mapping[str, Any]) -> str:
    weights = sorted(about["weights"].items(), key=lambda each: -abs(each[1]))[:4]
    told = ", ".join(f"{name} {weight:.2f}" for name, weight in weights)
    return (
        f"{'learnt' if about['is_learnt'] else 'set by hand'} for {about['model']}: {about['reason']}; {told}"
    )
