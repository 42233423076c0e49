"""What operators and their programs read: whether the service lives, whether it can serve, and its metrics."""

import time
from collections.abc import Iterator
from pathlib import Path

import orjson
from anyio import to_thread
from prometheus_client.core import GaugeMetricFamily, Metric
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from event_log.reading import closed
from foundation.http.health import Health
from foundation.metrics_page import metrics_page

OK, UNAVAILABLE = 200, 503


def add_pages(app: Starlette, log_dir: Path) -> None:
    """The routes beside /api/v1; `app.state` gives `health`, `readiness` and `tell` while the app runs."""

    async def live(request: Request) -> Response:
        """This process answers; nothing else is asked."""
        return _json({"status": "alive"}, OK)

    async def ready(request: Request) -> Response:
        """This worker can take requests: it can make plays safe, and serves a model if one is published."""
        readiness: Health = request.app.state.readiness
        down = (await readiness.report()).down
        if down:
            return _json({"status": "not ready", "down": down}, UNAVAILABLE)
        return _json({"status": "ready"}, OK)

    async def health(request: Request) -> Response:
        """Every dependency, each asked now or a moment ago."""
        asked: Health = request.app.state.health
        report = await asked.report()
        return _json(report.body(), UNAVAILABLE if report.down else OK)

    async def metrics(request: Request) -> Response:
        """All processes' metrics, whichever process answers."""
        for tell in request.app.state.tell:
            tell()
        accept = request.headers.get("accept", "")
        page, content_type = await to_thread.run_sync(
            lambda: metrics_page(accept, log_metrics(log_dir, time.time()))
        )
        return Response(page, headers={"content-type": content_type})

    async def front(request: Request) -> Response:
        return RedirectResponse("/docs")

    for path, page in (
        ("/health/live", live),
        ("/health/ready", ready),
        ("/health", health),
        ("/metrics", metrics),
        ("/", front),
    ):
        app.add_route(path, page, include_in_schema=False)


def log_metrics(folder: Path, now: float) -> Iterator[Metric]:
    """What waits in the log, as its folder shows it: also when no shipper runs that could tell. `now` since 1970."""
    made_at = []
    for path in closed(folder).values():
        try:
            made_at.append(path.stat().st_mtime)
        except FileNotFoundError:  # shipped since we looked
            continue
    yield GaugeMetricFamily(
        "event_log_segments", "Closed segments that some sink has yet to take.", value=len(made_at)
    )
    yield GaugeMetricFamily(
        "event_log_oldest_segment_age_seconds",
        "Age of the oldest of them; 0 when there is none.",
        value=max(0.0, now - min(made_at, default=now)),
    )


def _json(body: object, status: int) -> Response:
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )
