"""Why an import of somebody's history does not begin, is not found, or has failed."""

from uuid import UUID

from foundation.errors import Problem


class HistoryImportNotFound(Problem):
    """The listener has asked for no import of this id."""

    status, title = 404, "There is no such import"

    def __init__(self, import_id: UUID) -> None:
        super().__init__(f"you have asked for no import {import_id}", import_id=str(import_id))


class TooManyHistoryImports(Problem):
    """The listener has other imports that are not over."""

    status, title = 409, "Your other imports come first"


class HistoryImportFailed(Problem):
    """The process that read the file ended again and again: the file takes more memory than one import may have."""

    status, title = 422, "This file could not be read"
