"""Every route under /api/v1. The table is the whole set: what serves requests and what documents them is made of it.

A route names an op, whose arguments are the parameters of its path together with the query (GET, DELETE) or the body;
or a handler. tests/gateway/rest/test_routes.py holds that every op has a route, or a reason why it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, NamedTuple, get_args, get_origin

from gateway.ops.table import OPS
from gateway.protocol.codes.catalogue import ErrorCode
from gateway.protocol.fixed_trades import FixedBought, FixedTrade
from gateway.protocol.history import Paged, SettledTrade
from gateway.protocol.identity.accounts import (
    ChangeEmail,
    ChangePassword,
    Login,
    OfAddress,
    OfSession,
    RefreshToken,
    Register,
    ResetPassword,
    Sent,
    SessionEntry,
    SignedIn,
)
from gateway.protocol.identity.keys import CreateDependent, Dependent
from gateway.protocol.identity.passkeys import AddPasskey, NewPasskey, OfPasskey, Passkey, SignInWithPasskey
from gateway.protocol.identity.people import DeleteMe, Exclude, Excluded, PlayLimit, PlayLimits, SetLimit
from gateway.protocol.market import Instrument, Quote, QuotesOf
from gateway.protocol.scalars import Nothing
from gateway.protocol.session import ExpiringToken, Guest, Renewed, SignInGuest
from gateway.rest.trades import OfExternalUser, PartnerTrade, PlaceTrade, TradesOfExternalUser, stake_of

PREFIX: Final = "/api/v1/"


class Cache(Enum):
    """How long an answer may be kept by who gets it."""

    NEVER = auto()  # it is for one client
    CHECKED = auto()  # it may be kept, and is asked for again with its entity tag
    CLOSED = auto()  # as long as one likes when it is of candles that are all closed; else as CHECKED


class Route(NamedTuple):
    method: str
    path: str  # under PREFIX
    op: str = ""
    status: int = 200
    cache: Cache = Cache.NEVER
    handler: str = ""  # when no op serves it
    takes: type | None = None  # in place of the op's arguments
    answers: Any = None  # in place of the op's result
    arguments: Callable[[Any], Any] | None = None  # makes the op's arguments of what it takes
    is_public: bool = False  # needs no token, whether guests are allowed or not
    may_be_empty: bool = False  # it may be answered 204 as well

    @property
    def shape(self) -> type | None:
        """Of what comes in by path, query and body."""
        return self.takes or (OPS[self.op].arguments if self.op else None)

    @property
    def result(self) -> Any:
        """Of what goes out; a list goes out as {items, next}."""
        return self.answers or (OPS[self.op].result if self.op else None)

    @property
    def item(self) -> Any:
        """Of what an op's list is that may be had as CSV; None when the answer is no such list."""
        is_list = self.method == "GET" and self.op and get_origin(self.result) in (list, Paged)
        return get_args(self.result)[0] if is_list else None

    @property
    def has_body(self) -> bool:
        return self.method not in ("GET", "DELETE")


def _account(method: str, path: str, handler: str, takes: type, answers: Any, status: int = 200, **rest: Any) -> Route:
    return Route(method, path, status=status, handler=handler, takes=takes, answers=answers, **rest)


def _market(path: str, op: str = "", cache: Cache = Cache.CHECKED, **rest: Any) -> Route:
    return Route("GET", path, op, cache=cache, is_public=True, **rest)


ROUTES: Final = (
    # who one is
    Route("POST", "auth/guest", handler="guest", takes=SignInGuest, answers=Guest, is_public=True),
    Route("POST", "auth/renew", handler="renew", takes=ExpiringToken, answers=Renewed, is_public=True),
    _account("POST", "auth/register", "register", Register, SignedIn, 201, is_public=True),
    _account("POST", "auth/login", "login", Login, SignedIn, is_public=True),
    _account("POST", "auth/otp/request", "otp", OfAddress, Sent, 202, is_public=True),
    _account("POST", "auth/refresh", "refresh", RefreshToken, SignedIn, is_public=True),
    _account("POST", "auth/logout", "logout", Nothing, None, 204),
    _account("POST", "auth/password", "password.change", ChangePassword, None, 204),
    _account("POST", "auth/password/forgot", "password.forgot", OfAddress, Sent, 202, is_public=True),
    _account("POST", "auth/password/reset", "password.reset", ResetPassword, None, 204, is_public=True),
    _account("POST", "auth/email", "email", ChangeEmail, Sent, 202, may_be_empty=True),
    _account("GET", "me/sessions", "sessions", Nothing, list[SessionEntry]),
    _account("DELETE", "me/sessions/{session}", "session.end", OfSession, None, 204),
    _account("POST", "auth/passkey/options", "passkey.options", AddPasskey, dict[str, Any]),
    _account("POST", "auth/passkey/register", "passkey.add", NewPasskey, Passkey, 201),
    _account("POST", "auth/passkey/challenge", "passkey.challenge", Nothing, dict[str, Any], is_public=True),
    _account("POST", "auth/passkey/login", "passkey.login", SignInWithPasskey, SignedIn, is_public=True),
    _account("GET", "me/passkeys", "passkeys", Nothing, list[Passkey]),
    _account("DELETE", "me/passkeys/{passkey}", "passkey.remove", OfPasskey, None, 204),
    _account("GET", "me/limits", "limits", Nothing, PlayLimits),
    _account("PUT", "me/limits/{kind}", "limit.set", SetLimit, PlayLimit),
    _account("POST", "me/exclusion", "exclude", Exclude, Excluded, 201),
    _account("GET", "me/export", "export", Nothing, dict[str, Any]),
    _account("POST", "me/delete", "delete", DeleteMe, None, 204),
    Route("POST", "auth/ticket", "auth.ticket", status=201),
    # players
    Route("GET", "ping", "ping", is_public=True),
    Route("GET", "time", "time", is_public=True),
    Route("GET", "me", "me.get"),
    Route("GET", "me/wallet", "me.wallet"),
    Route("GET", "me/ledger", "me.ledger"),
    Route("GET", "me/trades", "me.trades"),
    Route("GET", "me/fills", "me.fills"),
    Route("GET", "me/matches", "me.matches"),
    Route("GET", "me/notifications", "me.notifications"),
    Route("POST", "me/notifications/read", "me.read"),
    Route("GET", "me/inventory", "inventory.list"),
    # API keys
    Route("GET", "me/keys", "me.keys.list"),
    Route("POST", "me/keys", "me.keys.create", status=201),
    Route("PATCH", "me/keys/{key}", "me.keys.update"),
    Route("DELETE", "me/keys/{key}", "me.keys.revoke"),
    Route("GET", "me/keys/usage", "me.keys.usage"),
    # the market
    _market("markets/instruments", "instruments"),
    _market("markets/quotes", handler="quotes", takes=QuotesOf, answers=list[Quote[str]]),
    _market("markets/quotes/{symbol}", "quote"),
    _market("markets/tickers", "tickers"),
    _market("markets/candles", "candles", Cache.CLOSED),
    _market("errors", handler="errors", takes=Nothing, answers=list[ErrorCode]),
    # games and matches
    Route("GET", "games", "game.list"),
    Route("GET", "games/{game}", "game.get"),
    Route("POST", "games/{game}/queue", "queue.join"),
    Route("DELETE", "games/{game}/queue", "queue.leave"),
    Route("GET", "boards/cups", "board.cups"),
    Route("GET", "matches", "match.list"),
    Route("GET", "matches/{match}", "match.get"),
    Route("GET", "matches/{match}/board", "match.board"),
    Route("GET", "matches/{match}/summary", "match.summary"),
    Route("POST", "matches/{match}/join", "match.join"),
    Route("POST", "matches/{match}/leave", "match.leave"),
    Route("POST", "matches/{match}/reset", "match.reset"),
    # orders and positions
    Route("POST", "orders", "order.place", status=201),
    Route("GET", "orders", "order.list"),
    Route("DELETE", "orders", "order.cancel_all"),
    Route("POST", "orders/test", "order.test"),
    Route("GET", "orders/history", "order.history"),
    Route("GET", "orders/{order}", "order.get"),
    Route("PATCH", "orders/{order}", "order.amend"),
    Route("DELETE", "orders/{order}", "order.cancel"),
    Route("GET", "positions", "position.list"),
    Route("PATCH", "positions/{position}", "position.amend"),
    Route("POST", "positions/{position}/close", "position.close"),
    # fixed-time trades
    Route("POST", "trades", "fixed.buy", status=201, takes=PlaceTrade, arguments=stake_of),
    Route("GET", "trades/open", "fixed.list"),
    Route("GET", "trades/history", "me.fixed"),
    # wallets and the store
    Route("POST", "wallet/top-up", "wallet.top_up"),
    Route("POST", "wallet/purchase", "wallet.purchase"),
    Route("GET", "store", "store.list"),
    Route("GET", "referral", "referral.get"),
    # sub-accounts of a player, and users of a partner
    _account("GET", "me/players", "players", Nothing, list[Dependent]),
    _account("POST", "me/players", "players.create", CreateDependent, Dependent, 201),
    _account("GET", "partner/users", "partner.users", Nothing, list[Dependent]),
    _account("POST", "partner/users", "partner.user", OfExternalUser, Dependent, 201),
    _account("GET", "partner/markets/instruments", "partner.instruments", Nothing, list[Instrument[str]]),
    _account("GET", "partner/markets/quotes", "partner.quotes", QuotesOf, list[Quote[str]]),
    _account("POST", "partner/trades", "partner.trade", PartnerTrade, FixedBought, 201),
    _account("GET", "partner/trades", "partner.trades", OfExternalUser, list[FixedTrade[str]]),
    _account("GET", "partner/trades/history", "partner.history", TradesOfExternalUser, Paged[SettledTrade[str]]),
    # operators
    Route("GET", "admin/log", "admin.log"),
    Route("GET", "admin/keys", "admin.keys"),
    Route("GET", "admin/players", "admin.players"),
    Route("GET", "admin/players/{player}", "admin.player"),
    Route("GET", "admin/players/{player}/ledger", "admin.ledger"),
    Route("GET", "admin/exposure", "admin.exposure"),
    Route("GET", "admin/limits", "admin.limits"),
    Route("GET", "admin/audit", "admin.audit"),
    Route("GET", "admin/matches/{match}/solvency", "admin.solvency"),
    Route("POST", "admin/rewards", "admin.fund_rewards"),
    Route("POST", "admin/referrals", "admin.fund_referrals"),
    Route("PUT", "admin/referrals", "admin.set_referrals"),
    Route("PUT", "admin/store/{item}", "admin.set_offer"),
    Route("POST", "admin/store/{item}/stock", "admin.stock"),
    Route("PUT", "admin/instruments/{symbol}", "admin.define_instrument"),
    Route("POST", "admin/instruments/{symbol}/settle", "admin.settle_instrument"),
    Route("POST", "admin/games", "admin.create_game", status=201),
    Route("PUT", "admin/games/{game}", "admin.update_game"),
    Route("DELETE", "admin/games/{game}", "admin.delete_game"),
    Route("POST", "admin/games/{game}/active", "admin.activate_game"),
    Route("POST", "admin/seasons", "admin.start_season", status=201),
    Route("POST", "admin/matches", "admin.create_match", status=201),
    Route("POST", "admin/matches/{match}/start", "admin.start_match"),
    Route("POST", "admin/matches/{match}/cancel", "admin.cancel_match"),
    Route("POST", "admin/matches/{match}/archive", "admin.archive_match"),
    Route("POST", "admin/matches/{match}/end", "admin.end_match"),
    Route("POST", "admin/switches", "admin.set_switch"),
)

ROUTELESS: Final = {
    "auth": "every request brings its token",
    "renew": "POST auth/renew exchanges a token, and needs no connection",
    "cancel_on_disconnect": "there is no connection that could end",
    "resume": "a request has missed nothing",
    "subscribe": "what is subscribed to comes over the connection",
    "unsubscribe": "there is no connection that could be subscribed",
}
"""Ops without a route, and why."""
