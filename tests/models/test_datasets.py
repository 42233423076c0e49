"""Tasks of prediction: what is learnt and what is judged, never both; and files that people really have."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from models.blend.tuning import tuned
from models.evaluation import folders
from models.evaluation.cuts import held_back
from models.evaluation.datasets import Dataset, NothingToJudge, of_pairs, of_plays, of_sequences
from models.evaluation.leakage import LeakedHistory, refuse_future, refuse_heard, refuse_overlap
from models.evaluation.report import Report
from models.past import Past, Plays

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def pairs(*rows: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={"listener_id": pl.Int64, "song_id": pl.Int64}, orient="row"
    ).with_columns(listens=pl.lit(1.0))


def plays(*rows: tuple[int, int, float], skips: tuple[int, ...] = ()) -> pl.DataFrame:
    """Listener, song and hour."""
    return pl.DataFrame(
        {
            "listener_id": [row[0] for row in rows],
            "song_id": [row[1] for row in rows],
            "at": [NOON + timedelta(hours=row[2]) for row in rows],
            "seconds": [200.0] * len(rows),
            "is_skip": [place in skips for place in range(len(rows))],
        }
    )


def loved(data: Dataset) -> list[list[int]]:
    return [data.relevant[[row]].indices.tolist() for row in range(len(data.rows))]


def test_a_fixed_split_judges_everybody_with_a_test_row_also_who_has_no_past():
    data = of_pairs("own", pairs((1, 10), (1, 30), (5, 10)), pairs((1, 20), (9, 10)))

    assert data.past.shape == (3, 3)
    assert data.rows.tolist() == [0, 2]
    assert loved(data) == [[1], [0]]


def test_a_test_row_that_was_learnt_is_not_judged():
    data = of_pairs("own", pairs((1, 10), (2, 10)), pairs((1, 10), (1, 20)))

    assert loved(data) == [[1]]


def test_without_a_test_file_a_fifth_of_the_pairs_is_held_out_the_same_for_the_same_seed():
    rows = pairs(*((user, song) for user in range(10) for song in range(10)))

    one, again, other = (of_pairs("own", rows, None, seed=seed) for seed in (1, 1, 2))

    assert (one.past.listens.nnz, one.relevant.nnz) == (80, 20)
    assert (one.past.listens != again.past.listens).nnz == 0
    assert (one.past.listens != other.past.listens).nnz > 0


def test_of_a_sequence_the_last_is_judged_and_the_order_is_known():
    data = of_sequences("own", [[7, 5, 9], [9], [5, 7]])

    assert data.rows.tolist() == [0, 2]
    assert loved(data) == [[2], [1]]
    assert data.past.plays is not None
    assert data.past.plays.songs.tolist() == [1, 0, 2, 0]


def test_time_parts_everybody_at_one_moment_and_repeats_are_judged_apart():
    data = of_plays(
        "own",
        plays((1, 10, 0), (1, 11, 1), (2, 10, 2), (2, 12, 3), (1, 12, 4), (1, 10, 5), (2, 10, 6)),
        share=0.4,
    )

    assert data.past.plays is not None
    assert data.past.plays.at.max() < (NOON + timedelta(hours=4)).timestamp()
    assert loved(data) == [[2]]
    assert data.repeats is not None
    assert data.repeat_rows.tolist() == [0, 1]
    assert data.repeats.toarray().tolist() == [[1, 0, 0], [1, 0, 0]]


def test_skips_are_neither_learnt_nor_judged():
    data = of_plays("own", plays((1, 10, 0), (1, 11, 1), (1, 12, 4), (1, 13, 5), skips=(1, 3)), share=0.5)

    assert data.past.listens.toarray().tolist() == [[1, 0, 0, 0]]
    assert loved(data) == [[2]]


def test_listeners_of_different_years_are_each_parted_by_their_own_time():
    old = [(1, song, song) for song in range(5)]
    new = [(2, song, 10_000 + song) for song in range(3, 8)]
    other = [(3, song, -10_000 + song) for song in range(5)]

    data = of_plays("own", plays(*old, *new, *other), share=0.2)

    assert data.rows.tolist() == [0, 1, 2]
    assert "each listener's own" in data.how


def test_nobody_to_judge_is_said():
    with pytest.raises(NothingToJudge, match="no listener has both"):
        of_pairs("own", pairs((1, 10)), pairs((1, 10)))
    with pytest.raises(NothingToJudge, match="nothing was listened to"):
        of_plays("own", plays((1, 10, 0), skips=(0,)))


def test_a_model_that_learnt_what_it_is_judged_by_is_refused():
    train = sp.csr_array(np.array([[1.0, 1.0], [0.0, 1.0]]))

    refuse_overlap(train, sp.csr_array(np.array([[1.0, 0.0]])), np.array([1]))
    with pytest.raises(LeakedHistory, match="1 of the pairs"):
        refuse_overlap(train, sp.csr_array(np.array([[1.0, 0.0]])), np.array([0]))


def test_lists_that_show_what_was_heard_or_a_song_twice_are_refused():
    heard = sp.csr_array(np.array([[1.0, 0.0, 0.0]]))

    refuse_heard(np.array([[1, 2, -1, -1]]), heard, np.array([0]))
    with pytest.raises(LeakedHistory, match="had heard"):
        Report.of(np.array([[0, 1]]), sp.csr_array(np.array([[0.0, 1.0, 0.0]])), heard, np.array([0]))
    with pytest.raises(LeakedHistory, match="twice"):
        refuse_heard(np.array([[2, 2]]), heard, np.array([0]))


def test_a_past_with_plays_of_the_future_is_refused():
    past = Past.of_plays(Plays.of(np.array([0, 1]), np.array([0, 0]), np.array([5.0, 9.0])), 2, 1)

    refuse_future(past, np.array([6.0, 10.0]))
    with pytest.raises(LeakedHistory, match="1 plays"):
        refuse_future(past, np.array([5.0, 10.0]))


@pytest.mark.parametrize("cut", ["random", "time", "last"])
def test_what_is_held_back_to_choose_by_is_no_longer_known(cut: str):
    rng = np.random.default_rng(2)
    size = 400
    told = Plays.of(rng.integers(0, 30, size), rng.integers(0, 40, size), rng.permutation(size).astype(float))
    past = Past.of_plays(told, 30, 40)

    folds = held_back(past, cut, np.random.default_rng(1))  # type: ignore[arg-type]

    assert folds
    for fold in folds:
        refuse_overlap(fold.past.listens, fold.relevant, fold.rows)
        assert fold.past.plays is not None
        known = Past.of_plays(fold.past.plays, 30, 40).listens
        assert ((known > 0) != (fold.past.listens > 0)).nnz == 0
        assert ((fold.past.listens > 0).astype(int) - (past.listens > 0).astype(int)).max() == 0


def test_the_choice_of_weights_never_sees_the_test():
    rng = np.random.default_rng(5)
    found = rng.permutation(np.argwhere(rng.random((60, 30)) < 0.3))
    rows = pairs(*map(tuple, found.tolist()))
    one, other = (of_pairs("own", rows[:400], rows[part]) for part in (slice(400, 450), slice(450, None)))

    weights = [tuned(data.past, data.cut, 20, ["paths", "low-pass"]).weights for data in (one, other)]

    assert one.past.shape == other.past.shape
    assert one.relevant.nnz != other.relevant.nnz
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.txt", "u\ti\tplays\n1\t10\t3\n1\t20\t1e3\n2\t10\t2\n"),
        ("train.csv", "1,10,3\n1,20,1000\n2,10,2\n"),
        ("train.tsv", "ann\tblue\t3\nann\tred\t1000\nbo\tblue\t2\n"),
        ("data1.txt", "1 10 3\n\n1 20 1000\n2 10 2\n"),
    ],
)
def test_triples_are_read_with_and_without_a_header(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content)
    (tmp_path / "test.txt").write_text(content.splitlines()[-1].replace("10", "20").replace("blue", "red"))

    data = folders.triples(tmp_path)

    assert data.past.listens.toarray().tolist() == [[3, 1000], [2, 0]]
    assert loved(data) == [[1]]


def test_an_adjacency_split_has_gaps_empty_lines_and_songs_unseen_in_training(tmp_path: Path):
    (tmp_path / "train.txt").write_text("0 5 900\n3\n7 5\n")
    (tmp_path / "test.txt").write_text("0 17\n3 5\n7 \n")

    data = folders.lightgcn(tmp_path)

    assert data.past.shape == (3, 3)
    assert data.rows.tolist() == [0, 1]
    assert loved(data) == [[1], [0]]


@pytest.mark.parametrize(("content", "said"), [("1 x 3\n", "as numbers"), ("", "no listener has both")])
def test_a_broken_adjacency_file_is_named(tmp_path: Path, content: str, said: str):
    (tmp_path / "train.txt").write_text(content)
    (tmp_path / "test.txt").write_text("")

    with pytest.raises((folders.DatasetBroken, NothingToJudge), match=said):
        folders.lightgcn(tmp_path)


def test_a_folder_without_data_is_one_clear_line(tmp_path: Path):
    with pytest.raises(folders.DatasetMissing, match="gowalla is not here"):
        folders.public("gowalla", tmp_path / "gowalla")
    with pytest.raises(folders.DatasetMissing, match="holds none of"):
        folders.triples(tmp_path)
