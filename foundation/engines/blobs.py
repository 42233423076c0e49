"""Blobs by key, on a local disk or on S3: whatever is too large or too opaque for a row."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.exceptions import GenericError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from foundation.engines.disk import make_directory, replace_file, sync_directory
from foundation.errors import Problem, Unconfigured, Unreachable

if TYPE_CHECKING:  # obstore has these names for type checkers only
    from obstore.store import S3Config

MISSING = (NotFoundError, FileNotFoundError)
PIECE = 2**20  # bytes
LONGEST_NAME = 200  # of one segment; file systems end at 255 bytes, and an unfinished file has a longer name


class BlobMissing(Problem):
    """A key under which nothing is kept."""

    status: ClassVar[int] = 404
    title: ClassVar[str] = "There is no such blob"


class BadKey(Problem):
    """A key that would leave the store, or that some store could not name."""

    status: ClassVar[int] = 422
    title: ClassVar[str] = "This is no key for a blob"


@dataclass(frozen=True, slots=True)
class Blobs:
    """Bytes by key. A put is seen whole or not at all, and is durable on return."""

    store: LocalStore | S3Store
    directory: Path | None = None  # of a local store, which renames into place but never syncs: we do

    def put(self, key: str, data: bytes | IO[bytes]) -> None:
        """Keeps `data`, bytes or a file's rest, under `key` in place of what was there; of a file a piece at a time."""
        checked_key(key)
        if self.directory is None:
            with _reachable():
                obstore.put(self.store, key, data)
            return
        try:
            replace_file(self.directory / key, data)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            raise BadKey("a key cannot lie under another, nor another under it", key=key) from None

    def read(self, key: str) -> bytes:
        """What is kept under `key`. Raises BlobMissing."""
        checked_key(key)
        if self.directory is None or self.exists(key):
            with suppress(*MISSING), _reachable():
                return obstore.get(self.store, key).bytes().to_bytes()
        raise BlobMissing(f"there is no blob {key}", key=key)

    def fetch(self, key: str, path: Path) -> None:
        """Writes what is kept under `key` to a file, a piece at a time. Raises BlobMissing."""
        checked_key(key)
        if self.directory is None or self.exists(key):
            with suppress(*MISSING), _reachable():
                pieces = obstore.get(self.store, key).stream(min_chunk_size=PIECE)
                with path.open("wb") as file:
                    for piece in pieces:
                        file.write(piece)
                return
        raise BlobMissing(f"there is no blob {key}", key=key)

    def exists(self, key: str) -> bool:
        """Whether something is kept under `key`."""
        checked_key(key)
        if self.directory is not None:  # obstore raises three kinds of error for a file that is not there
            return (self.directory / key).is_file()
        try:
            with _reachable():
                obstore.head(self.store, key)
        except MISSING:
            return False
        return True

    def keys(self, prefix: str = "") -> list[str]:
        """Every key under a prefix of whole segments, ascending; the empty prefix is everything."""
        inside = checked_key(prefix.rstrip("/")) if prefix else None
        with _reachable():
            return sorted(blob["path"] for page in obstore.list(self.store, inside) for blob in page)

    def delete(self, prefix: str) -> int:
        """Deletes the blob of that key and all under it; gives how many. Deleting nothing is no error."""
        doomed = [*self.keys(prefix), *([prefix] if self.exists(prefix) else [])]
        if doomed:
            with _reachable():
                obstore.delete(self.store, doomed)
        if self.directory is not None:
            self._forget(self.directory / prefix)
        return len(doomed)

    def _forget(self, path: Path) -> None:
        """Removes the directory with any upload that was cut off in it, and makes the deletion durable."""
        shutil.rmtree(path, ignore_errors=True)
        with suppress(FileNotFoundError):
            sync_directory(path.parent)


@contextmanager
def _reachable() -> Iterator[None]:
    """Turns what a store does not say of itself, but of the way to it, into Unreachable."""
    try:
        yield
    except (GenericError, PermissionDeniedError, UnauthenticatedError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise Unreachable(f"the blob store does not answer: {reason}", engine="blobs") from error


def open_blobs(url: str) -> Blobs:
    """The store a URL names: `file:///DIRECTORY`, or `s3://BUCKET[/PREFIX][?region=…&endpoint=…]`.

    S3 credentials and region come from the usual AWS_… variables, which obstore reads; the query of the URL
    sets any of its options by name. Raises Unconfigured for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.query:
        directory = Path(unquote(f"{parts.netloc}{parts.path}")).resolve()
        make_directory(directory)
        return Blobs(LocalStore(directory), directory)
    if parts.scheme == "s3" and parts.hostname:
        options = dict(parse_qsl(parts.query))
        is_plain = options.get("endpoint", "").startswith("http://")
        config = cast("S3Config", options)
        prefix = parts.path.strip("/") or None
        return Blobs(
            S3Store(parts.hostname, prefix=prefix, client_options={"allow_http": is_plain}, config=config)
        )
    raise Unconfigured(
        "blobs are at file:///DIRECTORY or s3://BUCKET/PREFIX", url=url.split("?", maxsplit=1)[0]
    )


def checked_key(key: str) -> str:
    """The key, when it names the same blob in every store. Raises BadKey.

    >>> checked_key("bundles/7/songs.parquet")
    'bundles/7/songs.parquet'
    """
    segments = key.split("/")
    is_plain = all(
        segment not in {"", ".", ".."} and "#" not in segment and len(segment.encode()) <= LONGEST_NAME
        for segment in segments
    )
    if not is_plain or not key.isprintable() or "\\" in key:
        raise BadKey("a key is names with single slashes between them, without dots alone, # or \\", key=key)
    return key
