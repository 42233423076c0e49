"""Keeps lists that were just made, and gives them again while nothing that they were made from has changed."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from foundation import metrics
from serving.recommend.recommender import Feed

MOST = 2_000  # lists of a process: about 20 MB
FOR = 60.0  # seconds: charts move meanwhile, and wishes run out


@dataclass(slots=True)
class KeptFeeds:
    """By what was asked for and by whom; of each the newest list, and the state of all that decided it.

    The state has in it what Redis told of the listener, as it told it: a play, a love or a hide makes it another, wherever
    it came from, and nobody need be told to forget a list.
    """

    most: int = MOST
    _kept: "OrderedDict[Hashable, tuple[float, Hashable, Feed]]" = field(default_factory=OrderedDict)

    def of(self, asked: Hashable, state: Hashable, seconds: float) -> Feed | None:
        """The list that is kept, where it is as it would be made now; `seconds` are of a clock that never goes back."""
        kept = self._kept.get(asked)
        is_same = kept is not None and kept[1] == state and seconds - kept[0] < FOR
        metrics.cache_lookups.labels("recommendations", "hit" if is_same else "miss").inc()
        if kept is None or not is_same:
            return None
        self._kept.move_to_end(asked)
        return kept[2]

    def keep(self, asked: Hashable, state: Hashable, seconds: float, feed: Feed) -> None:
        """Keep a list in the place of the one before; of too many, those go that nobody asked for longest."""
        self._kept[asked] = (seconds, state, feed)
        self._kept.move_to_end(asked)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)
