"""How lists move: as if all had been counted anew; and what rising is: laws, without a warehouse."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.trending.boards import Board, Boards, moved, moves_of
from serving.trending.moves import Codes, Moved, Moves
from serving.trending.rising import LEAST, PRIOR, rise

COUNTS = st.dictionaries(st.integers(1, 30), st.integers(1, 6), min_size=1)
LATER = st.lists(st.tuples(st.integers(1, 40), st.integers(-2, 3)), max_size=30)
LENGTH, LIMIT = 6, 3


def first(counts: dict[int, int], number: int) -> list[tuple[int, int]]:
    there = [(song, listens) for song, listens in counts.items() if listens > 0]
    return sorted(there, key=lambda each: (-each[1], each[0]))[:number]


def board_of(counts: dict[int, int], length: int) -> Board:
    kept = first(counts, length)
    ids, heard = (np.array(column, np.int64) for column in zip(*kept, strict=True))
    nothing = np.zeros_like(ids)
    floor = kept[-1][1] if len(kept) == length else 0
    return Board(ids, heard, nothing, nothing, sum(counts.values()), 0, floor)


def sums(moves: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    told: Counter[int] = Counter()
    for song, listens in moves:
        told[song] += listens
    return np.array(sorted(told), np.int64), np.array([told[song] for song in sorted(told)], np.int64)


@given(COUNTS, LATER)
def test_a_list_moves_as_if_it_had_been_counted_anew(
    counts: dict[int, int], later: list[tuple[int, int]]
) -> None:
    boards = Boards({(None, None): board_of(counts, LENGTH)})
    moves = sums(later)
    anew = Counter(counts)
    for song, listens in later:
        anew[song] += listens

    found = moved(boards.by_key[None, None], moves, LIMIT)
    whole = board_of(counts, 1_000)
    boards.learn((None, None), found.unknown, Boards({(None, None): whole}))
    after = moved(boards.by_key[None, None], moves, LIMIT)

    assert found.listens == sum(anew.values())
    assert len(after.unknown) == 0
    if not after.is_short:
        assert list(zip(after.ids.tolist(), after.heard.tolist(), strict=True)) == first(anew, LIMIT)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab"), st.sampled_from("xy"), st.integers(-3, 3)))
)
def test_the_log_tells_each_genre_and_region_what_is_theirs(told: list[tuple[int, str, str, int]]) -> None:
    log = Moves()
    for song, genre, region, listens in told:
        one = [np.array([value]) for value in (song, song % 2, 0, listens)]
        log.add(
            Moved(one[0], one[1], log.genres.all_of([genre]), log.regions.all_of([region]), one[2], one[3])
        )

    who, listens = moves_of(log.after(0), (log.genres.of("a"), log.regions.of("x")), by_artist=False)
    expected: Counter[int] = Counter()
    for song, genre, region, number in told:
        if (genre, region) == ("a", "x"):
            expected[song] += number

    assert dict(zip(who.tolist(), listens.tolist(), strict=True)) == dict(expected)


def test_what_every_chart_has_counted_is_forgotten() -> None:
    log, one = Moves(), Moved(*(np.array([7]) for _ in range(6)))
    log.add(one)
    log.add(one)

    log.forget(1)

    assert (len(log), log.end, len(log.after(1)), len(log.after(2))) == (1, 2, 1, 0)
    assert Codes().of("unheard") == -1


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.001, 10))
def test_rising_grows_with_what_is_heard_and_falls_with_what_was_expected(
    heard: int, before: int, growth: float
) -> None:
    risen = rise(heard, before, growth)

    assert rise(heard + 1, before, growth) > risen
    assert rise(heard, before + 1, growth) < risen


@given(st.integers(0, 10_000), st.floats(0.001, 10))
def test_who_has_as_many_as_expected_does_not_rise_and_smoothing_pulls_towards_that(
    before: int, growth: float
) -> None:
    expected = before * growth

    assert rise(round(expected), before, growth) <= 1 + 0.5 / PRIOR
    assert rise(round(2 * expected), before, growth) <= 2 + 0.5 / PRIOR
    assert rise(int(PRIOR * (LEAST - 1)) - 1, before, growth) < LEAST


def test_three_plays_are_not_a_trend() -> None:
    assert rise(3, 0, 1) < LEAST <= rise(10, 0, 1)
