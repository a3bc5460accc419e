"""The arena that the examples of docs/protocol.md are played in: a gateway without sockets, but with its history.

Beside the instruments, games, offers and bonuses of a first start it has players ann and bob; the game 3, "Sprint",
with the matches 3 (over) and 4 (open); and the game 4, "Duel", with the matches 5 and 6, which wait for players.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from engine.batch.machine import Applied
from engine.model.commands import Batch, RegisterPlayer, encode_cold
from gateway.core.config import Players
from gateway.core.defaults import OFFERS, ReferralSeed
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.core.tokens import ADMIN, PLAYER, new_registration
from gateway.identity import users
from gateway.identity.accounts import Accounts
from gateway.identity.database import Database
from gateway.identity.keys.dependents import Dependents
from gateway.identity.keys.keyring import Keyring
from gateway.identity.keys.management import KeyManagement
from gateway.identity.sessions import Client as From
from gateway.process.history import History
from gateway.process.seed import house_commands
from persistence import projection
from persistence.projector import Projector
from persistence.queries import Queries
from tests.harness.gateway import Client, Gateway, open_gateway

LONG = {"symbol": "BTCUSDT", "side": "long", "quantity": "0.1", "leverage": 10}
SPRINT = {"title": "Sprint", "duration_s": 600, "cup": 10, "win_exp": 100, "lose_exp": 20}
DUEL = {
    "title": "Duel", "duration_s": 600, "min_players": 2, "max_players": 2, "currency": "USDT", "entry_fee": "10",
    "prize_split": [100], "house_fee_pct": "5",
}  # fmt: skip


class Stage:
    """The arena and those who talk to it: `clients` by the name that the page gives them."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.clients: dict[str, Client] = {"stranger": gateway.guest()}
        self.tokens: dict[str, str] = {}
        self._ticks = 0

    async def quotes(self) -> None:
        """Another price, so that none is stale: a cent up, a cent down."""
        self._ticks += 1
        bid = 6_000_000 + self._ticks % 2
        await self.gateway.quote("BTCUSDT", bid, bid + 1)

    async def asks(self, name: str, message: dict[str, Any]) -> dict[str, Any]:
        """The reply to a message, which may have to wait for the history."""
        client = self.clients[name]
        await self.quotes()
        client.sends(client.codec.encode(message))
        async with asyncio.timeout(10):
            while True:
                await self.gateway.settles()
                found = [each for each in client.messages() if each.get("id") == message["id"] and "ok" in each]
                if found:
                    return found[-1]
                await asyncio.sleep(0.005)

    async def result(self, name: str, op: str, args: Any = None) -> Any:
        reply = await self.asks(name, {"id": f"before {op}", "op": op, "args": args or {}})
        assert reply["ok"], reply
        return reply["result"]

    async def register(self, name: str) -> None:
        blob = encode_cold(RegisterPlayer(name, Players().demo_units()))
        outcome, _ = await self.gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, blob)
        self.tokens[name] = self.gateway.arena.tokens.issue(outcome.id)
        self.clients[name] = self.gateway.guest()

    async def sign_in(self, name: str) -> None:
        await self.result(name, "auth", {"token": self.tokens[name]})


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The prepared arena. Ann has not said yet who she is."""
    gateway = await open_gateway()
    sequencer = gateway.arena.sequencer
    sequence = sequencer.sequence
    path = folder / projection.FILE
    connection = projection.connect(path)
    projection.store(connection, b"log", sequence, [])
    connection.close()
    projector, queries = await Projector.open(path, b"log", sequence, gather_s=0.02), Queries(path)
    gateway.arena.history = History(projector, queries, path)

    def put(batch: Batch, applied: Applied) -> None:
        projector.put(batch.first_sequence, batch.first_sequence + len(batch.records) - 1, applied.events)

    sequencer._consumers["history"] = put  # type: ignore[index]
    for command in house_commands(ReferralSeed(), OFFERS):
        await sequencer.call(cold_record(), Urgency.OPERATOR, encode_cold(command))
    prepared = Stage(gateway)
    accounts = Database(folder / "identity.sqlite")
    try:
        await _prepare(prepared)
        await _open_account(prepared, accounts)
        yield prepared
    finally:
        accounts.close()
        await gateway.stops()
        await projector.close()
        await queries.close()


async def _prepare(prepared: Stage) -> None:
    prepared.tokens["operator"] = prepared.gateway.arena.tokens.issue(0, ADMIN)
    prepared.clients["operator"] = prepared.gateway.guest()
    await prepared.sign_in("operator")
    for name in ("ann", "bob"):
        await prepared.register(name)
    await prepared.sign_in("bob")
    ann = prepared.gateway.guest()
    await ann.result("auth", {"token": prepared.tokens["ann"]})
    prepared.clients["ann before"] = ann
    for name in ("ann before", "bob"):
        for asset in ("USDT", "BT"):
            await prepared.result(name, "wallet.top_up", {"asset": asset, "amount": "100"})

    await prepared.result("operator", "admin.create_game", SPRINT)
    await prepared.result("operator", "admin.create_game", DUEL)
    await prepared.result("operator", "admin.start_season", {"name": "Spring"})
    for game in (3, 3, 4, 4):
        await prepared.result("operator", "admin.create_match", {"game": game})
    for name in ("ann before", "bob"):
        await prepared.result(name, "match.join", {"match": 3})
    await prepared.result("ann before", "order.place", LONG | {"match": 3})
    stake = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 60, "account": {"match": 3}}
    await prepared.result("ann before", "fixed.buy", stake)
    await prepared.result("operator", "admin.end_match", {"match": 3, "reason": "an example"})
    await prepared.result("ann before", "match.join", {"match": 5})
    await prepared.result("ann before", "match.summary", {"match": 3})
    prepared.clients.pop("ann before").session.ended()
    await prepared.quotes()  # a cent up or down: so that the examples buy and sell at the same price


async def _open_account(prepared: Stage, database: Database) -> None:
    """Cid is a player with an account and an API key, which he has used once."""
    arena = prepared.gateway.arena
    accounts = Accounts(database, arena.tokens, arena.standing, arena.sequencer, arena.state, arena.config)
    keyring = Keyring(database, arena.tokens, arena.config.keys)
    arena.keys = KeyManagement(accounts, keyring, Dependents(accounts, arena.config.keys))
    new = users.NewUser(PLAYER, "cid", "cid", registration=new_registration())
    user = await database.run(lambda connection: users.make(connection, new, 0))
    signed_in = await accounts.open_session(user, "password", From("127.0.0.1", "an example"))
    prepared.tokens["cid"] = signed_in.access_token
    prepared.clients["cid"] = prepared.gateway.guest()
    await prepared.sign_in("cid")
    wanted = {"label": "bot", "scopes": ["read:account", "trade:orders"]}
    made = await prepared.result("cid", "me.keys.create", wanted)
    prepared.clients["bot"], prepared.tokens["bot"] = prepared.gateway.guest(), made["secret"]
    await prepared.sign_in("bot")
    await prepared.result("bot", "me.get")
    prepared.clients.pop("bot").session.ended()


def frames_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The messages of an example, each with its direction: `->` to the server, `<-` from it."""
    found = []
    for part in re.split(r"^(?=->|<-)", text, flags=re.MULTILINE):
        if part.strip():
            found.append((part[:2], msgspec.json.decode(part[2:].strip())))
    return found
