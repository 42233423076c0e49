"""Which model serves: flips, rollbacks and promotions, also when somebody is killed in between."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from foundation.engines.vectors.port import UnknownVersion
from models.als.training import Parameters
from models.registry import Registry
from pipelines import journal, live
from pipelines.context import Context
from pipelines.live import NoEarlierModel, NoSuchModel, NothingLive, Withdrawn
from pipelines.run import run, run_all
from tests.pipelines.conftest import World

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """What `kill -9` looks like from inside: nothing catches it, nothing after it happens."""


@dataclass(frozen=True)
class DyingVectors:
    """The vectors of somebody who is killed when flipping, before or after the pointer is written."""

    vectors: Any
    after: bool

    def current(self, collection: str) -> str | None:
        return self.vectors.current(collection)

    def flip(self, collection: str, version: str) -> None:
        if self.after:
            self.vectors.flip(collection, version)
        raise Killed


def dying_registry() -> Registry:
    raise Killed


@pytest.fixture
def two(world: World, context: Context) -> Context:
    """Two models of one recipe passed and were live, the second one is."""
    world.settle_checkerboard_town()
    list(run_all(context))
    learn_more(world, context, 102)
    return context


def learn_more(world: World, context: Context, song: int) -> None:
    """Something is heard, and everything runs again."""
    world.listen(1, song)
    list(run_all(context))


def models(context: Context) -> list[str]:
    return list(live.abouts(context))


def alias(context: Context) -> str | None:
    return context.registry().live("als")


def test_rollback_brings_back_what_served_before_and_keeps_it(two: Context):
    first, second = models(two)
    before = two.vectors.current("songs")

    change = live.rollback(two)
    again = run("song_vectors", two)

    assert (change.before, change.model) == (second, first)
    assert two.vectors.current("songs") == change.version != before
    assert live.model(two) == alias(two) == first
    assert again.version == change.version


def test_a_newer_model_that_passes_goes_live_after_a_rollback(world: World, two: Context):
    live.rollback(two)

    learn_more(world, two, 104)

    assert live.model(two) == alias(two) == models(two)[-1]
    assert len(models(two)) == 3


def test_who_rolls_back_twice_goes_back_twice(world: World, two: Context):
    learn_more(world, two, 104)

    changes = [live.rollback(two), live.rollback(two)]

    assert [change.model for change in changes] == list(reversed(models(two)))[1:]
    with pytest.raises(NoEarlierModel, match="no model was live before"):
        live.rollback(two)


def test_a_model_whose_published_version_is_gone_is_published_again(two: Context):
    first, _ = models(two)
    two.vectors.retire("songs", 1)

    change = live.rollback(two)

    assert live.model(two) == change.model == alias(two) == first
    assert two.vectors.current("songs") == change.version


def test_a_refused_model_can_be_promoted_and_stays(two: Context):
    list(run_all(replace(two, als=Parameters(members=(3, 4), iterations=0))))
    *_, refused = models(two)
    before = live.model(two)

    change = live.promote(two, refused)
    run("song_vectors", two)

    assert before != refused
    assert change.before == before
    assert live.model(two) == alias(two) == refused


def test_promoting_what_is_live_changes_nothing(two: Context):
    *_, second = models(two)
    before = two.vectors.current("songs")

    change = live.promote(two, second)

    assert not change.is_news
    assert two.vectors.current("songs") == before


def test_a_rolled_back_model_comes_back_only_by_hand(two: Context):
    _, second = models(two)
    there = two.vectors.current("songs") or ""
    live.rollback(two)

    with pytest.raises(Withdrawn, match="segue models promote"):
        live.flip(two, there, second)
    live.promote(two, second)

    assert two.vectors.current("songs") == there
    assert live.model(two) == alias(two) == second


def test_an_unknown_model_is_refused_with_those_there_are(two: Context):
    with pytest.raises(NoSuchModel, match=", ".join(models(two))):
        live.promote(two, "als/100000")


def test_without_a_live_model_there_is_nothing_to_roll_back(context: Context):
    with pytest.raises(NothingLive, match="job --all"):
        live.rollback(context)


@pytest.mark.parametrize(
    "dying",
    [
        pytest.param(
            lambda two: replace(two, vectors=DyingVectors(two.vectors, after=True)), id="at the pointer"
        ),
        pytest.param(lambda two: replace(two, registry=dying_registry), id="before the alias"),
    ],
)
def test_killed_between_pointer_and_alias_the_alias_is_set_at_the_next_start(
    two: Context, dying: Callable[[Context], Context]
):
    first, second = models(two)
    with pytest.raises(Killed):
        live.rollback(dying(two))
    stale = alias(two)

    mended = live.reconcile(two)

    assert stale == second
    assert mended == live.model(two) == alias(two) == first
    assert live.reconcile(two) is None


def test_killed_before_the_pointer_a_rollback_is_finished_by_the_next_publication(two: Context):
    first, second = models(two)
    with pytest.raises(Killed):
        live.rollback(replace(two, vectors=DyingVectors(two.vectors, after=False)))
    before = live.model(two)

    run("song_vectors", two)

    assert before == second
    assert live.model(two) == alias(two) == first


def test_a_flip_that_never_happened_is_nothing_to_go_back_to(two: Context):
    first, second = models(two)
    with pytest.raises(UnknownVersion):
        live.flip(two, "never-published", "als/99")

    change = live.rollback(two)

    assert (change.before, change.model) == (second, first)


def test_reconciling_what_is_right_does_not_open_the_registry(two: Context):
    assert live.reconcile(replace(two, registry=dying_registry)) is None


def test_an_alias_that_somebody_moved_by_hand_is_set_right_when_asked_thoroughly(two: Context):
    first, second = models(two)
    two.registry().set_live(first)

    assert live.reconcile(two) is None
    assert live.reconcile(two, thoroughly=True) == second == alias(two)


def test_the_journal_forgets_old_flips_but_nothing_said_by_hand(
    two: Context, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(journal, "KEPT", 5)
    first, second = models(two)
    live.rollback(two)

    for number in range(20):
        journal.add(two.blobs, journal.Entry("flip", first, f"v{number}", ""))

    kept = journal.read(two.blobs)
    assert len(kept.entries) < 20
    assert kept.withdrawn == {second}
    assert kept.version_of(first) == "v19"
    assert kept.version_of(second) is not None
