"""What may be wrong with a song that someone asks for."""

from foundation.errors import Problem
from foundation.ids import SongId


class SongNotFound(Problem):
    """The catalog has no song of this id."""

    status, title = 404, "There is no such song"

    def __init__(self, song_id: SongId) -> None:
        super().__init__(f"the catalog has no song {song_id}", song_id=song_id)
