"""A log, a cursor or a note damaged at any byte: recovery never fails, keeps what is whole, and invents nothing."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from event_log import segments
from event_log.cursor import Cursor
from event_log.reading import closed, events_of
from event_log.segments import PREAMBLE, adopt, record
from foundation.contracts.events import Event, encode
from tests.event_log.plays import make_plays

Damage = Callable[[bytes, int], bytes]

BATCHES = (1, 2, 1)  # events of each record, as one commit after another wrote them
DAMAGES: dict[str, Damage] = {
    "cut off there": lambda data, at: data[:at],
    "one bit turned": lambda data, at: data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :],
    "every bit turned": lambda data, at: data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :],
    "zeros from there": lambda data, at: data[:at] + bytes(len(data) - at),
    "another file's bytes from there": lambda data, at: (
        data[:at] + (PREAMBLE + b'[{"type":"')[: len(data) - at]
    ),
}
SPARING = {"one bit turned", "every bit turned"}  # these hit one record, and no other


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is room for it: thousands of recoveries, each of which waits for the disk several times."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is ours alone
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="segue-recovery-", dir=memory) as made:
        yield Path(made)


def told() -> list[list[Event]]:
    plays = iter(make_plays(sum(BATCHES)))
    return [[next(plays) for _ in range(batch)] for batch in BATCHES]


def recovered(directory: Path, data: bytes) -> list[Event]:
    """What a shipper reads of an open segment that its dead writer left like this; and the same when it reads again."""
    directory.mkdir()
    (directory / "api-000000000001.open").write_bytes(data)

    assert adopt(directory / "api-000000000001.open")
    paths = list(closed(directory).values())
    found = [event for path in paths for event in events_of(path)]
    assert found == [event for path in paths for event in events_of(path)]
    return found


def spans(batches: list[list[Event]]) -> Iterator[tuple[int, int, list[Event]]]:
    """Where each record begins and ends, and what it holds."""
    start = len(PREAMBLE)
    for events in batches:
        end = start + len(record(encode(events)))
        yield start, end, events
        start = end


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGES)
def test_a_segment_damaged_at_any_byte_gives_back_every_record_that_is_whole(folder: Path, how: str) -> None:
    batches = told()
    data = PREAMBLE + b"".join(record(encode(events)) for events in batches)

    for at in range(len(data)):
        found = recovered(folder / f"{at}", DAMAGES[how](data, at))

        whole = [
            event
            for start, end, events in spans(batches)
            if end <= at or (how in SPARING and start > at)
            for event in events
        ]
        assert found == whole, f"{how}, at byte {at} of {len(data)}"


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGES)
def test_what_was_cut_out_of_a_segment_is_kept_beside_it(folder: Path, how: str) -> None:
    data = PREAMBLE + b"".join(record(encode(events)) for events in told())

    for at in range(len(PREAMBLE), len(data), 7):
        directory = folder / f"{at}"
        damaged = DAMAGES[how](data, at)
        recovered(directory, damaged)

        has_damage = bool(segments.contents(damaged).damage)
        assert (directory / "api-000000000001.damaged").exists() == has_damage, f"{how}, at byte {at}"


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGES)
def test_a_cursor_damaged_at_any_byte_may_forget_and_never_claims_what_was_not_passed(
    folder: Path, how: str
) -> None:
    with closing(Cursor(folder, "shelf")) as cursor:
        for numbers in ((1,), (3, 4), (5,)):
            names = [f"api-20260301T123015000250-71-{number:012d}" for number in numbers]
            cursor.begin(names)
            cursor.finish(names)
        cursor.begin([f"api-20260301T123015000250-71-{number:012d}" for number in (7, 8)])
        passed, whole = cursor.passed_by_now(), cursor.path.read_bytes()

    for at in range(len(whole)):
        cursor.path.write_bytes(DAMAGES[how](whole, at))
        with closing(Cursor(folder, "shelf")) as reopened:
            known = reopened.passed_by_now()
            reopened.begin(["api-20260301T123015000250-71-000000000009"])
            reopened.finish(["api-20260301T123015000250-71-000000000009"])
        with closing(Cursor(folder, "shelf")) as again:
            later = again.passed_by_now()

        assert known <= passed, f"{how}, at byte {at} of {len(whole)}"
        assert later == known | {"api-20260301T123015000250-71-000000000009"}, f"{how}, at byte {at}"
