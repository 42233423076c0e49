"""A play as clients tell it, and as they are answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

LONGEST_PLAY_MS = 24 * 60 * 60 * 1000
LAST_POSITION = 2**16 - 1


class PlayIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A play: without `played_ms` its start; with it, at once or later with the same `play_id`, its end."""

    play_id: Annotated[UUID, msgspec.Meta(description="Made by the client, best a UUID of version 7.")]
    started_at: (
        Annotated[
            datetime,
            msgspec.Meta(
                tz=True, description="When the play began; where it is not told, played_ms before now."
            ),
        ]
        | None
    ) = None
    played_ms: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_PLAY_MS)] | None = None
    slate_id: (
        Annotated[UUID, msgspec.Meta(description="The list served that the song was played from.")] | None
    ) = None
    position: Annotated[int, msgspec.Meta(ge=0, le=LAST_POSITION)] | None = None


class PlayOut(msgspec.Struct, frozen=True):
    """The play is on disk. Sent again with the same `play_id`, it counts once."""

    play_id: UUID
    song_id: int
    kind: Literal["start", "end"]
    started_at: datetime
    received_at: datetime
