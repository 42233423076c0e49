"""The events that travel through the log, each a small immutable record that the JSON of a segment holds."""

from array import array
from collections.abc import Sequence
from datetime import date, datetime
from sys import byteorder
from typing import Literal, get_args
from uuid import UUID

import msgspec

# The structs hold no other objects that could form a cycle: the collector need not track them (gc=False), which more than
# halves the time to decode a large segment.

PlaySource = Literal["organic", "recommended", "imported"]
PlayKind = Literal["start", "heartbeat", "pause", "end"]
EndReason = Literal["", "finished", "skipped", "stopped"]

# What a number of a PlayBlock stands for; of kinds and sources the warehouse numbers them alike, one higher.
KINDS: tuple[PlayKind, ...] = ("start", "end", "heartbeat", "pause")
SOURCES: tuple[PlaySource, ...] = get_args(PlaySource)
REASONS: tuple[EndReason, ...] = get_args(EndReason)


class PlaybackEvent(msgspec.Struct, frozen=True, tag="playback", kw_only=True, gc=False):
    """A play's start, how far it has come, or its end with how long it lasted.

    Of starts and ends the key is (`play_id`, `kind`): the first one counts. Of heartbeats and pauses `played_ms` belongs to it.
    A play whose start was never told is told by its end alone, as an import does.
    """

    play_id: UUID
    kind: PlayKind
    listener_id: int
    song_id: int
    started_at: datetime  # UTC, as the client says, else when it reached us
    received_at: datetime  # UTC
    played_ms: int | None = None  # of all but a start: how much was heard so far
    song_ms: int | None = None  # the song's length where it is known
    reason: EndReason = ""  # why it ended, where the client knows
    source: PlaySource = "organic"
    origin: str = ""  # the name of the import it came from
    slate_id: UUID | None = None
    position: int | None = None
    playlist_id: int | None = None  # it was played from; never told of a private session
    country: str = ""  # where the listener is, ISO 3166-1 alpha-2; "" where unknown
    is_private: bool = (
        False  # of a private session: it counts for the song, and for nobody's history or taste
    )
    # Of the request that told it (W3C Trace Context), so that a trace goes on in the shipper.
    traceparent: str = ""


class PlayBlock(msgspec.Struct, frozen=True, tag="plays", kw_only=True, gc=False):
    """Many plays, told at once and column by column: each is what a PlaybackEvent of its row would be, at a tenth of the price.

    A column has the numbers of all rows one after the other, in little-endian order; -1 stands for None. An id has 16 bytes.
    """

    received_at: datetime
    play_ids: bytes
    kinds: bytes  # one byte each, as KINDS numbers them
    listener_ids: bytes  # 64 bits, unsigned
    song_ids: bytes  # 64 bits, unsigned
    started_ms: bytes  # 64 bits, signed: milliseconds since 1970
    played_ms: bytes  # 64 bits, signed
    song_ms: bytes  # 32 bits, signed
    reasons: bytes  # one byte each, as REASONS numbers them
    sources: bytes  # one byte each, as SOURCES numbers them
    are_private: bytes  # one byte each, 0 or 1
    slate_ids: bytes = b""  # zeros where there is none; nothing at all where no row has one
    positions: bytes = b""  # 32 bits, signed; nothing at all where no row has one
    playlist_ids: bytes = b""  # 64 bits, unsigned, 0 where there is none; nothing at all where no row has one
    origin: str = ""
    country: str = ""
    traceparent: str = ""


def packed(form: Literal["Q", "q", "i"], numbers: Sequence[int]) -> bytes:
    """A column of a PlayBlock, as `array` calls its numbers.

    >>> packed("i", [1, -1]).hex()
    '01000000ffffffff'
    """
    column = array(form, numbers)
    if byteorder == "big":
        column.byteswap()
    return column.tobytes()


class ListenRemoved(msgspec.Struct, frozen=True, tag="listen_removed", kw_only=True, gc=False):
    """A listener took a listen out of their history: it counts no more, anywhere, from now on."""

    play_id: UUID
    listener_id: int
    song_id: int
    started_at: datetime  # of the play
    removed_at: datetime


class ServedSong(msgspec.Struct, frozen=True, gc=False):
    """One song of a slate: its place is its place in the list."""

    song_id: int
    score: float
    propensity: float  # how likely the policy was to show it here


class SlateServed(msgspec.Struct, frozen=True, tag="slate", kw_only=True, gc=False):
    """A list of songs that a listener was shown, and how it came about."""

    slate_id: UUID
    listener_id: int
    served_at: datetime
    surface: str  # where it was shown, such as recommendations
    policy: str
    model: str
    version: str  # of what was published
    songs: tuple[ServedSong, ...]  # the first stands at position 1
    seed: int = 0  # of what was drawn by chance
    candidates_hash: int = 0  # of the songs that it was chosen from


class SearchMade(msgspec.Struct, frozen=True, tag="search", kw_only=True, gc=False):
    """What somebody searched for, and how much was found; never told of a private session."""

    search_id: UUID
    listener_id: int = 0  # 0: nobody who signed in
    query: str  # as `event_log.searches.normal` leaves it
    kind: str  # among what was searched: songs, artists, …
    results: int
    searched_at: datetime
    country: str = ""  # where it was made, ISO 3166-1 alpha-2; "" where unknown


class ImportedCount(msgspec.Struct, frozen=True, tag="imported_count", kw_only=True, gc=False):
    """How often a listener played a song in all, from a source that tells no times. Its key is the first three."""

    origin: str
    listener_id: int
    song_id: int
    plays: int
    received_at: datetime


class SongChanged(msgspec.Struct, frozen=True, tag="song", kw_only=True, gc=False):
    """A song as it is now; the row with the highest `version` of a song is the valid one."""

    song_id: int
    title: str
    artist_id: int
    artist: str
    album: str = ""
    album_id: int | None = None
    genre: str = ""
    song_ms: int | None = None
    released_on: date | None = None
    is_explicit: bool = False
    regions: tuple[str, ...] | None = None  # where it may be played, ISO 3166-1 alpha-2; None: everywhere
    is_removed: bool = False  # it is in the catalog no more
    origin: str = ""
    external_id: str = ""
    version: int  # microseconds since 1970 of the change


class ListenerChanged(msgspec.Struct, frozen=True, tag="listener", kw_only=True, gc=False):
    """A listener as they are now, without anything that names them; the highest `version` is the valid row."""

    listener_id: int
    country: str = ""  # ISO 3166-1 alpha-2
    origin: str = ""
    external_id: str = ""
    version: int


class LyricsChanged(msgspec.Struct, frozen=True, tag="lyrics", kw_only=True, gc=False):
    """How a song's lyrics begin, in one language; the highest `version` is the valid row. "" where they were removed."""

    song_id: int
    language: str  # ISO 639-1, "" where unknown
    opening: str  # the first lines, at most OPENING_LINES, as plain text
    version: int


OPENING_LINES = 4


class PlaylistChanged(msgspec.Struct, frozen=True, tag="playlist", kw_only=True, gc=False):
    """Whether everyone may see a playlist, and nothing else of it; the highest `version` is the valid one."""

    playlist_id: int
    is_public: bool  # false also where it is gone
    version: int


class OpinionChanged(msgspec.Struct, frozen=True, tag="opinion", kw_only=True, gc=False):
    """What a listener thinks of a song or an artist now; the highest `version` of the first three is the valid one."""

    listener_id: int
    kind: Literal["song", "artist"]
    target_id: int
    opinion: Literal["love", "hide", ""]  # "": no opinion any more
    version: int


class FollowChanged(msgspec.Struct, frozen=True, tag="follow", kw_only=True, gc=False):
    """Whether a listener follows a listener or an artist; the highest `version` of the first three is the valid one."""

    listener_id: int
    kind: Literal["listener", "artist"]
    target_id: int
    is_following: bool
    version: int


class BlockChanged(msgspec.Struct, frozen=True, tag="block", kw_only=True, gc=False):
    """Whether a listener blocks another; the highest `version` of the pair is the valid one."""

    listener_id: int
    blocked_id: int
    is_blocked: bool
    version: int


class PreferencesChanged(msgspec.Struct, frozen=True, tag="preferences", kw_only=True, gc=False):
    """What a listener wants to be served; the highest `version` is the valid one."""

    listener_id: int
    allows_explicit: bool
    language: str  # ISO 639-1, "" where not told
    genres: tuple[str, ...]  # named at sign-up or later: what a feed begins with
    version: int


class FeedbackGiven(msgspec.Struct, frozen=True, tag="feedback", kw_only=True, gc=False):
    """What a listener wants of their recommendations; the highest `version` of the first four is the valid one.

    `more` and `less` move a song, an artist or a genre; `never` keeps a song or an artist away; `forget` takes a song out of
    what is thought of the listener, and of kind `taste` everything before this moment.
    """

    listener_id: int
    kind: Literal["song", "artist", "genre", "taste"]
    target_id: int = 0  # of a song or an artist
    genre: str = ""  # in lower case, of kind genre
    wish: Literal["more", "less", "never", "forget", ""]  # "": it was taken back
    until: datetime | None = None  # UTC; None: for good
    version: int  # microseconds since 1970


Event = (
    PlaybackEvent
    | PlayBlock
    | ListenRemoved
    | SlateServed
    | SearchMade
    | ImportedCount
    | SongChanged
    | ListenerChanged
    | LyricsChanged
    | PlaylistChanged
    | OpinionChanged
    | FollowChanged
    | BlockChanged
    | PreferencesChanged
    | FeedbackGiven
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Event])


def encode(events: list[Event]) -> bytes:
    """Events as one record of the log: a JSON array of tagged objects."""
    return _encoder.encode(events)


def decode(record: bytes) -> list[Event]:
    """What `encode` wrote. Raises msgspec.DecodeError or ValidationError for anything else."""
    return _decoder.decode(record)
