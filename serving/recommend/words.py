"""Puts the words that somebody asks with into the space of the songs' texts; the model is loaded at the first such question."""

from functools import lru_cache

import numpy as np

from models.arrays import Factors
from models.embeddings.minilm import MiniLM

REMEMBERED = 1_000  # texts


@lru_cache(maxsize=1)
def _model() -> MiniLM:
    return MiniLM.load(threads=1)


@lru_cache(maxsize=REMEMBERED)
def embedded(text: str) -> Factors:
    """The vector of a text, of length 1."""
    vector: Factors = np.ascontiguousarray(_model().embed([text])[0], np.float32)
    return vector
