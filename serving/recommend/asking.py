"""What one request for recommendations wants, and what is known of who gets them: all that the policy decides from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from feature_store.online import Lately
from foundation.ids import UserId
from models.arrays import Factors, Positions
from models.diversity.choosing import Dials
from models.exploration.drawing import NONE, Budget
from serving.recommend.filters import Barred
from serving.recommend.history import NOTHING, History
from serving.recommend.ranking import Ranked
from serving.trending.schemas import Chart

# The first song ids of a chart in memory, by genre in lower case and region; None for all of them.
Charted = Callable[[str | None, str | None], Sequence[int]]


def no_charts(_genre: str | None, _region: str | None) -> Sequence[int]:
    """Of who has no charts in memory: no song stands in any."""
    return ()


def nothing() -> Positions:
    """No song."""
    return NOTHING


@dataclass(frozen=True, slots=True)
class Trends:
    """What is trending: the chart that feeds fall back on, and those of genres and regions."""

    chart: Chart = field(default_factory=Chart)
    near: Charted = no_charts
    rising: Charted = no_charts


@dataclass(frozen=True, slots=True)
class Seeds:
    """What a list is asked to be like, as positions in the bundle, and how it is called."""

    places: Positions  # songs
    name: str  # what the reasons say: "songs like NAME"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request says beside who gets the list."""

    limit: int
    seeds: Seeds | None = None
    excluded: Positions = field(default_factory=nothing)  # positions in the bundle, in any order
    excluded_artists: NDArray[np.int64] = field(default_factory=nothing)  # ids, in any order
    # What was just heard or is in the queue, the newest first: it steers, and is not repeated.
    session: Positions = field(default_factory=nothing)
    dials: Dials = field(default_factory=Dials)
    budget: Budget = NONE
    seed: int = 0  # of what is drawn by chance
    also: Positions = field(default_factory=nothing)  # candidates whatever is found, where they may be given
    # Is told all candidates, by position, and their features, before they are ranked: who learns sees what serving sees.
    watch: Callable[[Positions, Factors], None] | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who gets a list, and all that is known of them and of the moment."""

    listener: UserId
    lately: Lately
    history: History
    country: str
    at: datetime
    wanted: Wanted
    barred: Barred
    mix: NDArray[np.float64]  # [genres]: what part of their listens each has; zeros where nothing is known
    trends: Trends
    direction: Factors | None = None  # [factors], of length 1: where the seeds point
    nearest: Ranked | None = None  # the songs that their taste, or the seeds, find

    @property
    def followed(self) -> NDArray[np.int64]:
        """The artists that they follow or love."""
        return np.append(self.lately.wishes.followed_artists, self.lately.wishes.loved_artists)
