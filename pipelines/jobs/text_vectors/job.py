"""Embeds the texts of songs with MiniLM: only those whose hash is new, the vectors of the others are taken over."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foundation.contracts.tables import SongTexts
from models import embeddings
from models.arrays import Factors
from models.embeddings import weights
from models.embeddings.minilm import DIMENSIONS, MiniLM
from models.embeddings.minilm import RECIPE as MODEL_RECIPE
from models.files import array_of, npy, parquet
from pipelines.context import Context, InputMissing, Outcome
from pipelines.jobs.song_texts import job as song_texts
from pipelines.versions import Versions, digest

NAME = "text_vectors"
RECIPE = (
    1  # part of every version: raise it when `build` changes its meaning; all texts are then embedded again
)
KEPT = 2

Embed = Callable[[Sequence[str]], Factors]


@dataclass(frozen=True, slots=True)
class Vectors:
    """A vector for each song: `song_ids` ascend, `hashes` are of the texts that the vectors are of."""

    song_ids: NDArray[np.int64]
    hashes: pl.Series  # of 16 bytes each
    vectors: Factors  # [songs × DIMENSIONS], rows of length 1

    @classmethod
    def none(cls) -> "Vectors":
        """No song."""
        nothing = np.empty((0, DIMENSIONS), np.float32)
        return cls(np.empty(0, np.int64), pl.Series(SongTexts.hash, [], pl.Binary), nothing)


@dataclass(frozen=True, slots=True)
class Written:
    """The newest vectors, as the job after this one reads them."""

    version: str
    model: str
    rows: Vectors


def build(texts: pl.DataFrame, known: Vectors, embed: Embed) -> tuple[Vectors, int]:
    """The vectors of the texts, and how many were embedded: each text once that `known` has no vector of."""
    rows = pl.DataFrame({SongTexts.hash: known.hashes, "row": np.arange(len(known.hashes))})
    found = texts.join(
        rows.unique(SongTexts.hash, keep="first", maintain_order=True), on=SongTexts.hash, how="left"
    ).sort(SongTexts.song_id)
    is_new = found["row"].is_null()
    new = found.filter(is_new).unique(SongTexts.hash, keep="first", maintain_order=True)
    vectors = np.empty((found.height, DIMENSIONS), dtype=np.float32)
    vectors[(~is_new).to_numpy()] = known.vectors[found["row"].drop_nulls().to_numpy()]
    if new.height:
        embedded = embed(new[SongTexts.text].to_list())
        place = found.filter(is_new).join(
            new.select(SongTexts.hash, at=pl.int_range(pl.len())),
            on=SongTexts.hash,
            how="left",
            maintain_order="left",
        )["at"]
        vectors[is_new.to_numpy()] = embedded[place.to_numpy()]
    return Vectors(found[SongTexts.song_id].to_numpy(), found[SongTexts.hash], vectors), new.height


def run(context: Context) -> Outcome:
    """Write the vectors of the newest texts; the same texts and the same model again change nothing."""
    source = song_texts.newest(context)
    model = digest(embeddings.NAME, weights.fingerprint(), MODEL_RECIPE, RECIPE)
    versions = Versions(NAME, context.blobs)
    version = digest(NAME, model, source.version)
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=_summary(known))
    is_same_model = known is not None and known["recipe"] == model
    before = _read(versions, str(known["version"])) if known is not None and is_same_model else Vectors.none()

    def embed(texts: Sequence[str]) -> Factors:
        context.progress("embedding texts", 0.0)
        mini_lm = MiniLM.load(threads=os.cpu_count() or 1)
        return mini_lm.embed(texts, progress=lambda part: context.progress("embedding texts", part))

    rows, embedded = build(source.rows, before, embed)
    about = {
        "songs": len(rows.song_ids),
        "embedded": embedded,
        "model": embeddings.NAME,
        "recipe": model,
        "texts": source.version,
        "written_at": context.now().isoformat(),
    }
    versions.publish(version, _stored(rows), about, KEPT)
    return Outcome(version, changed=True, summary=_summary(about))


def newest(context: Context) -> Written:
    """What this job last wrote. Raises InputMissing when it never ran."""
    versions = Versions(NAME, context.blobs)
    about = versions.newest()
    if about is None:
        raise InputMissing("there are no vectors of texts yet: run the job text_vectors first", job=NAME)
    version = str(about["version"])
    return Written(version, str(about["model"]), _read(versions, version))


def _stored(rows: Vectors) -> Mapping[str, bytes]:
    texts = pl.DataFrame({SongTexts.song_id: rows.song_ids, SongTexts.hash: rows.hashes})
    return {"vectors.npy": npy(rows.vectors), "texts.parquet": parquet(texts)}


def _read(versions: Versions, version: str) -> Vectors:
    texts = pl.read_parquet(versions.read(version, "texts.parquet"))
    vectors = array_of(versions.read(version, "vectors.npy"))
    return Vectors(texts[SongTexts.song_id].to_numpy(), texts[SongTexts.hash], vectors)


def _summary(about: Mapping[str, object]) -> str:
    return "{songs:,} vectors by {model}, {embedded:,} of them new".format_map(about)
