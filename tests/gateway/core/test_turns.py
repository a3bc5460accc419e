"""Long answers, and others' turns in between."""

from __future__ import annotations

import asyncio

from gateway.core.turns import PIECE, Turns


async def test_others_have_their_turn_while_a_long_answer_is_made() -> None:
    turns, told = Turns(), list[str]()

    def make(row: int) -> int:
        told.append("row")
        return -row

    async def others() -> None:
        while True:
            told.append("others")
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    assert await turns.make(make, range(10 * PIECE)) == [-row for row in range(10 * PIECE)]
    task.cancel()
    longest = max(len(piece) for piece in " ".join(told).split("others"))
    assert longest <= len(" row") * PIECE + 1


async def test_one_answer_is_made_at_a_time() -> None:
    turns, told = Turns(), list[int]()

    def make(row: int) -> None:
        told.append(row)

    await asyncio.gather(*(turns.make(make, [answer] * 3 * PIECE) for answer in range(5)))
    assert told == sorted(told)
    assert await turns.make(make, []) == []
