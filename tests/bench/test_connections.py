"""A small run of the bench of many connections."""

from __future__ import annotations

from pathlib import Path

from bench.connections import run


def test_idle_and_active_connections_are_measured_beside_each_other(tmp_path: Path) -> None:
    results = run(tmp_path, idle=20, active=6, seconds=1.0)
    assert (results["idle"], results["active"], results["lost_connections"]) == (20, 6, 0)
    assert results["maximum_per_s"] > 0
    assert abs(results["replies_per_s"] - results["sent_per_s"]) <= 3  # each is answered, but for a refusal
    assert 0 < results["durable_reply_p50_ms"] <= results["durable_reply_p99_ms"] <= results["durable_reply_p999_ms"]
