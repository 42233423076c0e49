"""What may be wrong with a listen that someone names."""

from uuid import UUID

from foundation.errors import Problem


class ListenNotFound(Problem):
    """The listener's history holds no such listen."""

    status, title = 404, "There is no such listen"

    def __init__(self, play_id: UUID) -> None:
        super().__init__(f"your history holds no listen {play_id}", play_id=str(play_id))
