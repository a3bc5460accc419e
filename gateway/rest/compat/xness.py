"""/compat/100xness/: leveraged trades, all in one practice match. Who asks is said by a cookie."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec
from aiohttp import web
from msgspec import Raw

from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.identity.users import User
from gateway.protocol.errors import Code, Refused
from gateway.protocol.history import ClosedTrade, OfOrder, OrderRecord, OrdersOf, SeatTrades
from gateway.protocol.identity.accounts import Address, Login, Password, Register, SignedIn
from gateway.protocol.market import CandlesOf
from gateway.protocol.matches import JoinMatch, OfMatch
from gateway.protocol.orders import PlaceOrder
from gateway.protocol.positions import ClosePosition, Position
from gateway.protocol.scalars import Nothing, Side, Small, Symbol
from gateway.rest.compat.calls import Front, amount, call, lifetime_s, number, read, with_status
from gateway.rest.requests import query_of
from gateway.rest.responses import answer
from gateway.sessions.caller import Caller

COOKIE: Final = "token"
QUOTE: Final = "USDT"
"""Of which the front end leaves the name out of symbols."""
BALANCE_SYMBOL: Final = "USDC"
BALANCE_DECIMALS: Final = 2
CAUSES: Final = {
    "take_profit": "TakeProfit",
    "stop_loss": "StopLoss",
    "trailing_stop": "StopLoss",
    "liquidation": "Liquidation",
}
"""Of a close; others are Manual."""
MOST: Final = 500
MOST_CANDLES: Final = 1_000
FIRST_IN_MS: Final = 100_000_000_000
"""A time below it is in seconds."""
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,36}")
OWN_STATUSES: Final = (401, 403, 429, 503)
"""That a refused trade keeps; any other is 400."""


class SignUp(msgspec.Struct, frozen=True):
    name: str
    email: Address
    password: Password


class SignIn(msgspec.Struct, frozen=True):
    email: Address
    password: Password


class Trade(msgspec.Struct, frozen=True, rename="camel"):
    asset: Symbol
    side: Side
    qty: Raw
    leverage: Small
    take_profit: Raw = Raw()
    stop_loss: Raw = Raw()


class CandleQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    ts: str
    asset: Symbol
    start_time: int = 0
    end_time: int | None = None


class Xness:
    """The handlers; `match` is the practice match in which all is traded."""

    def __init__(self, front: Front, match: int) -> None:
        self._front = front
        self._match = match

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.post(f"{prefix}/auth/register", self.register),
            web.post(f"{prefix}/auth/login", self.log_in),
            web.post(f"{prefix}/auth/logout", self.log_out),
            web.get(f"{prefix}/auth/me", self.me),
            web.post(f"{prefix}/trade/open", self.open_trade),
            web.post(f"{prefix}/trade/create", self.open_trade),
            web.post(f"{prefix}/trade/close/{{order}}", self.close_trade),
            web.get(f"{prefix}/trade/orders", self.orders),
            web.get(f"{prefix}/trade/orders/{{order}}", self.order),
            web.get(f"{prefix}/balance", self.balances),
            web.get(f"{prefix}/balance/{{symbol}}", self.balance),
            web.get(f"{prefix}/candles", self.candles),
            web.get(f"{prefix}/health", self.health),
        ]

    # Who one is

    async def register(self, request: web.Request) -> web.Response:
        of = await read(request, SignUp)
        register = Register(email=of.email, password=of.password, name=of.name)
        client = self._front.client_of(request)
        signed_in = await self._front.identities.sign_up.register(register, 0, client, None)
        return await self._entered(request, signed_in, "User registered successfully")

    async def log_in(self, request: web.Request) -> web.Response:
        of = await read(request, SignIn)
        login = Login(email=of.email, password=of.password)
        signed_in = await self._front.identities.sign_in.log_in(login, self._front.client_of(request))
        return await self._entered(request, signed_in, "Login successful")

    async def log_out(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        assert caller.identity is not None
        await self._front.identities.accounts.end_session(caller.identity, caller.identity.session)
        response = answer({"message": "Logged out successfully"})
        response.del_cookie(COOKIE, httponly=True, samesite="Strict")
        return response

    async def me(self, request: web.Request) -> web.Response:
        return answer({"user": await self._user(await self._front.caller(request))})

    async def _entered(self, request: web.Request, signed_in: SignedIn, message: str) -> web.Response:
        token = self._front.token_for_an_hour(signed_in.access_token)
        identity = self._front.arena.identity(token)
        user = await self._front.identities.accounts.user_of(identity)
        response = answer({"message": message, "user": _user(user)})
        response.set_cookie(
            COOKIE,
            token,
            max_age=lifetime_s(self._front.arena.config),
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return response

    async def _user(self, caller: Caller) -> dict[str, Any]:
        assert caller.identity is not None
        return _user(await self._front.identities.accounts.user_of(caller.identity))

    # Trades

    async def open_trade(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        of = await read(request, Trade)
        id = str(uuid4())
        order = PlaceOrder(
            self._match,
            self._symbol(of.asset),
            of.side,
            of.leverage,
            quantity=amount("qty", of.qty),
            stop_loss=_given("stopLoss", of.stop_loss),
            take_profit=_given("takeProfit", of.take_profit),
            client_order_id=id,
        )
        try:
            await self._place(caller, order)
        except Refused as refused:
            raise with_status(refused, refused.status if refused.status in OWN_STATUSES else 400) from refused
        return answer({"message": "Order created", "orderId": id})

    async def _place(self, caller: Caller, order: PlaceOrder) -> None:
        """In the match; who is not in it yet joins it."""
        try:
            await call(caller, "order.place", order)
        except Refused as refused:
            if refused.code is not Reason.NOT_JOINED:
                raise
            await call(caller, "match.join", JoinMatch(self._match))
            await call(caller, "order.place", order)

    async def close_trade(self, request: web.Request) -> web.Response:
        """Whole. Why the client closes it, and with which profit, is told by what it sends, and not believed."""
        caller = await self._front.caller(request)
        id = request.match_info["order"]
        await call(caller, "position.close", ClosePosition(_reference(id), percent=100))
        return answer({"message": "Order closed", "orderId": id})

    async def orders(self, request: web.Request) -> web.Response:
        """The latest that have filled."""
        caller = await self._front.caller(request)
        filled = await call(caller, "order.history", OrdersOf(MOST, match=self._match, status="filled"))
        trades = await call(caller, "me.trades", SeatTrades(MOST, match=self._match))
        held = await self._open_positions(caller)
        closes: dict[int, list[ClosedTrade[str]]] = {}
        for trade in reversed(trades.items):
            closes.setdefault(trade.position, []).append(trade)
        shown = [_shown(each, held.get(each.order), closes.get(each.order, [])) for each in filled.items]
        return answer({"orders": shown})

    async def order(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        found = await call(caller, "order.get", OfOrder(_reference(request.match_info["order"])))
        if found.order.fill_price is None:
            raise Refused(Reason.ORDER_NOT_FOUND)
        held = await self._open_positions(caller)
        return answer({"order": _shown(found.order, held.get(found.order.order), found.closes)})

    async def _open_positions(self, caller: Caller) -> dict[int, Position[str]]:
        try:
            return {each.position: each for each in await call(caller, "position.list", OfMatch(self._match))}
        except Refused as refused:
            if refused.code is Reason.NOT_JOINED:
                return {}
            raise

    # Money and prices

    async def balances(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        return answer({"userId": str(caller.player), "balances": [await self._balance(caller)]})

    async def balance(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        if request.match_info["symbol"] != BALANCE_SYMBOL:
            raise Refused(Code.NOT_FOUND)
        return answer(await self._balance(caller))

    async def _balance(self, caller: Caller) -> dict[str, Any]:
        """Free cash in the match, in hundredths."""
        seats = (await call(caller, "me.get", Nothing())).seats
        cash = next((Decimal(seat.cash) for seat in seats if seat.match == self._match), Decimal())
        return {
            "symbol": BALANCE_SYMBOL,
            "balance": int(cash.scaleb(BALANCE_DECIMALS)),
            "decimals": BALANCE_DECIMALS,
        }

    async def candles(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        try:
            of = msgspec.convert(query_of(request, CandleQuery), CandleQuery)
        except msgspec.ValidationError as error:
            raise Refused(Code.BAD_ARGUMENTS, problem=str(error)) from error
        until = _milliseconds(of.end_time) if of.end_time is not None else None
        symbol = self._symbol(of.asset)
        found = await call(caller, "candles", CandlesOf(symbol, of.ts, MOST_CANDLES, until))
        from_ms = _milliseconds(of.start_time)
        return answer(
            {
                "data": [
                    {
                        "bucket": _iso(each.open_at),
                        "time": each.open_at // 1_000,
                        "symbol": symbol,
                        "open": number(each.open),
                        "high": number(each.high),
                        "low": number(each.low),
                        "close": number(each.close),
                        "volume": 0,
                    }
                    for each in found
                    if each.open_at >= from_ms
                ]
            }
        )

    async def health(self, request: web.Request) -> web.Response:
        return answer({"status": "OK", "timestamp": _iso(self._front.arena.clock.stamp_ns() // NS_PER_MS)})

    def _symbol(self, asset: str) -> str:
        """The instrument that the front end calls BTC, or by its symbol."""
        known = self._front.arena.instruments.by_symbol
        return asset if asset in known or asset + QUOTE not in known else asset + QUOTE


def _user(user: User) -> dict[str, Any]:
    return {"id": str(user.player), "email": user.email, "name": user.name}


def _given(field: str, raw: Raw) -> str | None:
    """None when it is left out, null or 0."""
    text = bytes(raw).strip()
    if text in (b"", b"null"):
        return None
    found = amount(field, raw)
    return found if Decimal(found) else None


def _reference(id: str) -> int | str:
    """The order of that id: the client's, or the arena's own for what was opened elsewhere. Raises Refused."""
    if _ORDER_ID.fullmatch(id) is None:
        raise Refused(Reason.ORDER_NOT_FOUND)
    return int(id) if id.isdecimal() and len(id) < 16 else f"client:{id}"


def _shown(order: OrderRecord[str], held: Position[str] | None, closes: list[ClosedTrade[str]]) -> dict[str, Any]:
    """An order and its position as the front end has them."""
    assert order.fill_price is not None
    profit = sum((Decimal(each.profit) for each in closes), Decimal(held.profit) if held is not None else Decimal())
    stops = held if held is not None else order
    shown: dict[str, Any] = {
        "id": order.client_order_id or str(order.order),
        "symbol": order.symbol,
        "orderType": order.side,
        "quantity": number(order.quantity),
        "price": number(order.fill_price),
        "status": "open" if held is not None else "closed",
        "pnl": number(str(profit)),
        "createdAt": _iso(order.accepted_at),
        "leverage": order.leverage,
    }
    if stops.take_profit is not None:
        shown["takeProfit"] = number(stops.take_profit)
    if stops.stop_loss is not None:
        shown["stopLoss"] = number(stops.stop_loss)
    if held is None and closes:
        last = closes[-1]
        shown |= {
            "closedAt": _iso(last.at),
            "exitPrice": number(last.price),
            "closeReason": CAUSES.get(last.cause, "Manual"),
        }
    return shown


def _milliseconds(time: int) -> int:
    return max(time * 1_000 if time < FIRST_IN_MS else time, 0)


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1_000:03}Z"
