"""Orders in the projection: one row each, whatever becomes of it, and in a file of an older schema too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.model.events import EventKind
from engine.model.reasons import Reason
from persistence import projection
from persistence.queries import Queries
from persistence.rows import ORDERS, Wanted
from tests.harness.arena import LONG, SHORT, Arena

LOG_ID = b"i" * 16


@pytest.fixture
def arena(monkeypatch: pytest.MonkeyPatch) -> tuple[Arena, list[np.ndarray[Any, Any]]]:
    """An arena, and the events of all that it applies."""
    made, told = Arena(), []
    apply = made.machine.apply

    def recording(batch: Any) -> Any:
        applied = apply(batch)
        told.append(applied.events.copy())
        return applied

    monkeypatch.setattr(made.machine, "apply", recording)
    return made, told


def store(path: Path, *batches: np.ndarray[Any, Any], last: int = 99) -> None:
    with closing(projection.connect(path)) as connection:
        projection.store(connection, LOG_ID, last, [projection.projected_events(events) for events in batches])


@pytest.mark.parametrize("at_once", [True, False])
async def test_each_order_is_one_row(arena: Any, tmp_path: Path, at_once: bool) -> None:
    """In one transaction or in many: what comes later is what stands there."""
    game, told = arena
    alice = game.player()
    game.quote("BTCUSDT", 60_000)
    market = alice.opens("BTCUSDT", LONG, margin=500, leverage=10, client_order_id="a")
    filled = alice.limit("BTCUSDT", LONG, 59_500, margin=500, leverage=10, client_order_id="b")
    canceled = alice.limit("BTCUSDT", SHORT, 70_000, margin=500, leverage=10)
    alice.moves(filled, price=59_000)
    alice.cancels(canceled)
    game.quote("BTCUSDT", 58_000)

    path = tmp_path / projection.FILE
    if at_once:
        store(path, *told)
    else:
        for events in told:
            store(path, events)
    queries = Queries(path)
    third, second, first = await queries.page(ORDERS, alice.id, Wanted(10))
    assert [first.id, second.id, third.id] == [market, filled, canceled]
    assert [first.kind, second.kind, third.kind] == [
        EventKind.POSITION_OPENED, EventKind.POSITION_OPENED, EventKind.ORDER_CANCELED,
    ]  # fmt: skip
    assert (first.price, first.fill_price, first.accepted_message) == (0, 6_000_000, first.message)
    assert (second.price, second.fill_price) == (5_900_000, 5_900_000)
    assert second.accepted_message < third.accepted_message < third.message < second.message
    assert (third.price, third.fill_price, third.reason) == (7_000_000, 0, Reason.ACCEPTED)
    assert await queries.order(alice.id, filled) == second == await queries.order_of_client(alice.id, "b")
    assert await queries.order(alice.id + 1, filled) is None
    assert await queries.order_of_client(alice.id, "c") is None
    await queries.close()


async def test_an_older_file_gets_the_orders_of_its_fills(arena: Any, tmp_path: Path) -> None:
    game, told = arena
    alice = game.player()
    game.quote("BTCUSDT", 60_000)
    order = alice.opens("BTCUSDT", LONG, margin=500, leverage=10, client_order_id="a")
    path = tmp_path / projection.FILE
    store(path, *told)
    queries = Queries(path)
    row = await queries.order(alice.id, order)
    await queries.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP TABLE orders; DROP TABLE notifications; DROP INDEX closed_by_position; PRAGMA user_version = 7"
        )

    projection.copy(path, tmp_path / "newer")
    queries = Queries(tmp_path / "newer")
    assert row is not None
    assert await queries.order(alice.id, order) == row
    await queries.close()
