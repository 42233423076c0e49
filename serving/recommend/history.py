"""What a listener has heard and told us, as a bundle and the online store know it together, and the taste that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from feature_store.online import Lately, SongIds
from feature_store.wishes import Feedback
from foundation.ids import UserId
from models.als.fold_in import NEWEST, FoldIn
from models.arrays import Factors, Positions, among, once
from models.bundle import Bundle

NOTHING: Positions = np.empty(0, np.int64)
TRAINED, FOLDED, WITHOUT_TASTE = "als", "als-fold-in", "trending"  # the policies that a slate names
# A love says as much as so many listens; "more of this song" half of that.
LOVED, MORE = 10.0, 5.0
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class History:
    """One listener's songs, each at its position in the bundle, and what the model makes of them."""

    heard: Positions  # of all songs heard or loved that the bundle has, ascending
    told: SongIds  # what the online store knows to be heard, whether or not the bundle has it
    policy: str
    taste: Factors | None  # [factors]; None for a listener of whom the model knows nothing
    speaking: Positions  # those of `heard` that count for their taste, ascending
    listens: NDArray[np.float32]  # of each of these, and what stands for a love
    recent: Positions  # of those the ones listened to lately, newest first


@dataclass(frozen=True, slots=True)
class Silenced:
    """What a listener does not want to count for their taste."""

    songs: SongIds
    artists: NDArray[np.int64]
    before: datetime  # everything heard earlier


@dataclass(frozen=True, slots=True)
class Histories:
    """Puts together what was heard, and folds in what training did not know. Computed once for a bundle."""

    bundle: Bundle
    fold_in: FoldIn
    artists: NDArray[np.int64]  # [songs]
    trained_until_ms: int  # since 1970

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """The histories of the listeners of a bundle; takes as long as a pass over its factors."""
        fold_in = FoldIn.into(bundle.song_factors, bundle.heard, bundle.parameters)
        artists = bundle.songs["artist_id"].to_numpy().astype(np.int64)
        return cls(bundle, fold_in, artists, round(bundle.trained_until.timestamp() * 1000))

    def history(
        self, listener: UserId, lately: Lately, at: datetime = EARLIEST, session: Positions = NOTHING
    ) -> History:
        """The history of a listener. The trained row serves unless they heard or told us what it does not know.

        `session` are songs of this moment, the newest first, which steer the taste as listens do and are not yet told.
        """
        row = position(self.bundle.listener_ids, listener)
        trained, listens = self._trained(row)
        wishes, song_ids = lately.wishes, self.bundle.song_ids
        latest = np.array(lately.song_ids, np.int64)
        told = once(np.concatenate([latest, lately.heard]))
        loved = positions(song_ids, np.sort(wishes.loved_songs))
        heard = _union(trained, positions(song_ids, told), loved, session)
        silenced = _silenced(wishes.feedback, wishes.hidden_songs, wishes.hidden_artists, at)
        listened_ms = np.array(lately.listened_ms, np.int64)
        recent = since = _newest_first(
            session, positions(song_ids, latest[listened_ms >= self.trained_until_ms])
        )
        is_forgotten = silenced.before > EARLIEST
        if is_forgotten or len(since) < len(latest):
            least_ms = round(silenced.before.timestamp() * 1000) + 1
            recent = _newest_first(session, positions(song_ids, latest[listened_ms >= least_ms]))
        counts = np.zeros(len(heard), np.float32)
        if is_forgotten:  # what training knew was all before that
            counts[heard.searchsorted(recent)] = 1
        else:
            known = heard.searchsorted(trained)
            counts[known] = listens
            is_news = np.ones(len(heard), np.bool_)
            is_news[known] = False
            is_news[heard.searchsorted(since)] = True
            # Of the online store's songs it is known that they were heard, not how often.
            counts[is_news] += 1
        if len(loved):
            counts[heard.searchsorted(loved)] += LOVED - 1
        wanted = [
            each.target_id
            for each in wishes.feedback
            if each.wish == "more" and each.kind == "song" and each.holds(at)
        ]
        if wanted:
            counts[positions(heard, positions(song_ids, np.sort(np.array(wanted, np.int64))))] += MORE
        if len(silenced.songs) or len(silenced.artists):
            counts[self._is_silenced(heard, silenced)] = 0
        return self._told(row, heard, told, counts, trained, listens, since, recent)

    def _told(
        self,
        row: int | None,
        heard: Positions,
        told: SongIds,
        counts: NDArray[np.float32],
        trained: Positions,
        listens: NDArray[np.float32],
        since: Positions,
        recent: Positions,
    ) -> History:
        """The history of these counts: by the trained row where it says the same."""
        speaks = counts > 0
        speaking, said = heard[speaks], counts[speaks]
        recent = recent[among(recent, speaking)]
        if row is not None and self._is_same(speaking, said, trained, listens):
            return History(heard, told, TRAINED, self.bundle.listener_factors[row], speaking, said, recent)
        newest = since[among(since, speaking)][:NEWEST]
        taste = self.fold_in.row(speaking, said, newest=newest)
        policy = WITHOUT_TASTE if taste is None else FOLDED
        return History(heard, told, policy, taste, speaking, said, recent)

    def _is_same(
        self, songs: Positions, counts: NDArray[np.float32], others: Positions, other: NDArray[np.float32]
    ) -> bool:
        """Whether two histories say the same to the model."""
        mine, theirs = self.fold_in.is_known[songs], self.fold_in.is_known[others]
        return np.array_equal(songs[mine], others[theirs]) and np.array_equal(counts[mine], other[theirs])

    def _trained(self, row: int | None) -> tuple[Positions, NDArray[np.float32]]:
        """The songs that training knew the listener to have heard, and how often."""
        if row is None:
            return NOTHING, np.empty(0, np.float32)
        marks = self.bundle.heard
        span = slice(marks.indptr[row], marks.indptr[row + 1])
        return marks.indices[span].astype(np.int64), marks.data[span]

    def _is_silenced(self, heard: Positions, silenced: Silenced) -> NDArray[np.bool_]:
        quiet = among(self.bundle.song_ids[heard], once(silenced.songs))
        quiet |= among(self.artists[heard], once(silenced.artists))
        return quiet


def _silenced(
    feedback: Sequence[Feedback], songs: SongIds, artists: NDArray[np.int64], at: datetime
) -> Silenced:
    """What is hidden, forgotten, wanted less of or never: it speaks for nothing."""
    quiet_songs, quiet_artists, before = [], [], EARLIEST
    for each in feedback:
        if not each.holds(at) or each.wish == "more":
            continue
        if each.kind == "song":
            quiet_songs.append(each.target_id)
        elif each.kind == "artist" and each.wish == "never":
            quiet_artists.append(each.target_id)
        elif each.kind == "taste":
            before = each.given_at
    if quiet_songs:
        songs = np.append(songs, np.array(quiet_songs, np.int64))
    if quiet_artists:
        artists = np.append(artists, np.array(quiet_artists, np.int64))
    return Silenced(songs, artists, before)


def _union(*parts: Positions) -> Positions:
    """All of them once, ascending; the first ascends already."""
    told = [part for part in parts[1:] if len(part)]
    return once(np.concatenate([parts[0], *told])) if told else parts[0]


def _newest_first(session: Positions, before: Positions) -> Positions:
    """What was heard in this session, then what was heard before it, each once."""
    if not len(session):
        return before
    both = np.concatenate([session, before])
    return both[np.sort(np.unique(both, return_index=True)[1])]


def position(ids: Positions, wanted: int) -> int | None:
    """Where `wanted` stands among ascending ids, if it does."""
    place = int(ids.searchsorted(wanted))
    return place if place < len(ids) and ids[place] == wanted else None


def positions(ids: Positions, wanted: SongIds) -> Positions:
    """Where those of `wanted` stand that are among ascending ids, in the order of `wanted`."""
    if len(ids) == 0 or len(wanted) == 0:
        return NOTHING
    places = ids.searchsorted(wanted)
    found: Positions = places[ids.take(places, mode="clip") == wanted]
    return found
