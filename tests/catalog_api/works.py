"""A small catalog made over HTTP: Ann owns an artist with an album; Bob owns nothing; Eve administers."""

from typing import Any

from tests.catalog_api.api import Api, people

ANN, BOB, EVE = 1, 2, 3


class Works:
    """What people do to the catalog. `ann`, `bob` and `eve` are clients, all of them artists but Eve, an administrator."""

    def __init__(self, api: Api) -> None:
        people(api.catalog, "ann", "bob", "eve")
        self.api = api
        self.ann = api.as_(ANN, roles=["user", "artist"])
        self.bob = api.as_(BOB, roles=["user", "artist"])
        self.eve = api.as_(EVE, roles=["user", "admin"])
        self.listener = api.as_(BOB)
        self.nobody = api.as_()

    async def artist(self, name: str = "Ann's Band", **more: Any) -> int:
        """A new artist of Ann's."""
        made = await self.ann.post("/artists", json={"name": name} | more)
        assert made.status_code == 201, made.text
        return int(made.json()["artist_id"])

    async def album(self, artist: int, title: str = "First", **more: Any) -> int:
        """A new album of one of her artists."""
        made = await self.ann.post("/albums", json={"artist_id": artist, "title": title} | more)
        assert made.status_code == 201, made.text
        return int(made.json()["album_id"])

    async def song(self, artist: int, title: str = "Dawn", **more: Any) -> int:
        """A new song of one of her artists."""
        made = await self.ann.post("/songs", json={"artist_id": artist, "title": title} | more)
        assert made.status_code == 201, made.text
        return int(made.json()["song_id"])

    async def genre(self, name: str, parent: str | None = None) -> None:
        """A new genre."""
        made = await self.eve.post("/genres", json={"name": name, "parent": parent})
        assert made.status_code == 201, made.text
