"""One process that answers requests: `python -m gateway.worker SOCKET LIFE TELL WORKERS`, started by its parent."""

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import uvicorn

from foundation import settings as foundation_settings
from foundation.errors import Problem
from foundation.http.whole import HttpProtocol
from foundation.settings import Settings, share_metrics
from foundation.telemetry import close_telemetry, configure_telemetry

CANNOT_START = 3  # the status that uvicorn gives when the application does not come up
SERVER: Mapping[str, Any] = MappingProxyType(  # what a benchmark's bare server shares with ours
    {
        "loop": "uvloop",
        "ws": "none",
        "access_log": False,
        "log_config": None,
        "server_header": False,
    }
)
# Seconds for which the event loop may keep the log's thread from going on, which comes back from the disk at every commit and
# holds a whole group of requests in its hands; with Python's own default, 5 ms, the p99 at 6,000 plays a second was 8.2 ms
# instead of 4.9 (medians of four turns each).
SWITCH = 0.0005
FINISH_WITHIN = 10  # seconds that requests under way have, once it is to stop


class Server(uvicorn.Server):
    """uvicorn's server, which tells the parent when it serves."""

    def __init__(self, config: uvicorn.Config, tell: int | None) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is loaded by now stays as long as the process: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        if self._tell is not None and self.started:
            os.write(self._tell, b"!")


def serve(door: socket.socket, *, workers: int, tell: int | None = None) -> int:
    """Answer on this socket until SIGTERM, then finish the requests under way and flush the log."""
    try:
        settings = foundation_settings.load()
    except Problem as refusal:
        sys.stderr.write(f"{refusal}\n")
        return CANNOT_START
    settings = settings.model_copy(update={"api": settings.api.model_copy(update={"workers": workers})})
    share_metrics(settings)
    configure_telemetry("api", settings.telemetry)
    sys.setswitchinterval(SWITCH)
    server = Server(_config(settings), tell)
    # uvicorn raises the signal that ended it once more: by then everything is closed, and we end with status 0.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        server.run(sockets=[door])
    finally:
        close_telemetry()
    return 0


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        # Imported by the server: only after the metrics have their folder.
        lambda: import_module("gateway.app").create_app(settings),
        factory=True,
        lifespan="on",
        http=HttpProtocol,
        **SERVER,
        proxy_headers=bool(settings.http.trusted_proxies),
        forwarded_allow_ips=settings.http.trusted_proxies,
        timeout_graceful_shutdown=FINISH_WITHIN,
    )


def _end_with(life: int) -> None:
    """Stop as after SIGTERM once the parent is gone: it never writes, so that reading returns at its end alone."""

    def wait() -> None:
        os.read(life, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="life", daemon=True).start()


def main() -> int:
    """Serve with what the parent handed over."""
    inherited, life, tell, workers = map(int, sys.argv[1:])
    for descriptor in (inherited, life, tell):
        os.set_inheritable(descriptor, False)
    _end_with(life)
    return serve(socket.socket(fileno=inherited), workers=workers, tell=tell)


if __name__ == "__main__":
    sys.exit(main())
