"""One suite for every retriever: a town whose answer is known, one or many at a time, any seed and threads, kept and found."""

import numpy as np
import pytest
import scipy.sparse as sp

from models.blend.blend import Blend
from models.blend.families import FAMILIES, KINDS, Variant, learnt
from models.evaluation.ranking import ranked
from models.graph.low_pass import LowPass
from models.graph_filter import LISTENER, SONG, TARGET, GraphFilter
from models.past import Past, Plays
from models.retriever import Retriever, loaded, saved

TOWN = 20
VARIANTS = [
    pytest.param(family.name, variant, id=variant.name)
    for family in FAMILIES.values()
    for variant in (*family.usual, *family.more)
]
PERSONAL = [each for each in VARIANTS if each.values[0] != "most-popular"]  # which gives everybody the same
OF_EACH = pytest.mark.parametrize(("family", "variant"), VARIANTS)


def past_of(loved: np.ndarray, seed: int = 1) -> Past:
    """The past of listeners who heard these songs once each, in an order that chance gives, a minute apart."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.argwhere(loved))
    at = np.arange(len(order), dtype=np.float64) * 240
    return Past.of_plays(
        Plays.of(order[:, 0], order[:, 1], at, seconds=np.full(len(order), 200.0)), *loved.shape
    )


def checkerboard() -> Past:
    """Even listeners love even songs, odd ones odd songs; each has not yet heard the one of their own number.

    Everybody plays in one sitting: what is played together tells as much as who plays it.
    """
    loved = (np.arange(TOWN)[:, None] + np.arange(TOWN)) % 2 == 0
    np.fill_diagonal(loved, False)
    who, what = np.nonzero(loved)
    at = np.arange(len(who), dtype=np.float64) * 240 + who * 100_000
    return Past.of_plays(Plays.of(who, what, at, seconds=np.full(len(who), 200.0)), TOWN, TOWN)


def random_town(seed: int = 1) -> Past:
    loved = np.random.default_rng(seed).random((120, 70)) < 0.12
    loved[np.arange(120), np.arange(120) % 70] = True
    return past_of(loved, seed)


def one(family: str, variant: Variant, past: Past, seed: int = 1) -> Retriever:
    return FAMILIES[family].learn(past, [variant], seed)[variant.name]


@pytest.mark.parametrize(("family", "variant"), PERSONAL)
def test_in_the_checkerboard_town_the_withheld_song_comes_first(family: str, variant: Variant):
    town = checkerboard()

    retriever = one(family, variant, town)
    first = ranked(lambda rows: retriever.scores(town, rows), town.listens, np.arange(TOWN), 1)

    assert first[:, 0].tolist() == list(range(TOWN))


@OF_EACH
def test_one_listener_is_scored_as_among_many(family: str, variant: Variant):
    town = random_town()
    retriever = one(family, variant, town)

    together = retriever.scores(town, np.arange(40))
    alone = np.concatenate([retriever.scores(town, np.array([row])) for row in range(40)])

    assert together.dtype == np.float32
    np.testing.assert_allclose(alone, together, rtol=2e-4, atol=1e-5 * max(together.max(), 1e-9))


@OF_EACH
def test_a_listener_who_was_not_there_is_scored_like_one_with_the_same_history(family: str, variant: Variant):
    town = random_town()
    retriever = one(family, variant, town)

    asked = town.only(np.array([7, 3]))

    np.testing.assert_allclose(
        retriever.scores(asked, np.array([0, 1])),
        retriever.scores(town, np.array([7, 3])),
        rtol=1e-5,
        atol=1e-6,
    )


@OF_EACH
def test_the_same_seed_gives_the_same_model(family: str, variant: Variant):
    town = random_town()

    models = [saved(one(family, variant, town)) for _ in range(2)]

    assert models[0] == models[1]


@pytest.mark.parametrize("threads", ["1", "3"])
def test_threads_change_nothing(threads: str, monkeypatch: pytest.MonkeyPatch):
    import threadpoolctl

    town = random_town()
    usual = {name: family.usual for name, family in FAMILIES.items()}
    expected = {name: saved(each) for name, each in learnt(town, usual, 1, lambda _: None).items()}

    with threadpoolctl.threadpool_limits(int(threads)):
        found = {name: saved(each) for name, each in learnt(town, usual, 1, lambda _: None).items()}

    assert found == expected


@OF_EACH
def test_what_was_saved_scores_as_before(family: str, variant: Variant):
    town = random_town()
    retriever = one(family, variant, town)

    again = loaded(saved(retriever), KINDS)

    assert type(again) is type(retriever)
    np.testing.assert_array_equal(again.scores(town, np.arange(9)), retriever.scores(town, np.arange(9)))


def test_a_blend_is_saved_with_all_within_it():
    town = random_town()
    usual = {name: family.usual[:1] for name, family in FAMILIES.items()}
    members = tuple(learnt(town, usual, 1, lambda _: None).values())
    blend = Blend(members, tuple(0.5 for _ in members), town.known())

    again = loaded(saved(blend), KINDS)

    np.testing.assert_array_equal(again.scores(town, np.arange(9)), blend.scores(town, np.arange(9)))


def test_the_filter_that_serves_says_what_the_retriever_says_on_a_scale_of_its_own():
    town = random_town()
    served = GraphFilter.learn(town, 1, 16)
    expected = LowPass.learn(town, 16, LISTENER, SONG, TARGET).scores(town, np.arange(9))

    for row, scores in enumerate(expected):
        heard = town.listens[[row]].indices.astype(np.int64)
        asked = served.row(heard, town.listens[[row]].data)
        assert asked is not None
        np.testing.assert_allclose(
            served.scores(np.arange(70), asked), scores / scores[heard].mean(), rtol=1e-3, atol=1e-4
        )


def test_a_file_of_another_kind_is_refused():
    town = random_town()

    with pytest.raises(KeyError):
        loaded(saved(one("paths", FAMILIES["paths"].usual[0], town)), {"Other": Blend})


@OF_EACH
def test_whoever_heard_nothing_and_songs_nobody_heard_are_no_trouble(family: str, variant: Variant):
    loved = np.zeros((6, 8), dtype=bool)
    loved[:4, :5] = np.random.default_rng(3).random((4, 5)) < 0.7
    loved[0, :2] = True
    past = past_of(loved)

    scores = one(family, variant, past).scores(past, np.arange(6))

    assert np.isfinite(scores).all()
    if family != "most-popular":
        assert (scores[5] == 0).all()


def test_a_blend_gives_a_stranger_what_is_most_popular():
    loved = np.zeros((4, 4), dtype=bool)
    loved[[0, 1, 2], 2] = loved[0, 1] = loved[1, 1] = loved[2, 3] = True
    past = Past(sp.csr_array(loved.astype(np.float32)))
    blend = Blend((one("paths", FAMILIES["paths"].usual[0], past),), (1.0,), past.known())

    lists = ranked(lambda rows: blend.scores(past, rows), past.listens, np.array([3]), 3)

    assert lists.tolist() == [[2, 1, 3]]


@pytest.mark.parametrize("listeners", [2, 300])
def test_a_town_with_fewer_tastes_than_vectors_gives_everybody_their_own(listeners: int):
    """Two tastes, whose filter has room for more: nothing is told of the directions in which nobody listens."""
    loved = np.arange(listeners)[:, None] % 2 == np.arange(60) // 30
    loved[:2, [0, 30]] = False

    low_pass = LowPass.learn(past_of(loved), vectors=40, seed=3)
    scores = low_pass.scores(past_of(loved), np.arange(2))

    assert np.isfinite(scores).all()
    assert np.count_nonzero(np.abs(low_pass.source).sum(axis=0)) <= 4
    assert (scores[0, :30].max() > 0) & (np.abs(scores[0, 30:]).max() < 1e-3 * scores[0].max())
