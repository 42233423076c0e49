"""Who gets recommendations from what: the published bundle, what Redis heard since, and the chart in memory."""

from dataclasses import dataclass

from feature_store.online import Lately, RecentSongs
from foundation.clock import Clock
from foundation.errors import Unreachable
from foundation.http.principal import NotAllowed
from foundation.ids import UserId
from foundation.security import Principal
from serving.bundle import LiveBundle
from serving.recommend.empty import nothing_published
from serving.recommend.errors import NoModel, UnknownListener
from serving.recommend.recommender import NOT_LATELY, Recommender
from serving.recommend.schemas import Slate
from serving.trending.service import Trending


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Answers one listener's request from copies that this process holds; only what they heard lately is asked for."""

    live: LiveBundle[Recommender]
    recent: RecentSongs
    trending: Trending
    now: Clock

    async def slate(self, asking: Principal, listener: UserId, limit: int) -> Slate:
        """A slate of `limit` songs. Raises NotAllowed, UnknownListener, or NoModel when there is nothing to give."""
        if not asking.may_see(listener):
            raise NotAllowed("another listener's recommendations need the role analyst or admin")
        published = self.live.current
        recommender = published or nothing_published()
        lately, is_away = await self._lately(listener)
        if not (lately.is_known or is_away or recommender.knows(listener)):
            raise UnknownListener(f"there is no listener {listener}")
        slate = recommender.recommend(
            listener,
            limit,
            lately,
            chart=self.trending.chart,
            at=self.now(),
            stale=self._stale(is_away=is_away),
        )
        if published is None and not slate.items:
            raise NoModel("nothing has been trained yet: run ./segue job --all")
        return slate

    async def _lately(self, listener: UserId) -> tuple[Lately, bool]:
        """What the listener heard since the bundle, and whether the store that knows it is away."""
        try:
            return await self.recent.of(listener), False
        except Unreachable:
            return NOT_LATELY, True

    def _stale(self, *, is_away: bool) -> tuple[str, ...]:
        """What this answer is made from that may be out of date."""
        parts = {"recent_songs": is_away, "trending": self.trending.is_stale}
        return tuple(part for part, is_stale in parts.items() if is_stale)
