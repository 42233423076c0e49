"""The words of songs: read through the cache, written by who owns the song."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from catalog_api.lyrics import repository
from catalog_api.lyrics.errors import LyricsNotFound, LyricsTooLong, NoWords
from catalog_api.lyrics.languages import UNKNOWN
from catalog_api.lyrics.lrc import TooManyLines, Words, in_seconds, parsed
from catalog_api.lyrics.opening import opening_of
from catalog_api.lyrics.repository import Sung
from catalog_api.lyrics.schemas import LineOut, LyricsIn, LyricsOut
from catalog_api.outbox.repository import tell
from catalog_api.songs.editing import check_owner
from catalog_api.songs.errors import SongNotFound
from foundation.cache import Cache, Kind
from foundation.clock import Clock, microseconds
from foundation.contracts.events import LyricsChanged
from foundation.engines.postgres import Postgres, Writing
from foundation.ids import SongId
from foundation.security import Principal

LYRICS = Kind(
    "lyrics", "song:{}:lyrics", timedelta(hours=1)
)  # in all languages: a few, and they change together

_kept = TypeAdapter(list[LyricsOut])


@dataclass(frozen=True, slots=True)
class Lyrics:
    """The words that there are."""

    postgres: Postgres
    cache: Cache

    async def of(self, song_id: SongId, language: str | None) -> LyricsOut:
        """The words in this language; where none is named, those that tell times first. Raises LyricsNotFound."""
        kept = await self.cache.of(LYRICS, LYRICS.key(song_id), lambda: self._made(song_id))
        if kept is None:
            raise LyricsNotFound(song_id, language)
        for words in _kept.validate_json(kept.body):
            if language in {None, words.language}:
                return words
        raise LyricsNotFound(song_id, language)

    async def _made(self, song_id: SongId) -> bytes | None:
        async with self.postgres.reading() as db:
            found = await repository.of(db, song_id)
        if not found:
            return None
        languages = [_name(sung.language) for sung in found]
        told = [_out(song_id, sung, languages) for sung in found]
        # The first is given to who names no language: one that can be followed while it is sung, and of those
        # rather one whose language is known.
        told.sort(key=lambda words: (not words.is_timed, words.language == UNKNOWN, words.language))
        return _kept.dump_json(told)


@dataclass(frozen=True, slots=True)
class LyricsEditor:
    """Writes words in one request."""

    db: Writing
    cache: Cache
    now: Clock

    async def write(self, asking: Principal, song_id: SongId, language: str, told: LyricsIn) -> LyricsOut:
        """The words as they are now told. Raises SongNotFound, NotTheOwner, NoWords, LyricsTooLong."""
        song_ms = await self._hold(asking, song_id)
        try:
            words = parsed(told.lrc, song_ms) if told.lrc is not None else Words(told.text or "")
        except TooManyLines as error:
            raise LyricsTooLong(str(error)) from error
        if not words.text.strip():
            raise NoWords("there is no line with words in these lyrics")
        sung = Sung(_code(language), words.text, in_seconds(words.lines))
        at = self.now()
        await repository.write(self.db, song_id, *sung, at)
        await self._tell(song_id, sung.language, opening_of(words.text), at)
        languages = [_name(other.language) for other in await repository.of(self.db, song_id)]
        return _out(song_id, sung, languages)

    async def remove(self, asking: Principal, song_id: SongId, language: str) -> None:
        """Take the words out; where there are none, nothing happens. Raises SongNotFound, NotTheOwner."""
        await self._hold(asking, song_id)
        if await repository.remove(self.db, song_id, _code(language)):
            await self._tell(song_id, _code(language), "", self.now())

    async def _hold(self, asking: Principal, song_id: SongId) -> int | None:
        """The song's length, once nobody else changes its words."""
        held = await repository.song_held(self.db, song_id)
        if held is None:
            raise SongNotFound(song_id)
        artist, song_ms = held
        check_owner(asking, artist)
        return song_ms

    async def _tell(self, song_id: SongId, language: str, opening: str, at: datetime) -> None:
        version = microseconds(at)
        await tell(
            self.db, LyricsChanged(song_id=song_id, language=language, opening=opening, version=version)
        )
        await self.cache.change(self.db, LYRICS.key(song_id))


def _out(song_id: SongId, sung: Sung, languages: list[str]) -> LyricsOut:
    if sung.lines is None:
        lines = [LineOut(text=line.strip()) for line in sung.text.splitlines() if line.strip()]
    else:
        lines = [LineOut(**line) for line in sung.lines]
    return LyricsOut(
        song_id=song_id,
        language=_name(sung.language),
        languages=languages,
        is_timed=sung.lines is not None,
        lyrics=lines,
    )


def _name(language: str) -> str:
    return language or UNKNOWN


def _code(language: str) -> str:
    return "" if language == UNKNOWN else language
