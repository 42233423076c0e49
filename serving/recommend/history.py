"""What a listener has heard, as one bundle and the online store know it together, and the taste that follows from it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from feature_store.online import Lately, SongIds
from foundation.ids import UserId
from models.als.fold_in import NEWEST, FoldIn
from models.arrays import Factors, Positions
from models.bundle import Bundle

NOTHING: Positions = np.empty(0, np.int64)
TRAINED, FOLDED, WITHOUT_TASTE = "als", "als-fold-in", "trending"  # the policies that a slate names


@dataclass(frozen=True, slots=True)
class History:
    """One listener's songs, each at its position in the bundle, and what the model makes of them."""

    heard: Positions  # of all songs heard that the bundle has, ascending
    told: SongIds  # what the online store knows to be heard, whether or not the bundle has it
    policy: str
    taste: Factors | None  # [factors]; None for a listener of whom the model knows nothing


@dataclass(frozen=True, slots=True)
class Histories:
    """Puts together what was heard, and folds in what training did not know. Computed once for a bundle."""

    bundle: Bundle
    fold_in: FoldIn
    trained_until_ms: int  # since 1970

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """The histories of the listeners of a bundle; takes as long as a pass over its factors."""
        fold_in = FoldIn.into(bundle.song_factors, bundle.heard, bundle.parameters)
        return cls(bundle, fold_in, round(bundle.trained_until.timestamp() * 1000))

    def history(self, listener: UserId, lately: Lately) -> History:
        """The history of a listener. The trained row serves unless they have heard what it does not know."""
        row = position(self.bundle.listener_ids, listener)
        trained, listens = self._trained(row)
        told, since = np.union1d(np.array(lately.song_ids, np.int64), lately.heard), self._since(lately)
        heard = np.union1d(trained, positions(self.bundle.song_ids, told)) if len(told) else trained
        is_news = np.ones(len(heard), np.bool_)
        is_news[np.searchsorted(heard, trained)] = False
        is_news[np.searchsorted(heard, since)] = True
        is_news &= self.fold_in.is_known[heard]
        if not is_news.any():
            taste = None if row is None else self.bundle.listener_factors[row]
            return History(heard, told, WITHOUT_TASTE if taste is None else TRAINED, taste)
        counts = np.zeros(len(heard), np.float32)
        counts[np.searchsorted(heard, trained)] = listens
        counts[is_news] += 1  # of the online store's songs it is known that they were heard, not how often
        taste = self.fold_in.row(heard, counts, newest=since[:NEWEST])
        return History(heard, told, WITHOUT_TASTE if taste is None else FOLDED, taste)

    def _trained(self, row: int | None) -> tuple[Positions, NDArray[np.float32]]:
        """The songs that training knew the listener to have heard, and how often."""
        if row is None:
            return NOTHING, np.empty(0, np.float32)
        marks = self.bundle.heard
        span = slice(marks.indptr[row], marks.indptr[row + 1])
        return marks.indices[span].astype(np.int64), marks.data[span]

    def _since(self, lately: Lately) -> Positions:
        """The songs listened to since training that the bundle has, newest first."""
        songs = [
            song
            for song, listened_ms in zip(lately.song_ids, lately.listened_ms, strict=True)
            if listened_ms >= self.trained_until_ms
        ]
        return positions(self.bundle.song_ids, np.array(songs, np.int64))


def position(ids: Positions, wanted: int) -> int | None:
    """Where `wanted` stands among ascending ids, if it does."""
    place = int(np.searchsorted(ids, wanted))
    return place if place < len(ids) and ids[place] == wanted else None


def positions(ids: Positions, wanted: SongIds) -> Positions:
    """Where those of `wanted` stand that are among ascending ids, in the order of `wanted`."""
    if len(ids) == 0 or len(wanted) == 0:
        return NOTHING
    places = np.searchsorted(ids, wanted)
    found: Positions = places[ids[np.minimum(places, len(ids) - 1)] == wanted]
    return found
