"""A copy of all that the catalog keeps of one person, as a zip of JSON and CSV.

It is written to a file that has no name and streamed from there: of a long history no more than a piece is ever in
memory, and the database waits for no slow client. All of it is from one moment.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from catalog_api.account_data import repository
from catalog_api.listeners.errors import ListenerNotFound
from foundation.engines.disk import room_for
from foundation.engines.postgres import Postgres, Reading
from foundation.ids import UserId

STATEMENTS = Path(__file__).parent / "statements"
CHUNK = 256 * 1024  # bytes of an answer's pieces

ABOUT = """\
This is everything that Segue keeps of the account {user_id} ({name}), as of {at:%Y-%m-%d %H:%M:%S} UTC.
Times are in UTC. JSON files are UTF-8; CSV files are UTF-8 with commas, and their first line names the columns.

{files}

What is not here:
- Digests of your password and of the tokens that keep you signed in, which tell nobody anything.
- The answers that are kept for a day by the Idempotency-Key with which you asked.
- The images of album covers, which are where GET /api/v1/albums/ID says.
- In the warehouse (ClickHouse): each start, each play that ended before it was a listen, and the listens of private
  sessions, with their times, the country they came from and the list of recommendations they were chosen from; what
  your country, preferences, follows, opinions, blocks and feedback were before you changed them; and, where your account
  came with an import, how often you had played each song, where the source gave no times.
- In Redis: what recommendations are made from at once, which are your last 120 songs, the songs that you have heard, and
  copies of your preferences, follows, opinions and blocks; and your mixes of today and of this week.
- In models: numbers of your taste, computed from your listens.
All of it goes with your account when you delete it: DELETE /api/v1/me.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the zip, filled by the statement of the same name, whose first line says what it is."""

    name: str
    form: Literal["object", "list", "table"]

    @property
    def file(self) -> str:
        """
        >>> Part("listening_history", "table").file
        'listening_history.csv'
        """
        return f"{self.name}.{'csv' if self.form == 'table' else 'json'}"

    @property
    def statement(self) -> str:
        return (STATEMENTS / f"{self.name}.sql").read_text()

    @property
    def sentence(self) -> str:
        return self.statement.split("\n", maxsplit=1)[0].removeprefix("-- ")


PARTS = (
    Part("profile", "object"),
    Part("preferences", "object"),
    Part("other_names", "list"),
    Part("sessions", "list"),
    Part("subscriptions", "list"),
    Part("playlists", "list"),
    Part("shared_playlists", "list"),
    Part("follows", "list"),
    Part("opinions", "list"),
    Part("blocks", "list"),
    Part("shares", "list"),
    Part("activities", "table"),
    Part("listening_history", "table"),
    Part("history_imports", "list"),
    Part("artists", "list"),
    Part("songs", "list"),
)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One more file, of what another part of the platform keeps of a person."""

    name: str
    sentence: str
    of: Callable[[UserId], Awaitable[bytes]]  # as JSON. Raises Unreachable

    @property
    def file(self) -> str:
        return f"{self.name}.json"


@dataclass(frozen=True, slots=True)
class Export:
    """Makes such copies."""

    postgres: Postgres
    others: Sequence[Elsewhere] = ()

    async def of(self, user_id: UserId, at: datetime) -> IO[bytes]:
        """The zip, to be read from its beginning and closed by the caller.

        Raises ListenerNotFound, Unreachable, and NoRoom where the disk is full.
        """
        told_elsewhere = [(each, await each.of(user_id)) for each in self.others]
        file = TemporaryFile()  # noqa: SIM115 - it outlives this call
        try:
            with room_for("the export"):
                async with self.postgres.reading() as db:
                    await repository.hold_still(db)
                    name = await repository.name_of(db, user_id)
                    if name is None:
                        raise ListenerNotFound(f"nobody has the id {user_id}", user_id=user_id)
                    await self._fill(file, db, user_id, name, at)
                await asyncio.to_thread(_append, file, told_elsewhere, at)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    async def _fill(self, file: IO[bytes], db: Reading, user_id: UserId, name: str, at: datetime) -> None:
        parts: Sequence[Part | Elsewhere] = (*PARTS, *self.others)
        files = "\n".join(f"{part.file}\n    {part.sentence}" for part in parts)
        about = ABOUT.format(user_id=user_id, name=name, at=at, files=files)
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            archive.writestr(_entry("README.txt", at), about)
            for part in PARTS:
                # zip64: nobody knows yet how long a history is
                with archive.open(_entry(part.file, at), "w", force_zip64=True) as member:
                    async for piece in _pieces(part, db, user_id):
                        await asyncio.to_thread(member.write, piece)


def _append(file: IO[bytes], told: Sequence[tuple[Elsewhere, bytes]], at: datetime) -> None:
    if told:
        with ZipFile(file, "a", ZIP_DEFLATED) as archive:
            for each, content in told:
                archive.writestr(_entry(each.file, at), content)


async def pieces_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    """The file's content, which is closed at the end."""
    try:
        while piece := await asyncio.to_thread(file.read, CHUNK):
            yield piece
    finally:
        file.close()


async def _pieces(part: Part, db: Reading, user_id: UserId) -> AsyncIterator[bytes]:
    """A file of the zip, piece by piece."""
    if part.form == "table":
        async for columns, rows in repository.rows(db, part.statement, user_id):
            yield await asyncio.to_thread(_as_csv, columns, rows)
        return
    if part.form == "object":
        told = [text async for texts in repository.documents(db, part.statement, user_id) for text in texts]
        yield (told[0] if told else "null").encode() + b"\n"
        return
    before = "[\n"
    async for texts in repository.documents(db, part.statement, user_id):
        yield (before + ",\n".join(texts)).encode()
        before = ",\n"
    yield b"\n]\n" if before != "[\n" else b"[]\n"


def _as_csv(columns: Sequence[str] | None, rows: Sequence[Sequence[Any]]) -> bytes:
    """
    >>> _as_csv(["played_at", "title"], [(None, "a, b")]).decode().splitlines()
    ['played_at,title', ',"a, b"']
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if columns is not None:
        writer.writerow(columns)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _entry(name: str, at: datetime) -> ZipInfo:
    entry = ZipInfo(name, at.timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    return entry
