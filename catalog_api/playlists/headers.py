"""Versions in the headers of requests and answers."""

from typing import Annotated, TypeAlias

from fastapi import Header, Response

IfMatch: TypeAlias = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1_000,
        description="The version, or the ETag, that the change must meet; otherwise 409. Left out: whatever is there.",
        examples=['"4"'],
    ),
]


def name_version(response: Response, version: int) -> None:
    """Let the ETag of an answer to a change be the version that it made."""
    response.headers["ETag"] = f'"{version}"'
