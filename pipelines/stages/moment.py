"""Serving as it would have been at the end of a past: a bundle of it, its charts, and what each listener heard lately."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from feature_store.definitions import RECENT_SONGS
from feature_store.online import Lately
from foundation.contracts.tables import Listeners, Songs
from foundation.ids import SongId, UserId
from models.als.training import Parameters, train
from models.arrays import Factors, Positions
from models.bundle import Bundle
from models.content import Content
from models.cooccurrence.sessions import Sessions
from models.diversity.choosing import PLAIN
from models.exploration.audience import needs_of
from models.graph_filter import GraphFilter
from models.library import Library
from models.past import Past
from models.ranker.linear import DEFAULT, NAMES, Linear
from models.together import LEAST, SHRUNK, Together
from serving.recommend.asking import Trends, Wanted
from serving.recommend.history import NOTHING
from serving.recommend.recommender import Feed, Recommender

CHARTED_FOR, CHARTED = timedelta(days=7), 50  # as the charts of feeds
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # the moment of a past without times: nothing is fresh at it
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """Serving at the end of a past."""

    past: Past
    library: Library
    recommender: Recommender
    at: datetime
    trends: Trends

    @classmethod
    def of(
        cls,
        past: Past,
        library: Library,
        parameters: Parameters,
        *,
        ranker: Linear = DEFAULT,
        progress: Progress | None = None,
    ) -> Self:
        """Trains what the bundle of that moment would have held, from the past alone."""
        at, model = moment_of(past), train(past.listens, parameters, progress=progress)
        known = past.known() > 0
        factors = np.where(known[:, None], model.song_factors, 0).astype(np.float32)
        listeners = np.flatnonzero(np.diff(past.listens.indptr) > 0)
        popularity = np.asarray(past.listens.sum(axis=0)).ravel().astype(np.int64)
        together = Sessions.learn(past, least=LEAST, shrunk=SHRUNK).together
        bundle = Bundle(
            version="past",
            model="als/past",
            song_ids=library.songs[Songs.song_id].to_numpy().astype(np.int64),
            song_factors=factors,
            listener_ids=library.listeners[Listeners.listener_id].to_numpy()[listeners].astype(np.int64),
            listener_factors=np.ascontiguousarray(model.listener_factors[listeners]),
            heard=past.listens[listeners],
            popularity=popularity,
            songs=library.songs,
            listeners=library.listeners,
            trained_until=at,
            parameters=parameters,
            content=Content() if library.texts is None else Content.of(library.texts, factors, popularity),
            together=Together.of(together) if together.nnz else Together(),
            graph_filter=GraphFilter.learn(past, parameters.seed),
            needs=needs_of(popularity),
            ranker=ranker,
        )
        near = Charts.of(past, library, at)
        recommender = Recommender.over(bundle, _nobody, searched_up_to=len(bundle.song_ids))
        return cls(past, library, recommender, at, Trends(near=near.most_played))

    def by(self, ranker: Linear) -> "Moment":
        """The same with other weights."""
        return self.of_bundle(replace(self.recommender.bundle, ranker=ranker))

    def of_bundle(self, bundle: Bundle) -> "Moment":
        """The same with a bundle that differs in what is not computed from it once."""
        sources = replace(self.recommender.sources, bundle=bundle)
        reasons = replace(self.recommender.reasons, bundle=bundle)
        recommender = replace(self.recommender, bundle=bundle, sources=sources, reasons=reasons)
        return replace(self, recommender=recommender)

    def feeds(self, rows: Positions, wanted: Wanted) -> Iterator[Feed]:
        """What the listeners in these rows of the past get; what is drawn by chance, each by their own."""
        ids = self.library.listeners[Listeners.listener_id].to_numpy()
        for row, lately in zip(rows.tolist(), self.lately(rows), strict=True):
            asked = replace(wanted, seed=row)
            yield self.recommender.feed(UserId(int(ids[row])), lately, asked, trends=self.trends, at=self.at)

    def candidates(
        self, row: int, also: Positions = NOTHING, *, lately: Lately | None = None, at: datetime | None = None
    ) -> tuple[Positions, Factors]:
        """All candidates of the listener in a row, by position, and the features by which serving would rank them.

        Songs of `also` are among them, where they may be given. None where nothing is found. With `lately` and `at`, as they
        were later on: by what was known of the listener then and what this moment knows of everything else.
        """
        seen: list[tuple[Positions, Factors]] = []
        wanted = Wanted(1, dials=PLAIN, also=also, watch=lambda *told: seen.append(told))
        listener = UserId(int(self.library.listeners[Listeners.listener_id][row]))
        told = next(self.lately(np.array([row]))) if lately is None else lately
        self.recommender.feed(listener, told, wanted, trends=self.trends, at=at or self.at)
        return seen[0] if seen else (NOTHING, np.empty((0, len(NAMES)), np.float32))

    def lately(self, rows: Positions) -> Iterator[Lately]:
        """What the online store would have told of them: their last songs, each by its latest listen, newest first."""
        plays = self.past.plays
        song_ids = self.library.songs[Songs.song_id].to_numpy()
        if plays is None or not plays.is_timed:
            yield from (Lately(is_known=True) for _ in rows)
            return
        heard = plays.where(~plays.is_skip)
        begins = np.searchsorted(heard.listeners, [rows, rows + 1])
        least = self.at.timestamp() - RECENT_SONGS.kept.total_seconds()
        for start, stop in begins.T.tolist():
            songs, at = heard.songs[start:stop][::-1], heard.at[start:stop][::-1]
            _, first = np.unique(songs, return_index=True)
            first = np.sort(first)[: RECENT_SONGS.limit]
            first = first[at[first] >= least]
            yield Lately(
                is_known=True,
                song_ids=tuple(SongId(song) for song in song_ids[songs[first]].tolist()),
                listened_ms=tuple((1000 * at[first]).astype(np.int64).tolist()),
            )


def moment_of(past: Past) -> datetime:
    """Just after the last play."""
    if past.plays is None or not past.plays.is_timed or not len(past.plays.at):
        return NO_TIME
    return datetime.fromtimestamp(float(past.plays.at.max()), UTC) + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Charts:
    """The songs most listened to in the week before a moment, of a genre and a country or of all."""

    song_ids: NDArray[np.int64]
    songs: Positions  # of each listen of that week
    countries: NDArray[np.str_]  # likewise
    genres: NDArray[np.str_]  # of each song, in lower case
    _known: dict[tuple[str | None, str | None], Sequence[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, past: Past, library: Library, at: datetime) -> Self:
        """The charts at the end of a past; without times there are none."""
        plays = past.plays
        ids = library.songs[Songs.song_id].to_numpy()
        genres = library.songs[Songs.genre].fill_null("").str.to_lowercase().to_numpy().astype(np.str_)
        if plays is None or not plays.is_timed:
            return cls(ids, np.empty(0, np.int64), np.empty(0, np.str_), genres)
        week = plays.where(~plays.is_skip & (plays.at >= (at - CHARTED_FOR).timestamp()))
        countries = library.listeners[Listeners.country].fill_null("").to_numpy().astype(np.str_)
        return cls(ids, week.songs, countries[week.listeners], genres)

    def most_played(self, genre: str | None, region: str | None) -> Sequence[int]:
        """The ids of the first songs, the most listened to first, then by id."""
        found = self._known.get((genre, region))
        if found is None:
            here = self.songs if region is None else self.songs[self.countries == region]
            listens = np.bincount(here, minlength=len(self.song_ids))
            if genre is not None:
                listens = np.where(self.genres == genre, listens, 0)
            best = np.argsort(-listens, kind="stable")[:CHARTED]
            found = self._known[genre, region] = self.song_ids[best[listens[best] > 0]].tolist()
        return found


def _nobody(_vector: Factors, _limit: int, _excluded: Positions) -> list[int]:
    """No index is asked: a past is small enough to look at every song."""
    return []
