"""Makes the request of an operation from the document: its example, with the things of a world in the places of ids."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from PIL import Image

from foundation.http.app import PREFIX
from foundation.http.upload import ANY
from tests.authorisation.world import PASSWORD, World
from tools.api_document import JSON, Operation

IN_PATHS: Mapping[str, Mapping[str, str]] = {
    "DELETE /artists/{artist_id}": {"artist_id": "empty_artist_id"},
    "DELETE /albums/{album_id}": {"album_id": "empty_album_id"},
    "PATCH /playlists/{playlist_id}/members/{user_id}": {"user_id": "member_id"},
    "DELETE /playlists/{playlist_id}/members/{user_id}": {"user_id": "member_id"},
}
"""Where a name in a path stands for another thing than elsewhere."""

SOME_DAYS = {"from": "2026-03-01", "to": "2026-03-07"}
IN_QUERIES: Mapping[str, Callable[[World], dict[str, Any]]] = {
    "GET /users": lambda world: {"email": world.things["email"]},
    "GET /radio": lambda world: {"seed": f"song:{world.things['song_id']}"},
    "GET /recommendations": lambda world: {"user_id": world.things["user_id"]},
    "GET /artists/{artist_id}/statistics": lambda world: SOME_DAYS,
    "GET /analytics/activity": lambda world: SOME_DAYS,
    "GET /analytics/retention": lambda world: SOME_DAYS,
    "GET /analytics/recommendations": lambda world: SOME_DAYS,
}

BODIES: Mapping[str, Callable[[World], dict[str, Any]]] = {
    "POST /auth/register": lambda world: {"email": f"{uuid4().hex}@example.org"},
    "POST /auth/login": lambda world: {"email": world.things["email"], "password": PASSWORD},
    "POST /auth/refresh": lambda world: {"refresh_token": world.things["refresh_token"]},
    "POST /auth/password": lambda world: {"current_password": PASSWORD},
    "DELETE /me": lambda world: {"password": PASSWORD},
    "POST /genres": lambda world: {"name": f"genre {uuid4().hex}", "parent": None},
    "POST /songs": lambda world: {"external_ids": {}, "genre": world.things["name"]},
    "PATCH /songs/{song_id}": lambda world: {"external_ids": {}, "genre": world.things["name"]},
    "POST /albums": lambda world: {"external_ids": {}},
    "PATCH /albums/{album_id}": lambda world: {"external_ids": {}},
    "POST /artists": lambda world: {"external_ids": {}},
    "PATCH /artists/{artist_id}": lambda world: {"external_ids": {}},
    "POST /playlists/{playlist_id}/songs": lambda world: {"song_id": world.things["new_song_id"]},
    "POST /playlists/{playlist_id}/members": lambda world: {"user_id": world.things["newcomer_id"]},
    "POST /songs/{song_id}/play": lambda world: {"play_id": str(uuid4())},
    "POST /songs/{song_id}/heartbeat": lambda world: {"play_id": str(uuid4())},
    "POST /plays": lambda world: {"plays": [{"song_id": world.things["song_id"], "play_id": str(uuid4())}]},
}
"""What an example cannot know."""


HISTORY = b"uts,artist,album,track\n1772366400,Queen,Innuendo,Innuendo\n"
"""A file of listening history."""


@dataclass(frozen=True)
class Ask:
    """One request, but for who sends it."""

    method: str
    path: str
    query: Mapping[str, Any]
    json: Any = None
    content: bytes | None = None
    media_type: str | None = None


def short(operation: Operation) -> str:
    """Its name without the prefix, as the table has it."""
    return f"{operation.method} {operation.path.removeprefix(PREFIX)}"


def ask(operation: Operation, world: World, document: Mapping[str, Any]) -> Ask:
    """A request for what the owner has in this world."""
    name = short(operation)
    named = IN_PATHS.get(name, {})
    path = operation.path
    for each in operation.parameters:
        if each["in"] == "path":
            thing = world.things[named.get(each["name"], each["name"])]
            path = path.replace("{" + each["name"] + "}", str(thing))
    query = IN_QUERIES.get(name, lambda world: {})(world)
    if JSON in operation.takes:
        return Ask(operation.method, path, query, json=_body(operation, name, world, document))
    if ANY in operation.takes:
        return Ask(operation.method, path, query, content=HISTORY, media_type=ANY)
    if operation.takes:
        return Ask(operation.method, path, query, content=picture(), media_type="image/png")
    return Ask(operation.method, path, query)


def schemas_of(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The object or objects that a schema stands for."""
    if "$ref" in schema:
        return schemas_of(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    either = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if either:
        return [each for one in either for each in schemas_of(one, document)]
    return [schema] if "properties" in schema else []


def _body(operation: Operation, name: str, world: World, document: Mapping[str, Any]) -> Any:
    content = operation.takes[JSON]
    schema = schemas_of(content["schema"], document)[0]
    shown = content.get("example") or schema["examples"][0]
    body = {key: _placed(key, value, world) for key, value in shown.items()}
    return body | BODIES.get(name, lambda world: {})(world)


def _placed(key: str, value: Any, world: World) -> Any:
    if key == "song_ids":
        return [world.things["song_id"]]
    if key in {"before", "after"}:
        return world.things["other_song_id"]
    return world.things[key] if key.endswith("_id") and key in world.things else value


def picture() -> bytes:
    """A picture that is taken as a cover."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    return file.getvalue()
