"""Who operates the platform lists its models, goes back to an earlier one, and takes a model up again."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from foundation.clock import utc_now
from foundation.ids import new_play_id
from tests.journeys.conftest import Platform

pytestmark = pytest.mark.slow

LISTENER = "world:l0000005"
FOLLOWS_WITHIN = 3.0  # seconds: a process looks at the pointer every second, and then loads


@pytest.fixture(scope="module")
def two_models(platform: Platform) -> Iterator[tuple[str, str]]:
    """Something was heard after the first training, and everything was trained again. At the end the newest is live."""
    with platform.client(LISTENER) as listener:
        song = listener.get("/recommendations").json()["items"][0]["song_id"]
        play = {"play_id": str(new_play_id(utc_now())), "played_ms": 61_000}
        assert listener.post(f"/songs/{song}/play", json=play).status_code == httpx.codes.ACCEPTED
    end = time.monotonic() + 60
    while len(listed(platform)) < 2:
        assert time.monotonic() < end
        platform.segue("job", "--all")
    newest, earlier, *_ = (each["model"] for each in listed(platform))
    yield earlier, newest
    platform.segue("models", "promote", newest)


def listed(platform: Platform) -> list[dict[str, Any]]:
    return list(json.loads(platform.segue("models", "list", "--json")))


def live_in_list(platform: Platform) -> list[str]:
    return [each["model"] for each in listed(platform) if "live" in each["standing"]]


def served(platform: Platform, wanted: str) -> str:
    """The model that answers, as soon as it is the wanted one, or when that takes too long."""
    with platform.client(LISTENER) as listener:
        end = time.monotonic() + FOLLOWS_WITHIN
        while True:
            model = str(listener.get("/recommendations").json()["model"])
            if model == wanted or time.monotonic() > end:
                return model
            time.sleep(0.05)


def test_each_model_is_listed_with_its_data_its_quality_and_the_gates_word(
    platform: Platform, two_models: tuple[str, str]
) -> None:
    earlier, newest = two_models

    told, table = listed(platform), platform.segue("models", "list")

    assert [each["model"] for each in told[:2]] == [newest, earlier]
    assert [each["standing"] for each in told[:2]] == [["live"], []]
    assert all(
        each["gate"] == "passed" and each["reason"].startswith("better than most popular") for each in told
    )
    assert all(low <= mean <= high for each in told for mean, low, high in (each["recall"], each["ndcg"]))
    assert all(each["ndcg"][0] > each["popular_ndcg"] for each in told)
    assert all(each["knn_ndcg"] > each["popular_ndcg"] for each in told)
    assert 0 < told[0]["beside_live"]["overlap"] <= 1
    assert told[0]["beside_live"]["live"] == earlier
    assert told[0]["cohorts"]["light"]["judged"] > 0
    assert all(each["judged_by"].startswith("what was first listened to from") for each in told)
    assert newest in table
    assert "passed" in table


def test_a_rollback_and_a_promotion_are_served_within_seconds(
    platform: Platform, two_models: tuple[str, str]
) -> None:
    earlier, newest = two_models

    said = platform.segue("models", "rollback")
    after_rollback = served(platform, earlier)
    platform.segue("job", "song_vectors")
    after_publication, standing = served(platform, newest), listed(platform)[0]["standing"]
    tried = platform.segue("models", "promote", newest, "--dry-run")
    still = live_in_list(platform)
    promoted = platform.segue("models", "promote", newest)

    assert f"{earlier} is live, {newest} no more" in said
    assert f"Beside {earlier}, for" in tried
    assert "overlap@20" in tried
    assert "Shown more: " in tried
    assert still == [earlier]
    assert f"Beside {earlier}, for" in promoted
    assert f"{newest} is live, {earlier} no more" in promoted
    assert after_rollback == after_publication == earlier
    assert standing == ["rolled back"]
    assert served(platform, newest) == newest
    assert live_in_list(platform) == [newest]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("promote", "rubbish"), "names no model"),
        (("promote", "als/99999"), "there are: als/"),
        (("promote", "als/-1"), "names no model"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(
    platform: Platform, words: tuple[str, ...], told: str
) -> None:
    said = platform.segue("models", *words, status=1)

    assert told in said
    assert len(said.splitlines()) == 1
