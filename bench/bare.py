"""Servers to compare ours with, run as `python -m bench.bare --port P --workers N --app NAME`.

Served as the gateway serves: uvicorn with uvloop and httptools, its workers behind one listening socket.
"""

import argparse
import os
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI

from catalog_api.songs.schemas import SongOut
from gateway.worker import SERVER

ACCEPTED = b'{"status":"accepted"}'
SONG = SongOut.model_json_schema()["examples"][0]


async def post(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The least a server can do with a POST: read its body and answer 202."""
    while (await receive()).get("more_body"):
        pass
    await answer(send, 202, ACCEPTED)


async def get(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The least it can do with a GET: answer with bytes in memory."""
    await answer(send, 200, ENCODED)


async def answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


ordinary = FastAPI()


@ordinary.get("/api/v1/songs/{song_id}")
async def song(song_id: int) -> SongOut:
    """What most services do: an object in memory, validated against its model and encoded for each answer."""
    return KNOWN[song_id]


KNOWN = {1: SongOut.model_validate(SONG | {"song_id": 1})}
ENCODED = KNOWN[1].model_dump_json().encode()
APPS: dict[str, Any] = {"post": post, "get": get, "ordinary": ordinary}


def main() -> None:
    """Serve until SIGTERM."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--app", choices=APPS, default="post")
    given = arguments.parse_args()
    door = socket.create_server(("127.0.0.1", given.port), backlog=2048)
    group = os.getpgrp()
    for _ in range(given.workers - 1):
        if os.fork() == 0:
            break
    assert os.getpgrp() == group  # whoever started us ends the whole group
    config = uvicorn.Config(APPS[given.app], lifespan="off", http="httptools", **SERVER)
    uvicorn.Server(config).run(sockets=[door])


if __name__ == "__main__":
    main()
