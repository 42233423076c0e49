"""GET /me/history/export: all of one's own listens as ListenBrainz takes them, the oldest first."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from catalog_api.history import export
from tests.catalog_api.api import Api
from tests.catalog_api.history.test_history import ANN, listened, play
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio


@pytest.fixture
def api(api: Api) -> Api:
    settle(api.catalog, town())
    return api


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_listen_is_told_as_listenbrainz_takes_it(api: Api) -> None:
    early, late = play(0, played_ms=40_500), play(5, song_id=2)
    listened(api, late, early)

    answer = await api.as_(ANN).get("/me/history/export")

    assert answer.headers["content-type"] == "application/x-ndjson"
    first, second = lines_of(answer)
    assert first == {
        "listened_at": 1_772_366_400,
        "track_metadata": {
            "artist_name": "Queen",
            "track_name": "Bohemian Rhapsody",
            "release_name": "A Night at the Opera",
            "additional_info": {
                "media_player": "Segue",
                "submission_client": "Segue",
                "duration_played": 40,
                "duration_ms": 354_320,
                "segue_play_id": str(early.play_id),
                "segue_played_at": "2026-03-01T12:00:00.000Z",
                "segue_played_ms": 40_500,
            },
        },
    }
    assert "release_name" not in second["track_metadata"]


async def test_it_is_whole_over_many_pages_and_ones_own(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 7)
    plays = [play(minute // 5, play_id=UUID(int=1 + minute * 7919 % 50)) for minute in range(50)]
    listened(api, *plays, *(play(-60 * 24 * 40 * number) for number in range(1, 6)), play(listener_id=2))

    of_ann, of_another = [await api.as_(who).get("/me/history/export") for who in (ANN, 3)]

    told = [line["track_metadata"]["additional_info"]["segue_play_id"] for line in lines_of(of_ann)]
    assert len(told) == len(set(told)) == 55
    oldest_first = sorted(plays, key=lambda one: (one.started_at, one.play_id.int))
    assert told[5:] == [str(one.play_id) for one in oldest_first]
    assert (of_another.status_code, of_another.content) == (200, b"")


async def test_a_song_without_a_name_is_left_out_and_nobody_has_a_history(api: Api) -> None:
    listened(api, play(), play(1, song_id=2))
    api.sql("DELETE FROM songs WHERE id = 1")

    answer, of_nobody = [await api.as_(who).get("/me/history/export") for who in (ANN, None)]

    assert [line["track_metadata"]["track_name"] for line in lines_of(answer)] == ["Unfinished"]
    assert of_nobody.status_code == 401


async def test_what_is_heard_after_it_began_is_not_in_it(api: Api) -> None:
    listened(api, play(), play((api.clock() + timedelta(days=1) - play().started_at) / timedelta(minutes=1)))

    answer = await api.as_(ANN).get("/me/history/export")

    assert len(lines_of(answer)) == 1
