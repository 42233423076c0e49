"""How well a song suits a listener, as a weighted sum of what is known of the pair; the weights are data of a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors

FEATURES: Mapping[str, str] = {
    "taste": "what the model of taste says: the inner product of the factors, about 0 to 1",
    "placed": "the same of a song that nobody has listened to, whose factors are told from its words",
    "content": "how alike its words are to those of the nearest recent or asked-for song, 0 to 1",
    "trending": "how high it stands in the listener's charts: 1 for the first, falling by the logarithm of the place",
    "popular": "ln(1 + listens) divided by that of the most popular song",
    "fresh": "1 for a song released today, falling to 0 within a month",
    "followed": "1 where the listener follows or loves its artist",
    "genre": "the part of the listener's listens that are of its genre",
    "wanted": "more (1) or less (-1) of the song, the artist and the genre, as the listener said, added up",
    "seed": "how near it is to what was asked for by a seed: a cosine, -1 to 1; 0 without one",
    "artist": "the part of the listener's listens that are by its artist",
    "together": "how much it is played together with a recent or asked-for song, in one sitting, 0 to 1",
    "filter": "what the filter of the listening graph says: 1 as much as of the average song heard, 0 nothing",
}
NAMES = tuple(FEATURES)


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights by the names of `FEATURES`, in their order."""

    weights: NDArray[np.float32]  # [features]
    slope: float = 0.0  # how a score becomes a probability; 0 where nobody knows
    intercept: float = 0.0

    @classmethod
    def of(cls, named: Mapping[str, float], calibration: Mapping[str, float] | None = None) -> Self:
        """The model of these weights; a feature without one has none. Raises KeyError for a name nobody knows.

        >>> float(Linear.of({"taste": 2.0}).weights.sum())
        2.0
        """
        if unknown := set(named) - set(NAMES):
            raise KeyError(f"no such features: {sorted(unknown)}")
        weights = np.array([named.get(name, 0.0) for name in NAMES], np.float32)
        told = calibration or {}
        return cls(weights, told.get("slope", 0.0), told.get("intercept", 0.0))

    def as_dict(self) -> dict[str, float]:
        """The weights by name, as a manifest keeps them."""
        return {name: round(float(weight), 6) for name, weight in zip(NAMES, self.weights, strict=True)}

    @property
    def calibration(self) -> dict[str, float]:
        """What `of` takes beside the weights."""
        return {"slope": self.slope, "intercept": self.intercept}

    def probabilities(self, features: Factors) -> NDArray[np.float64]:
        """How likely each candidate is to be listened to for the first time, where that was learnt [candidates].

            p_i = 1 / (1 + exp(-(slope score_i + intercept)))

        >>> Linear.of({"taste": 1.0}, {"slope": 2.0, "intercept": -2.0}).probabilities(np.eye(len(NAMES), dtype=np.float32)[:1])
        array([0.5])
        """
        odds = np.exp(self.slope * self.scores(features) + self.intercept)
        likely: NDArray[np.float64] = odds / (1 + odds)
        return likely

    def scores(self, features: Factors) -> NDArray[np.float64]:
        """The score of each candidate [candidates] from its features [candidates × features].

            score_i = sum_k w_k x_ik

        Summed in double precision and in one order, so that a candidate's score does not hang on the others'.

        >>> Linear.of({"taste": 1.0, "content": 0.5}).scores(np.eye(len(NAMES), dtype=np.float32)[:3]).tolist()
        [1.0, 0.0, 0.5]
        """
        products = features.astype(np.float64) * self.weights.astype(np.float64)
        summed: NDArray[np.float64] = products.sum(axis=1)
        return summed


# Where too little is known to learn weights (`models.ranker.learning`): taste decides, the others settle what it leaves
# open. What a listener said outright outweighs what they did: these weights are never learnt. The filter has a weight only
# where one is learnt: it gains much on some pasts and loses on others (docs/evaluation.md).
DEFAULT = Linear.of(
    {
        "taste": 1.0,
        "placed": 0.7,
        "content": 0.05,
        "trending": 0.04,
        "popular": 0.02,
        "fresh": 0.03,
        "followed": 0.1,
        "genre": 0.05,
        "wanted": 0.3,
        "seed": 0.6,
        "together": 0.3,
    }
)
