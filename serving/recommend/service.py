"""Who gets recommendations from what: the published bundle, what Redis heard since, and the chart in memory."""

from dataclasses import dataclass

from event_log.log import EventLog
from feature_store.online import Lately, ListenersOnline
from foundation.clock import Clock
from foundation.contracts.events import ServedSong, SlateServed
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

SURFACE = "recommendations"
CERTAIN = 1.0  # the propensity of every song: nothing is drawn by chance


def served(slate: Slate) -> SlateServed:
    """The slate as the event that it was served."""
    return SlateServed(
        slate_id=slate.slate_id,
        listener_id=slate.user_id,
        served_at=slate.generated_at,
        surface=SURFACE,
        policy=slate.policy,
        model=slate.model or "",
        version=slate.version or "",
        songs=tuple(ServedSong(item.song_id, item.score, CERTAIN) for item in slate.items),
    )


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Answers one listener's request from copies that this process holds; only what they heard lately is asked for."""

    live: LiveBundle[Recommender]
    recent: ListenersOnline
    trending: Trending
    log: EventLog
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
        if asking.user_id == listener and slate.items:
            self.log.tell([served(slate)])
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
