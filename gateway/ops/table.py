"""Every op: what it takes, who may use it, and what serves it. The table is the whole set; a test proves it complete.

Three kinds. A Query is answered from the state at once. An AsyncQuery has to wait for the history. A Command
makes a record for the engine and turns the outcome into a result. Answers that walk much cost more messages than one of
those that a connection and a player have a second: about one for a millisecond.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from gateway.core.sequencer import Urgency
from gateway.ops import admin as ops_admin
from gateway.ops import audit as ops_audit
from gateway.ops import auth as ops_auth
from gateway.ops import careers as ops_careers
from gateway.ops import fixed as ops_fixed
from gateway.ops import games as ops_games
from gateway.ops import history as ops_history
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
from gateway.protocol import arguments as args
from gateway.protocol.specs import GameSpec, GameUpdate, InstrumentSpec, OfferSpec, ReferralTerms
from gateway.sessions.arena import Arena
from gateway.sessions.session import For, Session
from gateway.sessions.submission import Submission


class Query(NamedTuple):
    arguments: type
    answer: Callable[[Session, Any], Any]
    who: For = For.PLAYERS
    cost: int = 1


class AsyncQuery(NamedTuple):
    arguments: type
    answer: Callable[[Session, Any], Awaitable[Any]]
    who: For = For.PLAYERS
    cost: int = 1


class Command(NamedTuple):
    arguments: type
    prepare: Callable[[Arena, int, Any], Submission]  # (arena, player, arguments)
    urgency: Urgency
    who: For = For.PLAYERS
    admit: Callable[[Session, Any], None] | None = None  # raises Refused


OPS: dict[str, Query | AsyncQuery | Command] = {
    # session
    "auth": Query(args.Auth, ops_auth.auth, For.ALL),
    "ping": Query(args.Nothing, ops_auth.ping, For.ALL),
    "time": Query(args.Nothing, ops_auth.time, For.ALL),
    "subscribe": Query(args.Subscribe, ops_subscriptions.subscribe, For.MARKET),
    "unsubscribe": Query(args.Unsubscribe, ops_subscriptions.unsubscribe, For.MARKET),
    "me.get": Query(args.Nothing, ops_me.me_get, cost=2),
    # market
    "instruments": Query(args.Nothing, ops_market.instruments, For.MARKET),
    "quote": Query(args.QuoteOf, ops_market.quote, For.MARKET),
    "candles": AsyncQuery(args.CandlesOf, ops_market.candles, For.MARKET),
    # games
    "game.list": Query(args.Nothing, ops_games.game_list, For.SIGNED_IN),
    "game.get": Query(args.OfGame, ops_games.game_get, For.SIGNED_IN),
    "board.cups": AsyncQuery(args.CupsOf, ops_careers.board_cups, For.SIGNED_IN, cost=3),
    # matches
    "match.list": Query(args.MatchList, ops_matches.match_list, For.SIGNED_IN, cost=5),
    "match.get": Query(args.OfMatch, ops_matches.match_get, For.SIGNED_IN),
    "match.board": Query(args.OfMatch, ops_matches.match_board, For.SIGNED_IN, cost=5),
    "match.summary": AsyncQuery(args.OfMatch, ops_history.match_summary, cost=3),
    "match.join": Command(args.JoinMatch, ops_matches.match_join, Urgency.OPENS, admit=ops_matches.may_try_code),
    "match.leave": Command(args.OfMatch, ops_matches.match_leave, Urgency.RELEASES),
    "match.reset": Command(args.OfMatch, ops_matches.match_reset, Urgency.OPENS),
    "queue.join": Command(args.OfGame, ops_queues.queue_join, Urgency.OPENS),
    "queue.leave": Command(args.OfGame, ops_queues.queue_leave, Urgency.RELEASES),
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
    "fixed.list": Query(args.Nothing, ops_fixed.fixed_list, cost=2),
    # what was
    "me.matches": AsyncQuery(args.Page, ops_history.me_matches, cost=3),
    "me.trades": AsyncQuery(args.Page, ops_history.me_trades, cost=3),
    "me.fixed": AsyncQuery(args.Page, ops_history.me_fixed, cost=3),
    # wallets
    "me.wallet": Query(args.Nothing, ops_wallet.me_wallet),
    "me.ledger": AsyncQuery(args.Page, ops_wallet.me_ledger, cost=3),
    "wallet.top_up": Command(args.Money, ops_wallet.top_up, Urgency.OPENS),
    # the store and referrals
    "store.list": Query(args.Nothing, ops_shop.shop_list, For.SIGNED_IN),
    "wallet.purchase": Command(args.Purchase, ops_shop.purchase, Urgency.OPENS),
    "inventory.list": Query(args.Nothing, ops_shop.inventory_list),
    "referral.get": Query(args.Nothing, ops_referrals.referral_get),
    # operators
    "admin.audit": AsyncQuery(args.Nothing, ops_audit.audit, For.ADMINS),
    "admin.solvency": Query(args.OfMatch, ops_audit.solvency, For.ADMINS),
    "admin.fund_rewards": Command(args.Money, ops_wallet.fund_rewards, Urgency.OPERATOR, For.ADMINS),
    "admin.fund_referrals": Command(args.Money, ops_referrals.fund_referrals, Urgency.OPERATOR, For.ADMINS),
    "admin.set_referrals": Command(ReferralTerms, ops_referrals.set_referrals, Urgency.OPERATOR, For.ADMINS),
    "admin.set_offer": Command(OfferSpec, ops_shop.set_offer, Urgency.OPERATOR, For.ADMINS),
    "admin.stock": Command(args.Stock, ops_shop.stock, Urgency.OPERATOR, For.ADMINS),
    "admin.define_instrument": Command(InstrumentSpec, ops_admin.define_instrument, Urgency.OPERATOR, For.ADMINS),
    "admin.create_game": Command(GameSpec, ops_admin.create_game, Urgency.OPERATOR, For.ADMINS),
    "admin.update_game": Command(GameUpdate, ops_admin.update_game, Urgency.OPERATOR, For.ADMINS),
    "admin.delete_game": Command(args.OfGame, ops_admin.delete_game, Urgency.OPERATOR, For.ADMINS),
    "admin.activate_game": Command(args.ActivateGame, ops_admin.activate_game, Urgency.OPERATOR, For.ADMINS),
    "admin.start_season": Command(args.StartSeason, ops_admin.start_season, Urgency.OPERATOR, For.ADMINS),
    "admin.create_match": Command(args.CreateMatch, ops_admin.create_match, Urgency.OPERATOR, For.ADMINS),
    "admin.start_match": Command(args.OfMatch, ops_admin.start_match, Urgency.OPERATOR, For.ADMINS),
    "admin.cancel_match": Command(args.CancelMatch, ops_admin.cancel_match, Urgency.OPERATOR, For.ADMINS),
    "admin.archive_match": Command(args.OfMatch, ops_admin.archive_match, Urgency.OPERATOR, For.ADMINS),
    "admin.end_match": Command(args.EndMatch, ops_admin.end_match, Urgency.OPERATOR, For.ADMINS),
    "admin.set_switch": Command(args.SetSwitch, ops_admin.set_switch, Urgency.OPERATOR, For.ADMINS),
}
