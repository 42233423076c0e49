"""The demonstration world is the same for a seed, holds together, and rewards who finds its hidden tastes."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from foundation.contracts.events import EndReason
from foundation.contracts.history import ARTISTS, COUNTS, LISTENERS, LYRICS, PLAYS, SONGS
from pipelines.world import names
from pipelines.world.backdrop import GENRES
from pipelines.world.lyrics import WORDS
from pipelines.world.world import World, WorldTooSmall, make_world

UNTIL = datetime(2026, 11, 22, 12, tzinfo=UTC)


def made(seed: int, *, listeners: int = 60, songs: int = 300, days: int = 30) -> World:
    return make_world(np.random.default_rng(seed), listeners=listeners, songs=songs, days=days, until=UNTIL)


@pytest.fixture(scope="module")
def world() -> World:
    return made(1, listeners=500, songs=2_000, days=60)


def test_the_same_seed_makes_the_same_world() -> None:
    one, again = made(5).history, made(5).history

    for part in ("listeners", "artists", "songs", "plays", "lyrics"):
        assert getattr(one, part).equals(getattr(again, part))


def test_another_seed_makes_another_world() -> None:
    one, other = made(5).history, made(6).history

    assert not one.plays.equals(other.plays)
    assert not one.songs.equals(other.songs)
    assert set(one.plays["play_id"]).isdisjoint(other.plays["play_id"])


def test_every_part_has_the_shape_an_import_reads(world: World) -> None:
    history = world.history

    assert dict(history.listeners.schema) == LISTENERS
    assert dict(history.artists.schema) == ARTISTS
    assert dict(history.songs.schema) == SONGS
    assert dict(history.plays.schema) == PLAYS
    assert dict(history.lyrics.schema) == LYRICS
    assert dict(history.counts.schema) == COUNTS
    assert [len(history.listeners), len(history.songs), len(history.counts)] == [500, 2_000, 0]
    assert 100_000 < len(history.plays) < 200_000


def test_a_part_of_the_songs_has_words_and_they_differ(world: World) -> None:
    lyrics = world.history.lyrics

    assert 0.25 < len(lyrics) / len(world.history.songs) < 0.6
    assert lyrics["song_external_id"].is_unique().all()
    assert lyrics["text"].n_unique() == len(lyrics)
    assert {len(text.split("\n")) for text in lyrics["text"]} == {9}


def test_words_are_of_the_kind_of_music(world: World) -> None:
    genres = dict(world.history.songs.select("external_id", "genre").iter_rows())

    for song, text in world.history.lyrics.select("song_external_id", "text").head(100).iter_rows():
        last = text.split("\n")[-1]
        assert any(last.endswith(where) for where in WORDS[genres[song]].where)


def test_every_kind_of_music_has_words() -> None:
    assert set(WORDS) == {genre.name for genre in GENRES}


def test_every_reference_names_a_row(world: World) -> None:
    history = world.history

    assert history.songs["artist_external_id"].is_in(history.artists["external_id"].implode()).all()
    assert history.plays["song_external_id"].is_in(history.songs["external_id"].implode()).all()
    assert history.plays["listener_external_id"].is_in(history.listeners["external_id"].implode()).all()
    for frame in (history.artists, history.songs, history.listeners):
        assert frame["external_id"].is_unique().all()


def test_play_ids_are_unique_and_carry_their_time(world: World) -> None:
    plays = world.history.plays
    first = UUID(bytes=plays["play_id"][0])

    assert plays["play_id"].is_unique().all()
    assert plays["play_id"].bin.size().unique().to_list() == [16]
    assert (first.version, first.int >> 80) == (8, int(plays["started_at"][0].timestamp() * 1000))


def test_nobody_plays_two_songs_at_once_or_outside_the_days(world: World) -> None:
    plays = world.history.plays.with_columns(
        ended_at=pl.col("started_at") + pl.duration(milliseconds="played_ms")
    )
    next_start = pl.col("started_at").shift(-1).over("listener_external_id", order_by="started_at")

    assert plays.filter(pl.col("ended_at") > next_start).is_empty()
    assert plays["started_at"].min() >= UNTIL - timedelta(days=60)  # type: ignore[operator]
    assert plays["ended_at"].max() <= UNTIL  # type: ignore[operator]


def test_a_play_lasts_no_longer_than_its_song_and_never_precedes_it(world: World) -> None:
    songs = world.history.songs.select("external_id", "song_ms", "released_on")
    played = world.history.plays.join(songs, left_on="song_external_id", right_on="external_id")

    assert (played["played_ms"] <= played["song_ms"]).all()
    assert (played["started_at"].dt.date() >= played["released_on"]).all()


def test_some_plays_are_skipped_and_more_when_the_song_does_not_fit(world: World) -> None:
    listener, song = pairs(world.history.plays)
    skipped = world.history.plays["played_ms"].to_numpy() < 30_000
    fits = (world.people.vectors[listener] * world.catalogue.song_vectors[song]).sum(axis=1)

    assert 0.1 < skipped.mean() < 0.4
    assert skipped[fits < np.median(fits)].mean() > 1.3 * skipped[fits > np.median(fits)].mean()


def test_players_say_why_a_play_ended(world: World) -> None:
    songs = world.history.songs.select("external_id", "song_ms")
    plays = world.history.plays.join(songs, left_on="song_external_id", right_on="external_id")
    told = plays.filter(pl.col("reason") != "")
    is_whole = pl.col("played_ms") == pl.col("song_ms")

    assert set(plays["reason"].unique()) == {"", *get_args(EndReason)}
    assert (told.filter(is_whole)["reason"] == "finished").all()
    assert told.filter(~is_whole)["reason"].is_in(["skipped", "stopped"]).all()
    assert 0.05 < 1 - told.height / plays.height < 0.2
    assert 0.01 < (told["reason"] == "stopped").mean() < 0.1


def test_somebody_skips_what_does_not_fit_them(world: World) -> None:
    songs = np.argsort(-world.affinity(7, np.arange(2_000)))

    played = [
        np.array([ms for ms, _ in world.listened(np.random.default_rng(1), 7, some)])
        for some in (songs[:300], songs[-300:])
    ]

    assert (played[0] < 30_000).mean() < (played[1] < 30_000).mean()


def test_a_few_songs_are_famous_and_people_return_to_what_they_love(world: World) -> None:
    per_song = world.history.plays["song_external_id"].value_counts()["count"].sort(descending=True)
    per_pair = world.history.plays.group_by("listener_external_id", "song_external_id").len()["len"]

    assert per_song.head(200).sum() > 0.35 * per_song.sum()
    assert per_pair.max() >= 10  # type: ignore[operator]


def test_new_songs_are_played_more_in_their_first_week_than_later(world: World) -> None:
    songs = world.history.songs.filter(pl.col("released_on") > (UNTIL - timedelta(days=60)).date())
    songs = songs.filter(pl.col("released_on") < (UNTIL - timedelta(days=22)).date())
    plays = world.history.plays.join(songs, left_on="song_external_id", right_on="external_id")
    week = ((plays["started_at"].dt.date() - plays["released_on"]).dt.total_days() // 7).value_counts()
    counted = dict(week.rows())

    assert counted[0] > 1.2 * counted[2]


def test_listeners_seek_what_the_truth_says(world: World) -> None:
    listener, song = pairs(world.history.plays)
    genre = world.catalogue.scene_genre[world.catalogue.song_scene[song]]
    counts = np.zeros((500, len(world.genres)))
    np.add.at(counts, (listener, genre), 1)
    active = counts.sum(axis=1) > 200

    favourite = [world.genres.index(world.expected_taste(one)[0][0]) for one in np.flatnonzero(active)]

    assert (counts[active].argmax(axis=1) == favourite).mean() > 0.7
    assert sum(share for _, share in world.expected_taste(0)) == pytest.approx(1)


def test_countries_hear_more_of_their_own_artists(world: World) -> None:
    listener, song = pairs(world.history.plays)
    at_home = world.catalogue.song_country[song] == world.people.countries[listener]
    strangers = world.catalogue.song_country[song] == np.roll(world.people.countries[listener], 50_000)

    assert at_home.mean() > 1.25 * strangers.mean()


def test_artists_have_names_of_their_own() -> None:
    many = names.artists(np.random.default_rng(3), 30_000)

    assert len(set(many)) == 30_000
    assert all(name == name.strip() and "  " not in name for name in many)


@pytest.mark.parametrize(("listeners", "songs", "days"), [(1, 20, 1), (3, 21, 2), (2, 5_000, 1)])
def test_the_smallest_worlds_hold_together(listeners: int, songs: int, days: int) -> None:
    small = made(2, listeners=listeners, songs=songs, days=days)

    assert [len(small.history.listeners), len(small.history.songs)] == [listeners, songs]


@pytest.mark.parametrize(("listeners", "songs", "days"), [(0, 100, 1), (1, 19, 1), (1, 100, 0)])
def test_a_world_without_anything_to_hear_is_refused(listeners: int, songs: int, days: int) -> None:
    with pytest.raises(WorldTooSmall):
        made(2, listeners=listeners, songs=songs, days=days)


@pytest.mark.slow
def test_finding_the_hidden_tastes_beats_most_popular_twice_over(world: World) -> None:
    listens = world.history.plays.filter(pl.col("played_ms") >= 30_000)
    split = UNTIL - timedelta(days=15)
    past = heard(listens.filter(pl.col("started_at") < split), world)
    future = heard(listens.filter(pl.col("started_at") >= split), world)
    with threadpool_limits(1, "blas"):
        als = AlternatingLeastSquares(factors=32, regularization=0.1, alpha=10, iterations=10, random_state=1)
        als.fit(past, show_progress=False)
    everyone, everything = np.arange(500)[:, None], np.arange(2_000)[None, :]

    personal = recall(als.user_factors @ als.item_factors.T, past, future)
    popular = recall(np.tile(np.asarray(past.sum(axis=0)).ravel(), (500, 1)), past, future)
    truth = recall(world.affinity(everyone, everything) * world.catalogue.song_weights, past, future)

    print(f"recall@20: ALS {personal:.3f}, most popular {popular:.3f}, the truth itself {truth:.3f}")
    assert personal > 2 * popular
    assert truth > personal


def pairs(plays: pl.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows of listener and song of each play: the number in an external id counts rows from 1."""
    rows = (
        plays[name].str.slice(1).cast(pl.Int64).to_numpy() - 1
        for name in ("listener_external_id", "song_external_id")
    )
    listener, song = rows
    return listener, song


def heard(listens: pl.DataFrame, world: World) -> sp.csr_matrix:
    """1 where a listener has listened to a song."""
    shape = (len(world.history.listeners), len(world.history.songs))
    matrix = sp.csr_matrix((np.ones(len(listens), dtype=np.float32), pairs(listens)), shape=shape)
    matrix.data[:] = 1
    return matrix


def recall(scores: npt.NDArray[np.floating], past: sp.csr_matrix, future: sp.csr_matrix) -> float:
    """recall@20 of songs first heard in the future, over listeners who have both a past and such songs."""
    kept = []
    for listener in range(len(scores)):
        known = past[listener].indices
        new = np.setdiff1d(future[listener].indices, known)
        if len(new) and len(known):
            ranked = scores[listener].astype(np.float64)
            ranked[known] = -np.inf
            top = np.argsort(-ranked)[:20]
            kept.append(len(np.intersect1d(top, new)) / min(20, len(new)))
    return float(np.mean(kept))
