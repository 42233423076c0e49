"""What may be wrong with an artist whom someone asks for."""

from foundation.errors import Problem
from foundation.ids import ArtistId


class ArtistNotFound(Problem):
    """The catalog has no artist of this id."""

    status, title = 404, "There is no such artist"

    def __init__(self, artist_id: ArtistId) -> None:
        super().__init__(f"the catalog has no artist {artist_id}", artist_id=artist_id)


class ArtistNotEmpty(Problem):
    """Songs or albums are theirs."""

    status, title = 409, "This artist has songs or albums"

    def __init__(self, artist_id: ArtistId) -> None:
        what = f"remove the songs and albums of the artist {artist_id} first"
        super().__init__(what, artist_id=artist_id)


class OwnerUnknown(Problem):
    """A body names an owner who is nobody."""

    status, title = 422, "There is no such listener"

    def __init__(self, user_id: int) -> None:
        super().__init__(f"nobody has the id {user_id}", user_id=user_id)
