"""What one process tells the others is whole, of now and of the same code, or it tells nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from foundation.clock import utc_now
from serving.trending.moves import TOLD
from serving.trending.schemas import Of
from serving.trending.sharing import Count, Look, Sharing

NOW = utc_now()
LISTS: dict[Of, pa.Table] = {
    "songs": pa.table({"ids": [[1, 2], [3]], "genre": ["pop", "jazz"]}),
    "artists": pa.table({"ids": [[4]], "genre": ["pop"]}),
}


def look(position: int, newest: int, **other: object) -> Look:
    given: dict[str, object] = {"position": position, "newest": newest, "at": NOW, "took": 0.1, "ahead": 0.0}
    return Look(**(given | other))  # type: ignore[arg-type]


def moves(*songs: int) -> pa.Table:
    rows = [dict.fromkeys(TOLD.names, 1) | {"song_id": song, "country": "NZ"} for song in songs]
    return pa.Table.from_pylist(rows, TOLD)


def told_by(sharing: Sharing) -> Iterator[bool]:
    """Whether each kind of file tells something."""
    earlier = NOW - timedelta(seconds=1)
    yield sharing.newest() is not None
    yield sharing.moves(5, earlier) is not None
    yield sharing.counted("one", lambda _: True) is not None


@pytest.fixture
def sharing(tmp_path: Path) -> Sharing:
    made = Sharing(tmp_path / "charts", "one warehouse")
    with made.alone("looking"):
        made.tell_look(look(5, 7), moves(3, 4))
        made.tell_count(
            "one", Count(at=NOW, took=0.5, looked_at=NOW, told={"position": 7}, totals=(1, 2)), LISTS
        )
    return made


def test_what_is_told_is_read_as_it_was(sharing: Sharing, tmp_path: Path) -> None:
    other = Sharing(tmp_path / "charts", "one warehouse")

    found = other.moves(5, NOW - timedelta(seconds=1))
    counted = other.counted("one", lambda count: count.totals == (1, 2))
    other.tell_count("none", Count(at=NOW, took=1.0, has_failed=True), {})
    failed = other.counted("none", lambda count: count.has_failed)

    assert other.newest() == look(5, 7)
    assert found is not None
    assert (found[0], found[1].to_pylist()) == (look(5, 7), moves(3, 4).to_pylist())
    assert counted is not None
    assert counted[0].told == {"position": 7}
    assert {of: table.to_pylist() for of, table in counted[1].items()} == {
        of: table.to_pylist() for of, table in LISTS.items()
    }
    assert failed is not None
    assert failed[1] == {}


def test_what_was_told_before_of_another_warehouse_or_in_another_name_is_not_believed(
    sharing: Sharing, tmp_path: Path
) -> None:
    folder = tmp_path / "charts"
    others = [*told_by(Sharing(folder, "another warehouse"))]
    (folder / "look-5").rename(folder / "look-6")
    (folder / "count-one").rename(folder / "count-two")

    assert [*told_by(sharing)] == [True, False, False]
    assert others == [False, False, False]
    assert sharing.moves(6, NOW - timedelta(seconds=1)) is None
    assert sharing.counted("two", lambda _: True) is None


def test_a_torn_file_tells_nothing(sharing: Sharing, tmp_path: Path) -> None:
    assert all(told_by(sharing))
    for nth, name in enumerate(("newest", "look-5", "count-one")):
        path = tmp_path / "charts" / name
        whole = path.read_bytes()
        for length in range(0, len(whole), 7):
            path.write_bytes(whole[:length])
            assert [*told_by(sharing)][nth] is False
        path.write_bytes(bytes(len(whole)))
        assert [*told_by(sharing)][nth] is False
        path.write_bytes(whole)
    assert all(told_by(sharing))


def test_one_at_a_time_is_alone_until_it_ends_or_dies(tmp_path: Path) -> None:
    one, other = Sharing(tmp_path), Sharing(tmp_path)
    words = (
        "import sys, time; from pathlib import Path; from serving.trending.sharing import Sharing\n"
        "with Sharing(Path(sys.argv[1])).alone('looking') as is_alone: print(is_alone, flush=True); time.sleep(99)"
    )

    with one.alone("looking") as first, other.alone("looking") as second, other.alone("counting") as third:
        pass
    with subprocess.Popen(
        [sys.executable, "-c", words, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        held = process.stdout.readline()
        with one.alone("looking") as beside:
            pass
        process.kill()
    with one.alone("looking") as after:
        pass

    assert (first, second, third) == (True, False, True)
    assert (held, beside, after) == ("True\n", False, True)


def test_where_nothing_can_be_written_everyone_is_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    full = Sharing(tmp_path / "full")
    with full.alone("looking"):
        for kind in ("newest", "look", "count"):
            (tmp_path / "full" / f"{kind}.unfinished").symlink_to("/dev/full")

    for sharing in (Sharing(tmp_path / "file" / "below"), Sharing(), full):
        with sharing.alone("looking") as is_alone:
            sharing.tell_look(look(5, 7), moves(3))
            sharing.tell_count("one", Count(at=NOW, took=0.5), LISTS)
        assert is_alone
        assert [*told_by(sharing)] == [False, False, False]


def test_looks_of_the_last_seconds_are_kept_and_no_others(sharing: Sharing, tmp_path: Path) -> None:
    folder = tmp_path / "charts"
    for name, age in {"look-1": 3600, "look-2": 1, "look-9": -3600}.items():
        (folder / name).write_bytes(b"")
        written = (folder / "look-5").stat().st_mtime - age
        os.utime(folder / name, (written, written))

    sharing.tell_look(look(7, 8), moves(1))
    sharing.tell_look(look(8, 8), TOLD.empty_table())

    assert sorted(path.name for path in folder.glob("look-*")) == ["look-2", "look-5", "look-7"]
    assert sharing.newest() == look(8, 8)
