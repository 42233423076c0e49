"""`segue evaluate` on files: what it prints, what it writes, and what it says of what is not there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from foundation.settings import REPOSITORY


def segue(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "evaluate", *words],
        cwd=REPOSITORY,
        env={**os.environ, "SEGUE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Two kinds of listeners in the files of the LightGCN code; ids have gaps."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "mine"
    folder.mkdir()
    lines: dict[str, list[str]] = {"train.txt": [], "test.txt": []}
    for user in range(0, 80, 2):
        songs = rng.permutation(np.arange(user // 2 % 2, 60, 2))[:15] * 7
        lines["train.txt"].append(" ".join(map(str, [user, *songs[:12]])))
        lines["test.txt"].append(" ".join(map(str, [user, *songs[12:]])))
    for name, content in lines.items():
        (folder / name).write_text("\n".join(content))
    return folder


@pytest.mark.slow
def test_anybodys_split_is_judged_and_written_as_json(split: Path, tmp_path: Path) -> None:
    ended = segue(
        "--path",
        str(split),
        "--format",
        "lightgcn",
        "--no-log",
        "--json",
        str(tmp_path / "told.json"),
        home=tmp_path,
    )

    assert ended.returncode == 0, ended.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["dataset"], told["model"], told["judged"]) == ("mine", "segue", 40)
    assert 0 < told["metrics"]["recall@20"] <= 1
    assert 0 < told["metrics"]["ndcg@20"] <= 1
    assert told["seconds"].keys() == {"train", "score"}
    assert f"{told['metrics']['recall@20']:.4f}" in ended.stdout
    assert "training: done" in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say one of --dataset NAME and --path DIR"),
        (("--dataset", "nowhere"), "there are lastfm_lightgcn, gowalla"),
        (("--dataset", "gowalla", "--data", "/nowhere"), "gowalla is not here"),
        (("--dataset", "listening_history", "--data", "/nowhere"), "listening_history is not here"),
        (("--path", "/nowhere", "--format", "triples"), "no such file or folder"),
        (("--path", "/nowhere"), "--format lightgcn, triples"),
    ],
)
def test_what_cannot_be_judged_is_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ended = segue(*words, home=tmp_path)

    assert ended.returncode == 1
    assert len(ended.stderr.strip().splitlines()) == 1
    assert said in ended.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_public_data_set_is_printed_beside_published_numbers(tmp_path: Path) -> None:
    ended = segue("--dataset", "lastfm_lightgcn", "--model", "paths", "--no-log", home=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert "1,858 listeners judged" in ended.stdout
    assert "MostPop" in ended.stdout
    assert "**paths**" in ended.stdout
