"""Recommends songs from one published bundle: to one listener or to everyone, by one and the same code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec
import numpy as np
from scipy.sparse import csr_array

from feature_store.online import SongIds
from foundation.engines.vectors.port import EXACT_UP_TO
from foundation.ids import SongId, UserId, new_play_id
from models.arrays import Factors, Positions
from models.bundle import Bundle
from serving.recommend.names import SongNames
from serving.recommend.ranking import Ranked, SongSpace
from serving.recommend.reasons import POPULAR, TRENDING, UNHEARD, because_of, seeds_of
from serving.recommend.schemas import Item, Slate, SlateId
from serving.trending.schemas import Chart

SPARE = 32  # candidates more than wanted from the index, so that ties at the end are broken by song id
# The part of the vectors port that ranking needs, pinned to one version: a vector, how many, and the songs (by id,
# ascending) that are left out; gives the ids of the songs with the highest inner products.
NearestSongs: TypeAlias = Callable[[Factors, int, Positions], list[int]]

NOTHING: Positions = np.empty(0, np.int64)
NO_SONGS: Mapping[UserId, Sequence[SongId]] = {}
NONE_HEARD: Mapping[UserId, SongIds] = {}


class Feed(msgspec.Struct, frozen=True):
    """What one listener gets, before it is served to anyone: the policy that chose, and its choice."""

    user_id: UserId
    policy: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Recommender:
    """One bundle and what is computed from it once. It never changes, so a request may hold it as long as it likes."""

    bundle: Bundle
    space: SongSpace
    names: SongNames
    by_popularity: Positions  # the songs, most popular first, then by id
    known: Positions  # the ids of all listeners, ascending
    nearest: NearestSongs
    exact_up_to: int = EXACT_UP_TO

    @classmethod
    def over(cls, bundle: Bundle, nearest: NearestSongs, *, exact_up_to: int = EXACT_UP_TO) -> "Recommender":
        """The recommender of a bundle; takes as long as a pass over its factors."""
        return cls(
            bundle,
            SongSpace.of(bundle.song_factors),
            SongNames.of(bundle.songs),
            np.argsort(-bundle.popularity, kind="stable"),
            bundle.listeners["listener_id"].to_numpy().astype(np.int64),
            nearest,
            exact_up_to,
        )

    def knows(self, listener: UserId) -> bool:
        """Whether the catalog had told of this listener when the bundle was made."""
        return _position(self.known, listener) is not None

    def recommend(
        self,
        listener: UserId,
        limit: int,
        recent: Sequence[SongId],
        *,
        heard: SongIds = NOTHING,
        chart: Chart,
        at: datetime,
        stale: tuple[str, ...] = (),
    ) -> Slate:
        """A slate for one listener: never a song of the bundle's `heard`, of `recent` or of `heard`.

        `heard` only leaves songs out; reasons are taken from the other two.
        """
        (feed,) = self._feeds([listener], limit, {listener: recent}, {listener: heard}, chart)
        return Slate(
            slate_id=SlateId(new_play_id(at)),
            user_id=listener,
            generated_at=at,
            policy=feed.policy,
            model=self.bundle.model or None,
            version=self.bundle.version or None,
            stale=stale,
            items=feed.items,
        )

    def recommend_many(
        self,
        listeners: Sequence[UserId],
        limit: int,
        *,
        chart: Chart,
        recent: Mapping[UserId, Sequence[SongId]] = NO_SONGS,
        heard: Mapping[UserId, SongIds] = NONE_HEARD,
    ) -> Iterator[list[Feed]]:
        """The same for many listeners, in their order, in batches of bounded memory."""
        step = self.space.rows_at_once()
        for start in range(0, len(listeners), step):
            yield self._feeds(listeners[start : start + step], limit, recent, heard, chart)

    def _feeds(
        self,
        listeners: Sequence[UserId],
        limit: int,
        recent: Mapping[UserId, Sequence[SongId]],
        heard: Mapping[UserId, SongIds],
        chart: Chart,
    ) -> list[Feed]:
        rows = [_position(self.bundle.listener_ids, listener) for listener in listeners]
        since = [np.array(recent.get(listener, ()), np.int64) for listener in listeners]
        seeds = [self._with(self._heard(row), songs) for row, songs in zip(rows, since, strict=True)]
        told = [heard.get(listener, NOTHING) for listener in listeners]
        excluded = [self._with(places, songs) for places, songs in zip(seeds, told, strict=True)]
        trained = [i for i, row in enumerate(rows) if row is not None]
        factors = self.bundle.listener_factors[[row for row in rows if row is not None]]
        ranked = dict(zip(trained, self._ranked(factors, [excluded[i] for i in trained], limit), strict=True))
        feeds = []
        for i, listener in enumerate(listeners):
            chosen = self._because(ranked[i], seeds[i]) if i in ranked else []
            items = self._filled(chosen, excluded[i], (since[i], told[i]), chart, limit)
            feeds.append(Feed(listener, "als" if chosen else "trending", tuple(items)))
        return feeds

    def _heard(self, row: int | None) -> Positions:
        """Positions of all that the bundle knows a listener to have heard."""
        return NOTHING if row is None else _row_of(self.bundle.heard, row)

    def _with(self, places: Positions, songs: SongIds) -> Positions:
        """These positions and those of the songs that the bundle has."""
        found = _positions(self.bundle.song_ids, songs)
        return np.union1d(places, found) if len(found) else places

    def _ranked(self, listeners: Factors, heard: Sequence[Positions], limit: int) -> list[Ranked]:
        if len(self.bundle.song_ids) <= self.exact_up_to:
            return self.space.best(listeners, heard, limit)
        ranked = []
        for listener, excluded in zip(listeners, heard, strict=True):
            found = self.nearest(listener, limit + SPARE, self.bundle.song_ids[excluded])
            places = np.searchsorted(self.bundle.song_ids, np.array(sorted(found), np.int64))
            ranked.append(self.space.settled(listener, places, limit))
        return ranked

    def _because(self, ranked: Ranked, heard: Positions) -> list[Item]:
        """The songs that the model chose, with the heard songs that speak for them."""
        seeds = seeds_of(self.bundle.song_factors, ranked.songs, heard)
        named = {
            place: self.names.seed(place)
            for place in {place for places in seeds for place in places.tolist()}
        }
        chosen = zip(ranked.songs.tolist(), ranked.scores.tolist(), seeds, strict=True)
        return [
            self.names.item(
                rank, place, round(score, 6), because_of([named[seed] for seed in places.tolist()])
            )
            for rank, (place, score, places) in enumerate(chosen, start=1)
        ]

    def _filled(
        self, chosen: list[Item], excluded: Positions, heard: Sequence[SongIds], chart: Chart, limit: int
    ) -> list[Item]:
        """The chosen songs and after them what is trending, then what is popular, until there are `limit`.

        Neither the songs at the `excluded` positions nor `heard` ones, which the bundle may not have.
        """
        if len(chosen) >= limit:
            return chosen
        taken = {item.song_id for item in chosen} | set(self.bundle.song_ids[excluded].tolist())
        taken = taken.union(*(songs.tolist() for songs in heard))
        items = list(chosen)
        for song in chart.songs:
            if len(items) == limit:
                return items
            if song.song_id not in taken:
                taken.add(song.song_id)
                items.append(
                    Item(
                        rank=len(items) + 1,
                        song_id=song.song_id,
                        title=song.title,
                        artist_id=song.artist_id,
                        artist=song.artist,
                        genre=song.genre,
                        score=0.0,
                        reason=TRENDING,
                    )
                )
        is_free = np.ones(len(self.bundle.song_ids), np.bool_)
        is_free[excluded] = False
        is_free[_positions(self.bundle.song_ids, np.array([item.song_id for item in items], np.int64))] = (
            False
        )
        popular = self.by_popularity[is_free[self.by_popularity]][: limit - len(items)]
        for place in popular.tolist():
            reason = POPULAR if self.bundle.popularity[place] > 0 else UNHEARD
            items.append(self.names.item(len(items) + 1, place, 0.0, reason))
        return items


def _row_of(matrix: csr_array, row: int) -> Positions:
    """The columns of a row's entries."""
    columns: Positions = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)
    return columns


def _position(ids: Positions, wanted: int) -> int | None:
    """Where `wanted` stands among ascending ids, if it does."""
    place = int(np.searchsorted(ids, wanted))
    return place if place < len(ids) and ids[place] == wanted else None


def _positions(ids: Positions, wanted: SongIds) -> Positions:
    """Where those of `wanted` stand that are among ascending ids."""
    if len(ids) == 0 or len(wanted) == 0:
        return NOTHING
    places = np.searchsorted(ids, wanted)
    found: Positions = places[ids[np.minimum(places, len(ids) - 1)] == wanted]
    return found
