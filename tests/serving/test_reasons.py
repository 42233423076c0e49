"""A reason names heard songs that really speak for the recommended one."""

import numpy as np

from serving.recommend.reasons import because_of, seeds_of
from serving.recommend.schemas import Seed

ROCK, JAZZ, BOTH = [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]


def test_the_songs_of_the_same_kind_speak_for_a_song() -> None:
    songs = np.array([ROCK, ROCK, JAZZ, ROCK, JAZZ], np.float32)

    seeds = seeds_of(songs, np.array([3, 4]), heard=np.array([0, 1, 2]))

    assert [sorted(each) for each in seeds] == [[0, 1], [2]]


def test_a_louder_song_speaks_no_louder() -> None:
    songs = np.array([[9.0, 9.0], ROCK, ROCK], np.float32)

    (seeds,) = seeds_of(songs, np.array([2]), heard=np.array([0, 1]))

    assert seeds == [1, 0]


def test_at_most_three_speak() -> None:
    songs = np.array([ROCK] * 9, np.float32)

    (seeds,) = seeds_of(songs, np.array([8]), heard=np.arange(8))

    assert len(seeds) == 3


def test_songs_that_speak_against_are_no_reason() -> None:
    songs = np.array([[-1.0, 0.0], [0.0, 0.0], ROCK], np.float32)

    (seeds,) = seeds_of(songs, np.array([2]), heard=np.array([0, 1]))

    assert seeds == []


def test_an_artist_that_stands_in_as_a_song_is_named_once() -> None:
    seeds = [Seed(1, "Abba", "Abba"), Seed(2, "Help!", "The Beatles"), Seed(3, "Air", "Air")]

    reason = because_of(seeds)

    assert reason.text == "Because you listened to Abba, Help! by The Beatles and Air."
