"""A made-up world at play: sessions through the day, and songs chosen, finished or skipped in them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from pipelines.world.backdrop import COUNTRIES
from pipelines.world.catalogue import Catalogue, Floats, Ints, Vectors, shares
from pipelines.world.people import FAVOURITES, People

HOUR_MS = 3_600_000
PLAYS_A_SESSION = 12.0
CANDIDATES = 6  # songs that come to mind, one of them new; the one that fits best is played
NEWS = 5  # how many songs of a scene are its news
SCENE_STEP = 1_000_000  # more days than any two releases lie apart
FIT = 5.0  # how much fitting counts against chance
LOCAL_BOOST = np.log(3.5)  # for artists of one's own country
NEW_BOOST, NEW_DAYS = np.log(12.0), 5.0
IN_THE_MOOD = 0.75  # share of a session's songs that stay in its genre
FAVOURITE_SHARE = 0.35  # of the plays return to a song one knows and loves
SKIP_BELOW_MS = 30_000
ENDINGS = ("", "finished", "skipped", "stopped")  # what a player says of the end of a play; "": nothing
UNTOLD, FINISHED, SKIPPED, STOPPED = range(4)
STOPS = 0.5  # share of songs left unfinished at the end of a session that were closed, not skipped
TACITURN = 0.1  # share of listeners whose player says nothing
# By hour of the local day, from midnight.
HOURS = np.array(
    [4, 2, 1, 1, 1, 2, 5, 10, 13, 10, 9, 9, 10, 10, 9, 9, 11, 14, 16, 17, 17, 16, 13, 8], dtype=np.float64
)
WEEKDAYS = np.array([1.0, 0.97, 0.98, 1.02, 1.2, 1.35, 1.15])  # from Monday


@dataclass(frozen=True, slots=True)
class Plays:
    """Plays, one row each: indices of listener, song and ending, `started_ms` since 1970, `played_ms`."""

    listener: Ints
    song: Ints
    started_ms: Ints
    played_ms: Ints
    ending: Ints


@dataclass(frozen=True, slots=True)
class Calendar:
    """The watched time in hours from its beginning, and how many sessions begin in each, by country."""

    begins_ms: int
    hours: int
    cumulative: Floats

    @classmethod
    def of(cls, begins_at: datetime, days: int) -> "Calendar":
        """More on weekends and in the evening of the local clock, and some growth over a year."""
        hours = np.arange(days * 24)
        rows = []
        for country in COUNTRIES:
            local = begins_at + timedelta(hours=country.clock)
            since_midnight = local.hour + hours
            weekday = (local.weekday() + since_midnight // 24) % 7
            growth = 1 + hours / (24 * 365)
            rows.append(np.cumsum(shares(HOURS[since_midnight % 24] * WEEKDAYS[weekday] * growth)))
        return cls(int(begins_at.timestamp() * 1000), days * 24, np.array(rows))

    def moments(self, rng: np.random.Generator, countries: Ints, joined: Floats) -> Ints:
        """A moment for each session, in milliseconds since 1970; nobody listens before having joined."""
        hour = np.empty(len(countries), dtype=np.int64)
        for country, cumulative in enumerate(self.cumulative):
            here = np.flatnonzero(countries == country)
            before = np.interp(joined[here] * self.hours, np.arange(self.hours + 1), [0.0, *cumulative])
            drawn = before + (1 - before) * rng.random(len(here))
            hour[here] = np.searchsorted(cumulative, drawn, side="right").clip(max=self.hours - 1)
        moments: Ints = self.begins_ms + hour * HOUR_MS + rng.integers(HOUR_MS, size=len(hour))
        return moments


@dataclass(frozen=True, slots=True)
class Shelf:
    """The songs sorted by scene, with running sums of their weights: one look-up draws a song of a scene."""

    order: Ints
    cumulative: Floats
    first: Ints  # of each scene, and one more
    released: Ints  # the scene and the day of release in one ascending number
    ancestors: Ints  # the longest-known song of each scene

    @classmethod
    def of(cls, catalogue: Catalogue) -> "Shelf":
        """Unreleased songs are on the shelf too: whoever draws must look at the date."""
        order = np.lexsort((catalogue.released_days, catalogue.song_scene))
        first = np.searchsorted(catalogue.song_scene[order], np.arange(len(catalogue.scene_genre) + 1))
        cumulative = np.concatenate([[0.0], np.cumsum(catalogue.song_weights[order])])
        released = catalogue.song_scene[order] * SCENE_STEP + catalogue.released_days[order]
        return cls(order, cumulative, first, released, order[first[:-1]])

    def songs(self, rng: np.random.Generator, scenes: Ints) -> Ints:
        """One song of each scene given, by weight."""
        low, high = self.cumulative[self.first[scenes]], self.cumulative[self.first[scenes + 1]]
        drawn = (
            np.searchsorted(self.cumulative, low + (high - low) * rng.random(scenes.shape), side="right") - 1
        )
        songs: Ints = self.order[drawn.clip(self.first[scenes], self.first[scenes + 1] - 1)]
        return songs

    def news(self, rng: np.random.Generator, scenes: Ints, days: Ints) -> Ints:
        """One of the last few songs that came out in each scene by a day."""
        latest = np.searchsorted(self.released, scenes * SCENE_STEP + days, side="right") - 1
        songs: Ints = self.order[
            np.maximum(latest - rng.integers(NEWS, size=len(scenes)), self.first[scenes])
        ]
        return songs


@dataclass(frozen=True, slots=True)
class Stage:
    """All that stays the same while people listen."""

    catalogue: Catalogue
    people: People
    calendar: Calendar
    shelf: Shelf
    until_ms: int

    def play(self, rng: np.random.Generator, telling: np.random.Generator, first: int, last: int) -> Plays:
        """What the listeners `first` to `last` - 1 play in the watched time, ordered by listener and time.

        What players tell of it comes from `telling`: who plays what does not hang on that.
        """
        days = self.calendar.hours / 24
        span = 1 - self.people.joined[first:last]
        sessions = rng.poisson(self.people.sessions_a_day[first:last] * days * span)
        listener = np.repeat(np.arange(first, last), sessions)
        begun = self.calendar.moments(rng, self.people.countries[listener], self.people.joined[listener])
        order = np.lexsort((begun, listener))
        begun, mood = begun[order], self._moods(rng, listener, begun[order])
        count = rng.geometric(1 / PLAYS_A_SESSION, len(listener))
        session = np.repeat(np.arange(len(listener)), count)
        song = self._choices(rng, listener[session], mood[session], begun[session], first, last)
        played = lengths(rng, self.catalogue, self.people, listener[session], song)
        started = _starts(rng, listener, begun, session, played)
        done = started + played <= self.until_ms
        is_last = np.append(session[1:] != session[:-1], True) if len(session) else np.zeros(0, dtype=bool)
        is_taciturn = (telling.random(last - first) < TACITURN)[listener[session] - first]
        ending = np.where(
            is_taciturn, UNTOLD, endings(telling, self.catalogue, song, played, is_last=is_last)
        )
        return Plays(listener[session][done], song[done], started[done], played[done], ending[done])

    def _moods(self, rng: np.random.Generator, listener: Ints, begun: Ints) -> Ints:
        """A genre for each session: what one likes, sooner at its hour and in its season."""
        clocks = np.array([country.clock for country in COUNTRIES])[self.people.countries[listener]]
        hour = (begun // HOUR_MS + clocks) % 24
        yearday = begun // (24 * HOUR_MS) % 365
        best_hour = np.array([genre.hour for genre in self.catalogue.genres])
        best_day = np.array([genre.yearday for genre in self.catalogue.genres])
        tilt = (1 + 0.5 * np.cos((hour[:, None] - best_hour) * (2 * np.pi / 24))) * (
            1 + 0.3 * np.cos((yearday[:, None] - best_day) * (2 * np.pi / 365))
        )
        return _drawn(rng, self.people.genre_tastes[listener] * tilt.astype(np.float32))

    def _choices(
        self, rng: np.random.Generator, listener: Ints, mood: Ints, at: Ints, first: int, last: int
    ) -> Ints:
        """A song for each play: now and then a favourite, else what fits best of what comes to mind."""
        genre = mood.copy()
        away = np.flatnonzero(rng.random(len(mood)) > IN_THE_MOOD)
        genre[away] = _drawn(rng, self.people.genre_tastes[listener[away]])
        song = self._fitting(rng, listener, genre, at)

        fan = np.repeat(np.arange(first, last), FAVOURITES)
        loved = self._fitting(
            rng, fan, _drawn(rng, self.people.genre_tastes[fan]), np.full(len(fan), self.until_ms)
        )
        again = np.flatnonzero(rng.random(len(song)) < FAVOURITE_SHARE)
        rank = (FAVOURITES * rng.random(len(again)) ** 2).astype(np.int64)
        old = loved[(listener[again] - first) * FAVOURITES + rank]
        known = self.catalogue.released_days[old] * 24 * HOUR_MS + self.calendar.begins_ms <= at[again]
        song[again[known]] = old[known]
        return song

    def _fitting(self, rng: np.random.Generator, listener: Ints, genre: Ints, at: Ints) -> Ints:
        """The best of a few songs of a scene one likes: by taste, country, newness and chance (Gumbel)."""
        scene = genre * self.catalogue.scenes_of_a_genre + _drawn(
            rng, self.people.scene_tastes[listener, genre]
        )
        songs = self.shelf.songs(rng, np.broadcast_to(scene[:, None], (len(scene), CANDIDATES)))
        today = (at - self.calendar.begins_ms) // (24 * HOUR_MS)
        songs[:, 0] = self.shelf.news(rng, scene, today)
        fit = np.einsum("nd,ncd->nc", self.people.vectors[listener], self.catalogue.song_vectors[songs])
        age = (at - self.calendar.begins_ms)[:, None] / (24 * HOUR_MS) - self.catalogue.released_days[songs]
        appeal = FIT * fit + rng.gumbel(size=fit.shape)
        appeal += LOCAL_BOOST * (
            self.catalogue.song_country[songs] == self.people.countries[listener][:, None]
        )
        appeal += NEW_BOOST * np.exp(-np.abs(age) / NEW_DAYS)
        appeal[age < 0] = -np.inf
        best = appeal.argmax(axis=1)
        rows = np.arange(len(scene))
        chosen: Ints = np.where(age[rows, best] < 0, self.shelf.ancestors[scene], songs[rows, best])
        return chosen


def lengths(
    rng: np.random.Generator, catalogue: Catalogue, people: People, listener: Ints, song: Ints
) -> Ints:
    """How long each play lasts: skipped within half a minute if it fits badly, else mostly to the end."""
    fit = np.einsum("nd,nd->n", people.vectors[listener], catalogue.song_vectors[song])
    length = catalogue.songs["song_ms"].to_numpy()[song].astype(np.int64)
    skips = rng.random(len(song)) < 1 / (1 + np.exp(3.0 * fit - 0.15))
    early = (1_000 + (SKIP_BELOW_MS - 1_500) * rng.beta(1.2, 2.0, len(song))).astype(np.int64)
    part = np.where(rng.random(len(song)) < 0.8, 1.0, rng.random(len(song)))
    listened = SKIP_BELOW_MS + ((length - SKIP_BELOW_MS) * part).astype(np.int64)
    return np.where(skips, early, listened)


def endings(
    rng: np.random.Generator,
    catalogue: Catalogue,
    song: Ints,
    played_ms: Ints,
    *,
    is_last: npt.NDArray[np.bool_],
) -> Ints:
    """Why each play ended (as ENDINGS): at its end, or before it by a skip, or at a session's last song by closing."""
    length = catalogue.songs["song_ms"].to_numpy()[song].astype(np.int64)
    is_closed = is_last & (rng.random(len(song)) < STOPS)
    left = np.where(is_closed, STOPPED, SKIPPED)
    told: Ints = np.where(played_ms >= length, FINISHED, left)
    return told


def _drawn(rng: np.random.Generator, weights: Vectors | Floats) -> Ints:
    """One column for each row, by its weights."""
    cumulative = np.cumsum(weights, axis=1, dtype=np.float32)
    drawn = rng.random(len(weights), dtype=np.float32) * cumulative[:, -1]
    columns: Ints = np.minimum((cumulative <= drawn[:, None]).sum(axis=1), weights.shape[1] - 1)
    return columns


def _starts(rng: np.random.Generator, listener: Ints, begun: Ints, session: Ints, played: Ints) -> Ints:
    """When each play starts: one after another, and a session only after the one before has ended.

    With d the time all plays before one take together:

        start = d + max(begun - d at the session's beginning, over the listener's sessions so far)
    """
    taken = played + rng.integers(300, 4_000, size=len(played))
    before = np.cumsum(taken) - taken
    first_play = np.searchsorted(session, np.arange(len(begun)))
    spare = begun - before[first_play]
    # A step per listener larger than any difference keeps the running maximum from reaching the next one.
    step = np.int64(spare.max() - spare.min() + 1) if len(spare) else np.int64(1)
    ranks = np.unique(listener, return_inverse=True)[1]
    spare = np.maximum.accumulate(spare + ranks * step) - ranks * step
    starts: Ints = before + spare[session]
    return starts


Bytes = npt.NDArray[np.uint8]


def play_ids(rng: np.random.Generator, started_ms: Ints) -> Bytes:
    """UUIDs of version 8 (RFC 9562), 16 bytes a row: milliseconds in front, the generator's bits behind."""
    ids = np.frombuffer(rng.bytes(16 * len(started_ms)), dtype=np.uint8).reshape(-1, 16).copy()
    ids[:, :6] = started_ms.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 2:]
    ids[:, 6] = ids[:, 6] & 0x0F | 0x80
    ids[:, 8] = ids[:, 8] & 0x3F | 0x80
    return ids
