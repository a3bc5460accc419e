"""The store: live money for items, both or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from engine import views
from engine.batch.machine import Machine
from engine.digest import state_hash
from engine.ledger.accounts import account_id, find_account
from engine.ledger.balances import available
from engine.ledger.funding import MAX_FUNDED
from engine.model.commands import (
    Account,
    Asset,
    Batch,
    ColdCommand,
    PurchaseItem,
    RegisterPlayer,
    SetOffer,
    StockStore,
    TopUp,
    TransferCode,
    encode_cold,
    request_key,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.state import encode_cold_state, sections, state_from
from gateway.core.records import cold_record, outcomes_of, records_of, with_blob, with_key
from tests.harness.arena import START_NS, Arena
from tests.harness.records import Transfer

BOX, COIN = Asset.TREASURE_BOX, Asset.GOLD_COIN


def balance(arena: Arena, owner: int, code: Account, asset: Asset = Asset.USDT) -> int:
    book = arena.machine.state.book
    return int(available(book, find_account(book, owner, code, asset)))


def cash(arena: Arena, player: int) -> int:
    return balance(arena, player, Account.PLAYER_CASH)


def items(arena: Arena, player: int, item: Asset = BOX) -> int:
    return balance(arena, player, Account.PLAYER_ITEMS, item)


def store(arena: Arena, price: int = 10, stock: int = 5, **changes: Any) -> None:
    """Boxes for USDT."""
    offer: dict[str, Any] = {"item": "TREASURE_BOX", "asset": "USDT", "price": price}
    arena.command(SetOffer(**offer | changes))
    if stock:
        arena.command(StockStore("TREASURE_BOX", stock))


def rich(arena: Arena, amount: int = 100) -> int:
    player = arena.command(RegisterPlayer("rich")).id
    if amount:
        arena.command(TopUp(player, "USDT", amount))
    return player


def version(arena: Arena, player: int) -> int:
    """Of the account in USDT, as the player's wallet shows it."""
    return next(found.version for found in views.wallet(arena.machine.state.book, player) if found.asset == Asset.USDT)


def test_the_price_goes_to_the_store_and_the_items_come_to_the_player(arena: Arena) -> None:
    store(arena)
    ann = rich(arena)
    arena.command(PurchaseItem(ann, "TREASURE_BOX", 3))
    assert (cash(arena, ann), items(arena, ann)) == (70, 3)
    assert (balance(arena, 0, Account.HOUSE_STORE), views.stock(arena.machine.state.book, BOX)) == (30, 2)
    told = [event for event in arena.events if event["kind"] == EventKind.WALLET_CHANGED]
    assert [(event["player"], event["asset"], event["change"], event["balance"], event["code"]) for event in told] == [
        (ann, Asset.USDT, -30, 70, TransferCode.PURCHASE), (ann, BOX, 3, 3, TransferCode.PURCHASE),
    ]  # fmt: skip
    assert [(found.asset, found.balance) for found in views.inventory(arena.machine.state.book, ann)] == [(BOX, 3)]


def test_each_item_has_its_own_offer_and_currency(arena: Arena) -> None:
    store(arena)
    arena.command(SetOffer("GOLD_COIN", "BT", 7))
    arena.command(StockStore("GOLD_COIN", 1))
    ann = rich(arena)
    arena.command(TopUp(ann, "BT", 7))
    arena.command(PurchaseItem(ann, "GOLD_COIN"))
    assert (balance(arena, ann, Account.PLAYER_CASH, Asset.BT), items(arena, ann, COIN)) == (0, 1)
    assert cash(arena, ann) == 100


def test_with_money_for_one_a_player_buys_one(arena: Arena) -> None:
    store(arena)
    ann = rich(arena, 19)
    arena.command(PurchaseItem(ann, "TREASURE_BOX"))
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(PurchaseItem(ann, "TREASURE_BOX"))
    assert (cash(arena, ann), items(arena, ann)) == (9, 1)


def test_two_purchases_of_one_batch_with_money_for_one_are_one(arena: Arena) -> None:
    store(arena)
    ann = rich(arena, 10)
    applied = arena.apply([PurchaseItem(ann, "TREASURE_BOX"), PurchaseItem(ann, "TREASURE_BOX")])
    assert applied.outcomes["reason"].tolist() == [Reason.ACCEPTED, Reason.INSUFFICIENT_FUNDS]
    assert (cash(arena, ann), items(arena, ann)) == (0, 1)


def test_what_is_held_elsewhere_buys_nothing(arena: Arena) -> None:
    store(arena)
    ann = rich(arena, 10)
    fees = arena.account(0, Account.HOUSE_FEES)
    arena.command(Transfer(1, account_id(ann, Account.PLAYER_CASH, Asset.USDT), fees, 1, flags=1))
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(PurchaseItem(ann, "TREASURE_BOX"))


def test_the_last_one_is_sold_once(arena: Arena) -> None:
    store(arena, stock=1)
    ann, bob = rich(arena), rich(arena)
    with arena.refuses(Reason.OUT_OF_STOCK):
        arena.command(PurchaseItem(ann, "TREASURE_BOX", 2))
    arena.command(PurchaseItem(ann, "TREASURE_BOX"))
    with arena.refuses(Reason.OUT_OF_STOCK):
        arena.command(PurchaseItem(bob, "TREASURE_BOX"))
    assert (cash(arena, bob), items(arena, bob)) == (100, 0)


@pytest.mark.parametrize("count", [0, -1, -(1 << 62), BOUND // 10 + 1, 1 << 62, (1 << 63) - 1])
def test_a_count_that_would_be_stolen_with_is_refused(arena: Arena, count: int) -> None:
    """Below one it would pay the player; so large that the price wraps, it would cost nothing."""
    store(arena)
    ann = rich(arena)
    with arena.refuses(Reason.COUNT_INVALID):
        arena.command(PurchaseItem(ann, "TREASURE_BOX", count))


def test_the_dearest_offer_and_the_largest_count_are_within_bounds(arena: Arena) -> None:
    store(arena, price=BOUND, stock=MAX_FUNDED)
    ann = rich(arena, MAX_FUNDED)
    arena.command(PurchaseItem(ann, "TREASURE_BOX"))
    with arena.refuses(Reason.COUNT_INVALID):
        arena.command(PurchaseItem(ann, "TREASURE_BOX", 2))
    store(arena, price=1, stock=0)
    arena.command(PurchaseItem(ann, "TREASURE_BOX", BOUND))
    assert (cash(arena, ann), items(arena, ann)) == (MAX_FUNDED - 2 * BOUND, BOUND + 1)


def test_takings_that_could_no_longer_be_counted_are_refused(arena: Arena) -> None:
    """Money that goes round and round: the store's is brought back by hand."""
    store(arena, price=BOUND, stock=9)
    ann = rich(arena, BOUND)
    takings = arena.account(0, Account.HOUSE_STORE)
    back = account_id(ann, Account.PLAYER_CASH, Asset.USDT)
    for id in (1, 2, 3):
        arena.command(PurchaseItem(ann, "TREASURE_BOX"))
        arena.command(Transfer(id, takings, back, BOUND))
    arena.command(Transfer(4, arena.account(0, Account.WORLD), takings, 1))
    with arena.refuses(Reason.AMOUNT_INVALID):
        arena.command(PurchaseItem(ann, "TREASURE_BOX"))


def test_who_saw_another_balance_is_told(arena: Arena) -> None:
    store(arena)
    ann = rich(arena)
    seen = version(arena, ann)
    arena.command(PurchaseItem(ann, "TREASURE_BOX", version=seen))
    with arena.refuses(Reason.VERSION_CONFLICT):
        arena.command(PurchaseItem(ann, "TREASURE_BOX", version=seen))
    arena.command(PurchaseItem(ann, "TREASURE_BOX", version=version(arena, ann)))
    broke = rich(arena, 0)
    with arena.refuses(Reason.VERSION_CONFLICT):
        arena.command(PurchaseItem(broke, "TREASURE_BOX", version=1))  # there is no account
    assert items(arena, ann) == 2


def test_an_offer_is_taken_back_and_made_anew(arena: Arena) -> None:
    ann = rich(arena)
    with arena.refuses(Reason.OFFER_NOT_FOUND):
        arena.command(PurchaseItem(ann, "TREASURE_BOX"))
    store(arena)
    store(arena, active=False, stock=0)
    with arena.refuses(Reason.OFFER_NOT_ACTIVE):
        arena.command(PurchaseItem(ann, "TREASURE_BOX"))
    store(arena, price=50, stock=0)
    arena.command(PurchaseItem(ann, "TREASURE_BOX"))
    assert cash(arena, ann) == 50


@pytest.mark.parametrize("asset", ["DEMO", "GOLD_COIN", "TREASURE_BOX"])
def test_neither_demo_money_nor_items_become_live(arena: Arena, asset: str) -> None:
    with arena.refuses(Reason.OFFER_INVALID):
        store(arena, stock=0, asset=asset)


def test_demo_money_pays_no_price_in_live_money(arena: Arena) -> None:
    store(arena)
    ann = rich(arena, 0)
    arena.command(TopUp(ann, "DEMO", 100))
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(PurchaseItem(ann, "TREASURE_BOX"))


def test_only_who_is_there_buys_and_only_from_his_own_account(arena: Arena) -> None:
    store(arena)
    ann, bob = rich(arena), rich(arena, 0)
    for player in (0, -1, bob + 1, 1 << 40):
        with arena.refuses(Reason.PLAYER_NOT_FOUND):
            arena.command(PurchaseItem(player, "TREASURE_BOX"))
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(PurchaseItem(bob, "TREASURE_BOX"))
    assert cash(arena, ann) == 100


# Once, whatever happens


def keyed(machine: Machine, command: ColdCommand, player: int = 0, key: str = "") -> tuple[Batch, Any]:
    """Apply the command as it comes through the gateway: its batch, and the outcome."""
    blob = encode_cold(command)
    record = cold_record(player)
    if key:
        record = with_key(record, request_key(player, key), blob)
    sequence = int(machine.state.book.world[0]["sequence"]) + 1
    batch = Batch(sequence, START_NS + sequence, records_of(with_blob(record, len(blob), 0)), blob)
    return batch, next(iter(outcomes_of(machine.apply(batch).outcomes)))


def test_a_retry_buys_nothing_before_and_after_a_restart() -> None:
    machine, log = Machine(), []
    for command in (SetOffer("TREASURE_BOX", "USDT", 10), StockStore("TREASURE_BOX", 9), RegisterPlayer("ann"),
                    TopUp(1, "USDT", 100)):  # fmt: skip
        log.append(keyed(machine, command)[0])
    purchase = PurchaseItem(1, "TREASURE_BOX", 2)
    for replayed in (0, 1):
        batch, outcome = keyed(machine, purchase, 1, "once")
        assert (outcome.reason, outcome.replayed) == (Reason.ACCEPTED, replayed)
        log.append(batch)

    from_snapshot = Machine(state_from(sections(machine.state), encode_cold_state(machine.state.cold)))
    from_log = Machine()
    for batch in log:
        from_log.apply(batch)
    for restarted in (from_snapshot, from_log):
        _, outcome = keyed(restarted, purchase, 1, "once")
        assert (outcome.reason, outcome.replayed) == (Reason.ACCEPTED, 1)
        found = views.wallet(restarted.state.book, 1)
        assert {view.asset: view.balance for view in found} == {Asset.USDT: 80, BOX: 2}
        _, outcome = keyed(restarted, PurchaseItem(1, "TREASURE_BOX", 3), 1, "once")
        assert outcome.reason == Reason.KEY_REUSED
    assert state_hash(from_snapshot.state) == state_hash(from_log.state)
