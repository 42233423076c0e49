"""Shelves and mixes as the API tells them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from serving.recommend.schemas import EXAMPLE as SLATE
from serving.recommend.schemas import Item

ShelfName = Literal["continue", "made-for-you", "because-you-listened", "fresh", "rising", "discover"]
MixKind = Literal["daily", "weekly"]


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """One list of the home page; its slate is named by plays that came from it."""

    name: ShelfName
    title: str
    slate_id: UUID
    policy: str
    items: tuple[Item, ...]


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The home page: shelves with something on them, no song on two of them."""

    user_id: int
    generated_at: datetime
    model: str | None
    version: str | None
    stale: tuple[str, ...]
    shelves: tuple[Shelf, ...]


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """A list that stays as it is until it expires, but for songs that may not be given any more."""

    mix_id: str  # such as daily-1 or weekly
    kind: MixKind
    title: str
    slate_id: UUID
    expires_at: datetime
    policy: str
    model: str | None
    version: str | None
    items: tuple[Item, ...]


class Mixes(msgspec.Struct, frozen=True, kw_only=True):
    """The mixes of a listener: up to four of today, by mood, and this week's discoveries."""

    user_id: int
    stale: tuple[str, ...]
    items: tuple[Mix, ...]


_encoder = msgspec.json.Encoder()


def encoded(answer: Home | Mixes) -> bytes:
    """An answer as JSON."""
    return _encoder.encode(answer)


HOME: dict[str, Any] = {
    "user_id": 12345,
    "generated_at": "2026-03-01T12:00:00Z",
    "model": "als/1",
    "version": "9325a6bd1f7e9784",
    "stale": [],
    "shelves": [
        {
            "name": "made-for-you",
            "title": "Made for you",
            "slate_id": SLATE["slate_id"],
            "policy": "als-fold-in",
            "items": SLATE["items"],
        }
    ],
}
MIXES: dict[str, Any] = {
    "user_id": 12345,
    "stale": [],
    "items": [
        {
            "mix_id": "daily-1",
            "kind": "daily",
            "title": "Queen, Toto and more",
            "slate_id": SLATE["slate_id"],
            "expires_at": "2026-03-02T00:00:00Z",
            "policy": "seeded",
            "model": "als/1",
            "version": "9325a6bd1f7e9784",
            "items": SLATE["items"],
        }
    ],
}
