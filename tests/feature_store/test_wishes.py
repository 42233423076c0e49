"""What listeners told outright, in Redis: whatever comes twice or late, the newest word holds."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from feature_store.definitions import FEATURES, RECENT_SONGS, WISH_VERSIONS, WISHES
from feature_store.online import ListenersOnline, RecentSongsSink, lately_of
from feature_store.wishes import LISTENERS, WORDS, Preferences, Wishes, keep_now
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FeedbackGiven,
    FollowChanged,
    OpinionChanged,
    PreferencesChanged,
)
from foundation.engines.redis import Redis, open_redis_async
from foundation.errors import Unreachable
from foundation.ids import UserId
from tests.conftest import Engines
from tests.feature_store.conftest import listen

pytestmark = pytest.mark.anyio
NOWHERE = "redis://127.0.0.1:9"  # nothing listens on the discard port


async def wishes_of(engines: Engines, listener: UserId) -> Wishes:
    client = open_redis_async(engines.redis)
    try:
        return (await ListenersOnline(client).of(listener)).wishes
    finally:
        await client.aclose()


def ids(told: Wishes) -> dict[str, list[int]]:
    """The sets that are not empty."""
    named = {feature.name: sorted(getattr(told, feature.name).tolist()) for feature in WISHES}
    return {name: found for name, found in named.items() if found}


def opinion(listener: UserId, target: int, said: str, version: int, kind: str = "song") -> OpinionChanged:
    return OpinionChanged(
        listener_id=listener,
        kind=kind,  # type: ignore[arg-type]
        target_id=target,
        opinion=said,  # type: ignore[arg-type]
        version=version,
    )


async def test_everything_told_is_read_at_once(engines: Engines, redis: Redis, listener: UserId) -> None:
    told: list[Event] = [
        opinion(listener, 1, "love", 1),
        opinion(listener, 2, "hide", 1),
        opinion(listener, 1, "hide", 1, kind="artist"),
        opinion(listener, 2, "love", 1, kind="artist"),
        FollowChanged(listener_id=listener, kind="artist", target_id=3, is_following=True, version=1),
        FollowChanged(listener_id=listener, kind="listener", target_id=4, is_following=True, version=1),
        BlockChanged(listener_id=listener, blocked_id=5, is_blocked=True, version=1),
        PreferencesChanged(
            listener_id=listener, allows_explicit=False, language="mi", genres=("jazz",), version=1
        ),
    ]

    RecentSongsSink(redis).apply(["s1"], told)

    wishes = await wishes_of(engines, listener)
    assert ids(wishes) == {
        "loved_songs": [1],
        "hidden_songs": [2],
        "loved_artists": [2],
        "hidden_artists": [1],
        "followed_artists": [3],
        "followed_listeners": [4],
        "blocked_listeners": [5],
    }
    assert wishes.preferences == Preferences(allows_explicit=False, language="mi", genres=("jazz",))


async def test_who_told_nothing_has_the_defaults(engines: Engines, listener: UserId) -> None:
    wishes = await wishes_of(engines, listener)

    assert ids(wishes) == {}
    assert wishes.preferences == Preferences()


async def test_a_later_word_takes_an_earlier_one_back(
    engines: Engines, redis: Redis, listener: UserId
) -> None:
    sink = RecentSongsSink(redis)

    sink.apply(["s1"], [opinion(listener, 1, "love", 1), opinion(listener, 2, "love", 1)])
    sink.apply(["s2"], [opinion(listener, 1, "hide", 2), opinion(listener, 2, "", 2)])
    sink.apply(["s1"], [opinion(listener, 1, "love", 1), opinion(listener, 2, "love", 1)])

    assert ids(await wishes_of(engines, listener)) == {"hidden_songs": [1]}


@pytest.mark.parametrize("seed", range(5))
async def test_words_in_any_order_leave_the_newest(
    engines: Engines, redis: Redis, listener: UserId, seed: int
) -> None:
    chance = random.Random(seed)
    who = UserId(listener + 3_000_000)
    started_at = 1_790_000_000_000_000  # microseconds, as versions are
    words = [
        opinion(who, chance.randrange(20), chance.choice(["love", "hide", ""]), started_at + number)
        for number in range(300)
    ]
    last = {word.target_id: word.opinion for word in words}
    segments = [words[start : start + 23] for start in range(0, len(words), 23)]
    told = segments + chance.choices(segments, k=5)
    chance.shuffle(told)

    for number, segment in enumerate(told):
        RecentSongsSink(redis).apply([f"s{number}"], segment)

    found = ids(await wishes_of(engines, who))
    for said, name in (("love", "loved_songs"), ("hide", "hidden_songs")):
        assert found.get(name, []) == sorted(target for target, opinion in last.items() if opinion == said)


async def test_more_words_and_listeners_than_travel_together(
    engines: Engines, redis: Redis, listener: UserId
) -> None:
    many = [opinion(listener, song, "love", 1) for song in range(1, WORDS + 100)]
    others = [opinion(UserId(60_000_000 + other), 7, "love", 1) for other in range(LISTENERS + 1)]

    RecentSongsSink(redis).apply(["s1"], [*many, *others])

    assert ids(await wishes_of(engines, listener))["loved_songs"] == list(range(1, WORDS + 100))
    assert ids(await wishes_of(engines, UserId(60_000_000 + LISTENERS))) == {"loved_songs": [7]}


async def test_a_private_play_leaves_nothing(redis: Redis, listener: UserId) -> None:
    private = listen(listener, 7, 1, is_private=True)

    RecentSongsSink(redis).apply(["s1"], [private])

    assert not lately_of(redis, [listener])[listener].is_known
    assert not redis.exists(*(feature.key(listener) for feature in FEATURES))


async def test_wishes_are_kept_for_good(redis: Redis, listener: UserId) -> None:
    RecentSongsSink(redis).apply(["s1"], [opinion(listener, 1, "love", 1), listen(listener, 7, 1)])

    assert redis.ttl(WISH_VERSIONS.key(listener)) == -1
    assert redis.ttl(RECENT_SONGS.key(listener)) > 0


def feedback(listener: UserId, version: int, wish: str = "less", **about: object) -> FeedbackGiven:
    told = {"kind": "artist", "target_id": 9} | about
    return FeedbackGiven(listener_id=listener, wish=wish, version=version, **told)  # type: ignore[arg-type]


async def test_the_newest_feedback_on_each_thing_holds_until_it_runs_out(
    engines: Engines, redis: Redis, listener: UserId
) -> None:
    sink, until = RecentSongsSink(redis), datetime(2026, 4, 1, tzinfo=UTC)
    told = [
        feedback(listener, 1),
        feedback(listener, 2, "never", until=until),
        feedback(listener, 3, kind="genre", target_id=0, genre="drum and bass"),
        feedback(listener, 4, "more", kind="song", target_id=9),
    ]

    sink.apply("s1", [*told, feedback(listener, 5, "", kind="song", target_id=9)])
    sink.apply("s0", told)

    artist, genre = (await wishes_of(engines, listener)).feedback
    assert (artist.kind, artist.target_id, artist.wish, artist.until) == ("artist", 9, "never", until)
    assert (artist.holds(until - timedelta(seconds=1)), artist.holds(until)) == (True, False)
    assert (genre.genre, genre.wish, genre.until) == ("drum and bass", "less", None)


async def test_feedback_that_was_just_given_is_there_before_the_log_brings_it(
    engines: Engines, redis: Redis, listener: UserId
) -> None:
    client, told = open_redis_async(engines.redis), feedback(listener, 7, "never")

    await keep_now(client, told)
    at_once = await wishes_of(engines, listener)
    RecentSongsSink(redis).apply("s1", [told])
    await client.aclose()

    assert [each.wish for each in at_once.feedback] == ["never"]
    assert (await wishes_of(engines, listener)).feedback == at_once.feedback


async def test_a_redis_that_is_away_is_said_to_be(listener: UserId) -> None:
    client = open_redis_async(NOWHERE)

    with pytest.raises(Unreachable):
        await ListenersOnline(client).of(listener)
