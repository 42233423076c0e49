"""Our own processes as the supervisor sees them: the shipper and the API."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import httpx

from embedded.child import Child, Once, Stage
from foundation.settings import REPOSITORY, Settings, child_environment


def shipper_child(settings: Settings) -> Child:
    """The shipper; it is ready once the tables of every store are there."""
    ready = settings.run_dir / "shipper.ready"

    def forget(_: Once) -> None:
        ready.unlink(missing_ok=True)

    return Child(
        name="shipper",
        argv=(sys.executable, "-m", "cli.shipper", "--ready", os.fspath(ready)),
        env=child_environment(settings),
        cwd=REPOSITORY,
        healthy=ready.exists,
        stage=Stage.SERVICES,
        ready_within=timedelta(seconds=120),
        stop_within=timedelta(seconds=20),
        prepare=forget,
    )


def api_child(settings: Settings, port: int) -> Child:
    """The gateway on `port`, as many processes as the settings say; it is ready once one of them answers."""
    host = settings.api.host

    def healthy() -> bool:
        try:
            return httpx.get(f"http://{host}:{port}/health/live", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return Child(
        name="api",
        argv=(
            sys.executable,
            "-m",
            "gateway",
            "--host",
            host,
            "--port",
            str(port),
            "--workers",
            str(settings.api.workers),
        ),
        env=child_environment(settings),
        cwd=Path(REPOSITORY),
        healthy=healthy,
        stage=Stage.SERVICES,
        ready_within=timedelta(seconds=60),
        stop_within=timedelta(seconds=15),
    )
