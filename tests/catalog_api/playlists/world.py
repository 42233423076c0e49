"""People and songs to make playlists of, and what the API tells of a playlist."""

from typing import Any

import httpx

from foundation.engines import postgres
from tests.catalog_api.api import Api, people

ANN, BOB, EVE = 1, 2, 3


def settle(api: Api, songs: int = 5) -> None:
    """Ann, Bob and Eve; songs 1, 2, … by Queen, called "Song 1", "Song 2", … of ten seconds each."""
    people(api.catalog, "ann", "bob", "eve")
    with postgres.connection(api.catalog) as db:
        db.execute("INSERT INTO artists (name) VALUES ('Queen')")
        made = "INSERT INTO songs (artist_id, title, duration_ms) SELECT 1, 'Song ' || n, 10000 FROM generate_series(1, %s) n"
        db.execute(made, (songs,))


async def made(client: httpx.AsyncClient, **said: Any) -> int:
    """A new playlist of this client; returns its id."""
    answer = await client.post("/playlists", json={"name": "Long drive"} | said)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["playlist_id"])


async def together(api: Api, playlist: int, listener: int, role: str = "editor") -> None:
    """Let a listener become a member of Ann's playlist."""
    said = {"user_id": listener, "role": role}
    invited = await api.as_(ANN).post(f"/playlists/{playlist}/members", json=said)
    accepted = await api.as_(listener).post(f"/playlists/{playlist}/members/accept")
    assert (invited.status_code, accepted.status_code) == (201, 200), (invited.text, accepted.text)


async def order_of(client: httpx.AsyncClient, playlist: int) -> list[int]:
    """The songs of a playlist as they stand."""
    answer = await client.get(f"/playlists/{playlist}")
    assert answer.status_code == 200, answer.text
    return [song["song_id"] for song in answer.json()["songs"]]


def kept(api: Api, playlist: int) -> list[int]:
    """The same as Postgres has it, all of them."""
    asked = "SELECT song_id FROM playlist_songs WHERE playlist_id = %s ORDER BY place"
    return [song for (song,) in api.sql(asked, playlist)]
