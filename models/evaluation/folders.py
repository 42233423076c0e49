"""Reads the folders of public data sets, and anybody's of the same shapes, as tasks to judge systems on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from foundation.contracts.tables import Interactions as Columns
from foundation.errors import Problem
from models.evaluation import published
from models.evaluation.datasets import Dataset, of_pairs, of_sequences

TRAIN = ("train.txt", "data1.txt", "train.tsv", "train.csv", "user_artists_train.tsv", "user_artists.dat")
TEST = ("test.txt", "test1.txt", "test.tsv", "test.csv", "user_artists_test.tsv")


class DatasetMissing(Problem):
    """A folder of data is not where it was looked for."""

    status, title = 404, "The data set is not here"


class DatasetBroken(Problem):
    """A file of data is not what its name says."""

    status, title = 422, "The data set cannot be read"


def public(name: str, folder: Path, seed: int = 1) -> Dataset:
    """One of the public data sets that we know by name, in `folder`. Raises DatasetMissing and DatasetBroken."""
    if not folder.is_dir():
        raise DatasetMissing(f"{name} is not here: {folder} is no folder", path=str(folder))
    return PUBLIC[name](folder, seed)


def lightgcn(folder: Path, name: str | None = None, seed: int = 1) -> Dataset:
    """A fixed split as the code of NGCF and LightGCN has it: `train.txt` and `test.txt`, lines of a user and their items.

    `data1.txt` and `test1.txt`, lines of user, item and count, are the same code's other form.
    """
    called = name or folder.resolve().name
    if not (folder / "train.txt").is_file() and (folder / "data1.txt").is_file():
        return triples(folder, called, seed)
    train = _required(folder, ("train.txt",))
    test = folder / "test.txt"
    return of_pairs(
        called,
        _adjacency(train),
        _adjacency(test) if test.is_file() else None,
        seed=seed,
        published=published.OF.get(called),
    )


def triples(folder: Path, name: str | None = None, seed: int = 1) -> Dataset:
    """Rows of user, item and count, with or without a header, in a train file and where there is one a test file.

    A single file is its own training file. Without a test file a fifth of the rows is held out at random. Users and
    items may be any text; where a row has no count it is 1.
    """
    called = name or folder.resolve().name
    train = folder if folder.is_file() else _required(folder, TRAIN)
    test = None if folder.is_file() else _found(folder, TEST)
    tables = [_table(train)] + ([_table(test)] if test is not None else [])
    numbered = _numbered(tables)
    return of_pairs(
        called,
        numbered[0],
        numbered[1] if test is not None else None,
        seed=seed,
        published=published.OF.get(called),
    )


def sequences(folder: Path, name: str | None = None, _seed: int = 1) -> Dataset:
    """Lines of a user and their items in order of time, as the code of S³-Rec has them: `LastFM.txt`."""
    called = name or folder.resolve().name
    path = _required(folder, ("LastFM.txt", "sequences.txt"))
    return of_sequences(
        called, [row[1:] for row in _rows(path) if len(row) > 1], published=published.OF.get(called)
    )


PUBLIC: Mapping[str, Callable[[Path, int], Dataset]] = {
    "lastfm_lightgcn": lambda folder, seed: triples(folder, "lastfm_lightgcn", seed),
    "gowalla": lambda folder, seed: lightgcn(folder, "gowalla", seed),
    "lastfm_hetrec": lambda folder, seed: triples(folder, "lastfm_hetrec", seed),
    "lastfm_sequences": lambda folder, seed: sequences(folder, "lastfm_sequences", seed),
}


def _found(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _required(folder: Path, names: tuple[str, ...]) -> Path:
    path = _found(folder, names)
    if path is None:
        raise DatasetMissing(f"{folder} holds none of {', '.join(names)}", path=str(folder))
    return path


def _rows(path: Path) -> list[list[int]]:
    try:
        return [
            [int(word) for word in line.split()] for line in path.read_text().splitlines() if line.strip()
        ]
    except ValueError as error:
        raise DatasetBroken(f"{path.name}: a line is not a user and their items, as numbers") from error


def _adjacency(path: Path) -> pl.DataFrame:
    rows = _rows(path)
    listeners = np.repeat([row[0] for row in rows], [len(row) - 1 for row in rows]).astype(np.int64)
    songs = np.array([item for row in rows for item in row[1:]], dtype=np.int64)
    told = pl.DataFrame({Columns.listener_id: listeners, Columns.song_id: songs})
    return told.unique(maintain_order=True).with_columns(pl.lit(1.0).alias(Columns.listens))


def _table(path: Path) -> pl.DataFrame:
    """The first three columns of a delimited file as text, text and number."""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if not lines:
        raise DatasetBroken(f"{path.name} is empty")
    delimiter = next((each for each in ("\t", "::", ",", ";", " ") if each in lines[0]), None)
    if delimiter is None:
        raise DatasetBroken(
            f"{path.name}: its first line has one column, where a user and an item are wanted"
        )
    rows = [[word.strip() for word in line.split(delimiter)] for line in lines]
    if len(rows[0]) > 2 and not _is_number(rows[0][2]):
        rows = rows[1:]  # a header
    try:
        return pl.DataFrame(
            {
                Columns.listener_id: [row[0] for row in rows],
                Columns.song_id: [row[1] for row in rows],
                Columns.listens: [float(row[2]) if len(row) > 2 else 1.0 for row in rows],
            },
            schema={Columns.listener_id: pl.String, Columns.song_id: pl.String, Columns.listens: pl.Float64},
        ).filter(pl.col(Columns.listens) > 0)
    except (IndexError, ValueError) as error:
        raise DatasetBroken(f"{path.name}: a row is not user, item and count") from error


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _numbered(tables: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """The tables with a number for each user and item, the same in all."""
    numbered = pl.concat(
        [table.with_columns(pl.lit(place).alias("part")) for place, table in enumerate(tables)]
    )
    numbered = numbered.with_columns(
        pl.col(Columns.listener_id).rank("dense").cast(pl.Int64),
        pl.col(Columns.song_id).rank("dense").cast(pl.Int64),
    )
    return [numbered.filter(pl.col("part") == place).drop("part") for place in range(len(tables))]
