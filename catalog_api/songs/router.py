"""Songs over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, StringConstraints

from catalog_api.external_ids.errors import ExternalIdTaken, ExternalIdUnknown
from catalog_api.external_ids.schemas import ForeignId, Kind, KnownAs, Source
from catalog_api.external_ids.service import ExternalIds
from catalog_api.genres.errors import GenreUnknown
from catalog_api.songs.editing import SongEditor
from catalog_api.songs.errors import AlbumUnknown, ArtistUnknown, NotTheOwner, SongNotFound
from catalog_api.songs.schemas import Reference, SongChange, SongIn, SongOut
from catalog_api.songs.service import SONG, Songs, Which
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.http.app import PREFIX
from foundation.http.hot import HotRouter
from foundation.http.idempotency import IdempotencyKeyReused
from foundation.http.inputs import Id, storable
from foundation.http.pages import MOST, Offsets, Page
from foundation.http.principal import Anyone, Artist, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import SongId
from foundation.security import InvalidToken

router = APIRouter(route_class=Route)
hot = HotRouter(prefix="/songs", tags=["songs"])

READING = (InvalidToken, InvalidRequest, Unreachable)
WRITING = (MissingToken, InvalidToken, NotAllowed, NotTheOwner, InvalidRequest, Unreachable)
Genre = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]


async def editing(request: Request, db: Writes) -> SongEditor:
    """The songs, for a request that writes them."""
    return SongEditor(db, request.app.state.cache, request.app.state.now)


Editing = Annotated[SongEditor, Depends(editing)]


@hot.get("/{song_id}", SongOut, SONG, SongNotFound, Unreachable)
async def song(postgres: Postgres, song_id: int) -> bytes | None:
    """What the catalog knows about a song. Its `play_count` may be as old as an hour; lists tell it as it is."""
    async with postgres.reading() as db:
        found = await Songs(db).find(SongId(song_id))
    return None if found is None else found.model_dump_json().encode()


@router.get("/songs", tags=["songs"], responses=dict(problems(*READING)))
async def songs(
    asking: Anyone,
    db: Reads,
    part: Offsets,
    artist_id: Annotated[Reference | None, Query()] = None,
    album_id: Annotated[Reference | None, Query()] = None,
    genre: Annotated[Genre | None, Query()] = None,
    ids: Annotated[
        list[Reference] | None,
        Query(min_length=1, max_length=MOST, description="These songs, in this order."),
    ] = None,
) -> Page[SongOut]:
    """Songs of an artist, an album or a genre, or these. `total` is null where it would be counted over the whole catalog."""
    return await Songs(db).page(Which(artist_id, album_id, genre, ids), part)


@router.post(
    "/songs",
    tags=["songs"],
    status_code=201,
    responses=dict(
        problems(*WRITING, ArtistUnknown, AlbumUnknown, GenreUnknown, ExternalIdTaken, IdempotencyKeyReused)
    ),
)
async def add_song(asking: Artist, told: SongIn, songs: Editing, response: Response) -> SongOut:
    """Add a song to an artist whom you own; its sound comes by an upload. For artists and administrators."""
    added = await songs.add(asking, told)
    response.headers["Location"] = f"{PREFIX}/songs/{added.song_id}"
    return added


@router.patch(
    "/songs/{song_id}",
    tags=["songs"],
    responses=dict(problems(*WRITING, SongNotFound, AlbumUnknown, GenreUnknown, ExternalIdTaken)),
)
async def change_song(song_id: Id, asking: Artist, told: SongChange, songs: Editing) -> SongOut:
    """Change what is told of a song; what is not sent stays. For its owner and administrators."""
    return await songs.change(asking, SongId(song_id), told)


@router.delete(
    "/songs/{song_id}", tags=["songs"], status_code=204, responses=dict(problems(*WRITING, SongNotFound))
)
async def remove_song(song_id: Id, asking: Artist, songs: Editing) -> None:
    """Remove a song for ever, also from playlists. For its owner and administrators."""
    await songs.remove(asking, SongId(song_id))


@router.get(
    "/external-ids/{source}/{external_id}",
    tags=["external ids"],
    responses=dict(problems(*READING, ExternalIdUnknown)),
)
async def known_as(
    source: Source, external_id: ForeignId, asking: Anyone, db: Reads, kind: Kind = "song"
) -> KnownAs:
    """What an id of another source stands for here, such as an ISRC or a MusicBrainz identifier."""
    return await ExternalIds(db).known_as(kind, source, external_id)
