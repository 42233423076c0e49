"""A client opened by the first question: one for all who ask, anew after a failure, and never left open."""

import asyncio
from dataclasses import dataclass, field

import pytest

from foundation.engines.opening import Opening

pytestmark = pytest.mark.anyio


@dataclass
class Store:
    """Opens clients as soon as it may, and counts those that are open."""

    is_there: asyncio.Event = field(default_factory=asyncio.Event)
    is_away: bool = False
    opened: int = 0
    open: int = 0

    async def connect(self) -> "Store":
        await self.is_there.wait()
        if self.is_away:
            raise ConnectionError("away")
        self.opened += 1
        self.open += 1
        return self

    async def close(self) -> None:
        self.open -= 1


async def test_all_who_ask_at_once_get_the_same_client() -> None:
    store = Store()
    opening = Opening(store.connect)

    asked = asyncio.gather(opening.client(), opening.client())
    store.is_there.set()
    await asked
    await opening.client()
    await opening.close()

    assert (store.opened, store.open) == (1, 0)


async def test_who_is_cancelled_leaves_no_client_open_and_takes_it_from_nobody() -> None:
    store = Store()
    opening = Opening(store.connect)
    hasty, other = asyncio.create_task(opening.client()), asyncio.create_task(opening.client())
    await asyncio.sleep(0)

    hasty.cancel()
    store.is_there.set()
    client = await other
    await opening.close()

    assert hasty.cancelled()
    assert (client, store.opened, store.open) == (store, 1, 0)


async def test_one_that_nobody_waits_for_any_more_is_closed_as_soon_as_it_is_open() -> None:
    store = Store()
    opening = Opening(store.connect)
    hasty = asyncio.create_task(opening.client())
    await asyncio.sleep(0)
    hasty.cancel()

    closing = asyncio.create_task(opening.close())
    await asyncio.sleep(0)
    store.is_there.set()
    await closing

    assert (store.opened, store.open) == (1, 0)


async def test_after_a_failure_the_next_question_opens_one() -> None:
    store = Store(is_away=True)
    store.is_there.set()
    opening = Opening(store.connect)
    with pytest.raises(ConnectionError):
        await opening.client()
    await opening.close()  # of nothing

    store.is_away = False
    client = await opening.client()

    assert client is store
