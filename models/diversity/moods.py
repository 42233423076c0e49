"""Splits what somebody listens to into a few moods: songs that point the same way."""

import numpy as np
from numpy.typing import NDArray

from models.arrays import Factors

ROUNDS = 12


def moods(directions: Factors, weights: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The mood of each song, 0 for that with the most weight: spherical k-means (Dhillon, Modha 2001).

        mood_i = argmax_k ⟨x_i, c_k⟩,   c_k = sum of w_i x_i over the songs of k, made of length 1

    `directions` [songs × factors] have length 1. It begins with the heaviest song, then each time with the song that is
    least like those before: the same songs always give the same moods.

    >>> two = np.array([[1, 0], [0, 1], [0.99, 0.1], [0, 1]], np.float32)
    >>> moods(two, np.array([1.0, 3.0, 1.0, 1.0]), 2).tolist()
    [1, 0, 1, 0]
    """
    count = min(count, len(directions))
    if count < 1:
        return np.empty(0, np.int64)
    first = [int(weights.argmax())]
    nearest = directions @ directions[first[0]]
    while len(first) < count:
        first.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, directions @ directions[first[-1]])
    middles = directions[first]
    mood = (directions @ middles.T).argmax(axis=1)
    for _ in range(ROUNDS):
        sums = np.array([weights[mood == each] @ directions[mood == each] for each in range(count)])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        middles = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), middles)
        moved = (directions @ middles.T).argmax(axis=1)
        if np.array_equal(moved, mood):
            break
        mood = moved
    heaviest = np.argsort(-np.bincount(mood, weights, count), kind="stable")
    ranks = np.empty(count, np.int64)
    ranks[heaviest] = np.arange(count)
    ranked: NDArray[np.int64] = ranks[mood]
    return ranked
