"""The machine: a batch in, outcomes and events out. Nothing else changes the state.

Hot commands run in compiled code (loop.py); a cold command is passed to its Python handler below. The result is that of
its commands applied one by one, on any machine, live or in replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.batch import loop
from engine.competition.careers import start_season
from engine.competition.delisting import settle_instrument
from engine.competition.disconnects import cancel_on_disconnect, cancel_orders_of_disconnected, set_connected
from engine.competition.games import create_game, set_game_active
from engine.competition.joining import join_match, leave_match, register_player, reset_practice_seat
from engine.competition.matches import advance_match, archive_match, cancel_match, create_match, end_match, start_match
from engine.competition.notifications import read_notifications
from engine.competition.outages import resume_paused_matches, void_or_pause_match
from engine.competition.queues import (
    delete_game_and_queue,
    join_queue,
    leave_queue,
    time_out_player,
    update_game_and_queue,
)
from engine.competition.referrals import fund_referrals, set_referrals
from engine.competition.shop import purchase_item, set_offer, stock_store
from engine.jit import specialized
from engine.jit.plain import for_kernels
from engine.ledger.funding import fund_rewards, top_up
from engine.model.bounds import MOST_KEYS
from engine.model.commands import (
    PLACE_ORDER,
    ArchiveMatch,
    Batch,
    CancelMatch,
    CancelOnDisconnect,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    DefineZone,
    DeleteGame,
    EndMatch,
    FundReferrals,
    FundRewards,
    JoinMatch,
    JoinQueue,
    Kind,
    LeaveMatch,
    LeaveQueue,
    OpenFeed,
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
    TopUp,
    UpdateGame,
    decode_cold,
)
from engine.model.events import EventKind
from engine.model.layouts import Commands
from engine.model.reasons import Reason
from engine.model.scale import PPM
from engine.model.state import State
from engine.model.tables import TIMER_DISCONNECT, TIMER_OUTAGE, TIMER_QUEUE
from engine.storage.capacity import ensure_capacity, ensure_capacity_for_evaluation
from engine.storage.emit import Emit, EventLog
from engine.storage.idempotency import (
    KEPT,
    KEPT_AS_RELEASE,
    find_request,
    is_same_request,
    may_remember,
    remember,
    replay,
)
from engine.storage.zones import define_zone
from engine.trading.define_instrument import define_instrument
from engine.trading.order_checks import check_order
from engine.trading.positions import trailing_distance
from engine.trading.seats import equity
from engine.trading.switches import set_switch

RULES_VERSION = 3
"""Raised when new code changes what a logged command means, or which bytes make up the state."""


class Applied(msgspec.Struct, frozen=True):
    """The result of a batch; the next batch may overwrite its arrays."""

    outcomes: NDArray[np.void]  # OUTCOME, one per command
    events: NDArray[np.void]  # EVENT, in the order in which things happened


class OrderPreview(NamedTuple):
    """What an order would do now; integers in the units of its command."""

    fills: bool
    lots: int
    price: int
    notional: int
    margin: int
    fee: int
    liquidation: int  # 0 none
    bankruptcy: int  # ticks: price at which nothing of the margin would be left after the closing fee
    stop_loss: int  # ticks, also of a trailing stop; 0 none
    equity: int  # of the seat after the fill, at the current spread


def open_feed(state: State, command: OpenFeed, emit: Emit) -> tuple[Reason, int]:
    """A new connection to the exchange: source sequences start again."""
    state.book.quotes["source_sequence"] = -1
    emit(EventKind.FEED_OPENED)
    return Reason.ACCEPTED, 0


def set_key_limits(state: State, command: SetKeyLimits, emit: Emit) -> tuple[Reason, int]:
    """How many request keys are kept from now on; returns 0. None of those that there are is forgotten for it."""
    if not (1 <= command.per_player <= MOST_KEYS and 1 <= command.in_all <= MOST_KEYS):
        return Reason.KEY_LIMITS_INVALID, 0

    state.book.world[0]["keys_per_player"] = command.per_player
    state.book.world[0]["keys_in_all"] = command.in_all
    return Reason.ACCEPTED, 0


Handler = Callable[[State, Any, Emit], tuple[Reason, int]]

HANDLERS: dict[type, Handler] = {
    DefineInstrument: define_instrument,
    DefineZone: define_zone,
    CreateGame: create_game,
    CreateMatch: create_match,
    JoinMatch: join_match,
    EndMatch: end_match,
    LeaveMatch: leave_match,
    StartMatch: start_match,
    CancelMatch: cancel_match,
    ArchiveMatch: archive_match,
    RegisterPlayer: register_player,
    ResetSeat: reset_practice_seat,
    OpenFeed: open_feed,
    SetSwitch: set_switch,
    SettleInstrument: settle_instrument,
    TopUp: top_up,
    FundRewards: fund_rewards,
    FundReferrals: fund_referrals,
    SetReferrals: set_referrals,
    SetOffer: set_offer,
    StockStore: stock_store,
    PurchaseItem: purchase_item,
    UpdateGame: update_game_and_queue,
    DeleteGame: delete_game_and_queue,
    SetGameActive: set_game_active,
    StartSeason: start_season,
    JoinQueue: join_queue,
    LeaveQueue: leave_queue,
    SetKeyLimits: set_key_limits,
    CancelOnDisconnect: cancel_on_disconnect,
    SetConnected: set_connected,
    ReadNotifications: read_notifications,
}
"""Handlers of the cold commands: checks, then changes. Each returns a reason, and the id of what it created."""

RELEASING: Final = (LeaveMatch, LeaveQueue)
"""Cold commands whose keys are kept as those of closes and cancels are."""

TIMER_HANDLERS: dict[int, Callable[[State, int, Emit], None]] = {
    TIMER_OUTAGE: void_or_pause_match,
    TIMER_QUEUE: time_out_player,
    TIMER_DISCONNECT: cancel_orders_of_disconnected,
}
"""Handlers of the timers that are not handled in compiled code, by kind; called with the timer's row."""


class Machine:
    """The engine: a state, and the way to change it."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self._emit = EventLog(self.state)
        self._apply: Callable[..., int] | None = None

    def apply(self, batch: Batch) -> Applied:
        """Apply a batch that has been written to the log. Its time must not be before the last one's."""
        # A batch evicts the interpreter from the caches, so each step here costs a microsecond or more.
        count = len(batch.records)
        commands = Commands(batch.records)
        first, at_ns, events, i = batch.first_sequence, batch.at_ns, self._emit.events, loop.START
        apply = self._apply or loop.apply
        while (i := apply(self.state.book, commands, events, first, at_ns, i)) != loop.DONE:
            assert i != loop.OUT_OF_ORDER, "stamps never go back, and sequences have no gaps"
            if i == loop.START:
                short = self.state.book
                ensure_capacity(self.state, count)
                assert self.state.book is not short, "a table is too short, and none has grown"
                continue
            self._emit.drain()
            progress = self.state.book.progress[0]
            if progress["phase"] in (loop.PHASE_MATCH, loop.PHASE_TIMER, loop.PHASE_RESUME_MATCHES):
                self._resume(int(progress["phase"]))
                self._emit.drain()
                ensure_capacity(self.state, count)
                progress["phase"] = progress["resume"]
                continue
            if i < count and commands.header[i]["kind"] == Kind.COLD and progress["phase"] == loop.PHASE_ENTRY:
                self.state.book.outcomes[i] = 0
                self._apply_cold(batch, commands.header[i], self.state.book.outcomes[i], first + i)
                self._emit.drain()
                ensure_capacity(self.state, count)
                done = self.state.book.progress[0]
                if done["ending"] or done["seats_due"]:
                    self.state.book.progress[0]["phase"] = loop.PHASE_TIMERS
                i += 1
                continue
            ensure_capacity_for_evaluation(self.state)
        self._apply = self._apply or specialized(loop.apply)
        return Applied(self.state.book.outcomes[:count], self._emit.take())

    def _resume(self, phase: int) -> None:
        """Do what the kernels stopped for."""
        progress = self.state.book.progress[0]
        if phase == loop.PHASE_MATCH:
            advance_match(self.state, int(progress["match"]), self._emit)
        elif phase == loop.PHASE_RESUME_MATCHES:
            resume_paused_matches(self.state, self._emit)
        else:
            timer = int(progress["timer"])
            TIMER_HANDLERS[int(self.state.book.timers[timer]["kind"])](self.state, timer, self._emit)

    def preview_order(self, record: bytes) -> tuple[Reason, OrderPreview | None]:
        """What the PLACE_ORDER command in `record` would do now; changes nothing."""
        command = for_kernels(np.frombuffer(bytearray(record), PLACE_ORDER))[0]
        book = self.state.book
        reason = Reason(int(check_order(book, command)))
        if reason is not Reason.ACCEPTED:
            return reason, None
        planned = book.order_plan[0]
        lots, price, margin = int(planned["lots"]), int(planned["price"]), int(planned["margin"])
        value = int(book.instruments[int(command["instrument"])]["value"])
        side, cost = int(command["side"]), price * lots
        fee_ppm = int(book.instruments[int(command["instrument"])]["taker_fee_ppm"])
        if not book.matches[int(command["match"])]["fees"]:
            fee_ppm = 0
        stop_loss, trailing_ppm = int(command["stop_loss"]), int(command["trailing_ppm"])
        quote = book.quotes[int(command["instrument"])]
        if trailing_ppm:
            mark = int(quote["bid" if side > 0 else "ask"]) if planned["fills"] else price
            stop_loss = mark - side * int(trailing_distance(mark, trailing_ppm))
        return reason, OrderPreview(
            fills=bool(planned["fills"]),
            lots=lots,
            price=price,
            notional=int(planned["notional"]),
            margin=margin,
            fee=int(planned["fee"]),
            liquidation=int(planned["liquidation"]),
            bankruptcy=_bankruptcy_price(side, lots, cost * value, margin, value, fee_ppm),
            stop_loss=stop_loss,
            equity=int(equity(book, int(planned["seat"])))
            - int(planned["fee"])
            - (int(quote["ask"]) - int(quote["bid"])) * lots * value,
        )

    def _apply_cold(self, batch: Batch, header: Any, outcome: Any, sequence: int) -> None:
        offset = int(header["blob_offset"])
        command = decode_cold(batch.blobs[offset : offset + int(header["blob_length"])])
        self.state.book.progress[0]["sequence"] = sequence
        self.state.book.world[0]["sequence"] = sequence
        outcome["sequence"] = sequence
        known_player = 0 <= int(header["player"]) <= int(self.state.book.world[0]["players"])
        keyed = bool(header["key_low"] or header["key_high"]) and known_player
        known_row = find_request(self.state.book, header) if keyed else 0
        if known_row:
            if is_same_request(self.state.book, known_row, header):
                replay(self.state.book, known_row, outcome)
            else:
                outcome["reason"] = Reason.KEY_REUSED
            return
        kept = KEPT_AS_RELEASE if isinstance(command, RELEASING) else KEPT
        if keyed and not may_remember(self.state.book, int(header["player"]), kept):
            outcome["reason"] = Reason.KEYS_EXHAUSTED
            return

        reason, id = HANDLERS[type(command)](self.state, command, self._emit)
        outcome["reason"] = reason
        outcome["id"] = id
        if keyed and reason is Reason.ACCEPTED:
            remember(self.state.book, header, outcome, kept)


def _bankruptcy_price(side: int, lots: int, cost: int, margin: int, value: int, fee_ppm: int) -> int:
    """The first price, coming from the profitable side, at which margin + profit - closing fee <= 0; `cost` in money.

    Only shown, so it is computed with Python's integers: solved without the fee's rounding, and stepped to the tick.
    """

    def is_bankrupt(price: int) -> bool:
        notional = price * lots * value
        return margin + side * (notional - cost) + (-notional * fee_ppm // PPM) <= 0

    price = (cost - side * margin) * PPM // (lots * value * (PPM - side * fee_ppm))
    while is_bankrupt(price + side):
        price += side
    while price > 0 and not is_bankrupt(price):
        price -= side
    return price
