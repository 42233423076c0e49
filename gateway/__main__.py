"""Runs the gateway: `python -m gateway --port N`; the supervisor starts it."""

import argparse

import uvicorn

from foundation import settings as foundation_settings
from foundation.telemetry import configure_logging
from gateway.app import create_app


def main() -> None:
    """Serve until SIGTERM, then finish the requests under way and flush the log."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, required=True)
    given = arguments.parse_args()
    configure_logging("api")
    uvicorn.run(
        create_app(foundation_settings.load()),
        host=given.host,
        port=given.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
