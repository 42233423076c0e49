"""What plays take from their listeners: remembered, soon right after a change, and there while Postgres is not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from catalog_api.playback.listeners import UNKNOWN, Listener, ListenersPlaying
from catalog_api.playback.schemas import PlayIn
from catalog_api.playback.service import open_playback
from event_log.log import EventLog
from foundation.cache import CHANNEL
from foundation.engines import postgres
from foundation.engines.postgres import Postgres, open_postgres
from foundation.engines.postgres_channels import listening, notify_now
from foundation.errors import Unreachable
from foundation.ids import SongId, UserId, new_play_id
from tests.catalog_api.world import NOW, settle, town

pytestmark = pytest.mark.anyio
ANN = UserId(1)
NOWHERE = "postgresql://nobody@127.0.0.1:9/nothing"  # nothing listens on the discard port


class Ticking:
    """Seconds that pass when we say so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
async def playing(catalog: str, pool: Postgres, ticking: Ticking) -> AsyncIterator[ListenersPlaying]:
    settle(catalog, town())
    listeners = ListenersPlaying(pool, seconds=ticking)
    channels = {CHANNEL: listeners.hear}
    begun = asyncio.Event()

    async def linked() -> None:
        listeners.begin_hearing()
        begun.set()

    async with listening(catalog, channels, linked=linked, lost=listeners.end_hearing):
        await asyncio.wait_for(begun.wait(), 5)
        yield listeners


def move(catalog: str, country: str, *, told: bool = True) -> None:
    """Ann moves to another country, and prefers to be private there."""
    with postgres.connection(catalog) as db, db.transaction():
        db.execute("UPDATE users SET country = %s WHERE id = %s", (country, ANN))
        db.execute("INSERT INTO preferences (user_id, is_private_session) VALUES (%s, true)", (ANN,))
        if told:
            notify_now(db, CHANNEL, ["song:1:metadata", f"user:{ANN}:profile", "user:x:profile"])


async def until_told(playing: ListenersPlaying, expected: Listener) -> None:
    for _ in range(100):
        if await playing.of(ANN) == expected:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a second has gone, and the change was not seen")


async def test_a_change_is_seen_within_a_second(playing: ListenersPlaying, catalog: str) -> None:
    before = await playing.of(ANN)

    move(catalog, "GB")

    assert before == Listener("NZ")
    await until_told(playing, Listener("GB", is_private=True))


async def test_what_nobody_tells_of_is_remembered_for_minutes(
    playing: ListenersPlaying, catalog: str, ticking: Ticking
) -> None:
    await playing.of(ANN)
    move(catalog, "GB", told=False)

    ticking.now += 299
    soon = await playing.of(ANN)
    ticking.now += 2
    late = await playing.of(ANN)

    assert (soon, late) == (Listener("NZ"), Listener("GB", is_private=True))


async def test_while_nothing_is_heard_it_is_asked_for_every_second(
    playing: ListenersPlaying, catalog: str, ticking: Ticking
) -> None:
    playing.end_hearing()
    await playing.of(ANN)
    move(catalog, "GB")

    ticking.now += 1.1

    assert await playing.of(ANN) == Listener("GB", is_private=True)


async def test_a_listener_without_a_row_has_no_country(playing: ListenersPlaying) -> None:
    assert await playing.of(UserId(99)) == UNKNOWN


async def test_while_postgres_is_away_the_last_known_holds_and_of_others_nothing_is_taken(
    playing: ListenersPlaying, ticking: Ticking
) -> None:
    await playing.of(ANN)
    playing.postgres = open_postgres(NOWHERE)

    ticking.now += 1_000
    known = await playing.of(ANN)
    with pytest.raises(Unreachable):
        await playing.of(UserId(2))

    assert known == Listener("NZ")


async def test_a_postgres_that_hangs_is_not_waited_for(
    playing: ListenersPlaying, catalog: str, ticking: Ticking
) -> None:
    await playing.of(ANN)
    ticking.now += 1_000
    with psycopg.connect(catalog) as holding:
        holding.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        told = await asyncio.wait_for(playing.of(ANN), 1)
        again = await asyncio.wait_for(playing.of(ANN), 0.05)

    assert (told, again) == (Listener("NZ"), Listener("NZ"))


async def test_who_changed_something_is_private_until_postgres_tells(
    playing: ListenersPlaying, catalog: str, ticking: Ticking
) -> None:
    await playing.of(ANN)
    playing.forget(ANN)
    with psycopg.connect(catalog) as holding:
        holding.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        told = await playing.of(ANN)

    ticking.now += 1.1

    assert told == Listener("NZ", is_private=True)
    assert await playing.of(ANN) == Listener("NZ")


async def test_an_answer_that_a_change_overtook_is_not_remembered(
    playing: ListenersPlaying, catalog: str
) -> None:
    asking = asyncio.create_task(playing.of(ANN))
    await asyncio.sleep(0)
    playing.forget(ANN)
    await asking

    move(catalog, "GB", told=False)

    assert await playing.of(ANN) == Listener("GB", is_private=True)


async def test_only_so_many_are_remembered(playing: ListenersPlaying) -> None:
    playing.room = 3

    for listener in range(1, 6):
        await playing.of(UserId(listener))

    assert len(playing._known) == 3


@pytest.mark.parametrize(
    ("edge", "country"), [("gb", "GB"), ("XX", "NZ"), ("T1", "NZ"), ("", "NZ"), (None, "NZ"), ("ÄÖ", "NZ")]
)
async def test_the_edge_knows_better_than_the_profile(
    catalog: str, pool: Postgres, tmp_path: Path, edge: str | None, country: str
) -> None:
    settle(catalog, town())
    log = EventLog(tmp_path, "api-1", age=timedelta(seconds=30), size=2**20)
    playback = open_playback(pool, log, lambda: NOW)

    event = await playback.record(ANN, SongId(1), PlayIn(play_id=new_play_id(NOW)), country=edge)
    log.close()

    assert event.country == country
