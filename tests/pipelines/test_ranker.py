"""The ranker's lessons are what serving would have seen, and the job keeps what it learnt with the model it is for."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import polars as pl
import pytest

from feature_store.offline import lately_then
from feature_store.online import Lately, RecentSongsSink, lately_of
from feature_store.wishes import Wishes
from foundation.contracts.events import PlaybackEvent
from foundation.engines.blobs import open_blobs
from foundation.engines.redis import open_redis
from foundation.ids import SongId, UserId, new_play_id
from models import bundle as bundles
from models.als.parameters import Parameters
from models.diversity.choosing import PLAIN
from models.evaluation.cuts import held_back
from models.evaluation.datasets import Dataset
from models.interactions import Interactions as Matrix
from models.library import Library
from models.past import Past
from models.ranker import learning
from models.ranker.linear import DEFAULT, NAMES
from pipelines.catalog import in_order
from pipelines.context import Context, InputMissing
from pipelines.jobs.als_model import job as als_model
from pipelines.jobs.interactions import job as interactions
from pipelines.jobs.ranker import job
from pipelines.run import run, run_all
from pipelines.stages import teaching
from pipelines.stages.moment import NO_TIME, Moment
from pipelines.stages.teaching import Shown, from_slates, taught
from serving.recommend.asking import Wanted
from serving.recommend.recommender import Recommender
from tests.conftest import Engines
from tests.pipelines.conftest import LISTENER_COLUMNS, NOON, SONG_COLUMNS, World

SMALL = Parameters(members=(4, 8), regularisation=1.0)


@pytest.fixture(scope="module")
def then(people: Dataset) -> Moment:
    assert people.library is not None
    return Moment.of(people.past, people.library, SMALL)


@pytest.mark.slow
def test_a_row_that_teaches_is_the_row_that_serving_computes(
    people: Dataset, then: Moment, engines: Engines, tmp_path: Path
):
    """Serving: the bundle as it is stored and loaded, and what Redis knows from the very plays as events."""
    library, plays = then.library, people.past.plays
    assert plays is not None
    rows = people.rows[:25]
    song_ids, listener_ids = library.songs["song_id"].to_numpy(), library.listeners["listener_id"].to_numpy()
    blobs, redis = open_blobs(f"file://{tmp_path}"), open_redis(engines.redis)
    bundles.save(then.recommender.bundle, blobs)
    serving = Recommender.over(bundles.load("past", blobs), lambda *_: [])
    redis.flushdb()
    RecentSongsSink(redis).apply(
        ["s1"],
        [
            PlaybackEvent(
                play_id=new_play_id(NOON),
                kind="end",
                listener_id=int(listener_ids[plays.listeners[each]]) + 1,
                song_id=int(song_ids[plays.songs[each]]) + 1,
                started_at=NO_TIME + timedelta(milliseconds=round(1000 * float(plays.at[each]))),
                received_at=NOON,
                played_ms=round(1000 * float(plays.seconds[each])),
            )
            for each in np.flatnonzero(np.isin(plays.listeners, rows))
        ],
    )
    online = lately_of(redis, [UserId(int(listener_ids[row]) + 1) for row in rows])

    for row in rows.tolist():
        seen: list[tuple[np.ndarray, np.ndarray]] = []
        told = online[UserId(int(listener_ids[row]) + 1)]
        lately = replace(told, song_ids=tuple(song - 1 for song in told.song_ids), heard=told.heard - 1)
        wanted = Wanted(20, watch=lambda *each: seen.append(each))  # noqa: B023 - called at once
        serving.feed(UserId(int(listener_ids[row])), lately, wanted, trends=then.trends, at=then.at)
        places, features = then.candidates(row)

        ((served_places, served_features),) = seen
        np.testing.assert_array_equal(places, served_places)
        np.testing.assert_array_equal(features, served_features)
        assert lately.song_ids


def test_lessons_are_made_of_the_past_alone(people: Dataset, then: Moment):
    """Another future, and plays that come later, change no row."""
    plays = people.past.plays
    assert plays is not None
    until = float(np.quantile(plays.at[~plays.is_skip], 0.8))
    earlier = Past.of_plays(plays.where(plays.at < until), *people.past.shape)
    cut = held_back(people.past, "time", np.random.default_rng(1))[0]

    one, other = (Moment.of(past, then.library, SMALL) for past in (earlier, cut.past))

    assert max(one.at, other.at).timestamp() <= until + 1
    for row in cut.rows[:5].tolist():
        np.testing.assert_allclose(one.candidates(row)[1], other.candidates(row)[1], rtol=1e-5, atol=1e-6)


def test_candidates_were_not_heard_and_each_feature_that_is_known_says_something(
    people: Dataset, then: Moment
):
    rows = people.rows[:40].tolist()

    found = [then.candidates(row) for row in rows]

    for row, (places, _) in zip(rows, found, strict=True):
        assert not np.isin(places, people.past.listens[[row]].indices).any()
    spread = dict(zip(NAMES, np.concatenate([each for _, each in found]).std(axis=0).tolist(), strict=True))
    assert {name for name, value in spread.items() if value > 0} == {
        "taste",
        "trending",
        "popular",
        "fresh",
        "genre",
        "artist",
        "together",
        "filter",
    }


def test_a_past_teaches_weights_and_the_same_past_the_same(people: Dataset, monkeypatch: pytest.MonkeyPatch):
    assert people.library is not None
    monkeypatch.setattr(learning, "ENOUGH_TAKEN", 100)

    one, again = (taught(people.past, "time", people.library, SMALL) for _ in range(2))

    assert one.gain is not None
    assert one.listeners >= learning.ENOUGH_LISTENERS
    assert one.as_dict() == again.as_dict()


def test_a_past_of_few_trains_nothing(people: Dataset, monkeypatch: pytest.MonkeyPatch):
    assert people.library is not None
    monkeypatch.setattr(teaching, "ENOUGH_LISTENERS", 10_000)

    told = taught(people.past, "time", people.library, replace(SMALL, members=()))

    assert told.ranker is DEFAULT
    assert not told.is_learnt


def test_lists_that_were_shown_teach_where_they_are_newer_than_the_moment(people: Dataset, then: Moment):
    row = int(people.rows[0])
    unheard = np.setdiff1d(np.arange(200), people.past.listens[[row]].indices)[:4]
    shown = Shown(
        row,
        then.at.timestamp() + 60,
        np.append(unheard, -1),  # and a song that nobody knows
        np.array([1.0, 1.0, 0.02, 1.0, 1.0]),
        np.array([False, False, True, False, False]),
        Lately(is_known=True),
    )
    nothing_taken = replace(shown, is_taken=np.zeros(5, np.bool_))
    too_old = replace(shown, at=then.at.timestamp() - 1)

    told = from_slates(then, [shown, nothing_taken, too_old])

    assert (told.lists, len(told.is_taken)) == (1, 4)
    assert told.is_taken.tolist() == [False, False, True, False]
    assert told.trust.tolist() == [1.0, 1.0, learning.MOST_TRUST, 1.0]
    assert told.place_bias.tolist() == pytest.approx((1 / np.log2(np.arange(2, 6))).tolist())
    assert (told.features[:, NAMES.index("popular")] > 0).all()


def test_a_list_that_was_shown_is_judged_by_what_was_known_of_its_listener_then(
    people: Dataset, then: Moment
):
    row, facts = int(people.rows[0]), then.recommender.facts
    unheard = np.setdiff1d(np.arange(200), people.past.listens[[row]].indices)[:4]
    song_ids = then.library.songs["song_id"].to_numpy()
    early = Shown(
        row,
        then.at.timestamp() + 60,
        unheard,
        np.ones(4),
        np.array([False, False, True, False]),
        Lately(is_known=True),
    )
    follows = Wishes(followed_artists=facts.artists[unheard[:1]])
    heard = Lately(
        is_known=True,
        song_ids=(SongId(int(song_ids[unheard[1]])),),
        listened_ms=(round(1000 * (then.at.timestamp() + 90)),),
        wishes=follows,
    )
    late = replace(early, at=then.at.timestamp() + 120, lately=heard)

    told = from_slates(then, [early, late])

    rows = [told.features[told.groups == group] for group in np.unique(told.groups)]
    followed = [each[:, NAMES.index("followed")] for each in rows]
    assert [len(each) for each in rows] == [4, 3]  # what was heard between them is no discovery
    assert followed[0].max() == 0
    assert followed[1][0] == 1
    assert (rows[1][:, NAMES.index("taste")] != rows[0][[0, 2, 3], NAMES.index("taste")]).any()


def test_of_a_past_of_which_nothing_is_known_there_are_lists_all_the_same(people: Dataset):
    bare = Past(people.past.listens)

    moment = Moment.of(bare, Library.unknown(bare), SMALL)

    assert moment.at == NO_TIME
    (feed,) = moment.feeds(people.rows[:1], Wanted(20, dials=PLAIN))
    assert len(feed.items) == 20


@pytest.mark.slow
def test_the_job_keeps_the_ranker_with_its_model_and_the_bundle_has_it(
    world: World, context: Context, people: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(learning, "ENOUGH_TAKEN", 100)
    settle(world, people)
    settled = replace(context, als=SMALL)

    done = {result.name: result for result in run_all(settled)}
    about = json.loads(context.blobs.read(f"ranker/{done['ranker'].version}/about.json"))
    page = context.blobs.read(f"ranker/{done['ranker'].version}/card.md").decode()
    bundle = bundles.load(done["song_vectors"].version, context.blobs)
    again = run("ranker", settled)

    assert about["model"] == bundle.model
    assert about["listeners"] >= learning.ENOUGH_LISTENERS
    assert about["slates"] > 0
    assert bundle.ranker.as_dict() == about["weights"]
    assert bundle.ranker.calibration == about["calibration"]
    assert len(about["reliability"]) == 10
    assert "## Reliability" in page
    assert not again.changed
    assert about["reason"] in done["ranker"].summary


@pytest.mark.slow
def test_the_job_asks_what_was_known_when_each_list_was_shown(
    world: World, context: Context, people: Dataset
):
    settle(world, people)
    for name in ("interactions", "session_neighbours", "als_model"):
        run(name, replace(context, als=SMALL))
    trained = als_model.chosen(context, interactions.newest(context).version)
    heard = Matrix.of(als_model.learnt_from(context, trained), trained.song_ids)
    ends_ms = int(trained.until.timestamp() * 1000)
    slates = context.frame(job.HERE / "slates.sql", job.SLATES, at_ms=ends_ms, since_ms=0, most=job.MOST)

    lists = list(job.shown(slates, heard, partial(lately_then, context.clickhouse)))

    assert len(lists) == slates["slate"].n_unique() > 50
    assert sum(len(each.lately.song_ids) > 0 for each in lists) > 50
    for each in lists:
        assert all(ms <= 1000 * each.at for ms in each.lately.listened_ms)


@pytest.mark.slow
def test_of_a_small_town_the_weights_set_by_hand_serve(world: World, context: Context):
    world.settle_checkerboard_town()

    *_, published = run_all(context)

    assert bundles.load(published.version, context.blobs).ranker.as_dict() == DEFAULT.as_dict()


@pytest.mark.slow
def test_without_the_job_there_is_nothing_to_publish_by(world: World, context: Context):
    world.settle_checkerboard_town()
    for each in in_order():
        if each.writes not in ("ranker", "song_vectors", "reports"):
            run(each.writes, context)

    with pytest.raises(InputMissing, match="run the job ranker first"):
        run("song_vectors", context)


def settle(world: World, people: Dataset) -> None:
    """The past of a generated world in the warehouse, and of some listeners a list that they were shown and played from."""
    library, plays = people.library, people.past.plays
    assert library is not None
    assert plays is not None
    song_ids = library.songs["song_id"].to_numpy() + 1
    told = library.songs.select(
        pl.col("song_id") + 1, "title", "artist_id", "artist", "album", "genre"
    ).rows()
    world.writer.insert(
        "songs", [[*row, "world", f"s{row[0]}", 1] for row in told], column_names=SONG_COLUMNS
    )
    world.writer.insert(
        "listeners",
        [[listener + 1, "NL", "world", f"l{listener}", 1] for listener in range(people.past.shape[0])],
        column_names=LISTENER_COLUMNS,
    )
    heard = plays.where(~plays.is_skip)
    slates: dict[int, UUID] = {}
    listens = []
    until = float(np.quantile(heard.at, 0.9))
    for each in range(len(heard.at)):
        listener, slate = int(heard.listeners[each]), None
        if listener not in slates and heard.at[each] > until:
            slate = slates[listener] = uuid4()
            place = [listener + 1, int(song_ids[heard.songs[each]])]
            served = NO_TIME + timedelta(seconds=float(heard.at[each]) - 30)
            others = song_ids[(heard.songs[each] + np.arange(1, 5)) % len(song_ids)].tolist()
            world.writer.insert(
                "impressions",
                [
                    [slate, place[0], served, "feed", "als", position, song, 1.0, served]
                    for position, song in enumerate([others[0], place[1], *others[1:]], start=1)
                ],
                column_names=[
                    "slate_id",
                    "listener_id",
                    "served_at",
                    "surface",
                    "policy",
                    "position",
                    "song_id",
                    "propensity",
                    "ingested_at",
                ],
            )
        at = NO_TIME + timedelta(seconds=float(heard.at[each]))
        song = int(song_ids[heard.songs[each]])
        listens.append(
            [
                *(uuid4(), listener + 1, song, at, round(1000 * float(heard.seconds[each]))),
                *("organic", "", slate, at),
            ]
        )
    world.writer.insert(
        "listens",
        listens,
        column_names=[
            "play_id",
            "listener_id",
            "song_id",
            "listened_at",
            "played_ms",
            "source",
            "origin",
            "slate_id",
            "ingested_at",
        ],
    )
