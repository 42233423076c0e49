"""Everything a serving process needs to recommend, as one immutable version: factors, what was heard, and the songs."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from foundation.engines.blobs import Blobs
from foundation.errors import Problem
from models.als.parameters import Parameters
from models.arrays import Factors, Matrix
from models.content import Content
from models.files import array_of, npy, parquet
from models.graph_filter import GraphFilter
from models.ranker.linear import DEFAULT, Linear
from models.together import Together

FOLDER = "bundles"
_ARRAYS = ("song_ids", "song_factors", "listener_ids", "listener_factors", "popularity", "needs")
_CONTENT = tuple(each.name for each in fields(Content))
_TOGETHER = tuple(each.name for each in fields(Together))
_FILTER = tuple(each.name for each in fields(GraphFilter))
_FRAMES = ("songs", "listeners")


class BundleDamaged(Problem):
    """A stored bundle is not what was written."""

    status, title = 500, "The stored model is damaged"


class BundleOutdated(Problem):
    """A stored bundle lacks what serving now needs."""

    status, title = 500, "The stored model is from an earlier Segue"


@dataclass(frozen=True)
class Bundle:
    """A model ready to serve. The score of a song for a listener is the inner product of their rows, always.

    Row i of `song_factors`, `popularity`, `needs` and `songs`, and column i of `heard`, belong to `song_ids[i]`; row i of
    `listener_factors` and `heard` to `listener_ids[i]`. Both id arrays ascend.
    """

    version: str
    model: str  # registered name and version, "als/3"
    song_ids: NDArray[np.int64]
    song_factors: Factors  # [songs × factors]
    listener_ids: NDArray[np.int64]  # those with any history
    listener_factors: Factors  # [listeners × factors]
    heard: Matrix  # float32 [listeners × songs]: listens and imported plays of each pair
    popularity: NDArray[np.int64]  # listens and imported plays of each song
    songs: (
        pl.DataFrame
    )  # song_id, title, artist_id, artist, album, genre, song_ms, rights, origin, external_id
    listeners: pl.DataFrame  # listener_id, origin, external_id, country: all that are known, ids ascending
    trained_until: datetime  # every listen known by then is in it
    parameters: Parameters  # what the factors were trained with, so that more listens can be folded into them
    content: Content = field(default_factory=Content)
    together: Together = field(default_factory=Together)
    graph_filter: GraphFilter = field(default_factory=GraphFilter)
    needs: NDArray[np.int8] = field(
        default_factory=lambda: np.empty(0, np.int8)
    )  # of exposure; empty: nobody knows
    ranker: Linear = DEFAULT


def save(bundle: Bundle, blobs: Blobs) -> None:
    """Write a bundle under its version, the manifest last: a bundle without one is not there."""
    parts = _parts(bundle)
    for name, content in parts.items():
        blobs.put(f"{FOLDER}/{bundle.version}/{name}", content)
    manifest = {
        "version": bundle.version,
        "model": bundle.model,
        "trained_until": bundle.trained_until.isoformat(),
        "parameters": bundle.parameters.as_dict(),
        "ranker": bundle.ranker.as_dict(),
        "calibration": bundle.ranker.calibration,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
    }
    blobs.put(f"{FOLDER}/{bundle.version}/manifest.json", json.dumps(manifest, indent=2).encode())


def load(version: str, blobs: Blobs) -> Bundle:
    """The bundle of that version. Raises BlobMissing, BundleDamaged or BundleOutdated."""
    manifest = json.loads(blobs.read(f"{FOLDER}/{version}/manifest.json"))
    if not {"parameters", "ranker"} <= manifest.keys():
        raise BundleOutdated(
            f"bundle {version} was made by an earlier Segue: run ./segue job --all", version=version
        )
    parts = {name: _checked(name, version, expected, blobs) for name, expected in manifest["sha256"].items()}
    arrays = {name: array_of(parts[f"{name}.npy"]) for name in (*_ARRAYS, *_CONTENT)}
    # What a bundle from before there was any does not have: it serves without.
    later = {
        name: array_of(parts[f"{name}.npy"]) for name in (*_TOGETHER, *_FILTER) if f"{name}.npy" in parts
    }
    return Bundle(
        version=manifest["version"],
        model=manifest["model"],
        **{name: arrays[name] for name in _ARRAYS},
        content=Content(**{name: arrays[name] for name in _CONTENT}),
        together=Together(**{name: later[name] for name in _TOGETHER if name in later}),
        graph_filter=GraphFilter(**{name: later[name] for name in _FILTER if name in later}),
        ranker=Linear.of(manifest["ranker"], manifest.get("calibration")),
        heard=sp.csr_array(sp.load_npz(io.BytesIO(parts["heard.npz"]))),
        songs=pl.read_parquet(parts["songs.parquet"]),
        listeners=pl.read_parquet(parts["listeners.parquet"]),
        trained_until=datetime.fromisoformat(manifest["trained_until"]),
        parameters=Parameters.of(manifest["parameters"]),
    )


def trained_until(version: str, blobs: Blobs) -> datetime:
    """Up to when a bundle knows what was listened to, without loading it. Raises BlobMissing."""
    manifest = json.loads(blobs.read(f"{FOLDER}/{version}/manifest.json"))
    return datetime.fromisoformat(manifest["trained_until"])


def delete(version: str, blobs: Blobs) -> None:
    """Remove a bundle, the manifest first, so that nobody finds half of one."""
    blobs.delete(f"{FOLDER}/{version}/manifest.json")
    blobs.delete(f"{FOLDER}/{version}")


def versions(blobs: Blobs) -> list[str]:
    """The versions of which anything is stored."""
    return sorted({key.split("/")[1] for key in blobs.keys(FOLDER)})


def _parts(bundle: Bundle) -> Mapping[str, bytes]:
    parts: dict[str, bytes] = {}
    holders: list[tuple[object, tuple[str, ...]]] = [
        (bundle, _ARRAYS),
        (bundle.content, _CONTENT),
        (bundle.together, _TOGETHER),
        (bundle.graph_filter, _FILTER),
    ]
    for holder, name in [(holder, name) for holder, names in holders for name in names]:
        parts[f"{name}.npy"] = npy(getattr(holder, name))
    for name in _FRAMES:
        parts[f"{name}.parquet"] = parquet(getattr(bundle, name))
    buffer = io.BytesIO()
    sp.save_npz(buffer, bundle.heard, compressed=False)
    parts["heard.npz"] = buffer.getvalue()
    return parts


def _checked(name: str, version: str, expected: str, blobs: Blobs) -> bytes:
    content = blobs.read(f"{FOLDER}/{version}/{name}")
    if hashlib.sha256(content).hexdigest() != expected:
        raise BundleDamaged(
            f"{name} of bundle {version} is not what was written: run the job song_vectors", version=version
        )
    return content
