"""The two stages in worlds whose answer is known: filters that hold, sources that speak, chances that are told as drawn."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from feature_store.online import Lately
from feature_store.rights import SongRights
from feature_store.wishes import Feedback, Preferences, Wishes
from foundation.ids import UserId
from models.bundle import Bundle
from models.content import Content
from models.diversity.choosing import PLAIN, Dials
from models.exploration.drawing import Budget
from serving.recommend.asked import Named, places_of, seeds_of
from serving.recommend.asking import Trends, Wanted
from serving.recommend.recommender import NOT_LATELY, Feed, Recommender
from serving.recommend.rights import Rights
from serving.trending.schemas import Chart, TrendingSong
from tests.serving.conftest import heard_lately

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeBundle = Callable[..., Bundle]
EVEN, NEWCOMER = UserId(2), UserId(500)
SONGS = 60


@pytest.fixture
def town(checkerboard: MakeBundle) -> Bundle:
    """Even listeners love even songs; each song by one of twenty artists, released long ago, to be played everywhere."""
    bundle = checkerboard(20, SONGS, strangers=[NEWCOMER])
    songs = bundle.songs.with_columns(
        artist_id=pl.col("song_id") % 20,
        is_explicit=pl.lit(value=False),
        is_everywhere=pl.lit(value=True),
        regions=pl.lit([], pl.List(pl.String)),
        released_on=pl.lit(date(2020, 1, 1)),
    )
    countries = bundle.listeners.with_columns(country=pl.lit("NZ"))
    return replace(bundle, songs=songs, listeners=countries)


def told(**wishes: object) -> Lately:
    """Of a listener who heard nothing lately, and told us this."""
    named = {name: np.array(ids) if isinstance(ids, list) else ids for name, ids in wishes.items()}
    return Lately(is_known=True, wishes=Wishes(**named))  # type: ignore[arg-type]


def feedback(
    kind: str, target: int, wish: str, *, genre: str = "", until: datetime | None = None
) -> Feedback:
    return Feedback(kind, target, genre, wish, until, NOON - timedelta(minutes=1))


def feed_of(
    bundle: Bundle,
    lately: Lately = NOT_LATELY,
    listener: UserId = EVEN,
    *,
    limit: int = 20,
    trends: Trends | None = None,
    rights: Rights | None = None,
    **wanted: object,
) -> Feed:
    recommender = Recommender.over(bundle, lambda *_: [])
    asked = Wanted(limit, **wanted)  # type: ignore[arg-type]
    return recommender.feed(listener, lately, asked, trends=trends or Trends(), at=NOON, rights=rights)


def ids(feed: Feed) -> list[int]:
    return [item.song_id for item in feed.items]


def with_song(bundle: Bundle, song: int, **columns: object) -> Bundle:
    """The bundle with other values in the row of one song."""
    is_it = pl.col("song_id") == song
    changed = [
        pl.when(is_it).then(pl.lit(value, bundle.songs[name].dtype)).otherwise(pl.col(name)).alias(name)
        for name, value in columns.items()
    ]
    return replace(bundle, songs=bundle.songs.with_columns(changed))


def test_without_wishes_the_town_gets_what_it_loves(town: Bundle) -> None:
    assert set(ids(feed_of(town, limit=3))) == {1056, 1058, 1060}


@pytest.mark.parametrize(
    "lately",
    [
        told(hidden_songs=[1060]),
        told(hidden_artists=[1060 % 20]),
        told(feedback=(feedback("artist", 1060 % 20, "never"),)),
        told(feedback=(feedback("song", 1060, "never", until=NOON + timedelta(days=1)),)),
        told(loved_songs=[1060]),
        heard_lately(1060),
    ],
    ids=["hidden", "artist hidden", "never this artist", "not until tomorrow", "loved, so known", "heard"],
)
def test_what_a_listener_does_not_want_is_never_given(town: Bundle, lately: Lately) -> None:
    assert 1060 not in ids(feed_of(town, lately, limit=SONGS))


def test_a_wish_that_has_run_out_holds_no_more(town: Bundle) -> None:
    over = told(feedback=(feedback("song", 1060, "never", until=NOON),))

    assert 1060 in ids(feed_of(town, over, limit=3))


def test_explicit_songs_are_for_those_who_allow_them(town: Bundle) -> None:
    bundle = with_song(town, 1060, is_explicit=True)

    assert 1060 in ids(feed_of(bundle, limit=3))
    assert 1060 not in ids(feed_of(bundle, told(preferences=Preferences(allows_explicit=False)), limit=SONGS))


@pytest.mark.parametrize(
    ("country", "is_given"), [("NZ", True), ("FJ", True), ("DE", False), ("", True)], ids=str
)
def test_a_song_is_given_only_where_it_may_be_played(town: Bundle, country: str, is_given: bool) -> None:
    bundle = with_song(town, 1060, is_everywhere=False, regions=["FJ", "NZ"])

    assert (1060 in ids(feed_of(bundle, Lately(is_known=True, country=country), limit=3))) is is_given


@pytest.mark.parametrize(
    "change",
    [
        SongRights(1060, 1, is_removed=True, is_explicit=False, regions=None),
        SongRights(1060, 1, is_removed=False, is_explicit=False, regions=("DE",)),
        SongRights(1060, 1, is_removed=False, is_explicit=True, regions=None),
    ],
    ids=["removed", "elsewhere now", "explicit now"],
)
def test_what_the_catalog_tells_of_a_song_holds_at_once(town: Bundle, change: SongRights) -> None:
    rights = Rights(None)  # type: ignore[arg-type] - nobody asks Redis here
    shy = told(preferences=Preferences(allows_explicit=False))
    before = feed_of(town, shy, limit=3, rights=rights)
    rights.take([change])

    after = feed_of(town, shy, limit=SONGS, rights=rights)

    assert 1060 in ids(before)
    assert 1060 not in ids(after)


def test_news_come_one_after_another_and_the_newest_holds(town: Bundle) -> None:
    rights, recommender = Rights(None), Recommender.over(town, lambda *_: [])  # type: ignore[arg-type]

    def is_given(song: int) -> bool:
        feed = recommender.feed(EVEN, NOT_LATELY, Wanted(SONGS), trends=Trends(), at=NOON, rights=rights)
        return song in ids(feed)

    gone, back = (SongRights(1060, version, version == 1, False, None) for version in (1, 2))
    rights.take([gone])
    during = is_given(1060), is_given(1058)
    rights.take([SongRights(1058, 1, True, False, None)])
    both = is_given(1060), is_given(1058)
    for _ in range(100):  # more looks than are kept apart
        rights.take([back])

    assert (during, both) == ((False, True), (False, False))
    assert (is_given(1060), is_given(1058)) == (True, False)


def test_a_removed_song_leaves_the_chart_that_fills_a_feed(town: Bundle) -> None:
    rights = Rights(None)  # type: ignore[arg-type]
    rights.take(
        [SongRights(song, 1, is_removed=True, is_explicit=False, regions=None) for song in (1003, 5000)]
    )
    chart = Chart(tuple(TrendingSong(song, "Hit", 1, "Star", "pop", 9) for song in (1003, 5000, 1004)), NOON)

    feed = feed_of(town, listener=NEWCOMER, limit=2, trends=Trends(chart), rights=rights)

    assert ids(feed)[0] == 1004
    assert not {1003, 5000} & set(ids(feed))


def test_a_love_moves_the_feed_as_listens_do_and_a_hidden_song_speaks_no_more(town: Bundle) -> None:
    newcomer = feed_of(town, told(loved_songs=[1013]), NEWCOMER, limit=5)
    turned = feed_of(town, told(loved_songs=[1013], hidden_songs=[1013]), NEWCOMER, limit=5)

    assert newcomer.policy == "als-fold-in"
    assert {song % 2 for song in ids(newcomer)} == {1}
    assert newcomer.items[0].reason.seeds[0].song_id == 1013
    assert turned.policy == "trending"


def test_a_song_whose_influence_is_taken_back_speaks_for_nothing(town: Bundle) -> None:
    odd, even = (list(range(first, 1001 + SONGS, 2)) for first in (1001, 1002))
    forgotten = tuple(feedback("song", song, "forget") for song in even)
    lately = replace(heard_lately(*odd[:3], at=NOON), wishes=Wishes(feedback=forgotten))

    before, after = feed_of(town, heard_lately(*odd[:3], at=NOON)), feed_of(town, lately)

    assert any(song % 2 == 0 for song in ids(before))
    assert {song % 2 for song in ids(after)[:5]} == {1}
    seeds = {seed.song_id for item in after.items for seed in item.reason.seeds}
    assert seeds
    assert not seeds & set(even)


def test_a_taste_that_was_forgotten_begins_with_the_next_listen(town: Bundle) -> None:
    reset = Wishes(feedback=(feedback("taste", 0, "forget"),))

    nothing = feed_of(town, Lately(is_known=True, wishes=reset))
    later = feed_of(town, replace(heard_lately(1013, at=NOON), wishes=reset), limit=5)

    assert nothing.policy == "trending"
    assert {song % 2 for song in ids(later)} == {1}


def test_more_and_less_move_artists_and_genres(town: Bundle) -> None:
    lesser = told(feedback=(feedback("artist", 1060 % 20, "less"),))
    more = told(feedback=(feedback("genre", 0, "more", genre="pop"),))

    scores, less_of_it, more_of_it = (
        {item.song_id: item.score for item in feed_of(town, lately, limit=3).items}
        for lately in (NOT_LATELY, lesser, more)
    )

    assert 1060 in scores
    assert less_of_it.get(1060, 0) < scores[1060]
    assert all(more_of_it[song] > scores[song] for song in scores.keys() & more_of_it.keys())
    assert scores.keys() & more_of_it.keys()


def test_who_has_heard_nothing_begins_with_the_genres_they_picked(town: Bundle) -> None:
    picked = told(preferences=Preferences(genres=("Jazz",)))

    feed = feed_of(town, picked, NEWCOMER, limit=10)
    after = feed_of(town, replace(heard_lately(1002, at=NOON), wishes=picked.wishes), NEWCOMER, limit=10)

    assert feed.policy == "genres"
    assert {item.genre for item in feed.items} == {"jazz"}
    assert {item.reason.code for item in feed.items} == {"picked-genre"}
    assert after.policy == "als-fold-in"
    assert after.items[0].reason.seeds[0].song_id == 1002


def test_a_new_song_of_a_followed_artist_comes_with_that_reason(town: Bundle) -> None:
    bundle = with_song(town, 1059, released_on=date(2026, 2, 27))

    feed = feed_of(bundle, told(followed_artists=[1059 % 20]))

    (new,) = (item for item in feed.items if item.song_id == 1059)
    assert new.reason.code == "followed-artist"
    assert "Artist" in new.reason.text


def test_a_song_that_nobody_heard_is_found_by_its_words(town: Bundle) -> None:
    texts = np.eye(2, 8, dtype=np.float32)[town.song_ids % 2]
    factors = town.song_factors.copy()
    factors[-2:] = 0
    heard = town.heard.toarray()
    heard[:, -2:] = 0
    cold = replace(town, song_factors=factors, content=Content.of(texts, factors, town.popularity + 20))

    feed = feed_of(cold, dials=PLAIN, limit=30)

    assert cold.content.placed.tolist() == [SONGS - 2, SONGS - 1]
    assert 1060 in ids(feed)
    codes = {item.song_id: item.reason.code for item in feed.items}
    assert (codes[1060], codes[1059]) == ("new-to-all", "new-to-all")
    assert ids(feed).index(1060) < ids(feed).index(1059)


def test_a_chart_of_the_listeners_region_brings_candidates(town: Bundle) -> None:
    asked: list[tuple[str | None, str | None]] = []

    def near(genre: str | None, region: str | None) -> list[int]:
        asked.append((genre, region))
        return [1001, 77] if genre is None else []

    feed = feed_of(town, Lately(is_known=True, country="FJ"), limit=30, trends=Trends(near=near))

    assert (None, "FJ") in asked
    (charted,) = (item for item in feed.items if item.song_id == 1001)
    assert charted.reason.text == "Among the most listened-to songs lately in FJ."


def test_seeds_make_a_list_of_what_they_are(town: Bundle) -> None:
    recommender = Recommender.over(town, lambda *_: [])
    odd = seeds_of(recommender, [Named.of("song:1011")], lambda _: [])

    feed = recommender.feed(EVEN, NOT_LATELY, Wanted(8, seeds=odd), trends=Trends(), at=NOON)

    assert feed.policy == "seeded"
    assert {song % 2 for song in ids(feed)} == {1}
    assert {item.reason.text for item in feed.items} == {"Like Song 1011 by Artist 3."}


def test_what_is_excluded_and_what_was_just_heard_is_not_repeated(town: Bundle) -> None:
    recommender = Recommender.over(town, lambda *_: [])
    out = places_of(recommender, [Named.of("song:1060"), Named.of(f"artist:{1058 % 20}")])
    session = places_of(recommender, [Named.of("song:1056")])

    feed = recommender.feed(
        EVEN, NOT_LATELY, Wanted(SONGS, excluded=out, session=session), trends=Trends(), at=NOON
    )

    assert not {1060, 1056} & set(ids(feed))
    assert 1058 % 20 not in {item.artist_id for item in feed.items}


@pytest.mark.parametrize("familiarity", [0.0, 0.5, 1.0])
def test_familiar_songs_have_the_part_that_was_asked_for(town: Bundle, familiarity: float) -> None:
    heard = set(
        (1001 + Recommender.over(town, lambda *_: []).histories.history(EVEN, NOT_LATELY).heard).tolist()
    )

    feed = feed_of(town, limit=6, dials=Dials(familiarity=familiarity))

    assert sum(song in heard for song in ids(feed)) == round(6 * familiarity)


def exploring(bundle: Bundle) -> Bundle:
    """The later half of the songs has little exposure, and nobody here has heard it."""
    heard = bundle.heard.toarray()
    heard[:, 30:] = 0
    needs = np.where(bundle.song_ids > 1030, 3, 0).astype(np.int8)
    return replace(bundle, needs=needs, heard=csr_array(heard))


def test_logged_propensities_are_the_frequencies_of_many_seeds(town: Bundle) -> None:
    rng = np.random.default_rng(1)
    bundle = replace(
        exploring(town),
        song_factors=rng.normal(size=(SONGS, 6)).astype(np.float32),
        listener_factors=rng.normal(size=(20, 6)).astype(np.float32),
        heard=csr_array((20, SONGS), dtype=np.float32),
        parameters=replace(town.parameters, members=(6,)),
    )
    recommender, rounds = Recommender.over(bundle, lambda *_: []), 4_000
    seen: Counter[tuple[int, int]] = Counter()
    told_of: dict[tuple[int, int], set[float]] = {}

    for seed in range(rounds):
        wanted = Wanted(20, budget=Budget(), seed=seed)
        feed = recommender.feed(EVEN, NOT_LATELY, wanted, trends=Trends(), at=NOON)
        assert (feed.seed, len(set(ids(feed)))) == (seed, 20)
        for place, (item, chance) in enumerate(zip(feed.items, feed.propensities, strict=True)):
            seen[place, item.song_id] += 1
            told_of.setdefault((place, item.song_id), set()).add(chance)

    assert any(chance < 1 for chances in told_of.values() for chance in chances)
    for where, chances in told_of.items():
        (chance,) = chances
        noise = 5 * np.sqrt(chance * (1 - chance) / rounds) + 1 / rounds
        assert seen[where] / rounds == pytest.approx(chance, abs=noise), where
    for place in range(20):
        assert sum(seen[place, song] for song in range(1001, 1061)) == rounds


def test_an_explored_song_says_so_and_the_filters_hold_for_it(town: Bundle) -> None:
    bundle = exploring(town)
    hiding = told(hidden_songs=[1032, 1034])

    feeds = [feed_of(bundle, hiding, limit=10, budget=Budget(), seed=seed) for seed in range(40)]

    explored = [item for feed in feeds for item in feed.items if item.reason.code == "little-heard"]
    assert explored
    assert not {1032, 1034} & {item.song_id for item in explored}
    assert {item.song_id % 2 for item in explored} <= {0}
    assert all("few have heard" in item.reason.text.lower() for item in explored)


def test_the_same_candidates_have_the_same_hash_and_others_another(town: Bundle) -> None:
    one, again, other = feed_of(town), feed_of(town), feed_of(town, heard_lately(1060))

    assert one.candidates_hash == again.candidates_hash != other.candidates_hash
    assert set(one.propensities) == {1.0}
