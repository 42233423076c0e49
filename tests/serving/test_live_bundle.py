"""A serving process follows the pointer, and a request never sees two versions."""

import dataclasses
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl

from foundation.engines.blobs import Blobs
from foundation.engines.vectors.port import Points, Vectors
from foundation.ids import UserId
from models.bundle import Bundle
from serving.bundle import LiveBundle
from serving.lifespan import loader
from serving.recommend.recommender import Recommender
from serving.trending.schemas import Chart

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeBundle = Callable[..., Bundle]
Publish = Callable[[Bundle], None]


def until(happened: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.005)
    return happened()


def retitled(bundle: Bundle) -> Bundle:
    return dataclasses.replace(
        bundle, songs=bundle.songs.with_columns(title=pl.lit(f"Song of {bundle.version}"))
    )


def publish_vectors_only(vectors: Vectors, bundle: Bundle) -> None:
    vectors.publish("songs", bundle.version, Points(bundle.song_ids, {"als": bundle.song_factors}))
    vectors.flip("songs", bundle.version)


def test_nothing_serves_before_something_is_published(vectors: Vectors, blobs: Blobs) -> None:
    with LiveBundle(vectors, loader(vectors, blobs)) as live:
        assert (live.current, live.version, live.is_ready, live.failure) == (None, None, False, None)


def test_a_published_version_is_live_without_a_restart(
    checkerboard: MakeBundle, publish: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    with LiveBundle(vectors, loader(vectors, blobs), every=0.01) as live:
        publish(checkerboard(4, 20, version="v1"))
        is_first_live = until(lambda: live.version == "v1")
        publish(checkerboard(4, 20, version="v2"))
        is_second_live = until(lambda: live.version == "v2")

    assert is_first_live
    assert is_second_live


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving(
    checkerboard: MakeBundle, publish: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish(checkerboard(4, 20, version="v1"))
    with LiveBundle(vectors, loader(vectors, blobs), every=0.01) as live:
        blobs.put("bundles/v2/manifest.json", b"not a manifest")
        publish_vectors_only(vectors, checkerboard(4, 20, version="v2"))
        has_failed = until(lambda: live.failure is not None)
        version = live.version

    assert has_failed
    assert version == "v1"


def test_a_version_that_serves_is_not_deleted(
    checkerboard: MakeBundle, publish: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish(checkerboard(4, 20, version="v1"))
    with LiveBundle(vectors, loader(vectors, blobs), every=60):
        publish(checkerboard(4, 20, version="v2"))
        deleted = vectors.retire("songs", keep=1)

    assert deleted == []


def test_swaps_under_load_mix_no_versions(
    checkerboard: MakeBundle, publish: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    seen: list[tuple[str | None, str | None]] = []
    stop = threading.Event()
    # In every version the songs of one parity have another title: a slate tells by itself where its songs are from.
    publish(retitled(checkerboard(4, 40, version="v0")))
    with LiveBundle(vectors, loader(vectors, blobs), every=0.001) as live:

        def ask() -> None:
            while not stop.is_set():
                recommender = live.current
                assert recommender is not None
                slate = recommender.recommend(UserId(2), 3, chart=Chart(), at=NOON)
                seen.extend((slate.version, item.title) for item in slate.items)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for version in range(1, 4):
            publish(retitled(checkerboard(4, 40, version=f"v{version}")))
            until(lambda wanted=f"v{version}": live.version == wanted)
        until(lambda: "v3" in {version for version, _ in seen})
        stop.set()
        for thread in threads:
            thread.join()

    assert {version for version, _ in seen} >= {"v0", "v3"}
    assert all(title == f"Song of {version}" for version, title in seen)


def test_a_request_under_way_keeps_its_version(
    checkerboard: MakeBundle, publish: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish(checkerboard(4, 20, version="v1"))
    with LiveBundle(vectors, loader(vectors, blobs), every=0.01) as live:
        pinned = live.current
        publish(checkerboard(4, 20, version="v2"))
        until(lambda: live.version == "v2")
        assert isinstance(pinned, Recommender)
        slate = pinned.recommend(UserId(2), 3, chart=Chart(), at=NOON)

    assert slate.version == "v1"
