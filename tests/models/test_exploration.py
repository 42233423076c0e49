"""The chances that are told are those that were drawn with, and every song has its floor among those who may like it."""

import numpy as np
import pytest

from models.exploration.audience import FLOOR, LIKELIEST, Pool, needs_of
from models.exploration.drawing import NOBODY, NONE, Budget, draw

ROUNDS = 40_000


@pytest.mark.parametrize(("limit", "songs"), [(20, 30), (10, 3), (25, 60), (4, 8)])
def test_told_propensities_are_the_frequencies_of_many_draws(limit: int, songs: int) -> None:
    weights = np.random.default_rng(2).uniform(1, 20, songs)
    artists = np.arange(songs) // 2
    seen: dict[tuple[int, int], int] = {}
    told: dict[tuple[int, int], float] = {}

    for seed in range(ROUNDS):
        drawn = draw(limit, weights, artists, Budget(), np.random.Generator(np.random.PCG64(seed)))
        for place, (song, propensity) in enumerate(
            zip(drawn.explored.tolist(), drawn.propensities.tolist(), strict=True)
        ):
            seen[place, song] = seen.get((place, song), 0) + 1
            assert told.setdefault((place, song), propensity) == propensity

    for where, propensity in told.items():
        noise = 5 * np.sqrt(propensity * (1 - propensity) / ROUNDS) + 1 / ROUNDS
        assert seen[where] / ROUNDS == pytest.approx(propensity, abs=noise), where


def test_on_average_the_budget_is_spent_and_the_top_is_left_alone() -> None:
    given = np.zeros(25)
    for seed in range(5_000):
        drawn = draw(25, np.ones(90), np.arange(90), Budget(share=0.1, first=2), np.random.default_rng(seed))
        given += drawn.explored != NOBODY

    assert given[:2].sum() == 0
    assert given.sum() / 5_000 == pytest.approx(2.5, abs=0.05)


def test_no_artist_and_no_song_is_drawn_twice_into_one_list() -> None:
    artists = np.arange(40) // 4
    for seed in range(500):
        drawn = draw(60, np.ones(40), artists, Budget(), np.random.default_rng(seed))
        explored = drawn.explored[drawn.explored >= 0]
        assert len(set(artists[explored].tolist())) == len(explored)


def test_the_same_seed_draws_the_same_list() -> None:
    once, twice = (draw(20, np.ones(9), np.arange(9), Budget(), np.random.default_rng(77)) for _ in range(2))

    np.testing.assert_array_equal(once.explored, twice.explored)


@pytest.mark.parametrize("budget", [NONE, Budget()])
def test_without_a_budget_or_a_pool_nothing_is_drawn(budget: Budget) -> None:
    pool = np.ones(0 if budget.share else 9)

    drawn = draw(20, pool, np.arange(len(pool)), budget, np.random.default_rng(1))

    assert set(drawn.explored.tolist()) == {NOBODY}
    assert set(drawn.propensities.tolist()) == {1.0}


def test_every_song_of_the_pool_reaches_its_floor_among_listeners_who_like_it() -> None:
    chance = np.random.default_rng(4)
    listeners, songs = 300, 60
    tastes = chance.normal(size=(listeners, 8)).astype(np.float32)
    factors = chance.normal(size=(songs, 8)).astype(np.float32) * chance.lognormal(0, 1, (songs, 1)).astype(
        np.float32
    )
    exposure = chance.integers(0, 20, songs)
    before = exposure.copy()
    shown_to: list[list[float]] = [[] for _ in range(songs)]

    for day in range(12):
        pool = Pool.of(np.arange(songs), factors, needs_of(exposure), tastes)
        if not len(pool.places):
            break
        for listener in range(listeners):
            mine = pool.for_one(tastes[listener])
            drawn = draw(20, pool.needs[mine], mine, Budget(), np.random.default_rng(day * 1_000 + listener))
            for each in drawn.explored[drawn.explored >= 0].tolist():
                song = int(pool.places[mine[each]])
                exposure[song] += 1
                shown_to[song].append(
                    float((tastes @ factors[song] > tastes[listener] @ factors[song]).mean())
                )

    assert before.min() < FLOOR
    assert exposure.min() >= FLOOR
    assert max(better for each in shown_to for better in each) <= LIKELIEST


def test_the_audience_of_a_song_is_its_quarter_whatever_is_popular() -> None:
    chance = np.random.default_rng(9)
    tastes = chance.normal(size=(1_000, 4)).astype(np.float32)
    factors = chance.normal(size=(12, 4)).astype(np.float32)
    factors[0] *= 50

    pool = Pool.of(np.arange(12), factors, np.ones(12, np.int8), tastes)
    audiences = np.zeros(12)
    for taste in tastes:
        audiences[pool.for_one(taste)] += 1

    assert np.all((audiences >= 245) & (audiences <= 255))
