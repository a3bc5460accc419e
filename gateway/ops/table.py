"""Every op: what it takes, what it answers, who may use it, and what serves it. The table is the whole set.

Four kinds. A Query is answered from the state at once. An AsyncQuery waits for the history. A Command makes a record
for the engine and turns the outcome into a result. A SocketQuery is about the connection that asks, and exists over a
socket only. Queries that walk much cost more than one of the messages that a
connection and a player have a second, and so does every long answer, by its bytes: about one for half a millisecond.
tests/gateway/ops/test_costs.py holds it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from gateway.core.sequencer import Urgency
from gateway.operator_ops import admin as ops_admin
from gateway.operator_ops import audit as ops_audit
from gateway.operator_ops import operators as ops_operators
from gateway.operator_ops import reads as ops_reads
from gateway.ops import auth as ops_auth
from gateway.ops import careers as ops_careers
from gateway.ops import fixed as ops_fixed
from gateway.ops import games as ops_games
from gateway.ops import history as ops_history
from gateway.ops import keys as ops_keys
from gateway.ops import market as ops_market
from gateway.ops import matches as ops_matches
from gateway.ops import me as ops_me
from gateway.ops import orders as ops_orders
from gateway.ops import positions as ops_positions
from gateway.ops import queues as ops_queues
from gateway.ops import referrals as ops_referrals
from gateway.ops import shop as ops_shop
from gateway.ops import subscriptions as ops_subscriptions
from gateway.ops import wallet as ops_wallet
from gateway.protocol.careers import CupsBoard, CupsOf, StartSeason
from gateway.protocol.fixed_trades import BuyFixed, FixedBought, FixedTrade
from gateway.protocol.games import ActivateGame, Game, GameSpec, GameUpdate, OfGame
from gateway.protocol.history import (
    ClosedTrade,
    Fill,
    FinishedMatch,
    FixedTradesOf,
    Notifications,
    NotificationsOf,
    OfMatches,
    OfOrder,
    OrderLife,
    OrderRecord,
    OrdersOf,
    Paged,
    ReadNotifications,
    SeatTrades,
    SettledTrade,
    Summary,
    WalletChange,
)
from gateway.protocol.identity.keys import (
    ApiKey,
    CreatedKey,
    CreateKey,
    KeyRecord,
    KeysOf,
    KeyUsage,
    OfKey,
    UpdateKey,
    UsageOf,
)
from gateway.protocol.identity.operators import ActionsOf, OperatorAction
from gateway.protocol.identity.reads import (
    ArenaLimits,
    Exposure,
    LedgerOf,
    OfPlayer,
    PlayerEntry,
    PlayerRecord,
    PlayersOf,
)
from gateway.protocol.market import (
    Candle,
    CandlesOf,
    Defined,
    Instrument,
    InstrumentSpec,
    Quote,
    QuoteOf,
    SetSwitch,
    SettleInstrument,
    Ticker,
    TickersOf,
)
from gateway.protocol.matches import (
    CancelMatch,
    CreateMatch,
    EndMatch,
    JoinMatch,
    Match,
    MatchList,
    MatchRef,
    OfMatch,
    QueueRef,
)
from gateway.protocol.orders import (
    AmendedOrder,
    AmendOrder,
    Canceled,
    CanceledAll,
    CancelOrder,
    Order,
    Placed,
    PlaceOrder,
    Tested,
)
from gateway.protocol.positions import Amended, AmendPosition, Closed, ClosePosition, Position
from gateway.protocol.scalars import Empty, Made, Nothing
from gateway.protocol.seats import Board
from gateway.protocol.session import (
    Auth,
    Authenticated,
    CancelOnDisconnect,
    CancelsOnDisconnect,
    Me,
    Renewed,
    Resume,
    Resumed,
    Subscribe,
    Subscribed,
    Ticket,
    Time,
    Unsubscribe,
)
from gateway.protocol.shop import Item, Offer, OfferSpec, Purchase, Purchased, Referral, ReferralTerms, Stock
from gateway.protocol.wallets import Audited, Balance, Credited, Money, Solvency
from gateway.sessions.caller import Caller, For
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission


class Query(NamedTuple):
    arguments: type
    result: Any  # the type of what is answered
    answer: Callable[[Caller, Any], Any]
    who: For = For.PLAYERS
    cost: int = 1


class AsyncQuery(NamedTuple):
    arguments: type
    result: Any  # the type of what is answered
    answer: Callable[[Caller, Any], Awaitable[Any]]
    who: For = For.PLAYERS
    cost: int = 1


class Command(NamedTuple):
    arguments: type
    result: Any  # the type of what is answered
    prepare: Callable[..., Submission]  # (arena, player, arguments), and the request's key if it wants that
    urgency: Urgency
    who: For = For.PLAYERS
    admit: Callable[[Caller, Any], None] | None = None  # raises Refused
    wants_key: bool = False  # to prepare it: a request that is asked again may be about what has ended


class SocketQuery(NamedTuple):
    arguments: type
    result: Any  # the type of what is answered
    answer: Callable[[Session, Any], Any]
    who: For = For.PLAYERS
    cost: int = 1


Op = Query | AsyncQuery | Command | SocketQuery

OPS: dict[str, Op] = {
    # session
    "auth": SocketQuery(Auth, Authenticated, ops_auth.auth, For.ALL),
    "renew": SocketQuery(Nothing, Renewed, ops_auth.renew),
    "auth.ticket": Query(Nothing, Ticket, ops_auth.ticket, For.SIGNED_IN),
    "resume": SocketQuery(Resume, Resumed, ops_subscriptions.resume, For.SIGNED_IN),
    "ping": Query(Nothing, Empty, ops_auth.ping, For.ALL),
    "time": Query(Nothing, Time, ops_auth.time, For.ALL),
    "subscribe": SocketQuery(Subscribe, Subscribed, ops_subscriptions.subscribe, For.MARKET),
    "unsubscribe": SocketQuery(Unsubscribe, Subscribed, ops_subscriptions.unsubscribe, For.MARKET),
    "me.get": Query(Nothing, Me[str], ops_me.me_get, cost=2),
    # market
    "instruments": Query(Nothing, list[Instrument[str]], ops_market.instruments, For.MARKET),
    "quote": Query(QuoteOf, Quote[str], ops_market.quote, For.MARKET),
    "candles": AsyncQuery(CandlesOf, list[Candle[str]], ops_market.candles, For.MARKET),
    "tickers": AsyncQuery(TickersOf, list[Ticker[str]], ops_market.tickers, For.MARKET, cost=5),
    # games
    "game.list": Query(Nothing, list[Game[str]], ops_games.game_list, For.SIGNED_IN),
    "game.get": Query(OfGame, Game[str], ops_games.game_get, For.SIGNED_IN),
    "board.cups": AsyncQuery(CupsOf, CupsBoard, ops_careers.board_cups, For.SIGNED_IN, cost=3),
    # matches
    "match.list": Query(MatchList, list[Match[str]], ops_matches.match_list, For.SIGNED_IN, cost=5),
    "match.get": Query(OfMatch, Match[str], ops_matches.match_get, For.SIGNED_IN),
    "match.board": Query(OfMatch, Board[str], ops_matches.match_board, For.SIGNED_IN, cost=5),
    "match.summary": AsyncQuery(OfMatch, Summary[str], ops_history.match_summary, cost=3),
    "match.join": Command(JoinMatch, MatchRef, ops_matches.match_join, Urgency.OPENS, admit=ops_matches.may_join),
    "match.leave": Command(OfMatch, MatchRef, ops_matches.match_leave, Urgency.RELEASES),
    "match.reset": Command(OfMatch, MatchRef, ops_matches.match_reset, Urgency.OPENS),
    "queue.join": Command(OfGame, QueueRef, ops_queues.queue_join, Urgency.OPENS, admit=ops_queues.may_queue),
    "queue.leave": Command(OfGame, QueueRef, ops_queues.queue_leave, Urgency.RELEASES),
    # orders
    "order.place": Command(PlaceOrder, Placed[str], ops_orders.place, Urgency.OPENS),
    "order.amend": Command(AmendOrder, AmendedOrder[str], ops_orders.amend, Urgency.OTHER, wants_key=True),
    "order.cancel": Command(CancelOrder, Canceled, ops_orders.cancel, Urgency.RELEASES),
    "order.cancel_all": Command(OfMatch, CanceledAll, ops_orders.cancel_all, Urgency.RELEASES),
    "cancel_on_disconnect": Command(
        CancelOnDisconnect, CancelsOnDisconnect, ops_orders.cancel_on_disconnect, Urgency.OTHER
    ),
    "order.list": Query(OfMatch, list[Order[str]], ops_orders.order_list),
    "order.get": AsyncQuery(OfOrder, OrderLife[str], ops_history.order_get, cost=2),
    "order.history": AsyncQuery(OrdersOf, Paged[OrderRecord[str]], ops_history.order_history, cost=3),
    "order.test": Query(PlaceOrder, Tested[str], ops_orders.test),
    # positions
    "position.close": Command(ClosePosition, Closed[str], ops_positions.close, Urgency.RELEASES, wants_key=True),
    "position.amend": Command(AmendPosition, Amended[str], ops_positions.amend, Urgency.OTHER, wants_key=True),
    "position.list": Query(OfMatch, list[Position[str]], ops_positions.position_list),
    # fixed-time trades
    "fixed.buy": Command(BuyFixed, FixedBought, ops_fixed.buy, Urgency.OPENS),
    "fixed.list": Query(Nothing, list[FixedTrade[str]], ops_fixed.fixed_list, cost=2),
    # what was
    "me.matches": AsyncQuery(OfMatches, Paged[FinishedMatch[str]], ops_history.me_matches, cost=3),
    "me.trades": AsyncQuery(SeatTrades, Paged[ClosedTrade[str]], ops_history.me_trades, cost=3),
    "me.fills": AsyncQuery(SeatTrades, Paged[Fill[str]], ops_history.me_fills, cost=3),
    "me.fixed": AsyncQuery(FixedTradesOf, Paged[SettledTrade[str]], ops_history.me_fixed, cost=3),
    # notifications
    "me.notifications": AsyncQuery(NotificationsOf, Notifications, ops_me.me_notifications, cost=3),
    "me.read": Command(ReadNotifications, Empty, ops_me.me_read, Urgency.OTHER),
    # API keys
    "me.keys.create": AsyncQuery(CreateKey, CreatedKey, ops_keys.create, For.KEY_HOLDERS, cost=3),
    "me.keys.list": AsyncQuery(Nothing, list[ApiKey], ops_keys.listed, For.KEY_HOLDERS, cost=2),
    "me.keys.update": AsyncQuery(UpdateKey, ApiKey, ops_keys.update, For.KEY_HOLDERS, cost=3),
    "me.keys.revoke": AsyncQuery(OfKey, Empty, ops_keys.revoke, For.KEY_HOLDERS, cost=3),
    "me.keys.usage": AsyncQuery(UsageOf, list[KeyUsage], ops_keys.usage, For.KEY_HOLDERS, cost=3),
    # wallets
    "me.wallet": Query(Nothing, list[Balance[str]], ops_wallet.me_wallet),
    "me.ledger": AsyncQuery(OfMatches, Paged[WalletChange[str]], ops_wallet.me_ledger, cost=3),
    "wallet.top_up": Command(Money, Credited[str], ops_wallet.top_up, Urgency.OPENS),
    # the store and referrals
    "store.list": Query(Nothing, list[Offer[str]], ops_shop.shop_list, For.SIGNED_IN),
    "wallet.purchase": Command(Purchase, Purchased, ops_shop.purchase, Urgency.OPENS),
    "inventory.list": Query(Nothing, list[Item], ops_shop.inventory_list),
    "referral.get": Query(Nothing, Referral[str], ops_referrals.referral_get),
    # operators
    "admin.log": AsyncQuery(ActionsOf, Paged[OperatorAction], ops_operators.log, For.SUPPORT, cost=3),
    "admin.keys": AsyncQuery(KeysOf, list[KeyRecord], ops_keys.records, For.SUPPORT, cost=5),
    "admin.players": Query(PlayersOf, Paged[PlayerEntry], ops_reads.players, For.SUPPORT, cost=5),
    "admin.player": Query(OfPlayer, PlayerRecord[str], ops_reads.player, For.SUPPORT, cost=2),
    "admin.ledger": AsyncQuery(LedgerOf, Paged[WalletChange[str]], ops_reads.ledger, For.SUPPORT, cost=3),
    "admin.exposure": Query(Nothing, list[Exposure[str]], ops_reads.exposure, For.SUPPORT, cost=5),
    "admin.limits": Query(Nothing, ArenaLimits, ops_reads.limits, For.SUPPORT),
    "admin.audit": AsyncQuery(Nothing, Audited, ops_audit.audit, For.SUPPORT),
    "admin.solvency": Query(OfMatch, Solvency[str], ops_audit.solvency, For.SUPPORT),
    "admin.fund_rewards": Command(Money, Credited[str], ops_wallet.fund_rewards, Urgency.OPERATOR, For.FINANCE),
    "admin.fund_referrals": Command(Money, Credited[str], ops_referrals.fund_referrals, Urgency.OPERATOR, For.FINANCE),
    "admin.set_referrals": Command(ReferralTerms, Made, ops_referrals.set_referrals, Urgency.OPERATOR, For.FINANCE),
    "admin.set_offer": Command(OfferSpec, Made, ops_shop.set_offer, Urgency.OPERATOR, For.FINANCE),
    "admin.stock": Command(Stock, Made, ops_shop.stock, Urgency.OPERATOR, For.FINANCE),
    "admin.define_instrument": Command(
        InstrumentSpec, Defined, ops_admin.define_instrument, Urgency.OPERATOR, For.ADMINS
    ),
    "admin.settle_instrument": Command(
        SettleInstrument, Made, ops_admin.settle_instrument, Urgency.OPERATOR, For.ADMINS
    ),
    "admin.create_game": Command(GameSpec, Made, ops_admin.create_game, Urgency.OPERATOR, For.ADMINS),
    "admin.update_game": Command(GameUpdate, Made, ops_admin.update_game, Urgency.OPERATOR, For.ADMINS),
    "admin.delete_game": Command(OfGame, Made, ops_admin.delete_game, Urgency.OPERATOR, For.ADMINS),
    "admin.activate_game": Command(ActivateGame, Made, ops_admin.activate_game, Urgency.OPERATOR, For.ADMINS),
    "admin.start_season": Command(StartSeason, Made, ops_admin.start_season, Urgency.OPERATOR, For.ADMINS),
    "admin.create_match": Command(CreateMatch, Made, ops_admin.create_match, Urgency.OPERATOR, For.ADMINS),
    "admin.start_match": Command(OfMatch, Made, ops_admin.start_match, Urgency.OPERATOR, For.ADMINS),
    "admin.cancel_match": Command(CancelMatch, Made, ops_admin.cancel_match, Urgency.OPERATOR, For.ADMINS),
    "admin.archive_match": Command(OfMatch, Made, ops_admin.archive_match, Urgency.OPERATOR, For.ADMINS),
    "admin.end_match": Command(EndMatch, Made, ops_admin.end_match, Urgency.OPERATOR, For.ADMINS),
    "admin.set_switch": Command(SetSwitch, Made, ops_admin.set_switch, Urgency.OPERATOR, For.ADMINS),
}
