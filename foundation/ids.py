"""Identifiers: what kind of thing a number names, and how ids that carry their time are made."""

import hashlib
import secrets
from datetime import datetime
from typing import NewType
from uuid import UUID

UserId = NewType("UserId", int)
SongId = NewType("SongId", int)
ArtistId = NewType("ArtistId", int)
AlbumId = NewType("AlbumId", int)
PlaylistId = NewType("PlaylistId", int)
PlayId = NewType("PlayId", UUID)

BIGGEST_ID = 2**63 - 1  # what a bigint of Postgres holds
_RANDOM_BITS = 74
_VARIANTS = b"89ab"  # the digit of a UUID that begins with the bits 10


def new_play_id(at: datetime) -> PlayId:
    """A fresh id for a play that begins `at`: UUID version 7 (RFC 9562), so ids sort by time.

    Ids that sort by time keep the lookup of ids already seen within a few granules of the table.
    """
    return PlayId(new_id(at))


def new_id(at: datetime) -> UUID:
    """A fresh id that nobody can guess and that tells when it was made: UUID version 7 (RFC 9562)."""
    return _timed_uuid(at, secrets.randbits(_RANDOM_BITS), version=7)


def new_id_text(at: datetime) -> bytes:
    """What `str` makes of a `new_id`, in a third of the time: for what is named and never read as an id here."""
    time, chance = b"%012x" % _milliseconds(at), secrets.token_bytes(10).hex().encode()
    return b"%s-%s-7%s-%c%s-%s" % (
        time[:8],
        time[8:],
        chance[:3],
        _VARIANTS[chance[3] & 3],
        chance[4:7],
        chance[7:19],
    )


def hashed_play_id(at: datetime, *parts: str) -> PlayId:
    """The id of a play that came without one: UUID version 8, the time in front, a SHA-256 of `parts` behind.

    The same parts give the same id in every process and for ever, which makes an import idempotent.

    >>> from datetime import UTC
    >>> noon = datetime(2021, 12, 3, 12, tzinfo=UTC)
    >>> hashed_play_id(noon, "a", "b") == hashed_play_id(noon, "a", "b") != hashed_play_id(noon, "ab")
    True
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return PlayId(_timed_uuid(at, int.from_bytes(digest[:10], "big") >> 6, version=8))


def _timed_uuid(at: datetime, low_bits: int, *, version: int) -> UUID:
    """48 bits of Unix milliseconds, the version, 12 bits, the variant, 62 bits (RFC 9562, figure 12)."""
    high, low = low_bits >> 62, low_bits & ((1 << 62) - 1)
    return UUID(int=_milliseconds(at) << 80 | version << 76 | high << 64 | 0b10 << 62 | low)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
