"""What may be wrong with an album or its cover."""

from foundation.errors import Problem
from foundation.ids import AlbumId


class AlbumNotFound(Problem):
    """The catalog has no album of this id."""

    status, title = 404, "There is no such album"

    def __init__(self, album_id: AlbumId) -> None:
        super().__init__(f"the catalog has no album {album_id}", album_id=album_id)


class AlbumNotEmpty(Problem):
    """Songs are on it."""

    status, title = 409, "This album has songs"

    def __init__(self, album_id: AlbumId) -> None:
        what = f"songs are on the album {album_id}: remove them, or change their album, and then this"
        super().__init__(what, album_id=album_id)


class CoverNotFound(Problem):
    """There is no cover at this address."""

    status, title = 404, "There is no such cover"


class CoverTypeUnknown(Problem):
    """The body is of a kind that covers are not made of."""

    status, title = 415, "A cover is image/jpeg, image/png or image/webp"


class InvalidCover(Problem):
    """The body is no image, or one that makes no cover."""

    status, title = 422, "This image makes no cover"
