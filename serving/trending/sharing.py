"""What one process of a host asked the warehouse for its charts, told to the others in a folder, so that it is asked once.

A file is replaced by a rename: it is there whole, or it is not there. Whatever cannot be read, is of other code or of another
warehouse tells nothing, and who finds nothing asks the warehouse. Times are those of the host's clock.
"""

import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
import pyarrow as pa

from serving.trending.counting import SQL
from serving.trending.schemas import Of

log = logging.getLogger(__name__)

KEPT = 10.0  # seconds that what a look found stays there; who was away for longer asks for it
NEWEST, MOVES = "newest", "moves"
NOTHING = pa.table({})
_WHAT = b"segue"  # the key under which an Arrow file says what it is
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A look at what is new: from one block of `fresh_listens` to another, which was the newest then."""

    position: int
    newest: int
    at: datetime  # when it was asked
    took: float  # seconds
    ahead: float  # seconds that the warehouse's clock is ahead of the host's
    is_over: bool = False  # nobody can be moved by it: what was before `newest` must be counted


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How the charts of a unit were counted, or that it failed."""

    at: datetime  # when it began
    took: float  # seconds
    looked_at: datetime | None = None  # the last look before
    told: dict[str, str | int | float] = {}  # the parameters of `chart_cells`
    totals: tuple[int, int] = (0, 0)
    has_failed: bool = False


class _Told(msgspec.Struct, frozen=True):
    name: str
    edition: str
    rows: dict[str, int]  # how many of the table are of each part of it
    what: msgspec.Raw


Struct = TypeVar("Struct", Look, Count)
_Version: TypeAlias = tuple[int, int, int]


class Sharing:
    """A folder of one host that its processes share; without a folder nothing is shared, and everyone is alone."""

    def __init__(self, folder: Path | None = None, of: str = "") -> None:
        """`of` says what is asked and with which settings: only those who ask the same believe each other."""
        self._folder = folder
        self._heads: dict[str, tuple[_Version, Look | Count | None]] = {}  # of files that were of no use yet
        self._edition = "" if folder is None else _edition(of)

    @contextmanager
    def alone(self, doing: Literal["looking", "counting"]) -> Iterator[bool]:
        """Whether no other process does it now, and none will until the block, or this process, ends."""
        descriptor = self._opened(doing)
        try:
            yield descriptor is None or _is_locked(descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def newest(self) -> Look | None:
        """The last look that was told."""
        if self._folder is None:
            return None
        with suppress(OSError, msgspec.DecodeError):
            found = self._understood(NEWEST, (self._folder / NEWEST).read_bytes(), Look)
            return None if found is None else found[0]
        return None

    def moves(self, position: int, after: datetime) -> tuple[Look, pa.Table] | None:
        """What a look from this block, asked after a moment, found."""
        found = self._read(f"look-{position}", Look, lambda look: look.at > after)
        return None if found is None else (found[0], found[1][MOVES])

    def counted(
        self, unit: str, is_usable: Callable[[Count], bool]
    ) -> tuple[Count, dict[Of, pa.Table]] | None:
        """How a unit was counted last, and the lists, where they are of use."""
        return self._read(f"count-{unit}", Count, is_usable)

    def tell_look(self, look: Look, moves: pa.Table) -> None:
        """Tell the others. Where that fails, they ask for themselves."""
        if self._folder is not None:
            with _telling(self._folder):
                if look.newest != look.position:
                    self._write(self._folder / f"look-{look.position}", look, {MOVES: moves})
                    _forget_looks(self._folder, f"look-{look.position}")
                _replace(self._folder / NEWEST, self._told(NEWEST, look, {}))

    def tell_count(self, unit: str, count: Count, lists: Mapping[Of, pa.Table]) -> None:
        """The same."""
        if self._folder is not None:
            with _telling(self._folder):
                self._write(self._folder / f"count-{unit}", count, lists)

    def _told(self, name: str, what: Look | Count, rows: Mapping[str, int]) -> bytes:
        return msgspec.json.encode(
            _Told(name, self._edition, dict(rows), msgspec.Raw(msgspec.json.encode(what)))
        )

    def _understood(self, name: str, told: bytes, kind: type[Struct]) -> tuple[Struct, dict[str, int]] | None:
        found = msgspec.json.decode(told, type=_Told)
        if (found.name, found.edition) != (name, self._edition):
            return None
        return msgspec.json.decode(found.what, type=kind), found.rows

    def _read(
        self, name: str, kind: type[Struct], is_wanted: Callable[[Struct], bool]
    ) -> tuple[Struct, dict[Any, pa.Table]] | None:
        if self._folder is None:
            return None
        path = os.path.join(self._folder, name)  # noqa: PTH118 - asked for dozens of files several times a second
        try:
            version = _version(path)
            known, head = self._heads.get(name, (None, None))
            if known == version and not (isinstance(head, kind) and is_wanted(head)):
                return None
            with pa.OSFile(path) as file, pa.ipc.open_file(file) as told:
                found = self._understood(name, told.schema.metadata[_WHAT], kind)
                if found is None or not is_wanted(found[0]):
                    self._heads[name] = version, found[0] if found else None
                    return None
                self._heads.pop(name, None)
                table = told.read_all()
            table.validate(full=True)
            starts = accumulate(found[1].values(), initial=0)
            parts = zip(found[1].items(), starts, strict=False)
            return found[0], {part: table.slice(start, rows) for (part, rows), start in parts}
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - in whatever way a file is damaged, it tells nothing
            log.debug("%s is not understood: %s", name, error)
            return None

    def _write(self, path: Path, what: Look | Count, parts: Mapping[Any, pa.Table]) -> None:
        rows = {part: len(table) for part, table in parts.items()}
        table = pa.concat_tables(parts.values() or [NOTHING])
        table = table.replace_schema_metadata({_WHAT: self._told(path.name, what, rows)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema, options=_PACKED) as file:
            file.write_table(table)
        _replace(path, sink.getvalue())

    def _opened(self, lock: str) -> int | None:
        if self._folder is None:
            return None
        try:
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            return os.open(self._folder / f"{lock}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None


@dataclass(slots=True)
class Patience:
    """How long to wait for a process that keeps others from asking and tells nothing: it may have stopped."""

    most: float  # seconds
    _since: float | None = None

    def ends(self, now: float, *, is_alone: bool) -> bool:
        """Whether to ask: alone at once, else when this was so long in vain."""
        if is_alone:
            self.begin_anew()
            return True
        self._since = now if self._since is None else self._since
        return now - self._since > self.most

    def begin_anew(self) -> None:
        """Something was told."""
        self._since = None


@contextmanager
def _telling(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.warning("nothing is told to other processes in %s: %s", folder, error.strerror)


def _replace(path: Path, content: bytes | pa.Buffer) -> None:
    """Not synced: after a power cut nobody stands where these files begin."""
    unfinished = path.with_name(
        f"{path.name.partition('-')[0]}.unfinished"
    )  # whoever is killed leaves one of a kind
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _version(path: str) -> _Version:
    """Another one each time that the file is replaced."""
    told = os.stat(path)  # noqa: PTH116 - as above
    return told.st_ino, told.st_mtime_ns, told.st_size


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _forget_looks(folder: Path, newest: str) -> None:
    """Those older than the newest by KEPT, or newer, where the clock was set back."""
    with os.scandir(folder) as entries:
        written = {each.name: each.stat().st_mtime for each in entries if each.name.startswith("look-")}
    for name, at in written.items():
        if abs(written[newest] - at) > KEPT:
            (folder / name).unlink(missing_ok=True)


def _edition(of: str) -> str:
    """Differs where anything that could make an answer differ does."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    told = [of, *SQL, *(source.read_text() for source in sources)]
    return hashlib.blake2b("\0".join(told).encode(), digest_size=16).hexdigest()
