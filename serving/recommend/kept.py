"""Keeps lists that were just made, and gives them again while nothing that they were made from has changed."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from foundation import metrics
from foundation.contracts.events import ServedSong
from serving.recommend.recommender import Feed

MOST = 2_000  # lists of a process: about 20 MB
hit, missed = (
    metrics.Gathered(metrics.cache_lookups.labels("recommendations", outcome)).inc
    for outcome in ("hit", "miss")
)
FOR = 60.0  # seconds: charts move meanwhile, and wishes run out


@dataclass(slots=True)
class KeptFeed:
    """A list, since when it is kept, and what must be the same for it to be given again."""

    seconds: float
    state: Hashable
    feed: Feed
    # What of its answer, and of what is told of it, is the same each time; nothing until it is first given at once.
    answer: bytes = b""
    songs: tuple[ServedSong, ...] = ()


@dataclass(slots=True)
class KeptFeeds:
    """By what was asked for and by whom; of each the newest list, and the state of all that decided it.

    The state has in it what Redis told of the listener, as it told it: a play, a love or a hide makes it another, wherever
    it came from, and nobody need be told to forget a list.
    """

    most: int = MOST
    _kept: "OrderedDict[Hashable, KeptFeed]" = field(default_factory=OrderedDict)

    def of(self, asked: Hashable, state: Hashable, seconds: float) -> Feed | None:
        """The list that is kept, where it is as it would be made now; `seconds` are of a clock that never goes back."""
        kept = self.look(asked, state, seconds)
        if kept is None:
            missed()
            return None
        hit()
        return kept.feed

    def look(self, asked: Hashable, state: Hashable, seconds: float) -> KeptFeed | None:
        """The same with all that is kept of it; it is not counted."""
        kept = self._kept.get(asked)
        if kept is None or kept.state != state or seconds - kept.seconds >= FOR:
            return None
        self._kept.move_to_end(asked)
        return kept

    def keep(self, asked: Hashable, state: Hashable, seconds: float, feed: Feed) -> None:
        """Keep a list in the place of the one before; of too many, those go that nobody asked for longest."""
        self._kept[asked] = KeptFeed(seconds, state, feed)
        self._kept.move_to_end(asked)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)
