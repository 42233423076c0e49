"""An artist's statistics, counted by hand."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
import pytest

from foundation.cache import Cache
from foundation.engines.redis import open_redis_async
from foundation.http.principal import NotAllowed
from foundation.ids import ArtistId, UserId
from foundation.security import Principal
from serving.statistics.artist import read
from serving.statistics.errors import BackToFront, UnknownArtist
from serving.statistics.schemas import ArtistPlaylists, ArtistStatistics, CarryingPlaylist, Day, Part
from serving.statistics.service import PLAYLISTS, Days, Statistics
from serving.statistics.warehouse import Warehouse
from tests.conftest import Engines
from tests.serving.statistics.world import DAY, NOON, Listen, Town

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 4)


async def of(warehouse: Warehouse, artist: int, as_of: datetime = NOON + DAY) -> ArtistStatistics:
    return await read(warehouse, artist, SINCE, UNTIL, as_of)


async def test_who_listened_when_where_and_from_what(town: Town, asked: Warehouse) -> None:
    town.add_songs([101, 201, 102])
    town.add_listens(
        [
            Listen(1, 101, NOON - 9 * DAY),
            Listen(1, 101, NOON - DAY),
            Listen(1, 201, NOON, country="DE"),
            Listen(2, 201, NOON, source="recommended"),
            Listen(3, 101, NOON, is_private=True),
            Listen(4, 102, NOON),
            Listen(5, 101, NOON - 9 * DAY),
        ]
    )

    told = await of(asked, 1)

    assert (told.artist, told.listens, told.listeners) == ("Artist 1", 4, 3)
    assert (told.new_listeners, told.returning_listeners) == (2, 1)
    assert told.by_day == (Day(date(2026, 3, 3), 1, 1), Day(date(2026, 3, 4), 3, 3))
    assert told.by_country == (Part("NL", 3, 3), Part("DE", 1, 1))
    assert told.by_source == (Part("organic", 3, 2), Part("recommended", 1, 1))


async def test_where_in_a_song_they_leave(town: Town, asked: Warehouse) -> None:
    town.add_songs([101, 102])
    town.add_ends(101, [(3_000, "skip_early"), (45_000, "skip_late"), (100_000, "unknown")], at=NOON)
    town.add_ends(101, [(200_000, "completed"), (230_000, "completed")], at=NOON - DAY)
    town.add_ends(101, [(200_000, "completed")], at=NOON - 20 * DAY)
    town.add_ends(102, [(3_000, "skip_early")], at=NOON)

    exits = (await of(asked, 1)).exits

    assert (exits.ends, exits.completed, exits.skipped_early, exits.skipped_late, exits.unknown) == (
        5,
        2,
        1,
        1,
        1,
    )
    assert exits.skip_rate == 0.5
    assert exits.by_tenth == (1, 0, 1, 0, 0, 1, 0, 0, 0, 2)


async def test_yesterdays_answer_stays_what_it_was(town: Town, asked: Warehouse) -> None:
    kept, removed = Listen(1, 101, NOON - 2 * DAY), Listen(2, 101, NOON - 2 * DAY)
    town.add_songs([101])
    town.add_listens([kept, removed])
    before = await of(asked, 1, NOON - DAY)

    town.remove((removed, NOON))
    after, now = await of(asked, 1, NOON - DAY), await of(asked, 1)

    assert before == after
    assert (before.listeners, now.listeners) == (2, 1)


async def test_an_artist_of_whom_nothing_is_known_is_not_there(asked: Warehouse) -> None:
    with pytest.raises(UnknownArtist):
        await of(asked, 999)


CARRIED = ArtistPlaylists(2, 3, (CarryingPlaylist(5, "Loud", 8, "Bob", 4),))


class HerOwn:
    """A catalog in which person 7 owns artist 1, whom some playlists carry."""

    async def owns(self, user_id: UserId, artist_id: ArtistId) -> bool:
        return (user_id, artist_id) == (7, 1)

    async def playlists_with(self, artist_id: ArtistId, limit: int) -> ArtistPlaylists:
        return CARRIED if (artist_id, limit) == (1, PLAYLISTS) else ArtistPlaylists()


def who(number: int, roles: Sequence[str] = ("user",)) -> Principal:
    return Principal(UserId(number), roles=frozenset(roles))


async def test_they_are_for_the_owner_analysts_and_admins_and_nobody_else(
    town: Town, asked: Warehouse, engines: Engines
) -> None:
    town.add_songs([101, 102])
    redis = open_redis_async(engines.redis)
    service = Statistics(asked, Cache(redis), HerOwn(), lambda: NOON)
    days = Days(SINCE, UNTIL)

    for allowed in (who(7), who(8, ["user", "analyst"]), who(9, ["admin"])):
        told = msgspec.json.decode(
            await service.of_artist(allowed, ArtistId(1), days, None), type=ArtistStatistics
        )
        assert (told.artist_id, told.playlists) == (1, CARRIED)
    for artist, refused in ((1, who(8)), (1, who(8, ["user", "artist"])), (2, who(7))):
        with pytest.raises(NotAllowed):
            await service.of_artist(refused, ArtistId(artist), days, None)
    await service.cache.close()
    await redis.aclose()


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (date(2026, 3, 2), date(2026, 3, 1)),
        (date(2020, 1, 1), date(2026, 1, 1)),
        (date(1900, 1, 1), date(1900, 1, 2)),
    ],
)
def test_days_that_cannot_be_asked_for_are_refused(since: date, until: date) -> None:
    with pytest.raises(BackToFront):
        Days.of(since, until)
