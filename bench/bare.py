"""The least a server can do with a POST: read its body and answer 202; run as `python -m bench.bare --port P --workers N`.

Served as the gateway serves: uvicorn with uvloop and httptools, its workers behind one listening socket.
"""

import argparse
import os
import socket
from typing import Any

import uvicorn

ANSWER = b'{"status":"accepted"}'


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers every request alike."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


def main() -> None:
    """Serve until SIGTERM."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--workers", type=int, default=1)
    given = arguments.parse_args()
    door = socket.create_server(("127.0.0.1", given.port), backlog=2048)
    group = os.getpgrp()
    for _ in range(given.workers - 1):
        if os.fork() == 0:
            break
    assert os.getpgrp() == group  # whoever started us ends the whole group
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[door])


if __name__ == "__main__":
    main()
