"""What may be wrong with an export or a deletion that someone asks for."""

from uuid import UUID

from foundation.errors import Problem


class DeletionNotFound(Problem):
    """No deletion has this id."""

    status, title = 404, "There is no such deletion"

    def __init__(self, deletion_id: UUID) -> None:
        super().__init__(f"there is no deletion {deletion_id}", deletion_id=str(deletion_id))


class PasswordNeeded(Problem):
    """An account with a password is deleted by who knows it: a token alone may have been found."""

    status, title = 403, "This needs the password of the account"
