"""Lyrics over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from catalog_api.lyrics.errors import LyricsNotFound, LyricsTooLong, NoWords
from catalog_api.lyrics.schemas import LANGUAGE, LyricsIn, LyricsOut
from catalog_api.lyrics.service import Lyrics, LyricsEditor
from catalog_api.songs.errors import NotTheOwner, SongNotFound
from foundation.errors import Unreachable
from foundation.http.inputs import Id
from foundation.http.principal import Anyone, Listener
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.sessions import Writes
from foundation.ids import SongId

router = APIRouter(tags=["lyrics"], route_class=Route)

_DESCRIPTION = "ISO 639-1, or `und` where the language is not known."
LanguagePath = Annotated[str, Path(pattern=LANGUAGE, description=_DESCRIPTION, examples=["en"])]
LanguageQuery = Annotated[str | None, Query(pattern=LANGUAGE, description=_DESCRIPTION, examples=["en"])]


async def _lyrics(request: Request) -> Lyrics:
    return Lyrics(request.app.state.postgres, request.app.state.cache)


async def _editor(db: Writes, request: Request) -> LyricsEditor:
    return LyricsEditor(db, request.app.state.cache, request.app.state.now)


ReadingLyrics = Annotated[Lyrics, Depends(_lyrics)]
WritingLyrics = Annotated[LyricsEditor, Depends(_editor)]


@router.get("/songs/{song_id}/lyrics", responses=dict(problems(LyricsNotFound, Unreachable)))
async def lyrics(
    song_id: Id, _anyone: Anyone, words: ReadingLyrics, language: LanguageQuery = None
) -> LyricsOut:
    """The words of a song, line by line with the times at which they are sung, where these are known."""
    return await words.of(SongId(song_id), language)


@router.put(
    "/songs/{song_id}/lyrics/{language}",
    responses=dict(problems(SongNotFound, NotTheOwner, NoWords, LyricsTooLong)),
)
async def write_lyrics(
    song_id: Id, language: LanguagePath, told: LyricsIn, listener: Listener, editor: WritingLyrics
) -> LyricsOut:
    """Write the words of a song of yours in one language, in the place of those of before."""
    return await editor.write(listener, SongId(song_id), language, told)


@router.delete(
    "/songs/{song_id}/lyrics/{language}",
    status_code=204,
    responses=dict(problems(SongNotFound, NotTheOwner)),
)
async def remove_lyrics(
    song_id: Id, language: LanguagePath, listener: Listener, editor: WritingLyrics
) -> None:
    """Remove the words of a song of yours in one language."""
    await editor.remove(listener, SongId(song_id), language)
