"""What somebody did, as it travels between the tables, their copies and the answers."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

Verb: TypeAlias = Literal["followed", "loved", "made"]
Kind: TypeAlias = Literal["listener", "artist", "song", "playlist"]

KEPT = 1_000  # activities of one person; older ones are forgotten


class Done(msgspec.Struct, frozen=True):
    """One thing that one person did; ids grow in the order in which things were done."""

    id: int
    user_id: int
    verb: str
    kind: str
    target_id: int
    happened_at: datetime
