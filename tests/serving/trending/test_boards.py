"""How lists move: as if all had been counted anew; and what rising is: laws, without a warehouse."""

from collections import Counter
from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.trending.boards import Board, Boards, Growth, moved
from serving.trending.moves import Codes, Moved, Moves, Sums, Times, sums_of
from serving.trending.rising import KEPT, LEAST, PRIOR, rise

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


def sums(moves: list[tuple[int, int]]) -> Sums:
    told: Counter[int] = Counter()
    for song, listens in moves:
        told[song] += listens
    return sums_of_songs({song: (listens, 0) for song, listens in told.items()})


def sums_of_songs(told: dict[int, tuple[int, int]]) -> Sums:
    ids = np.array(sorted(told), np.int64)
    heard, before = (np.array([told[song][place] for song in sorted(told)], np.int64) for place in range(2))
    return Sums(ids, heard, before, np.zeros_like(ids))


ALWAYS = Times(0, 10, 0, 0)


def rows(*columns: list[int]) -> Moved:
    """Rows of songs, genres, regions, minutes, listens and repeats; each song is of the artist of its parity."""
    songs, genres, regions, minutes, listens, repeats = (np.array(column, np.int64) for column in columns)
    none = np.zeros_like(songs)
    return Moved(songs, songs % 2, none, none, genres, regions, minutes, listens, repeats)


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


RISEN = st.dictionaries(st.integers(1, 30), st.tuples(st.integers(0, 300), st.integers(0, 200)), min_size=1)


LATER_BOTH = st.dictionaries(
    st.integers(1, 40), st.tuples(st.integers(-40, 60), st.integers(-200, 60)), max_size=20
)


@given(RISEN, LATER_BOTH, st.floats(0.1, 2), st.floats(0.7, 1.4))
def test_a_rising_list_moves_as_if_it_had_been_counted_anew(
    counts: dict[int, tuple[int, int]], later: dict[int, tuple[int, int]], growth: float, grows: float
) -> None:
    def listed(told: dict[int, tuple[int, int]], growth: float, least: float) -> list[tuple[int, int, int]]:
        scored = [
            (-rise(heard, before, growth), song, heard, before)
            for song, (heard, before) in told.items()
            if heard
        ]
        return [(song, heard, before) for score, song, heard, before in sorted(scored) if -score >= least]

    def board(told: list[tuple[int, int, int]], floor: float) -> Board:
        ids, heard, before = (np.array([each[place] for each in told], np.int64) for place in range(3))
        return Board(ids, heard, before, np.zeros_like(ids), 0, 0, floor)

    kept = listed(counts, growth, KEPT)[:LENGTH]
    floor = rise(*kept[-1][1:], growth) if len(kept) == LENGTH else KEPT
    boards = Boards({(None, None): board(kept, floor)})
    after, moves = dict(counts), {}
    for song, more in later.items():  # no more is taken away than there was
        had = counts.get(song, (0, 0))
        after[song] = max(0, had[0] + more[0]), max(0, had[1] + more[1])
        moves[song] = after[song][0] - had[0], after[song][1] - had[1]
    grown = Growth(growth, growth * grows)

    found = moved(boards.by_key[None, None], sums_of_songs(moves), LIMIT, grown)
    everyone = [(song, *numbers) for song, numbers in counts.items()]
    boards.learn((None, None), found.unknown, Boards({(None, None): board(everyone, 0)}))
    told = moved(boards.by_key[None, None], sums_of_songs(moves), LIMIT, grown)

    assert len(told.unknown) == 0
    if not told.is_short:
        kept_now = [*zip(told.ids.tolist(), told.heard.tolist(), told.before.tolist(), strict=True)]
        assert kept_now == listed(after, grown.now, LEAST)[:LIMIT]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 9),
            st.sampled_from("ab"),
            st.sampled_from("xy"),
            st.integers(0, 3),
            st.integers(-3, 3),
            st.integers(-1, 1),
        )
    )
)
def test_the_log_tells_each_genre_and_region_and_time_what_is_theirs(
    told: list[tuple[int, str, str, int, int, int]],
) -> None:
    log, times = Moves(), Times(2, 4, 1, 2)
    for block, (song, genre, region, minute, listens, repeats) in enumerate(told):
        codes = log.genres.all_of([genre]), log.regions.all_of([region])
        log.add(rows([song], codes[0].tolist(), codes[1].tolist(), [minute], [listens], [repeats]), block)

    codes = log.genres.of("a"), log.regions.of("x")
    raw = sums_of(log.after(0), "songs", codes, times, cleaned=False)
    cleaned = sums_of(log.after(0), "songs", codes, times, cleaned=True)
    theirs = [each for each in told if each[1:3] == ("a", "x") and each[3] > 0]
    songs = sorted({each[0] for each in theirs})

    def added(song: int, of: Callable[[int, int, int], int]) -> int:
        return sum(
            of(minute, listens, repeats) for each, _, _, minute, listens, repeats in theirs if each == song
        )

    assert raw.ids.tolist() == cleaned.ids.tolist() == songs
    assert raw.heard.tolist() == [added(song, lambda at, n, _: n * (at > 1)) for song in songs]
    assert raw.before.tolist() == [added(song, lambda at, n, _: n * (at == 1)) for song in songs]
    assert raw.removed.tolist() == [0] * len(songs)
    assert cleaned.heard.tolist() == [added(song, lambda at, n, r: (n - r) * (at > 1)) for song in songs]
    assert cleaned.removed.tolist() == [added(song, lambda at, _, r: r * (at > 1)) for song in songs]


def test_a_listen_without_an_album_moves_no_album() -> None:
    moved_rows = rows([1, 2], [0, 0], [0, 0], [1, 1], [1, 1], [0, 0])

    assert sums_of(moved_rows, "albums", (None, None), ALWAYS, cleaned=False).ids.tolist() == []
    assert sums_of(moved_rows, "artists", (None, None), ALWAYS, cleaned=False).ids.tolist() == [1]


def test_what_every_chart_has_counted_is_forgotten() -> None:
    log, one = Moves(), rows([7], [0], [0], [0], [1], [0])
    log.add(one, 5)
    log.add(one, 8)

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
