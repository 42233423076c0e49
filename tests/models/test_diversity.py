"""The fast choice of a list agrees with the plain formulas, and each dial does what it says."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.diversity.choosing import NEAR, PLAIN, Candidates, Dials, choose
from models.diversity.formulas import calibration_gap, cap, is_for_the_familiar, redundancy


def some_candidates(seed: int, count: int, *, familiar: float = 0.0) -> Candidates:
    chance = np.random.default_rng(seed)
    directions = chance.normal(size=(count, 6)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Candidates(
        relevance=chance.random(count),
        directions=directions,
        artists=chance.integers(0, 1 + count // 3, count),
        albums=chance.integers(-1, 1 + count // 2, count),
        genres=chance.integers(0, 4, count),
        is_familiar=chance.random(count) < familiar,
    )


def plainly(candidates: Candidates, mix: np.ndarray, limit: int, dials: Dials) -> list[int]:
    """The choice by its definition, without a shortcut."""
    relevance = candidates.relevance
    spread = relevance.max() - relevance.min()
    worth = (relevance - relevance.min()) / spread if spread else np.zeros(len(relevance))
    taste = {str(genre): share for genre, share in enumerate(mix / mix.sum())}
    chosen: list[int] = []

    def is_capped(each: int) -> bool:
        for codes, share in (
            (candidates.artists, dials.artist_share),
            (candidates.albums, dials.album_share),
        ):
            taken = sum(int(codes[other] == codes[each]) for other in chosen)
            if share < 1 and codes[each] >= 0 and taken >= cap(min(limit, len(worth)), share):
                return True
        return False

    def value(each: int) -> float:
        genres = [str(candidates.genres[other]) for other in [*chosen, each]]
        return float(
            worth[each]
            - dials.redundancy
            * max(redundancy(candidates.directions[each], candidates.directions[chosen]), 0.0)
            - dials.calibration * len(genres) * calibration_gap(taste, genres)
        )

    for place in range(min(limit, len(worth))):
        left = [each for each in range(len(worth)) if each not in chosen]
        turn = is_for_the_familiar(place, dials.familiarity)
        of_turn = [each for each in left if candidates.is_familiar[each] == turn]
        for allowed in (
            [each for each in of_turn if not is_capped(each)],
            [each for each in left if not is_capped(each)],
            of_turn,
            left,
        ):
            if allowed:
                chosen.append(max(allowed, key=value))
                break
    return chosen


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.1, 0.7]),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0.1, 0.3, 1.0]),
    st.sampled_from([0.0, 0.25, 1.0]),
)
def test_the_fast_choice_is_the_plain_one(
    seed: int, count: int, limit: int, repeats: float, calibration: float, share: float, familiarity: float
) -> None:
    candidates = some_candidates(seed, count, familiar=familiarity)
    mix = np.array([0.5, 0.3, 0.2, 0.0])
    dials = Dials(repeats, calibration, share, share, familiarity)

    assert choose(candidates, mix, limit, dials).tolist() == plainly(candidates, mix, limit, dials)


@pytest.mark.parametrize("repeats", [0.0, 0.08, 0.7])
@pytest.mark.parametrize("calibration", [0.02, 0.3])
def test_a_choice_among_the_nearest_candidates_is_the_choice_among_all(
    repeats: float, calibration: float
) -> None:
    dials = Dials(repeats, calibration, artist_share=0.15, album_share=0.1)
    mix = np.array([0.5, 0.3, 0.2, 0.0])

    for seed in range(4):
        candidates = some_candidates(seed, NEAR + 60)
        assert choose(candidates, mix, 8, dials).tolist() == plainly(candidates, mix, 8, dials)


def test_without_dials_a_list_is_the_best_songs_best_first() -> None:
    candidates = some_candidates(3, 50)

    chosen = choose(candidates, np.ones(4), 10, PLAIN)

    assert PLAIN.is_plain
    assert chosen.tolist() == np.argsort(-candidates.relevance, kind="stable")[:10].tolist()


def test_no_artist_and_no_album_has_more_than_its_cap_while_others_are_left() -> None:
    candidates = some_candidates(5, 400)
    dials = Dials(artist_share=0.1, album_share=0.05)

    chosen = choose(candidates, np.ones(4), 40, dials)

    assert max(Counter(candidates.artists[chosen].tolist()).values()) <= 4
    albums = Counter(candidates.albums[chosen].tolist())
    assert max(songs for album, songs in albums.items() if album >= 0) <= 2


def test_a_list_is_full_even_when_everything_is_by_one_artist() -> None:
    candidates = some_candidates(7, 30)
    one = Candidates(
        candidates.relevance,
        candidates.directions,
        np.zeros(30, np.int64),
        np.zeros(30, np.int64),
        candidates.genres,
        candidates.is_familiar,
    )

    assert len(set(choose(one, np.ones(4), 20, Dials()).tolist())) == 20


@pytest.mark.parametrize("mix", [[0.7, 0.1, 0.1, 0.1], [0.05, 0.05, 0.05, 0.85]])
def test_calibration_brings_the_list_nearer_to_the_listeners_mix(mix: list[float]) -> None:
    candidates, shares = some_candidates(11, 300), np.array(mix)
    taste = {str(genre): share for genre, share in enumerate(mix)}

    gaps = [
        calibration_gap(
            taste,
            [
                str(candidates.genres[each])
                for each in choose(candidates, shares, 20, Dials(calibration=weight))
            ],
        )
        for weight in (0.0, 0.05, 1.0)
    ]

    assert gaps[0] > gaps[1] >= gaps[2]
    assert gaps[2] < 0.05


def test_redundancy_makes_the_songs_of_a_list_less_alike() -> None:
    worlds = [some_candidates(seed, 300) for seed in range(10)]

    def alike(weight: float) -> float:
        """How near a song of a list is to the nearest other, on average."""
        nearest = []
        for candidates in worlds:
            chosen = candidates.directions[choose(candidates, np.ones(4), 20, Dials(redundancy=weight))]
            nearest.append((chosen @ chosen.T - 2 * np.eye(20)).max(axis=1).mean())
        return float(np.mean(nearest))

    assert alike(0.0) > alike(0.2) > alike(1.0)


@pytest.mark.parametrize("familiarity", [0.0, 0.25, 0.5, 1.0])
def test_the_familiarity_dial_gives_familiar_songs_their_part(familiarity: float) -> None:
    candidates = some_candidates(17, 300, familiar=0.5)

    chosen = choose(candidates, np.ones(4), 20, Dials(familiarity=familiarity))

    assert candidates.is_familiar[chosen].sum() == round(20 * familiarity)
