"""The metrics of all processes of a home, added up, as Prometheus reads them."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from foundation.metrics import FOLDER, REGISTRY

LOOKUPS, HIT_RATE, BUNDLE = "cache_lookups", "cache_hit_rate", "serving_bundle_info"


def metrics_page(accept: str, more: Iterable[Metric] = ()) -> tuple[bytes, str]:
    """The page and its content type, in the format that the client accepts; `more` is what only the asked one knows."""
    registry = CollectorRegistry()
    registry.register(_Everything([*_collected(), *more]))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Everything(Collector):
    """What was collected, with what is made of it."""

    def __init__(self, collected: list[Metric]) -> None:
        self._collected = collected

    def collect(self) -> Iterator[Metric]:
        for family in self._collected:
            if family.name == BUNDLE:  # a version that a process has left stays in its file, as 0
                family.samples = [sample for sample in family.samples if sample.value]
            if family.name == LOOKUPS:
                yield _hit_rate(family)
            yield family


def _collected() -> Iterable[Metric]:
    if FOLDER is None:
        return REGISTRY.collect()
    _forget_the_dead(FOLDER)
    every: Iterable[Metric] = MultiProcessCollector.merge(  # type: ignore[no-untyped-call]
        [str(file) for file in FOLDER.glob("*.db")]
    )
    return every


def _hit_rate(lookups: Metric) -> Metric:
    """Hits by look-ups. Made of the sums: rates of single processes cannot be added up."""
    hits: dict[str, float] = {}
    every: dict[str, float] = {}
    for sample in lookups.samples:
        if sample.name.endswith("_total"):
            cache = sample.labels["cache_type"]
            every[cache] = every.get(cache, 0.0) + sample.value
            hits[cache] = hits.get(cache, 0.0) + sample.value * (sample.labels["outcome"] == "hit")
    family = GaugeMetricFamily(
        HIT_RATE, "The share of look-ups that a cache could answer since the start.", labels=["cache_type"]
    )
    for cache, looked in every.items():
        family.add_metric([cache], hits[cache] / looked if looked else 0.0)
    return family


def _forget_the_dead(folder: Path) -> None:
    """Remove what processes that are gone said of the present; what they counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and not _is_alive(int(pid)):
            file.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
