"""From the files of a log to events: which segments wait, in which order, and what they hold."""

import heapq
from collections import defaultdict
from pathlib import Path

import msgspec

from event_log import segments
from event_log.plays import Told
from event_log.segments import CLOSED, OPEN, PREAMBLE
from foundation.contracts.events import Event, decode


def pending(directory: Path) -> int:
    """How many segments some sink has not passed yet; 0 when everything told to the log is in every store.

    A segment still being written counts from its first record on.
    """
    if not directory.exists():
        return 0
    return sum(
        is_numbered(path) and (path.suffix == CLOSED or _holds_records(path)) for path in directory.iterdir()
    )


def closed(directory: Path) -> dict[str, Path]:
    """The closed segments of a log by their id, in no order."""
    return {path.stem: path for path in directory.glob(f"*{CLOSED}") if is_numbered(path)}


def is_numbered(path: Path) -> bool:
    """Whether a file is named `WORKER-NUMBER` as our segments are: any other someone else put there, and it is left alone.

    >>> is_numbered(Path("api-7.segment")), is_numbered(Path("copy of api.segment"))
    (True, False)
    """
    worker, _, number = path.stem.rpartition("-")
    return bool(worker) and number.isdecimal()


def in_order(ages: dict[str, int]) -> list[str]:
    """Segment ids as they are to be shipped: each worker's by number, the workers merged by age.

    >>> in_order({"b-1": 30, "a-2": 20, "a-1": 25})
    ['a-1', 'a-2', 'b-1']
    """
    workers: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for segment_id in ages:
        worker, _, number = segment_id.rpartition("-")
        workers[worker].append((int(number), segment_id))
    lanes = ([segment_id for _, segment_id in sorted(lane)] for lane in workers.values())
    return list(heapq.merge(*lanes, key=ages.__getitem__))


def events_of(path: Path) -> Told:
    """The events of a closed segment.

    A record that is whole but no list of events, as an older version may find one, is set aside as damage is.
    """
    payloads = segments.read(path)
    try:  # as one array: half the time of one by one
        return Told(
            decode(b"[" + b",".join(payload[1:-1] for payload in payloads if payload != b"[]") + b"]")
        )
    except (msgspec.MsgspecError, ValueError):
        return _events_of_readable(path, payloads)


def _events_of_readable(path: Path, payloads: list[bytes]) -> Told:
    events: list[Event] = []
    readable, unreadable = [], []
    for position, payload in enumerate(payloads):
        try:
            events += Told(decode(payload)).events
            readable.append(payload)
        except (msgspec.MsgspecError, ValueError):
            unreadable.append((position, payload))
    segments.quarantine(path, unreadable, "no events of ours")
    segments.replace(path, PREAMBLE + b"".join(segments.record(payload) for payload in readable))
    return Told(events)


def _holds_records(path: Path) -> bool:
    try:
        return path.suffix == OPEN and path.stat().st_size > len(PREAMBLE)
    except FileNotFoundError:  # closed or shipped since we looked
        return False
