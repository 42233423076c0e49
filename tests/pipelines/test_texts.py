"""Songs in words and their vectors: what is embedded, and above all what is not."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from models.arrays import Factors
from pipelines.context import Context, InputMissing
from pipelines.jobs.song_texts import job as song_texts
from pipelines.jobs.song_vectors.job import points_of
from pipelines.jobs.text_vectors import job as text_vectors
from pipelines.jobs.text_vectors.job import DIMENSIONS, Vectors
from pipelines.run import run
from pipelines.versions import Versions
from tests.pipelines.conftest import World
from tests.serving.conftest import checkerboard_of

SONGS = {"song_id": pl.Int64, "title": pl.String, "artist": pl.String, "album": pl.String, "genre": pl.String}
LYRICS = {"song_id": pl.Int64, "language": pl.String, "opening": pl.String}
JOBS = ("song_texts", "text_vectors")
UNSUNG = pl.DataFrame(schema=LYRICS)


def texts_of(*songs: tuple[int, str, str, str, str], lyrics: pl.DataFrame = UNSUNG) -> pl.DataFrame:
    return song_texts.build(pl.DataFrame(songs, schema=SONGS, orient="row"), lyrics)


def town(titles: Sequence[str]) -> pl.DataFrame:
    return texts_of(*((number, title, "Nine", "", "jazz") for number, title in enumerate(titles, start=1)))


class Embedder:
    """Embeds in a way that tests can recompute, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Factors:
        self.asked += texts
        rows = [np.random.default_rng(list(text.encode())).normal(size=DIMENSIONS) for text in texts]
        return np.array(rows, dtype=np.float32)


def test_a_text_says_what_is_known_in_a_fixed_order():
    lyrics = pl.DataFrame(
        [(2, "fr", "Aube"), (2, "en", "Dawn\nNoon"), (9, "en", "Lost")], LYRICS, orient="row"
    )

    rows = texts_of((2, "Air", "Nine", "Sky", "jazz"), (1, "Sea", "Ten", "", ""), lyrics=lyrics)

    assert rows["song_id"].to_list() == [1, 2]
    assert rows["text"].to_list() == ["Sea\nTen", "Air\nNine\nSky\njazz\nDawn\nNoon\nAube"]


def test_a_song_of_which_nothing_is_known_has_an_empty_text():
    rows = texts_of((1, "", "", "", ""))

    assert rows["text"].to_list() == [""]


def test_a_hash_tells_texts_apart_and_nothing_else():
    rows = texts_of((1, "Air", "Nine", "", ""), (2, "Air", "Nine", "", ""), (3, "Air", "Ten", "", ""))

    assert rows["hash"][0] == rows["hash"][1] != rows["hash"][2]
    assert rows["hash"].equals(
        texts_of(*((i, "Air", a, "", "") for i, a in ((1, "Nine"), (2, "Nine"), (3, "Ten"))))["hash"]
    )


def test_of_a_hundredth_changed_exactly_that_is_embedded():
    embed = Embedder()
    before, first = text_vectors.build(
        town([f"Song {number}" for number in range(500)]), Vectors.none(), embed
    )
    embed.asked.clear()
    changed = {100: "New words", 200: "Other words", 300: "More words", 400: "Words", 499: "Last words"}

    after, embedded = text_vectors.build(
        town([changed.get(number, f"Song {number}") for number in range(500)]), before, embed
    )

    assert (first, embedded) == (500, 5)
    assert embed.asked == [f"{title}\nNine\njazz" for title in changed.values()]
    same = [number for number in range(500) if number not in changed]
    assert np.array_equal(after.vectors[same], before.vectors[same])
    assert np.array_equal(
        after.vectors[list(changed)], embed([f"{title}\nNine\njazz" for title in changed.values()])
    )


def test_songs_that_come_and_go_move_no_vector_to_another_song():
    embed = Embedder()
    before, _ = text_vectors.build(town(["A", "B", "C"]), Vectors.none(), embed)

    after, embedded = text_vectors.build(
        texts_of((2, "C", "Nine", "", "jazz"), (7, "A", "Nine", "", "jazz"), (5, "D", "Nine", "", "jazz")),
        before,
        embed,
    )

    assert embedded == 1
    assert after.song_ids.tolist() == [2, 5, 7]
    assert np.array_equal(after.vectors, embed([f"{title}\nNine\njazz" for title in "CDA"]))


def test_the_same_words_are_embedded_once():
    embed = Embedder()

    rows, embedded = text_vectors.build(town(["A", "B", "A", "A"]), Vectors.none(), embed)

    assert embedded == len(embed.asked) == 2
    assert np.array_equal(rows.vectors[0], rows.vectors[3])


def test_a_song_without_a_text_yet_has_no_vector_of_that_name():
    bundle = checkerboard_of(4, 8)
    known = Vectors(bundle.song_ids[1:], pl.Series([b""] * 7), np.ones((7, DIMENSIONS), np.float32))

    points = points_of(bundle, known)

    assert points.having("text").tolist() == [False] + [True] * 7


def test_without_texts_there_are_no_vectors(context: Context):
    with pytest.raises(InputMissing, match="song_texts first"):
        run("text_vectors", context)


@pytest.mark.slow
def test_a_change_in_the_catalog_embeds_that_song_alone(world: World, context: Context):
    world.describe(range(101, 121), range(0))
    first, unchanged = ([run(name, context) for name in JOBS] for _ in range(2))
    world.writer.insert("lyrics", [[105, "en", "Rain on the roof", 1]], column_names=[*LYRICS, "version"])

    changed = [run(name, context) for name in JOBS]

    versions = Versions("text_vectors", context.blobs)
    before, after = (text_vectors._read(versions, result.version) for result in (first[1], changed[1]))
    moved = np.abs(before.vectors - after.vectors).max(axis=1) > 0
    assert [result.changed for result in unchanged] == [False, False]
    assert "20 of them new" in first[1].summary
    assert "1 of them new" in changed[1].summary
    assert after.song_ids[moved].tolist() == [105]


@pytest.mark.slow
def test_another_model_embeds_everything_again(
    world: World, context: Context, monkeypatch: pytest.MonkeyPatch
):
    world.describe(range(101, 111), range(0))
    run("song_texts", context)
    first = run("text_vectors", context)
    monkeypatch.setattr(text_vectors, "MODEL_RECIPE", 99)

    second = run("text_vectors", context)

    assert second.version != first.version
    assert "10 of them new" in second.summary
