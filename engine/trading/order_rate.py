"""Order-rate limit: orders that a seat may place in a minute, by a ring buffer of their times."""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.model.scale import NS_PER_S
from engine.model.tables import Book

MINUTE_NS: Final = 60 * NS_PER_S


@kernel
def exceeds_order_rate(book: Book, row: int, limit: int) -> bool:
    """Were `limit` orders placed within the last minute? The limit is at most ORDER_RATE_STAMPS."""
    order_rate = book.order_rates[row]
    return order_rate.count >= limit and order_rate.at_ns[order_rate.count % limit] > book.world[0].now_ns - MINUTE_NS


@kernel
def record_order(book: Book, row: int, limit: int) -> None:
    """Record an order placed now; it overwrites the time of the oldest of the last `limit`."""
    order_rate = book.order_rates[row]
    order_rate.at_ns[order_rate.count % limit] = book.world[0].now_ns
    order_rate.count += 1
