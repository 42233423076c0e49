"""An import from the request to the warehouse: what it takes, what it tells, and that it is done once whatever dies."""

import sys
import threading
from typing import Any

import pytest

from foundation.engines import postgres
from tests.catalog_api.history_imports.conftest import COMMAND, Listening, export, play, zipped

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PLAYS = [
    *(play(minute) for minute in range(5)),
    play(10, "Halo (Single Versions)", "Beyonce"),
    *(play(minute, "Innuendo Live") for minute in (20, 21)),
    play(30, "La Bamba", "Los Lobos"),
    {"ts": "2024-03-01T13:00:00Z", "ms_played": 1, "episode_name": "A podcast"},
]


def numbers(told: dict[str, Any]) -> tuple[int, ...]:
    """Rows, accepted, duplicate, unmatched and refused."""
    outcome = told["outcome"]
    return tuple(outcome[each] for each in ("rows", "accepted", "duplicate", "unmatched", "refused"))


async def test_plays_of_songs_that_the_catalog_has_are_in_every_store(listening: Listening) -> None:
    sent = await listening.send(export(PLAYS), name="endsong_0.json")
    before = await listening.told(sent)

    listening.work()

    told = await listening.told(sent)
    assert (before["status"], before["name"], before["outcome"]) == ("waiting", "endsong_0.json", None)
    assert (told["status"], numbers(told)) == ("done", (10, 6, 0, 3, 1))
    assert told["outcome"]["refused_because"] == {"not music": 1}
    assert told["outcome"]["songs"] == {
        "known": {"songs": 0, "rows": 0},
        "exact": {"songs": 1, "rows": 5},
        "alike": {"songs": 1, "rows": 1},
        "near": {"songs": 1, "rows": 2},
        "new": {"songs": 1, "rows": 1},
    }
    assert [each["title"] for each in told["outcome"]["unmatched_songs"]] == [
        "Innuendo Live",
        "La Bamba",
    ]
    assert told["outcome"]["matched_by_least"][0]["closest"]["song_id"] == 3
    assert listening.listens() == 6
    assert (
        listening.place.number("SELECT count() FROM listens WHERE source = 'imported' AND song_id = 1") == 5
    )


async def test_it_makes_no_song_and_no_name_of_one(listening: Listening) -> None:
    await listening.send(export(PLAYS))

    listening.work()

    assert listening.api.sql("SELECT (SELECT count(*) FROM songs), (SELECT count(*) FROM artists)") == [
        (3, 2)
    ]
    assert listening.api.sql("SELECT count(*) FROM external_ids") == [(0,)]
    assert listening.api.sql("SELECT count(*) FROM outbox") == [(0,)]


async def test_a_preview_tells_the_same_and_takes_nothing(listening: Listening) -> None:
    looked = await listening.send(export(PLAYS), preview=True)
    listening.work()
    brought = await listening.send(export(PLAYS))
    listening.work()

    preview, done = await listening.told(looked), await listening.told(brought)
    again = await listening.send(export(PLAYS), preview=True)
    listening.work()
    assert preview["is_preview"]
    assert preview["outcome"] == done["outcome"]
    assert numbers(await listening.told(again)) == (10, 0, 6, 3, 1)
    assert listening.listens() == 6


async def test_the_threshold_is_the_listeners(listening: Listening) -> None:
    strict = await listening.send(export(PLAYS), preview=True, threshold=1)
    loose = await listening.send(export(PLAYS), preview=True, threshold=0.4)

    listening.work(2)

    assert numbers(await listening.told(strict)) == (10, 5, 0, 4, 1)
    assert numbers(await listening.told(loose)) == (10, 8, 0, 1, 1)


async def test_the_same_file_again_adds_nothing_and_a_longer_one_the_rest(listening: Listening) -> None:
    sent = [
        await listening.send(data)
        for data in (
            export(PLAYS),
            zipped(endsong_0=export(PLAYS)),
            export([*PLAYS, play(40, "Killer Queen")]),
        )
    ]

    listening.work(3)

    told = [numbers(await listening.told(each)) for each in sent]
    assert told == [(10, 6, 0, 3, 1), (10, 0, 6, 3, 1), (11, 1, 6, 3, 1)]
    assert listening.listens() == 7


async def test_two_listeners_may_bring_the_same_file(listening: Listening) -> None:
    await listening.send(export(PLAYS))
    (bob,) = listening.api.sql("INSERT INTO users (display_name) VALUES ('bob') RETURNING id")[0]
    await listening.api.as_(bob).post("/me/history/import", content=export(PLAYS))

    listening.work(2)

    assert listening.listens() == 6
    assert listening.place.number(f"SELECT count() FROM listens WHERE listener_id = {bob}") == 6  # noqa: S608


@pytest.mark.parametrize("records", [0, 1, 2])
async def test_killed_half_way_it_goes_on_and_each_play_is_there_once(
    listening: Listening, records: int
) -> None:
    sent = await listening.send(export(PLAYS))
    listening.worker.command = (
        sys.executable,
        "-m",
        "tests.catalog_api.history_imports.dying",
        str(records),
    )
    listening.work()
    killed = await listening.told(sent)

    listening.worker.command = COMMAND
    listening.work()

    told = await listening.told(sent)
    assert (killed["status"], killed["progress"]["stage"]) == ("running", "importing")
    assert (told["status"], numbers(told)) == ("done", (10, 6 - 2 * records, 2 * records, 3, 1))
    assert listening.listens() == 6
    assert listening.kept == []


async def test_a_file_that_kills_every_process_is_given_up(listening: Listening) -> None:
    sent = await listening.send(export(PLAYS))
    listening.worker.command = (sys.executable, "-c", "raise SystemExit(9)")

    listening.work(4)

    told = await listening.told(sent)
    assert (told["status"], told["problem"]["code"]) == ("failed", "history-import-failed")
    assert listening.kept == []


async def test_a_process_that_takes_too_much_memory_ends_and_nothing_else_does(listening: Listening) -> None:
    sent = await listening.send(export(PLAYS))
    eats = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28)); bytearray(2**30)"
    listening.worker.command = (sys.executable, "-c", eats)

    listening.work()

    assert (await listening.told(sent))["status"] == "waiting"
    assert listening.api.sql("SELECT crashes FROM history_imports") == [(1,)]


async def test_while_a_store_is_away_it_waits(listening: Listening) -> None:
    sent = await listening.send(export(PLAYS))
    here = listening.worker.environment
    listening.worker.environment = here | {
        "SEGUE__ENGINES__CLICKHOUSE_READER": "http://x:y@127.0.0.1:9/segue"
    }
    listening.work()
    waiting = await listening.told(sent)

    listening.worker.environment = here
    listening.work()

    assert waiting["status"] in ("waiting", "running")
    assert listening.api.sql("SELECT crashes FROM history_imports") == [(0,)]
    assert numbers(await listening.told(sent)) == (10, 6, 0, 3, 1)


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (export(PLAYS)[:-400], "broken-file", 8),
        (export(PLAYS).replace(b"Innuendo", b"Innu\0ndo", 1), "broken-file", 1),
        (zipped(endsong_1=export(PLAYS) + b"]"), "broken-file", 10),
        (zipped(letter=b"Dear Ann"), "nothing-to-import", None),
        (zipped(endsong_0=b"[" + b" " * 2**21 + b"]"), "nothing-to-import", None),
        (zipped(endsong_0=export(PLAYS))[:-60] + b"\0" * 60, "nothing-to-import", None),
    ],
    ids=["cut off", "a zero byte", "too much in a zip", "no history in a zip", "a zip bomb", "half a zip"],
)
async def test_a_bad_file_is_a_problem_that_says_where(
    listening: Listening, data: bytes, code: str, line: int | None
) -> None:
    sent = await listening.send(data)
    if sent.status_code == 422:
        assert sent.json()["code"] == code
        return

    listening.work()

    told = await listening.told(sent)
    assert (told["status"], told["problem"]["code"], told["problem"].get("line")) == ("failed", code, line)
    assert told["problem"]["status"] == 422
    assert "/tmp" not in str(told["problem"])  # noqa: S108 - where it was read is nobody's concern
    assert listening.listens() == 0
    assert listening.kept == []


async def test_taken_back_it_is_not_done_and_its_file_goes(listening: Listening) -> None:
    sent = await listening.send(export(PLAYS))
    address = sent.headers["location"].removeprefix("/api/v1")

    taken = await listening.client.delete(address)
    kept = listening.kept
    listening.work()

    assert (taken.status_code, kept) == (204, [])
    assert [(await listening.client.request(each, address)).status_code for each in ("GET", "DELETE")] == [
        404,
        404,
    ]
    assert listening.listens() == 0


async def test_taken_back_while_it_runs_its_process_ends(listening: Listening) -> None:
    sent = await listening.send(export(PLAYS))
    listening.worker.command = (sys.executable, "-c", "import time; time.sleep(60)")
    with postgres.connection(listening.api.catalog) as db:
        working = threading.Thread(target=listening.worker.look, args=(db, threading.Event()))
        working.start()

        await listening.client.delete(sent.headers["location"].removeprefix("/api/v1"))
        working.join(20)

        assert not working.is_alive()
    assert listening.kept == []


async def test_what_is_done_may_be_forgotten_and_its_plays_stay(listening: Listening) -> None:
    sent = await listening.send(export(PLAYS))
    listening.work()

    answer = await listening.client.delete(sent.headers["location"].removeprefix("/api/v1"))

    assert (answer.status_code, listening.listens()) == (204, 6)
    assert (await listening.client.get("/me/history/imports")).json()["results"] == []


async def test_of_a_deleted_account_neither_file_nor_import_is_left(listening: Listening) -> None:
    await listening.send(export(PLAYS))

    answer = await listening.client.delete("/me")

    listening.work()
    receipt = (await listening.api.as_().get(f"/deletions/{answer.json()['deletion_id']}")).json()
    belongings = listening.api.sql("SELECT belongings -> 'uploads' FROM deletions")[0][0]
    assert receipt["removed"]["postgres"]["history_imports"] == 1
    assert [path.name for path in listening.kept] == belongings
    assert listening.listens() == 0


async def test_files_without_an_import_are_removed_after_a_while(listening: Listening) -> None:
    await listening.send(export(PLAYS))
    listening.api.sql("DELETE FROM history_imports")
    listening.work()
    fresh = len(listening.kept)

    listening.worker.now = lambda: listening.api.clock().replace(year=listening.api.clock().year + 1)
    listening.worker._strays_at = 0
    listening.work()

    assert (fresh, listening.kept) == (1, [])
