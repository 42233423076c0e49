"""A person's export holds their feedback, and forgetting them removes it."""

import json

import pytest

from feature_store import forget
from feature_store.definitions import FEEDBACK, MIXES
from feature_store.online import ListenersOnline, RecentSongsSink
from foundation.contracts.events import FeedbackGiven
from foundation.engines.redis import open_redis, open_redis_async
from foundation.ids import UserId
from gateway.kept import feedback_of
from tests.conftest import Engines

pytestmark = pytest.mark.anyio
ANN = UserId(73_001)


async def test_feedback_is_in_the_export_and_goes_with_the_account(engines: Engines) -> None:
    redis, online = open_redis(engines.redis), open_redis_async(engines.redis)
    told = FeedbackGiven(
        listener_id=ANN, kind="artist", target_id=9, wish="never", version=1_772_366_400_000_000
    )
    RecentSongsSink(redis).apply("s1", [told])
    redis.set(MIXES.key(ANN), "[]")
    elsewhere = feedback_of(ListenersOnline(online))

    before = json.loads(await elsewhere.of(ANN))
    held = forget.held(redis, ANN, [])
    forget.forget(redis, ANN, [])
    after = json.loads(await elsewhere.of(ANN))
    await online.aclose()

    assert before == [
        {
            "kind": "artist",
            "target_id": 9,
            "genre": "",
            "wish": "never",
            "until": None,
            "given_at": "2026-03-01T12:00:00Z",
        }
    ]
    assert {FEEDBACK.name, MIXES.name} <= held.keys()
    assert (after, forget.held(redis, ANN, [])) == ([], {})
