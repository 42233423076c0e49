"""The words of songs over HTTP: read by everybody, written by who owns the song, told to the rest of Segue."""

import asyncio
import dataclasses

import polars as pl
import pytest

from catalog_api.lyrics.service import LYRICS
from foundation.contracts.events import LyricsChanged
from foundation.contracts.history import LYRICS as LYRICS_COLUMNS
from tests.catalog_api.api import Api, people
from tests.catalog_api.queries import counted
from tests.catalog_api.world import settle, town

pytestmark = pytest.mark.anyio

OWNER, OTHER = 2, 3
LRC = "[00:00.50]Is this the real life?\n[00:03.20]\n[00:03.50]Is this just fantasy?\n[00:06.80]"
LINES = [
    {"start_time": 0.5, "end_time": 3.2, "text": "Is this the real life?"},
    {"start_time": 3.5, "end_time": 6.8, "text": "Is this just fantasy?"},
]


@pytest.fixture
def queen(api: Api) -> Api:
    """Two songs of Queen, who belong to listener 2."""
    settle(api.catalog, town())
    people(api.catalog, "bob", "cat")
    api.sql("UPDATE artists SET owner_id = 2")
    api.sql("DELETE FROM outbox")
    return api


async def test_timed_lyrics_are_told_line_by_line(queen: Api) -> None:
    written = await queen.as_(OWNER).put("/songs/1/lyrics/en", json={"lrc": LRC})

    read = await queen.as_().get("/songs/1/lyrics")
    again = await queen.as_().get("/songs/1/lyrics", headers={"If-None-Match": read.headers["etag"]})

    assert written.status_code == 200
    assert read.json() == {
        "song_id": 1,
        "language": "en",
        "languages": ["en"],
        "is_timed": True,
        "lyrics": LINES,
    }
    assert written.json() == read.json()
    assert again.status_code == 304


async def test_plain_lyrics_have_lines_without_times(queen: Api) -> None:
    await queen.as_(OWNER).put("/songs/1/lyrics/und", json={"text": "First\n\n Second \n"})

    read = (await queen.as_().get("/songs/1/lyrics", params={"language": "und"})).json()

    assert (read["language"], read["is_timed"]) == ("und", False)
    assert read["lyrics"] == [
        {"start_time": None, "end_time": None, "text": "First"},
        {"start_time": None, "end_time": None, "text": "Second"},
    ]
    assert queen.sql("SELECT language, lines IS NULL FROM lyrics") == [("", True)]


async def test_the_last_line_ends_with_the_song(queen: Api) -> None:
    written = await queen.as_(OWNER).put(
        "/songs/1/lyrics/en", json={"lrc": "[05:50.00]Nothing really matters"}
    )

    assert written.json()["lyrics"][0]["end_time"] == 354.32


async def test_each_language_is_given_to_who_asks_for_it(queen: Api) -> None:
    owner = queen.as_(OWNER)
    await owner.put("/songs/1/lyrics/de", json={"text": "Nur ein Traum?"})
    await owner.put("/songs/1/lyrics/fr", json={"lrc": "[00:01.00]Un jour ?"})

    unnamed = (await owner.get("/songs/1/lyrics")).json()
    german = (await owner.get("/songs/1/lyrics", params={"language": "de"})).json()
    other = await owner.get("/songs/1/lyrics", params={"language": "en"})

    assert (unnamed["language"], unnamed["languages"]) == ("fr", ["de", "fr"])
    assert german["lyrics"][0]["text"] == "Nur ein Traum?"
    assert (other.status_code, other.json()["code"]) == (404, "lyrics-not-found")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/songs/2/lyrics", 404, "lyrics-not-found"),
        ("/songs/99/lyrics", 404, "lyrics-not-found"),
        ("/songs/1/lyrics?language=English", 422, "invalid-request"),
        ("/songs/1/lyrics?language=en%0A", 422, "invalid-request"),
        ("/songs/1/lyrics?language=%00%00", 422, "invalid-request"),
        ("/songs/0/lyrics", 422, "invalid-request"),
    ],
)
async def test_what_is_not_there_is_refused(queen: Api, path: str, status: int, code: str) -> None:
    answer = await queen.as_().get(path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"lrc": LRC, "text": "Words"},
        {"lrc": "[00:01.00]\n[00:02.00]"},
        {"text": " \n "},
        {"text": ""},
        {"text": "a\0b"},
        {"text": "x" * 100_001},
        {"lrc": LRC, "lines": []},
        {"lrc": 7},
    ],
)
async def test_what_are_no_words_is_refused(queen: Api, told: dict[str, object]) -> None:
    answer = await queen.as_(OWNER).put("/songs/1/lyrics/en", json=told)

    assert answer.status_code == 422
    assert queen.sql("SELECT count(*) FROM lyrics") == [(0,)]


async def test_only_the_owner_and_administrators_write(queen: Api) -> None:
    told = {"text": "Words"}
    who = {
        "nobody": queen.as_(),
        "other": queen.as_(OTHER, roles=["artist"]),
        "admin": queen.as_(OTHER, roles=["admin"]),
        "owner": queen.as_(OWNER),
    }

    written = {
        name: (await each.put("/songs/1/lyrics/en", json=told)).status_code for name, each in who.items()
    }
    removed = {name: (await each.delete("/songs/1/lyrics/en")).status_code for name, each in who.items()}
    unknown = await who["admin"].put("/songs/99/lyrics/en", json=told)

    assert written == {"nobody": 401, "other": 403, "admin": 200, "owner": 200}
    assert removed == {"nobody": 401, "other": 403, "admin": 204, "owner": 204}
    assert (unknown.status_code, unknown.json()["code"]) == (404, "song-not-found")


async def test_how_lyrics_begin_is_told_and_that_they_went(queen: Api) -> None:
    owner = queen.as_(OWNER)
    await owner.put("/songs/1/lyrics/en", json={"lrc": LRC})
    for _ in range(2):
        await owner.delete("/songs/1/lyrics/en")

    told = [event for event in queen.outbox() if isinstance(event, LyricsChanged)]

    assert [(event.language, event.opening) for event in told] == [
        ("en", "Is this the real life?\nIs this just fantasy?"),
        ("en", ""),
    ]
    assert told[0].version < told[1].version


async def test_lyrics_are_read_once_and_then_known_until_they_change(queen: Api) -> None:
    owner = queen.as_(OWNER)
    await owner.put("/songs/1/lyrics/en", json={"text": "Old words"})
    await owner.get("/songs/1/lyrics")

    with counted(queen) as queries:
        known = (await owner.get("/songs/1/lyrics", params={"language": "en"})).json()
    await owner.put("/songs/1/lyrics/en", json={"text": "New words"})
    changed = (await owner.get("/songs/1/lyrics")).json()
    await owner.delete("/songs/1/lyrics/en")
    gone = await owner.get("/songs/1/lyrics")

    assert queries.count == 0
    assert known["lyrics"][0]["text"] == "Old words"
    assert changed["lyrics"][0]["text"] == "New words"
    assert gone.status_code == 404
    assert queen.app.state.cache.held(LYRICS.key(1)) is None


async def test_many_who_write_at_once_leave_what_was_told_last(queen: Api) -> None:
    owner = queen.as_(OWNER)

    await asyncio.gather(
        *(owner.put("/songs/1/lyrics/en", json={"text": f"Words {number}"}) for number in range(10))
    )

    told = [event for event in queen.outbox() if isinstance(event, LyricsChanged)]
    kept = (await owner.get("/songs/1/lyrics")).json()["lyrics"][0]["text"]
    assert len(told) == 10
    assert max(told, key=lambda event: event.version).opening == kept


async def test_lyrics_that_an_import_adds_are_told_at_once(queen: Api) -> None:
    owner = queen.as_(OWNER)
    await owner.put("/songs/1/lyrics/en", json={"text": "Old words"})
    await owner.get("/songs/1/lyrics")

    told = pl.DataFrame([("s1", "fr", "[00:01.00]Mots")], schema=LYRICS_COLUMNS, orient="row")
    settle(queen.catalog, dataclasses.replace(town(), lyrics=told))
    await asyncio.sleep(0.2)

    assert (await owner.get("/songs/1/lyrics")).json()["languages"] == ["en", "fr"]
