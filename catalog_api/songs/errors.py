"""What may be wrong with a song that someone asks for, or would like to write."""

from foundation.errors import Problem
from foundation.ids import SongId


class SongNotFound(Problem):
    """The catalog has no song of this id."""

    status, title = 404, "There is no such song"

    def __init__(self, song_id: SongId) -> None:
        super().__init__(f"the catalog has no song {song_id}", song_id=song_id)


class NotTheOwner(Problem):
    """The artist belongs to somebody else."""

    status, title = 403, "Only its owner and administrators may change this"

    def __init__(self, artist_id: int) -> None:
        what = f"the artist {artist_id} is not yours: its owner and administrators may change it, its albums and its songs"
        super().__init__(what, artist_id=artist_id)


class ArtistUnknown(Problem):
    """A body names an artist that there is not."""

    status, title = 422, "There is no such artist"

    def __init__(self, artist_id: int) -> None:
        super().__init__(f"the catalog has no artist {artist_id}", artist_id=artist_id)


class AlbumUnknown(Problem):
    """A body names an album that there is not, or one of another artist."""

    status, title = 422, "The artist has no such album"

    def __init__(self, artist_id: int, album_id: int) -> None:
        what = f"the artist {artist_id} has no album {album_id}"
        super().__init__(what, artist_id=artist_id, album_id=album_id)
