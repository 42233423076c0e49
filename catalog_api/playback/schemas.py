"""A play as clients tell it, and as they are answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from foundation.contracts.events import EndReason, PlayKind
from foundation.ids import BIGGEST_ID

MOST_PLAYS = 1000  # of one batch
LONGEST_PLAY_MS = 24 * 60 * 60 * 1000
LAST_POSITION = 2**16 - 1


PlayId = Annotated[UUID, msgspec.Meta(description="Made by the client, best a UUID of version 7.")]
Moment = Annotated[
    datetime,
    msgspec.Meta(tz=True, description="When the play began; where it is not told, played_ms before now."),
]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_PLAY_MS)]
SlateId = Annotated[UUID, msgspec.Meta(description="The list served that the song was played from.")]
Position = Annotated[int, msgspec.Meta(ge=0, le=LAST_POSITION)]
FromPlaylist = Annotated[
    int, msgspec.Meta(ge=1, le=BIGGEST_ID, description="The playlist that the song was played from.")
]


class PlayIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A play: without `played_ms` its start; with it, at once or later with the same `play_id`, its end."""

    play_id: PlayId
    started_at: Moment | None = None
    played_ms: Milliseconds | None = None
    reason: EndReason = ""
    slate_id: SlateId | None = None
    position: Position | None = None
    playlist_id: FromPlaylist | None = None

    @property
    def kind(self) -> PlayKind:
        """What the play tells by what it says."""
        return "start" if self.played_ms is None else "end"


class HeartbeatIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a play has come: sent every half minute or so, and when it pauses. It counts as its end would."""

    play_id: PlayId
    played_ms: Milliseconds
    is_paused: bool = False
    started_at: Moment | None = None
    slate_id: SlateId | None = None
    position: Position | None = None
    playlist_id: FromPlaylist | None = None

    @property
    def kind(self) -> PlayKind:
        """A pause is a heartbeat that none follows."""
        return "pause" if self.is_paused else "heartbeat"

    @property
    def reason(self) -> EndReason:
        """It has not ended."""
        return ""


class BatchedPlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of many: a play as it is told alone, and of which song; with `kind` a heartbeat or a pause."""

    song_id: Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID)]
    play_id: PlayId
    started_at: Moment | None = None
    played_ms: Milliseconds | None = None
    reason: EndReason = ""
    told: Annotated[
        Literal["play", "heartbeat", "pause"],
        msgspec.Meta(description="What it tells; a heartbeat or pause needs played_ms."),
    ] = msgspec.field(default="play", name="kind")
    slate_id: SlateId | None = None
    position: Position | None = None
    playlist_id: FromPlaylist | None = None

    def __post_init__(self) -> None:
        """A heartbeat that tells no length tells nothing."""
        if self.told != "play" and self.played_ms is None:
            raise ValueError(f"a {self.told} needs played_ms")

    @property
    def kind(self) -> PlayKind:
        """What it tells."""
        if self.told != "play":
            return self.told
        return "start" if self.played_ms is None else "end"


class PlaysIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Plays that a client has gathered, for example while it had no network."""

    plays: Annotated[list[BatchedPlay], msgspec.Meta(min_length=1, max_length=MOST_PLAYS)]


class RefusedPlay(msgspec.Struct, frozen=True):
    """One that is not taken, and never will be as it is."""

    index: int  # in the list that was sent, from 0
    play_id: UUID
    code: str
    detail: str


class PlaysOut(msgspec.Struct, frozen=True):
    """What is accepted is on disk. Sent again, nothing counts twice."""

    accepted: int
    refused: list[RefusedPlay]


class PlayOut(msgspec.Struct, frozen=True):
    """The play is on disk. Sent again with the same `play_id`, it counts once."""

    play_id: UUID
    song_id: int
    kind: PlayKind
    started_at: datetime
    received_at: datetime
