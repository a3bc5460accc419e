"""Paces: how many trades a seat may place in a minute, where its match limits them."""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.model.scale import NS_PER_S

_MINUTE_NS: Final = 60 * NS_PER_S


@kernel
def too_fast(book, row, most):
    """Have as many trades as a minute may have been placed in the last one already? At most PACE_STAMPS."""
    pace = book.paces[row]
    return pace.count >= most and pace.at_ns[pace.count % most] > book.world[0].now_ns - _MINUTE_NS


@kernel
def note_trade(book, row, most):
    """A trade has been placed now: the oldest of as many as a minute may have is forgotten."""
    pace = book.paces[row]
    pace.at_ns[pace.count % most] = book.world[0].now_ns
    pace.count += 1
