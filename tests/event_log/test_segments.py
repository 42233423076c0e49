"""A segment gives back every whole record, whatever happened to the bytes around it."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_log import segments
from event_log.open_segment import OpenSegment
from event_log.segments import PREAMBLE, Span, contents, record

PAYLOADS = [b"[1]", b'["a longer one"]', b"[]", b"[3,4]"]


def whole_file() -> bytes:
    return PREAMBLE + b"".join(map(record, PAYLOADS))


def ends() -> list[int]:
    """Where each record ends in the file."""
    return [
        len(PREAMBLE) + sum(len(record(payload)) for payload in PAYLOADS[: n + 1])
        for n in range(len(PAYLOADS))
    ]


@pytest.mark.parametrize("length", range(len(whole_file()) + 1))
def test_a_file_cut_anywhere_keeps_every_record_before_the_cut(length: int) -> None:
    acknowledged = [payload for payload, end in zip(PAYLOADS, ends(), strict=True) if end <= length]

    found = contents(whole_file()[:length])

    assert found.payloads == acknowledged


@pytest.mark.parametrize("offset", range(len(whole_file())))
@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_a_file_damaged_anywhere_loses_only_the_record_that_was_hit(offset: int, mask: int) -> None:
    damaged = bytearray(whole_file())
    damaged[offset] ^= mask
    untouched = [
        payload
        for payload, end in zip(PAYLOADS, ends(), strict=True)
        if not end - len(record(payload)) <= offset < end
    ]

    found = contents(bytes(damaged))

    assert found.payloads == untouched
    assert any(span.offset <= offset < span.offset + span.length for span in found.damage)


@given(payloads=st.lists(st.binary(min_size=1, max_size=50)), tail=st.binary(max_size=80))
def test_whatever_follows_the_records_they_are_all_read(payloads: list[bytes], tail: bytes) -> None:
    found = contents(PREAMBLE + b"".join(map(record, payloads)) + tail)

    assert found.payloads[: len(payloads)] == payloads


@given(noise=st.binary(max_size=300))
def test_noise_is_read_without_an_error(noise: bytes) -> None:
    found = contents(noise)

    assert sum(span.length for span in found.damage) <= len(noise)


def test_zeros_behind_the_records_are_no_records() -> None:
    found = contents(whole_file() + bytes(4096))

    assert found == (PAYLOADS, [Span(len(whole_file()), 4096)])


def test_damage_is_cut_out_kept_beside_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "api-000000000001.segment"
    rotten = whole_file().replace(b"a longer one", b"a wronger on")
    path.write_bytes(rotten)

    with caplog.at_level(logging.WARNING):
        first, second = segments.read(path), segments.read(path)

    assert first == second == [b"[1]", b"[]", b"[3,4]"]
    assert b'"offset": 27' in (tmp_path / "api-000000000001.damaged").read_bytes()
    assert [message for message in caplog.messages if "28 bytes" in message] == caplog.messages


def test_the_open_segment_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    segment = OpenSegment.create(tmp_path, "api-000000000001")
    assert segment is not None
    segment.append(record(b"[1]"))

    adopted_alive = segments.adopt(segment.path)
    segment.close()
    adopted_closed = segments.adopt(segment.path)

    assert (adopted_alive, adopted_closed) == (False, False)
    assert segments.read(tmp_path / "api-000000000001.segment") == [b"[1]"]


def test_the_open_segment_of_a_dead_writer_is_closed_without_its_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "api-000000000001.open"
    path.write_bytes(whole_file()[:-1])

    adopted = segments.adopt(path)

    assert adopted
    assert [found.name for found in tmp_path.glob("*.segment")] == ["api-000000000001.segment"]
    assert segments.read(tmp_path / "api-000000000001.segment") == PAYLOADS[:-1]


def test_an_open_segment_without_a_record_disappears(tmp_path: Path) -> None:
    path = tmp_path / "api-000000000001.open"
    path.write_bytes(PREAMBLE)

    adopted = segments.adopt(path)

    assert adopted
    assert list(tmp_path.iterdir()) == []
