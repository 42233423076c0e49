"""The zips in which services hand out histories: what of them is history, unpacked beside nothing else."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile, ZipInfo, is_zipfile

from catalog_api.imports import endsong, listenbrainz, streaming_history
from catalog_api.imports.errors import BrokenFile, NothingToImport

LARGEST = 4 * 2**30  # bytes of all files together: a century of listening takes less
_CHUNK = 2**20


def is_one(path: Path) -> bool:
    """Whether the file is a zip."""
    return path.suffix.lower() == ".zip" and is_zipfile(path)


@contextmanager
def unpacked(path: Path, most: int = LARGEST) -> Iterator[Path]:
    """A folder with the files of a zip that a reader of histories knows, there until the block ends.

    Raises BrokenFile for a zip that is damaged, and NothingToImport for one that holds nothing of it, or more than `most`
    bytes: a file of it is read no further than it says it is long.
    """
    with TemporaryDirectory(prefix="segue-import-") as folder:
        try:
            with ZipFile(path) as archive:
                members = [(member, name) for member in archive.infolist() if (name := _place_of(member))]
                if sum(member.file_size for member, _ in members) > most:
                    raise NothingToImport(
                        f"{path.name} holds more than {most / 2**30:.3g} GiB", path=str(path)
                    )
                for member, name in members:
                    _unpack(archive, member, Path(folder, name))
        except (BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise BrokenFile(path, 1, f"this zip is damaged: {error}") from error
        yield Path(folder)


def _unpack(archive: ZipFile, member: ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as packed, target.open("wb") as file:
        while part := packed.read(_CHUNK):
            file.write(part)


def _place_of(member: ZipInfo) -> str | None:
    """Where a file of the zip belongs; None for what is no history. Nothing of its own path is trusted."""
    parts = PurePosixPath(member.filename).parts
    if member.is_dir() or not parts:
        return None
    if any(fnmatchcase(parts[-1], pattern) for pattern in endsong.PATTERNS + streaming_history.PATTERNS):
        return parts[-1]
    if fnmatchcase("/".join(parts[-3:]), listenbrainz.OF_EXPORT) and ".." not in parts:
        return str(Path("listens", parts[-2], f"{parts[-2]}-{parts[-1]}"))
    return None
