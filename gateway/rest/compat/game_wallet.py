"""/compat/game-wallet/: a wallet of one currency in whole units, and a store of two items."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Raw

from engine.model.reasons import Reason
from gateway.presenters.referral_codes import player_of
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import Login, Password, Register, Username
from gateway.protocol.scalars import AssetName, ItemName, Nothing
from gateway.protocol.shop import Purchase
from gateway.protocol.wallets import Money
from gateway.rest.compat.calls import Front, amount, call, number, read, with_status
from gateway.rest.responses import answer
from gateway.sessions.caller import Caller

ITEMS: Final[dict[str, ItemName]] = {"gold_coin": "GOLD_COIN", "treasure_box": "TREASURE_BOX"}
STATUSES: Final = {Reason.INSUFFICIENT_FUNDS: 402, Reason.VERSION_CONFLICT: 409}


class SignUp(msgspec.Struct, frozen=True, rename="camel"):
    username: Username
    password: Password
    referral_code: str | None = None


class SignIn(msgspec.Struct, frozen=True):
    username: Username
    password: Password


class TopUp(msgspec.Struct, frozen=True):
    amount: Raw


class Order(msgspec.Struct, frozen=True):
    """`version` is that of the balance which the buyer has seen."""

    item: Literal["gold_coin", "treasure_box"]
    version: int | None = None


class GameWallet:
    """The handlers; `asset` is the currency."""

    def __init__(self, front: Front, asset: AssetName) -> None:
        self._front = front
        self._asset = asset

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.post(f"{prefix}/signup", self.sign_up),
            web.post(f"{prefix}/login", self.log_in),
            web.get(f"{prefix}/balance", self.balance),
            web.post(f"{prefix}/top-up", self.top_up),
            web.post(f"{prefix}/purchase", self.purchase),
            web.get(f"{prefix}/health", self.health),
        ]

    async def sign_up(self, request: web.Request) -> web.Response:
        of = await read(request, SignUp)
        referrer = player_of(of.referral_code) if of.referral_code else 0
        register = Register(username=of.username, password=of.password)
        signed_in = await self._front.identities.sign_up.register(
            register, referrer, self._front.client_of(request), None
        )
        token = self._front.token_for_an_hour(signed_in.access_token)
        return answer({"message": "User created successfully", "token": token}, 201)

    async def log_in(self, request: web.Request) -> web.Response:
        of = await read(request, SignIn)
        login = Login(username=of.username, password=of.password)
        signed_in = await self._front.identities.sign_in.log_in(login, self._front.client_of(request))
        return answer({"token": self._front.token_for_an_hour(signed_in.access_token)})

    async def balance(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        assert caller.identity is not None
        user = await self._front.identities.accounts.user_of(caller.identity)
        inventory = await call(caller, "inventory.list", Nothing())
        referral = await call(caller, "referral.get", Nothing())
        return answer(
            {
                "username": user.known_as,
                **await self._held(caller),
                "referralCode": referral.code,
                "inventory": [{"item": each.item.lower(), "quantity": each.count} for each in inventory],
            }
        )

    async def top_up(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        units = amount("amount", (await read(request, TopUp)).amount)
        if "." in units:
            raise Refused(Code.BAD_ARGUMENTS, field="amount", value=units, problem="whole units only")
        await call(caller, "wallet.top_up", Money(self._asset, units))
        return answer(await self._held(caller))

    async def purchase(self, request: web.Request) -> web.Response:
        caller = await self._front.caller(request)
        of = await read(request, Order)
        item = ITEMS[of.item]
        try:
            await call(caller, "wallet.purchase", Purchase(item, 1, of.version))
        except Refused as refused:
            status = STATUSES.get(refused.code) if isinstance(refused.code, Reason) else None
            raise with_status(refused, status or refused.status) from refused
        held = {each.item: each.count for each in await call(caller, "inventory.list", Nothing())}
        return answer({**await self._held(caller), "item": of.item, "quantity": held[item]})

    async def health(self, request: web.Request) -> web.Response:
        return answer({"status": "UP", "database": "CONNECTED"})

    async def _held(self, caller: Caller) -> dict[str, Any]:
        """What of the currency can be spent, and the version of that."""
        for each in await call(caller, "me.wallet", Nothing()):
            if each.asset == self._asset:
                return {"balance": number(each.balance), "version": each.version}
        return {"balance": 0, "version": 0}
