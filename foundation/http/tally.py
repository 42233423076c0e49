"""Counts requests in memory, and tells Prometheus once a second: its own counters cost several microseconds each."""

from bisect import bisect_left
from dataclasses import dataclass, field

from foundation import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(slots=True)
class Tally:
    """The requests since the last `tell`. Used in one thread, the event loop's."""

    _counts: dict[tuple[str, str, int], int] = field(default_factory=dict)
    _durations: list[int] = field(default_factory=lambda: [0] * (len(metrics.LATENCIES) + 1))
    _seconds: float = 0.0

    def add(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        key = (method, endpoint, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._durations[bisect_left(metrics.LATENCIES, seconds)] += 1
        self._seconds += seconds

    def tell(self) -> None:
        """Add everything to the metrics, and begin anew."""
        if not self._counts:
            return
        for (method, endpoint, status), number in self._counts.items():
            known = method if method in METHODS else "OTHER"
            metrics.http_requests.labels(known, endpoint, str(status)).inc(number)
        # The client has no way to observe many at once but through its parts.
        histogram = metrics.http_request_duration
        for bucket, number in zip(histogram._buckets, self._durations, strict=True):  # noqa: SLF001
            if number:
                bucket.inc(number)
        histogram._sum.inc(self._seconds)  # noqa: SLF001
        self._counts, self._seconds = {}, 0.0
        self._durations = [0] * len(self._durations)
