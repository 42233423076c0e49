"""What a listener's statistics look like to them."""

from datetime import date, datetime

import msgspec

from serving.statistics.periods import Range


class TopSong(msgspec.Struct, frozen=True, gc=False):
    """A song, and how much of a listener's time it had."""

    song_id: int
    title: str  # as the catalog calls it now; "" where it has not told
    artist_id: int
    artist: str
    listens: int
    minutes: float


class TopArtist(msgspec.Struct, frozen=True, gc=False):
    """An artist, and how much of a listener's time they had."""

    artist_id: int
    artist: str
    listens: int
    minutes: float


class TopGenre(msgspec.Struct, frozen=True, gc=False):
    """A genre, and how much of a listener's time it had. Songs without a genre are in none."""

    genre: str
    listens: int
    minutes: float


class Streaks(msgspec.Struct, frozen=True, gc=False):
    """Days in a row with a listen: the longest row in the range, and the one that lasts at `as_of`, when it began ever."""

    longest_days: int
    current_days: int


class Diversity(msgspec.Struct, frozen=True, gc=False):
    """How evenly listens are spread over artists: Shannon's entropy in bits, and 2 to its power."""

    entropy: float
    effective_artists: float


class NewToMe(msgspec.Struct, frozen=True, gc=False):
    """How many of the songs and artists were heard for the first time ever in the range."""

    songs: int
    artists: int


class ListenerStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One listener's range; private sessions are not in it. Hours from midnight and weekdays from Monday, by the clocks of `tz`."""

    user_id: int
    range: Range
    tz: str
    since: datetime | None  # None: all_time of who has listened to nothing
    until: datetime
    as_of: datetime
    listens: int
    minutes: float
    songs: int
    artists: int
    top_songs: tuple[TopSong, ...]
    top_artists: tuple[TopArtist, ...]
    top_genres: tuple[TopGenre, ...]
    by_hour: tuple[int, ...]
    by_weekday: tuple[int, ...]
    streaks: Streaks
    diversity: Diversity
    new_to_me: NewToMe


class Part(msgspec.Struct, frozen=True, gc=False):
    """The listens of one country or source, and how many listened."""

    name: str  # "" where a country is not known
    listens: int
    listeners: int


class Day(msgspec.Struct, frozen=True, gc=False):
    """The listens of a day (UTC), and how many listened."""

    day: date
    listens: int
    listeners: int


class Exits(msgspec.Struct, frozen=True, kw_only=True):
    """Where plays ended, also those too short to be a listen. A skip before 30 s is early.

    `by_tenth` counts all ends in each tenth of the song; `skip_rate` is the share of skips among ends whose outcome is known.
    """

    ends: int
    completed: int
    skipped_early: int
    skipped_late: int
    unknown: int
    skip_rate: float | None  # None: no outcome is known
    by_tenth: tuple[int, ...]


class CarryingPlaylist(msgspec.Struct, frozen=True, gc=False):
    """A public playlist with songs of an artist."""

    playlist_id: int
    name: str
    user_id: int  # whose it is
    owner: str
    songs: int  # of the artist


class ArtistPlaylists(msgspec.Struct, frozen=True):
    """How many playlists carry an artist; of the public ones those that carry most of the songs."""

    public: int = 0
    private: int = 0
    most_songs: tuple[CarryingPlaylist, ...] = ()


class ArtistStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """An artist's songs over some days (UTC), private sessions counted, without anyone's name."""

    artist_id: int
    artist: str
    since: date
    until: date
    as_of: datetime
    listens: int
    listeners: int
    new_listeners: int
    returning_listeners: int
    by_day: tuple[Day, ...]
    by_country: tuple[Part, ...]
    by_source: tuple[Part, ...]
    exits: Exits
    playlists: ArtistPlaylists = ArtistPlaylists()


class ActiveDay(msgspec.Struct, frozen=True, gc=False):
    """A day (UTC): its listens, and who listened on it, in the week and in the thirty days that end with it."""

    day: date
    listens: int
    dau: int
    wau: int
    mau: int


class Activity(msgspec.Struct, frozen=True):
    """Every day of the stretch that was asked for."""

    days: tuple[ActiveDay, ...]


class Cohort(msgspec.Struct, frozen=True):
    """Those who first listened in the week that began on `week`: how many listened in it and in each week since."""

    week: date
    listeners: int
    active: tuple[int, ...]  # of the first week, the next, and so on, as far as the stretch goes


class Retention(msgspec.Struct, frozen=True):
    """The cohorts whose week began in the stretch that was asked for, or contains its first day."""

    cohorts: tuple[Cohort, ...]


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy served on one surface: songs shown, those of them played, and those listened to."""

    surface: str
    policy: str
    slates: int
    impressions: int
    plays: int
    listens: int
    songs: int
    coverage: float  # the share of the catalogue that was shown
    tail_share: float  # the share of impressions beyond the most listened fifth of the catalogue


class RecommendationStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What recommendations came to over some days (UTC)."""

    since: date
    until: date
    catalogue_songs: int
    songs: int
    coverage: float
    tail_share: float
    funnels: tuple[Funnel, ...]
