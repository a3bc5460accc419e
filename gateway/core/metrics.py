"""What /metrics says, in the format of Prometheus.

Figures that the parts keep as plain counters and histograms are read when they are asked for; nothing is counted twice.
prometheus-client does the format and no more: its own histograms search and lock for two microseconds a value, where
those of histograms.py take a tenth of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.model.scale import NS_PER_S
from gateway.core.histograms import Histogram

TIME_BITS: Final = range(13, 34)
"""Buckets of durations: from 8 microseconds to 9 seconds, each twice the one before."""

COUNT_BITS: Final = range(1, 15)
"""Buckets of counts: 1, 3, 7 and so on to 16,383."""

Figure = Callable[[], float]
Figures = Callable[[], Mapping[str, float]]


class _Labelled(NamedTuple):
    label: str
    family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    help: str
    figures: Figures


class Metrics(Collector):
    """Counters, gauges and histograms by name, each with what reads it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, tuple[str, Figure]] = {}
        self._gauges: dict[str, tuple[str, Figure]] = {}
        self._labelled: dict[str, _Labelled] = {}
        self._durations: dict[str, tuple[str, Histogram]] = {}
        self._counts: dict[str, tuple[str, Histogram]] = {}
        self.registry.register(self)

    def counter(self, name: str, help: str, figure: Figure) -> None:
        self._counters[f"arena_{name}"] = (help, figure)

    def gauge(self, name: str, help: str, figure: Figure) -> None:
        self._gauges[f"arena_{name}"] = (help, figure)

    def counters(self, name: str, help: str, label: str, figures: Figures) -> None:
        """A counter for each value of a label."""
        self._labelled[f"arena_{name}"] = _Labelled(label, CounterMetricFamily, help, figures)

    def gauges(self, name: str, help: str, label: str, figures: Figures) -> None:
        """A gauge for each value of a label."""
        self._labelled[f"arena_{name}"] = _Labelled(label, GaugeMetricFamily, help, figures)

    def durations(self, name: str, help: str, histogram: Histogram) -> None:
        """A histogram of nanoseconds, told in seconds."""
        self._durations[f"arena_{name}_seconds"] = (help, histogram)

    def counts(self, name: str, help: str, histogram: Histogram) -> None:
        """A histogram of whole numbers."""
        self._counts[f"arena_{name}"] = (help, histogram)

    def collect(self) -> Iterable[Metric]:
        for name, (help, figure) in self._counters.items():
            counter = CounterMetricFamily(name, help)
            counter.add_metric([], figure())
            yield counter
        for name, (help, figure) in self._gauges.items():
            gauge = GaugeMetricFamily(name, help)
            gauge.add_metric([], figure())
            yield gauge
        for name, (label, family, help, figures) in self._labelled.items():
            metric = family(name, help, labels=[label])
            for value, number in figures().items():
                metric.add_metric([value], number)
            yield metric
        for name, (help, histogram) in self._durations.items():
            yield _told(name, help, histogram, TIME_BITS, NS_PER_S)
        for name, (help, histogram) in self._counts.items():
            yield _told(name, help, histogram, COUNT_BITS, 1)

    def text(self) -> bytes:
        """All of them in the format of Prometheus."""
        return generate_latest(self.registry)


def _told(name: str, help: str, histogram: Histogram, bits: range, unit: int) -> HistogramMetricFamily:
    """Buckets have the greatest number of so many bits as their bound, in units."""
    bounds = [(str(((1 << bit) - 1) / unit), float(histogram.up_to(bit))) for bit in bits]
    everything = float(sum(histogram.counts))
    return HistogramMetricFamily(name, help, buckets=[*bounds, ("+Inf", everything)], sum_value=histogram.total / unit)
