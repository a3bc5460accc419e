"""Warming up: nothing is left to be compiled while clients wait."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from engine.jit import JIT_DISABLED
from engine.precompile import compile_entries, entries
from tests.gateway.ops.test_wallet import operator
from tests.harness.gateway import open_gateway


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_all_that_python_calls_is_ready_before_the_first_client() -> None:
    compile_entries()
    assert len(entries()) > 20
    assert [entry.py_func.__name__ for entry in entries() if not entry.signatures] == []


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_what_is_warm_is_not_compiled_again() -> None:
    compile_entries()
    assert compile_entries() == 0


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_kernels_are_handed_no_enums() -> None:
    """To tell what an enum is takes numba a tenth of a millisecond a call: more than all else that a transfer costs. In
    a process of its own, because tests may hand kernels what they like."""
    script = (
        "from engine.precompile import compile_entries, entries\n"
        "compile_entries()\n"
        "print({str(handed) for entry in entries() for signature in entry.signatures for handed in signature})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=110, check=True)
    assert "int64" in done.stdout
    assert "enum" not in done.stdout.lower()


ASKED: dict[str, Any] = {
    "me.get": {}, "me.wallet": {}, "store.list": {}, "inventory.list": {}, "referral.get": {}, "fixed.list": {},
    "game.list": {}, "match.list": {}, "match.get": {"match": 1}, "match.board": {"match": 1}, "board.cups": {},
    "order.list": {"match": 1}, "position.list": {"match": 1}, "quote": {"symbol": "BTCUSDT"},
    "wallet.purchase": {"item": "GOLD_COIN"}, "wallet.top_up": {"asset": "USDT", "amount": "1"},
}  # fmt: skip


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
async def test_what_players_ask_for_is_compiled_already() -> None:
    """Whoever looked at the store first made everybody wait: its item was a number where others are of an enum."""
    compile_entries()
    gateway = await open_gateway()
    boss, ann = await operator(gateway), await gateway.player()
    await boss.result("admin.set_offer", {"item": "GOLD_COIN", "price": "1"})
    await boss.result("admin.stock", {"item": "GOLD_COIN", "count": 10})
    await ann.result("wallet.top_up", {"asset": "BT", "amount": "5"})
    warm = {kernel: len(kernel.signatures) for kernel in entries()}
    for op, args in ASKED.items():
        await ann.result(op, args)
    await gateway.stops()
    assert [kernel.py_func.__name__ for kernel, signatures in warm.items() if len(kernel.signatures) > signatures] == []
