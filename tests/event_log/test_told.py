"""Plays in columns are what the events are one by one: what they hold, whether they count, and which of them are new."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_log.columns import KEY, SCHEMA
from event_log.listens import is_listen, outcome_of
from event_log.plays import COUNTS, OUTCOMES, Told, most_telling, pa
from event_log.settling import SEEN_KINDS, Keyed, keys_in, keys_of, settle
from foundation.contracts.events import (
    KINDS,
    REASONS,
    SOURCES,
    PlaybackEvent,
    PlayBlock,
    decode,
    encode,
    packed,
)
from tests.event_log.plays import NOON, make_play

PLAYS = [UUID(int=number) for number in range(5)]  # few, so that they are often told again
CODES = {name: bytes([code]) for code, name in enumerate(SEEN_KINDS, start=1)}


@st.composite
def plays(draw: st.DrawFn) -> PlaybackEvent:
    kind = draw(st.sampled_from(KINDS))
    return PlaybackEvent(
        play_id=draw(st.sampled_from(PLAYS)),
        kind=kind,
        listener_id=draw(st.integers(1, 2**64 - 1)),
        song_id=draw(st.integers(1, 2**64 - 1)),
        started_at=NOON + timedelta(milliseconds=draw(st.integers(0, 10**10))),
        received_at=NOON,
        played_ms=None
        if kind == "start"
        else draw(st.sampled_from([0, 14_000, 29_999, 30_000, 61_000, 180_000])),
        song_ms=draw(st.sampled_from([None, 0, 20_000, 60_000, 200_000])),
        reason=draw(st.sampled_from(REASONS)) if kind == "end" else "",
        source=draw(st.sampled_from(SOURCES)),
        slate_id=draw(st.none() | st.just(UUID(int=77))),
        position=draw(st.none() | st.integers(0, 2**16 - 1)),
        playlist_id=draw(st.none() | st.integers(1, 2**63 - 1)),
        country="NZ",
        is_private=draw(st.booleans()),
    )


def block_of(told: Sequence[PlaybackEvent]) -> PlayBlock:
    """The same in one block."""
    epoch, millisecond = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
    return PlayBlock(
        received_at=NOON,
        play_ids=b"".join(play.play_id.bytes for play in told),
        kinds=bytes(KINDS.index(play.kind) for play in told),
        listener_ids=packed("Q", [play.listener_id for play in told]),
        song_ids=packed("Q", [play.song_id for play in told]),
        started_ms=packed("q", [(play.started_at - epoch) // millisecond for play in told]),
        played_ms=packed("q", [-1 if play.played_ms is None else play.played_ms for play in told]),
        song_ms=packed("i", [-1 if play.song_ms is None else play.song_ms for play in told]),
        reasons=bytes(REASONS.index(play.reason) for play in told),
        sources=bytes(SOURCES.index(play.source) for play in told),
        are_private=bytes(play.is_private for play in told),
        slate_ids=b"".join(play.slate_id.bytes if play.slate_id else bytes(16) for play in told),
        positions=packed("i", [-1 if play.position is None else play.position for play in told]),
        playlist_ids=packed("Q", [play.playlist_id or 0 for play in told]),
        country="NZ",
    )


@settings(deadline=None)  # the first reading imports pandas
@given(st.lists(plays(), max_size=20))
def test_a_block_tells_what_its_events_would(told: list[PlaybackEvent]) -> None:
    read = Told(decode(encode([block_of(told)])))

    assert list(read) == told
    assert read.plays.equals(Told(told).plays)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.lists(plays(), max_size=5)), max_size=6))
def test_plays_told_alone_and_in_blocks_stay_in_their_order(
    parts: list[tuple[bool, list[PlaybackEvent]]],
) -> None:
    told = [play for _, some in parts for play in some]
    events = [event for in_block, some in parts for event in ([block_of(some)] if in_block else some)]

    read = Told.together([Told(events[:2]), Told(events[2:])])

    assert list(read) == told
    assert read.plays.equals(Told(told).plays)


@given(st.lists(plays(), max_size=20))
def test_what_a_column_says_of_plays_is_what_is_said_of_each(told: list[PlaybackEvent]) -> None:
    columns = Told(told).plays

    ends = [play if play.kind == "end" else None for play in told]
    outcomes = [
        outcome_of(
            play.played_ms if play else None, play.song_ms if play else None, play.reason if play else ""
        )
        for play in ends
    ]
    assert columns[COUNTS].to_pylist() == [is_listen(play) for play in told]
    assert [OUTCOMES[at] for at in columns["outcome"].to_pylist()] == [outcome.name for outcome in outcomes]
    assert columns["confidence"].to_pylist() == [np.float32(outcome.confidence) for outcome in outcomes]


@given(st.lists(plays(), max_size=30))
def test_of_each_play_the_first_end_tells_most_else_what_first_counts(told: list[PlaybackEvent]) -> None:
    expected: dict[UUID, PlaybackEvent] = {}
    for play in told:
        before = expected.get(play.play_id)
        if (play.kind == "end" or is_listen(play)) and (
            before is None or (before.kind != "end" and play.kind == "end")
        ):
            expected[play.play_id] = play

    found = most_telling(Told(told).plays).select(SCHEMA.names).to_pylist()

    by_id = {row["play_id"]: (KINDS[row["kind"]], row["played_ms"]) for row in found}
    assert len(found) == len(by_id)
    assert by_id == {play.play_id.bytes: (play.kind, play.played_ms) for play in expected.values()}


def plainly_settled(
    told: list[PlaybackEvent], keys: list[bytes], removed: list[bytes], known: set[bytes]
) -> Any:
    """What settling does, one row after the other."""
    seen, fresh, goes = set(known), [], set(removed)
    listens: dict[bytes, int] = {}
    revised: list[int] = []
    for at, (play, key) in enumerate(zip(told, keys, strict=True)):
        if key in seen:
            continue
        seen.add(key)
        fresh.append(at)
        play_id = play.play_id.bytes
        if not is_listen(play) or play_id + CODES["removal"] in known:
            continue
        if play.source == "imported" or play_id + CODES["listen"] not in known:
            if play.kind == "end" or play_id not in listens:
                listens[play_id] = at
        elif play.kind == "end" and play_id not in goes:
            revised.append(at)
    gone: dict[bytes, int] = {}
    for at, play_id in enumerate(removed):
        if play_id + CODES["removal"] not in known:
            gone.setdefault(play_id, at)
    return fresh, sorted(listens.values()), revised, sorted(gone.values())


@given(
    st.lists(plays(), max_size=30),
    st.lists(st.sampled_from([play.bytes for play in PLAYS]), max_size=4),
    st.data(),
)
def test_all_rows_at_once_settle_as_one_after_the_other(
    told: list[PlaybackEvent], removed: list[bytes], data: st.DataObject
) -> None:
    columns = Told(told).plays
    keys = keys_of(columns).to_pylist()
    marks = [play.bytes + CODES[kind] for play in PLAYS for kind in ("listen", "removal")]
    known = data.draw(st.sets(st.sampled_from(keys + marks), max_size=10))

    settled = settle(Keyed.by(columns), removed, keys_in(b"".join(known), with_length=False), 0)

    found = (np.flatnonzero(flags).tolist() for flags in (settled.fresh, settled.listens, settled.revised))
    assert (*found, list(settled.removed)) == plainly_settled(told, keys, removed, known)


def test_the_rows_of_a_block_that_no_column_holds_are_set_aside_alone() -> None:
    told = [
        make_play(country="NZ"),
        make_play(country="NZ", started_at=NOON.replace(year=2500)),
        make_play(country="NZ"),
    ]
    block = block_of(told)

    read = Told([block])

    assert [play.play_id for play in read] == [told[0].play_id, told[2].play_id]
    assert [list(Told([unfit])) for unfit in read.unfit] == [[]]
    assert read.unfit[0].play_ids == told[1].play_id.bytes  # type: ignore[union-attr]


def test_what_no_column_holds_is_set_aside_among_plays_alone_and_in_blocks() -> None:
    fit = [make_play(country="NZ") for _ in range(4)]
    late = [make_play(country="NZ", started_at=NOON.replace(year=2500)) for _ in range(3)]
    block = block_of([late[0], fit[1], late[1]])

    read = Told([fit[0], block, late[2], fit[2], block_of([fit[3]])])

    assert read.plays["play_id"].to_pylist() == [play.play_id.bytes for play in fit]
    assert [type(unfit) for unfit in read.unfit] == [PlaybackEvent, PlayBlock]
    assert read.unfit[1].play_ids == late[0].play_id.bytes + late[1].play_id.bytes  # type: ignore[union-attr]


@pytest.mark.parametrize("column", ["play_ids", "song_ids", "kinds"])
def test_a_block_whose_columns_do_not_fit_together_is_refused(column: str) -> None:
    block = block_of([make_play(), make_play()])
    broken = PlayBlock(
        **{
            **{name: getattr(block, name) for name in block.__struct_fields__},
            column: getattr(block, column)[:-1],
        }
    )

    with pytest.raises(ValueError, match="bytes of"):
        Told([broken])


def test_ids_keep_their_bytes() -> None:
    told = Told([make_play(play_id=UUID(int=0)), make_play(play_id=UUID(int=2**128 - 1))])

    assert told.plays["play_id"].type == KEY
    assert told.plays["play_id"].to_pylist() == [bytes(16), b"\xff" * 16]
    assert pa.types.is_fixed_size_binary(keys_of(told.plays).type)
