"""Metrics as Prometheus and OpenMetrics read them, by Prometheus' own library; nothing is read here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from server.core.reports.metrics import METRICS, MetricKind, MetricValue

_FAMILIES = {MetricKind.GAUGE: GaugeMetricFamily, MetricKind.COUNTER: CounterMetricFamily}


class _Told(Collector):
    def __init__(self, values: Iterable[MetricValue]) -> None:
        self._by_name: defaultdict[str, list[MetricValue]] = defaultdict(list)
        for each in values:
            self._by_name[each.name].append(each)

    def collect(self) -> Iterator[Metric]:
        """In the order of the table; a metric without a value is named all the same."""
        for told in METRICS:
            family = _FAMILIES[told.kind](told.name, told.says, labels=told.labels)
            for each in self._by_name[told.name]:
                family.add_metric(each.labels, each.value)
            yield family


@lru_cache(maxsize=4)
def as_exposition(values: tuple[MetricValue, ...], accept: str) -> tuple[bytes, str]:
    """The text of a scrape and its content type. accept: what the asker reads, as its request says."""
    encode, kind = choose_encoder(accept)
    return encode(_registry(values)), kind


def as_text_file(values: Sequence[MetricValue]) -> bytes:
    """The same for a file that an exporter on this machine picks up."""
    return generate_latest(_registry(values))


def _registry(values: Sequence[MetricValue]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(values))
    return registry
