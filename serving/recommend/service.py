"""Who gets recommendations from what: the published bundle, what Redis knows of them, and the charts in memory."""

import asyncio
import hashlib
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from event_log.log import EventLog
from feature_store.online import Lately, ListenersOnline
from foundation.clock import Clock
from foundation.contracts.events import ServedSong, SlateServed, encode
from foundation.contracts.tables import SongVectors
from foundation.engines.vectors.port import NothingPublished, UnknownPoint, UnknownVersion, Vectors
from foundation.errors import Unreachable
from foundation.http.principal import NotAllowed
from foundation.ids import UserId, new_id_text
from foundation.security import Principal
from models.diversity.choosing import Dials
from models.exploration.drawing import Budget
from serving.bundle import COLLECTION, LiveBundle
from serving.recommend.asked import OF_TEXT, Named, NearestInWords, places_of, seeds_of
from serving.recommend.asking import Trends, Wanted
from serving.recommend.empty import nothing_published
from serving.recommend.errors import NoModel, UnknownListener
from serving.recommend.history import position
from serving.recommend.kept import Again, KeptFeed, KeptFeeds, hit
from serving.recommend.recommender import NOT_LATELY, Feed, Recommender
from serving.recommend.rights import Rights
from serving.recommend.schemas import Slate, around, encoded, moment
from serving.recommend.trends import NearCharts
from serving.recommend.words import embedded
from serving.trending.service import STALE, Trending

SURFACE = "recommendations"
USUAL = Budget()
HOUR = timedelta(hours=1)


class Ask(msgspec.Struct, frozen=True, cache_hash=True):
    """What a request says."""

    limit: int
    seeds: tuple[Named, ...] = ()
    exclude: tuple[Named, ...] = ()
    context: tuple[Named, ...] = ()  # songs of this session, the last one last
    familiarity: float = 0.0
    surface: str = SURFACE
    budget: Budget = USUAL
    goes_on: int = 0  # so many of the last songs of the session, or of the listener, are the seeds


@dataclass(frozen=True, slots=True)
class Known:
    """One version, and what is known of one listener: everything a request decides from."""

    recommender: Recommender
    listener: UserId
    lately: Lately
    is_away: bool  # whether the store that knows the listener did not answer
    at: datetime

    @property
    def is_somebody(self) -> bool:
        """Whether anybody has told of this listener, as far as that can be known."""
        return self.lately.is_known or self.is_away or self.recommender.knows(self.listener)


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Answers one listener's request from copies that this process holds; only what is known of them is asked for."""

    live: LiveBundle[Recommender]
    online: ListenersOnline
    rights: Rights
    near: NearCharts
    trending: Trending
    vectors: Vectors
    log: EventLog
    now: Clock
    kept: KeptFeeds

    async def slate(self, asking: Principal, listener: UserId, ask: Ask) -> Slate:
        """A slate as asked for.

        Raises NotAllowed, UnknownListener, UnknownSeed, or NoModel when there is nothing to give.
        """
        if not asking.may_see(listener):
            raise NotAllowed("another listener's recommendations need the role analyst or admin")
        known = await self.known(listener)
        if asking.user_id != listener and not known.is_somebody:
            raise UnknownListener(f"there is no listener {listener}")
        feed = await self._made(known, ask)
        if not known.recommender.bundle.version and not feed.items:
            raise NoModel("nothing has been trained yet: run ./segue job --all")
        slate = known.recommender.slate(feed, at=known.at, stale=self.stale(is_away=known.is_away))
        if asking.user_id == listener:
            self.tell(slate, feed, ask.surface)
        return slate

    async def _made(self, known: Known, ask: Ask) -> Feed:
        """The list as it was just made, where nothing has changed since; else anew. Raises UnknownSeed, NoModel."""
        asked, state, seconds = (known.listener, ask), self._state(known), time.monotonic()
        if known.recommender is not self.live.current:  # it was replaced at this moment
            return self.feed(known, await self.wanted(known, ask))
        feed = self.kept.of(asked, state, seconds)
        if feed is None:
            feed = self.feed(known, await self.wanted(known, ask))
            self.kept.keep(asked, state, seconds, feed)
        return feed

    def _state(self, known: Known) -> Hashable:
        """All that decides a list, beside what is asked for."""
        at, trending = known.at, self.trending
        hour = (at.year, at.month, at.day, at.hour)
        told = (known.lately.state, known.is_away, self.rights.number)
        charts = (trending.is_stale, self.near.are_counted)
        return known.recommender.bundle.version, told, hour, charts, trending.chart

    def at_hand(self, listener: UserId, ask: Ask) -> tuple[Again, datetime] | None:
        """A list that is kept, and the present moment, for whom nothing need be asked; None where it must be made or asked for."""
        recommender, lately = self.live.current, self.online.held.of(listener)
        kept = self.kept.young((listener, ask), time.monotonic())
        if recommender is None or lately is None or kept is None:
            return None
        at, again = self.now(), kept.again
        version, rights, chart = recommender.bundle.version, self.rights.number, self.trending.chart
        if again is None or not again.holds(version, lately, rights, chart, at):
            known = Known(recommender, listener, lately, is_away=False, at=at)
            again = kept.again = self._again(known, kept, ask.surface)
        return None if again is None else (again, at)

    def _again(self, known: Known, kept: KeptFeed, surface: str) -> Again | None:
        """A kept list as it is given again, where it is as it would be made now."""
        recommender, lately, at, chart = known.recommender, known.lately, known.at, self.trending.chart
        if not known.is_somebody or kept.state != self._state(known):
            return None
        until = at.replace(minute=0, second=0, microsecond=0) + HOUR
        if chart.refreshed_at is not None and not self.trending.is_stale:
            until = min(until, chart.refreshed_at + STALE)
        slate = recommender.slate(kept.feed, at=at, stale=self.stale(is_away=False))
        name, time_of = str(slate.slate_id).encode(), moment(at)
        told = encode([served(slate, kept.feed, surface)]) if slate.items else None
        return Again(
            recommender.bundle.version,
            lately,
            self.rights.number,
            chart,
            at,
            until if self.near.are_counted else at,
            slate.policy,
            around(encoded(slate), name, time_of),
            None if told is None else around(told, name, time_of),
        )

    def given(self, again: Again, at: datetime) -> tuple[bytes, ...]:
        """Another slate of a list, as JSON in pieces, of which the log is told."""
        hit()
        name, time_of = new_id_text(at), moment(at)
        if again.told is not None:
            before, between, after = again.told
            self.log.tell_encoded(b"".join((before, name, between, time_of, after)))
        before, between, after = again.answer
        return before, name, between, time_of, after

    async def known(self, listener: UserId) -> Known:
        """What is known of a listener at this moment.

        Of who has just signed up that is nothing: word of them is still on its way through the log, and their token vouches for
        them meanwhile.
        """
        recommender = self.live.current or nothing_published()
        try:
            lately, is_away = await self.online.of(listener), False
        except Unreachable:
            lately, is_away = NOT_LATELY, True
        return Known(recommender, listener, lately, is_away, self.now())

    async def wanted(self, known: Known, ask: Ask) -> Wanted:
        """What a request says, in terms of the version that answers it. Raises UnknownSeed."""
        seeds, asked = None, (*ask.seeds, *_last(known, ask))
        if asked:
            # Only words need the model of texts and the vectors of the version: in a thread, for they take milliseconds.
            has_text = any(each.kind == "text" for each in asked)
            found = (known.recommender, asked, self._nearest_in_words(known))
            seeds = await asyncio.to_thread(seeds_of, *found) if has_text else seeds_of(*found)
        excluded = places_of(known.recommender, ask.exclude)
        return Wanted(
            limit=ask.limit,
            seeds=seeds,
            excluded=excluded,
            session=places_of(known.recommender, ask.context)[::-1],
            dials=replace(Dials(), familiarity=ask.familiarity),
            budget=ask.budget,
            seed=seed_of(known.listener, f"{_hour(known)} {ask.surface}"),
        )

    def feed(self, known: Known, wanted: Wanted) -> Feed:
        """The list, before it is served."""
        return known.recommender.feed(
            known.listener,
            known.lately,
            wanted,
            trends=Trends(self.trending.chart, self.near.most_played, self.near.rising),
            at=known.at,
            rights=self.rights,
        )

    def tell(self, slate: Slate, feed: Feed, surface: str) -> None:
        """Let the log know what was served, and how likely each of it was; nobody waits for that."""
        if slate.items:
            self.log.tell([served(slate, feed, surface)])

    def stale(self, *, is_away: bool) -> tuple[str, ...]:
        """What an answer is made from that may be out of date."""
        parts = {"recent_songs": is_away, "trending": self.trending.is_stale}
        return tuple(part for part, is_stale in parts.items() if is_stale)

    def _nearest_in_words(self, known: Known) -> NearestInWords:
        version = known.recommender.bundle.version or None

        def nearest(text: str) -> list[int]:
            vector, name = embedded(text), SongVectors.text
            try:
                found = self.vectors.nearest(COLLECTION, vector, OF_TEXT, name=name, version=version)
            except UnknownPoint:  # this version has no texts
                return []
            except (UnknownVersion, NothingPublished) as error:
                raise NoModel("the published version was just replaced: ask again") from error
            return [neighbour.id for neighbour in found]

        return nearest


def _hour(known: Known) -> str:
    return f"{known.at:%Y-%m-%dT%H}"


def _last(known: Known, ask: Ask) -> list[Named]:
    """The last songs of the session, the newest first, else the last that the listener heard."""
    song_ids = known.recommender.bundle.song_ids
    recent = dict.fromkeys([*(each.id for each in ask.context[::-1]), *known.lately.song_ids])
    there = (song for song in recent if position(song_ids, song) is not None)
    return [Named("song", song) for song in islice(there, ask.goes_on)]


def served(slate: Slate, feed: Feed, surface: str) -> SlateServed:
    """The slate as the event that it was served."""
    return SlateServed(
        slate_id=slate.slate_id,
        listener_id=slate.user_id,
        served_at=slate.generated_at,
        surface=surface,
        policy=slate.policy,
        model=slate.model or "",
        version=slate.version or "",
        songs=songs_of(feed),
        seed=feed.seed,
        candidates_hash=feed.candidates_hash,
    )


def songs_of(feed: Feed) -> tuple[ServedSong, ...]:
    """The songs of a list as the log is told of them."""
    chances = zip(feed.items, feed.propensities, strict=True)
    return tuple(ServedSong(item.song_id, item.score, propensity) for item, propensity in chances)


def seed_of(listener: UserId, occasion: str) -> int:
    """What chance is drawn from, 63 bits: the same on one occasion, so that a feed that is asked for again is the same feed.

    Of a feed the occasion is the hour. Listeners and occasions have seeds that know nothing of each other.
    """
    words = f"{listener} {occasion}".encode()
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big") >> 1
