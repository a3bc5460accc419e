"""Paces: how many trades a seat may place in a minute, where its match limits them."""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.model.scale import NS_PER_S

_MINUTE_NS: Final = 60 * NS_PER_S


@kernel
def exceeds_order_rate(book, row, most):
    """Have as many trades as a minute may have been placed in the last one already? At most ORDER_RATE_STAMPS."""
    order_rate = book.order_rates[row]
    return order_rate.count >= most and order_rate.at_ns[order_rate.count % most] > book.world[0].now_ns - _MINUTE_NS


@kernel
def record_order(book, row, most):
    """A trade has been placed now: the oldest of as many as a minute may have is forgotten."""
    order_rate = book.order_rates[row]
    order_rate.at_ns[order_rate.count % most] = book.world[0].now_ns
    order_rate.count += 1
