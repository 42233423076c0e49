"""When a play counts as a listen, and what it came to: the rules that charts, play counts and training share."""

from typing import Literal, NamedTuple, TypeAlias

from foundation.contracts.events import EndReason, PlaybackEvent

LISTEN_MS = 30_000


def counts_as_listen(played_ms: int | None, song_ms: int | None) -> bool:
    """Whether a play of this length counts: 30 s, or half of a song shorter than a minute.

    A song of unknown length (None, or 0 as some sources write it) counts from 30 s.

    >>> counts_as_listen(29_999, song_ms=200_000), counts_as_listen(30_000, song_ms=None)
    (False, True)
    >>> counts_as_listen(10_000, song_ms=20_000), counts_as_listen(None, song_ms=20_000)
    (True, False)
    """
    if played_ms is None:
        return False
    enough = LISTEN_MS if song_ms is None or song_ms <= 0 else min(LISTEN_MS, song_ms / 2)
    return played_ms >= enough


def is_listen(play: PlaybackEvent) -> bool:
    """Whether the play is known to count once this event is told: by its end, or by a heartbeat or pause before it."""
    return play.kind != "start" and counts_as_listen(play.played_ms, play.song_ms)


OutcomeName: TypeAlias = Literal["unknown", "skip_early", "skip_late", "completed"]
COMPLETE = 0.9  # of the song: the rest is often silence, or faded over by the next


class Outcome(NamedTuple):
    """What a play came to, and how sure that is, from 0 to 1."""

    name: OutcomeName
    confidence: float


def outcome_of(played_ms: int | None, song_ms: int | None, reason: EndReason = "") -> Outcome:
    """What a play came to, told alike of every client: by what it says, else by how much was heard.

    A skip before the play counts as a listen is early, one after that is late. A client that says why is believed; one that
    says nothing is judged by the length, with less confidence the less the length tells. One that stopped (the
    application was closed) did not choose against the song.

    >>> outcome_of(200_000, 200_000, "finished"), outcome_of(5_000, 200_000, "skipped")
    (Outcome(name='completed', confidence=1.0), Outcome(name='skip_early', confidence=1.0))
    >>> outcome_of(190_000, 200_000), outcome_of(90_000, 200_000), outcome_of(90_000, None)
    (Outcome(name='completed', confidence=0.9), Outcome(name='skip_late', confidence=0.6), Outcome(name='unknown', confidence=0.0))
    """
    if played_ms is None:
        return UNKNOWN
    is_listen = counts_as_listen(played_ms, song_ms)
    if reason == "finished":
        return _FINISHED
    if reason == "skipped":
        return _SKIPPED_LATE if is_listen else _SKIPPED_EARLY
    if song_ms is not None and song_ms > 0 and played_ms >= COMPLETE * song_ms:
        return _HEARD_OUT
    if reason == "stopped":
        return UNKNOWN
    if not is_listen:
        return _SHORT if song_ms else _SHORT_OF_UNKNOWN
    return _LEFT if song_ms else UNKNOWN


# Made once: a tuple for each play is a tenth of what an import costs.
UNKNOWN = Outcome("unknown", 0.0)
_FINISHED, _HEARD_OUT = Outcome("completed", 1.0), Outcome("completed", 0.9)
_SKIPPED_EARLY, _SKIPPED_LATE = Outcome("skip_early", 1.0), Outcome("skip_late", 1.0)
_SHORT, _SHORT_OF_UNKNOWN, _LEFT = (
    Outcome("skip_early", 0.8),
    Outcome("skip_early", 0.5),
    Outcome("skip_late", 0.6),
)
