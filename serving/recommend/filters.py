"""Which songs a listener is not to be given, whatever speaks for them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from feature_store.online import Lately
from feature_store.rights import SongRights
from foundation.contracts.tables import Songs
from models.arrays import Positions
from models.bundle import Bundle
from serving.recommend.history import positions
from serving.recommend.songs import NOTHING, SongFacts

EVERYWHERE = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the songs of a bundle may be given for: as it says, and as the catalog told since."""

    song_ids: NDArray[np.int64]
    is_explicit: NDArray[np.bool_]  # [songs]
    region_sets: tuple[frozenset[str], ...]  # where songs may be played; the first is EVERYWHERE
    regions: NDArray[np.int32]  # [songs]: which set
    removed: Positions
    beside: frozenset[int] = frozenset()  # ids of removed songs that the bundle does not have
    _explicit: Positions = field(default_factory=lambda: NOTHING)
    _by_country: dict[str, Positions] = field(default_factory=dict)  # filled as people ask

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
        return cls(
            bundle.song_ids, explicit, tuple(sets), regions, NOTHING, _explicit=np.flatnonzero(explicit)
        )

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
            _explicit=np.flatnonzero(explicit),
            _by_country={},
        )

    def bar(
        self, is_out: NDArray[np.bool_], lately: Lately, country: str, facts: SongFacts, at: datetime
    ) -> None:
        """Mark in `is_out` [songs] what this listener, in this country, is not given."""
        wishes = lately.wishes
        never = [each for each in wishes.feedback if each.wish == "never" and each.holds(at)]
        artists = [each.target_id for each in never if each.kind == "artist"]
        songs = [each.target_id for each in never if each.kind == "song"]
        for each in never:
            if each.kind == "genre":
                is_out[facts.of_genre(each.genre)] = True
        is_out[self.removed] = True
        is_out[self._outside(country)] = True
        is_out[positions(self.song_ids, _with(wishes.hidden_songs, songs))] = True
        is_out[facts.by_artist.of_values(_with(wishes.hidden_artists, artists))] = True
        if not wishes.preferences.allows_explicit:
            is_out[self._explicit] = True

    def _outside(self, country: str) -> Positions:
        """The songs that may not be played in a country; where it is unknown, those that may not be played everywhere."""
        found = self._by_country.get(country)
        if found is None:
            shut = [code for code, where in enumerate(self.region_sets) if code and country not in where]
            found = self._by_country[country] = np.flatnonzero(np.isin(self.regions, shut))
        return found


def _with(ids: NDArray[np.int64], others: Iterable[int]) -> NDArray[np.int64]:
    more = list(others)
    return np.append(ids, np.array(more, np.int64)) if more else ids
