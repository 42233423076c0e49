"""Mixes of the day, one for each mood of a listener, and discoveries of the week: made once, kept until they expire."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from feature_store.definitions import MIXES
from foundation.engines.redis import reachable
from foundation.errors import Unreachable
from foundation.ids import UserId
from models.arrays import Positions
from models.diversity.choosing import Dials
from models.diversity.moods import moods
from models.exploration.drawing import NONE, Budget
from serving.recommend.asking import Asker, Seeds, Trends, Wanted
from serving.recommend.history import position
from serving.recommend.recommender import Feed
from serving.recommend.service import Known, Recommendations, seed_of
from serving.shelves.schemas import Mix, Mixes, MixKind

LENGTH = 30
MOODS, SONGS_OF_A_MOOD = 4, 8  # at most so many mixes, and a mood has at least so many songs
ABOUT = 200  # songs, those listened to most, that make the moods
SEEDS = 10  # of a mood
DAILY = Dials(familiarity=0.4, artist_share=0.12)
WEEKLY = Dials(redundancy=0.2, artist_share=0.07, album_share=0.07)
DISCOVERIES = Budget(share=0.2, first=1)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A mix as it is kept: with the chance that each song stands where it does, for whenever it is shown."""

    mix: Mix
    propensities: tuple[float, ...]
    seed: int
    candidates_hash: int


_decoder = msgspec.json.Decoder(list[Made])
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class MixMaker:
    """Tells the mixes of a listener, and makes those that have expired."""

    recommendations: Recommendations

    async def of(self, listener: UserId) -> Mixes:
        """The mixes that hold now."""
        service = self.recommendations
        known = await service.known(listener)
        asker = self._asker(known)
        kept = [made for made in await self._kept(listener) if known.at < made.mix.expires_at]
        kinds = {made.mix.kind for made in kept}
        missing: list[Made] = []
        if "daily" not in kinds:
            missing += self._daily(known, asker)
        if "weekly" not in kinds:
            missing += self._weekly(known, asker)
        if missing:
            kept = [*missing, *kept]
            # Of who has just signed up, what mixes are made from is still to come, and these would hold for a day.
            if known.is_somebody:
                await self._keep(listener, kept)
        shown = [self._shown(known, asker, made) for made in sorted(kept, key=lambda made: made.mix.mix_id)]
        return Mixes(
            user_id=listener,
            stale=service.stale(is_away=known.is_away),
            items=tuple(mix for mix in shown if mix.items),
        )

    def _shown(self, known: Known, asker: Asker, made: Made) -> Mix:
        """The mix without songs that may not be given any more; each time that it is shown is a slate of its own."""
        song_ids = known.recommender.bundle.song_ids
        left = [
            (item, chance)
            for item, chance in zip(made.mix.items, made.propensities, strict=True)
            if (place := position(song_ids, item.song_id)) is not None and not asker.barred.has(place)
        ]
        items = tuple(
            msgspec.structs.replace(item, rank=rank) for rank, (item, _) in enumerate(left, start=1)
        )
        feed = Feed(
            known.listener,
            made.mix.policy,
            items,
            tuple(chance for _, chance in left),
            made.seed,
            made.candidates_hash,
        )
        slate = known.recommender.slate(feed, at=known.at)
        told = msgspec.structs.replace(slate, model=made.mix.model, version=made.mix.version)
        self.recommendations.tell(told, feed, f"mix/{made.mix.mix_id}")
        return msgspec.structs.replace(made.mix, slate_id=slate.slate_id, items=items)

    def _daily(self, known: Known, asker: Asker) -> list[Made]:
        """One mix for each mood, of songs heard before and songs like them."""
        recommender, history = known.recommender, asker.history
        is_known = recommender.histories.fold_in.is_known[history.speaking]
        songs, listens = history.speaking[is_known], history.listens[is_known]
        most = np.argsort(-listens, kind="stable")[:ABOUT]
        songs, weights = songs[most], np.log1p(listens[most].astype(np.float64))
        factors = recommender.bundle.song_factors[songs]
        directions = factors / np.linalg.norm(factors, axis=1, keepdims=True)
        mood = moods(directions, weights, min(MOODS, len(songs) // SONGS_OF_A_MOOD))
        midnight = (known.at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        made: list[Made] = []
        taken: Positions = songs[:0]
        for number in range(int(mood.max(initial=-1)) + 1):
            of_it = songs[mood == number]
            title = _title([recommender.names.artists[place] for place in of_it.tolist()])
            wanted = Wanted(LENGTH, Seeds(of_it[:SEEDS], title), excluded=taken, dials=DAILY)
            feed = self.recommendations.feed(known, wanted)
            taken = np.union1d(taken, _places(known, feed))
            made.append(self._made(known, f"daily-{number + 1}", "daily", title, midnight, feed))
        return made

    def _weekly(self, known: Known, asker: Asker) -> list[Made]:
        """Songs by artists whom the listener has not heard; of somebody without a taste there are none."""
        if asker.history.taste is None:
            return []
        recommender = known.recommender
        asked = replace(
            asker.wanted,
            limit=LENGTH,
            excluded_artists=recommender.facts.artists[asker.history.heard],
            dials=WEEKLY,
            budget=DISCOVERIES,
        )
        feed = self.recommendations.feed(known, asked)
        monday = (known.at + timedelta(days=7 - known.at.weekday())).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        return [self._made(known, "weekly", "weekly", "Discoveries of the week", monday, feed)]

    def _made(
        self, known: Known, mix_id: str, kind: MixKind, title: str, expires_at: datetime, feed: Feed
    ) -> Made:
        slate = known.recommender.slate(feed, at=known.at)
        mix = Mix(
            mix_id=mix_id,
            kind=kind,
            title=title,
            slate_id=slate.slate_id,
            expires_at=expires_at,
            policy=feed.policy,
            model=slate.model,
            version=slate.version,
            items=feed.items,
        )
        return Made(
            mix=mix, propensities=feed.propensities, seed=feed.seed, candidates_hash=feed.candidates_hash
        )

    def _asker(self, known: Known) -> Asker:
        service = self.recommendations
        week = f"mix {known.at:%G-%V}"
        wanted = Wanted(LENGTH, budget=NONE, seed=seed_of(known.listener, week))
        rules = known.recommender.ruled_by(service.rights)
        return known.recommender.asker(
            known.listener, known.lately, wanted, trends=Trends(), at=known.at, rules=rules
        )

    async def _kept(self, listener: UserId) -> Sequence[Made]:
        """What was made before; nothing where Redis is away, or an earlier Segue kept it otherwise."""
        redis: Any = self.recommendations.online.redis
        try:
            with reachable():
                kept = await redis.get(MIXES.key(listener))
            return _decoder.decode(kept) if kept else ()
        except (Unreachable, msgspec.DecodeError):
            return ()

    async def _keep(self, listener: UserId, made: Sequence[Made]) -> None:
        redis: Any = self.recommendations.online.redis
        try:
            with reachable():
                await redis.set(MIXES.key(listener), _encoder.encode(made), ex=MIXES.kept)
        except Unreachable:
            return  # they are made again next time


def _places(known: Known, feed: Feed) -> Positions:
    found = [position(known.recommender.bundle.song_ids, item.song_id) for item in feed.items]
    return np.array([place for place in found if place is not None], np.int64)


def _title(artists: Sequence[str]) -> str:
    """
    >>> _title(["Queen", "Queen", "Toto", "Abba", "Air"])
    'Queen, Toto and more'
    """
    several = list(dict.fromkeys(artists))
    if len(several) < 3:
        return " and ".join(several)
    return f"{several[0]}, {several[1]} and more"
