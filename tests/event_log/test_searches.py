"""Searches are noted with what charts need of them, never of a private session, and bounded in size."""

from pathlib import Path
from typing import NamedTuple

import pytest

from event_log.searches import LONGEST, Searches
from foundation.contracts.events import SearchMade
from foundation.errors import Unreachable
from foundation.ids import UserId
from tests.event_log.plays import NOON, events_on_disk, small_log

pytestmark = pytest.mark.anyio

ANN, BOB, EVE = UserId(1), UserId(2), UserId(3)


class Known(NamedTuple):
    country: str
    is_private: bool


class People:
    """Ann is in New Zealand, Bob listens privately, and of Eve nobody knows anything now."""

    async def of(self, listener: UserId, /) -> Known:
        if listener == EVE:
            raise Unreachable("Postgres does not answer")
        return Known("NZ", listener == BOB)


async def test_a_search_is_noted_with_what_was_found_and_where(tmp_path: Path) -> None:
    log = small_log(tmp_path)
    searches = Searches(People(), log, lambda: NOON)

    noted = [
        await searches.made(ANN, "  QUEEN  live ", "songs", 12),
        await searches.made(ANN, "abba", "all", 0, country="DE"),
        await searches.made(None, "x" * 1_000, "artists", 3, country="XX"),
    ]
    log.close()

    told = [event for event in events_on_disk(tmp_path) if isinstance(event, SearchMade)]
    assert noted == [True] * 3
    assert [(each.listener_id, each.query, each.kind, each.results, each.country) for each in told] == [
        (ANN, "queen live", "songs", 12, "NZ"),
        (ANN, "abba", "all", 0, "DE"),
        (0, "x" * LONGEST, "artists", 3, ""),
    ]
    assert {each.searched_at for each in told} == {NOON}
    assert len({each.search_id for each in told}) == 3


@pytest.mark.parametrize(("listener", "query"), [(BOB, "queen"), (EVE, "queen"), (ANN, " \t\u0000 ")])
async def test_a_private_search_and_an_empty_one_are_not(
    tmp_path: Path, listener: UserId, query: str
) -> None:
    log = small_log(tmp_path)

    noted = await Searches(People(), log, lambda: NOON).made(listener, query, "songs", 1)
    log.close()

    assert not noted
    assert events_on_disk(tmp_path) == []


async def test_a_log_without_room_stops_no_search(tmp_path: Path) -> None:
    log = small_log(tmp_path)
    log.close()

    assert not await Searches(People(), log, lambda: NOON).made(ANN, "queen", "songs", 1)
