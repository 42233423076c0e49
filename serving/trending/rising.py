"""What it means to be rising: more listens than one's own past lets expect, and enough of them to believe it."""

import numpy as np
import numpy.typing as npt

PRIOR = 20.0  # listens: so many as expected are assumed besides those that were counted
LEAST = 1.5  # times as many as expected, after smoothing; less is chance
KEPT = 0.98 * LEAST  # counted lists reach down to this: those a little below may rise by what others lose


def rise(heard: int, before: int, growth: float) -> float:
    """By how many times a song or artist is listened to more than was to be expected, smoothed.

        expected = before * growth,      growth = all listens of the window / all listens of the time before
        rise     = (heard + PRIOR) / (expected + PRIOR)

    `before` are its listens in the windows before (24 hours, 7 days, 4 weeks, 3 months), so that `expected` is what it
    would have now with the mean share of all listens that it had then. `rise` is the posterior mean of the ratio
    observed / expected for Poisson counts under a Gamma(PRIOR, PRIOR) prior, whose mean is 1: with few listens the ratio
    stays near 1 (DuMouchel, "Bayesian Data Mining in Large Frequency Tables", The American Statistician 53, 1999).

    >>> rise(3, 0, 0.25)  # three plays are not a trend
    1.15
    >>> rise(300, 400, 0.25), round(rise(300, 100, 0.25), 2)
    (2.6666666666666665, 7.11)
    >>> rise(0, 0, 0.25)
    1.0
    """
    return float(rises(np.array([heard]), np.array([before]), growth)[0])


def rises(
    heard: npt.NDArray[np.int64], before: npt.NDArray[np.int64], growth: float
) -> npt.NDArray[np.float64]:
    """The same of many, each to the bit what the query `chart_lists` computes."""
    told: npt.NDArray[np.float64] = (heard + PRIOR) / (np.maximum(before, 0) * growth + PRIOR)
    return told
