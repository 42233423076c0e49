"""Every sink gets every segment, in order, and no file goes before all of them hold it."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from event_log.cursor import Cursor, line
from event_log.errors import AlreadyShipping
from event_log.segments import PREAMBLE, record
from event_log.shipper import Shipper, pending
from foundation.contracts.events import Event
from tests.event_log.plays import make_plays, small_log, write_segment


@dataclass
class Shelf:
    """A sink that keeps what it is given, in memory, and may be out of order for a while."""

    name: str = "shelf"
    is_down: bool = False
    taken: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
        if self.is_down:
            raise ConnectionError("out of order")
        self.taken += segment_ids
        self.events.extend(events)


@contextmanager
def shipping(shipper: Shipper) -> Iterator[None]:
    """The shipper at work in a thread, as in its own process."""
    stop = threading.Event()
    thread = threading.Thread(target=shipper.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_until(happens: Callable[[], bool]) -> None:
    """Return when it happens; fail after ten seconds."""
    tick = threading.Event()
    for _ in range(1000):
        if happens():
            return
        tick.wait(0.01)
    raise AssertionError("it did not happen within ten seconds")


def test_what_is_appended_arrives_and_the_files_go(tmp_path: Path) -> None:
    plays, shelf = make_plays(5), Shelf()
    with closing(small_log(tmp_path)) as log:
        log.append_now(plays[:3])
        log.append_now(plays[3:])

    shipped = Shipper(tmp_path, [shelf]).ship()

    assert shelf.events == plays
    assert (shipped, pending(tmp_path)) == (1, 0)
    assert list(tmp_path.glob("*.segment")) == []


def test_segments_go_by_number_within_a_worker_and_by_age_between_workers(tmp_path: Path) -> None:
    for age, segment_id in enumerate(
        ["b-000000000009", "a-000000000001", "b-000000000010", "a-000000000002"]
    ):
        os.utime(write_segment(tmp_path, segment_id, make_plays(1)), (age, age))
    shelf = Shelf()

    Shipper(tmp_path, [shelf]).ship()

    assert shelf.taken == ["b-000000000009", "a-000000000001", "b-000000000010", "a-000000000002"]


def test_a_clock_set_back_does_not_turn_a_workers_order(tmp_path: Path) -> None:
    for age, segment_id in [(50, "a-000000000001"), (10, "a-000000000002"), (30, "b-000000000001")]:
        os.utime(write_segment(tmp_path, segment_id, make_plays(1)), (age, age))
    shelf = Shelf()

    Shipper(tmp_path, [shelf]).ship()

    assert shelf.taken == ["b-000000000001", "a-000000000001", "a-000000000002"]


def test_a_sink_that_is_down_stops_no_other_and_keeps_the_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    up, down = Shelf("up"), Shelf("down", is_down=True)
    shipper = Shipper(tmp_path, [down, up], poll=timedelta(milliseconds=5))

    with caplog.at_level(logging.WARNING), shipping(shipper), closing(small_log(tmp_path)) as log:
        for play in make_plays(3):
            log.append_now([play])
            wait_until(lambda: pending(tmp_path) == len(up.taken))
        waiting = pending(tmp_path)
        down.is_down = False
        wait_until(lambda: pending(tmp_path) == 0)

    assert waiting == 3
    assert down.taken == up.taken
    assert [message.split(":")[0] for message in caplog.messages] == [
        "sink down is down, its segments wait",
        next(
            message
            for message in caplog.messages
            if message.startswith("sink down takes segments again after")
        ),
    ]


def test_what_waits_is_taken_together_up_to_so_many_bytes_and_after_a_failure_the_same_again(
    tmp_path: Path,
) -> None:
    sizes = {
        write_segment(tmp_path, f"a-{number:012d}", make_plays(10)).stat().st_size for number in range(5)
    }
    groups: list[list[str]] = []

    class Down(Shelf):
        def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
            groups.append(list(segment_ids))
            super().apply(segment_ids, events)

    Shipper(tmp_path, [Down(is_down=True)], together=3 * max(sizes)).ship()
    write_segment(tmp_path, "a-000000000000-000000000000", make_plays(1))
    Shipper(tmp_path, [up := Down()], together=10 * max(sizes)).ship()

    first = [f"a-{number:012d}" for number in range(3)]
    assert groups[:2] == [first, first]
    assert sorted(up.taken[3:]) == ["a-000000000000-000000000000", "a-000000000003", "a-000000000004"]
    assert len(groups) == 3


def test_a_restarted_shipper_offers_no_sink_what_it_has_passed(tmp_path: Path) -> None:
    write_segment(tmp_path, "a-000000000001", make_plays(2))
    fast, slow = Shelf("fast"), Shelf("slow", is_down=True)

    Shipper(tmp_path, [fast, slow]).ship()
    slow.is_down = False
    Shipper(tmp_path, [fast, slow]).ship()

    assert fast.taken == slow.taken == ["a-000000000001"]
    assert pending(tmp_path) == 0


def test_a_segment_begun_before_a_crash_comes_before_an_older_one_found_later(tmp_path: Path) -> None:
    os.utime(write_segment(tmp_path, "b-000000000001", make_plays(1)), (50, 50))
    Shipper(tmp_path, [Shelf(is_down=True)]).ship()
    os.utime(write_segment(tmp_path, "a-000000000001", make_plays(1)), (10, 10))
    shelf = Shelf()

    Shipper(tmp_path, [shelf]).ship()

    assert shelf.taken == ["b-000000000001", "a-000000000001"]


def test_the_segment_of_a_dead_writer_is_shipped_up_to_its_torn_end(tmp_path: Path) -> None:
    whole = write_segment(tmp_path, "api-000000000001", make_plays(3))
    (tmp_path / "api-000000000001.open").write_bytes(whole.read_bytes()[:-1])
    whole.unlink()
    shelf = Shelf()

    Shipper(tmp_path, [shelf]).ship()

    assert [event.song_id for event in shelf.events] == [1, 2]
    assert (tmp_path / "api-000000000001.damaged").exists()


def test_a_record_that_holds_no_events_is_set_aside_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_segment(tmp_path, "api-000000000001", make_plays(1))
    path.write_bytes(PREAMBLE + record(b'[{"type":"of tomorrow"}]') + path.read_bytes()[len(PREAMBLE) :])
    shelf = Shelf()

    Shipper(tmp_path, [shelf]).ship()

    assert [event.song_id for event in shelf.events] == [1]
    assert "no events of ours" in caplog.text
    assert (tmp_path / "api-000000000001.damaged").exists()


def test_a_log_has_one_shipper(tmp_path: Path) -> None:
    shipper = Shipper(tmp_path, [Shelf()])

    with shipping(shipper):
        wait_until((tmp_path / "shelf.cursor").exists)
        with pytest.raises(AlreadyShipping):
            Shipper(tmp_path, [Shelf()]).ship()

    Shipper(tmp_path, [Shelf()]).ship()


def test_a_cursor_forgets_half_a_line_and_keeps_the_rest(tmp_path: Path) -> None:
    with closing(Cursor(tmp_path, "shelf")) as cursor:
        cursor.begin(["a-1"])
        cursor.finish(["a-1"])
        cursor.begin(["a-2"])
    whole = cursor.path.read_bytes()

    for length in range(len(whole)):
        cursor.path.write_bytes(whole[:length])
        with closing(Cursor(tmp_path, "shelf")) as reopened:
            known = (reopened.begun, reopened.passed)
            assert known in [((), set()), (("a-1",), set()), ((), {"a-1"})]


def test_a_long_cursor_file_is_shortened(tmp_path: Path) -> None:
    with closing(Cursor(tmp_path, "shelf")) as cursor:
        cursor.path.write_text("".join(line("passed", [f"gone-{number}"]) for number in range(30_000)))
    with closing(Cursor(tmp_path, "shelf")) as cursor:
        cursor.begin(["kept-2"])

        cursor.forget(cursor.passed_by_now() - {"gone-7"})
        cursor.finish(["kept-2"])

    with closing(Cursor(tmp_path, "shelf")) as reopened:
        assert (reopened.begun, reopened.passed) == ((), {"gone-7", "kept-2"})
    assert cursor.path.stat().st_size < 100


def test_a_long_cursor_file_that_is_still_needed_is_not_written_anew_each_time(tmp_path: Path) -> None:
    with closing(Cursor(tmp_path, "shelf")) as cursor:
        cursor.path.write_text("".join(line("passed", [f"kept-{number}"]) for number in range(30_000)))
    with closing(Cursor(tmp_path, "shelf")) as cursor:
        cursor.forget(["kept-1"])
        shortened = cursor.path.stat().st_ino

        cursor.forget(["kept-2"])

        assert cursor.path.stat().st_ino == shortened
        assert cursor.path.stat().st_size > 256 * 1024


def test_a_cursor_that_cannot_be_shortened_goes_on_in_its_file(tmp_path: Path) -> None:
    with closing(Cursor(tmp_path, "shelf")) as cursor:
        cursor.path.write_text("".join(line("passed", [f"gone-{number}"]) for number in range(30_000)))
    (tmp_path / "shelf.cursor.new").mkdir()
    with closing(Cursor(tmp_path, "shelf")) as cursor:
        with pytest.raises(IsADirectoryError):
            cursor.forget(["gone-1"])

        cursor.finish(["kept-1"])

    assert cursor.path.read_text().endswith(line("passed", ["gone-29999"]) + line("passed", ["kept-1"]))


def test_files_that_are_no_segments_of_ours_are_left_alone(tmp_path: Path) -> None:
    for name in ("copy.segment", "api-7 copy.segment", "notes.open"):
        (tmp_path / name).write_bytes(PREAMBLE + b"anything")
    write_segment(tmp_path, "api-000000000001", make_plays(1))
    shelf = Shelf()

    Shipper(tmp_path, [shelf]).ship()

    assert shelf.taken == ["api-000000000001"]
    assert pending(tmp_path) == 0
    assert len([*tmp_path.glob("*.segment"), *tmp_path.glob("*.open")]) == 3


def test_a_segment_that_cannot_be_adopted_stops_no_other_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "api-000000000001.open").mkdir()
    write_segment(tmp_path, "api-000000000002", make_plays(1)).rename(tmp_path / "api-000000000002.open")
    shelf = Shelf()
    shipper = Shipper(tmp_path, [shelf])

    shipper.ship()
    shipper.ship()

    assert shelf.taken == ["api-000000000002"]
    assert len([message for message in caplog.messages if "cannot be taken over" in message]) == 1


TWO_SECONDS = """
import sys, threading, time
from datetime import timedelta
from pathlib import Path
from event_log.shipper import Shipper

tries = threading.Semaphore(0)

class Shelf:
    def __init__(self, name):
        self.name = name
    def apply(self, segment_ids, events):
        if self.name == "down":
            tries.release()
            raise ConnectionError("out of order")

stop = threading.Event()
shipper = Shipper(Path(sys.argv[1]), [Shelf("up"), Shelf("down")], poll=timedelta(milliseconds=1))
shipping = threading.Thread(target=shipper.run, args=(stop,))
shipping.start()
for _ in range(2):
    tries.acquire(timeout=30)  # what the first try imports and reads is not asked again
worked = time.process_time()
time.sleep(2)
print(time.process_time() - worked)
stop.set()
shipping.join()
"""


@pytest.mark.slow
def test_a_long_backlog_of_a_sink_that_is_away_leaves_the_processor_to_others(tmp_path: Path) -> None:
    names = [f"api-{number:012d}" for number in range(5000)]
    for name in names:
        (tmp_path / f"{name}.segment").write_bytes(PREAMBLE)
    (tmp_path / "up.cursor").write_text("".join(line("passed", [name]) for name in names))

    # In a process of its own: this one's collector, whose heap grows with every test, would work beside it.
    said = subprocess.run(
        [sys.executable, "-c", TWO_SECONDS, str(tmp_path)], stdout=subprocess.PIPE, text=True, check=True
    )

    assert float(said.stdout) < 1


SHIPPER = """
import sys, threading, time
from datetime import timedelta
from pathlib import Path
from event_log.shipper import Shipper

class File:
    name = "file"
    def apply(self, segment_ids, events):
        with open(sys.argv[2], "a") as kept:
            kept.write("".join(f"{event.play_id}\\n" for event in events))
        time.sleep(0.005)

Shipper(Path(sys.argv[1]), [File()], poll=timedelta(milliseconds=1)).run(threading.Event())
"""


@pytest.mark.slow
def test_a_shipper_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    log, kept, plays = tmp_path / "log", tmp_path / "kept", make_plays(40)
    log.mkdir()
    kept.touch()
    for number, play in enumerate(plays):
        write_segment(log, f"api-{number:012d}", [play])

    while pending(log):
        enough = len(kept.read_text().split()) + 9
        with subprocess.Popen([sys.executable, "-c", SHIPPER, str(log), str(kept)]) as shipper:
            wait_until(lambda enough=enough: len(kept.read_text().split()) >= enough or not pending(log))
            shipper.send_signal(signal.SIGKILL)

    assert set(kept.read_text().split()) == {str(play.play_id) for play in plays}
