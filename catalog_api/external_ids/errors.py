"""What may be wrong with an id of another source."""

from foundation.errors import Problem


class ExternalIdTaken(Problem):
    """The id belongs to another song, artist or album."""

    status, title = 409, "This external id belongs to something else"

    def __init__(self, kind: str, source: str, external_id: str) -> None:
        what = f"the {source} id {external_id} belongs to another {kind}"
        super().__init__(what, source=source, external_id=external_id)


class ExternalIdUnknown(Problem):
    """Nothing here is called so."""

    status, title = 404, "Nothing here has this external id"

    def __init__(self, kind: str, source: str, external_id: str) -> None:
        what = f"no {kind} here has the {source} id {external_id}"
        super().__init__(what, source=source, external_id=external_id)
