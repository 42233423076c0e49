"""What each feature is: whose it is, what it means, how much of it is kept and for how long."""

import sys
from dataclasses import dataclass
from datetime import timedelta

FOR_GOOD = timedelta.max  # nothing but its listener's going removes it


@dataclass(frozen=True, slots=True)
class Feature:
    """A value that models may read, online (now, from Redis) and offline (as of a moment, from the warehouse).

    Both ways give the same value for the same events: that is what makes training on it honest.
    """

    name: str
    entity: str  # what one value belongs to
    meaning: str
    kept: timedelta  # how long a value outlives the last event that touched it
    limit: int = sys.maxsize  # how many entries a value has at most

    def key(self, entity_id: int) -> str:
        """Where Redis keeps the value of one entity; in a cluster, all of an entity's values are on one node.

        >>> RECENT_SONGS.key(7)
        'segue:recent_songs:{7}'
        """
        return f"{self.prefix}{{{entity_id}}}"

    @property
    def prefix(self) -> str:
        """How the keys of all its values begin, and no others."""
        return f"segue:{self.name}:"


RECENT_SONGS = Feature(
    name="recent_songs",
    entity="listener",
    meaning=(
        "The songs of the listener's listens, each with the beginning of its latest listen, newest first. "
        "Listens, not starts: a song skipped after five seconds says little about taste, and starts are not kept "
        "for ever, so that no past moment could be asked for them. Imported listens count like all others; "
        "those of private sessions are nobody's. "
        "One that is taken back takes its song out with every listen of it that began no later, whenever that is told. "
        "Of two songs at the same millisecond the one whose id is later as text comes first."
    ),
    limit=100,
    kept=timedelta(days=90),
)

HEARD_SONGS = Feature(
    name="heard_songs",
    entity="listener",
    meaning=(
        "All songs of the listener's listens and imported counts that came through the event log, without order "
        "or limit, but for private sessions: what a feed must leave out beside the songs that its bundle knows to be heard. "
        "A listener who is silent for longer than it is kept has all of them in the bundle."
    ),
    kept=timedelta(days=90),
)

TAKEN_BACK = Feature(
    name="taken_back",
    entity="listener",
    meaning=(
        "The listens that the listener took back, by song and by play, each with when the latest of them began, so that none "
        "comes back when it is told again or written by somebody who did not know yet. Nothing but their writers reads it."
    ),
    limit=2000,
    kept=FOR_GOOD,
)

KNOWN_LISTENER = Feature(
    name="known_listener",
    entity="listener",
    meaning=(
        "That the catalog has told of this listener, and the country they are in: serving knows who exists before the "
        "next bundle lists them."
    ),
    limit=1,
    kept=timedelta(days=90),
)

LOVED_SONGS = Feature("loved_songs", "listener", "The songs that the listener loves.", kept=FOR_GOOD)
HIDDEN_SONGS = Feature(
    "hidden_songs", "listener", "The songs that the listener wants no more of.", kept=FOR_GOOD
)
LOVED_ARTISTS = Feature("loved_artists", "listener", "The artists that the listener loves.", kept=FOR_GOOD)
HIDDEN_ARTISTS = Feature(
    "hidden_artists", "listener", "The artists that the listener wants no more of.", kept=FOR_GOOD
)
FOLLOWED_ARTISTS = Feature(
    "followed_artists", "listener", "The artists that the listener follows.", kept=FOR_GOOD
)
FOLLOWED_LISTENERS = Feature(
    "followed_listeners", "listener", "The listeners that the listener follows.", kept=FOR_GOOD
)
BLOCKED_LISTENERS = Feature(
    "blocked_listeners", "listener", "The listeners that the listener blocks.", kept=FOR_GOOD
)
PREFERENCES = Feature(
    "preferences", "listener", "What the listener wants to be served, as JSON.", kept=FOR_GOOD, limit=1
)
FEEDBACK = Feature(
    name="feedback",
    entity="listener",
    meaning="What the listener wants more or less of, never, or forgotten, each until when, by what it is about.",
    kept=FOR_GOOD,
)
MIXES = Feature(
    name="mixes",
    entity="listener",
    meaning="The mixes of the day and of the week that were made for the listener, as JSON, until they run out.",
    kept=timedelta(days=7),
    limit=1,
)
WISH_VERSIONS = Feature(
    name="wish_versions",
    entity="listener",
    meaning=(
        "How new each word of the nine before is, so that one that comes late changes nothing; also of those that "
        "were taken back. Nothing but their writer reads it."
    ),
    kept=FOR_GOOD,
)

WISHES = (
    LOVED_SONGS,
    HIDDEN_SONGS,
    LOVED_ARTISTS,
    HIDDEN_ARTISTS,
    FOLLOWED_ARTISTS,
    FOLLOWED_LISTENERS,
    BLOCKED_LISTENERS,
)
FEATURES = (
    RECENT_SONGS,
    HEARD_SONGS,
    TAKEN_BACK,
    KNOWN_LISTENER,
    *WISHES,
    PREFERENCES,
    FEEDBACK,
    MIXES,
    WISH_VERSIONS,
)

CHANGED_SONGS = Feature(
    name="changed_songs",
    entity="platform",
    meaning=(
        "The songs that the catalog told of lately, each with whether it is removed or explicit and where it may be "
        "played: what a bundle that is older does not know. Of the platform there is one, number 0."
    ),
    limit=100_000,
    kept=timedelta(days=7),
)
