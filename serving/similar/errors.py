"""Why songs like another may not be told."""

from foundation.errors import Problem
from foundation.ids import ArtistId, SongId


class UnknownSong(Problem):
    """The published version has no song of this id."""

    status, title = 404, "There is no such song"

    def __init__(self, song_id: SongId, version: str) -> None:
        super().__init__(
            f"there is no song {song_id} in the published version {version}; "
            "a song that is new in the catalog is in the next one",
            song_id=song_id,
            version=version,
        )


class UnknownArtist(Problem):
    """The published version has no song of this artist."""

    status, title = 404, "There is no such artist"

    def __init__(self, artist_id: ArtistId, version: str) -> None:
        super().__init__(
            f"there is no artist {artist_id} in the published version {version}",
            artist_id=artist_id,
            version=version,
        )


class NothingPublished(Problem):
    """No version has been published yet, or the one that serves here has just been replaced."""

    status, title = 503, "There is nothing to compare songs by yet"
