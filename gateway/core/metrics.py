"""Prometheus metrics. Figures that the parts keep as plain counters are read when they are asked for; nothing is
counted twice, and nothing is measured per message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_RECORDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 4_096)

Figure = Callable[[], float]


class Metrics(Collector):
    """Counters and gauges by name, each with what reads it; and how batches went."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, tuple[str, Figure]] = {}
        self._gauges: dict[str, tuple[str, Figure]] = {}
        self._append_s = Histogram(
            "arena_log_append_seconds", "Write and sync of a batch", buckets=_SECONDS, registry=self.registry
        )
        self._apply_s = Histogram(
            "arena_apply_seconds", "Apply, answers, events and flush", buckets=_SECONDS, registry=self.registry
        )
        self._records = Histogram(
            "arena_batch_records", "Commands of a batch", buckets=_RECORDS, registry=self.registry
        )
        self.registry.register(self)

    def counter(self, name: str, help: str, figure: Figure) -> None:
        self._counters[f"arena_{name}"] = (help, figure)

    def gauge(self, name: str, help: str, figure: Figure) -> None:
        self._gauges[f"arena_{name}"] = (help, figure)

    def batch_done(self, records: int, append_s: float, apply_s: float) -> None:
        self._records.observe(records)
        self._append_s.observe(append_s)
        self._apply_s.observe(apply_s)

    def collect(self) -> Iterable[Metric]:
        for name, (help, figure) in self._counters.items():
            counter = CounterMetricFamily(name, help)
            counter.add_metric([], figure())
            yield counter
        for name, (help, figure) in self._gauges.items():
            gauge = GaugeMetricFamily(name, help)
            gauge.add_metric([], figure())
            yield gauge

    def text(self) -> bytes:
        """All of them in the format of Prometheus."""
        return generate_latest(self.registry)
