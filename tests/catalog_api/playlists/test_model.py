"""A playlist does what a Python list does, whatever is done to it and in whichever order."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_api.playlists.errors import SongNotInPlaylist
from catalog_api.playlists.order import places, repository
from catalog_api.playlists.order.places import FURTHEST, GAP, between
from catalog_api.playlists.order.schemas import Move, MoveAfter, MoveBefore, MoveTo
from catalog_api.playlists.order.service import Order
from catalog_api.playlists.schemas import PlaylistNew
from catalog_api.playlists.service import Playlists, WritingPlaylists
from catalog_api.social.activities.service import Activities
from foundation.ids import PlaylistId, SongId, UserId
from tests.catalog_api.api import Api
from tests.catalog_api.playlists.world import ANN, settle

pytestmark = pytest.mark.anyio

SONGS = 8
songs = st.integers(1, SONGS)
positions = st.integers(0, SONGS + 1)


@dataclass(frozen=True)
class Add:
    song_ids: list[int]
    position: int | None

    def to(self, model: list[int]) -> bool:
        """Do it to a list; returns whether that changed anything or, for a move, could be done."""
        new = [song for song in dict.fromkeys(self.song_ids) if song not in model]
        at = len(model) if self.position is None else self.position
        model[at:at] = new
        return bool(new)


@dataclass(frozen=True)
class Remove:
    song_id: int

    def to(self, model: list[int]) -> bool:
        if self.song_id not in model:
            return False
        model.remove(self.song_id)
        return True


@dataclass(frozen=True)
class Shift:
    song_id: int
    move: Move

    def to(self, model: list[int]) -> bool:
        beside = self.move.model_dump(exclude={"to"}).values()
        if not {self.song_id, *beside} <= set(model):
            return False
        model.remove(self.song_id)
        if isinstance(self.move, MoveTo):
            model.insert(self.move.to, self.song_id)
        elif isinstance(self.move, MoveBefore):
            model.insert(model.index(self.move.before), self.song_id)
        else:
            model.insert(model.index(self.move.after) + 1, self.song_id)
        return True


Step: TypeAlias = Add | Remove | Shift
adds = st.builds(Add, st.lists(songs, min_size=1, max_size=3), st.none() | positions)
moves = st.builds(lambda to: MoveTo(to=to), positions) | st.builds(
    lambda kind, other: MoveBefore(before=other) if kind else MoveAfter(after=other), st.booleans(), songs
)
shifts = st.builds(Shift, songs, moves).filter(
    lambda shift: shift.song_id not in shift.move.model_dump(exclude={"to"}).values()
)
scripts = st.lists(adds | shifts | shifts | st.builds(Remove, songs), max_size=12)


async def done(order: Order, playlist: PlaylistId, step: Step) -> None:
    if isinstance(step, Add):
        song_ids = [SongId(song) for song in step.song_ids]
        await order.add(UserId(ANN), playlist, song_ids, step.position, None)
    elif isinstance(step, Remove):
        await order.remove(UserId(ANN), playlist, SongId(step.song_id), None)
    else:
        await order.move(UserId(ANN), playlist, SongId(step.song_id), step.move, None)


@pytest.mark.slow
@pytest.mark.parametrize("gap", [GAP, 4])  # the smaller one is used up again and again
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=scripts)
async def test_the_order_is_that_of_a_list(
    api: Api, monkeypatch: pytest.MonkeyPatch, gap: int, script: list[Step]
) -> None:
    monkeypatch.setattr(places, "GAP", gap)
    monkeypatch.setattr(repository, "GAP", gap)
    if not api.sql("SELECT 1 FROM users"):
        settle(api, songs=SONGS)
    model: list[int] = []
    edits = 0

    async with api.app.state.postgres.writing() as db:
        cache = api.app.state.cache
        made = await WritingPlaylists(
            db, cache, Activities(db, api.app.state.redis, api.clock), api.clock
        ).make(UserId(ANN), PlaylistNew(name="x"))
        playlist, order = PlaylistId(made.playlist_id), Order(db, cache, api.clock)
        for step in script:
            edits += step.to(model)
            with suppress(SongNotInPlaylist):
                await done(order, playlist, step)
        whole = await Playlists(db).whole(UserId(ANN), playlist)

    assert [song.song_id for song in whole.songs] == model
    assert whole.playlist.version == 1 + edits


@given(
    left=st.none() | st.integers(-FURTHEST, FURTHEST),
    distance=st.none() | st.integers(1, 50) | st.integers(1, FURTHEST),
    count=st.integers(1, 40),
)
def test_places_are_strictly_between_their_neighbours(
    left: int | None, distance: int | None, count: int
) -> None:
    right = None if distance is None else (left or 0) + distance

    found = between(left, right, count)

    if found is None:
        assert right is None or left is None or right - left <= count
        assert not (left is None and right is None)
    else:
        assert len(found) == count
        around = [*([left] if left is not None else []), *found, *([right] if right is not None else [])]
        assert all(one < next_one for one, next_one in pairwise(around))
