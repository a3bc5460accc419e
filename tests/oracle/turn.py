"""A batch: what is due, then one command after another, each of them once for a key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from engine.model.bounds import MOST_KEYS
from engine.model.commands import (
    ArchiveMatch,
    CancelMatch,
    CancelOnDisconnect,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    DefineZone,
    DeleteGame,
    EndMatch,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    OpenFeed,
    ReadNotifications,
    RegisterPlayer,
    ResetSeat,
    SetConnected,
    SetGameActive,
    SetKeyLimits,
    SetSwitch,
    SettleInstrument,
    StartMatch,
    StartSeason,
    TopUp,
    UpdateGame,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.harness.records import (
    AmendOrder,
    AmendPosition,
    Asked,
    BuyFixed,
    CancelAll,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
    Pulse,
    Quote,
    Transfer,
    Unknown,
)
from tests.oracle.competition.careers import start_season
from tests.oracle.competition.disconnects import cancel_all_of, cancel_on_disconnect, set_connected
from tests.oracle.competition.games import create_game, set_game_active
from tests.oracle.competition.matches import (
    archive_match,
    begin,
    cancel_match,
    create_match,
    end_match,
    finish,
    join_match,
    leave_match,
    sample,
    start_match,
)
from tests.oracle.competition.notifications import read_notifications
from tests.oracle.competition.outages import feed_is_out
from tests.oracle.competition.queues import (
    delete_game_of_queue,
    join_queue,
    leave_line,
    leave_queue,
    update_game_of_queue,
)
from tests.oracle.ledger.wallets import fund_rewards, top_up, transfer
from tests.oracle.state import BILLION, DAY_NS, Event, Oracle, Outcome, Refused, refuse_if
from tests.oracle.trading.fixed_trades import buy_fixed, settle
from tests.oracle.trading.markets import define_instrument, define_zone, open_feed, settle_instrument
from tests.oracle.trading.orders import amend_order, cancel_all, cancel_order, end_order, place_order
from tests.oracle.trading.positions import amend, amend_position, close_position
from tests.oracle.trading.quotes import quote
from tests.oracle.trading.rules import judge_all, start_day
from tests.oracle.trading.seats import register_player, reset_seat
from tests.oracle.trading.switches import set_switch
from tests.oracle.trading.waiting import ripen

KEYS_FOR_EVERYBODY = 4096
# In this order, when due together.
TIMER_FIXED, TIMER_ORDER, TIMER_WAIT, TIMER_HOLD, TIMER_MATCH, TIMER_DAY = range(1, 7)
TIMER_OUTAGE, TIMER_QUEUE, TIMER_SAMPLE, TIMER_REST, TIMER_AMEND, TIMER_DISCONNECT = range(7, 13)

RELEASES = (ClosePosition, CancelOrder, CancelAll, AmendPosition, AmendOrder, LeaveMatch, LeaveQueue)

Keyed = PlaceOrder | CancelOrder | ClosePosition | AmendPosition | AmendOrder | CancelAll | BuyFixed | Asked
"""What a client asks for, and may ask for again with the same key."""


def apply(oracle: Oracle, commands: list[Command], at_ns: int) -> tuple[list[Outcome], list[Event]]:
    """One batch: what is due first, then the commands in order."""
    oracle.now_ns, oracle.events = at_ns, []
    first = oracle.sequence + 1
    oracle.sequence = first
    forget_old_requests(oracle)
    oracle.ledger.begin(first, at_ns, oracle.events)
    fire_due(oracle)
    outcomes = []
    for oracle.sequence, command in enumerate(commands, first):
        oracle.ledger.sequence, oracle.ahead = oracle.sequence, commands[oracle.sequence - first :]
        outcomes.append(outcome := answer(oracle, command))
        judge_all(oracle, command.instrument if isinstance(command, Quote) else outcome["instrument"])
        if oracle.ending:
            fire_due(oracle)
    return outcomes, oracle.events


def fire_due(oracle: Oracle) -> None:
    oracle.ending = False
    while timers := due(oracle):
        min(timers, key=lambda timer: timer[:3])[3]()
        judge_all(oracle, 0)


def due(oracle: Oracle) -> list[tuple[int, int, int, Callable[[], None]]]:
    """(when, kind, id, what) of all that is due by now."""
    found: list[tuple[int, int, int, Callable[[], None]]] = []
    for order in oracle.orders.values():
        if order.command.expires_at_ns:
            expire = partial(end_order, oracle, order, EventKind.ORDER_EXPIRED)
            found.append((order.command.expires_at_ns, TIMER_ORDER, order.id, expire))
    for id, match in oracle.running.items():
        if match.waiting and match.starts_at_ns:
            found.append((match.starts_at_ns, TIMER_MATCH, id, partial(begin, oracle, id, match)))
        if match.ends_at_ns and not match.paused_since_ns:
            found.append((match.ends_at_ns, TIMER_MATCH, id, partial(finish, oracle, id, match)))
        if match.needs_feed and not match.paused_since_ns:
            silent_since_ns = max(oracle.last_quote_ns(match), match.opened_at_ns)
            out_at_ns = silent_since_ns + match.game.outage_s * BILLION + 1
            found.append((out_at_ns, TIMER_OUTAGE, id, partial(feed_is_out, oracle, match, id, silent_since_ns)))
        if match.next_day_ns and not match.paused_since_ns:
            found.append((match.next_day_ns, TIMER_DAY, id, partial(start_day, oracle, id, match)))
        if match.next_sample_ns:
            found.append((match.next_sample_ns, TIMER_SAMPLE, id, partial(sample, oracle, match)))
    for trade in oracle.fixed_trades.values():
        found.append((trade.expires_at_ns, TIMER_FIXED, trade.id, partial(settle, oracle, trade)))
    for game, queue in oracle.queues.items():
        for player, (until_ns, sequence) in queue.waiting.items():
            if until_ns:
                drop = partial(leave_line, oracle, game, player, Reason.QUEUE_TIMED_OUT)
                found.append((until_ns, TIMER_QUEUE, sequence, drop))
    for player, away in oracle.disconnects.items():
        if away.due_ns:
            found.append((away.due_ns, TIMER_DISCONNECT, player, partial(cancel_all_of, oracle, player)))
    for wait in oracle.waiting:
        if not wait.queued:
            found.append((wait.earliest_fill_at_ns, TIMER_WAIT, wait.sequence, partial(ripen, oracle, wait)))
        elif wait.id in oracle.orders and oracle.markets[wait.instrument].is_stale(oracle.now_ns):
            stale = partial(end_order, oracle, oracle.orders[wait.id], EventKind.ORDER_EXPIRED, Reason.FEED_STALE)
            market = oracle.markets[wait.instrument]
            stale_at_ns = market.at_ns + market.data.quote_lifetime_ns + 1
            found.append((stale_at_ns, TIMER_WAIT, wait.sequence, stale))
    for position in oracle.positions.values():
        for amendment in position.amendments:
            counts = partial(amend, oracle, position, amendment)
            found.append((amendment.counts_from_ns, TIMER_AMEND, amendment.sequence, counts))
    for due_ns, number, hold in oracle.ledger.due():
        found.append((due_ns, TIMER_HOLD, number, partial(oracle.ledger.expire, hold)))
    return [timer for timer in found if timer[0] <= oracle.now_ns]


def answer(oracle: Oracle, command: Command) -> Outcome:
    """The outcome of one command; one that has a key, and took effect before, does nothing again."""
    outcome = dict.fromkeys(
        (
            "reason",
            "status",
            "replayed",
            "instrument",
            "id",
            "price",
            "fee",
            "profit",
            "liquidation",
            "left",
            "sequence",
        ),
        0,
    )
    outcome["sequence"] = oracle.sequence
    key = None
    if isinstance(command, Keyed) and command.key is not None:
        key = command.player, command.key
    if key is not None and key in oracle.requests:
        arguments, first, _ = oracle.requests[key]
        if arguments != command:
            return outcome | {"reason": Reason.KEY_REUSED}
        return first | {"replayed": 1}
    if key is not None and not is_release(command) and not may_have_key(oracle, key[0]):
        return outcome | {"reason": Reason.KEYS_EXHAUSTED}
    try:
        outcome |= HANDLERS[type(command)](oracle, command) or {}
    except Refused as refused:
        return outcome | {"reason": refused.reason}
    if key is not None:
        releases = [name for name, (asked, _, _) in oracle.requests.items() if name[0] == key[0] and is_release(asked)]
        for name in releases[: max(0, len(releases) + 1 - oracle.keys_per_player)] if is_release(command) else ():
            del oracle.requests[name]
        oracle.requests[key] = command, dict(outcome), oracle.now_ns
    return outcome


def is_release(command: Command) -> bool:
    """Does it close, cancel, amend or leave?"""
    asked = command.command if isinstance(command, Asked) else command
    return isinstance(asked, RELEASES)


def may_have_key(oracle: Oracle, player: int) -> bool:
    """May one more key of the player's be kept, of what is no release?"""
    own = sum(name[0] == player and not is_release(asked) for name, (asked, _, _) in oracle.requests.items())
    if player == 0:
        return True
    if len(oracle.requests) >= oracle.keys_in_all and own >= KEYS_FOR_EVERYBODY:
        return False
    return own < oracle.keys_per_player


def forget_old_requests(oracle: Oracle) -> None:
    """What is a day old; but an order's key stays for a day more when the order, or its position, is open."""
    for key, (asked, first, since_ns) in list(oracle.requests.items()):
        if since_ns + DAY_NS <= oracle.now_ns:
            del oracle.requests[key]
            if isinstance(asked, PlaceOrder) and (first["id"] in oracle.orders or first["id"] in oracle.positions):
                oracle.requests[key] = asked, first, oracle.now_ns


def set_key_limits(oracle: Oracle, command: SetKeyLimits) -> None:
    wrong = not all(1 <= limit <= MOST_KEYS for limit in (command.per_player, command.in_all))
    refuse_if(wrong, Reason.KEY_LIMITS_INVALID)
    oracle.keys_per_player, oracle.keys_in_all = command.per_player, command.in_all


def asked(oracle: Oracle, command: Asked) -> Outcome | None:
    answered: Outcome | None = HANDLERS[type(command.command)](oracle, command.command)
    return answered


def pulse(oracle: Oracle, command: Pulse) -> None:
    """Nothing but the time."""


def unknown(oracle: Oracle, command: Unknown) -> None:
    raise Refused(Reason.COMMAND_UNKNOWN)


HANDLERS: dict[type, Any] = {
    DefineInstrument: define_instrument,
    DefineZone: define_zone,
    SetSwitch: set_switch,
    SettleInstrument: settle_instrument,
    CreateGame: create_game,
    UpdateGame: update_game_of_queue,
    DeleteGame: delete_game_of_queue,
    SetGameActive: set_game_active,
    StartSeason: start_season,
    SetKeyLimits: set_key_limits,
    CreateMatch: create_match,
    JoinMatch: join_match,
    EndMatch: end_match,
    LeaveMatch: leave_match,
    StartMatch: start_match,
    CancelMatch: cancel_match,
    ArchiveMatch: archive_match,
    JoinQueue: join_queue,
    LeaveQueue: leave_queue,
    CancelOnDisconnect: cancel_on_disconnect,
    ReadNotifications: read_notifications,
    SetConnected: set_connected,
    FundRewards: fund_rewards,
    RegisterPlayer: register_player,
    ResetSeat: reset_seat,
    OpenFeed: open_feed,
    Quote: quote,
    PlaceOrder: place_order,
    CancelOrder: cancel_order,
    ClosePosition: close_position,
    AmendPosition: amend_position,
    AmendOrder: amend_order,
    CancelAll: cancel_all,
    BuyFixed: buy_fixed,
    TopUp: top_up,
    Transfer: transfer,
    Asked: asked,
    Pulse: pulse,
    Unknown: unknown,
}
