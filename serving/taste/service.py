"""Keeps what listeners want of their recommendations, tells what is thought of them, and tries changes out."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import numpy as np

from feature_store.online import Lately
from feature_store.wishes import Feedback, keep_now
from foundation.clock import microseconds
from foundation.contracts.events import FeedbackGiven
from foundation.errors import Unreachable
from foundation.ids import ArtistId, SongId, UserId
from models.exploration.drawing import NONE
from serving.recommend.asking import Trends, Wanted
from serving.recommend.history import EARLIEST, History, position
from serving.recommend.recommender import Feed
from serving.recommend.service import Ask, Known, Recommendations
from serving.similar.errors import UnknownArtist, UnknownSong
from serving.taste.errors import NoFeedback, RunsOutBefore
from serving.taste.schemas import (
    ArtistShare,
    FeedbackIn,
    FeedbackList,
    FeedbackOut,
    GenreShare,
    Influence,
    Kind,
    Moved,
    Preview,
    PreviewIn,
    Taste,
)

TOLD = 50  # songs and artists of a taste
MICROSECOND, MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)  # the warehouse holds no later moment


@dataclass(frozen=True, slots=True)
class Tasting:
    """What a listener may see and say of their own recommendations."""

    recommendations: Recommendations

    async def give(self, listener: UserId, told: FeedbackIn) -> FeedbackOut:
        """Keep a wish: on disk when this returns, and it holds for the next request.

        Raises UnknownSong, UnknownArtist, RunsOutBefore, and what the log refuses with.
        """
        known = await self.recommendations.known(listener)
        if told.until is not None and not known.at < told.until < LATEST:
            raise RunsOutBefore(f"{told.until} is not between now and {LATEST:%Y}")
        self._check_that_it_is_there(known, told.kind, told.id or 0)
        genre = (told.genre or "").lower()
        until = None if told.until is None else told.until.astimezone(UTC)
        event = self._event(known, told.kind, told.id or 0, genre, told.wish, until)
        await self._keep(event)
        return self._told(known, _feedback_of(event))

    async def all_of(self, listener: UserId) -> FeedbackList:
        """All wishes that hold. Raises Unreachable where nobody knows them at the moment."""
        known = await self.recommendations.known(listener)
        if known.is_away:
            raise Unreachable("what you told us is away at the moment")
        holding = [each for each in known.lately.wishes.feedback if each.holds(known.at)]
        return FeedbackList(tuple(self._told(known, each) for each in reversed(holding)))

    async def take_back(self, listener: UserId, kind: Kind | Literal["taste"], about: str) -> None:
        """End a wish. Raises NoFeedback, and what the log refuses with."""
        known = await self.recommendations.known(listener)
        target, genre = (0, about.lower()) if kind == "genre" else (int(about), "")
        given = [
            each
            for each in known.lately.wishes.feedback
            if (each.kind, each.target_id, each.genre) == (kind, target, genre)
        ]
        if not given and not known.is_away:
            raise NoFeedback(f"you gave no feedback on {kind} {about}", kind=kind)
        await self._keep(self._event(known, kind, target, genre, "", None))

    async def forget(self, listener: UserId, song: SongId | None) -> None:
        """Take a song, or everything heard so far, out of what is thought of the listener.

        Raises UnknownSong, and what the log refuses with.
        """
        known = await self.recommendations.known(listener)
        if song is None:
            await self._keep(self._event(known, "taste", 0, "", "forget", None))
            return
        self._check_that_it_is_there(known, "song", song)
        await self._keep(self._event(known, "song", song, "", "forget", None))

    async def taste(self, listener: UserId) -> Taste:
        """What is thought of the listener."""
        known = await self.recommendations.known(listener)
        recommender, names = known.recommender, known.recommender.names
        asker = recommender.asker(
            listener,
            known.lately,
            Wanted(0),
            trends=Trends(),
            at=known.at,
            rules=recommender.ruled_by(self.recommendations.rights),
        )
        history = asker.history
        weights = _weights(history)
        most = np.argsort(-weights, kind="stable")[:TOLD]
        recent = set(history.recent.tolist())
        forgets = [
            each for each in known.lately.wishes.feedback if each.wish == "forget" and each.holds(known.at)
        ]
        genres = np.argsort(-asker.mix, kind="stable")
        return Taste(
            user_id=listener,
            policy=history.policy,
            model=recommender.bundle.model or None,
            version=recommender.bundle.version or None,
            stale=("recent_songs",) if known.is_away else (),
            since=next((each.given_at for each in reversed(forgets) if each.kind == "taste"), None),
            songs_heard=len(history.heard),
            genres=tuple(
                GenreShare(recommender.facts.genre_names[code], round(float(asker.mix[code]), 4))
                for code in genres.tolist()
                if asker.mix[code] > 0
            ),
            artists=_artists(known, history, weights),
            songs=tuple(
                Influence(
                    names.song_ids[place],
                    names.titles[place],
                    names.artist_ids[place],
                    names.artists[place],
                    round(float(weight), 4),
                    place in recent,
                )
                for place, weight in zip(history.speaking[most].tolist(), weights[most].tolist(), strict=True)
            ),
            forgotten=tuple(each.target_id for each in forgets if each.kind == "song"),
        )

    async def preview(self, listener: UserId, change: PreviewIn) -> Preview:
        """The feed as it is and as it would be; nothing is kept, and nothing is left to chance."""
        known = await self.recommendations.known(listener)
        wanted = replace(await self.recommendations.wanted(known, Ask(change.limit)), budget=NONE)
        before = self.recommendations.feed(known, wanted)
        after = self.recommendations.feed(replace(known, lately=_changed(known, change)), wanted)
        stood = {item.song_id: item.rank for item in before.items}
        stands = {item.song_id: item.rank for item in after.items}
        return Preview(
            policy_before=before.policy,
            policy_after=after.policy,
            before=before.items,
            after=after.items,
            came=_missing(after, stood),
            left=_missing(before, stands),
            moved=tuple(
                Moved(song, rank, stands[song])
                for song, rank in stood.items()
                if song in stands and stands[song] != rank
            ),
        )

    async def _keep(self, event: FeedbackGiven) -> None:
        """In the log first: what it tells is safe then, and reaches Redis from there where it cannot be told now."""
        await self.recommendations.log.append([event])
        with suppress(Unreachable):
            await keep_now(self.recommendations.online.redis, event)
            self.recommendations.online.held.forget(UserId(event.listener_id))

    def _event(
        self, known: Known, kind: str, target: int, genre: str, wish: str, until: datetime | None
    ) -> FeedbackGiven:
        return FeedbackGiven(
            listener_id=known.listener,
            kind=cast("Any", kind),
            target_id=target,
            genre=genre,
            wish=cast("Any", wish),
            until=until,
            version=microseconds(known.at),
        )

    def _check_that_it_is_there(self, known: Known, kind: str, target: int) -> None:
        """Before anything is published, nobody knows what is there."""
        recommender = known.recommender
        if not recommender.bundle.version:
            return
        is_new = target in self.recommendations.rights.by_song
        if kind == "song" and position(recommender.bundle.song_ids, target) is None and not is_new:
            raise UnknownSong(SongId(target), recommender.bundle.version)
        if kind == "artist" and not len(recommender.facts.by_artist.of_value(target)):
            raise UnknownArtist(ArtistId(target), recommender.bundle.version)

    def _told(self, known: Known, given: Feedback) -> FeedbackOut:
        recommender, name = known.recommender, given.genre
        if given.kind == "song":
            place = position(recommender.bundle.song_ids, given.target_id)
            name = "" if place is None else recommender.names.titles[place]
        elif given.kind == "artist":
            songs = recommender.facts.by_artist.of_value(given.target_id)
            name = recommender.names.artists[int(songs[0])] if len(songs) else ""
        return FeedbackOut(
            kind=cast("Any", given.kind),
            id=given.target_id or None,
            genre=given.genre or None,
            name=name,
            wish=cast("Any", given.wish),
            until=given.until,
            given_at=given.given_at,
        )


def _feedback_of(event: FeedbackGiven) -> Feedback:
    given_at = EARLIEST + event.version * MICROSECOND
    return Feedback(event.kind, event.target_id, event.genre, event.wish, event.until, given_at)


def _weights(history: History) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The part of each song that speaks."""
    weights = np.log1p(history.listens.astype(np.float64))
    return weights / max(float(weights.sum()), 1e-9)


def _artists(
    known: Known, history: History, weights: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[ArtistShare, ...]:
    names, facts = known.recommender.names, known.recommender.facts
    artists, first, which = np.unique(facts.artists[history.speaking], return_index=True, return_inverse=True)
    shares = np.bincount(which, weights, len(artists))
    return tuple(
        ArtistShare(
            int(artists[at]), names.artists[int(history.speaking[first[at]])], round(float(shares[at]), 4)
        )
        for at in np.argsort(-shares, kind="stable")[:TOLD].tolist()
    )


def _changed(known: Known, change: PreviewIn) -> Lately:
    """What would be known of the listener."""
    lately, wishes = known.lately, known.lately.wishes
    forgets = tuple(Feedback("song", song, "", "forget", None, known.at) for song in change.forgets)
    now_ms = (known.at - EARLIEST) // MILLISECOND
    kept = [
        (song, at)
        for song, at in zip(lately.song_ids, lately.listened_ms, strict=True)
        if song not in change.plays
    ]
    return replace(
        lately,
        song_ids=(*map(SongId, reversed(change.plays)), *(song for song, _ in kept)),
        listened_ms=(*(now_ms for _ in change.plays), *(at for _, at in kept)),
        wishes=replace(
            wishes,
            loved_songs=_with(
                np.setdiff1d(wishes.loved_songs, np.array(change.hides, np.int64)), change.loves
            ),
            hidden_songs=_with(
                np.setdiff1d(wishes.hidden_songs, np.array(change.loves, np.int64)), change.hides
            ),
            feedback=(*wishes.feedback, *forgets),
        ),
    )


def _with(
    ids: np.ndarray[Any, np.dtype[np.int64]], more: Sequence[int]
) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.union1d(ids, np.array(more, np.int64)) if more else ids


def _missing(feed: Feed, elsewhere: dict[int, int]) -> tuple[int, ...]:
    return tuple(item.song_id for item in feed.items if item.song_id not in elsewhere)
