"""The command line's door to recommending gives what the API's gives, for one and for all."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest

from feature_store.online import RecentSongsSink
from foundation.contracts.events import ImportedCount, PlaybackEvent
from foundation.engines.redis import open_redis
from foundation.ids import UserId
from foundation.settings import Engines as EngineUrls
from foundation.settings import Settings
from models.bundle import Bundle
from serving.in_process import COLUMNS, open_recommender
from serving.recommend.errors import NoModel, UnknownListener
from tests.conftest import Engines

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOWHERE = "http://reader:secret@127.0.0.1:9/segue"  # nothing listens on the discard port
MakeBundle = Callable[..., Bundle]
Publish = Callable[[Bundle], None]


def settings(home: Path, redis: str) -> Settings:
    urls = EngineUrls(
        redis=redis, clickhouse_reader=NOWHERE, blobs=f"file://{home}/blobs", vectors=f"edge://{home}/vectors"
    )
    return Settings(engines=urls)


def test_everyone_gets_their_songs_with_source_and_external_ids(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(30, 40, strangers=[600]))

    with open_recommender(settings(tmp_path, engines.redis), lambda: NOON) as recommending:
        table = pl.concat(recommending.recommend_all(5))

    assert table.schema == pl.Schema(COLUMNS)
    assert table.height == 31 * 5
    assert table.filter(external_user_id="l2")["external_song_id"].to_list()[:3] == [
        "s1040",
        "s1038",
        "s1036",
    ]
    assert table.filter(external_user_id="l600")["reason"].str.starts_with("popular: ").all()
    assert set(table["source"]) == {"town"}


def test_nobody_gets_a_song_they_have_heard(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    bundle = checkerboard(30, 40)
    publish(bundle)

    with open_recommender(settings(tmp_path, engines.redis), lambda: NOON) as recommending:
        table = pl.concat(recommending.recommend_all(20))

    rows = table["external_user_id"].str.slice(1).cast(pl.Int64).to_numpy() - 1
    assert not bundle.heard[rows, table["song_id"].to_numpy() - 1001].any()


def test_one_listener_gets_in_the_table_what_they_get_alone(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(30, 40))
    listen = PlaybackEvent(
        play_id=uuid4(),
        kind="end",
        listener_id=22,
        song_id=1040,
        started_at=NOON,
        received_at=NOON,
        played_ms=60_000,
    )
    count = ImportedCount(origin="town", listener_id=22, song_id=1038, plays=4, received_at=NOON)
    RecentSongsSink(open_redis(engines.redis)).apply(["s1"], [listen, count])

    with open_recommender(settings(tmp_path, engines.redis), lambda: NOON) as recommending:
        slate = recommending.recommend(recommending.listener("town", "l22"), 7)
        table = pl.concat(recommending.recommend_all(7)).filter(external_user_id="l22")

    assert not {1040, 1038} & set(table["song_id"].to_list())
    assert table.select("rank", "song_id", "score").rows() == [
        (item.rank, item.song_id, item.score) for item in slate.items
    ]


def test_nothing_published_says_what_to_do(tmp_path: Path, engines: Engines) -> None:
    with pytest.raises(NoModel, match="segue job --all"), open_recommender(settings(tmp_path, engines.redis)):
        pass


def test_an_unknown_listener_is_told_so(
    tmp_path: Path, engines: Engines, checkerboard: MakeBundle, publish: Publish
) -> None:
    publish(checkerboard(4, 20))

    with open_recommender(settings(tmp_path, engines.redis)) as recommending:
        with pytest.raises(UnknownListener):
            recommending.listener("town", "nobody")
        with pytest.raises(UnknownListener):
            recommending.recommend(UserId(888_888), 5)


def test_without_redis_the_bundle_answers(tmp_path: Path, checkerboard: MakeBundle, publish: Publish) -> None:
    publish(checkerboard(4, 20))

    with open_recommender(settings(tmp_path, "redis://127.0.0.1:9")) as recommending:
        slate = recommending.recommend(UserId(2), 3)

    assert slate.stale == ("recent_songs",)
    assert [item.song_id for item in slate.items] == [1020, 1018, 1016]
