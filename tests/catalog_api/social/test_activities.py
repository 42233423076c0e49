"""Feeds of activities: the same from Redis, from Postgres and from both, and nobody's whom they do not concern."""

import asyncio
import random
import subprocess
from typing import Any

import pytest

from catalog_api.social.activities import repository
from catalog_api.social.activities.copies import keys_of
from catalog_api.social.activities.done import KEPT
from catalog_api.social.activities.service import Activities
from foundation.http.pages import sealed
from foundation.ids import UserId
from tests.catalog_api.api import Api, people
from tests.catalog_api.queries import counted
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio

ANN, BOB, CAT = 1, 2, 3


@pytest.fixture
async def trio(api: Api) -> Api:
    """Ann follows Bob and Cat; nothing else has happened. There are two songs of Queen."""
    settle(api.catalog, town())
    people(api.catalog, "bob", "cat")
    for who in (BOB, CAT):
        await api.as_(ANN).put(f"/me/following/listeners/{who}")
    return api


async def feed_of(api: Api, listener: int, limit: int = 50) -> list[dict[str, Any]]:
    answer = await api.as_(listener).get("/me/feed", params={"limit": limit})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


def in_short(feed: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["user"]["display_name"], each["verb"], each["target"]["name"]) for each in feed]


async def copy_of(api: Api, listener: int) -> list[Any]:
    return list(await api.app.state.redis.zrevrange(keys_of(listener)[0], 0, -1))


async def test_a_feed_is_what_those_one_follows_did_newest_first(trio: Api) -> None:
    await trio.as_(BOB).put("/me/loves/songs/1")
    await trio.as_(CAT).put("/me/following/artists/1")
    await trio.as_(BOB).put("/me/loves/artists/1")
    await trio.as_(CAT).put("/me/following/listeners/2")

    feed = await feed_of(trio, ANN)

    assert in_short(feed) == [
        ("cat", "followed", "bob"),
        ("bob", "loved", "Queen"),
        ("cat", "followed", "Queen"),
        ("bob", "loved", "Bohemian Rhapsody"),
    ]
    assert feed[3]["target"]["artist"] == {"artist_id": 1, "name": "Queen"}
    assert await feed_of(trio, BOB) == []
    assert await feed_of(trio, ANN, limit=2) == feed[:2]


async def test_what_was_undone_is_told_no_more_and_what_is_done_again_is_new(trio: Api) -> None:
    bob = trio.as_(BOB)
    await bob.put("/me/loves/songs/1")
    await bob.put("/me/loves/songs/2")
    await bob.delete("/me/loves/songs/1")
    without = await feed_of(trio, ANN)

    await bob.put("/me/hides/songs/2")
    await bob.put("/me/loves/songs/1")

    assert in_short(without) == [("bob", "loved", "Unfinished")]
    assert in_short(await feed_of(trio, ANN)) == [("bob", "loved", "Bohemian Rhapsody")]


async def test_a_private_session_leaves_no_activity(trio: Api) -> None:
    trio.sql("INSERT INTO preferences (user_id, is_private_session) VALUES (2, true)")

    await trio.as_(BOB).put("/me/loves/songs/1")

    assert await feed_of(trio, ANN) == []
    assert (await trio.as_(BOB).get("/me/loves/songs")).json()["results"] != []


async def test_the_feed_is_the_same_without_redis(
    trio: Api, own_redis: tuple[str, "subprocess.Popen[bytes]"]
) -> None:
    for who, song in ((BOB, 1), (CAT, 2), (CAT, 1), (BOB, 2)):
        await trio.as_(who).put(f"/me/loves/songs/{song}")
    with_redis = await feed_of(trio, ANN)

    own_redis[1].kill()
    own_redis[1].wait()
    without = await feed_of(trio, ANN)
    await trio.as_(BOB).put("/me/following/artists/1")
    after = await feed_of(trio, ANN)

    assert len(with_redis) == 4
    assert without == with_redis
    assert after[1:] == with_redis
    assert in_short(after[:1]) == [("bob", "followed", "Queen")]


async def test_copies_come_back_when_redis_lost_them(trio: Api) -> None:
    for who in (BOB, CAT):
        await trio.as_(who).put("/me/loves/songs/1")
    before, copied = await feed_of(trio, ANN), await copy_of(trio, BOB)

    await trio.app.state.redis.flushall()
    after = await feed_of(trio, ANN)

    assert len(copied) == 1
    assert after == before
    assert await copy_of(trio, BOB) == copied


async def test_a_copy_that_missed_something_is_not_believed(trio: Api) -> None:
    await trio.as_(BOB).put("/me/loves/songs/1")
    kept = await trio.app.state.redis.dump(keys_of(BOB)[0])
    state = await trio.app.state.redis.get(keys_of(BOB)[1])
    await trio.as_(BOB).put("/me/loves/songs/2")

    await trio.app.state.redis.restore(keys_of(BOB)[0], 0, kept, replace=True)
    await trio.app.state.redis.set(keys_of(BOB)[1], state)
    behind = await feed_of(trio, ANN)
    await trio.app.state.redis.unlink(keys_of(BOB)[0])  # as when Redis makes room
    gone = await feed_of(trio, ANN)

    assert len(behind) == 2
    assert gone == behind


async def test_of_each_person_the_newest_thousand_are_kept_in_both(trio: Api) -> None:
    trio.sql("INSERT INTO songs (artist_id, title) SELECT 1, n::text FROM generate_series(3, 1007) AS n")
    trio.sql(
        "INSERT INTO activities (user_id, verb, kind, target_id, happened_at) "
        "SELECT 2, 'loved', 'song', id, now() FROM songs WHERE id BETWEEN 3 AND 1000 ORDER BY id"
    )
    trio.sql("INSERT INTO feeds SELECT 2, 998, max(id) FROM activities")
    await feed_of(trio, ANN)

    for song in range(1001, 1008):
        async with trio.app.state.postgres.writing() as db:
            activities = Activities(db, trio.app.state.redis, trio.clock)
            await activities.add(UserId(BOB), "loved", "song", song)

    kept = trio.sql("SELECT count(*), min(target_id), max(target_id) FROM activities WHERE user_id = 2")
    assert kept == [(KEPT, 8, 1007)]
    assert len(await copy_of(trio, BOB)) == KEPT
    with counted(trio) as queries:
        assert [each["target"]["id"] for each in await feed_of(trio, ANN, limit=3)] == [1007, 1006, 1005]
    assert queries.count == 2


async def test_a_feed_goes_deeper_where_the_newest_may_not_be_told(trio: Api) -> None:
    trio.sql(
        "INSERT INTO songs (id, artist_id, title) SELECT n, 1, 'gone' FROM generate_series(100, 130) AS n"
    )
    await trio.as_(BOB).put("/me/loves/songs/1")
    for song in range(100, 131):
        await trio.as_(CAT).put(f"/me/loves/songs/{song}")
    trio.sql("DELETE FROM songs WHERE id >= 100")

    feed = await feed_of(trio, ANN, limit=5)

    assert in_short(feed) == [("bob", "loved", "Bohemian Rhapsody")]


async def test_who_blocks_the_viewer_is_not_named_in_what_others_did(trio: Api) -> None:
    people(trio.catalog, "dan")
    await trio.as_(BOB).put("/me/following/listeners/4")
    before = await feed_of(trio, ANN)

    await trio.as_(4).put("/me/blocks/1")

    assert in_short(before) == [("bob", "followed", "dan")]
    assert await feed_of(trio, ANN) == []


async def test_after_a_block_neither_hears_of_the_other(trio: Api) -> None:
    await trio.as_(BOB).put("/me/loves/songs/1")
    before = await feed_of(trio, ANN)

    await trio.as_(BOB).put("/me/blocks/1")

    assert len(before) == 1
    assert await feed_of(trio, ANN) == []


async def test_a_playlist_is_told_while_it_is_public(trio: Api) -> None:
    trio.sql(
        "INSERT INTO playlists (id, user_id, name, is_public, created_at, updated_at) "
        "VALUES (7, 2, 'Rain', true, now(), now())"
    )
    async with trio.app.state.postgres.writing() as db:
        await Activities(db, trio.app.state.redis, trio.clock).add(UserId(BOB), "made", "playlist", 7)
    public = await feed_of(trio, ANN)

    trio.sql("UPDATE playlists SET is_public = false")

    assert in_short(public) == [("bob", "made", "Rain")]
    assert await feed_of(trio, ANN) == []


async def test_a_change_that_fails_leaves_no_activity_in_redis(trio: Api) -> None:
    with pytest.raises(RuntimeError):
        async with trio.app.state.postgres.writing() as db:
            await Activities(db, trio.app.state.redis, trio.clock).add(UserId(BOB), "loved", "song", 1)
            raise RuntimeError("the request fails")

    assert await copy_of(trio, BOB) == []
    assert await feed_of(trio, ANN) == []


async def test_one_persons_activities_go_on_at_their_cursor(trio: Api) -> None:
    for path in ("loves/songs/1", "loves/songs/2", "following/artists/1"):
        await trio.as_(BOB).put(f"/me/{path}")
    cat = trio.as_(CAT)

    first = (await cat.get("/users/2/activities", params={"limit": 2})).json()
    rest = (await cat.get("/users/2/activities", params={"cursor": first["next_cursor"]})).json()
    foreign = await cat.get("/users/2/activities", params={"cursor": sealed("x")})

    assert in_short(first["results"] + rest["results"]) == [
        ("bob", "followed", "Queen"),
        ("bob", "loved", "Unfinished"),
        ("bob", "loved", "Bohemian Rhapsody"),
    ]
    assert rest["next_cursor"] is None
    assert foreign.status_code == 422


@pytest.mark.slow
async def test_a_feed_asks_postgres_twice_however_many_are_followed(trio: Api) -> None:
    followed = people(trio.catalog, *(f"p{number}" for number in range(30)))
    trio.sql("INSERT INTO listener_follows SELECT 1, id, now() FROM users WHERE id > 3")
    for who in followed:
        await trio.as_(who).put("/me/loves/songs/1")

    with counted(trio) as queries:
        feed = await feed_of(trio, ANN, limit=20)

    assert len(feed) == 20
    assert queries.count == 2


@pytest.mark.slow
async def test_when_all_copies_are_lost_a_feed_makes_some_of_them_anew(trio: Api) -> None:
    followed = people(trio.catalog, *(f"p{number}" for number in range(30)))
    trio.sql("INSERT INTO listener_follows SELECT 1, id, now() FROM users WHERE id > 3")
    for who in followed:
        await trio.as_(who).put("/me/loves/songs/1")
    before = await feed_of(trio, ANN)
    await trio.app.state.redis.flushall()

    feeds = [await feed_of(trio, ANN) for _ in range(4)]
    with counted(trio) as queries:
        again = await feed_of(trio, ANN)

    assert all(feed == before for feed in feeds)
    assert again == before
    assert queries.count == 2


@pytest.mark.slow
async def test_whatever_happens_at_once_redis_and_postgres_tell_the_same(trio: Api) -> None:
    chance = random.Random(7)
    trio.sql("INSERT INTO songs (artist_id, title) SELECT 1, n::text FROM generate_series(3, 12) AS n")

    async def live(who: int) -> None:
        client = trio.as_(who)
        for _ in range(25):
            method = chance.choice((client.put, client.put, client.delete))
            await method(f"/me/{chance.choice(('loves', 'hides'))}/songs/{chance.randint(1, 12)}")
            if chance.random() < 0.05:
                await trio.app.state.redis.unlink(*chance.sample(keys_of(who), chance.randint(1, 2)))
            await feed_of(trio, ANN)

    await asyncio.gather(*(live(who) for who in (BOB, BOB, CAT, CAT)))
    from_redis = await feed_of(trio, ANN, limit=100)
    loved = trio.sql("SELECT user_id, song_id FROM song_opinions WHERE opinion = 'love'")

    async with trio.app.state.postgres.reading() as db:
        kept = await repository.newest(db, [BOB, CAT], KEPT)
    from_postgres = sorted((done.id for theirs in kept.values() for done in theirs), reverse=True)
    assert [each["activity_id"] for each in from_redis] == from_postgres
    assert {(each["user"]["user_id"], each["target"]["id"]) for each in from_redis} == set(loved)


@pytest.mark.slow
async def test_however_unevenly_people_are_active_the_newest_of_all_are_told(trio: Api) -> None:
    chance = random.Random(11)
    people(trio.catalog, *(f"p{number}" for number in range(20)))
    trio.sql("INSERT INTO listener_follows SELECT 1, id, now() FROM users WHERE id > 3")
    trio.sql("INSERT INTO songs (artist_id, title) SELECT 1, n::text FROM generate_series(3, 300) AS n")
    weights = [2.0 ** -(number / 2) for number in range(22)]
    who = chance.choices(range(2, 24), weights, k=300)
    trio.sql(
        "INSERT INTO activities (user_id, verb, kind, target_id, happened_at) "
        "SELECT listener, 'loved', 'song', song, now() "
        "FROM unnest(%s::bigint[]) WITH ORDINALITY AS told (listener, song) ORDER BY song",
        who,
    )
    trio.sql(
        "INSERT INTO feeds SELECT user_id, 1, max(id) FROM activities WHERE user_id > 1 GROUP BY user_id"
    )

    for limit in (1, 2, 7, 20, 50, 100):
        for _ in range(3):  # the first times some copies are missing
            told = [each["target"]["id"] for each in await feed_of(trio, ANN, limit=limit)]
            assert told == list(range(300, 300 - limit, -1))
