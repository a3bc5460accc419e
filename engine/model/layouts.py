"""What a batch is to kernels: its commands and its events, each one array of records that is looked at through the
layout of its kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.jit.bundles import RecordView, rows_of
from engine.model import commands, events

Rows = NDArray[np.void]


class Commands(RecordView):
    """The hot commands of one batch, and the headers of its cold ones: an array of COMMAND."""

    header: Rows = rows_of(commands.COMMAND)
    quote: Rows = rows_of(commands.QUOTE)
    place: Rows = rows_of(commands.PLACE_ORDER)
    cancel: Rows = rows_of(commands.CANCEL_ORDER)
    close: Rows = rows_of(commands.CLOSE_POSITION)
    amend: Rows = rows_of(commands.AMEND_POSITION)
    amend_order: Rows = rows_of(commands.AMEND_ORDER)
    buy_fixed: Rows = rows_of(commands.BUY_FIXED)
    transfer: Rows = rows_of(commands.TRANSFER)


class Events(RecordView):
    """A buffer of events: an array of EVENT."""

    header: Rows = rows_of(events.EVENT)
    trade: Rows = rows_of(events.TRADE)
    judged: Rows = rows_of(events.JUDGED)
    ranked: Rows = rows_of(events.RANKED)
    fixed: Rows = rows_of(events.FIXED)
    quoted: Rows = rows_of(events.QUOTED)
    candle: Rows = rows_of(events.CANDLE)
    switched: Rows = rows_of(events.SWITCHED)
    transferred: Rows = rows_of(events.TRANSFERRED)
    wallet: Rows = rows_of(events.WALLET)
    sampled: Rows = rows_of(events.SAMPLED)
    timed: Rows = rows_of(events.TIMED)
    progressed: Rows = rows_of(events.PROGRESSED)
    queued: Rows = rows_of(events.QUEUED)
    words: NDArray[np.int64] = rows_of(np.int64)  # EVENT_BYTES / 8 of each event
