"""GET /songs/{song_id}/similar: by listening and by words, from one version, also for songs that nobody has heard."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, get_args

import httpx
import msgspec
import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from foundation.engines.blobs import Blobs
from foundation.engines.vectors.port import Points, Vectors
from foundation.http.app import make_app
from foundation.ids import SongId
from models.bundle import Bundle, save
from models.embeddings.minilm import MiniLM
from models.together import Together
from serving.bundle import LiveBundle
from serving.lifespan import loader
from serving.recommend.recommender import Recommender
from serving.similar.neighbours import closest
from serving.similar.router import router
from serving.similar.schemas import By, SimilarSongs
from serving.similar.service import Similar

pytestmark = pytest.mark.anyio

MakeBundle = Callable[..., Bundle]
Publish = Callable[..., None]


@pytest.fixture
def publish_both(vectors: Vectors, blobs: Blobs) -> Publish:
    """Publishes a bundle and the vectors of its songs' texts, as the job `song_vectors` does."""

    def published(bundle: Bundle, text: np.ndarray) -> None:
        save(bundle, blobs)
        both = {"als": bundle.song_factors, "text": np.asarray(text, np.float32)}
        vectors.publish("songs", bundle.version, Points(bundle.song_ids, both))
        vectors.flip("songs", bundle.version)

    return published


@asynccontextmanager
async def serving(vectors: Vectors, blobs: Blobs) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that serves what is published."""
    app = make_app(title="t", description="", version="0", routers=[router], lifespan=None)
    with LiveBundle(vectors, loader(vectors, blobs), every=60) as live:
        app.state.live, app.state.vectors = live, vectors
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://segue/api/v1") as client:
            yield client


def town(bundle_of: MakeBundle, version: str = "v1") -> Bundle:
    """Songs 1001 to 1005: 1001, 1002 and 1003 point alike more or less, 1004 away, and nobody has heard 1005."""
    songs = np.array([[1, 0], [3, 0], [2, 1], [-1, 0], [0, 0]])
    return bundle_of(np.array([[1, 0]]), songs, np.array([[1, 1, 1, 1, 0]]), version=version)


# The words of 1005 are those of 1001, almost.
WORDS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0], [0.8, 0, 0.6]])


def ids(answer: httpx.Response) -> list[int]:
    return [item["song_id"] for item in answer.json()["items"]]


async def test_by_listening_the_direction_counts_and_not_the_fame(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish_both(town(bundle_of), WORDS)

    async with serving(vectors, blobs) as client:
        answer = await client.get("/songs/1001/similar", params={"by": "listening"})

    told = answer.json()
    assert answer.status_code == 200
    assert (told["song_id"], told["by"], told["model"], told["version"]) == (
        1001,
        "listening",
        "als/v1",
        "v1",
    )
    assert [(item["rank"], item["song_id"], item["title"]) for item in told["items"]] == [
        (1, 1002, "Song 1002"),
        (2, 1003, "Song 1003"),
    ]
    assert [item["score"] for item in told["items"]] == pytest.approx([1, 2 / 5**0.5], abs=1e-6)


async def test_by_text_the_words_count(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish_both(town(bundle_of), WORDS)

    async with serving(vectors, blobs) as client:
        answer = await client.get("/songs/1001/similar", params={"by": "text", "limit": 2})

    assert answer.json()["model"] == "all-MiniLM-L6-v2"
    assert ids(answer) == [1005, 1004]
    assert [item["score"] for item in answer.json()["items"]] == pytest.approx([0.8, 0.6])


async def test_a_song_without_plays_has_neighbours(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish_both(town(bundle_of), WORDS)

    async with serving(vectors, blobs) as client:
        unheard = await client.get("/songs/1005/similar", params={"limit": 1})
        heard = await client.get("/songs/1001/similar")
        by_listening = await client.get("/songs/1005/similar", params={"by": "listening"})

    assert (unheard.json()["by"], ids(unheard)) == ("text", [1001])
    assert heard.json()["by"] == "listening"
    assert ids(by_listening) == []


async def test_by_sessions_what_is_played_beside_it_counts(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    beside = csr_array((np.array([0.5, 0.25, 0.5, 0.25]), ([0, 0, 3, 2], [3, 2, 0, 0])), shape=(5, 5))
    publish_both(replace(town(bundle_of), together=Together.of(beside, 3)), WORDS)

    async with serving(vectors, blobs) as client:
        answer = await client.get("/songs/1001/similar", params={"by": "sessions"})
        one = await client.get("/songs/1001/similar", params={"by": "sessions", "limit": 1})
        alone = await client.get("/songs/1002/similar", params={"by": "sessions"})

    assert answer.json()["by"] == "sessions"
    assert (ids(answer), ids(one), ids(alone)) == ([1004, 1003], [1004], [])
    assert [item["score"] for item in answer.json()["items"]] == [0.5, 0.25]


async def test_a_song_that_the_version_does_not_have_is_refused(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish_both(town(bundle_of), WORDS)

    async with serving(vectors, blobs) as client:
        answer = await client.get("/songs/999/similar")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-song")
    assert "new in the catalog" in answer.json()["detail"]


async def test_before_anything_is_published_the_answer_says_so(vectors: Vectors, blobs: Blobs) -> None:
    async with serving(vectors, blobs) as client:
        answer = await client.get("/songs/1001/similar")

    assert (answer.status_code, answer.json()["code"]) == (503, "nothing-published")


@pytest.mark.parametrize("question", [{"by": "colour"}, {"limit": 0}, {"limit": 101}])
async def test_a_question_that_makes_no_sense_is_refused(
    question: dict[str, Any], vectors: Vectors, blobs: Blobs
) -> None:
    async with serving(vectors, blobs) as client:
        answer = await client.get("/songs/1001/similar", params=question)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_the_answer_has_the_documented_shape(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    publish_both(town(bundle_of), WORDS)

    async with serving(vectors, blobs) as client:
        answer = await client.get("/songs/1001/similar")

    told = msgspec.json.decode(answer.content, type=SimilarSongs, strict=True)
    assert told.by in get_args(By)


def test_a_version_without_texts_refuses_by_text_alone(
    bundle_of: MakeBundle, publish: Callable[[Bundle], None], vectors: Vectors, blobs: Blobs
) -> None:
    publish(town(bundle_of))
    with LiveBundle(vectors, loader(vectors, blobs), every=60) as live:
        found = Similar(live, vectors).to(SongId(1001), 5, "listening")

    assert [item.song_id for item in found.items] == [1002, 1003]


def test_a_large_catalog_asks_the_index_and_answers_by_cosine(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    rng = np.random.default_rng(4)
    songs = rng.normal(size=(300, 4)) * np.exp(rng.normal(size=(300, 1)) / 4)
    publish_both(bundle_of(np.ones((1, 4)), songs, np.ones((1, 300))), np.ones((300, 2)))
    with LiveBundle(vectors, loader(vectors, blobs), every=60) as live:
        exact = Similar(live, vectors).to(SongId(1007), 5, "listening")
        by_index = Similar(live, vectors, exact_up_to=10).to(SongId(1007), 5, "listening")

    assert [item.song_id for item in by_index.items] == [item.song_id for item in exact.items]
    scores = [item.score for item in by_index.items]
    assert scores == sorted(scores, reverse=True)


def test_the_closest_are_those_of_the_plain_formula() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(200, 6)).astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1)

    places, cosines = closest(rows, lengths, 17, 12)

    plain = rows @ rows[17] / (lengths * lengths[17])
    plain[17] = -1
    assert places.tolist() == np.argsort(-plain)[:12].tolist()
    assert cosines == pytest.approx(plain[places])


def test_swaps_under_questions_mix_no_versions(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    def published(number: int) -> None:
        """In odd versions 1005 is next to 1001, in even ones next to 1002; titles name the version."""
        bundle = town(bundle_of, version=f"v{number}")
        named = bundle.songs.with_columns(title=pl.lit(f"Song of v{number}"))
        words = WORDS if number % 2 else WORDS[[1, 0, 2, 3, 4]]
        publish_both(replace(bundle, songs=named), words)

    seen: list[SimilarSongs] = []
    stop = threading.Event()
    published(0)
    with LiveBundle(vectors, loader(vectors, blobs), every=0.001) as live:
        service = Similar(live, vectors)

        def ask() -> None:
            while not stop.is_set():
                seen.append(service.to(SongId(1005), 1))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(1, 6):
            published(number)
            while live.version != f"v{number}" or not seen or seen[-1].version != live.version:
                stop.wait(0.002)
        stop.set()
        for thread in threads:
            thread.join()

    assert {answer.version for answer in seen} == {f"v{number}" for number in range(6)}
    for answer in seen:
        number = int(answer.version.removeprefix("v"))
        (nearest,) = answer.items
        assert nearest.title == f"Song of {answer.version}"
        assert nearest.song_id == (1001 if number % 2 else 1002)


@pytest.mark.slow
def test_songs_of_a_kind_are_neighbours_by_their_words(
    bundle_of: MakeBundle, publish_both: Publish, vectors: Vectors, blobs: Blobs
) -> None:
    texts = [
        "Hearts on Fire\nThe Ballad Company\nrock ballad\nI still love you in the rain",
        "Stay With Me Tonight\nIron Roses\nrock ballad\nDon't leave me, my love",
        "Love in the Rain\nThe Power Quartet\nrock ballad\nMy heart is burning for you",
        "Warehouse Pulse\nMachine Nine\nminimal techno\n",
        "Acid Loop\nFrequency\ntechno\nthe strobe, the bass",
        "Sunday Choir\nVespers\nGregorian chant\nkyrie eleison",
    ]
    bundle = bundle_of(np.ones((1, 2)), np.ones((len(texts), 2)), np.ones((1, len(texts))))
    publish_both(bundle, MiniLM.load().embed(texts))
    with LiveBundle(vectors, loader(vectors, blobs), every=60) as live:
        assert isinstance(live.current, Recommender)
        near = {song: Similar(live, vectors).to(SongId(song), 2, "text") for song in (1001, 1004)}

    assert {item.song_id for item in near[1001].items} == {1002, 1003}
    assert near[1004].items[0].song_id == 1005
