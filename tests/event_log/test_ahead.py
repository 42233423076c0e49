"""What a sink takes next is made while it is busy with what comes before, once, and what it takes stays the same."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from event_log.ahead import Ahead
from event_log.plays import Told
from event_log.shipper import Shipper
from foundation.contracts.events import Event
from tests.event_log.plays import make_plays, write_segment

A, B, C = [Path("a")], [Path("b")], [Path("c")]


@pytest.fixture
def made() -> list[Sequence[Path]]:
    return []


@pytest.fixture
def ahead(made: list[Sequence[Path]]) -> Iterator[Ahead]:
    def make(paths: Sequence[Path]) -> Told:
        made.append(paths)
        return Told(make_plays(1))

    with closing(Ahead("ahead", make)) as ahead:
        yield ahead


def test_what_comes_then_is_made_once_and_taken(ahead: Ahead, made: list[Sequence[Path]]) -> None:
    ahead.take(A, B)
    first = ahead.take(B, C)
    again = ahead.take(B, C)  # of a sink that is down
    ahead.take(C)

    assert first is again
    assert sorted(made) == [A, B, C]


def test_what_is_not_asked_for_is_let_go(ahead: Ahead, made: list[Sequence[Path]]) -> None:
    ahead.take(A, B)
    ahead.take(A, C)
    ahead.take(C)
    ahead.take(B)
    ahead.forget()
    ahead.take(B)

    assert made == [A, B, C, B, B]


def test_who_cannot_make_it_tells_whoever_takes_it() -> None:
    def make(paths: Sequence[Path]) -> Told:
        if paths == B:
            raise OSError("not readable")
        return Told(())

    with closing(Ahead("ahead", make)) as ahead:
        ahead.take(A, B)

        with pytest.raises(OSError, match="not readable"):
            ahead.take(B)


def test_a_sink_is_given_what_it_has_prepared_while_it_was_busy(tmp_path: Path) -> None:
    prepared = threading.Event()
    taken: list[str] = []

    class Preparing:
        name = "preparing"

        def prepare(self, events: Told) -> None:
            if events.once(len) == 2:
                prepared.set()

        def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
            assert prepared.wait(10)  # the second group, while the first is taken
            taken.extend(segment_ids)

    sizes = [
        write_segment(tmp_path, f"a-{number:012d}", make_plays(number + 1)).stat().st_size
        for number in range(4)
    ]

    Shipper(tmp_path, [Preparing()], together=min(sizes)).ship()

    assert taken == [f"a-{number:012d}" for number in range(4)]
