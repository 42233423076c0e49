"""Recommends songs from one published bundle: to one listener or to everyone, by one and the same code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec
import numpy as np

from feature_store.online import Lately
from foundation.engines.vectors.port import EXACT_UP_TO
from foundation.ids import UserId, new_play_id
from models.arrays import Factors, Positions
from models.bundle import Bundle
from serving.recommend.history import WITHOUT_TASTE, Histories, History, position, positions
from serving.recommend.names import SongNames
from serving.recommend.ranking import Ranked, SongSpace
from serving.recommend.reasons import POPULAR, TRENDING, UNHEARD, because_of, seeds_of
from serving.recommend.schemas import Item, Slate, SlateId
from serving.trending.schemas import Chart

SPARE = 32  # candidates more than wanted from the index, so that ties at the end are broken by song id
# The part of the vectors port that ranking needs, pinned to one version: a vector, how many, and the songs (by id,
# ascending) that are left out; gives the ids of the songs with the highest inner products.
NearestSongs: TypeAlias = Callable[[Factors, int, Positions], list[int]]

NOT_LATELY = Lately(is_known=False)
NOBODY_LATELY: Mapping[UserId, Lately] = {}


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
    histories: Histories
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
            Histories.of(bundle),
            SongNames.of(bundle.songs),
            np.argsort(-bundle.popularity, kind="stable"),
            bundle.listeners["listener_id"].to_numpy().astype(np.int64),
            nearest,
            exact_up_to,
        )

    def knows(self, listener: UserId) -> bool:
        """Whether the catalog had told of this listener when the bundle was made."""
        return position(self.known, listener) is not None

    def recommend(
        self,
        listener: UserId,
        limit: int,
        lately: Lately = NOT_LATELY,
        *,
        chart: Chart,
        at: datetime,
        stale: tuple[str, ...] = (),
    ) -> Slate:
        """A slate for one listener: never a song that the bundle or `lately` knows to be heard."""
        (feed,) = self._feeds([listener], limit, {listener: lately}, chart)
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
        lately: Mapping[UserId, Lately] = NOBODY_LATELY,
    ) -> Iterator[list[Feed]]:
        """The same for many listeners, in their order, in batches of bounded memory."""
        step = self.space.rows_at_once()
        for start in range(0, len(listeners), step):
            yield self._feeds(listeners[start : start + step], limit, lately, chart)

    def _feeds(
        self, listeners: Sequence[UserId], limit: int, lately: Mapping[UserId, Lately], chart: Chart
    ) -> list[Feed]:
        histories = [self.histories.history(each, lately.get(each, NOT_LATELY)) for each in listeners]
        tastes = {i: each.taste for i, each in enumerate(histories) if each.taste is not None}
        factors = np.array(list(tastes.values()), np.float32).reshape(
            len(tastes), self.space.factors.shape[1]
        )
        excluded = [histories[i].heard for i in tastes]
        ranked = dict(zip(tastes, self._ranked(factors, excluded, limit), strict=True))
        feeds = []
        for i, (listener, history) in enumerate(zip(listeners, histories, strict=True)):
            chosen = self._because(ranked[i], history.heard) if i in ranked else []
            items = self._filled(chosen, history, chart, limit)
            feeds.append(Feed(listener, history.policy if chosen else WITHOUT_TASTE, tuple(items)))
        return feeds

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

    def _filled(self, chosen: list[Item], history: History, chart: Chart, limit: int) -> list[Item]:
        """The chosen songs and after them what is trending, then what is popular, until there are `limit`."""
        if len(chosen) >= limit:
            return chosen
        taken = {item.song_id for item in chosen} | set(self.bundle.song_ids[history.heard].tolist())
        taken |= set(history.told.tolist())
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
        is_free[history.heard] = False
        is_free[positions(self.bundle.song_ids, np.array([item.song_id for item in items], np.int64))] = False
        popular = self.by_popularity[is_free[self.by_popularity]][: limit - len(items)]
        for place in popular.tolist():
            reason = POPULAR if self.bundle.popularity[place] > 0 else UNHEARD
            items.append(self.names.item(len(items) + 1, place, 0.0, reason))
        return items
