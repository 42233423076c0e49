"""Files that are too large for memory: the whole body, or the one file of a form, written to disk as it comes."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Annotated

import anyio
from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from foundation.engines.disk import room_for
from foundation.http.idempotency import Fingerprint
from foundation.http.identity import identified
from foundation.http.problems import InvalidRequest
from foundation.http.route import Route

FORM, ANY = "multipart/form-data", "application/octet-stream"
_BINARY = {"type": "string", "format": "binary"}
BODY = {
    "required": True,
    "content": {
        FORM: {"schema": {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}},
        ANY: {"schema": _BINARY},
    },
}
"""What the document says of such a body."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, on disk under no name: it is gone when it is closed."""

    file: IO[bytes]
    name: str  # as a form calls it, else ""
    size: int  # bytes
    digest: bytes  # SHA-256


async def received(request: Request) -> Upload:
    """The file of a request, read once however often it is asked for. Raises InvalidRequest, RequestTooLarge, NoRoom."""
    known: Upload | None = getattr(request.state, "upload", None)
    if known is None:
        with room_for("the file"):
            is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
            file, name = await (_of_form(request) if is_form else _whole(request))
            known = request.state.upload = await anyio.to_thread.run_sync(_measured, file, name)
    return known


async def _uploaded(request: Request) -> AsyncIterator[Upload]:
    upload = await received(request)
    try:
        yield upload
    finally:
        upload.file.close()


Uploaded = Annotated[Upload, Depends(_uploaded)]
"""The file of a request. Ask for it behind who is asking, and before a session: it may take minutes to come."""


async def _fingerprint(request: Request) -> bytes:
    """Of the file and the query; who has no valid token is refused without a byte being read."""
    if identified(request.scope) is None:
        return b""
    return (await received(request)).digest + request.url.query.encode()


class UploadRoute(Route):
    """The route of an endpoint that takes `Uploaded`."""

    fingerprint: Fingerprint = staticmethod(_fingerprint)


async def _whole(request: Request) -> tuple[IO[bytes], str]:
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - it outlives this call
    try:
        async for piece in request.stream():
            await anyio.to_thread.run_sync(file.write, piece)
    except BaseException:
        file.close()
        raise
    return file, ""


async def _of_form(request: Request) -> tuple[IO[bytes], str]:
    form = await request.form(max_files=1, max_fields=0)
    sent = form.get("file")
    if not isinstance(sent, UploadFile):
        what = "send a form with one file, named file"
        raise InvalidRequest(f"body.file: {what}", errors=[{"where": "body.file", "what": what}])
    return sent.file, sent.filename or ""


def _measured(file: IO[bytes], name: str) -> Upload:
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(2**20):
        digest.update(piece)
    size = file.tell()
    file.seek(0)
    return Upload(file, name, size, digest.digest())
