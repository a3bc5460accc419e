"""Long answers are made a piece at a time, and one answer at a time, so that everybody else has his turn in between.

Not in a thread: there is one interpreter for all threads, and one that computes keeps it for 5 ms whenever it has it,
while a piece takes a fraction of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, TypeVar

Row = TypeVar("Row")
Made = TypeVar("Made")

PIECE: Final = 50
"""Rows that are made in one turn: about 0.2 ms."""


class Turns:
    """Whose turn it is to make an answer."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def make(self, make: Callable[[Row], Made], rows: Iterable[Row]) -> list[Made]:
        """What `make` makes of each row."""
        made: list[Made] = []
        waiting = iter(rows)
        async with self._turn:
            while piece := list(islice(waiting, PIECE)):
                made += map(make, piece)
                await asyncio.sleep(0)
        return made
