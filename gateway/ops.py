"""Every op: what it takes, who may use it, and what serves it. The table is the whole set; a test proves it complete.

Three kinds. A Query is answered from the state at once. A Later is a query that has to wait for the history. A Command
makes a record for the engine and turns the outcome into a result.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway import arguments as args
from gateway import ops_fixed, ops_market, ops_matches, ops_orders, ops_positions, ops_session
from gateway.arena import Arena
from gateway.requests import Request
from gateway.sequencer import Urgency

if TYPE_CHECKING:
    from gateway.sessions import Session


class Query(NamedTuple):
    arguments: type
    answer: Callable[[Session, Any], Any]
    public: bool = False  # for everybody, even before auth
    market: bool = False  # for guests too, where they are allowed


class Later(NamedTuple):
    arguments: type
    answer: Callable[[Session, Any], Awaitable[Any]]
    public: bool = False
    market: bool = False


class Command(NamedTuple):
    arguments: type
    request: Callable[[Arena, int, Any], Request]  # (arena, player, arguments)
    urgency: Urgency
    public: bool = False
    market: bool = False


OPS: dict[str, Query | Later | Command] = {
    # session
    "auth": Query(args.Auth, ops_session.auth, public=True),
    "ping": Query(args.Nothing, ops_session.ping, public=True),
    "time": Query(args.Nothing, ops_session.time, public=True),
    "subscribe": Query(args.Subscribe, ops_session.subscribe, market=True),
    "unsubscribe": Query(args.Unsubscribe, ops_session.unsubscribe, market=True),
    "me.get": Query(args.Nothing, ops_session.me_get),
    # market
    "instruments": Query(args.Nothing, ops_market.instruments, market=True),
    "quote": Query(args.QuoteOf, ops_market.quote, market=True),
    "candles": Later(args.CandlesOf, ops_market.candles, market=True),
    # matches
    "match.list": Query(args.MatchList, ops_matches.match_list),
    "match.get": Query(args.OfMatch, ops_matches.match_get),
    "match.board": Query(args.OfMatch, ops_matches.match_board),
    "match.join": Command(args.OfMatch, ops_matches.match_join, Urgency.OPENS),
    "match.reset": Command(args.OfMatch, ops_matches.match_reset, Urgency.OPENS),
    # orders
    "order.place": Command(args.PlaceOrder, ops_orders.place, Urgency.OPENS),
    "order.amend": Command(args.AmendOrder, ops_orders.amend, Urgency.OTHER),
    "order.cancel": Command(args.CancelOrder, ops_orders.cancel, Urgency.RELEASES),
    "order.cancel_all": Command(args.OfMatch, ops_orders.cancel_all, Urgency.RELEASES),
    "order.list": Query(args.OfMatch, ops_orders.order_list),
    "order.test": Query(args.PlaceOrder, ops_orders.test),
    # positions
    "position.close": Command(args.ClosePosition, ops_positions.close, Urgency.RELEASES),
    "position.amend": Command(args.AmendPosition, ops_positions.amend, Urgency.OTHER),
    "position.list": Query(args.OfMatch, ops_positions.position_list),
    # fixed-time trades
    "fixed.buy": Command(args.BuyFixed, ops_fixed.buy, Urgency.OPENS),
    "fixed.list": Query(args.Nothing, ops_fixed.fixed_list),
}
