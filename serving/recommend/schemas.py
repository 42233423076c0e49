"""What a recommendation looks like to those who asked: a slate of songs, each with its reason."""

from datetime import datetime
from typing import NewType
from uuid import UUID

import msgspec

SlateId = NewType("SlateId", UUID)


class Seed(msgspec.Struct, frozen=True, gc=False):
    """A song the listener has heard that speaks for a recommendation."""

    song_id: int
    title: str
    artist: str


class Reason(msgspec.Struct, frozen=True):
    """Why a song is on the slate, such as `because-you-listened`, `played-together`, `sounds-alike`, `followed-artist` or `trending`."""

    code: str
    text: str
    seeds: tuple[Seed, ...] = ()


class Item(msgspec.Struct, frozen=True):
    """One recommended song; `score` is the model's inner product, 0 where the model has nothing to say."""

    rank: int
    song_id: int
    title: str
    artist_id: int
    artist: str
    genre: str  # "" where none is known
    score: float
    reason: Reason


class Slate(msgspec.Struct, frozen=True, kw_only=True):
    """A list served to a listener at one moment, by one version of one model."""

    slate_id: SlateId
    user_id: int
    generated_at: datetime
    policy: str
    model: str | None
    version: str | None
    stale: tuple[str, ...]
    items: tuple[Item, ...]


EXAMPLE = {
    "slate_id": "01a203da-2c60-75e5-bc96-93e9dfb0cc2e",
    "user_id": 12345,
    "generated_at": "2026-03-01T12:00:00Z",
    "policy": "als-fold-in",
    "model": "als/1",
    "version": "9325a6bd1f7e9784",
    "stale": [],
    "items": [
        {
            "rank": 1,
            "song_id": 98766,
            "title": "Somebody to Love",
            "artist_id": 111,
            "artist": "Queen",
            "genre": "rock",
            "score": 0.77,
            "reason": {
                "code": "because-you-listened",
                "text": "Because you listened to Bohemian Rhapsody by Queen.",
                "seeds": [{"song_id": 98765, "title": "Bohemian Rhapsody", "artist": "Queen"}],
            },
        }
    ],
}

_encoder = msgspec.json.Encoder()


def encoded(slate: Slate) -> bytes:
    """A slate as JSON, as the API answers it."""
    return _encoder.encode(slate)


def moment(at: datetime) -> bytes:
    """A time as JSON."""
    return _encoder.encode(at)


def around(body: bytes, first: bytes, second: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before, between and after two values that JSON has first of all, in this order.

    >>> around(b'{"slate_id":"7","at":"noon","policy":"als"}', b'"7"', b'"noon"')
    (b'{"slate_id":', b',"at":', b',"policy":"als"}')
    """
    before, _, rest = body.partition(first)
    return before, *rest.partition(second)[::2]
