"""Publishes taste and texts as vectors, and a bundle, under one version; verifies them, and only then flips to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foundation.contracts.tables import Impressions, Listeners, Songs, SongVectors
from foundation.contracts.tables import Interactions as Columns
from foundation.engines.vectors.port import Points, Vectors
from foundation.errors import Problem
from models import bundle as bundles
from models.arrays import Factors, Positions
from models.bundle import Bundle
from models.content import Content
from models.exploration.audience import needs_of
from models.interactions import Interactions, positions
from models.library import rows_of
from models.ranker.linear import Linear
from pipelines import live
from pipelines.context import Context, NothingHeard, Outcome, Schema
from pipelines.dimensions import LISTENERS, LISTENERS_SQL, SONGS, SONGS_SQL
from pipelines.jobs.als_model import job as als_model
from pipelines.jobs.als_model.job import Trained
from pipelines.jobs.graph_filter import job as graph_filters
from pipelines.jobs.interactions import job as interactions
from pipelines.jobs.ranker import job as rankers
from pipelines.jobs.session_neighbours import job as session_neighbours
from pipelines.jobs.text_vectors import job as text_vectors
from pipelines.versions import Versions, digest

NAME = live.PUBLISHES
COLLECTION = live.COLLECTION  # its current version is what serves
RECIPE = 6  # part of every version: raise it when `build` or the SQL changes its meaning
KEPT = 3
TRIED = 50  # listeners and songs whose nearest songs are compared with the exact ones
K = 20
FAITHFUL = 0.95  # the part of the exact nearest songs that the engine must find
HERE = Path(__file__).parent
SHOWN: Schema = {Impressions.song_id: pl.Int64, "impressions": pl.Int64}


class VectorsUnfaithful(Problem):
    """What was published does not find what it should, and was not flipped to."""

    status, title = 500, "The published vectors do not answer as the model does"


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What the catalog says of songs and listeners, one row each, ids ascending; and how often songs were shown."""

    songs: pl.DataFrame
    listeners: pl.DataFrame
    shown: pl.DataFrame  # song_id, impressions

    def state(self, rows: pl.DataFrame) -> str:
        """A digest that differs when any row does, or what a song lacks that was listened to as `rows` say."""
        song_ids = self.songs.sort(Songs.song_id)[Songs.song_id].to_numpy()
        lacking = self.needs(song_ids, _listens_of(song_ids, rows)).tobytes().hex()
        return digest(self.songs.write_json(), self.listeners.write_json(), lacking)

    def needs(self, song_ids: Positions, listens: Positions) -> NDArray[np.int8]:
        """How much each song lacks of the exposure that all are to have."""
        shown = np.zeros(len(song_ids), np.int64)
        at = positions(song_ids, self.shown[Impressions.song_id].to_numpy())
        shown[at[at >= 0]] = self.shown["impressions"].to_numpy()[at >= 0]
        return needs_of(shown + listens)


def build(
    version: str,
    rows: pl.DataFrame,
    trained: Trained,
    dimensions: Dimensions,
    texts: text_vectors.Vectors,
    near: pl.DataFrame,
    graph: graph_filters.Written,
    ranker: Linear,
) -> Bundle:
    """The bundle of a model: every song of the catalog, with factors of zeros where nobody has heard it.

    Such a song scores 0 for everybody, which no ranking by taste lets through: its place is told from its words. Songs that the catalog does not know
    cannot be named, so they are left out. `rows` are what the model was trained on, `near` which songs are played together,
    `graph` what is known of who listens to what.
    """
    songs = dimensions.songs.sort(Songs.song_id)
    song_ids = songs[Songs.song_id].to_numpy()
    factors = np.zeros((len(song_ids), trained.model.song_factors.shape[1]), dtype=np.float32)
    learnt = positions(trained.song_ids, song_ids)
    factors[learnt >= 0] = trained.model.song_factors[learnt[learnt >= 0]]
    known = rows.filter(pl.col(Columns.song_id).is_in(song_ids))
    heard = Interactions.of(known, song_ids)
    of_listener = positions(trained.listener_ids, heard.listener_ids)
    popularity = _listens_of(song_ids, known)
    return Bundle(
        version=version,
        model=trained.registered,
        song_ids=song_ids,
        song_factors=factors,
        listener_ids=heard.listener_ids,
        listener_factors=np.ascontiguousarray(trained.model.listener_factors[of_listener]),
        heard=heard.listens,
        popularity=popularity,
        songs=songs,
        listeners=dimensions.listeners.sort(Listeners.listener_id),
        trained_until=trained.until,
        parameters=trained.parameters,
        content=Content.of(_rows_of(texts, song_ids), factors, popularity),
        together=session_neighbours.table_of(near, song_ids),
        graph_filter=graph_filters.of_catalog(graph, song_ids),
        needs=dimensions.needs(song_ids, popularity),
        ranker=ranker,
    )


def points_of(bundle: Bundle, texts: text_vectors.Vectors) -> Points:
    """Taste and text of the bundle's songs; zeros stand for a vector that a song does not have."""
    text = _rows_of(texts, bundle.song_ids)
    return Points(bundle.song_ids, {SongVectors.als: bundle.song_factors, SongVectors.text: text})


def _listens_of(song_ids: Positions, rows: pl.DataFrame) -> Positions:
    """How often each song was listened to."""
    listens = np.zeros(len(song_ids), dtype=np.int64)
    counts = rows.group_by(Columns.song_id).agg(pl.col(Columns.listens).sum())
    at = positions(song_ids, counts[Columns.song_id].to_numpy())
    listens[at[at >= 0]] = counts[Columns.listens].to_numpy()[at >= 0]
    return listens


def _rows_of(texts: text_vectors.Vectors, song_ids: Positions) -> Factors:
    """The text vectors of these songs."""
    return rows_of(texts.song_ids, texts.vectors, song_ids)


def run(context: Context) -> Outcome:
    """Publish, verify, flip, and retire the old, unless this very version is the one that serves."""
    source = interactions.newest(context)
    trained, texts = als_model.chosen(context, source.version), text_vectors.newest(context)
    near = session_neighbours.counted(context, trained.interactions_version)
    graph = graph_filters.learnt(context, trained.interactions_version)
    ranked_by, ranker = rankers.learnt_for(context, trained)
    dimensions = Dimensions(
        context.frame(SONGS_SQL, SONGS),
        context.frame(LISTENERS_SQL, LISTENERS),
        context.frame(HERE / "shown.sql", SHOWN),
    )
    is_newest = trained.interactions_version == source.version
    rows = source.rows if is_newest else als_model.learnt_from(context, trained)
    versions = Versions(NAME, context.blobs)
    version = digest(
        NAME,
        RECIPE,
        trained.version,
        texts.version,
        near.version,
        graph.version,
        ranked_by,
        dimensions.state(rows),
    )
    known = versions.newest()
    if known is not None and known["version"] == version == context.vectors.current(COLLECTION):
        return Outcome(version, changed=False, summary=_summary(known))
    bundle = build(version, rows, trained, dimensions, texts.rows, near.rows, graph, ranker)
    if not len(bundle.listener_ids):
        raise NothingHeard("the catalog knows none of the songs that were listened to")
    recall, text_recall = publish(bundle, points_of(bundle, texts.rows), context)
    live.flip(context, version, bundle.model)
    about = {
        "model": bundle.model,
        "text_model": texts.model,
        "songs": len(bundle.song_ids),
        "heard": int(bundle.song_factors.any(axis=1).sum()),
        "listeners": len(bundle.listener_ids),
        "recall": recall,
        "text_recall": text_recall,
        "written_at": context.now().isoformat(),
    }
    versions.point(version, about)  # last: until here a repeated run does it all again
    for retired in context.vectors.retire(COLLECTION, KEPT):
        bundles.delete(retired, context.blobs)
    context.progress("publishing", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def publish(bundle: Bundle, points: Points, context: Context) -> tuple[float, float]:
    """Store bundle and vectors; returns how faithful taste and text are. Raises VectorsUnfaithful.

    Taste is asked for what listeners sought, texts for what is like a song.
    """
    context.progress("publishing", 0.0)
    bundles.save(bundle, context.blobs)
    context.progress("publishing", 0.3)
    context.vectors.publish(COLLECTION, bundle.version, points)
    context.progress("publishing", 0.7)
    stored, text = bundles.load(bundle.version, context.blobs), points.vectors[SongVectors.text]
    taste = Points(stored.song_ids, {SongVectors.als: stored.song_factors})
    told = text[text.any(axis=1)]
    recalls = (
        faithfulness(taste, SongVectors.als, stored.listener_factors, context.vectors, bundle.version),
        faithfulness(points, SongVectors.text, told, context.vectors, bundle.version),
    )
    if min(recalls) < FAITHFUL:
        found = f"{recalls[0]:.0%} of the exact nearest songs by taste and {recalls[1]:.0%} by text"
        raise VectorsUnfaithful(
            f"the vectors of {bundle.version} find {found}, not {FAITHFUL:.0%}", version=bundle.version
        )
    return recalls


def faithfulness(points: Points, name: str, asked: Factors, vectors: Vectors, version: str) -> float:
    """The part of the exact nearest songs that the engine finds for some of the vectors `asked`, spread evenly.

    A song counts as found when its score reaches the exact list's lowest, so that ties do not matter. Songs without a
    vector of that name are in neither list.
    """
    ids, matrix = points.of(name)
    limit = min(K, len(ids))
    if not limit or not len(asked):
        return 1.0
    rows = np.unique(np.linspace(0, len(asked) - 1, TRIED).astype(np.int64))
    found = 0
    for vector in asked[rows]:
        scores = matrix @ vector
        least = np.partition(scores, -limit)[-limit]
        near = vectors.nearest(COLLECTION, vector, limit, name=name, version=version)
        at = positions(ids, np.array([neighbour.id for neighbour in near], dtype=np.int64))
        found += int((scores[at[at >= 0]] >= least - 1e-5 * abs(least)).sum())
    return found / (limit * len(rows))


def _summary(about: Mapping[str, object]) -> str:
    told = "{songs:,} songs, {heard:,} of them heard, for {listeners:,} listeners from {model}, now live"
    return told.format_map(about)
