"""The job that writes back: it looks at everyone or at those who are named, says what it did, and needs to do it once."""

from dataclasses import replace

import pytest

from feature_store.online import lately_of
from foundation.clock import utc_now
from foundation.engines.redis import Redis, open_redis
from foundation.errors import Unreachable
from foundation.ids import UserId
from pipelines.context import Context
from pipelines.run import NotOfListeners, run
from tests.pipelines.conftest import TOWN, World

NAME = "online_features"
pytestmark = pytest.mark.slow


def test_everyone_is_written_back_once(world: World, context: Context, redis: Redis):
    world.settle_checkerboard_town()
    world.import_count(TOWN + 2, 101, 3, at=utc_now())
    steps: list[float] = []
    online = replace(context, progress=lambda _, part: steps.append(part))

    first, second = run(NAME, online), run(NAME, online)

    lately = lately_of(redis, [UserId(1), UserId(TOWN + 1), UserId(TOWN + 2)])
    assert first.changed
    assert (
        first.summary == f"{TOWN + 2} listeners: {TOWN + 2} written, 0 changed, 0 left as they were; 0 songs"
    )
    assert not second.changed
    assert (
        second.summary == f"{TOWN + 2} listeners: 0 written, 0 changed, {TOWN + 2} left as they were; 0 songs"
    )
    assert sorted(lately[UserId(1)].song_ids) == list(range(103, 101 + TOWN, 2))
    assert [each.country for each in lately.values()] == ["NL", "NL", ""]
    assert lately[UserId(TOWN + 2)].heard.tolist() == [101]
    assert steps == [1.0, 1.0]


def test_those_who_are_named_are_written_back_alone(world: World, context: Context, redis: Redis):
    world.settle_checkerboard_town()

    result = run(NAME, replace(context, listeners=[3, 2, 3, 4040]))

    lately = lately_of(redis, [UserId(listener) for listener in range(1, 5)])
    assert [each.is_known for each in lately.values()] == [False, True, True, False]
    assert result.summary.startswith("2 listeners: 2 written")
    assert result.summary.endswith("; 1 silent")


def test_in_an_empty_world_there_is_nothing_to_write(world: World, context: Context, redis: Redis):
    result = run(NAME, context)

    assert (result.changed, redis.dbsize()) == (False, 0)


def test_a_redis_that_is_away_is_said_to_be(world: World, context: Context):
    world.settle_checkerboard_town()

    with open_redis("redis://127.0.0.1:9") as nobody, pytest.raises(Unreachable):
        run(NAME, replace(context, redis=nobody))


def test_a_job_of_everyone_is_not_run_for_some(context: Context):
    with pytest.raises(NotOfListeners):
        run("interactions", replace(context, listeners=[1]))
