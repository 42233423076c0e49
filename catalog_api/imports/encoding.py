"""Imported plays as a record of the event log, all in columns: no object and no text for any of them."""

from datetime import datetime

import polars as pl

from foundation.contracts.events import KINDS, REASONS, SOURCES, PlayBlock, encode

_END, _IMPORTED = KINDS.index("end"), SOURCES.index("imported")


def encoded_plays(plays: pl.DataFrame, source: str, now: datetime) -> bytes:
    """The ends of these plays (PLAYS with listener_id, song_id, song_ms and country), a block for each country."""
    return encode([_block(some, source, now) for some in plays.partition_by("country", maintain_order=True)])


def _block(plays: pl.DataFrame, source: str, now: datetime) -> PlayBlock:
    reasons = plays["reason"].replace_strict(REASONS, range(len(REASONS)), return_dtype=pl.UInt8)
    return PlayBlock(
        received_at=now,
        play_ids=b"".join(plays["play_id"].to_list()),
        kinds=bytes([_END]) * plays.height,
        listener_ids=_bytes(plays["listener_id"].cast(pl.UInt64), "<u8"),
        song_ids=_bytes(plays["song_id"].cast(pl.UInt64), "<u8"),
        started_ms=_bytes(plays["started_at"].dt.epoch("ms"), "<i8"),
        played_ms=_bytes(plays["played_ms"].cast(pl.Int64), "<i8"),
        song_ms=_bytes(plays["song_ms"].cast(pl.Int32).fill_null(-1), "<i4"),
        reasons=_bytes(reasons, "u1"),
        sources=bytes([_IMPORTED]) * plays.height,
        are_private=_bytes(plays["is_private"].cast(pl.UInt8), "u1"),
        origin=source,
        country=plays.item(0, "country"),
    )


def _bytes(column: pl.Series, form: str) -> bytes:
    told: bytes = column.to_numpy().astype(form, copy=False).tobytes()
    return told
