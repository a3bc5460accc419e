"""Histograms, and how Prometheus reads them."""

from __future__ import annotations

import math

from prometheus_client.parser import text_string_to_metric_families

from gateway.core.histograms import Histogram
from gateway.core.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """By name and label."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, "".join(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_a_histogram_counts_by_powers_of_two() -> None:
    histogram = Histogram()
    for value in (0, 1, 2, 3, 4, 1_000, 1 << 40):
        histogram.observe(value)
    assert [histogram.up_to(bits) for bits in (0, 1, 2, 3, 10, 40, 41)] == [1, 2, 4, 5, 6, 6, 7]
    assert histogram.total == 1_010 + (1 << 40)


def test_durations_are_told_in_seconds_and_nothing_is_lost_beyond_the_last_bucket() -> None:
    metrics, histogram = Metrics(), Histogram()
    metrics.durations("sync", "help", histogram)
    for ns in (100, 1_000_000, 60_000_000_000):
        histogram.observe(ns)
    found = samples(metrics)
    assert found["arena_sync_seconds_count", ""] == 3
    assert found["arena_sync_seconds_sum", ""] == 60.0010001
    buckets = {float(label): value for (name, label), value in found.items() if name == "arena_sync_seconds_bucket"}
    assert list(buckets) == sorted(buckets)
    assert buckets[math.inf] == 3
    assert [value for bound, value in buckets.items() if bound < 0.001][-1] == 1
    assert next(value for bound, value in buckets.items() if bound > 0.001) == 2
    assert max(bound for bound in buckets if bound < math.inf) > 8


def test_figures_are_read_when_they_are_asked_for() -> None:
    metrics, refusals, ages = Metrics(), {"OVERLOADED": 1}, {"BTCUSDT": 0.5}
    sizes = Histogram()
    metrics.counter("commands", "help", lambda: len(refusals))
    metrics.counters("refusals", "help", "code", lambda: refusals)
    metrics.gauges("feed_age_seconds", "help", "symbol", lambda: ages)
    metrics.counts("batch_records", "help", sizes)
    refusals["RATE_LIMITED"] = 2
    sizes.observe(7)
    found = samples(metrics)
    assert found["arena_commands_total", ""] == 2
    assert found["arena_refusals_total", "OVERLOADED"] == 1
    assert found["arena_refusals_total", "RATE_LIMITED"] == 2
    assert found["arena_feed_age_seconds", "BTCUSDT"] == 0.5
    assert (found["arena_batch_records_bucket", "3.0"], found["arena_batch_records_bucket", "7.0"]) == (0, 1)
