"""What an arena writes: an idle day stays within what a disk can bear."""

from __future__ import annotations

from bench.disk import run

GIGABYTE = 1_000


def test_an_idle_day_grows_the_folder_by_less_than_a_gigabyte() -> None:
    found = run(seconds=10)
    day = found["megabytes_per_idle_day"]
    assert day["log_compressed"] + day["history"] < GIGABYTE
    assert day["log"] > 10 * day["log_compressed"]
    assert found["bytes_per_order_alone"]["log"] == 4096
