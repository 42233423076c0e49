"""Which songs a listener is not to be given, whatever speaks for them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from feature_store.online import Lately
from feature_store.rights import SongRights
from foundation.contracts.tables import Songs
from models.arrays import Positions, among, once
from models.bundle import Bundle
from serving.recommend.history import positions
from serving.recommend.songs import NOTHING, SongFacts

EVERYWHERE = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Barred:
    """What one listener is not given, whatever speaks for it; but for what they heard.

    It is asked for some hundred songs at a time: nothing here is as long as the catalogue and made for a request.
    """

    rules: "Rules"
    facts: SongFacts
    places: Positions  # songs by themselves, ascending
    artists: NDArray[np.int64]  # all of theirs, ascending
    genres: tuple[int, ...]  # all of these, by code
    is_shut: (
        NDArray[np.bool_] | None
    )  # [region sets]: whether the listener is elsewhere; None: nowhere matters
    allows_explicit: bool

    def has(self, place: int) -> bool:
        """Whether one song is barred."""
        return bool(self.among(np.array([place], np.int64))[0])

    def among(self, places: Positions) -> NDArray[np.bool_]:
        """Of each of these songs, whether it is barred."""
        rules, facts = self.rules, self.facts
        is_out = among(places, self.places)
        if len(rules.removed):
            is_out |= among(places, rules.removed)
        if self.is_shut is not None:
            is_out |= self.is_shut[rules.regions[places]]
        if not self.allows_explicit:
            is_out |= rules.is_explicit[places]
        if len(self.artists):
            is_out |= among(facts.artists[places], self.artists)
        for genre in self.genres:
            is_out |= facts.genres[places] == genre
        return is_out


@dataclass(frozen=True, slots=True)
class Rules:
    """What the songs of a bundle may be given for: as it says, and as the catalog told since."""

    song_ids: NDArray[np.int64]
    is_explicit: NDArray[np.bool_]  # [songs]
    region_sets: tuple[frozenset[str], ...]  # where songs may be played; the first is EVERYWHERE
    regions: NDArray[np.int32]  # [songs]: which set
    removed: Positions  # ascending
    beside: frozenset[int] = frozenset()  # ids of removed songs that the bundle does not have
    _shut: dict[str, NDArray[np.bool_] | None] = field(default_factory=dict)  # filled as people ask

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """As the bundle says."""
        songs = bundle.songs
        explicit, sets = np.zeros(songs.height, np.bool_), {EVERYWHERE: 0}
        regions = np.zeros(songs.height, np.int32)
        if Songs.is_explicit in songs.columns:
            explicit = songs[Songs.is_explicit].fill_null(value=False).to_numpy().astype(np.bool_)
        if Songs.is_everywhere in songs.columns:
            limited = songs.select(Songs.regions, at=pl.int_range(pl.len())).filter(
                ~songs[Songs.is_everywhere].fill_null(value=True)
            )
            for where, at in limited.iter_rows():
                regions[at] = sets.setdefault(frozenset(where or ()), len(sets))
        return cls(bundle.song_ids, explicit, tuple(sets), regions, NOTHING)

    def after(self, changes: Collection[SongRights]) -> "Rules":
        """With what the catalog told since."""
        explicit, regions = self.is_explicit.copy(), self.regions.copy()
        sets = {each: code for code, each in enumerate(self.region_sets)}
        removed, beside = set(self.removed.tolist()), set(self.beside)
        ids = np.array([change.song_id for change in changes], np.int64)
        known = np.isin(ids, self.song_ids)
        places = np.searchsorted(self.song_ids, ids)
        for change, is_known, place in zip(changes, known.tolist(), places.tolist(), strict=True):
            gone, key = (removed, place) if is_known else (beside, change.song_id)
            (gone.add if change.is_removed else gone.discard)(key)
            if is_known:
                explicit[place] = change.is_explicit
                where = EVERYWHERE if change.regions is None else frozenset(change.regions)
                regions[place] = sets.setdefault(where, len(sets))
        return replace(
            self,
            is_explicit=explicit,
            region_sets=tuple(sets),
            regions=regions,
            removed=np.array(sorted(removed), np.int64),
            beside=frozenset(beside),
            _shut={},
        )

    def barred(
        self,
        lately: Lately,
        country: str,
        facts: SongFacts,
        at: datetime,
        *,
        places: Sequence[Positions] = (),
        artists: NDArray[np.int64] = NOTHING,
    ) -> Barred:
        """What this listener, in this country, is not given; also `places` and all songs of `artists`, in any order."""
        wishes = lately.wishes
        never = [each for each in wishes.feedback if each.wish == "never" and each.holds(at)]
        unwanted = [each.target_id for each in never if each.kind == "artist"]
        songs = [each.target_id for each in never if each.kind == "song"]
        genres = [facts.genre_codes.get(each.genre.lower()) for each in never if each.kind == "genre"]
        hidden = positions(self.song_ids, _with(wishes.hidden_songs, songs))
        parts = [part for part in (hidden, *places) if len(part)]
        return Barred(
            self,
            facts,
            once(np.concatenate(parts)) if parts else NOTHING,
            once(np.concatenate([_with(wishes.hidden_artists, unwanted), artists])),
            tuple(code for code in genres if code is not None),
            self._is_shut(country),
            wishes.preferences.allows_explicit,
        )

    def _is_shut(self, country: str) -> NDArray[np.bool_] | None:
        """Of each set of regions, whether a country is outside; where it is unknown, all but everywhere are."""
        if len(self.region_sets) == 1:
            return None
        if country not in self._shut:
            self._shut[country] = np.array(
                [code > 0 and country not in where for code, where in enumerate(self.region_sets)]
            )
        return self._shut[country]


def _with(ids: NDArray[np.int64], others: Iterable[int]) -> NDArray[np.int64]:
    more = list(others)
    return np.append(ids, np.array(more, np.int64)) if more else ids
