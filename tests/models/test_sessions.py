"""What is played together: the fast count against the plain one, however listeners are dealt out, and what few play."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from models.cooccurrence import sessions
from models.cooccurrence.sessions import CAP, REACH, SILENCE, Sessions, co_occurrences, session_of_each
from models.past import Past, Plays

LISTENERS, SONGS = 12, 15


def plays(seed: int = 1, size: int = 600) -> Plays:
    """Listeners who play for a while, pause and go on, and now and then skip."""
    rng = np.random.default_rng(seed)
    gaps = np.where(rng.random(size) < 0.1, 4 * SILENCE, 200.0)
    return Plays.of(
        rng.integers(0, LISTENERS, size),
        rng.integers(0, SONGS, size),
        np.cumsum(gaps * rng.random(size)),
        seconds=np.full(size, 20.0),
        is_skip=rng.random(size) < 0.1,
    )


def plain(told: Plays, least: int) -> np.ndarray:
    """The same by the definition: every pair of places of every session."""
    heard = told.where(~told.is_skip)
    session = session_of_each(heard)
    times: Counter[tuple[int, int, int]] = Counter()
    for number in np.unique(session):
        at = np.flatnonzero(session == number)
        pairs = {
            (int(min(heard.songs[one], heard.songs[other])), int(max(heard.songs[one], heard.songs[other])))
            for one, other in combinations(at, 2)
            if other - one <= REACH and heard.songs[one] != heard.songs[other]
        }
        for low, high in pairs:
            times[int(heard.listeners[at[0]]), low, high] += 1
    matrix, who = np.zeros((SONGS, SONGS)), np.zeros((SONGS, SONGS))
    for (_, low, high), count in times.items():
        matrix[low, high] += min(count, CAP)
        who[low, high] += 1
    matrix[who < least] = 0
    return matrix + matrix.T


@pytest.mark.parametrize("least", [1, 3])
@pytest.mark.parametrize("at_once", [10, 200_000])
def test_pairs_are_counted_as_the_definition_says(least: int, at_once: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sessions, "AT_ONCE", at_once)
    told = plays()

    counted = co_occurrences(told, SONGS, least=least)

    expected = plain(told, least)
    assert expected.any()
    np.testing.assert_array_equal(counted.toarray(), expected)


def test_nobody_plays_nothing_together():
    nothing = Plays.of(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    assert co_occurrences(nothing, SONGS).nnz == 0
    assert Sessions.learn(Past.of_plays(nothing, 1, SONGS)).together.nnz == 0


def test_what_few_play_together_is_trusted_less():
    told = Past.of_plays(plays(), LISTENERS, SONGS)

    plainly, shrunk = (Sessions.learn(told, shrunk=each).together for each in (0.0, 5.0))

    ratio = shrunk.toarray()[plainly.nonzero()] / plainly.toarray()[plainly.nonzero()]
    counts = co_occurrences(plays(), SONGS).toarray()[plainly.nonzero()]
    np.testing.assert_allclose(ratio, counts / (counts + 5), rtol=1e-5)
