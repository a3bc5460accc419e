"""The engine against its naive twin: the same commands to both, and every outcome, event and state the same.

A difference that is found here becomes an example in another file.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from engine.invariants import check
from engine.jit import JIT_DISABLED
from engine.model.commands import (
    Amend,
    Asset,
    CancelMatch,
    CreateGame,
    CreateMatch,
    EndMatch,
    FundRewards,
    JoinMatch,
    LeaveMatch,
    OrderType,
    SetSwitch,
    StartMatch,
    TimeInForce,
    TopUp,
    Transferring,
)
from engine.model.scale import MONEY, NS_PER_MS, NS_PER_S
from tests.differential.driver import ACCOUNTS, LOCKS, TO_REACH, Driver
from tests.differential.random_transfers import FIRST_CODE
from tests.differential.twins import MATCHES, PAID, PLAYERS, Twins, game_of
from tests.harness.records import (
    AmendOrder,
    AmendPosition,
    BuyFixed,
    CancelAll,
    CancelOrder,
    ClosePosition,
    PlaceOrder,
    Pulse,
    Quote,
    Transfer,
)

THOROUGH = os.environ.get("ARENA_THOROUGH") == "1"
"""200,000 steps (commands) of the driver and 300 x 100 of hypothesis, as .ci/run has it, instead of some seconds'
worth."""


@pytest.mark.parametrize("seed", range(1, 34 if THOROUGH else 6))
def test_many_steps_are_the_same_in_both(seed: int) -> None:
    """If thorough, 200,000 together with those of the next test."""
    twins = Twins()
    if THOROUGH:
        Driver(twins, seed).steps(5_000, check_every=1_000)
    else:
        Driver(twins, seed).steps(200 if JIT_DISABLED else 1_000, check_every=25)


@pytest.mark.long
def test_the_driver_reaches_what_it_is_to_test() -> None:
    """Some seeds miss the rarest of it, in this many steps; six of them together hardly ever do."""
    seen: Counter[Any] = Counter()
    insurance = kept = 0
    for seed in range(98, 104):
        twins = Twins()
        Driver(twins, seed).steps(6_000, check_every=3_000)
        seen += twins.seen
        insurance = min(insurance, *(match.insurance for match in twins.oracle.matches.values()))
        kept += sum(match.game.keeps_fees for match in twins.won_by_nobody())
    assert [happened for happened in TO_REACH if not seen[happened]] == []
    assert any(seen["ORDER_REFUSED", reason] for reason in LOCKS)
    assert insurance < 0
    given_back = seen["WALLET_CHANGED", "REFUND"] - seen["LeaveMatch", "REFUND"] - seen["CancelMatch", "REFUND"]
    assert (kept > 0, given_back > 0) == (True, True), "nobody was fit to win"


def test_an_order_is_amended_to_every_price_the_same_in_both() -> None:
    """In a random order, so that each price is come to from below and from above."""
    twins = Twins()
    prices = list(range(-1, 403))
    for order_type, side, price, *size in (
        (OrderType.LIMIT, 1, 100, 1, 500), (OrderType.LIMIT, -1, 155, 1, 380), (OrderType.LIMIT, -1, 155, 40, 900),
        (OrderType.STOP, 1, 155, 1, 380), (OrderType.STOP, -1, 100, 1, 380), (OrderType.STOP, 1, 155, 40, 900),
        (OrderType.LIMIT, -1, 155, 7, 0, 2_000), (OrderType.STOP, -1, 100, 3, 0, 30_000),
        (OrderType.LIMIT, 1, 145, 1, 15), (OrderType.LIMIT, -1, 155, 1, 0, 2_500),
    ):  # fmt: skip
        for match in (1, 2):
            leverage, lots, margin, *_ = (*size, 0)
            placed = PlaceOrder(1, match, 1, side, order_type, leverage=leverage, lots=lots, margin=margin, price=price)
            random.Random(price).shuffle(prices)
            id = twins.oracle.next_id
            moved = [AmendOrder(1, id, Amend.PRICE, to) for to in prices]
            twins.step([placed, *moved, *moved[:50], CancelAll(1, match)])
            check(twins.machine.state)
    assert twins.seen["PlaceOrder", "ACCEPTED"] == twins.seen["ORDER_CANCELED", "NONE"] == 20
    for reason in ("ACCEPTED", "CASH_TOO_LOW", "LEVERAGE_TOO_HIGH", "NOTIONAL_TOO_LOW", "PRICE_INVALID",
                   "WOULD_FILL_NOW", "WOULD_TRIGGER_NOW"):  # fmt: skip
        assert twins.seen["AmendOrder", reason] > 10, reason


# Hypothesis, which makes a failure small


class Market(RuleBasedStateMachine):
    """Rules of one command each, whose arguments shrink."""

    @initialize()
    def start(self) -> None:
        self.twins = Twins()
        self.checked = 0

    @rule(instrument=st.sampled_from((1, 2)), bid=st.integers(1, 400), spread=st.integers(0, 10))
    def quote(self, instrument: int, bid: int, spread: int) -> None:
        self.twins.source_sequence += 1
        self.twins.step([Quote(instrument, bid, bid + spread, self.twins.source_sequence)])

    @rule(move=st.integers(-20, 20))
    def moves(self, move: int) -> None:
        bid = max(1, self.twins.oracle.markets[1].bid + move)
        self.twins.source_sequence += 1
        self.twins.step([Quote(1, bid, bid + 1, self.twins.source_sequence)])

    @rule(player=st.sampled_from(PLAYERS), match=st.sampled_from(MATCHES), instrument=st.sampled_from((1, 2)),
          side=st.sampled_from((1, -1)), leverage=st.integers(1, 60), lots=st.integers(1, 400), stops=st.booleans(),
          stop=st.integers(-20, 20), goal=st.integers(-20, 20), limit=st.none() | st.integers(-10, 10),
          seconds=st.none() | st.integers(0, 5), immediate=st.booleans(),
          trailing_ppm=st.just(0) | st.integers(0, 10**6))  # fmt: skip
    def orders(self, player: int, match: int, instrument: int, side: int, leverage: int, lots: int, stops: bool,
               stop: int, goal: int, limit: int | None, seconds: int | None, immediate: bool,
               trailing_ppm: int) -> None:  # fmt: skip
        bid = self.twins.oracle.markets[instrument].bid
        expires_at_ns = 0 if limit is None or seconds is None else self.twins.now_ns + seconds * NS_PER_S
        self.twins.step([PlaceOrder(
            player, match, instrument, side,
            OrderType.MARKET if limit is None else OrderType.STOP if stops else OrderType.LIMIT,
            TimeInForce.GTD if expires_at_ns else TimeInForce.IOC if immediate and not stops else TimeInForce.GTC,
            leverage, lots=lots,
            price=0 if limit is None else bid + limit, stop_loss=0 if trailing_ppm else stop and bid - stop,
            take_profit=goal and bid + goal, expires_at_ns=expires_at_ns, trailing_ppm=trailing_ppm,
        )])  # fmt: skip

    @rule(choice=st.integers(0, 20), percent=st.integers(1, 100))
    def closes(self, choice: int, percent: int) -> None:
        if held := list(self.twins.oracle.positions.values()):
            position = held[choice % len(held)]
            self.twins.step([ClosePosition(position.seat.player, position.id, percent=percent)])

    @rule(
        choice=st.integers(0, 20),
        stop=st.integers(-20, 20),
        fields=st.integers(0, 15),
        margin=st.integers(-100 * MONEY, 100 * MONEY),
        trailing_ppm=st.integers(0, 10**6),
    )
    def amends(self, choice: int, stop: int, fields: int, margin: int, trailing_ppm: int) -> None:
        if held := list(self.twins.oracle.positions.values()):
            position = held[choice % len(held)]
            bid = self.twins.oracle.markets[position.instrument].bid
            self.twins.step([AmendPosition(
                position.seat.player, position.id, fields, bid + stop, bid + stop, margin, trailing_ppm,
            )])  # fmt: skip

    @rule(choice=st.integers(0, 20), fields=st.integers(0, 63), price=st.integers(-20, 20), stop=st.integers(-20, 20),
          goal=st.integers(-20, 20), seconds=st.integers(-1, 5))  # fmt: skip
    def amends_orders(self, choice: int, fields: int, price: int, stop: int, goal: int, seconds: int) -> None:
        if resting := list(self.twins.oracle.orders.values()):
            order = resting[choice % len(resting)]
            at = self.twins.oracle.markets[order.command.instrument].bid + price
            ends_at_ns = self.twins.now_ns + seconds * NS_PER_S if seconds else 0
            self.twins.step([AmendOrder(order.seat.player, order.id, fields, at, stop and at - stop, goal and at + goal,
                                        ends_at_ns)])  # fmt: skip

    @rule(player=st.sampled_from(PLAYERS), match=st.sampled_from(MATCHES))
    def cancels_all(self, player: int, match: int) -> None:
        self.twins.step([CancelAll(player, match)])

    @rule(choice=st.integers(0, 20))
    def cancels(self, choice: int) -> None:
        if resting := list(self.twins.oracle.orders.values()):
            order = resting[choice % len(resting)]
            self.twins.step([CancelOrder(order.seat.player, order.id)])

    @rule(scope=st.sampled_from(("arena", "instrument", "match", "player")), id=st.integers(0, 3),
          switch=st.sampled_from(("locked", "halted", "close_only")), on=st.booleans())  # fmt: skip
    def switches(self, scope: str, id: int, switch: str, on: bool) -> None:
        self.twins.step([SetSwitch(scope, id, switch, on, "why")])

    @rule(instrument=st.sampled_from((1, 2)), hours=st.lists(st.integers(-3, 3), max_size=4, unique=True))
    def trades_from_to(self, instrument: int, hours: list[int]) -> None:
        """Windows of some minutes around Tuesday 22:13, when the round starts."""
        minutes = sorted(24 * 60 + 22 * 60 + 13 + minute for minute in hours)
        windows = tuple(zip(minutes[::2], minutes[1::2], strict=False))
        self.twins.step([replace(self.twins.oracle.markets[instrument].data, hours=windows)])

    @rule(player=st.sampled_from(PLAYERS), match=st.sampled_from(MATCHES), instrument=st.sampled_from((1, 2)),
          direction=st.sampled_from((1, -1)), stake=st.integers(1, 10_000), seconds=st.integers(5, 10))  # fmt: skip
    def buys(self, player: int, match: int, instrument: int, direction: int, stake: int, seconds: int) -> None:
        self.twins.step([BuyFixed(player, match, instrument, direction, stake, seconds)])

    @rule(player=st.integers(0, 3), asset=st.sampled_from(("USDT", "DEMO")), amount=st.integers(-1, 200_000))
    def gives(self, player: int, asset: str, amount: int) -> None:
        """To a player, or (0) to the house for its prizes."""
        self.twins.step([TopUp(player, asset, amount) if player else FundRewards(asset, amount)])

    @rule(game=st.sampled_from(PAID), practice=st.booleans())
    def makes_a_match(self, game: CreateGame, practice: bool) -> None:
        self.twins.step([CreateMatch(game_of(self.twins.oracle, game), practice and game.entry_fee == 0)])

    @rule(choice=st.integers(0, 5), player=st.sampled_from(PLAYERS), leaves=st.booleans(), again=st.booleans())
    def joins_or_leaves(self, choice: int, player: int, leaves: bool, again: bool) -> None:
        """Also twice in a batch."""
        if paid := [id for id, match in self.twins.oracle.running.items() if match.game.currency]:
            id = paid[choice % len(paid)]
            self.twins.step([LeaveMatch(id, player) if leaves else JoinMatch(id, player)] * (1 + again))

    @rule(choice=st.integers(0, 5), what=st.lists(st.sampled_from((StartMatch, CancelMatch, EndMatch)), min_size=1,
                                                  max_size=3))  # fmt: skip
    def turns_a_match(self, choice: int, what: list[Any]) -> None:
        """Begins, calls off and ends it, all in one batch."""
        if paid := [id for id, match in self.twins.oracle.running.items() if match.game.currency]:
            id = paid[choice % len(paid)]
            self.twins.step([command(id) if command is StartMatch else command(id, "so") for command in what])

    @rule(choice=st.tuples(st.integers(0, 4), st.integers(0, 4)), demo=st.booleans(), amount=st.integers(0, 100_000),
          seconds=st.none() | st.integers(0, 3), linked=st.booleans())  # fmt: skip
    def transfers(self, choice: tuple[int, int], demo: bool, amount: int, seconds: int | None, linked: bool) -> None:
        """Moves an amount or holds it for so long, and then as much again."""
        debit, credit = (ACCOUNTS[demo][place] for place in choice)
        ends_at_ns = self.twins.now_ns + seconds * NS_PER_S if seconds else 0
        flags = 0 if seconds is None else Transferring.PENDING
        first = Transfer(self.twins.oracle.sequence + 1, debit, credit, amount, FIRST_CODE, expires_at_ns=ends_at_ns,
                         flags=flags | (Transferring.LINKED if linked else 0))  # fmt: skip
        self.twins.step([first, first._replace(id=first.id << 64, flags=flags)])

    @rule(
        player=st.sampled_from(PLAYERS),
        instrument=st.sampled_from((1, 2)),
        direction=st.sampled_from((1, -1)),
        asset=st.sampled_from((Asset.DEMO, Asset.USDC)),
        stake=st.integers(1, 99),
        seconds=st.integers(5, 10),
    )
    def stakes(self, player: int, instrument: int, direction: int, asset: Asset, stake: int, seconds: int) -> None:
        units = stake * (80 if asset is Asset.DEMO else 1)
        self.twins.step([BuyFixed(player, 0, instrument, direction, units, seconds, None, asset)])

    @rule(ms=st.sampled_from((0, 1, 100, 250, 1_000, 2_000, 3_000, 60_000)))
    def passes(self, ms: int) -> None:
        self.twins.step([Pulse()], ms * NS_PER_MS)

    @invariant()
    def sound(self) -> None:
        """After each command; many a rule finds nothing that it could be about."""
        if hasattr(self, "twins") and self.checked != self.twins.oracle.sequence:
            check(self.twins.machine.state)
            self.checked = self.twins.oracle.sequence


TestMarket = pytest.mark.long(pytest.mark.timeout(600 if THOROUGH else 120)(Market.TestCase))
TestMarket.settings = settings(
    max_examples=300 if THOROUGH else 20, stateful_step_count=100 if THOROUGH else 50, deadline=None,
    suppress_health_check=list(HealthCheck), derandomize=True,
)  # fmt: skip
