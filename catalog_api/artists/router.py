"""Artists over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, StringConstraints

from catalog_api.albums.schemas import AlbumEntry
from catalog_api.albums.service import Albums
from catalog_api.artists.errors import ArtistNotEmpty, ArtistNotFound, OwnerUnknown
from catalog_api.artists.schemas import ArtistChange, ArtistEntry, ArtistIn, ArtistProfile, OwnerIn
from catalog_api.artists.service import ArtistEditor, Artists
from catalog_api.external_ids.errors import ExternalIdTaken
from catalog_api.songs.errors import NotTheOwner
from catalog_api.songs.keys import ARTIST
from catalog_api.songs.schemas import SongOut
from catalog_api.songs.service import Songs
from event_log.searches import Searches
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.http.app import PREFIX
from foundation.http.country import edge_country
from foundation.http.hot import HotRouter
from foundation.http.idempotency import IdempotencyKeyReused
from foundation.http.inputs import Id, storable
from foundation.http.pages import Offsets, Page
from foundation.http.principal import Admin, Anyone, Artist, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.ids import ArtistId
from foundation.security import InvalidToken

router = APIRouter(tags=["artists"], route_class=Route)
hot = HotRouter(prefix="/artists", tags=["artists"])

READING = (InvalidToken, InvalidRequest, Unreachable)
WRITING = (MissingToken, InvalidToken, NotAllowed, NotTheOwner, InvalidRequest, Unreachable)
Called = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]


async def editing(request: Request, db: Writes) -> ArtistEditor:
    """The artists, for a request that writes them."""
    return ArtistEditor(db, request.app.state.cache, request.app.state.now)


Editing = Annotated[ArtistEditor, Depends(editing)]


@hot.get("/{artist_id}", ArtistProfile, ARTIST, ArtistNotFound, Unreachable)
async def artist(postgres: Postgres, artist_id: int) -> bytes | None:
    """What the catalog knows about an artist."""
    async with postgres.reading() as db:
        found = await Artists(db).find(ArtistId(artist_id))
    return None if found is None else found.model_dump_json().encode()


@router.get("/artists", responses=dict(problems(*READING)))
async def artists(
    request: Request,
    asking: Anyone,
    db: Reads,
    part: Offsets,
    name: Annotated[Called | None, Query(description="The whole name, in whatever case.")] = None,
) -> Page[ArtistEntry]:
    """Artists of a name, or all. `total` is null where all would be counted."""
    page = await Artists(db).page(name, part)
    if name is not None and not part.offset:  # whoever turns the page has not searched again
        searches: Searches = request.app.state.searches
        listener = None if asking is None else asking.user_id
        await searches.made(listener, name, "artists", page.total or 0, country=edge_country(request))
    return page


@router.get("/me/artists", responses=dict(problems(MissingToken, *READING, NotAllowed)))
async def my_artists(asking: Artist, db: Reads, part: Offsets) -> Page[ArtistEntry]:
    """The artists that belong to the one who asks."""
    return await Artists(db).owned_by(asking.user_id, part)


@router.get("/artists/{artist_id}/songs", responses=dict(problems(*READING, ArtistNotFound)))
async def songs_of_artist(artist_id: Id, asking: Anyone, db: Reads, part: Offsets) -> Page[SongOut]:
    """An artist's songs, the most played first."""
    await Artists(db).check(ArtistId(artist_id))
    return await Songs(db).most_played_of(ArtistId(artist_id), part)


@router.get("/artists/{artist_id}/albums", responses=dict(problems(*READING, ArtistNotFound)))
async def albums_of_artist(artist_id: Id, asking: Anyone, db: Reads, part: Offsets) -> Page[AlbumEntry]:
    """An artist's albums, the newest release first."""
    await Artists(db).check(ArtistId(artist_id))
    return await Albums(db).page(ArtistId(artist_id), part)


@router.post(
    "/artists",
    status_code=201,
    responses=dict(
        problems(
            MissingToken,
            InvalidToken,
            NotAllowed,
            InvalidRequest,
            Unreachable,
            ExternalIdTaken,
            IdempotencyKeyReused,
        )
    ),
)
async def add_artist(asking: Artist, told: ArtistIn, artists: Editing, response: Response) -> ArtistProfile:
    """Add an artist, who belongs to you. For artists and administrators."""
    added = await artists.add(asking, told)
    response.headers["Location"] = f"{PREFIX}/artists/{added.artist_id}"
    return added


@router.patch("/artists/{artist_id}", responses=dict(problems(*WRITING, ArtistNotFound, ExternalIdTaken)))
async def change_artist(artist_id: Id, asking: Artist, told: ArtistChange, artists: Editing) -> ArtistProfile:
    """Change what is told of an artist; what is not sent stays. For the owner and administrators."""
    return await artists.change(asking, ArtistId(artist_id), told)


@router.put(
    "/artists/{artist_id}/owner",
    responses=dict(problems(MissingToken, NotAllowed, *READING, ArtistNotFound, OwnerUnknown)),
)
async def give_artist(artist_id: Id, asking: Admin, told: OwnerIn, artists: Editing) -> ArtistProfile:
    """Say whose an artist is, such as one that an import made: for administrators."""
    return await artists.give(ArtistId(artist_id), told.user_id)


@router.delete(
    "/artists/{artist_id}",
    status_code=204,
    responses=dict(problems(*WRITING, ArtistNotFound, ArtistNotEmpty)),
)
async def remove_artist(artist_id: Id, asking: Artist, artists: Editing) -> None:
    """Remove an artist who has neither songs nor albums. For the owner and administrators."""
    await artists.remove(asking, ArtistId(artist_id))
