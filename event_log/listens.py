"""When a play counts as a listen: the one rule that charts, play counts and training share."""

from foundation.contracts.events import PlaybackEvent

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
    """Whether this event ends a play that counts."""
    return play.kind == "end" and counts_as_listen(play.played_ms, play.song_ms)
