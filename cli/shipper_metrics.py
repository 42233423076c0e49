"""Tells Prometheus how far the shipper is, by way of the API that answers for all processes."""

from collections.abc import Sequence
from datetime import timedelta

from event_log.sink import Sink
from foundation import metrics


class ShipperMetrics:
    """The watcher of a Shipper. Each sink is bound once; it is called in the sinks' threads."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        names = [sink.name for sink in sinks]
        self._segments = {name: metrics.log_lag_segments.labels(name).set for name in names}
        self._seconds = {name: metrics.log_lag_seconds.labels(name).set for name in names}
        self._shipped = {name: metrics.segments_shipped.labels(name).inc for name in names}

    def lags(self, sink: str, segments: int, age: timedelta) -> None:
        self._segments[sink](segments)
        self._seconds[sink](age.total_seconds())

    def shipped(self, sink: str) -> None:
        self._shipped[sink]()
