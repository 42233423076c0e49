"""Recommends songs from one published bundle: to one listener or to everyone, by one and the same code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from feature_store.online import Lately
from foundation.contracts.tables import Listeners
from foundation.engines.vectors.port import EXACT_UP_TO as SEARCHED_UP_TO
from foundation.ids import UserId, new_play_id
from models.arrays import Factors, Positions, among, once
from models.bundle import Bundle
from models.diversity.choosing import Dials
from serving.recommend.asking import Asker, Seeds, Trends, Wanted
from serving.recommend.filters import Barred, Rules
from serving.recommend.history import WITHOUT_TASTE, Histories, History, position, positions
from serving.recommend.names import SongNames
from serving.recommend.policy import Chosen, chosen_for
from serving.recommend.ranking import EXACT_UP_TO, Ranked, SongSpace
from serving.recommend.reasons import POPULAR, TRENDING, UNHEARD, Reasons
from serving.recommend.retrieval import TASTE, Sources
from serving.recommend.rights import Rights
from serving.recommend.schemas import Item, Slate, SlateId
from serving.recommend.songs import SongFacts
from serving.trending.schemas import Chart, TrendingSong

SPARE = 32  # candidates more than wanted from the index, so that ties at the end are broken by song id
TIMES = (1, 2, 8)  # so many times as many are asked of the index, where the rules take too many away
SOME = 500  # songs that are looked at together, where a list is filled with popular ones
AT_A_TIME = 500  # listeners
PICKED = 3.0  # listens that a genre counts for whom it was named by: it fades as they listen
SEEDED, BY_GENRES = "seeded", "genres"  # the policies beside those of `history`
# The part of the vectors port that ranking needs, pinned to one version: a vector, how many, and the songs (by id,
# ascending) that are left out; gives the ids of the songs with the highest inner products.
NearestSongs: TypeAlias = Callable[[Factors, int, Positions], list[int]]

NOT_LATELY = Lately(is_known=False)
NOBODY_LATELY: Mapping[UserId, Lately] = {}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Feed(msgspec.Struct, frozen=True):
    """What one listener gets, before it is served to anyone: the policy that chose, its choice, and how it was chosen."""

    user_id: UserId
    policy: str
    items: tuple[Item, ...]
    propensities: tuple[float, ...]  # of each item to stand where it does
    seed: int = 0
    candidates_hash: int = 0


@dataclass(frozen=True, slots=True)
class Recommender:
    """One bundle and what is computed from it once. It never changes, so a request may hold it as long as it likes."""

    bundle: Bundle
    space: SongSpace
    histories: Histories
    names: SongNames
    facts: SongFacts
    sources: Sources
    reasons: Reasons
    rules: Rules
    known: Positions  # the ids of all listeners, ascending
    countries: tuple[str, ...]  # of them
    nearest: NearestSongs
    searched_up_to: int = SEARCHED_UP_TO  # songs: of more the index of the published version is asked
    _ruled: list[tuple[int, Rules]] = field(default_factory=list)  # the rules with the newest changes

    @classmethod
    def over(
        cls, bundle: Bundle, nearest: NearestSongs, *, searched_up_to: int = SEARCHED_UP_TO
    ) -> "Recommender":
        """The recommender of a bundle; takes as long as a pass over its factors."""
        facts, names, songs = SongFacts.of(bundle), SongNames.of(bundle.songs), len(bundle.song_ids)
        countries = pl.Series([""] * bundle.listeners.height, dtype=pl.String)
        if Listeners.country in bundle.listeners.columns:
            countries = bundle.listeners[Listeners.country].fill_null("")
        return cls(
            bundle,
            # Beyond what is searched here the published version has cells, which its readers share.
            SongSpace.of(bundle.song_factors, exact_up_to=EXACT_UP_TO if songs <= searched_up_to else songs),
            Histories.of(bundle),
            names,
            facts,
            Sources.of(bundle, facts),
            Reasons(bundle, names),
            Rules.of(bundle),
            bundle.listeners["listener_id"].to_numpy().astype(np.int64),
            tuple(countries.to_list()),
            nearest,
            searched_up_to,
        )

    def knows(self, listener: UserId) -> bool:
        """Whether the catalog had told of this listener when the bundle was made."""
        return position(self.known, listener) is not None

    def ruled_by(self, rights: Rights | None) -> Rules:
        """What songs may be given for, with what the catalog told since the bundle was made."""
        if rights is None or not rights.number:
            return self.rules
        known, rules = self._ruled[0] if self._ruled else (0, self.rules)
        number = rights.number
        if known != number:
            rules = rules.after(rights.since(known))
            self._ruled[:] = [(number, rules)]
        return rules

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
        feed = self.feed(listener, lately, Wanted(limit), trends=Trends(chart), at=at)
        return self.slate(feed, at=at, stale=stale)

    def feed(
        self,
        listener: UserId,
        lately: Lately,
        wanted: Wanted,
        *,
        trends: Trends,
        at: datetime,
        rights: Rights | None = None,
    ) -> Feed:
        """What one listener gets of what a request wants."""
        return self._feed(listener, wanted, lately, trends, at, self.ruled_by(rights))

    def slate(self, feed: Feed, *, at: datetime, stale: tuple[str, ...] = ()) -> Slate:
        """A feed as it is served."""
        return Slate(
            slate_id=SlateId(new_play_id(at)),
            user_id=feed.user_id,
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
        trends: Trends,
        lately: Mapping[UserId, Lately] = NOBODY_LATELY,
        dials: Dials | None = None,
        at: datetime = LONG_AGO,
        rights: Rights | None = None,
    ) -> Iterator[list[Feed]]:
        """The same for many listeners, in their order, some at a time; nothing is left to chance."""
        wanted = Wanted(limit) if dials is None else Wanted(limit, dials=dials)
        rules = self.ruled_by(rights)
        for start in range(0, len(listeners), AT_A_TIME):
            yield [
                self._feed(each, wanted, lately.get(each, NOT_LATELY), trends, at, rules)
                for each in listeners[start : start + AT_A_TIME]
            ]

    def _feed(
        self, listener: UserId, wanted: Wanted, lately: Lately, trends: Trends, at: datetime, rules: Rules
    ) -> Feed:
        asker = self.asker(listener, lately, wanted, trends=trends, at=at, rules=rules)
        query = asker.history.taste if wanted.seeds is None else asker.direction
        if query is not None:
            asker = replace(asker, nearest=self.nearest_songs(query, asker, max(TASTE, 3 * wanted.limit)))
        chosen = chosen_for(asker, self.sources, self.bundle.ranker)
        items = self._because(chosen, asker)
        filled = self._filled(items, asker, rules)
        certain = (1.0,) * (len(filled) - len(items))
        return Feed(
            listener,
            _policy(asker, chosen),
            tuple(filled),
            (*chosen.propensities.tolist(), *certain),
            wanted.seed if wanted.budget.share else 0,
            chosen.candidates_hash,
        )

    def asker(
        self, listener: UserId, lately: Lately, wanted: Wanted, *, trends: Trends, at: datetime, rules: Rules
    ) -> Asker:
        """All that is known of somebody who asks."""
        history = self.histories.history(listener, lately, at, wanted.session)
        country = lately.country
        if not country and (row := position(self.known, listener)) is not None:
            country = self.countries[row]
        barred = rules.barred(
            lately,
            country,
            self.facts,
            at,
            places=(wanted.excluded, wanted.session),
            artists=wanted.excluded_artists,
        )
        return Asker(
            listener=listener,
            lately=lately,
            history=history,
            country=country,
            at=at,
            wanted=wanted,
            barred=barred,
            mix=self._mix(history, lately),
            trends=trends,
            direction=None if wanted.seeds is None else self.direction(wanted.seeds),
        )

    def direction(self, seeds: Seeds) -> Factors | None:
        """Where seeds point, of length 1: what the model would say of somebody who heard just them."""
        places = once(seeds.places)
        row = self.histories.fold_in.row(places, np.ones(len(places), np.float32))
        if row is None:  # of songs that nobody has heard, the middle of where their words place them
            at = positions(self.sources.placed, places)
            row = self.sources.placed_factors[at].mean(axis=0) if len(at) else None
        length = 0.0 if row is None else float(np.sqrt(row @ row))
        return None if row is None or not length else row / np.float32(length)

    def _mix(self, history: History, lately: Lately) -> NDArray[np.float64]:
        """What part of a listener's listens each genre has; what they named counts like a few."""
        mix = np.zeros(len(self.facts.genre_names))
        if len(history.speaking):
            genres = self.facts.genres[history.speaking]
            mix += np.bincount(genres, np.log1p(history.listens.astype(np.float64)), len(mix))
        for genre in lately.wishes.preferences.genres:
            if (code := self.facts.genre_codes.get(genre.lower())) is not None:
                mix[code] += PICKED
        if (unnamed := self.facts.genre_codes.get("")) is not None:
            mix[unnamed] = 0
        return mix / max(float(mix.sum()), 1e-9)

    def nearest_songs(self, query: Factors, asker: Asker, limit: int) -> Ranked:
        """The songs that point most where the query does, of those that were not heard and may be given."""
        heard, barred = asker.history.heard, asker.barred
        if len(self.bundle.song_ids) <= self.searched_up_to:
            return self.space.best_for(query, heard, limit, barred.among)
        places = heard[:0]
        # Heard songs are left out by the index; the rules take few away, and where they take many, more are asked for.
        for asked in (times * (limit + SPARE) for times in TIMES):
            found = self.nearest(query, asked, self.bundle.song_ids[heard])
            places = np.searchsorted(self.bundle.song_ids, np.array(sorted(found), np.int64))
            places = places[~(barred.among(places) | among(places, heard))]
            if len(places) >= limit or len(found) < asked:
                break
        return self.space.settled(query, places, limit)

    def _because(self, chosen: Chosen, asker: Asker) -> list[Item]:
        """The songs that were chosen, with what speaks for them."""
        reasons = self.reasons.of(chosen, asker)
        listed = zip(chosen.places.tolist(), chosen.scores.tolist(), reasons, strict=True)
        return [
            self.names.item(rank, place, round(score, 6), reason)
            for rank, (place, score, reason) in enumerate(listed, start=1)
        ]

    def _filled(self, chosen: list[Item], asker: Asker, rules: Rules) -> list[Item]:
        """The chosen songs and after them what is trending, then what is popular, until there are `limit`."""
        limit, items = asker.wanted.limit, list(chosen)
        if len(chosen) >= limit:
            return items
        taken = set(asker.history.heard.tolist())
        taken.update(
            place for item in items if (place := position(self.bundle.song_ids, item.song_id)) is not None
        )
        beside = (
            set(asker.history.told.tolist()) | rules.beside | set(asker.lately.wishes.hidden_songs.tolist())
        )
        hidden = set(asker.lately.wishes.hidden_artists.tolist())
        for song, place in self._charted(asker):
            if len(items) == limit:
                return items
            if song.artist_id in hidden or (song.song_id in beside if place is None else place in taken):
                continue
            if place is None:
                beside.add(song.song_id)
            else:
                taken.add(place)
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
        for place in self._popular(asker.barred):
            if len(items) == limit:
                break
            if place not in taken:
                reason = POPULAR if self.bundle.popularity[place] > 0 else UNHEARD
                items.append(self.names.item(len(items) + 1, place, 0.0, reason))
        return items

    def _charted(self, asker: Asker) -> Iterator[tuple[TrendingSong, int | None]]:
        """The songs of the chart that may be given, each with its position if the bundle has it."""
        songs, ids = asker.trends.chart.songs, self.bundle.song_ids
        places = [position(ids, song.song_id) for song in songs]
        known = np.array([place for place in places if place is not None], np.int64)
        barred = set(known[asker.barred.among(known)].tolist())
        return ((song, place) for song, place in zip(songs, places, strict=True) if place not in barred)

    def _popular(self, barred: Barred) -> Iterator[int]:
        """All songs that may be given, the most popular first."""
        for start in range(0, len(self.facts.by_popularity), SOME):
            places = self.facts.by_popularity[start : start + SOME]
            yield from places[~barred.among(places)].tolist()


def _policy(asker: Asker, chosen: Chosen) -> str:
    if asker.wanted.seeds is not None and len(chosen.places):
        return SEEDED
    if asker.history.taste is not None and len(chosen.places):
        return asker.history.policy
    return BY_GENRES if "genres" in chosen.sources else WITHOUT_TASTE
