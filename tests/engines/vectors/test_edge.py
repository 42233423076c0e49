"""What only the engine inside the process promises: crashes, leases and many readers on one directory."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import qdrant_edge

from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.edge import LET_GO_AFTER, EdgeVectors
from foundation.engines.vectors.port import IndexNotBuilt, Points, UnknownVersion

EAST = np.array([1, 0, 0], dtype=np.float32)

PUBLISHER = """
import sys
import numpy as np
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Points
rows = np.random.default_rng(1).normal(size=(30_000, 160)).astype(np.float32)
open_vectors(sys.argv[1]).publish("songs", "cut", Points(np.arange(30_000), {"taste": rows}))
"""

READER = """
import sys
import numpy as np
from foundation.engines.vectors import open_vectors
vectors = open_vectors(sys.argv[1])
for line in sys.stdin:
    nearest = vectors.nearest("songs", np.array([1, 0, 0], np.float32), 3, name="taste", version=line.strip() or None)
    ids = [neighbour.id for neighbour in nearest]
    print(vectors.current("songs"), ids, flush=True)
"""


def started(program: str, url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", program, url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answer(reader: "subprocess.Popen[str]", version: str = "") -> str:
    assert reader.stdin
    assert reader.stdout
    reader.stdin.write(f"{version}\n")
    reader.stdin.flush()
    return reader.stdout.readline().strip()


@pytest.mark.slow
def test_a_publish_killed_half_way_leaves_nothing_to_see(tmp_path: Path, three_songs: Points) -> None:
    url = f"edge://{tmp_path}?exact_up_to=1000"
    publisher = started(PUBLISHER, url)
    deadline = time.monotonic() + 60
    while (
        not list(tmp_path.glob("songs/unfinished/cut/taste/graph/segments/*")) and time.monotonic() < deadline
    ):
        time.sleep(0.01)

    publisher.send_signal(signal.SIGKILL)
    publisher.communicate()

    vectors = open_vectors(url)
    assert list(tmp_path.glob("songs/unfinished/cut/taste/graph"))
    with pytest.raises(UnknownVersion):
        vectors.flip("songs", "cut")
    vectors.publish("songs", "whole", three_songs)
    assert [path.name for path in (tmp_path / "songs" / "versions").iterdir()] == ["whole"]
    assert list((tmp_path / "songs" / "unfinished").iterdir()) == []


@pytest.mark.slow
def test_a_version_another_process_reads_is_not_retired_while_that_lives(
    tmp_path: Path, three_songs: Points
) -> None:
    url = f"edge://{tmp_path}"
    vectors = open_vectors(url)
    for version in ("1", "2", "3"):
        vectors.publish("songs", version, three_songs)
    vectors.flip("songs", "3")
    reader = started(READER, url)
    first = answer(reader, "1")

    retired = vectors.retire("songs", keep=1)
    still = answer(reader, "1")
    reader.kill()
    reader.communicate()

    assert first == still == "3 [30, 10, 20]"
    assert retired == ["2"]
    assert vectors.retire("songs", keep=1) == ["1"]


def test_a_process_that_follows_the_pointer_lets_go_of_what_nobody_asks_for_any_more(
    tmp_path: Path, three_songs: Points
) -> None:
    now = [0.0]
    serving, vectors = EdgeVectors(tmp_path, seconds=lambda: now[0]), EdgeVectors(tmp_path)
    for version in ("1", "2"):
        vectors.publish("songs", version, three_songs)
        vectors.flip("songs", version)
        serving.nearest("songs", EAST, 1, name="taste", version=version)

    now[0] += LET_GO_AFTER - 1
    serving.nearest("songs", EAST, 1, name="taste", version="1")  # a request that has begun before
    now[0] += LET_GO_AFTER - 1
    serving.current("songs")
    early = vectors.retire("songs", keep=0)
    now[0] += 1
    serving.current("songs")

    assert early == []
    assert vectors.retire("songs", keep=0) == ["1"]


def test_a_version_serves_on_while_the_next_cannot_be_opened(tmp_path: Path, three_songs: Points) -> None:
    now = [0.0]
    serving, vectors = EdgeVectors(tmp_path, seconds=lambda: now[0]), EdgeVectors(tmp_path)
    for version in ("1", "2", "3"):
        vectors.publish("songs", version, three_songs)
    for version in ("1", "2"):
        serving.nearest("songs", EAST, 1, name="taste", version=version)
    vectors.flip("songs", "3")

    now[0] += LET_GO_AFTER
    serving.current("songs")

    assert vectors.retire("songs", keep=0) == ["1"]


@pytest.mark.slow
def test_readers_in_many_processes_follow_a_flip(tmp_path: Path) -> None:
    url = f"edge://{tmp_path}?exact_up_to=1000"
    rows = np.random.default_rng(3).normal(size=(2_000, 3)).astype(np.float32)
    vectors = open_vectors(url)
    vectors.publish("songs", "1", Points(np.arange(2_000), {"taste": rows}))
    vectors.publish("songs", "2", Points(np.arange(2_000) + 50_000, {"taste": rows}))
    best = np.argsort(-rows[:, 0])[:3]
    vectors.flip("songs", "1")
    readers = [started(READER, url) for _ in range(4)]

    before = {answer(reader) for reader in readers}
    vectors.flip("songs", "2")
    after = {answer(reader) for reader in readers}
    for reader in readers:
        reader.communicate()

    assert before == {f"1 {best.tolist()}"}
    assert after == {f"2 {(best + 50_000).tolist()}"}


def test_a_process_that_moved_on_lets_old_versions_go(tmp_path: Path, three_songs: Points) -> None:
    vectors = open_vectors(f"edge://{tmp_path}")
    for version in ("1", "2", "3", "4"):
        vectors.publish("songs", version, three_songs)
        vectors.flip("songs", version)
        vectors.nearest("songs", EAST, 1, name="taste")

    assert vectors.retire("songs", keep=1) == ["1", "2"]


def test_a_large_version_has_every_vector_in_its_graph(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(3_000, 160)).astype(np.float32)

    open_vectors(f"edge://{tmp_path}?exact_up_to=2999").publish(
        "songs", "1", Points(np.arange(3_000), {"taste": rows})
    )

    shard = qdrant_edge.EdgeShard.load(str(tmp_path / "songs" / "versions" / "1" / "taste" / "graph"))
    assert shard.info().indexed_vectors_count == 3_000
    shard.close()


@pytest.mark.parametrize("width", [8, 160])
def test_a_build_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("foundation.engines.vectors.recall.RECALL_FLOOR", 1.1)
    rows = np.random.default_rng(3).normal(size=(2_000, width)).astype(np.float32)
    vectors = open_vectors(f"edge://{tmp_path}?exact_up_to=1000")

    with pytest.raises(IndexNotBuilt, match="finds only"):
        vectors.publish("songs", "1", Points(np.arange(2_000), {"taste": rows}))

    assert list((tmp_path / "songs" / "versions").iterdir()) == []
    assert list((tmp_path / "songs" / "unfinished").iterdir()) == []


@pytest.mark.slow
def test_a_flip_does_not_wait_for_a_build(tmp_path: Path, three_songs: Points) -> None:
    url = f"edge://{tmp_path}?exact_up_to=1000"
    vectors = open_vectors(url)
    for version in ("1", "2"):
        vectors.publish("songs", version, three_songs)
        vectors.flip("songs", version)
    publisher = started(PUBLISHER, url)
    deadline = time.monotonic() + 60
    while (
        not list(tmp_path.glob("songs/unfinished/cut/taste/graph/segments/*")) and time.monotonic() < deadline
    ):
        time.sleep(0.01)

    vectors.flip("songs", "1")
    still_building = list(tmp_path.glob("songs/unfinished/cut"))
    publisher.kill()
    publisher.communicate()

    assert still_building
    assert vectors.current("songs") == "1"


def test_a_version_of_an_older_layout_says_so(tmp_path: Path, three_songs: Points) -> None:
    vectors = open_vectors(f"edge://{tmp_path}")
    vectors.publish("songs", "1", three_songs)
    (tmp_path / "songs" / "versions" / "1" / "version.json").write_text('{"points": 3, "dimensions": 3}')

    with pytest.raises(UnknownVersion, match="older Segue"):
        vectors.nearest("songs", EAST, 1, name="taste", version="1")


def test_a_vector_of_zeros_is_in_no_graph(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(3_000, 160)).astype(np.float32)
    rows[:500] = 0
    points = Points(np.arange(3_000), {"taste": rows})

    open_vectors(f"edge://{tmp_path}?exact_up_to=1000").publish("songs", "1", points)

    shard = qdrant_edge.EdgeShard.load(str(tmp_path / "songs" / "versions" / "1" / "taste" / "graph"))
    assert shard.info().indexed_vectors_count == 2_500
    shard.close()


@pytest.mark.parametrize(("width", "index"), [(8, "cells"), (160, "graph")])
def test_narrow_vectors_lie_in_cells_and_wide_ones_in_a_graph_which_both_find_what_is_nearest(
    tmp_path: Path, width: int, index: str
) -> None:
    rng = np.random.default_rng(3)
    middles = rng.normal(size=(20, width))
    rows = (middles[rng.integers(20, size=15_000)] + rng.normal(size=(15_000, width))).astype(np.float32)
    vectors = open_vectors(f"edge://{tmp_path}?exact_up_to=1000")
    vectors.publish("songs", "1", Points(np.arange(15_000), {"taste": rows}))
    found = 0

    for one in (middles + rng.normal(size=middles.shape)).astype(np.float32):
        best = np.argsort(-(rows @ one))
        nearest = vectors.nearest("songs", one, 20, name="taste", excluded=best[:60], version="1")
        found += len({neighbour.id for neighbour in nearest} & set(best[60:80].tolist()))

    assert [path.name for path in (tmp_path / "songs/versions/1/taste").iterdir() if path.is_dir()] == [index]
    assert found / (20 * len(middles)) >= 0.97
