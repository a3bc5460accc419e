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


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_kernels_are_handed_no_enums():
    """To tell what an enum is takes numba a tenth of a millisecond a call: more than all else that a transfer costs."""
    warm_up()
    handed = {str(type_) for entry in entries() for signature in entry.signatures for type_ in signature}
    assert [name for name in handed if "enum" in name.lower()] == []
