"""A song as the API tells it."""

from datetime import date

from pydantic import BaseModel, Field


class ArtistOut(BaseModel):
    """Whose song it is."""

    artist_id: int
    name: str


class AlbumOut(BaseModel):
    """The release it is on."""

    album_id: int
    title: str


class SongOut(BaseModel):
    """What the catalog knows about a song; null where it does not know."""

    song_id: int
    title: str
    artist: ArtistOut
    album: AlbumOut | None = None
    duration: int | None = Field(default=None, description="Whole seconds, rounded.")
    genre: str | None = None
    released_on: date | None = None
