"""Column names of the warehouse and of what jobs write, shared by whoever writes a table and whoever reads it."""


class PlaybackEvents:
    """playback_events — one row per told start, heartbeat, pause or end of a play."""

    table = "playback_events"
    play_id = "play_id"
    kind = "kind"
    listener_id = "listener_id"
    song_id = "song_id"
    started_at = "started_at"
    played_ms = "played_ms"
    song_ms = "song_ms"
    reason = "reason"
    outcome = "outcome"
    confidence = "confidence"
    source = "source"
    origin = "origin"
    slate_id = "slate_id"
    position = "position"
    playlist_id = "playlist_id"
    country = "country"
    is_private = "is_private"
    received_at = "received_at"


class Listens:
    """listens — one row per play that counted."""

    table = "listens"
    play_id = "play_id"
    listener_id = "listener_id"
    song_id = "song_id"
    listened_at = "listened_at"
    played_ms = "played_ms"
    song_ms = "song_ms"
    outcome = "outcome"
    confidence = "confidence"
    source = "source"
    origin = "origin"
    slate_id = "slate_id"
    position = "position"
    playlist_id = "playlist_id"
    country = "country"
    is_private = "is_private"
    ingested_at = "ingested_at"


class Impressions:
    """impressions — one row per song of a slate that was served."""

    table = "impressions"
    slate_id = "slate_id"
    listener_id = "listener_id"
    served_at = "served_at"
    surface = "surface"
    policy = "policy"
    model = "model"
    version = "version"
    position = "position"
    song_id = "song_id"
    score = "score"
    propensity = "propensity"
    seed = "seed"
    candidates_hash = "candidates_hash"


class Searches:
    """searches — one row per search."""

    table = "searches"
    search_id = "search_id"
    listener_id = "listener_id"
    query = "query"
    kind = "kind"
    results = "results"
    searched_at = "searched_at"
    country = "country"


class ImportedCounts:
    """imported_counts — one row per source, listener and song: plays in all, without times."""

    table = "imported_counts"
    origin = "origin"
    listener_id = "listener_id"
    song_id = "song_id"
    plays = "plays"
    received_at = "received_at"


class Seen:
    """seen — one row per playback event the warehouse holds, by its key."""

    table = "seen"
    play_key = "play_key"
    kind = "kind"
    is_kept = "is_kept"


class Songs:
    """songs — the songs as the catalog last told them."""

    table = "songs"
    song_id = "song_id"
    title = "title"
    artist_id = "artist_id"
    artist = "artist"
    album = "album"
    album_id = "album_id"
    genre = "genre"
    song_ms = "song_ms"
    released_on = "released_on"
    is_explicit = "is_explicit"
    is_everywhere = "is_everywhere"
    regions = "regions"
    is_removed = "is_removed"
    origin = "origin"
    external_id = "external_id"
    version = "version"


class Lyrics:
    """lyrics — how the lyrics of a song begin, one row per language, as the catalog last told them."""

    table = "lyrics"
    song_id = "song_id"
    language = "language"
    opening = "opening"
    version = "version"


class Listeners:
    """listeners — the listeners as the catalog last told them, without anything that names them."""

    table = "listeners"
    listener_id = "listener_id"
    country = "country"
    origin = "origin"
    external_id = "external_id"
    version = "version"


class Playlists:
    """playlists — whether everyone may see a playlist, one row each, as the catalog last told it."""

    table = "playlists"
    playlist_id = "playlist_id"
    is_public = "is_public"
    version = "version"


class Opinions:
    """opinions — what listeners love and hide, one row per listener and song or artist, as the catalog last told it."""

    table = "opinions"
    listener_id = "listener_id"
    kind = "kind"
    target_id = "target_id"
    opinion = "opinion"
    version = "version"


class Follows:
    """follows — whom listeners follow, one row per listener and listener or artist, as the catalog last told it."""

    table = "follows"
    listener_id = "listener_id"
    kind = "kind"
    target_id = "target_id"
    is_following = "is_following"
    version = "version"


class Blocks:
    """blocks — whom listeners block, one row per pair, as the catalog last told it."""

    table = "blocks"
    listener_id = "listener_id"
    blocked_id = "blocked_id"
    is_blocked = "is_blocked"
    version = "version"


class Preferences:
    """preferences — what listeners want to be served, as the catalog last told it."""

    table = "preferences"
    listener_id = "listener_id"
    allows_explicit = "allows_explicit"
    language = "language"
    genres = "genres"
    version = "version"


class Feedback:
    """feedback — what listeners want of their recommendations, one row per listener and song, artist or genre."""

    table = "feedback"
    listener_id = "listener_id"
    kind = "kind"
    target_id = "target_id"
    genre = "genre"
    wish = "wish"
    until = "until"
    version = "version"


class ListenerWords:
    """listener_words — every version of what listeners, or the catalog of them, told, and when it was told."""

    table = "listener_words"
    listener_id = "listener_id"
    what = "what"
    kind = "kind"
    target_id = "target_id"
    genre = "genre"
    value = "value"
    until = "until"
    allows_explicit = "allows_explicit"
    language = "language"
    genres = "genres"
    version = "version"
    told_at = "told_at"


class Interactions:
    """interactions — one row per listener and song with any evidence of liking, and how strong it is."""

    listener_id = "listener_id"
    song_id = "song_id"
    listens = "listens"
    last_listened_at = "last_listened_at"


class SessionNeighbours:
    """session_neighbours — one row per song and each of the songs played most beside it in one sitting, and how much."""

    song_id = "song_id"
    near_id = "near_id"
    weight = "weight"


class SongTexts:
    """song_texts — one row per song: what is said of it in words, and a digest of that."""

    song_id = "song_id"
    text = "text"
    hash = "hash"


class SongVectors:
    """The vectors of a published version, by name: one row per song of the catalog."""

    als = "als"  # what listeners make of it; zeros for a song that nobody has heard
    text = "text"  # what is said of it in words, of length 1
