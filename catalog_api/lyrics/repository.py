"""Reads and writes the words of songs."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from catalog_api.artists.tables import Artist
from catalog_api.lyrics.tables import Lyrics
from catalog_api.songs.repository import Owned
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of
from foundation.ids import SongId


class Sung(NamedTuple):
    """The words of a song in one language; `lines` is null where no times are known."""

    language: str
    text: str
    lines: list[dict[str, Any]] | None


async def of(db: Reading, song_id: SongId) -> Sequence[Sung]:
    """The words of a song in every language, in the order of their names."""
    return [Sung(*row) for row in await db.execute(_words(), {"song_id": song_id})]


@cache
def _words() -> Select[*tuple[Any, ...]]:
    lyrics = table_of(Lyrics).c
    words = select(lyrics.language, lyrics.text, lyrics.lines).where(lyrics.song_id == bindparam("song_id"))
    return words.order_by(lyrics.language)


async def song_held(db: Writing, song_id: SongId) -> tuple[Owned, int | None] | None:
    """Whose song it is and its length, held against other changes of its words; None where there is none."""
    held = (
        select(Artist.id, Artist.owner_id, Song.duration_ms)
        .join(Artist, Artist.id == Song.artist_id)
        .where(Song.id == song_id)
        .with_for_update(key_share=True, of=Song)
    )
    row = (await db.execute(held)).one_or_none()
    return None if row is None else (Owned(row[0], row[1]), row[2])


async def write(
    db: Writing, song_id: SongId, language: str, text: str, lines: list[dict[str, Any]] | None, at: datetime
) -> None:
    """Write the words of one language, in the place of those of before."""
    told = {"text": text, "lines": lines, "updated_at": at}
    words = insert(Lyrics).values(song_id=song_id, language=language, **told)
    await db.execute(words.on_conflict_do_update(index_elements=[Lyrics.song_id, Lyrics.language], set_=told))


async def remove(db: Writing, song_id: SongId, language: str) -> bool:
    """Whether there were words in this language to remove."""
    gone = delete(Lyrics).where(Lyrics.song_id == song_id, Lyrics.language == language)
    return (await db.execute(gone.returning(Lyrics.song_id))).scalar() is not None
