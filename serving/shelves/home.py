"""The home page: what to go on with, what is made for the listener, and why each shelf is there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from foundation.ids import UserId
from models.arrays import Positions, among
from models.diversity.choosing import Dials
from models.exploration.drawing import Budget
from serving.recommend.asking import Asker, Seeds, Trends, Wanted
from serving.recommend.history import NOTHING, positions
from serving.recommend.recommender import Feed
from serving.recommend.schemas import Item, Reason
from serving.recommend.service import Ask, Known, Recommendations
from serving.recommend.trends import of_both
from serving.shelves.schemas import Home, Shelf, ShelfName

CONTINUE = Reason("continue", "You listened to it lately.")
RISING = Reason("rising", "Rising fast near you.")
DISCOVERING = Dials(redundancy=0.3, artist_share=0.05, album_share=0.05)
DISCOVERED = Budget(share=0.25, first=1)


@dataclass(slots=True)
class _Page:
    """A home page as it is put together: what stands on a shelf stands on no later one."""

    known: Known
    asker: Asker
    shown: Positions
    shelves: list[tuple[ShelfName, str, Feed]]

    def add(self, name: ShelfName, title: str, feed: Feed) -> None:
        if feed.items:
            ids = np.sort(np.array([item.song_id for item in feed.items], np.int64))
            self.shown = np.union1d(self.shown, positions(self.known.recommender.bundle.song_ids, ids))
            self.shelves.append((name, title, feed))


@dataclass(frozen=True, slots=True)
class HomePage:
    """Makes it, from one version and one look at the listener."""

    recommendations: Recommendations

    async def of(self, listener: UserId, limit: int) -> Home:
        """The shelves of a listener, `limit` songs on each at most."""
        service = self.recommendations
        known = await service.known(listener)
        recommender, wanted = known.recommender, await service.wanted(known, Ask(limit, surface="home"))
        asker = recommender.asker(
            listener,
            known.lately,
            wanted,
            trends=Trends(),
            at=known.at,
            rules=recommender.ruled_by(service.rights),
        )
        page = _Page(known, asker, NOTHING, [])
        self._continued(page, limit)
        fresh = recommender.sources.by_follows(asker).places
        self._made(page, "made-for-you", "Made for you", replace(wanted, excluded=fresh))
        self._because(page, replace(wanted, excluded=np.union1d(page.shown, fresh)))
        new = _left(page, fresh)[:limit]
        reasons = [
            Reason("followed-artist", f"New from {recommender.names.artists[each]}, whom you follow.")
            for each in new
        ]
        page.add("fresh", "Fresh from artists you follow", _listed(page, "follows", new, reasons))
        self._rising(page, limit)
        discovering = replace(
            wanted,
            excluded=page.shown,
            excluded_artists=recommender.facts.artists[asker.history.heard],
            dials=DISCOVERING,
            budget=DISCOVERED,
        )
        if asker.history.taste is not None:
            self._made(page, "discover", "Artists you do not know yet", discovering)
        return Home(
            user_id=listener,
            generated_at=known.at,
            model=recommender.bundle.model or None,
            version=recommender.bundle.version or None,
            stale=service.stale(is_away=known.is_away),
            shelves=tuple(self._shelf(known, *each) for each in page.shelves),
        )

    def _shelf(self, known: Known, name: ShelfName, title: str, feed: Feed) -> Shelf:
        slate = known.recommender.slate(feed, at=known.at)
        self.recommendations.tell(slate, feed, f"home/{name}")
        return Shelf(name=name, title=title, slate_id=slate.slate_id, policy=feed.policy, items=feed.items)

    def _made(self, page: _Page, name: ShelfName, title: str, wanted: Wanted) -> None:
        page.add(name, title, self.recommendations.feed(page.known, wanted))

    def _continued(self, page: _Page, limit: int) -> None:
        """The songs heard last, but for those that may not be given any more."""
        recent = positions(
            page.known.recommender.bundle.song_ids, np.array(page.known.lately.song_ids, np.int64)
        )
        places = recent[~page.asker.barred.among(recent)][:limit].tolist()
        page.add("continue", "Go on listening", _listed(page, "recent", places, [CONTINUE] * len(places)))

    def _because(self, page: _Page, wanted: Wanted) -> None:
        """Songs like the newest of the songs that speak for the listener's taste."""
        recommender, history = page.known.recommender, page.asker.history
        most = (
            history.recent
            if len(history.recent)
            else history.speaking[np.argsort(-history.listens, kind="stable")]
        )
        if not len(most):
            return
        place = int(most[0])
        names = recommender.names
        called = f"{names.titles[place]} by {names.artists[place]}"
        seeds = Seeds(np.array([place], np.int64), called)
        feed = self.recommendations.feed(page.known, replace(wanted, seeds=seeds))
        if feed.policy == "seeded":
            page.add("because-you-listened", f"Because you listened to {called}", feed)

    def _rising(self, page: _Page, limit: int) -> None:
        service = self.recommendations
        ids = np.array(of_both(service.trending.chart, service.near, page.asker.country), np.int64)
        rising = positions(page.known.recommender.bundle.song_ids, ids)
        places = _left(page, rising[~among(rising, page.asker.history.heard)])[:limit]
        page.add("rising", "Rising near you", _listed(page, "rising", places, [RISING] * len(places)))


def _left(page: _Page, places: Positions) -> list[int]:
    """Those of these songs that may be given and stand on no shelf yet, in their order."""
    left: list[int] = places[~(page.asker.barred.among(places) | among(places, page.shown))].tolist()
    return left


def _listed(page: _Page, policy: str, places: Sequence[int], reasons: Sequence[Reason]) -> Feed:
    """A list that is no choice of the model: nothing of it is left to chance."""
    names = page.known.recommender.names
    items: list[Item] = [
        names.item(rank, place, 0.0, reason)
        for rank, (place, reason) in enumerate(zip(places, reasons, strict=True), start=1)
    ]
    return Feed(page.known.listener, policy, tuple(items), (1.0,) * len(items))
