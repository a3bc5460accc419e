"""Warming up: nothing is left to be compiled while clients wait."""

from __future__ import annotations

import pytest

from engine.kernels import JIT_DISABLED
from gateway.warmup import entries, warm_up


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_all_that_python_calls_is_ready_before_the_first_client():
    warm_up()
    assert len(entries()) > 20
    assert [entry.__name__ for entry in entries() if not entry.signatures] == []


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_what_is_warm_is_not_compiled_again():
    warm_up()
    assert warm_up() == 0
