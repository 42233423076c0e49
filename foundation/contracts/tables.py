"""Column names of the warehouse, shared by whoever writes a table and whoever reads it."""


class PlaybackEvents:
    """playback_events — one row per told start or end of a play."""

    table = "playback_events"
    play_id = "play_id"
    kind = "kind"
    listener_id = "listener_id"
    song_id = "song_id"
    started_at = "started_at"
    played_ms = "played_ms"
    song_ms = "song_ms"
    source = "source"
    origin = "origin"
    slate_id = "slate_id"
    position = "position"
    received_at = "received_at"


class Listens:
    """listens — one row per play that counted."""

    table = "listens"
    play_id = "play_id"
    listener_id = "listener_id"
    song_id = "song_id"
    listened_at = "listened_at"
    played_ms = "played_ms"
    source = "source"
    origin = "origin"
    slate_id = "slate_id"
    position = "position"


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
    genre = "genre"
    song_ms = "song_ms"
    released_on = "released_on"
    origin = "origin"
    external_id = "external_id"
    version = "version"


class Listeners:
    """listeners — the listeners as the catalog last told them, without anything that names them."""

    table = "listeners"
    listener_id = "listener_id"
    country = "country"
    origin = "origin"
    external_id = "external_id"
    version = "version"


class Interactions:
    """interactions — one row per listener and song with any evidence of liking, and how strong it is."""

    listener_id = "listener_id"
    song_id = "song_id"
    listens = "listens"
    last_listened_at = "last_listened_at"
