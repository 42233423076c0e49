"""The ranking is exact: it is compared with a plain one that sorts all songs."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.recommend.ranking import SongSpace

small_numbers = st.integers(-3, 3)


def plainly_ranked(listener: list[int], songs: list[list[int]], heard: set[int], limit: int) -> list[int]:
    """All songs sorted by product and id, as one would write it without numpy; whole numbers leave no rounding."""
    scores = {
        place: sum(a * b for a, b in zip(listener, song, strict=True))
        for place, song in enumerate(songs)
        if place not in heard
    }
    liked = [place for place, score in scores.items() if score > 0]
    return sorted(liked, key=lambda place: (-scores[place], place))[:limit]


@settings(max_examples=50)
@given(st.data(), st.integers(1, 4), st.integers(1, 30), st.integers(1, 12))
def test_equals_sorting_all_songs(data: st.DataObject, factors: int, songs: int, limit: int) -> None:
    vector = st.lists(small_numbers, min_size=factors, max_size=factors)
    listeners = data.draw(st.lists(vector, min_size=1, max_size=5))
    catalogue = data.draw(st.lists(vector, min_size=songs, max_size=songs))
    heard = [data.draw(st.sets(st.integers(0, songs - 1))) for _ in listeners]

    ranked = SongSpace.of(np.array(catalogue, np.float32)).best(
        np.array(listeners, np.float32), [np.array(sorted(each), np.int64) for each in heard], limit
    )

    expected = [plainly_ranked(*each, limit) for each in zip(listeners, [catalogue] * 5, heard, strict=False)]
    assert [each.songs.tolist() for each in ranked] == expected


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_a_row_alone_and_a_row_among_many_get_the_same_songs_and_scores(seed: int, limit: int) -> None:
    rng = np.random.default_rng(seed)
    songs = rng.normal(size=(300, 33)).astype(np.float32)
    songs[150:] = songs[:150] * np.float32(1 + 1e-7)
    space, listeners = SongSpace.of(songs), rng.normal(size=(17, 33)).astype(np.float32)
    heard = [np.flatnonzero(rng.random(300) < 0.3) for _ in listeners]

    together = space.best(listeners, heard, limit)
    alone = [space.best(listeners[i : i + 1], [heard[i]], limit)[0] for i in range(17)]

    assert [each.songs.tolist() for each in together] == [each.songs.tolist() for each in alone]
    assert [each.scores.tolist() for each in together] == [each.scores.tolist() for each in alone]


def test_equal_songs_come_in_the_order_of_their_ids() -> None:
    space = SongSpace.of(np.ones((1000, 8), np.float32))

    (ranked,) = space.best(np.ones((1, 8), np.float32), [np.arange(5)], 3)

    assert ranked.songs.tolist() == [5, 6, 7]


def test_a_catalogue_that_is_all_heard_gives_nothing() -> None:
    space = SongSpace.of(np.ones((4, 2), np.float32))

    (ranked,) = space.best(np.ones((1, 2), np.float32), [np.arange(4)], 3)

    assert ranked.songs.tolist() == []


def test_of_many_songs_nearly_all_of_the_best_are_found_and_none_that_is_out() -> None:
    rng = np.random.default_rng(5)
    middles = rng.normal(size=(20, 24))
    songs = (middles[rng.integers(20, size=20_000)] + rng.normal(size=(20_000, 24))).astype(np.float32)
    listeners = (middles + rng.normal(size=(20, 24))).astype(np.float32)
    exact, by_cells = SongSpace.of(songs, exact_up_to=20_000), SongSpace.of(songs, exact_up_to=100)
    found = 0

    for listener in listeners:
        heard = np.sort(np.argsort(-(songs @ listener))[:500])
        best, near = (
            space.best_for(listener, heard, 50, lambda places: places % 7 == 0) for space in (exact, by_cells)
        )
        assert len(near.songs) == 50
        assert not np.isin(near.songs, heard).any()
        assert (near.songs % 7 > 0).all()
        assert (np.diff(near.scores) <= 0).all()
        found += np.isin(best.songs, near.songs).sum()

    assert found / (50 * len(listeners)) >= 0.99


def test_who_has_heard_nearly_everything_gets_what_is_left() -> None:
    rng = np.random.default_rng(6)
    songs = np.abs(rng.normal(size=(5_000, 8))).astype(np.float32)
    left = np.array([7, 4_999])

    heard = np.setdiff1d(np.arange(5_000), left)
    ranked = SongSpace.of(songs, exact_up_to=100).best_for(np.ones(8, np.float32), heard, 20)

    assert sorted(ranked.songs.tolist()) == left.tolist()
