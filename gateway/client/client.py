"""The Python client: a player of the arena.

    async with Client("http://127.0.0.1:8080") as arena:
        await arena.guest("alice")
        await arena.subscribe("me", "tick.BTCUSDT")
        placed = await arena.place(symbol="BTCUSDT", side="long", margin="100", leverage=10)
        async for event in arena.events():
            print(event.type, event.data)

A request waits for its outcome, which is sent when it is durable. When the connection breaks, the client comes back
with the same token and subscriptions and sends again what is not answered (connection.py); every command has an
idempotency key, so a request sent twice never acts twice. What the arena refuses only for now, since the price is old
or there were too many requests, is sent again after as long as it says, for up to `timeout_s`. Amounts go in as
Decimal, int or text, and come out as Decimal. Results and the data of events are defined in gateway/protocol, a file
per noun; events.py there says which message has which data.

What was missed of `me` and of matches meanwhile comes as it happened; where the arena cannot say it any more, the
channel begins with a snapshot again, an event of the `kind` "snapshot". `on_state` is told of each change.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Literal, TypeVar

from gateway.client.connection import TICKET, TOKEN_INVALID, Connection, Encoding
from gateway.client.errors import (
    ArenaError,
    Disconnected,
    Failed,
    Garbled,
    Refused,
    Unanswered,
    Unreachable,
)
from gateway.client.states import Change, State
from gateway.protocol.careers import CupsBoard
from gateway.protocol.fixed_trades import FixedBought, FixedTrade
from gateway.protocol.games import Game
from gateway.protocol.history import (
    ClosedTrade,
    Fill,
    FinishedMatch,
    Notifications,
    OrderLife,
    OrderRecord,
    Paged,
    SettledTrade,
    Summary,
    WalletChange,
)
from gateway.protocol.identity.accounts import SignedIn
from gateway.protocol.identity.operators import OperatorAction
from gateway.protocol.market import Candle, Instrument, Quote
from gateway.protocol.matches import Match, MatchRef, QueueRef
from gateway.protocol.orders import AmendedOrder, Canceled, CanceledAll, Order, Placed, Tested
from gateway.protocol.positions import Amended, Closed, Position
from gateway.protocol.scalars import Empty, Made, OrderType, Side
from gateway.protocol.seats import Board
from gateway.protocol.session import (
    Authenticated,
    CancelsOnDisconnect,
    Guest,
    Me,
    Renewed,
    Subscribed,
    Ticket,
    Time,
)
from gateway.protocol.shop import Item, Offer, Purchased, Referral
from gateway.protocol.wallets import Audited, Balance, Credited, Solvency

__all__ = [
    "ArenaError", "Change", "Client", "Disconnected", "Failed", "Garbled", "Refused", "State", "Unanswered",
    "Unreachable", "new_key",
]  # fmt: skip

Amount = Decimal | int | str

DEFAULT_URL: Final = "http://127.0.0.1:8080"


MatchPage = Paged[FinishedMatch[Decimal]]
TradePage = Paged[ClosedTrade[Decimal]]
FillPage = Paged[Fill[Decimal]]
FixedPage = Paged[SettledTrade[Decimal]]
OrderPage = Paged[OrderRecord[Decimal]]
LedgerPage = Paged[WalletChange[Decimal]]

P = TypeVar("P")


class Client(Connection):
    """One connection of one player, that stays up. Plain attributes: `player`, `token`, `matches`, `reconnects`.

    With `reconnect` false, a broken connection ends all that waits with Disconnected. With `retry` false, what is
    refused only for now is raised like any other refusal.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        encoding: Encoding = "json",
        reconnect: bool = True,
        retry: bool = True,
        timeout_s: float = 10.0,
        on_state: Callable[[Change], None] | None = None,
    ) -> None:
        super().__init__(url, encoding, reconnect, retry, timeout_s, on_state)
        self.player = 0
        self.matches: list[int] = []
        """Matches in which the player has a seat; the first is meant where an op leaves out `match`."""

    # Session

    async def guest(self, name: str | None = None, *, referral_code: str | None = None) -> Guest:
        """Become a new player without giving a name to anybody; with the referral code of another player."""
        guest = await self.web.post("/api/v1/auth/guest", _given(name=name, referral_code=referral_code), Guest)
        self.matches = guest.matches
        await self.auth(guest.token)
        return guest

    async def auth(self, token: str) -> Authenticated:
        """Become the player, or the operator, that the token was issued to. A player's that has expired lately is
        exchanged, and each is renewed while we are connected: keep `token` for the next time."""
        self.credentials.refresh_token = None
        return await self._auth(token)

    async def register(self, **account: Any) -> SignedIn:
        """Sign up: with `username` or `email`, `password` or `otp`, and whatever else the arena asks of an account."""
        return await self._sign_in("register", account)

    async def login(self, **account: Any) -> SignedIn:
        """Sign in to an account: with `username` or `email`, and `password` or `otp`."""
        return await self._sign_in("login", account)

    async def refresh(self, refresh_token: str) -> SignedIn:
        """Sign in with the refresh token of the last time."""
        return await self._sign_in("refresh", {"refresh_token": refresh_token})

    async def send_code(self, email: str) -> None:
        """Have a code sent to the address, to sign up or in with as `otp`."""
        await self.web.post("/api/v1/auth/otp/request", {"email": email}, dict[str, Any])

    async def logout(self) -> None:
        """End the session of the account: its tokens are good no more, and the arena closes the connection."""
        await self.credentials.leave()

    async def _sign_in(self, how: str, body: dict[str, Any]) -> SignedIn:
        signed_in = await self.credentials.enter(how, body)
        await self._auth(signed_in.access_token)
        return signed_in

    async def _auth(self, token: str) -> Authenticated:
        try:
            result = (await self.request("auth", {"token": token}, Authenticated)).result
        except Refused as refused:
            if refused.code != TOKEN_INVALID:
                raise
            token = await self.credentials.exchange(token)
            result = (await self.request("auth", {"token": token}, Authenticated)).result
        self.subscriptions.session = result.session
        if token.startswith(TICKET):  # it is used now, so a new socket needs something else
            token = (await self.request("renew", {}, Renewed)).result.token
        self.player, self.credentials.token = result.player, token
        self.took(result)
        if self.player and not self.matches:
            self.matches = [seat.match for seat in (await self.me()).seats]
        return result

    async def ping(self) -> None:
        await self.request("ping", {}, Empty)

    async def time(self) -> int:
        """The arena's clock, in ms since the epoch."""
        return (await self.request("time", {}, Time)).result.at

    async def subscribe(self, *channels: str) -> list[str]:
        """Listen to channels such as "me", "tick.BTCUSDT", "candle.BTCUSDT.1m", "board.1", "match.1", "sys"; all of
        them now."""
        await self.request("subscribe", {"channels": channels}, Subscribed)
        self.subscriptions.add(*channels)
        return self.channels

    async def unsubscribe(self, *channels: str) -> list[str]:
        """Listen to them no more."""
        self.subscriptions.remove(*channels)
        await self.request("unsubscribe", {"channels": channels}, Subscribed)
        return self.channels

    async def ticket(self) -> Ticket:
        """For one `auth` of another connection, soon, in the place of a token."""
        return (await self.request("auth.ticket", {}, Ticket)).result

    async def me(self) -> Me[Decimal]:
        return (await self.request("me.get", {}, Me[Decimal])).result

    # The market

    async def instruments(self) -> list[Instrument[Decimal]]:
        return (await self.request("instruments", {}, list[Instrument[Decimal]])).result

    async def quote(self, symbol: str) -> Quote[Decimal]:
        return (await self.request("quote", {"symbol": symbol}, Quote[Decimal])).result

    async def candles(
        self, symbol: str, interval: str, limit: int = 100, until: int | None = None
    ) -> list[Candle[Decimal]]:
        """Candles that opened before `until` (ms), earliest first; intervals are 1s 1m 5m 15m 1h 4h 1d."""
        args = _given(symbol=symbol, interval=interval, limit=limit, until=until)
        return (await self.request("candles", args, list[Candle[Decimal]])).result

    # Games

    async def games(self) -> list[Game[Decimal]]:
        """What there is to play; for an operator also what is put by."""
        return (await self.request("game.list", {}, list[Game[Decimal]])).result

    async def game(self, game: int) -> Game[Decimal]:
        return (await self.request("game.get", {"game": game}, Game[Decimal])).result

    async def cups(self, season: int | None = None) -> CupsBoard:
        """The best players by cups, of all time or of a season."""
        return (await self.request("board.cups", _given(season=season), CupsBoard)).result

    async def match_list(
        self,
        status: Literal["waiting", "open", "closed", "canceled", "archived"] | None = None,
        game: int | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[Match[Decimal]]:
        """Those of one status, or all but the archived ones: the latest `limit`, or those before match `before`."""
        args = _given(status=status, game=game, limit=limit, before=before)
        return (await self.request("match.list", args, list[Match[Decimal]])).result

    async def match(self, match: int | None = None) -> Match[Decimal]:
        """The match, its challenge rules, and the player's own seat: how far it is from each rule, or what it broke."""
        return (await self.request("match.get", self._of(match), Match[Decimal])).result

    async def board(self, match: int | None = None) -> Board[Decimal]:
        return (await self.request("match.board", self._of(match), Board[Decimal])).result

    async def summary(self, match: int | None = None) -> Summary[Decimal]:
        """How a match that is over went: rank, prize, best and worst trade, and the curve of equity."""
        return (await self.request("match.summary", self._of(match), Summary[Decimal])).result

    async def join(self, match: int, *, code: str | None = None, key: str | None = None) -> MatchRef:
        """Take a seat in a match that waits for players, or that is open and never did."""
        args = {"match": match} | _given(code=code)
        return (await self.request("match.join", args, MatchRef, key=key or new_key())).result

    async def leave(self, match: int, *, key: str | None = None) -> MatchRef:
        """Give the seat back, before the match begins."""
        return (await self.request("match.leave", {"match": match}, MatchRef, key=key or new_key())).result

    async def join_queue(self, game: int, *, key: str | None = None) -> QueueRef:
        """Wait for a seat in a match of the game; the events match.created and match.joined say that there is one."""
        return (await self.request("queue.join", {"game": game}, QueueRef, key=key or new_key())).result

    async def leave_queue(self, game: int, *, key: str | None = None) -> QueueRef:
        """Wait no more."""
        return (await self.request("queue.leave", {"game": game}, QueueRef, key=key or new_key())).result

    async def reset(self, match: int | None = None, *, key: str | None = None) -> MatchRef:
        """Start over in a practice match, with the starting balance; nothing may be open."""
        return (await self.request("match.reset", self._of(match), MatchRef, key=key or new_key())).result

    # Orders

    async def place(
        self,
        *,
        symbol: str,
        side: Side,
        leverage: int,
        margin: Amount | None = None,
        quantity: Amount | None = None,
        type: OrderType = "market",
        price: Amount | None = None,
        stop_loss: Amount | None = None,
        take_profit: Amount | None = None,
        time_in_force: Literal["gtc", "gtd", "ioc"] | None = None,
        expires_at: int | None = None,
        max_slippage: int | None = None,
        client_order_id: str | None = None,
        trailing_stop: int | None = None,
        match: int | None = None,
        key: str | None = None,
    ) -> Placed[Decimal]:
        """Place an order, sized by `margin` or by `quantity`. A `client_order_id` is also its idempotency key.

        A `trailing_stop` is a stop loss that follows the price, so many ppm of the price at the fill behind the best.
        `max_slippage` is in ppm of the price at acceptance.
        """
        args = self._of(match) | _given(
            symbol=symbol,
            side=side,
            leverage=leverage,
            margin=margin,
            quantity=quantity,
            type=type,
            price=price,
            stop_loss=stop_loss,
            take_profit=take_profit,
            time_in_force=time_in_force,
            expires_at=expires_at,
            max_slippage=max_slippage,
            client_order_id=client_order_id,
            trailing_stop=trailing_stop,
        )
        if client_order_id is None:
            key = key or new_key()
        return (await self.request("order.place", args, Placed[Decimal], key=key)).result

    async def test_order(
        self,
        *,
        symbol: str,
        side: Side,
        leverage: int,
        margin: Amount | None = None,
        quantity: Amount | None = None,
        type: OrderType = "market",
        price: Amount | None = None,
        stop_loss: Amount | None = None,
        take_profit: Amount | None = None,
        trailing_stop: int | None = None,
        match: int | None = None,
    ) -> Tested[Decimal]:
        """What `place` would do at this moment, and how far equity would then be above each floor; changes nothing."""
        args = self._of(match) | _given(
            symbol=symbol,
            side=side,
            leverage=leverage,
            margin=margin,
            quantity=quantity,
            type=type,
            price=price,
            stop_loss=stop_loss,
            take_profit=take_profit,
            trailing_stop=trailing_stop,
        )
        return (await self.request("order.test", args, Tested[Decimal])).result

    async def cancel(self, order: int | str, *, key: str | None = None) -> Canceled:
        return (await self.request("order.cancel", {"order": order}, Canceled, key=key or new_key())).result

    async def amend_order(
        self,
        order: int | str,
        *,
        price: Amount | None = None,
        stop_loss: Amount | None = None,
        take_profit: Amount | None = None,
        expires_at: int | None = None,
        key: str | None = None,
    ) -> AmendedOrder[Decimal]:
        """Move an order that rests, its stop loss, take profit or end; 0 takes one of those away, what is left out
        stays."""
        args = _given(order=order, price=price, stop_loss=stop_loss, take_profit=take_profit, expires_at=expires_at)
        return (await self.request("order.amend", args, AmendedOrder[Decimal], key=key or new_key())).result

    async def cancel_all(self, match: int | None = None, *, key: str | None = None) -> CanceledAll:
        """Cancel all that rests in the match; what waits for its quote stays."""
        return (await self.request("order.cancel_all", self._of(match), CanceledAll, key=key or new_key())).result

    async def cancel_on_disconnect(self, after_ms: int, *, key: str | None = None) -> CancelsOnDisconnect:
        """Have all that rests cancelled when the player has been without a connection for so long; 0: no longer."""
        args = {"after_ms": after_ms}
        return (await self.request("cancel_on_disconnect", args, CancelsOnDisconnect, key=key or new_key())).result

    async def orders(self, match: int | None = None) -> list[Order[Decimal]]:
        return (await self.request("order.list", self._of(match), list[Order[Decimal]])).result

    # Positions

    async def close_position(
        self, position: int | str, *, percent: int | None = None, quantity: Amount | None = None, key: str | None = None
    ) -> Closed[Decimal]:
        """Close all of it, or that much."""
        args = _given(position=position, percent=percent, quantity=quantity)
        return (await self.request("position.close", args, Closed[Decimal], key=key or new_key())).result

    async def amend_position(
        self,
        position: int | str,
        *,
        stop_loss: Amount | None = None,
        take_profit: Amount | None = None,
        add_margin: Amount | None = None,
        remove_margin: Amount | None = None,
        trailing_stop: int | None = None,
        key: str | None = None,
    ) -> Amended[Decimal]:
        """Move a stop loss or a take profit; 0 takes it away, one that is left out stays. Add margin, or take it
        back. A trailing stop, in ppm of the price now, takes the place of a stop loss."""
        args = _given(
            position=position,
            stop_loss=stop_loss,
            take_profit=take_profit,
            add_margin=add_margin,
            remove_margin=remove_margin,
            trailing_stop=trailing_stop,
        )
        return (await self.request("position.amend", args, Amended[Decimal], key=key or new_key())).result

    async def positions(self, match: int | None = None) -> list[Position[Decimal]]:
        return (await self.request("position.list", self._of(match), list[Position[Decimal]])).result

    # Fixed-time trades

    async def buy_fixed(
        self,
        *,
        symbol: str,
        direction: Literal["up", "down"],
        stake: Amount,
        duration: int,
        match: int | None = None,
        wallet: str | None = None,
        key: str | None = None,
    ) -> FixedBought:
        """Stake on a higher or a lower price in `duration` seconds: from the seat in a match, or from a wallet such as
        "demo" or "usdt"."""
        args = {"account": self._of(match) if wallet is None else _given(match=match, wallet=wallet)} | _given(
            symbol=symbol, direction=direction, stake=stake, duration=duration
        )
        return (await self.request("fixed.buy", args, FixedBought, key=key or new_key())).result

    async def fixed_trades(self) -> list[FixedTrade[Decimal]]:
        """Those that are open, in all matches and from all wallets."""
        return (await self.request("fixed.list", {}, list[FixedTrade[Decimal]])).result

    # What was, newest first: a page of the latest ones, or with the `next` of a page as `before` the one after it.
    # Filters are those of the op: match, symbol, mode, from_ and to in ms.

    async def match_history(self, limit: int = 100, before: int | None = None, **filters: Any) -> MatchPage:
        return await self._page("me.matches", MatchPage, limit, before, filters)

    async def trade_history(self, limit: int = 100, before: int | None = None, **filters: Any) -> TradePage:
        return await self._page("me.trades", TradePage, limit, before, filters)

    async def fill_history(self, limit: int = 100, before: int | None = None, **filters: Any) -> FillPage:
        return await self._page("me.fills", FillPage, limit, before, filters)

    async def fixed_history(self, limit: int = 100, before: int | None = None, **filters: Any) -> FixedPage:
        return await self._page("me.fixed", FixedPage, limit, before, filters)

    async def order_history(self, limit: int = 100, before: int | None = None, **filters: Any) -> OrderPage:
        """Orders, whatever has become of them; of one `status`, if that is given."""
        return await self._page("order.history", OrderPage, limit, before, filters)

    async def order_record(self, order: int | str) -> OrderLife[Decimal]:
        """An order and its position, by its id or by "client:" and the client_order_id."""
        return (await self.request("order.get", {"order": order}, OrderLife[Decimal])).result

    async def notifications(self, limit: int = 100, before: int | None = None, **filters: Any) -> Notifications:
        """What happened without the player, in words; with `unread=True` what he has not read."""
        return await self._page("me.notifications", Notifications, limit, before, filters)

    async def read(self, *notifications: int, up_to: int | None = None, key: str | None = None) -> None:
        """Mark notifications as read: those with these numbers, or all up to one."""
        args = _given(notifications=list(notifications) or None, up_to=up_to)
        await self.request("me.read", args, Empty, key=key or new_key())

    async def _page(self, op: str, shape: type[P], limit: int, before: int | None, filters: dict[str, Any]) -> P:
        given = {name.rstrip("_"): value for name, value in filters.items() if value is not None}
        return (await self.request(op, _given(limit=limit, before=before) | given, shape)).result

    # Wallets

    async def wallet(self) -> list[Balance[Decimal]]:
        """The player's balances."""
        return (await self.request("me.wallet", {}, list[Balance[Decimal]])).result

    async def ledger(self, limit: int = 100, before: int | None = None, **filters: Any) -> LedgerPage:
        """The last changes of the player's accounts, newest first."""
        return await self._page("me.ledger", LedgerPage, limit, before, filters)

    async def top_up(self, asset: str, amount: Amount, *, key: str | None = None) -> Credited[Decimal]:
        """Money out of nowhere, where the arena is for development."""
        args = {"asset": asset} | _given(amount=amount)
        return (await self.request("wallet.top_up", args, Credited[Decimal], key=key or new_key())).result

    # The store and referrals

    async def store(self) -> list[Offer[Decimal]]:
        """What the store sells, and for how much."""
        return (await self.request("store.list", {}, list[Offer[Decimal]])).result

    async def purchase(
        self, item: str, count: int = 1, *, version: int | None = None, key: str | None = None
    ) -> Purchased:
        """Buy from the store. With the `version` of the balance that pays, only if that has not changed."""
        args = {"item": item, "count": count} | _given(version=version)
        return (await self.request("wallet.purchase", args, Purchased, key=key or new_key())).result

    async def inventory(self) -> list[Item]:
        """The player's items."""
        return (await self.request("inventory.list", {}, list[Item])).result

    async def referral(self) -> Referral[Decimal]:
        """The player's code for others to sign up with, and what it has brought."""
        return (await self.request("referral.get", {}, Referral[Decimal])).result

    # Operators: with a token that `arena token --admin` prints

    async def define_instrument(self, *, key: str | None = None, **data: Any) -> int:
        """Add an instrument, or give one other data; its id. The fields are those of [[instruments]] in config.toml."""
        return await self._make("admin.define_instrument", data, key)

    async def settle_instrument(self, symbol: str, price: Amount, reason: str, *, key: str | None = None) -> None:
        """Close all positions of a halted instrument at this price, and cancel its orders."""
        await self._make("admin.settle_instrument", {"symbol": symbol, "price": price, "reason": reason}, key)

    async def create_game(self, *, key: str | None = None, **data: Any) -> int:
        """Add a game; its id. The fields are those of [[games]] in config.toml, all but `practice`."""
        return await self._make("admin.create_game", data, key)

    async def update_game(self, game: int, *, key: str | None = None, **data: Any) -> None:
        """Give the game other texts and rules, all of them anew. Its matches keep the ones they were made with."""
        await self._make("admin.update_game", {"game": game} | data, key)

    async def delete_game(self, game: int, *, key: str | None = None) -> None:
        """Take the game away. Its matches go on."""
        await self._make("admin.delete_game", {"game": game}, key)

    async def activate_game(self, game: int, active: bool, *, key: str | None = None) -> None:
        """Whether new matches of the game may be made, and players see it."""
        await self._make("admin.activate_game", {"game": game, "active": active}, key)

    async def start_season(self, name: str, *, key: str | None = None) -> int:
        """Let the season's cups of everybody begin at 0; its number."""
        return await self._make("admin.start_season", {"name": name}, key)

    async def create_match(
        self, game: int, *, practice: bool = False, code: str | None = None, key: str | None = None
    ) -> int:
        """Make a match of the game; its id."""
        return await self._make("admin.create_match", {"game": game, "practice": practice} | _given(code=code), key)

    async def start_match(self, match: int, *, key: str | None = None) -> None:
        """Let a match that waits begin, whoever has joined."""
        await self._make("admin.start_match", {"match": match}, key)

    async def cancel_match(self, match: int, reason: str, *, key: str | None = None) -> None:
        """Call off a match that waits."""
        await self._make("admin.cancel_match", {"match": match, "reason": reason}, key)

    async def archive_match(self, match: int, *, key: str | None = None) -> None:
        """Take a match that is over, or was called off, out of the lists."""
        await self._make("admin.archive_match", {"match": match}, key)

    async def log(self, limit: int = 100, before: int | None = None) -> Paged[OperatorAction]:
        """What operators did, newest first."""
        args = {"limit": limit} if before is None else {"limit": limit, "before": before}
        return (await self.request("admin.log", args, Paged[OperatorAction])).result

    async def audit(self) -> Audited:
        """Recompute every balance from the journal of transfers, while the arena is at work."""
        return (await self.request("admin.audit", {}, Audited, timeout_s=60)).result

    async def solvency(self, match: int) -> Solvency[Decimal]:
        """What a paid match has, and what it owes, at this moment."""
        return (await self.request("admin.solvency", {"match": match}, Solvency[Decimal])).result

    async def fund_rewards(self, asset: str, amount: Amount, *, key: str | None = None) -> Credited[Decimal]:
        """Credit the account from which the house pays what entry fees do not cover."""
        args = {"asset": asset} | _given(amount=amount)
        return (await self.request("admin.fund_rewards", args, Credited[Decimal], key=key or new_key())).result

    async def fund_referrals(self, asset: str, amount: Amount, *, key: str | None = None) -> Credited[Decimal]:
        """Credit the account from which the house pays for referrals."""
        args = {"asset": asset} | _given(amount=amount)
        return (await self.request("admin.fund_referrals", args, Credited[Decimal], key=key or new_key())).result

    async def set_referrals(self, *, key: str | None = None, **data: Any) -> None:
        """Set the terms of referrals. The fields are those of [referrals] in config.toml, all but `funds`."""
        await self._make("admin.set_referrals", data, key)

    async def set_offer(self, *, key: str | None = None, **data: Any) -> None:
        """Sell an item, or on other terms. The fields are those of [[offers]] in config.toml, all but `stock`."""
        await self._make("admin.set_offer", data, key)

    async def stock(self, item: str, count: int, *, key: str | None = None) -> None:
        """Give the store so many more to sell."""
        await self._make("admin.stock", {"item": item, "count": count}, key)

    async def end_match(
        self, match: int, reason: str, *, void: bool = False, evidence: int | None = None, key: str | None = None
    ) -> None:
        """Settle the match at the prices of now, as if its time had come; or (`void`) rank nobody, and give every fee
        back."""
        args = {"match": match, "reason": reason, "void": void} | _given(evidence=evidence)
        await self._make("admin.end_match", args, key)

    async def set_switch(
        self,
        switch: Literal["locked", "halted", "close_only"],
        on: bool,
        reason: str,
        *,
        symbol: str | None = None,
        match: int | None = None,
        player: int | None = None,
        key: str | None = None,
    ) -> None:
        """Turn a kill switch of the named instrument, match or player; of the whole arena when none is named."""
        args = {"switch": switch, "on": on, "reason": reason} | _given(symbol=symbol, match=match, player=player)
        await self._make("admin.set_switch", args, key)

    async def _make(self, op: str, args: dict[str, Any], key: str | None) -> int:
        return (await self.request(op, args, Made, key=key or new_key())).result.id

    def _of(self, match: int | None) -> dict[str, Any]:
        if match is None and not self.matches:
            raise ArenaError("the player has no seat in any match")
        return {"match": self.matches[0] if match is None else match}


def new_key() -> str:
    """An idempotency key that nobody has used."""
    return secrets.token_hex(12)


def _given(**args: Any) -> dict[str, Any]:
    """The arguments that are not None; decimals as plain text."""
    return {name: _plain(name, value) for name, value in args.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, float):
        raise TypeError(f"{name} must be Decimal, int or text: a float is not exact")
    return f"{value:f}" if isinstance(value, Decimal) else value
