"""What may be wrong with a genre."""

from foundation.errors import Problem


class GenreNotFound(Problem):
    """There is no genre of this name."""

    status, title = 404, "There is no such genre"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no genre {name}; GET /api/v1/genres lists all", genre=name)


class GenreUnknown(Problem):
    """A body names a genre that there is not."""

    status, title = 422, "There is no such genre"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no genre {name}; GET /api/v1/genres lists all", genre=name)


class GenreExists(Problem):
    """The genre is there already."""

    status, title = 409, "There is such a genre already"

    def __init__(self, name: str) -> None:
        super().__init__(f"the genre {name} is there already", genre=name)


class GenreInUse(Problem):
    """Songs, or genres that are kinds of it, still name it."""

    status, title = 409, "This genre is in use"

    def __init__(self, name: str) -> None:
        super().__init__(f"songs or other genres name {name}: change them first", genre=name)
