"""Features of a song and a listener, against what can be counted by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from foundation.ids import UserId
from models.arrays import Factors, Positions
from models.bundle import Bundle
from models.graph_filter import GraphFilter
from serving.recommend.asking import Trends, Wanted
from serving.recommend.features import COLUMN
from serving.recommend.recommender import NOT_LATELY, Recommender
from tests.serving.conftest import NOON, heard_lately

MakeBundle = Callable[..., Bundle]
EVEN, NEWCOMER = UserId(2), UserId(500)


def watched(bundle: Bundle, listener: UserId, *lately: int, **wanted: Positions) -> dict[int, Factors]:
    """The features of each candidate, by the id of the song."""
    seen: list[tuple[Positions, Factors]] = []
    asked = Wanted(5, watch=lambda *told: seen.append(told), **wanted)
    heard = heard_lately(*lately, at=NOON) if lately else NOT_LATELY
    Recommender.over(bundle, lambda *_: []).feed(listener, heard, asked, trends=Trends(), at=NOON)
    ((places, features),) = seen
    return dict(zip(bundle.song_ids[places].tolist(), features, strict=True))


def test_the_part_of_an_artist_is_that_of_the_listens(checkerboard: MakeBundle) -> None:
    bundle = checkerboard(20, 60)  # songs are of the artist id % 7, and were heard once each

    told = watched(bundle, EVEN)

    heard = range(1002, 1055, 2)
    for song, features in told.items():
        of_artist = sum(each % 7 == song % 7 for each in heard) / len(heard)
        assert features[COLUMN["artist"]] == pytest.approx(of_artist, rel=1e-5)


def test_an_artist_of_whom_nothing_was_heard_has_no_part(checkerboard: MakeBundle) -> None:
    told = watched(checkerboard(20, 60, strangers=[500]), NEWCOMER, 1011)

    assert told[1025][COLUMN["artist"]] == 1.0  # 1011 and 1025 are by one artist
    assert {float(features[COLUMN["artist"]]) for features in told.values()} == {0.0, 1.0}


def test_the_filter_says_of_a_song_how_it_fits_beside_those_heard(checkerboard: MakeBundle) -> None:
    bundle = checkerboard(20, 60)
    graph = GraphFilter.of(np.eye(2, dtype=np.float32)[bundle.song_ids % 2], np.full(60, 4))

    told = watched(replace(bundle, graph_filter=graph), EVEN, also=np.array([0, 2]))
    without = watched(bundle, EVEN)

    assert {song: float(features[COLUMN["filter"]]) for song, features in told.items()} == {
        song: pytest.approx(1 - song % 2) for song in told
    }
    assert {float(features[COLUMN["filter"]]) for features in without.values()} == {0.0}


def test_the_filter_follows_what_was_just_heard(checkerboard: MakeBundle) -> None:
    bundle = checkerboard(20, 60, strangers=[500])
    graph = GraphFilter.of(np.eye(2, dtype=np.float32)[bundle.song_ids % 2], np.full(60, 4))

    told = watched(replace(bundle, graph_filter=graph), NEWCOMER, 1011)

    assert told[1025][COLUMN["filter"]] == pytest.approx(1)


def test_songs_that_are_asked_for_are_candidates_whatever_is_found(checkerboard: MakeBundle) -> None:
    bundle = checkerboard(20, 60)

    told = watched(bundle, EVEN, also=np.array([0, 1]))

    assert 1001 in told  # an odd song, which no source finds for them
    assert 1002 not in told  # it was heard
    assert told[1001][COLUMN["popular"]] > 0
