"""GET /me/history: a listener's own listens, newest first, in parts that lose and repeat nothing."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from catalog_api.history.sink import HistorySink
from foundation.contracts.events import ListenRemoved, PlaybackEvent
from foundation.http.pages import sealed
from tests.catalog_api.api import Api
from tests.catalog_api.queries import counted
from tests.catalog_api.world import settle, town
from tests.event_log.plays import NOON, make_play

pytestmark = pytest.mark.anyio
ANN = 1


@pytest.fixture
def api(api: Api) -> Api:
    settle(api.catalog, town())
    return api


def listened(api: Api, *plays: PlaybackEvent) -> None:
    sink = HistorySink(api.catalog, lambda: NOON)
    sink.apply(["a-1"], plays)
    sink.close()


def play(minute: float = 0, **told: object) -> PlaybackEvent:
    at = NOON + timedelta(minutes=minute)
    return make_play(**{"listener_id": ANN, "song_id": 1, "started_at": at, **told})


async def test_it_is_told_newest_first_with_names(api: Api) -> None:
    early, late = play(0), play(5, song_id=2, source="recommended")
    listened(api, early, late)

    answer = await api.as_(ANN).get("/me/history")

    assert answer.status_code == 200
    assert answer.json() == {
        "results": [
            {
                "song_id": 2,
                "title": "Unfinished",
                "artist": {"artist_id": 1, "name": "Queen"},
                "played_at": "2026-03-01T12:05:00Z",
                "played_ms": 40_000,
                "source": "recommended",
                "play_id": str(late.play_id),
            },
            {
                "song_id": 1,
                "title": "Bohemian Rhapsody",
                "artist": {"artist_id": 1, "name": "Queen"},
                "played_at": "2026-03-01T12:00:00Z",
                "played_ms": 40_000,
                "source": "organic",
                "play_id": str(early.play_id),
            },
        ],
        "next_cursor": None,
    }


async def test_it_is_ones_own(api: Api) -> None:
    listened(api, play())

    of_another, of_nobody = await api.as_(2).get("/me/history"), await api.as_().get("/me/history")

    assert of_another.json() == {"results": [], "next_cursor": None}
    assert of_nobody.status_code == 401


async def test_parts_lose_and_repeat_nothing_where_many_begin_in_the_same_moment(api: Api) -> None:
    plays = [play(minute // 7, play_id=UUID(int=1 + minute * 7919 % 50)) for minute in range(50)]
    months_ago = [play(-60 * 24 * 40 * number) for number in range(1, 8)]
    listened(api, *plays, *months_ago)

    found: list[str] = []
    cursor: str | None = None
    while True:
        asked = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        answer = (await api.as_(ANN).get("/me/history", params=asked)).json()
        found += [heard["play_id"] for heard in answer["results"]]
        if (cursor := answer["next_cursor"]) is None:
            break

    newest_first = sorted(
        [*plays, *months_ago], key=lambda told: (told.started_at, told.play_id.int), reverse=True
    )
    assert found == [str(told.play_id) for told in newest_first]


async def test_a_part_is_cut_by_its_moments(api: Api) -> None:
    listened(api, *(play(minute) for minute in range(5)))

    answer = await api.as_(ANN).get(
        "/me/history", params={"from": "2026-03-01T12:01:00Z", "to": "2026-03-01T14:03:00+02:00"}
    )

    assert [heard["played_at"] for heard in answer.json()["results"]] == [
        "2026-03-01T12:02:00Z",
        "2026-03-01T12:01:00Z",
    ]


async def test_a_song_that_left_the_catalog_keeps_its_place(api: Api) -> None:
    listened(api, play())
    api.sql("DELETE FROM songs WHERE id = 1")

    answer = await api.as_(ANN).get("/me/history")

    [heard] = answer.json()["results"]
    assert (heard["song_id"], heard["title"], heard["artist"]) == (1, None, None)


async def test_it_costs_one_query_however_long_the_part(api: Api) -> None:
    listened(api, *(play(minute) for minute in range(150)))

    with counted(api) as queries:
        answer = await api.as_(ANN).get("/me/history?limit=100")

    assert len(answer.json()["results"]) == 100
    assert queries.count == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "yesterday"},
        {"from": "1772366400"},
        {"to": "2026-03-01T12:00:00"},
        {"to": "0001-01-01T00:00:00+14:00"},
        {"from": "9999-12-31T23:59:59-14:00"},
        {"cursor": "nonsense"},
        {"cursor": sealed(1)},
        {"cursor": sealed("x", "y")},
        {"cursor": sealed(2**63, "0" * 32)},
        {"cursor": sealed(0, "z" * 32)},
        {"limit": "0"},
        {"limit": "101"},
    ],
)
async def test_what_is_no_question_is_refused(api: Api, asked: dict[str, str]) -> None:
    answer = await api.as_(ANN).get("/me/history", params=asked)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_a_part_is_read_month_by_month_by_its_index(api: Api) -> None:
    plays = [play(-60 * 24 * 30 * (number % 24), song_id=2) for number in range(2_000)]
    listened(api, *plays)
    api.sql("ANALYZE listening_history")
    before = datetime.fromisoformat("2025-06-01T00:00:00Z")

    asked = (
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT * FROM listening_history WHERE user_id = 1 "
        "AND played_at <= %s ORDER BY played_at DESC, play_id DESC LIMIT 20"
    )
    plan = "\n".join(line for (line,) in api.sql(asked, before))

    assert "listening_history_2026_03" not in plan
    assert "never executed" in plan
    assert "user_id_played_at_idx" in plan


async def test_a_listen_that_is_taken_out_counts_no_more_and_is_told(api: Api) -> None:
    kept, gone = play(0), play(60)
    listened(api, kept, gone)
    ann, bob = api.as_(1), api.as_(2)

    foreign = await bob.delete(f"/me/history/{gone.play_id}")
    first = await ann.delete(f"/me/history/{gone.play_id}")
    again = await ann.delete(f"/me/history/{gone.play_id}")

    assert [answer.status_code for answer in (foreign, first, again)] == [404, 204, 404]
    left = (await ann.get("/me/history")).json()["results"]
    assert [listen["play_id"] for listen in left] == [str(kept.play_id)]
    assert api.sql("SELECT play_count FROM songs WHERE id = 1") == [(1,)]
    (told,) = [event for event in api.outbox() if isinstance(event, ListenRemoved)]
    assert (told.play_id, told.listener_id, told.song_id, told.started_at) == (
        gone.play_id,
        1,
        1,
        gone.started_at,
    )
