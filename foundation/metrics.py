"""What Segue counts and measures, by the names that Prometheus knows; docs/operations.md lists them.

Every process adds its share in a folder (`foundation.settings.share_metrics`), and any API process tells the sum.
"""

from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from foundation.settings import shared_metrics

REGISTRY = CollectorRegistry()
FOLDER = shared_metrics()  # as it was when the client chose where values are kept
if FOLDER is not None:
    FOLDER.mkdir(parents=True, exist_ok=True)

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUERIES = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)

http_requests = Counter(
    "http_requests_total",
    "HTTP requests answered; endpoint is the template of the route, or unknown.",
    ["method", "endpoint", "status"],
    registry=REGISTRY,
)
http_request_duration = Histogram(
    "http_request_duration_seconds",
    "From the head of a request to the end of its answer.",
    buckets=LATENCIES,
    registry=REGISTRY,
)
songs_streamed = Counter(
    "songs_streamed_total", "Songs streamed. 0: this release streams no audio yet.", registry=REGISTRY
)
song_upload_errors = Counter(
    "song_upload_errors_total",
    "Song uploads that failed. 0: this release takes no uploads yet.",
    registry=REGISTRY,
)
active_streams = Gauge(
    "active_streams_current",
    "Streams under way. 0: this release streams no audio yet.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
db_query_duration = Histogram(
    "db_query_duration_seconds",
    "Statements sent to Postgres for requests, by their first word.",
    ["query_type"],
    buckets=QUERIES,
    registry=REGISTRY,
)
db_connection_pool_size = Gauge(
    "db_connection_pool_size",
    "Connections to Postgres that requests are using, over all processes.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
db_connection_pool_max = Gauge(
    "db_connection_pool_max",
    "Connections to Postgres that requests may use at most, over all processes.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
cache_lookups = Counter(
    "cache_lookups_total",
    "Look-ups in a cache, by whether it knew the answer; cache_hit_rate is made of them.",
    ["cache_type", "outcome"],
    registry=REGISTRY,
)
rate_limited = Counter(
    "http_requests_rate_limited_total",
    "Requests refused with 429, by the policy that refused.",
    ["policy"],
    registry=REGISTRY,
)
rate_limit_leases = Counter(
    "rate_limit_leases_total",
    "Leases of rate-limit tokens: shared through Redis, or local while Redis is away.",
    ["kind"],
    registry=REGISTRY,
)
plays_acknowledged = Counter(
    "play_events_acknowledged_total",
    "Plays on disk and answered with 202, by kind: start or end.",
    ["kind"],
    registry=REGISTRY,
)
slates_served = Counter(
    "slates_served_total", "Lists of recommendations answered, by policy.", ["policy"], registry=REGISTRY
)
fold_ins = Counter(
    "fold_ins_total",
    "Recommendations for which recent songs were folded into the listener's vector.",
    registry=REGISTRY,
)
bundle_info = Gauge(
    "serving_bundle_info",
    "1 for the version of the models that each process serves.",
    ["version"],
    multiprocess_mode="liveall",
    registry=REGISTRY,
)
bundle_age = Gauge(
    "serving_bundle_age_seconds",
    "Age of the newest listening that the served models have learnt from; the oldest of all processes. 0 before any.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
log_lag_seconds = Gauge(
    "event_log_lag_seconds",
    "Age of the oldest closed segment that a sink has yet to take; 0 when it has all.",
    ["sink"],
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
log_lag_segments = Gauge(
    "event_log_lag_segments",
    "Closed segments that a sink has yet to take.",
    ["sink"],
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
segments_shipped = Counter(
    "event_log_segments_shipped_total", "Segments that a sink has taken.", ["sink"], registry=REGISTRY
)


class Gathered:
    """What a busy thread adds to a counter, kept in memory until it is told with all others.

    The client asks the system at every `inc` whether its process was forked: that is a sixth of what a play costs.
    """

    _all: ClassVar[list["Gathered"]] = []

    def __init__(self, counter: Counter) -> None:
        """`counter` is one of its labels, or one that has none."""
        self._counter, self._added = counter, 0
        self._all.append(self)

    def inc(self) -> None:
        self._added += 1

    def flush(self) -> None:
        """Add what was gathered to the counter."""
        if self._added:
            self._counter.inc(self._added)
            self._added = 0

    @classmethod
    def tell(cls) -> None:
        """Flush everything gathered in this process."""
        for each in cls._all:
            each.flush()
