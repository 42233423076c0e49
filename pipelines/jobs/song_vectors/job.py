"""Publishes the newest model as vectors and a bundle under one version, verifies them, and only then flips to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foundation.contracts.tables import Interactions as Columns
from foundation.contracts.tables import Listeners, Songs
from foundation.engines.vectors.port import Points, Vectors
from foundation.errors import Problem
from models import bundle as bundles
from models.bundle import Bundle
from models.interactions import Interactions, positions
from pipelines.context import Context, NothingHeard, Outcome, Schema
from pipelines.jobs.als_model import job as als_model
from pipelines.jobs.als_model.job import Trained
from pipelines.jobs.interactions import job as interactions
from pipelines.versions import Versions, digest

NAME = "song_vectors"
COLLECTION = "songs"  # its current version is what serves
RECIPE = 1  # part of every version: raise it when `build` or the SQL changes its meaning
KEPT = 3
TRIED = 50  # listeners whose nearest songs are compared with the exact ones
K = 20
FAITHFUL = 0.95  # the part of the exact nearest songs that the engine must find
HERE = Path(__file__).parent
SONGS: Schema = {
    Songs.song_id: pl.Int64,
    Songs.title: pl.String,
    Songs.artist_id: pl.Int64,
    Songs.artist: pl.String,
    Songs.album: pl.String,
    Songs.genre: pl.String,
    Songs.song_ms: pl.UInt32,
    Songs.origin: pl.String,
    Songs.external_id: pl.String,
}
LISTENERS: Schema = {
    Listeners.listener_id: pl.Int64,
    Listeners.origin: pl.String,
    Listeners.external_id: pl.String,
    Listeners.country: pl.String,
}


class InputsDisagree(Problem):
    """The model was trained on other interactions than the newest."""

    status, title = 409, "The model is older than its data"


class VectorsUnfaithful(Problem):
    """What was published does not find what it should, and was not flipped to."""

    status, title = 500, "The published vectors do not answer as the model does"


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What the catalog says of songs and listeners, one row each, ids ascending."""

    songs: pl.DataFrame
    listeners: pl.DataFrame

    def state(self) -> str:
        """A digest that differs when any row does."""
        return digest(self.songs.write_json(), self.listeners.write_json())


def build(version: str, rows: pl.DataFrame, trained: Trained, dimensions: Dimensions) -> Bundle:
    """The bundle of a model. Songs that the catalog does not know cannot be named, so they are left out."""
    known = np.isin(trained.song_ids, dimensions.songs[Songs.song_id].to_numpy())
    song_ids = trained.song_ids[known]
    heard = Interactions.of(rows.filter(pl.col(Columns.song_id).is_in(song_ids)), song_ids)
    of_listener = positions(trained.listener_ids, heard.listener_ids)
    popularity = np.zeros(len(song_ids), dtype=np.int64)
    counts = rows.group_by(Columns.song_id).agg(pl.col(Columns.listens).sum())
    at = positions(song_ids, counts[Columns.song_id].to_numpy())
    popularity[at[at >= 0]] = counts[Columns.listens].to_numpy()[at >= 0]
    return Bundle(
        version=version,
        model=trained.registered,
        song_ids=song_ids,
        song_factors=np.ascontiguousarray(trained.model.song_factors[known]),
        listener_ids=heard.listener_ids,
        listener_factors=np.ascontiguousarray(trained.model.listener_factors[of_listener]),
        heard=heard.listens.astype(np.bool_),
        popularity=popularity,
        songs=dimensions.songs.filter(pl.col(Songs.song_id).is_in(song_ids)).sort(Songs.song_id),
        listeners=dimensions.listeners.sort(Listeners.listener_id),
        trained_until=trained.until,
    )


def run(context: Context) -> Outcome:
    """Publish, verify, flip, and retire the old, unless this very version is the one that serves."""
    trained, source = als_model.newest(context), interactions.newest(context)
    if trained.interactions_version != source.version:
        raise InputsDisagree("there are newer interactions than the model knows: run the job als_model first")
    dimensions = Dimensions(
        context.frame(HERE / "songs.sql", SONGS), context.frame(HERE / "listeners.sql", LISTENERS)
    )
    versions = Versions(NAME, context.blobs)
    version = digest(NAME, RECIPE, trained.version, dimensions.state())
    known = versions.newest()
    if known is not None and known["version"] == version == context.vectors.current(COLLECTION):
        return Outcome(version, changed=False, summary=_summary(known))
    bundle = build(version, source.rows, trained, dimensions)
    if not len(bundle.song_ids):
        raise NothingHeard("the catalog knows none of the songs that were listened to")
    recall = publish(bundle, context)
    context.vectors.flip(COLLECTION, version)
    context.registry().set_live(bundle.model)
    about = {
        "model": bundle.model,
        "songs": len(bundle.song_ids),
        "listeners": len(bundle.listener_ids),
        "recall": recall,
        "written_at": context.now().isoformat(),
    }
    versions.point(version, about)  # last: until here a repeated run does it all again
    for retired in context.vectors.retire(COLLECTION, KEPT):
        bundles.delete(retired, context.blobs)
    context.progress("publishing", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def publish(bundle: Bundle, context: Context) -> float:
    """Store the bundle and the vectors; returns the recall of the vectors. Raises VectorsUnfaithful."""
    context.progress("publishing", 0.0)
    bundles.save(bundle, context.blobs)
    context.progress("publishing", 0.3)
    context.vectors.publish(COLLECTION, bundle.version, Points(bundle.song_ids, bundle.song_factors))
    context.progress("publishing", 0.7)
    stored = bundles.load(bundle.version, context.blobs)
    recall = faithfulness(stored, context.vectors)
    if recall < FAITHFUL:
        told = f"the vectors of {bundle.version} find {recall:.0%} of the exact nearest songs, not {FAITHFUL:.0%}"
        raise VectorsUnfaithful(told, version=bundle.version)
    return recall


def faithfulness(bundle: Bundle, vectors: Vectors) -> float:
    """The part of the exact nearest songs that the engine finds, over listeners spread evenly.

    A song counts as found when its score reaches the exact list's lowest, so that ties do not matter.
    """
    rows = np.unique(np.linspace(0, len(bundle.listener_ids) - 1, TRIED).astype(np.int64))
    limit = min(K, len(bundle.song_ids))
    found = 0
    for row in rows:
        taste = bundle.listener_factors[row]
        scores = bundle.song_factors @ taste
        least = np.partition(scores, -limit)[-limit]
        near = vectors.nearest(COLLECTION, taste, limit, version=bundle.version)
        at = positions(bundle.song_ids, np.array([neighbour.id for neighbour in near], dtype=np.int64))
        found += int((scores[at[at >= 0]] >= least - 1e-5 * abs(least)).sum())
    return found / (limit * len(rows))


def _summary(about: Mapping[str, object]) -> str:
    return "{songs:,} songs for {listeners:,} listeners from {model}, now live".format_map(about)
