"""Keeps lists that were just made, and gives them again while nothing that they were made from has changed."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from feature_store.online import Lately
from foundation import metrics
from serving.recommend.recommender import Feed
from serving.trending.schemas import Chart

MOST = 2_000  # lists of a process: about 20 MB
hit, missed = (
    metrics.Gathered(metrics.cache_lookups.labels("recommendations", outcome)).inc
    for outcome in ("hit", "miss")
)
FOR = 60.0  # seconds: charts move meanwhile, and wishes run out


Around: TypeAlias = tuple[bytes, bytes, bytes]
"""What stands in JSON before, between and after the name of a slate and its time."""


@dataclass(frozen=True, slots=True)
class Again:
    """A list as it is given again: all of its JSON but what is another each time, and how to see at a glance that it holds.

    It holds while these objects are the very same: to put together and compare what they say costs more than all the rest.
    """

    version: str
    lately: Lately
    rights: int  # the number of the newest news of songs
    chart: Chart
    since: datetime
    until: datetime  # when the hour ends, or the chart grows stale
    policy: str
    answer: Around
    told: Around | None  # what the log is told; nothing of a list without songs

    def holds(self, version: str, lately: Lately, rights: int, chart: Chart, at: datetime) -> bool:
        """Whether nothing has changed; False also where somebody must look closer."""
        return (
            self.version == version
            and self.lately is lately
            and self.rights == rights
            and self.chart is chart
            and self.since <= at < self.until
        )


@dataclass(slots=True)
class KeptFeed:
    """A list, since when it is kept, and what must be the same for it to be given again."""

    seconds: float
    state: Hashable
    feed: Feed
    again: Again | None = None  # nothing until it is first given at once


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
        kept = self.young(asked, seconds)
        if kept is None or kept.state != state:
            missed()
            return None
        hit()
        return kept.feed

    def young(self, asked: Hashable, seconds: float) -> KeptFeed | None:
        """What is kept, whatever has changed since, where it may still be given; it is not counted."""
        kept = self._kept.get(asked)
        if kept is None or seconds - kept.seconds >= FOR:
            return None
        self._kept.move_to_end(asked)
        return kept

    def keep(self, asked: Hashable, state: Hashable, seconds: float, feed: Feed) -> None:
        """Keep a list in the place of the one before; those go that nobody asked for longest, of too many or when they are old."""
        self._kept[asked] = KeptFeed(seconds, state, feed)
        self._kept.move_to_end(asked)
        while len(self._kept) > self.most or seconds - next(iter(self._kept.values())).seconds >= FOR:
            self._kept.popitem(last=False)
