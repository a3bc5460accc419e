"""What a batch is to kernels: its commands and its events, each one array of records that is looked at through the
layout of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


_BY_NAME = {layout.__name__.lower(): dtype for layout, dtype in events.DTYPES.items() if layout is not events.Event}


class Events(RecordView, layouts=_BY_NAME):
    """A buffer of events: an array of EVENT. The rows of a layout have its class's name, in lower case."""

    header: Rows = rows_of(events.EVENT)
    words: NDArray[np.int64] = rows_of(np.int64)  # EVENT_BYTES / 8 of each event

    if TYPE_CHECKING:

        def __getattr__(self, layout: str) -> Rows: ...

    def rows(self, kind: events.EventKind) -> Rows:
        """The buffer in the layout of that kind."""
        layout = events.LAYOUTS[kind]
        found: Rows = self.header if layout is events.Event else getattr(self, layout.__name__.lower())
        return found
