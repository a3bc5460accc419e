"""Instruments: may something be opened in one now, and is its quote still good?"""

from __future__ import annotations

from engine.kernels import kernel
from engine.reasons import Reason


@kernel
def opens_allowed(instrument):
    """May positions be opened in it? The reason why not, or ACCEPTED."""
    if not instrument.enabled:
        return Reason.INSTRUMENT_DISABLED.value
    if instrument.halted:
        return Reason.INSTRUMENT_HALTED.value
    if instrument.locked:
        return Reason.INSTRUMENT_LOCKED.value
    if instrument.close_only:
        return Reason.INSTRUMENT_CLOSE_ONLY.value
    return Reason.ACCEPTED.value


@kernel
def is_stale(book, instrument):
    """Is there no quote of the instrument, or is the last one older than its lifetime?"""
    return is_stale_at(book, instrument, book.world[0].now_ns)


@kernel
def is_stale_at(book, instrument, at_ns):
    """Was that so at `at_ns`, which is not before the last quote?"""
    quote = book.quotes[instrument]
    return quote.bid == 0 or at_ns - quote.at_ns > book.instruments[instrument].quote_lifetime_ns
