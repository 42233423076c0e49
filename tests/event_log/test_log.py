"""An append returns when its events are on disk, and says so when they are not."""

import asyncio
import errno
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from event_log.errors import LogBusy, LogFull, LogUnavailable
from event_log.log import EventLog
from event_log.reading import pending
from event_log.segments import sync
from foundation.contracts.events import Event, encode
from tests.event_log.plays import events_on_disk, make_play, make_plays, small_log

pytestmark = pytest.mark.anyio


def files(directory: Path, pattern: str) -> list[Path]:
    return list(directory.glob(pattern))


async def test_an_appended_event_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    play = make_play()

    with closing(small_log(tmp_path)) as log:
        await log.append([play])
        found = events_on_disk(tmp_path)

    assert found == [play]


def test_what_is_told_is_written_before_long_and_at_once_where_it_fills_a_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = make_plays(3), make_plays(300)

    with closing(small_log(tmp_path, size=20_000)) as log:
        told = [log.tell([few[0]]), log.tell_encoded(encode(few[1:]))]
        soon = _at_least(3, tmp_path)
        monkeypatch.setattr("event_log.log.SOON", 1_000.0)
        told += [log.tell([play]) for play in many]
        filled = _at_least(50, tmp_path)

    assert all(told)
    assert soon == few
    assert len(filled) >= 50
    assert events_on_disk(tmp_path) == few + many


def _at_least(number: int, directory: Path) -> list[Event]:
    """What is on disk as soon as it is so many events, or after five seconds."""
    until = time.monotonic() + 5
    while len(found := events_on_disk(directory)) < number and time.monotonic() < until:
        time.sleep(0.01)
    return found


async def test_no_append_returns_before_the_sync_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_sync = threading.Event()

    def waiting_sync(descriptor: int) -> None:
        may_sync.wait()
        sync(descriptor)

    monkeypatch.setattr("event_log.open_segment.sync", waiting_sync)
    with closing(small_log(tmp_path)) as log:
        append = asyncio.create_task(log.append([make_play()]))
        await asyncio.sleep(0.1)
        is_early, is_written = append.done(), len(events_on_disk(tmp_path)) == 1
        may_sync.set()
        await append

    assert is_written
    assert not is_early


async def test_many_tasks_share_few_commits(tmp_path: Path) -> None:
    plays = make_plays(500)

    with closing(small_log(tmp_path)) as log:
        await asyncio.gather(*(log.append([play]) for play in plays))

    assert len(events_on_disk(tmp_path)) == 500
    assert 0 < log.commits < 50


async def test_a_segment_is_handed_over_by_age_though_nothing_follows(tmp_path: Path) -> None:
    with closing(small_log(tmp_path)) as log:
        await log.append([make_play()])
        before = files(tmp_path, "*.segment")
        await asyncio.sleep(0.2)
        after = files(tmp_path, "*.segment")

    assert (len(before), len(after)) == (0, 1)


async def test_a_segment_is_handed_over_when_its_writer_says_so(tmp_path: Path) -> None:
    with closing(small_log(tmp_path, age=timedelta(hours=1))) as log:
        await log.append([make_play()])
        before = files(tmp_path, "*.segment")
        log.hand_over()
        await asyncio.sleep(0.2)
        after = files(tmp_path, "*.segment")

    assert (len(before), len(after)) == (0, 1)


async def test_a_segment_is_handed_over_by_size(tmp_path: Path) -> None:
    with closing(small_log(tmp_path, age=timedelta(hours=1), size=1000)) as log:
        for play in make_plays(8):
            await log.append([play])
        closed = files(tmp_path, "*.segment")

    assert len(closed) == 2
    assert len(events_on_disk(tmp_path)) == 8


def test_a_thread_without_an_event_loop_appends_too(tmp_path: Path) -> None:
    plays = make_plays(3)

    with closing(small_log(tmp_path)) as log:
        log.append_now(plays)

    assert events_on_disk(tmp_path) == plays


async def test_closing_writes_what_waits_and_refuses_what_comes(tmp_path: Path) -> None:
    log = small_log(tmp_path)
    waiting = [asyncio.create_task(log.append([play])) for play in make_plays(20)]
    await asyncio.sleep(0)

    await asyncio.to_thread(log.close)
    await asyncio.gather(*waiting)

    assert len(events_on_disk(tmp_path)) == 20
    assert files(tmp_path, "*.open") == []
    with pytest.raises(LogUnavailable, match="closed"):
        await log.append([make_play()])


async def test_a_cancelled_append_disturbs_no_other(tmp_path: Path) -> None:
    with closing(small_log(tmp_path)) as log:
        impatient = asyncio.create_task(log.append([make_play()]))
        patient = asyncio.create_task(log.append([make_play()]))
        await asyncio.sleep(0)
        impatient.cancel()
        await patient

    assert impatient.cancelled()
    assert len(events_on_disk(tmp_path)) == 2


async def test_more_than_the_log_holds_is_refused_at_once(tmp_path: Path) -> None:
    with closing(small_log(tmp_path, waiting_bytes=5000)) as log:
        outcomes = await asyncio.gather(
            *(log.append([play]) for play in make_plays(200)), return_exceptions=True
        )
        stored = len(events_on_disk(tmp_path))
        await log.append([make_play()])

    busy = [outcome for outcome in outcomes if isinstance(outcome, LogBusy)]
    assert len(busy) > 0
    assert stored == 200 - len(busy)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """While inside, this process can write no file beyond `size`: the kernel refuses as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_refuses_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    plays = make_plays(40)
    with closing(small_log(tmp_path, age=timedelta(hours=1))) as log:
        await log.append([plays[0]])

        with files_limited_to(2000):
            outcomes = [await outcome_of(log, number) for number in range(1, 40)]
            refused_new = await outcome_of_new_file(tmp_path)

        await log.append([make_play(song_id=99)])

    acknowledged = [play for play, outcome in zip(plays[1:], outcomes, strict=True) if outcome is None]
    assert {type(outcome) for outcome in outcomes} == {type(None), LogFull}
    assert refused_new is None
    assert [event.song_id for event in events_on_disk(tmp_path)].count(99) == 1
    assert len(events_on_disk(tmp_path)) == 2 + len(acknowledged)


async def outcome_of(log: EventLog, number: int) -> LogUnavailable | None:
    try:
        await log.append([make_play(song_id=number)])
    except LogUnavailable as refused:
        return refused
    return None


async def outcome_of_new_file(directory: Path) -> LogUnavailable | None:
    """A log whose file cannot even be begun leaves no file."""
    with files_limited_to(4):
        log = small_log(directory / "other")
        outcome = await outcome_of(log, 1)
        log.close()
    assert isinstance(outcome, LogFull)
    assert list((directory / "other").iterdir()) == []
    return None


async def test_a_failing_sync_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with closing(small_log(tmp_path)) as log:
        await log.append([make_play(song_id=1)])
        with monkeypatch.context() as patch:
            patch.setattr("event_log.open_segment.sync", broken)
            refused = await outcome_of(log, 2)
        await log.append([make_play(song_id=3)])

    assert refused is not None
    assert refused.status == 503
    assert [event.song_id for event in events_on_disk(tmp_path)] == [1, 3]


@pytest.mark.slow
def test_the_disk_is_really_full(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mounted)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root; the same is shown by a limit on the size of files")
    try:
        with closing(small_log(mounted, age=timedelta(hours=1))) as log:
            acknowledged = count_until_full(log)
            for path in mounted.glob("*.segment"):
                path.unlink()
            log.append_now([make_play()])
            stored = len(events_on_disk(mounted))
    finally:
        subprocess.run(["umount", str(mounted)], check=True)

    assert acknowledged > 100
    assert stored == 1


def count_until_full(log: EventLog) -> int:
    for number, play in enumerate(make_plays(1000)):
        try:
            log.append_now([play])
        except LogFull:
            return number
    raise AssertionError("the disk never filled")


WRITER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from event_log.log import EventLog
from tests.event_log.plays import make_play

async def one(log):
    while True:
        play = make_play()
        await log.append([play])
        print(play.play_id, flush=True)

async def main():
    log = EventLog(Path(sys.argv[1]), sys.argv[2], age=timedelta(milliseconds=20), size=20_000)
    await asyncio.gather(*(one(log) for _ in range(50)))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 200, 3000])
def test_everything_acknowledged_survives_the_writer_killed_in_the_middle(tmp_path: Path, lines: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path), f"writer{lines}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        told += [line.strip() for line in writer.stdout if len(line) == 37]

    stored = [str(event.play_id) for event in events_on_disk(tmp_path)]

    assert set(told) <= set(stored)
    assert len(stored) == len(set(stored))
    assert pending(tmp_path) > 0
