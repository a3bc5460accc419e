"""Every reason, provoked: one line of the table each, and each leaves the state as it was.

`arena.refuses` holds the state against what it was before, so the table proves both at once.
"""

# mypy: disable-error-code="func-returns-value"
# A lambda of several steps is a tuple of what they return.

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.competition import joining
from engine.model.commands import (
    Account,
    Amend,
    ArchiveMatch,
    Asset,
    CancelMatch,
    CancelOnDisconnect,
    CreateGame,
    CreateMatch,
    DefineZone,
    DeleteGame,
    Directions,
    EndMatch,
    Execution,
    FundReferrals,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    OrderType,
    PurchaseItem,
    ReadNotifications,
    RegisterPlayer,
    ResetSeat,
    SetConnected,
    SetGameActive,
    SetKeyLimits,
    SetOffer,
    SetReferrals,
    SetSwitch,
    SettleInstrument,
    StartMatch,
    StartSeason,
    StockStore,
    TimeInForce,
    TopUp,
    Transferring,
    UpdateGame,
)
from engine.model.events import EventKind, FixedResult
from engine.model.reasons import Reason
from engine.model.scale import BOUND, MONEY
from tests.harness.arena import BTC, LONG, SHORT, Arena, Player
from tests.harness.records import (
    AmendOrder,
    AmendPosition,
    Asked,
    BuyFixed,
    CancelAll,
    ClosePosition,
    PlaceOrder,
    Quote,
    Transfer,
    Unknown,
)

PENDING, POST, VOID, LINKED = Transferring.PENDING, Transferring.POST, Transferring.VOID, Transferring.LINKED

ENGINE = Path(__file__).parents[3] / "engine"


class Scene:
    """Alice has a long of 0.1 BTC and a limit order; Bob has nothing. BTC is quoted 59,990 / 60,000, ether is not."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.alice: Player = arena.player(cash=1_000, fees=True, max_positions=4, max_leverage=110)
        self.bob: Player = arena.player(cash=1_000, fees=True, max_positions=4, max_leverage=110)
        arena.quote("BTCUSDT", 59_990, 60_000)
        self.position = self.alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=100, key="key")
        self.order = self.alice.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=100)

    def join(self) -> None:
        """Bob has joined a match of a minute."""
        game = self.arena.command(CreateGame("Minute", "", MONEY, 1, 1, duration_s=60)).id
        self.contest = self.arena.command(CreateMatch(game, practice=False)).id
        self.arena.command(JoinMatch(self.contest, self.bob.id))

    def paid(self) -> None:
        """A match that costs a unit."""
        game = CreateGame("Paid", "", MONEY, 1, 1, duration_s=60, currency="USDT", entry_fee=1, prize_split=(100,))
        self.contest = self.arena.command(CreateMatch(self.arena.command(game).id, practice=False)).id

    def room(self, **rules: Any) -> None:
        """Bob waits in a match for two or three players, whose code is "x"."""
        game = self.arena.command(
            CreateGame("Room", "", MONEY, 1, 1, duration_s=60, min_players=2, max_players=3, countdown_s=10, **rules)
        ).id
        self.contest = self.arena.command(CreateMatch(game, practice=False, code="x")).id
        self.arena.command(JoinMatch(self.contest, self.bob.id, "x"))

    def queues(self, **rules: Any) -> None:
        """Bob waits in the queue of a game for three."""
        game = CreateGame("Quick", "", MONEY, 1, 1, duration_s=60, min_players=3, **rules)
        self.game = self.arena.command(game).id
        self.arena.command(JoinQueue(self.game, self.bob.id))

    def challenge(self, **rules: Any) -> None:
        """Dora plays a match with challenge rules."""
        self.challenger = self.arena.player(**rules)

    def dora(self, symbol: str = "BTCUSDT", side: int = LONG) -> int:
        return self.challenger.opens(symbol, side, quantity="0.1", leverage=10)

    def hurry(self) -> int:
        """Carol's market order waits for its quote: its id."""
        self.carol = self.arena.player(execution=Execution.NEXT)
        return self.carol.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)

    def place(self, **changes: Any) -> None:
        """Bob buys 0.1 BTC ten times leveraged, but for the changes."""
        fields: dict[str, Any] = {"player": self.bob.id, "match": self.bob.match, "instrument": 1, "side": LONG,
                                  "leverage": 10, "lots": 10_000}  # fmt: skip
        self.arena.command(PlaceOrder(**(fields | changes)))

    def limit(self, **changes: Any) -> None:
        self.place(**({"order_type": OrderType.LIMIT, "price": 5_900_000} | changes))

    def opens_short(self) -> None:
        """Alice has a short too, whose stop trails."""
        self.short = self.alice.opens("BTCUSDT", SHORT, quantity="0.01", leverage=100, trailing_stop=10_000)

    def tops_up(self, key: str) -> None:
        self.arena.command(Asked(TopUp(self.alice.id, "USDT", 1), self.alice.id, key))

    def close(self, **fields: Any) -> None:
        self.arena.command(ClosePosition(**({"player": self.alice.id, "position": self.position} | fields)))

    def amend(self, **fields: Any) -> None:
        stops = {"player": self.alice.id, "position": self.position, "fields": Amend.STOP_LOSS | Amend.TAKE_PROFIT}
        self.arena.command(AmendPosition(**(stops | fields)))

    def rests(self, **changes: Any) -> None:
        """A limit order of Bob's is `order`."""
        self.limit(**changes)
        self.order = self.bob.orders[-1]

    def move(self, player: Player, **fields: Any) -> None:
        """Somebody amends `order`."""
        bits = {"price": Amend.PRICE, "stop_loss": Amend.STOP_LOSS, "take_profit": Amend.TAKE_PROFIT,
                "expires_at_ns": Amend.EXPIRY}  # fmt: skip
        named = sum(bits[name] for name in fields if name in bits)
        self.arena.command(AmendOrder(**({"player": player.id, "order": self.order, "fields": named} | fields)))

    def buy(self, **changes: Any) -> None:
        """Bob stakes 10 on a higher bitcoin in a minute, but for the changes."""
        fields: dict[str, Any] = {"player": self.bob.id, "match": self.bob.match, "instrument": 1, "direction": LONG,
                                  "stake": 10 * MONEY, "duration_s": 60}  # fmt: skip
        self.arena.command(BuyFixed(**(fields | changes)))

    def wallets(self) -> None:
        """Bob has 100 of demo money, the house 40, and stakes of it are taken."""
        self.arena.change("BTCUSDT", fixed_wallets=("DEMO",))
        self.arena.command(TopUp(self.bob.id, "DEMO", 100 * MONEY))
        self.arena.command(FundRewards("DEMO", 40 * MONEY))

    def stake(self, **changes: Any) -> None:
        """Bob does so from his wallet of demo money, but for the changes."""
        self.buy(**({"match": 0, "asset": Asset.DEMO} | changes))

    def dora_stakes(self, **changes: Any) -> None:
        self.buy(player=self.challenger.id, match=self.challenger.match, **changes)

    def bank(self) -> None:
        """Alice has 100 units of USDT in the ledger, and three holds of 10 for Bob: one open, one voided, one whose
        time was up. Bob has nothing; Alice has an account in SOL."""
        arena = self.arena
        self.cash = arena.account(self.alice.id, Account.PLAYER_CASH, balance=100)
        self.his = arena.account(self.bob.id, Account.PLAYER_CASH)
        self.sol = arena.account(self.alice.id, Account.PLAYER_CASH, Asset.SOL, balance=100)
        for id in (1, 2, 3):
            expires_at_ns = arena.now_ns + 1 if id == 3 else 0
            arena.command(Transfer(id, self.cash, self.his, 10, flags=PENDING, expires_at_ns=expires_at_ns))
        arena.command(Transfer(4, hold=2, flags=VOID))
        arena.passes("0.000000001")

    def pay(self, **changes: Any) -> None:
        """Alice pays Bob 5, but for the changes."""
        fields = {"id": 10, "debit": self.cash, "credit": self.his, "amount": 5}
        self.arena.command(Transfer(**(fields | changes)))

    def resolve(self, hold: int, flags: int = POST, **changes: Any) -> None:
        """A hold of Alice's is posted, 10 of it, or voided, but for the changes."""
        fields = {"id": 10, "hold": hold, "amount": 10 if flags & POST else 0, "flags": flags}
        self.arena.command(Transfer(**(fields | changes)))

    def store(self, **changes: Any) -> None:
        """Two boxes for 10 units of USDT each, but for the changes, and Bob has 15."""
        self.offer(**changes)
        self.arena.command(StockStore("TREASURE_BOX", 2))
        self.arena.command(TopUp(self.bob.id, "USDT", 15))

    def offer(self, **changes: Any) -> None:
        fields: dict[str, Any] = {"item": "TREASURE_BOX", "asset": "USDT", "price": 10}
        self.arena.command(SetOffer(**(fields | changes)))

    def purchase(self, **changes: Any) -> None:
        """Bob buys one, but for the changes."""
        fields: dict[str, Any] = {"player": self.bob.id, "item": "TREASURE_BOX"}
        self.arena.command(PurchaseItem(**(fields | changes)))


Refused = Callable[[Scene], Any]

BAD_INSTRUMENTS: list[dict[str, Any]] = [
    {"symbol": ""},
    {"symbol": "X" * 33},
    {"tick_units": 0},
    {"lot_units": 0},
    {"tick_units": 1, "lot_units": 1},  # a lot would be worth less than a unit a tick
    {"tick_units": MONEY + 1, "lot_units": MONEY + 1},  # worth no whole number
    {"min_lots": 0},
    {"min_lots": 2, "max_lots": 1},
    {"min_notional": -1},
    {"highest_price": 0},
    {"highest_price": 10**12 + 1, "max_lots": 1},
    {"max_lots": BOUND // (BTC.highest_price * 10) + 1},
    {"max_leverage": 0},
    {"max_leverage": 1001},
    {"taker_fee_ppm": -1},
    {"taker_fee_ppm": 100_001},
    {"maker_fee_ppm": -1},
    {"maker_fee_ppm": 100_001},
    {"max_spread_ppm": 0},
    {"max_spread_ppm": 1_000_001},
    {"markup_ticks": -1},
    {"quote_lifetime_ns": 0},
    {"brackets": ()},
    {"brackets": BTC.brackets * 3},
    {"brackets": BTC.brackets[1::-1] + BTC.brackets[2:]},
    {"brackets": (replace(BTC.brackets[0], maintenance_ppm=400_001),)},
    {"brackets": (replace(BTC.brackets[0], maintenance_ppm=-1),)},
    {"brackets": (replace(BTC.brackets[0], max_leverage=0),)},
    {"brackets": (replace(BTC.brackets[0], maintenance_cum=-1),)},
    {"symbol": "BTCUSDT", "lot_units": 10_000},  # open positions are counted in its lots
    {"symbol": "BTCUSDT", "quote": "USDC"},
    {"fixed_payout_percent": -1},
    {"fixed_payout_percent": 1_001},
    {"fixed_min_stake": 0},
    {"fixed_min_stake": 2, "fixed_max_stake": 1},
    {"fixed_max_stake": BOUND // 1_000 + 1},
    {"fixed_min_s": 4},
    {"fixed_min_s": 61, "fixed_max_s": 60},
    {"fixed_max_s": 24 * 3600 + 1},
    {"fixed_exposure_cap": -1},
    {"fixed_exposure_cap": BOUND + 1},
    {"fixed_wallets": ("SOL",)},
    {"fixed_wallets": ("DEMO", "DOGE")},
    {"hours": ((-1, 10),)},
    {"hours": ((10_000, 10_081),)},
    {"hours": ((10, 10),)},
    {"hours": ((11, 10),)},
    {"hours": ((0, 10), (9, 20))},  # they overlap
    {"hours": ((10, 20), (0, 10))},
    {"hours": tuple((10 * number, 10 * number + 1) for number in range(15))},
]

BAD_SWITCHES: list[tuple[str, int, str, bool, str]] = [
    ("moon", 1, "locked", True, "why"),
    ("ARENA", 0, "locked", True, "why"),
    ("arena", 1, "locked", True, "why"),
    ("arena", 0, "halted", True, "why"),
    ("instrument", 0, "locked", True, "why"),
    ("instrument", 3, "locked", True, "why"),
    ("instrument", 1, "enabled", True, "why"),
    ("match", -1, "locked", True, "why"),
    ("match", 99, "locked", True, "why"),
    ("match", 1, "close_only", True, "why"),
    ("player", 3, "locked", True, "why"),
    ("player", 1, "halted", False, "why"),
    ("player", 1, "locked", True, ""),
    ("player", 1, "locked", True, " "),
]

GAME = CreateGame("Game", "", 1, 1, 1)

BAD_CHALLENGES: list[dict[str, Any]] = [
    {"max_trades_per_minute": -1},
    {"max_trades_per_minute": 61},
    {"min_trades": -1},
    {"min_hold_s": -1},
    {"max_daily_drawdown_ppm": -1},
    {"max_daily_drawdown_ppm": 1_000_001},
    {"max_total_drawdown_ppm": 1_000_001},
    {"max_loss_per_trade_ppm": 1_000_001},
    {"profit_target_ppm": -1},
    {"profit_target_ppm": 100_000_001},
    {"min_players": -1},
    {"min_players": 3, "max_players": 2},
    {"max_players": -1},
    {"max_players": 100_001},
    {"countdown_s": -1},
    {"countdown_s": 7 * 86_400 + 1},
    {"duration_s": -1},
    {"duration_s": 366 * 86_400 + 1},
    {"reward_price": -1},
    {"entry_fee": -1},
    {"house_fee_ppm": 1_000_001},
    {"prize_split": (60, 30)},
    {"prize_split": (110, -10)},
    {"prize_split": (100,), "reward_price": 1},
    {"queue_timeout_s": -1},
    {"queue_timeout_s": 7 * 86_400 + 1},
    {"outage_s": -1},
    {"outage_s": 7 * 86_400 + 1},
    {"day_start_min": -1},
    {"day_start_min": 24 * 60},
]

BAD_CAREERS: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "x" * 101},
    {"description": "x" * 2_001},
    {"cover": "x" * 501},
    *({field: count} for field in ("cup", "win_exp", "lose_exp") for count in (-1, 1_000_001)),
    {"item_rewards": (("GOLD_COIN", 0),)},
    {"item_rewards": (("GOLD_COIN", 1_000_001),)},
    {"item_rewards": (("USDT", 1),)},
    {"item_rewards": (("CROWN", 1),)},
    {"item_rewards": (("GOLD_COIN", 1), ("GOLD_COIN", 1))},
]

GIVEN: dict[str, Callable[[Scene], Any]] = {
    "few keys": lambda s: s.arena.command(SetKeyLimits(1, 1)),
    "disabled": lambda s: s.arena.change("BTCUSDT", enabled=False),
    "locked": lambda s: s.arena.change("BTCUSDT", locked=True),
    "halted": lambda s: s.arena.change("BTCUSDT", halted=True),
    "close only": lambda s: s.arena.change("BTCUSDT", close_only=True),
    "stale": lambda s: s.arena.passes(3),
    "challenged": lambda s: s.challenge(allowed_symbols=("ETHUSDT",), directions=Directions.LONG_ONLY),
    "one way": lambda s: s.challenge(directions=Directions.LONG_ONLY),
    "one side": lambda s: (s.challenge(allow_hedging=False), s.dora()),
    "hurried": lambda s: (
        s.challenge(max_trades_per_minute=2),
        s.arena.quote("ETHUSDT", 3_000),
        s.dora(),
        s.dora(),
        s.arena.passes("59.999999999"),
        s.arena.quote("ETHUSDT", 3_000),
    ),
    "rich by rule": lambda s: (s.challenge(profit_target_ppm=1_000), s.dora(), s.arena.quote("BTCUSDT", 61_000)),
    "out by rule": lambda s: (s.challenge(max_total_drawdown_ppm=1_000), s.dora(), s.arena.quote("BTCUSDT", 59_000)),
    "on its way": lambda s: setattr(s, "order", s.hurry()),
    "closed": lambda s: s.arena.change("BTCUSDT", hours=((0, 60),)),
    "arena locked": lambda s: s.arena.switch("arena", 0, "locked"),
    "arena close only": lambda s: s.arena.switch("arena", 0, "close_only"),
    "match locked": lambda s: s.arena.switch("match", s.bob.match, "locked"),
    "Bob locked": lambda s: s.arena.switch("player", s.bob.id, "locked"),
    "closing": lambda s: (s.arena.passes(3), s.close(percent=100)),
    "full": lambda s: [s.limit(lots=100) for _ in range(4)],
    "wide": lambda s: (s.arena.change("BTCUSDT", max_spread_ppm=50_000), s.arena.quote("BTCUSDT", 58_000, 60_000)),
    "joined": lambda s: s.join(),
    "a paid match": lambda s: s.paid(),
    "a dear prize": lambda s: setattr(
        s,
        "game",
        s.arena.command(CreateGame("Dear", "", MONEY, 1, 1, duration_s=60, currency="USDT", reward_price=1)).id,
    ),
    "put by": lambda s: s.arena.command(SetGameActive(1, False)),
    "deleted": lambda s: s.arena.command(DeleteGame(1)),
    "a coin": lambda s: (
        s.arena.command(FundRewards("GOLD_COIN", 1)),
        setattr(
            s,
            "games",
            [
                s.arena.command(replace(GAME, duration_s=60, **dear)).id
                for dear in (
                    {"item_rewards": (("GOLD_COIN", 2),)},
                    {"item_rewards": (("GOLD_COIN", 1), ("TREASURE_BOX", 1))},
                    {"item_rewards": (("GOLD_COIN", 1),), "currency": "USDT", "reward_price": 1},
                )
            ],
        ),
    ),
    "a room": lambda s: s.room(),
    "a room that has begun": lambda s: (s.room(), s.arena.command(StartMatch(s.contest))),
    "a room for one": lambda s: (s.room(), s.arena.command(LeaveMatch(s.contest, s.bob.id))),
    "a queue": lambda s: s.queues(),
    "a dear queue": lambda s: setattr(
        s,
        "game",
        s.arena.command(
            CreateGame(
                "Dear", "", MONEY, 1, 1, duration_s=60, min_players=2, currency="USDT", entry_fee=1, prize_split=(100,)
            )
        ).id,
    ),
    "a queue for an endless match": lambda s: setattr(
        s, "game", s.arena.command(CreateGame("Endless", "", MONEY, 1, 1, min_players=2)).id
    ),
    "a queue whose match waits": lambda s: (
        s.queues(countdown_s=9),
        [s.arena.command(JoinQueue(s.game, player)) for player in (s.alice.id, s.arena.player().id)],
    ),
    "called off": lambda s: (s.room(), s.arena.command(CancelMatch(s.contest, "why"))),
    "archived": lambda s: (GIVEN["called off"](s), s.arena.command(ArchiveMatch(s.contest))),
    "over": lambda s: (s.join(), s.arena.passes(60)),
    "practice over": lambda s: s.arena.command(EndMatch(s.bob.match, "why")),
    "coarse": lambda s: s.arena.change("BTCUSDT", min_lots=10),
    "tame": lambda s: s.arena.change("BTCUSDT", max_leverage=20),
    "low ceiling": lambda s: s.arena.change("BTCUSDT", highest_price=6_500_000),
    "a trailing short": lambda s: (s.opens_short(), s.arena.change("BTCUSDT", highest_price=6_500_000)),
    "small": lambda s: s.alice.closes(s.position, quantity="0.0999"),
    "not offered": lambda s: s.arena.change("BTCUSDT", fixed_payout_percent=0),
    "capped": lambda s: (s.arena.change("BTCUSDT", fixed_exposure_cap=30 * MONEY), s.buy()),
    "staked": lambda s: s.buy(),
    "wallets": lambda s: s.wallets(),
    "wallets of all": lambda s: (s.wallets(), s.arena.command(TopUp(s.bob.id, "GOLD_COIN", 100 * MONEY))),
    "slow": lambda s: setattr(s, "carol", s.arena.player(execution=Execution.NEXT, speed_bump_ms=5_000)),
    "rich and stale": lambda s: (s.alice.amends(s.position, margin=100), s.arena.passes(3)),
    "rich and falling": lambda s: (s.alice.amends(s.position, margin=100), s.arena.quote("BTCUSDT", 58_990, 59_010)),
    "a limit": lambda s: s.rests(stop_loss=5_850_000),
    "a limit and stale": lambda s: (s.rests(), s.arena.passes(3)),
    "a limit and locked": lambda s: (s.rests(), s.arena.change("BTCUSDT", locked=True)),
    "a stop": lambda s: s.rests(order_type=OrderType.STOP, price=6_100_000),
    "a dear limit": lambda s: s.rests(lots=16_900),
    "a small limit": lambda s: s.rests(side=SHORT, price=6_100_000, lots=0, margin=6 * MONEY, leverage=1),
    "a small limit and coarse": lambda s: (GIVEN["a small limit"](s), s.arena.change("BTCUSDT", min_lots=10)),
    "a bank": lambda s: s.bank(),
    "a store": lambda s: s.store(),
    "a store that is closed": lambda s: s.store(active=False),
    "wallets and Bob locked": lambda s: (s.wallets(), s.arena.switch("player", s.bob.id, "locked")),
    "wallets, capped": lambda s: (
        s.wallets(),
        s.arena.change("BTCUSDT", fixed_exposure_cap=30 * MONEY),
        s.stake(stake=10 * MONEY),
    ),
    "a large limit": lambda s: s.rests(side=SHORT, price=6_100_000, lots=80_000, leverage=110),
}
"""What happened before."""


def reads(ranges: tuple[tuple[int, int], ...], scene: Scene) -> Any:
    return scene.arena.command(ReadNotifications(scene.bob.id, ranges))


REFUSALS: list[tuple[Reason, str, Refused]] = [
    (Reason.KEY_REUSED, "", lambda s: s.alice.opens("BTCUSDT", LONG, quantity="0.2", leverage=100, key="key")),
    (Reason.COMMAND_UNKNOWN, "", lambda s: s.arena.command(Unknown())),
    (Reason.KEYS_EXHAUSTED, "few keys", lambda s: s.alice.opens("BTCUSDT", LONG, quantity="1", leverage=1, key="new")),
    (Reason.KEYS_EXHAUSTED, "few keys", lambda s: s.buy(player=s.alice.id, key="new")),
    (Reason.KEYS_EXHAUSTED, "few keys", lambda s: s.tops_up(key="new")),
    *[(Reason.ZONE_INVALID, "", lambda s, wrong=wrong: s.arena.command(DefineZone(*wrong)))
      for wrong in (
          ("", ((0, 0),)), ("x" * 65, ((0, 0),)), ("Here", ()), ("Here", tuple((at, 0) for at in range(257))),
          ("Here", ((0, 86_400),)), ("Here", ((0, -86_400),)), ("Here", ((-1, 0),)), ("Here", (((1 << 33) + 1, 0),)),
          ("Here", ((5, 0), (5, 60))), ("Here", ((5, 0), (4, 60))),
      )],
    (Reason.ZONE_NOT_FOUND, "", lambda s: s.arena.command(replace(BTC, zone="Nowhere"))),
    (Reason.ZONE_NOT_FOUND, "", lambda s: s.arena.command(replace(GAME, day_zone="Nowhere"))),
    (Reason.KEY_LIMITS_INVALID, "", lambda s: s.arena.command(SetKeyLimits(0, 1))),
    (Reason.KEY_LIMITS_INVALID, "", lambda s: s.arena.command(SetKeyLimits(1, 0))),
    (Reason.KEY_LIMITS_INVALID, "", lambda s: s.arena.command(SetKeyLimits((1 << 30) + 1, 1))),
    (Reason.KEY_LIMITS_INVALID, "", lambda s: s.arena.command(SetKeyLimits(1, (1 << 30) + 1))),
    (Reason.DISCONNECT_DELAY_INVALID, "", lambda s: s.arena.command(CancelOnDisconnect(s.bob.id, 999))),
    (Reason.DISCONNECT_DELAY_INVALID, "", lambda s: s.arena.command(CancelOnDisconnect(s.bob.id, -1))),
    (Reason.DISCONNECT_DELAY_INVALID, "", lambda s: s.arena.command(CancelOnDisconnect(s.bob.id, 86_400_001))),
    *(
        (Reason.NOTIFICATION_NOT_FOUND, "", partial(reads, ranges))
        for ranges in ((), ((0, 1),), ((2, 1),), ((1, 10**9),), ((1, 1), (0, 0)), ((1, 1),) * 101)
    ),
    (Reason.PLAYER_NOT_FOUND, "", lambda s: s.arena.command(ReadNotifications(0, ((1, 1),)))),
    (Reason.PLAYER_NOT_FOUND, "", lambda s: s.arena.command(ReadNotifications(99, ((1, 1),)))),
    (Reason.PLAYER_NOT_FOUND, "", lambda s: s.arena.command(CancelOnDisconnect(0, 0))),
    (Reason.PLAYER_NOT_FOUND, "", lambda s: s.arena.command(CancelOnDisconnect(99, 1_000))),
    (Reason.DISCONNECT_NOT_SET, "", lambda s: s.arena.command(SetConnected(s.bob.id, connected=False))),
    (Reason.DISCONNECT_NOT_SET, "", lambda s: s.arena.command(SetConnected(99, connected=True))),
    # matches and seats
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.place(match=0)),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.place(match=99)),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.arena.command(ResetSeat(99, s.bob.id))),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.arena.command(ResetSeat(0, s.bob.id))),
    (Reason.MATCH_ENDLESS, "", lambda s: s.arena.command(CreateMatch(1, practice=False))),
    (Reason.MATCH_NOT_PRACTICE, "joined", lambda s: s.arena.command(ResetSeat(s.contest, s.bob.id))),
    (Reason.MATCH_NOT_OPEN, "over", lambda s: s.place(match=s.contest)),
    (Reason.MATCH_NOT_OPEN, "over", lambda s: s.arena.command(JoinMatch(s.contest, s.alice.id))),
    (Reason.MATCH_NOT_OPEN, "over", lambda s: s.arena.command(EndMatch(s.contest, "again"))),
    (Reason.MATCH_NOT_OPEN, "practice over", lambda s: s.bob.resets()),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.arena.command(JoinMatch(99, s.bob.id))),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.arena.command(EndMatch(0, "why"))),
    (Reason.PLAYER_NOT_FOUND, "joined", lambda s: s.arena.command(JoinMatch(s.contest, 99))),
    (Reason.ASSET_UNKNOWN, "", lambda s: s.arena.command(TopUp(s.bob.id, "DOGE", 1))),
    (Reason.ASSET_UNKNOWN, "", lambda s: s.arena.command(FundRewards("usdt", 1))),
    (Reason.AMOUNT_INVALID, "", lambda s: s.arena.command(TopUp(s.bob.id, "USDT", -1))),
    (Reason.TOP_UP_LIMIT, "", lambda s: s.arena.command(TopUp(s.bob.id, "BT", 10, most=9))),
    (Reason.AMOUNT_INVALID, "", lambda s: s.arena.command(FundRewards("USDT", (1 << 62) + 1))),
    (Reason.PLAYER_NOT_FOUND, "", lambda s: s.arena.command(TopUp(99, "USDT", 1))),
    (Reason.INSUFFICIENT_FUNDS, "a paid match", lambda s: s.arena.command(JoinMatch(s.contest, s.bob.id))),
    (Reason.INSUFFICIENT_FUNDS, "a dear prize", lambda s: s.arena.command(CreateMatch(s.game, practice=False))),
    (Reason.ALREADY_JOINED, "a room", lambda s: s.arena.command(JoinMatch(s.contest, s.bob.id, "x"))),
    (Reason.CODE_WRONG, "a room", lambda s: s.arena.command(JoinMatch(s.contest, s.alice.id))),
    (Reason.CODE_WRONG, "a room", lambda s: s.arena.command(JoinMatch(s.contest, s.alice.id, "y"))),
    (Reason.CODE_WRONG, "joined", lambda s: s.arena.command(JoinMatch(s.contest, s.alice.id, "x"))),
    (Reason.MATCH_NOT_OPEN, "a room", lambda s: s.place(match=s.contest)),
    (Reason.MATCH_NOT_OPEN, "a room", lambda s: s.arena.command(EndMatch(s.contest, "why"))),
    (Reason.MATCH_NOT_OPEN, "called off", lambda s: s.arena.command(JoinMatch(s.contest, s.alice.id, "x"))),
    (Reason.MATCH_NOT_WAITING, "a room that has begun", lambda s: s.arena.command(JoinMatch(s.contest, 1, "x"))),
    (Reason.MATCH_NOT_WAITING, "a room that has begun", lambda s: s.arena.command(LeaveMatch(s.contest, s.bob.id))),
    (Reason.MATCH_NOT_WAITING, "a room that has begun", lambda s: s.arena.command(StartMatch(s.contest))),
    (Reason.MATCH_NOT_WAITING, "a room that has begun", lambda s: s.arena.command(CancelMatch(s.contest, "why"))),
    (Reason.MATCH_NOT_WAITING, "called off", lambda s: s.arena.command(CancelMatch(s.contest, "why"))),
    (Reason.MATCH_NOT_WAITING, "called off", lambda s: s.arena.command(LeaveMatch(s.contest, s.bob.id))),
    (Reason.MATCH_NOT_WAITING, "", lambda s: s.arena.command(LeaveMatch(s.bob.match, s.bob.id))),
    (Reason.MATCH_EMPTY, "a room for one", lambda s: s.arena.command(StartMatch(s.contest))),
    (Reason.NOT_JOINED, "a room", lambda s: s.arena.command(LeaveMatch(s.contest, s.alice.id))),
    (Reason.MATCH_NOT_OVER, "a room", lambda s: s.arena.command(ArchiveMatch(s.contest))),
    (Reason.MATCH_NOT_OVER, "joined", lambda s: s.arena.command(ArchiveMatch(s.contest))),
    (Reason.MATCH_NOT_OVER, "archived", lambda s: s.arena.command(ArchiveMatch(s.contest))),
    *((Reason.MATCH_NOT_FOUND, "", lambda s, command=command: s.arena.command(command))
      for command in (LeaveMatch(99, 1), StartMatch(0), CancelMatch(99, "why"), ArchiveMatch(-1))),
    (Reason.ALREADY_JOINED, "joined", lambda s: s.arena.command(JoinMatch(s.contest, s.bob.id))),
    (Reason.GAME_NOT_FOUND, "", lambda s: s.arena.command(JoinQueue(99, s.bob.id))),
    (Reason.PLAYER_NOT_FOUND, "a queue", lambda s: s.arena.command(JoinQueue(s.game, 99))),
    (Reason.QUEUE_NOT_OFFERED, "", lambda s: s.arena.command(JoinQueue(1, s.bob.id))),
    (Reason.MATCH_ENDLESS, "a queue for an endless match", lambda s: s.arena.command(JoinQueue(s.game, s.bob.id))),
    (Reason.ALREADY_QUEUED, "a queue", lambda s: s.arena.command(JoinQueue(s.game, s.bob.id))),
    (Reason.ALREADY_JOINED, "a queue whose match waits", lambda s: s.arena.command(JoinQueue(s.game, s.bob.id))),
    (Reason.INSUFFICIENT_FUNDS, "a dear queue", lambda s: s.arena.command(JoinQueue(s.game, s.bob.id))),
    (Reason.NOT_QUEUED, "a queue", lambda s: s.arena.command(LeaveQueue(s.game, s.alice.id))),
    (Reason.NOT_QUEUED, "", lambda s: s.arena.command(LeaveQueue(99, s.bob.id))),
    (Reason.MATCH_NOT_OPEN, "called off", lambda s: s.arena.command(EndMatch(s.contest, "why", void=True))),
    (Reason.GAME_NOT_FOUND, "", lambda s: s.arena.command(CreateMatch(99, practice=True))),
    (Reason.GAME_INVALID, "", lambda s: s.arena.command(CreateGame("Game", "", 0, 1, 1))),
    (Reason.GAME_NOT_ACTIVE, "put by", lambda s: s.arena.command(CreateMatch(1, practice=True))),
    (Reason.GAME_NOT_FOUND, "deleted", lambda s: s.arena.command(CreateMatch(1, practice=True))),
    *[(Reason.GAME_NOT_FOUND, given, lambda s, command=command: s.arena.command(command))
      for given, game in (("deleted", 1), ("", 0), ("", 99))
      for command in (UpdateGame(game, GAME), DeleteGame(game), SetGameActive(game, True))],
    (Reason.GAME_INVALID, "", lambda s: s.arena.command(UpdateGame(1, replace(GAME, max_positions=0)))),
    (Reason.INSTRUMENT_NOT_FOUND, "",
     lambda s: s.arena.command(UpdateGame(1, replace(GAME, allowed_symbols=("NONE",))))),
    *[(Reason.SEASON_INVALID, "", lambda s, name=name: s.arena.command(StartSeason(name)))
      for name in ("", " ", "x" * 65)],
    *[(Reason.INSUFFICIENT_FUNDS, "a coin", lambda s, dear=dear: s.arena.command(CreateMatch(s.games[dear], False)))
      for dear in range(3)],
    (Reason.NOT_JOINED, "", lambda s: s.place(player=99)),
    (Reason.NOT_JOINED, "", lambda s: s.place(player=0)),
    (Reason.NOT_JOINED, "", lambda s: s.arena.command(ResetSeat(1, 99))),
    (Reason.SEAT_LOCKED, "rich by rule", lambda s: s.dora()),
    (Reason.SEAT_DISQUALIFIED, "out by rule", lambda s: s.dora()),
    (Reason.INSTRUMENT_NOT_ALLOWED, "challenged", lambda s: s.dora()),
    (Reason.SIDE_NOT_ALLOWED, "challenged", lambda s: s.dora(symbol="ETHUSDT", side=SHORT)),
    (Reason.TOO_MANY_TRADES, "hurried", lambda s: s.dora(symbol="ETHUSDT")),
    (Reason.HEDGING_NOT_ALLOWED, "one side", lambda s: s.dora(side=SHORT)),
    *[(Reason.GAME_INVALID, "", lambda s, bad=bad: s.arena.command(CreateGame("Game", "", 1, 1, 1, **bad)))
      for bad in BAD_CHALLENGES],
    *[(Reason.GAME_INVALID, "", lambda s, bad=bad: s.arena.command(replace(GAME, **bad))) for bad in BAD_CAREERS],
    (Reason.INSTRUMENT_NOT_FOUND, "",
     lambda s: s.arena.command(CreateGame("Game", "", 1, 1, 1, allowed_symbols=("BTCUSDT", "NONE")))),
    (Reason.SEAT_NOT_FLAT, "", lambda s: s.alice.resets()),
    # instruments and quotes
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.place(instrument=0)),
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.place(instrument=3)),
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.place(instrument=-1)),
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.arena.command(Quote(3, 1, 2, 99))),
    *[(Reason.INSTRUMENT_INVALID, "", lambda s, bad=bad: s.arena.define(replace(BTC, **({"symbol": "NEW"} | bad))))
      for bad in BAD_INSTRUMENTS],
    (Reason.INSTRUMENT_DISABLED, "disabled", lambda s: s.place()),
    (Reason.INSTRUMENT_LOCKED, "locked", lambda s: s.place()),
    (Reason.INSTRUMENT_LOCKED, "locked", lambda s: s.limit()),
    (Reason.INSTRUMENT_HALTED, "halted", lambda s: s.place()),
    (Reason.INSTRUMENT_HALTED, "halted", lambda s: s.close(percent=100)),
    (Reason.INSTRUMENT_CLOSE_ONLY, "close only", lambda s: s.place()),
    (Reason.INSTRUMENT_HALTED, "halted", lambda s: s.arena.quote("BTCUSDT", 60_000)),
    (Reason.INSTRUMENT_HALTED, "halted", lambda s: s.arena.quote("BTCUSDT", 60_000, 59_990)),
    (Reason.MARKET_CLOSED, "closed", lambda s: s.place()),
    (Reason.MARKET_CLOSED, "closed", lambda s: s.limit()),
    (Reason.MARKET_CLOSED, "closed", lambda s: s.arena.quote("BTCUSDT", 60_000)),
    (Reason.MARKET_CLOSED, "closed", lambda s: s.arena.quote("BTCUSDT", 60_000, 59_990)),
    (Reason.FEED_STALE, "stale", lambda s: s.place()),
    (Reason.FEED_STALE, "stale", lambda s: s.limit()),
    (Reason.FEED_STALE, "", lambda s: s.place(instrument=2)),
    (Reason.QUOTE_NOT_USABLE, "", lambda s: s.arena.quote("BTCUSDT", 60_000, 59_990)),
    # kill switches
    (Reason.TRADING_LOCKED, "arena locked", lambda s: s.place()),
    (Reason.TRADING_LOCKED, "arena locked", lambda s: s.limit()),
    (Reason.ARENA_CLOSE_ONLY, "arena close only", lambda s: s.place()),
    (Reason.MATCH_LOCKED, "match locked", lambda s: s.place()),
    (Reason.PLAYER_LOCKED, "Bob locked", lambda s: s.place()),
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.arena.command(SettleInstrument(0, 6_000_000, "so"))),
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.arena.command(SettleInstrument(9, 6_000_000, "so"))),
    (Reason.INSTRUMENT_NOT_HALTED, "", lambda s: s.arena.command(SettleInstrument(1, 6_000_000, "so"))),
    (Reason.PRICE_INVALID, "halted", lambda s: s.arena.command(SettleInstrument(1, 0, "so"))),
    (Reason.PRICE_INVALID, "halted", lambda s: s.arena.command(SettleInstrument(1, 100_000_001, "so"))),
    *[(Reason.SWITCH_INVALID, "", lambda s, bad=bad: s.arena.command(SetSwitch(*bad))) for bad in BAD_SWITCHES],
    # orders
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.alice.cancels(99)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.alice.cancels(0)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.alice.cancels(-s.order)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.alice.cancels(s.position)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.bob.cancels(s.order)),
    (Reason.ORDER_EXECUTING, "on its way", lambda s: s.carol.cancels(s.order)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.move(s.alice, order=99)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.move(s.alice, order=-s.order)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.move(s.alice, order=s.position, price=5_800_000)),
    (Reason.ORDER_NOT_FOUND, "", lambda s: s.move(s.bob, price=5_800_000)),
    (Reason.ORDER_EXECUTING, "on its way", lambda s: s.move(s.carol, stop_loss=5_000_000)),
    (Reason.EXPIRY_INVALID, "", lambda s: s.move(s.alice, expires_at_ns=s.arena.now_ns)),
    (Reason.EXPIRY_INVALID, "", lambda s: s.move(s.alice, expires_at_ns=-1)),
    (Reason.PRICE_INVALID, "", lambda s: s.move(s.alice, price=0)),
    (Reason.PRICE_INVALID, "", lambda s: s.move(s.alice, price=-1)),
    (Reason.PRICE_INVALID, "", lambda s: s.move(s.alice, price=BTC.highest_price + 1)),
    (Reason.PRICE_INVALID, "", lambda s: s.move(s.alice, stop_loss=-1)),
    (Reason.PRICE_INVALID, "", lambda s: s.move(s.alice, take_profit=BTC.highest_price + 1)),
    (Reason.FEED_STALE, "a limit and stale", lambda s: s.move(s.bob, price=5_800_000)),
    (Reason.INSTRUMENT_LOCKED, "a limit and locked", lambda s: s.move(s.bob, price=5_800_000)),
    (Reason.WOULD_FILL_NOW, "a limit", lambda s: s.move(s.bob, price=6_000_000)),
    (Reason.WOULD_FILL_NOW, "a limit", lambda s: s.move(s.bob, price=BTC.highest_price)),
    (Reason.WOULD_FILL_NOW, "a small limit", lambda s: s.move(s.bob, price=5_999_000)),
    (Reason.WOULD_TRIGGER_NOW, "a stop", lambda s: s.move(s.bob, price=6_000_000)),
    (Reason.WOULD_TRIGGER_NOW, "a limit", lambda s: s.move(s.bob, price=5_850_000)),
    (Reason.WOULD_TRIGGER_NOW, "a limit", lambda s: s.move(s.bob, stop_loss=5_900_000)),
    (Reason.WOULD_TRIGGER_NOW, "a limit", lambda s: s.move(s.bob, take_profit=5_900_000)),
    (Reason.SIZE_ZERO, "a small limit", lambda s: s.move(s.bob, price=BTC.highest_price)),
    (Reason.QUANTITY_TOO_LOW, "a small limit and coarse", lambda s: s.move(s.bob, price=6_200_000)),
    (Reason.NOTIONAL_TOO_LOW, "", lambda s: s.move(s.alice, price=4_999)),
    (Reason.LEVERAGE_TOO_HIGH, "a large limit", lambda s: s.move(s.bob, price=6_300_000)),
    (Reason.CASH_TOO_LOW, "a dear limit", lambda s: s.move(s.bob, price=5_990_000)),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.arena.command(CancelAll(s.alice.id, 0))),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.arena.command(CancelAll(s.alice.id, 99))),
    (Reason.NOT_JOINED, "", lambda s: s.arena.command(CancelAll(99, s.alice.match))),
    (Reason.NOT_JOINED, "", lambda s: s.arena.command(CancelAll(0, s.alice.match))),
    (Reason.KEY_REUSED, "", lambda s: s.alice.cancels_all(key="key")),
    (Reason.SLIPPAGE_INVALID, "", lambda s: s.place(max_slippage_ppm=-1)),
    (Reason.SLIPPAGE_INVALID, "", lambda s: s.place(max_slippage_ppm=1_000_001)),
    (Reason.SLIPPAGE_INVALID, "", lambda s: s.limit(max_slippage_ppm=1)),
    (Reason.GAME_INVALID, "", lambda s: s.arena.command(CreateGame("Game", "", 1, 1, 1, speed_bump_ms=-1))),
    (Reason.GAME_INVALID, "", lambda s: s.arena.command(CreateGame("Game", "", 1, 1, 1, speed_bump_ms=10_001))),
    (Reason.SIDE_INVALID, "", lambda s: s.place(side=0)),
    (Reason.SIDE_INVALID, "", lambda s: s.place(side=2)),
    (Reason.TYPE_INVALID, "", lambda s: s.place(order_type=0)),
    (Reason.TYPE_INVALID, "", lambda s: s.place(order_type=4)),
    (Reason.TIME_IN_FORCE_INVALID, "", lambda s: s.place(time_in_force=0)),
    (Reason.TIME_IN_FORCE_INVALID, "", lambda s: s.place(time_in_force=4)),
    (Reason.TIME_IN_FORCE_INVALID, "",
     lambda s: s.place(time_in_force=TimeInForce.GTD, expires_at_ns=s.arena.now_ns + 1)),
    (Reason.SIZE_INVALID, "", lambda s: s.place(lots=0)),
    (Reason.SIZE_INVALID, "", lambda s: s.place(margin=1)),
    (Reason.SIZE_INVALID, "", lambda s: s.place(lots=-1)),
    (Reason.SIZE_INVALID, "", lambda s: s.place(lots=0, margin=-1)),
    (Reason.SIZE_INVALID, "", lambda s: s.close(lots=-1)),
    (Reason.SIZE_INVALID, "", lambda s: s.close(lots=1, percent=1)),
    (Reason.SIZE_ZERO, "", lambda s: s.place(lots=0, margin=MONEY // 100)),
    (Reason.SIZE_ZERO, "small", lambda s: s.close(percent=9)),
    (Reason.QUANTITY_TOO_LOW, "coarse", lambda s: s.place(lots=9)),
    (Reason.QUANTITY_TOO_HIGH, "coarse", lambda s: s.place(lots=100_000_001)),
    (Reason.QUANTITY_TOO_HIGH, "", lambda s: s.close(lots=10_001)),
    (Reason.NOTIONAL_TOO_LOW, "", lambda s: s.place(lots=8)),
    (Reason.EXPOSURE_TOO_HIGH, "", lambda s: s.place(lots=0, margin=BOUND // 10 + 1)),
    (Reason.LEVERAGE_INVALID, "", lambda s: s.place(leverage=0)),
    (Reason.LEVERAGE_INVALID, "", lambda s: s.place(leverage=-1)),
    (Reason.LEVERAGE_TOO_HIGH, "", lambda s: s.place(leverage=111)),  # than the match allows
    (Reason.LEVERAGE_TOO_HIGH, "tame", lambda s: s.place(leverage=21)),  # than the instrument allows
    (Reason.LEVERAGE_TOO_HIGH, "", lambda s: s.place(lots=100_000, leverage=101)),  # than the bracket of 60,000 allows
    (Reason.PRICE_INVALID, "", lambda s: s.place(price=1)),
    (Reason.PRICE_INVALID, "", lambda s: s.limit(price=0)),
    (Reason.PRICE_INVALID, "", lambda s: s.limit(price=-1)),
    (Reason.PRICE_INVALID, "", lambda s: s.limit(price=BTC.highest_price + 1)),
    (Reason.PRICE_INVALID, "", lambda s: s.place(stop_loss=-1)),
    (Reason.PRICE_INVALID, "", lambda s: s.place(take_profit=BTC.highest_price + 1)),
    (Reason.PRICE_INVALID, "", lambda s: s.amend(stop_loss=-1)),
    (Reason.PRICE_INVALID, "", lambda s: s.amend(take_profit=BTC.highest_price + 1)),
    (Reason.EXPIRY_INVALID, "", lambda s: s.limit(expires_at_ns=s.arena.now_ns + 1)),
    (Reason.EXPIRY_INVALID, "", lambda s: s.place(expires_at_ns=s.arena.now_ns + 1)),
    (Reason.EXPIRY_INVALID, "", lambda s: s.limit(time_in_force=TimeInForce.GTD)),
    (Reason.EXPIRY_INVALID, "", lambda s: s.limit(time_in_force=TimeInForce.GTD, expires_at_ns=s.arena.now_ns)),
    (Reason.CASH_TOO_LOW, "", lambda s: s.place(lots=20_000)),
    (Reason.CASH_TOO_LOW, "", lambda s: s.limit(lots=20_000)),
    (Reason.TOO_MANY_POSITIONS, "full", lambda s: s.place(lots=100)),
    (Reason.WOULD_LIQUIDATE_NOW, "wide", lambda s: s.place(leverage=50)),
    (Reason.WOULD_TRIGGER_NOW, "", lambda s: s.place(stop_loss=5_999_000)),
    (Reason.WOULD_TRIGGER_NOW, "", lambda s: s.place(side=SHORT, take_profit=6_000_000)),
    (Reason.WOULD_TRIGGER_NOW, "", lambda s: s.limit(order_type=OrderType.STOP, price=6_000_000)),
    (Reason.WOULD_TRIGGER_NOW, "", lambda s: s.limit(order_type=OrderType.STOP, side=SHORT, price=5_999_000)),
    (Reason.TIME_IN_FORCE_INVALID, "",
     lambda s: s.limit(order_type=OrderType.STOP, price=6_100_000, time_in_force=TimeInForce.IOC)),
    (Reason.PRICE_INVALID, "", lambda s: s.limit(order_type=OrderType.STOP, price=0)),
    (Reason.WOULD_TRIGGER_NOW, "", lambda s: s.amend(stop_loss=5_999_000)),
    (Reason.WOULD_TRIGGER_NOW, "", lambda s: s.amend(take_profit=5_999_000)),
    (Reason.TRAILING_STOP_INVALID, "", lambda s: s.place(trailing_ppm=-1)),
    (Reason.TRAILING_STOP_INVALID, "", lambda s: s.place(trailing_ppm=1_000_000)),
    (Reason.TRAILING_STOP_INVALID, "", lambda s: s.place(trailing_ppm=10_000, stop_loss=5_900_000)),
    (Reason.TRAILING_STOP_INVALID, "", lambda s: s.limit(trailing_ppm=10_000, stop_loss=5_800_000)),
    (Reason.TRAILING_STOP_INVALID, "", lambda s: s.amend(fields=Amend.TRAILING_STOP, trailing_ppm=-1)),
    (Reason.TRAILING_STOP_INVALID, "", lambda s: s.amend(fields=Amend.TRAILING_STOP, trailing_ppm=1_000_000)),
    (Reason.TRAILING_STOP_INVALID, "", lambda s: s.amend(
        fields=Amend.STOP_LOSS | Amend.TRAILING_STOP, stop_loss=5_900_000, trailing_ppm=10_000)),
    (Reason.PRICE_INVALID, "low ceiling", lambda s: s.place(side=SHORT, trailing_ppm=100_000)),
    (Reason.PRICE_INVALID, "low ceiling", lambda s: s.limit(side=SHORT, price=6_100_000, trailing_ppm=90_000)),
    (Reason.PRICE_INVALID, "a trailing short", lambda s: s.amend(
        position=s.short, fields=Amend.TRAILING_STOP, trailing_ppm=100_000)),
    (Reason.FEED_STALE, "stale", lambda s: s.amend(fields=Amend.TRAILING_STOP, trailing_ppm=10_000)),
    # positions
    (Reason.POSITION_NOT_FOUND, "", lambda s: s.close(position=99, percent=100)),
    (Reason.POSITION_NOT_FOUND, "", lambda s: s.close(position=s.order, percent=100)),
    (Reason.POSITION_NOT_FOUND, "", lambda s: s.close(player=s.bob.id, percent=100)),
    (Reason.POSITION_NOT_FOUND, "", lambda s: s.amend(position=99)),
    (Reason.POSITION_NOT_FOUND, "", lambda s: s.amend(player=s.bob.id)),
    (Reason.PERCENT_INVALID, "", lambda s: s.close(percent=0)),
    (Reason.PERCENT_INVALID, "", lambda s: s.close(percent=101)),
    (Reason.PERCENT_INVALID, "", lambda s: s.close(percent=-1)),
    (Reason.POSITION_CLOSING, "closing", lambda s: s.close(percent=100)),
    (Reason.POSITION_CLOSING, "closing", lambda s: s.amend(stop_loss=5_900_000)),
    (Reason.MARGIN_INVALID, "", lambda s: s.amend(fields=Amend.MARGIN, margin=0)),
    (Reason.MARGIN_INVALID, "", lambda s: s.amend(fields=Amend.MARGIN, margin=BOUND)),
    (Reason.MARGIN_INVALID, "", lambda s: s.amend(fields=Amend.MARGIN, margin=-BOUND - 1)),
    (Reason.MARGIN_INVALID, "", lambda s: s.amend(fields=Amend.MARGIN, margin=-(1 << 63))),
    (Reason.CASH_TOO_LOW, "", lambda s: s.amend(fields=Amend.MARGIN, margin=1_000 * MONEY)),
    (Reason.MARGIN_TOO_LOW, "", lambda s: s.amend(fields=Amend.MARGIN, margin=-1)),
    (Reason.FEED_STALE, "rich and stale", lambda s: s.amend(fields=Amend.MARGIN, margin=-MONEY)),
    (Reason.WOULD_LIQUIDATE_NOW, "rich and falling", lambda s: s.amend(fields=Amend.MARGIN, margin=-100 * MONEY)),
    # fixed-time trades
    (Reason.KEY_REUSED, "", lambda s: s.buy(player=s.alice.id, key="key")),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.buy(match=0)),
    (Reason.MATCH_NOT_FOUND, "", lambda s: s.buy(match=99)),
    (Reason.MATCH_NOT_OPEN, "over", lambda s: s.buy(match=s.contest)),
    (Reason.NOT_JOINED, "", lambda s: s.buy(player=99)),
    (Reason.SEAT_NOT_FLAT, "staked", lambda s: s.bob.resets()),
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.buy(instrument=0)),
    (Reason.INSTRUMENT_NOT_FOUND, "", lambda s: s.buy(instrument=3)),
    (Reason.INSTRUMENT_DISABLED, "disabled", lambda s: s.buy()),
    (Reason.INSTRUMENT_LOCKED, "locked", lambda s: s.buy()),
    (Reason.INSTRUMENT_HALTED, "halted", lambda s: s.buy()),
    (Reason.INSTRUMENT_CLOSE_ONLY, "close only", lambda s: s.buy()),
    (Reason.TRADING_LOCKED, "arena locked", lambda s: s.buy()),
    (Reason.ARENA_CLOSE_ONLY, "arena close only", lambda s: s.buy()),
    (Reason.MATCH_LOCKED, "match locked", lambda s: s.buy()),
    (Reason.PLAYER_LOCKED, "Bob locked", lambda s: s.buy()),
    (Reason.MARKET_CLOSED, "closed", lambda s: s.buy()),
    (Reason.SEAT_LOCKED, "rich by rule", lambda s: s.dora_stakes()),
    (Reason.SEAT_DISQUALIFIED, "out by rule", lambda s: s.dora_stakes()),
    (Reason.INSTRUMENT_NOT_ALLOWED, "challenged", lambda s: s.dora_stakes()),
    (Reason.SIDE_NOT_ALLOWED, "one way", lambda s: s.dora_stakes(direction=SHORT)),
    (Reason.FIXED_NOT_OFFERED, "not offered", lambda s: s.buy()),
    (Reason.DIRECTION_INVALID, "", lambda s: s.buy(direction=0)),
    (Reason.DIRECTION_INVALID, "", lambda s: s.buy(direction=2)),
    (Reason.STAKE_TOO_LOW, "", lambda s: s.buy(stake=MONEY - 1)),
    (Reason.STAKE_TOO_LOW, "", lambda s: s.buy(stake=-(1 << 63))),
    (Reason.STAKE_TOO_HIGH, "", lambda s: s.buy(stake=1_000 * MONEY + 1)),
    (Reason.STAKE_TOO_HIGH, "", lambda s: s.buy(stake=(1 << 63) - 1)),
    (Reason.DURATION_INVALID, "", lambda s: s.buy(duration_s=4)),
    (Reason.DURATION_INVALID, "joined", lambda s: s.buy(match=s.contest, duration_s=61)),
    (Reason.DURATION_INVALID, "", lambda s: s.buy(duration_s=-(1 << 31))),
    (Reason.DURATION_INVALID, "", lambda s: s.buy(duration_s=24 * 3600 + 1)),
    (Reason.DURATION_INVALID, "slow", lambda s: s.carol.buys("BTCUSDT", LONG, 10, 5)),
    (Reason.FEED_STALE, "stale", lambda s: s.buy()),
    (Reason.FEED_STALE, "", lambda s: s.buy(instrument=2)),
    (Reason.CASH_TOO_LOW, "", lambda s: s.buy(player=s.alice.id, stake=1_000 * MONEY)),
    (Reason.EXPOSURE_CAP_REACHED, "capped", lambda s: s.buy(stake=20 * MONEY + 1)),
    (Reason.POSITION_NOT_FOUND, "staked", lambda s: s.close(player=s.bob.id, position=s.order + 1, percent=100)),
    (Reason.ORDER_NOT_FOUND, "staked", lambda s: s.bob.cancels(s.order + 1)),
    (Reason.PLAYER_NOT_FOUND, "wallets", lambda s: s.stake(player=0)),
    (Reason.PLAYER_NOT_FOUND, "wallets", lambda s: s.stake(player=99)),
    (Reason.MATCH_NOT_FOUND, "wallets", lambda s: s.stake(match=s.bob.match)),
    (Reason.ASSET_UNKNOWN, "wallets", lambda s: s.stake(asset=-1)),
    (Reason.ASSET_UNKNOWN, "wallets", lambda s: s.stake(asset=99)),
    (Reason.FIXED_NOT_OFFERED, "", lambda s: s.stake()),
    (Reason.FIXED_NOT_OFFERED, "wallets", lambda s: s.stake(asset=Asset.USDT)),
    (Reason.FIXED_NOT_OFFERED, "wallets of all", lambda s: s.stake(asset=Asset.GOLD_COIN)),
    (Reason.PLAYER_LOCKED, "wallets and Bob locked", lambda s: s.stake()),
    (Reason.STAKE_TOO_LOW, "wallets", lambda s: s.stake(stake=MONEY - 1)),
    (Reason.STAKE_TOO_HIGH, "wallets", lambda s: s.stake(stake=1_000 * MONEY + 1)),
    (Reason.INSUFFICIENT_FUNDS, "wallets", lambda s: s.stake(stake=100 * MONEY + 1)),
    (Reason.INSUFFICIENT_FUNDS, "wallets", lambda s: s.stake(player=s.alice.id)),
    (Reason.HOUSE_LIMIT, "wallets", lambda s: s.stake(stake=50 * MONEY + 2)),
    (Reason.EXPOSURE_CAP_REACHED, "wallets, capped", lambda s: s.stake(stake=20 * MONEY + 1)),
    # the ledger
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.pay(id=0)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.pay(flags=16)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.pay(flags=PENDING | POST)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.pay(code=-1)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.pay(code=1 << 15)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.pay(hold=1)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.pay(expires_at_ns=s.arena.now_ns + 1)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.resolve(1, POST | VOID)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.resolve(1, VOID, amount=10)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.resolve(1, debit=s.cash)),
    (Reason.TRANSFER_INVALID, "a bank", lambda s: s.resolve(1, reference=1)),
    (Reason.DIFFERENT_TRANSFER_SAME_ID, "a bank", lambda s: s.pay(id=1)),
    *[(Reason.DIFFERENT_TRANSFER_SAME_ID, "a bank", lambda s, other=other:
       s.pay(**({"id": 1, "amount": 10, "flags": PENDING} | other)))
      for other in ({"amount": 11}, {"flags": 0}, {"code": 1}, {"reference": 1},
                    {"expires_at_ns": 1}, {"credit": 1}, {"debit": 1})],
    (Reason.DIFFERENT_TRANSFER_SAME_ID, "a bank", lambda s: s.resolve(1, VOID, id=4)),
    (Reason.DIFFERENT_TRANSFER_SAME_ID, "a bank", lambda s: s.resolve(2, POST, id=4)),
    (Reason.ACCOUNT_NOT_FOUND, "a bank", lambda s: s.pay(debit=0)),
    (Reason.ACCOUNT_NOT_FOUND, "a bank", lambda s: s.pay(credit=s.his + 1)),
    (Reason.ACCOUNT_NOT_FOUND, "a bank", lambda s: s.pay(credit=-s.his)),
    (Reason.SAME_ACCOUNT, "a bank", lambda s: s.pay(credit=s.cash)),
    (Reason.ASSETS_DIFFER, "a bank", lambda s: s.pay(debit=s.sol)),
    (Reason.AMOUNT_INVALID, "a bank", lambda s: s.pay(amount=0)),
    (Reason.AMOUNT_INVALID, "a bank", lambda s: s.pay(amount=-(1 << 63))),
    (Reason.AMOUNT_INVALID, "a bank", lambda s: s.pay(amount=1 << 62)),
    (Reason.AMOUNT_INVALID, "a bank", lambda s: s.resolve(1, amount=0)),
    (Reason.AMOUNT_INVALID, "a bank", lambda s: s.resolve(1, amount=11)),
    (Reason.EXPIRY_INVALID, "a bank", lambda s: s.pay(flags=PENDING, expires_at_ns=s.arena.now_ns)),
    (Reason.EXPIRY_INVALID, "a bank", lambda s: s.pay(flags=PENDING, expires_at_ns=-1)),
    (Reason.INSUFFICIENT_FUNDS, "a bank", lambda s: s.pay(amount=91)),
    (Reason.INSUFFICIENT_FUNDS, "a bank", lambda s: s.pay(amount=91, flags=PENDING)),
    (Reason.INSUFFICIENT_FUNDS, "a bank", lambda s: s.pay(debit=s.his, credit=s.cash, amount=1)),
    (Reason.VERSION_CONFLICT, "a bank", lambda s: s.pay(debit_version=1)),
    (Reason.VERSION_CONFLICT, "a bank", lambda s: s.pay(credit_version=-1)),
    (Reason.VERSION_CONFLICT, "a bank", lambda s: s.resolve(1, debit_version=1)),
    (Reason.VERSION_CONFLICT, "a bank", lambda s: s.resolve(1, VOID, credit_version=99)),
    (Reason.HOLD_NOT_FOUND, "a bank", lambda s: s.resolve(99)),
    (Reason.HOLD_NOT_FOUND, "a bank", lambda s: s.resolve(4)),  # no hold, but what voided one
    (Reason.HOLD_NOT_FOUND, "a bank", lambda s: s.resolve(0, VOID)),
    (Reason.HOLD_RESOLVED, "a bank", lambda s: s.resolve(2)),
    (Reason.HOLD_EXPIRED, "a bank", lambda s: s.resolve(3, VOID)),
    (Reason.LINK_FAILED, "a bank", lambda s: s.pay(flags=LINKED)),
    # referrals and the store
    (Reason.REFERRAL_CODE_UNKNOWN, "", lambda s: s.arena.command(RegisterPlayer("Carol", referrer=3))),
    (Reason.REFERRAL_CODE_UNKNOWN, "", lambda s: s.arena.command(RegisterPlayer("Carol", referrer=-1))),
    (Reason.AMOUNT_INVALID, "", lambda s: s.arena.command(RegisterPlayer("Carol", demo_grant=-1))),
    (Reason.ASSET_UNKNOWN, "", lambda s: s.arena.command(SetReferrals("DOGE", 1, 1))),
    (Reason.REFERRALS_INVALID, "", lambda s: s.arena.command(SetReferrals("USDT", -1, 1))),
    (Reason.REFERRALS_INVALID, "", lambda s: s.arena.command(SetReferrals("USDT", 1, BOUND + 1))),
    *[(Reason.REFERRALS_INVALID, "", lambda s, wrong=wrong: s.arena.command(SetReferrals("USDT", 1, 1, **wrong)))
      for wrong in ({"min_house_fee_ppm": -1}, {"min_house_fee_ppm": 1_000_001}, {"most_per_day": -1},
                    {"most_per_day": 1_000_001})],
    (Reason.ASSET_UNKNOWN, "", lambda s: s.arena.command(FundReferrals("DOGE", 1))),
    (Reason.AMOUNT_INVALID, "", lambda s: s.arena.command(FundReferrals("USDT", 0))),
    (Reason.ITEM_UNKNOWN, "", lambda s: s.offer(item="SWORD")),
    (Reason.ITEM_UNKNOWN, "", lambda s: s.offer(item="USDT")),
    (Reason.ITEM_UNKNOWN, "", lambda s: s.arena.command(StockStore("DEMO", 1))),
    (Reason.AMOUNT_INVALID, "", lambda s: s.arena.command(StockStore("GOLD_COIN", -1))),
    (Reason.ASSET_UNKNOWN, "", lambda s: s.offer(asset="DOGE")),
    (Reason.OFFER_INVALID, "", lambda s: s.offer(asset="DEMO")),
    (Reason.OFFER_INVALID, "", lambda s: s.offer(asset="GOLD_COIN")),
    (Reason.OFFER_INVALID, "", lambda s: s.offer(price=0)),
    (Reason.OFFER_INVALID, "", lambda s: s.offer(price=BOUND + 1)),
    (Reason.PLAYER_NOT_FOUND, "a store", lambda s: s.purchase(player=99)),
    (Reason.OFFER_NOT_FOUND, "a store", lambda s: s.purchase(item="GOLD_COIN")),
    (Reason.OFFER_NOT_FOUND, "a store", lambda s: s.purchase(item="")),
    (Reason.OFFER_NOT_ACTIVE, "a store that is closed", lambda s: s.purchase()),
    (Reason.COUNT_INVALID, "a store", lambda s: s.purchase(count=0)),
    (Reason.COUNT_INVALID, "a store", lambda s: s.purchase(count=-(1 << 63))),
    (Reason.COUNT_INVALID, "a store", lambda s: s.purchase(count=(1 << 63) - 1)),
    (Reason.OUT_OF_STOCK, "a store", lambda s: s.purchase(count=3)),
    (Reason.VERSION_CONFLICT, "a store", lambda s: s.purchase(version=1)),
    (Reason.VERSION_CONFLICT, "a store", lambda s: s.purchase(version=-1)),
    (Reason.INSUFFICIENT_FUNDS, "a store", lambda s: s.purchase(count=2)),
    (Reason.INSUFFICIENT_FUNDS, "a store", lambda s: s.purchase(player=s.alice.id)),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "given", "refused"), REFUSALS, ids=lambda part: getattr(part, "name", None))
def test_refused_and_nothing_changed(arena: Arena, reason: Reason, given: str, refused: Refused) -> None:
    scene = Scene(arena)
    if given:
        GIVEN[given](scene)
    with arena.refuses(reason):
        refused(scene)


REFUSALS_AT_THE_FILL: list[tuple[Reason, dict[str, Any], Refused]] = [
    (Reason.SLIPPAGE_TOO_HIGH, {"max_slippage_ppm": 1_000}, lambda s: s.arena.quote("BTCUSDT", 60_060, "60060.01")),
    (Reason.CASH_TOO_LOW, {"leverage": 7}, lambda s: s.arena.quote("BTCUSDT", 70_000)),
    (Reason.WOULD_LIQUIDATE_NOW, {"leverage": 100}, lambda s: s.arena.quote("BTCUSDT", 59_500, 60_000)),
    (Reason.LEVERAGE_TOO_HIGH, {"lots": 80_000, "leverage": 110}, lambda s: s.arena.quote("BTCUSDT", 63_000)),
    (Reason.INSTRUMENT_LOCKED, {},
     lambda s: (s.arena.change("BTCUSDT", locked=True), s.arena.quote("BTCUSDT", 60_000))),
    (Reason.QUANTITY_TOO_LOW, {},
     lambda s: (s.arena.change("BTCUSDT", min_lots=10_001), s.arena.quote("BTCUSDT", 60_000))),
    (Reason.SIZE_ZERO, {"lots": 0, "margin": 6 * MONEY, "leverage": 1},
     lambda s: (s.arena.change("BTCUSDT", min_notional=0, max_spread_ppm=10**6), s.arena.quote("BTCUSDT", 700_000))),
]  # fmt: skip
"""What is refused only when the quote has come, to Carol: 0.1 BTC ten times leveraged, but for the changes."""


@pytest.mark.parametrize(("reason", "changes", "then"), REFUSALS_AT_THE_FILL,
                         ids=lambda part: getattr(part, "name", None))  # fmt: skip
def test_refused_at_the_fill_and_all_comes_back(
    arena: Arena, reason: Reason, changes: dict[str, Any], then: Refused
) -> None:
    scene = Scene(arena)
    carol = scene.carol = arena.player(cash=1_000, fees=True, execution=Execution.NEXT, speed_bump_ms=0)
    scene.place(**({"player": carol.id, "match": carol.match} | changes))
    assert carol.cash < 1_000
    then(scene)
    assert (carol.last(EventKind.ORDER_REFUSED).reason, carol.cash) == (reason, 1_000)
    assert (carol.reserved, carol.orders, carol.positions) == (0, [], [])


def test_a_match_that_has_granted_what_it_can_is_full(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(arena)
    scene.join()
    monkeypatch.setattr(joining, "MAX_INITIAL_FUNDING", MONEY)
    with arena.refuses(Reason.MATCH_FULL):
        arena.command(JoinMatch(scene.contest, scene.alice.id))


REFUNDS: list[tuple[Reason, Refused]] = [
    (Reason.QUOTES_TOO_FEW, lambda s: s.arena.passes(60)),
    (Reason.QUOTES_TOO_FEW, lambda s: (s.arena.passes(1), s.arena.quote("BTCUSDT", 61_000), s.arena.passes(59))),
    (Reason.ENTRY_MISSED, lambda s: (s.arena.quote("BTCUSDT", 61_000), s.arena.quote("BTCUSDT", 62_000),
                                     s.arena.passes(60))),
    (Reason.FEED_STALE, lambda s: (s.arena.passes("57.999999998"), s.arena.quote("BTCUSDT", 61_000),
                                   s.arena.passes("0.000000001"), s.arena.quote("BTCUSDT", 62_000),
                                   s.arena.passes(60))),
]  # fmt: skip
"""Why a stake comes back: Carol's 10 on a higher bitcoin in a minute, entered after a bump of a quarter of a second."""


@pytest.mark.parametrize(("reason", "then"), REFUNDS, ids=lambda part: getattr(part, "name", None))
def test_refunded_and_all_comes_back(arena: Arena, reason: Reason, then: Refused) -> None:
    scene = Scene(arena)
    carol = scene.carol = arena.player(cash=1_000, execution=Execution.NEXT)
    scene.buy(player=carol.id, match=carol.match)
    assert (carol.cash, carol.stakes) == (990, 10)
    then(scene)
    settled = carol.last(EventKind.FIXED_SETTLED)
    assert (settled.result, settled.reason, settled.profit) == (FixedResult.REFUNDED, reason, 0)
    assert (carol.cash, carol.stakes, carol.fixed_trades) == (1_000, 0, [])


TOLD = {Reason.QUEUE_TIMED_OUT, Reason.GAME_CHANGED, Reason.OUTAGE, Reason.CALLED_OFF, Reason.QUEUE_FULL,
        Reason.INSTRUMENT_SETTLED, Reason.DISCONNECTED}  # fmt: skip
"""What only events say, or takes a thousand players: tests/engine/competition/ has them."""


def test_the_table_has_every_reason_that_the_engine_gives() -> None:
    """A reason that stands in the engine's code is in the table; those that do not are named here until they do."""
    code = "".join(path.read_text() for path in ENGINE.rglob("*.py") if path.name != "reasons.py")
    given = {Reason[name] for name in re.findall(r"Reason\.([A-Z_]+)", code)} - {Reason.ACCEPTED}
    refused = {reason for reason, _, _ in (*REFUSALS, *REFUSALS_AT_THE_FILL)} | {Reason.MATCH_FULL}
    assert given == refused | {reason for reason, _ in REFUNDS} | TOLD
    assert set(Reason) - given == {Reason.ACCEPTED}
