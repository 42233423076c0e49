"""`segue follow` shows one play on its way, and docs/journey.md tells of the same stops."""

import re
from itertools import pairwise

import pytest

from cli.follow import STOPS
from foundation.settings import REPOSITORY
from tests.journeys.conftest import Platform

pytestmark = pytest.mark.slow

JITTER = 0.1  # seconds: two places are looked at side by side, each every few hundredths


def stops_in(text: str) -> list[tuple[str, str]]:
    """Each stop that a text of the command tells of, with the time before it, in the order of the text."""
    names = "|".join(STOPS)
    return [
        (name, after)
        for after, name in re.findall(rf"^ *(\d+\.\d+ s|later|–) +({names}) ", text, re.MULTILINE)
    ]


def test_a_play_is_followed_through_every_stop_to_another_feed(platform: Platform) -> None:
    told = platform.segue("follow", "--listener", "world:l0000005")

    stops = stops_in(told)
    after = {name: float(seconds.removesuffix(" s")) for name, seconds in stops if seconds != "later"}
    assert [name for name, _ in stops] == list(STOPS)
    assert stops[-1][1] == "later"
    on_the_way = ("the door", "the log", "the shipper", "the recent songs", "the feed")
    assert all(after[one] <= after[other] + JITTER for one, other in pairwise(on_the_way))
    assert after["the shipper"] <= after["the warehouse"] + JITTER
    assert after["the feed"] - after["the door"] < 1.0


def test_what_follow_prints_is_what_there_is(platform: Platform) -> None:
    with platform.client("world:l0000006") as listener:
        before = listener.get("/recommendations").json()
        told = " ".join(platform.segue("follow", "--listener", str(before["user_id"])).split())
        after = listener.get("/recommendations").json()

    played = before["items"][0]
    assert f"Listener {before['user_id']} plays “{played['title']}”" in told
    assert "202 Accepted" in told
    assert re.search(r"api-\S+\.open holds the play \([\d,]+ bytes\), synced to disk", told)
    assert re.search(r"\.segment \([\d,]+ bytes\) is closed and read; gone at \d", told)
    assert "1 row in listens: recommended" in told
    assert f"made by {after['policy']} from {after['model']}, version {after['version']}" in told
    assert after["policy"] == "als-fold-in"
    assert played["song_id"] not in {item["song_id"] for item in after["items"]}
    came = {item["song_id"] for item in after["items"]} - {item["song_id"] for item in before["items"]}
    assert all(item["title"] in told for item in after["items"] if item["song_id"] in came)


def test_any_song_may_be_followed(platform: Platform) -> None:
    with platform.client("world:l0000007") as listener:
        feed = listener.get("/recommendations", params={"limit": 60}).json()
    song = feed["items"][-1]["song_id"]

    told = platform.segue("follow", "--listener", "world:l0000007", "--song", str(song))

    assert f"plays song {song}, which is not on their feed" in told
    assert [name for name, _ in stops_in(told)] == list(STOPS)


def test_a_song_that_is_not_there_is_refused_in_one_line(platform: Platform) -> None:
    assert "no song 999999999" in platform.segue("follow", "--song", "999999999", status=1)
    assert "names no listener" in platform.segue("follow", "--listener", "world:nobody", status=1)


def test_the_page_tells_of_the_stops_that_the_command_prints() -> None:
    page = (REPOSITORY / "docs" / "journey.md").read_text()

    in_the_table = re.findall(r"^\| \d+ \| ([^|]+?) \|", page, re.MULTILINE)
    in_the_prose = re.findall(r"^## \d+\. (.+)$", page, re.MULTILINE)
    assert in_the_table == in_the_prose == list(STOPS)
    assert [name for name, _ in stops_in(page)] == list(STOPS)
