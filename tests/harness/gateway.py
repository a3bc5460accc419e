"""A gateway without sockets: sessions, sequencer and machine, and clients that keep what they get. No disk either,
unless it goes on with what was recovered from one."""

from __future__ import annotations

import asyncio
import hashlib
import struct
import time
from typing import Any

import msgspec

from engine.batch.machine import Applied, Machine
from engine.model.commands import Batch, RegisterPlayer, encode_cold
from engine.model.state import encode_cold_state, sections
from gateway.channels.fanout import Channel, Fanout, Subscriber
from gateway.channels.message import Message
from gateway.channels.recent import Recent
from gateway.channels.rooms import send_rooms
from gateway.core.clock import Clock
from gateway.core.config import Config, Limits
from gateway.core.defaults import GAMES, INSTRUMENTS
from gateway.core.limits import Buckets
from gateway.core.records import cold_record, quote_record
from gateway.core.sequencer import Sequencer, Urgency
from gateway.core.tokens import Tokens
from gateway.identity.operators import Action
from gateway.ops.dispatcher import Dispatcher
from gateway.ops.table import OPS
from gateway.presenters.boards import Boards
from gateway.presenters.instruments import Instruments
from gateway.process.seed import seed_commands
from gateway.protocol.codecs import JSON, MSGPACK, Codec
from gateway.protocol.events import data_type
from gateway.protocol.identity.operators import ActionsOf, OperatorAction
from gateway.sessions.arena import Arena
from gateway.sessions.presence import Presence
from gateway.sessions.session import Session
from persistence.audit import Audit, AuditInput
from persistence.recovery import Recovered
from persistence.rows import Candle, ClosedPosition, Order, PlayerList, Row, Standings, Summary, Wanted

ADDRESS = "127.0.0.1"
ROOMY = msgspec.structs.replace(
    Limits(),
    messages_per_s=1_000_000,
    messages_burst=1_000_000,
    player_messages_per_s=1_000_000,
    player_messages_burst=1_000_000,
)


class Outlet:
    """Where a session's frames end up."""

    def __init__(self) -> None:
        self.slow = False
        self.seen_ns = 0
        self.frames: list[bytes] = []
        self.held: dict[Channel, Message] = {}
        self.close_code = 0

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)

    def hold(self, channel: Channel, subscriber: Subscriber, message: Message) -> None:
        self.held[channel] = message

    def let_go(self, channel: Channel) -> None:
        self.held.pop(channel, None)

    def close(self, code: int, reason: str) -> None:
        self.close_code = code


def payload_of(frame: bytes) -> bytes:
    """The payload of one whole frame of a server."""
    length, start = frame[1], 2
    if length == 126:
        length, start = struct.unpack_from(">H", frame, 2)[0], 4
    elif length == 127:
        length, start = struct.unpack_from(">Q", frame, 2)[0], 10
    assert len(frame) == start + length
    return frame[start:]


def has_exactly(data: Any, shape: Any) -> bool:
    """Is what was decoded just what the shape would encode?"""
    return bool(msgspec.json.decode(msgspec.json.encode(msgspec.convert(data, shape))) == data)


class Client:
    """A session and what it was sent."""

    def __init__(self, gateway: Gateway, codec: Codec, address: str = ADDRESS) -> None:
        self.outlet = Outlet()
        self.session = Session(gateway.arena, codec, self.outlet, address)
        self.codec = codec
        self._dispatcher = Dispatcher(self.session)
        self._gateway = gateway
        self._id = 0

    def sends(self, data: bytes, now_ns: int | None = None) -> None:
        """A whole message, as it came from the socket."""
        self._dispatcher.receive(data, time.monotonic_ns() if now_ns is None else now_ns)

    async def asks(self, op: str, args: Any = None, **rest: Any) -> dict[str, Any]:
        """Send a request and return its reply."""
        self._id += 1
        request = {"id": self._id, "op": op, **({} if args is None else {"args": args}), **rest}
        self.sends(self.codec.encode(request))
        await self._gateway.settles()
        reply: dict[str, Any] = next(message for message in reversed(self.messages()) if message.get("id") == self._id)
        assert not reply["ok"] or has_exactly(reply["result"], OPS[op].result), (op, reply)
        return reply

    async def result(self, op: str, args: Any = None, **rest: Any) -> Any:
        """The result of a request that succeeds."""
        reply = await self.asks(op, args, **rest)
        assert reply["ok"], reply
        return reply["result"]

    async def error(self, op: str, args: Any = None, **rest: Any) -> str:
        """The code of a request that fails."""
        reply = await self.asks(op, args, **rest)
        assert not reply["ok"], reply
        code: str = reply["error"]["code"]
        return code

    def messages(self) -> list[dict[str, Any]]:
        decode = msgspec.json.decode if self.codec is JSON else msgspec.msgpack.decode
        return [decode(payload_of(frame)) for frame in self.outlet.frames]

    def on(self, channel: str) -> list[dict[str, Any]]:
        """The messages of a channel, but for notifications: they are those of other messages, in words."""
        return [message for message in self._all_on(channel) if message["type"] != "notification"]

    def notified(self) -> list[dict[str, Any]]:
        return [message for message in self._all_on("me") if message["type"] == "notification"]

    def _all_on(self, channel: str) -> list[dict[str, Any]]:
        found = [message for message in self.messages() if message.get("channel") == channel]
        for message in found:
            assert message["data"] == {} or has_exactly(message["data"], data_type(channel, message["type"], str)), (
                message
            )
        return found


class Nothing:
    """The history of an arena without a disk; candles and standings are as tests say."""

    def __init__(self) -> None:
        self.closed_candles: list[Candle] = []
        self.seasons: dict[int, Standings] = {}

    async def reach(self, player: int) -> None:
        return

    async def candles(
        self, instrument: int, interval_s: int, until_ns: int, limit: int, from_ns: int | None = None
    ) -> list[Candle]:
        found = [candle for candle in self.closed_candles if (from_ns or 0) <= candle.open_at_ns < until_ns]
        return found[-limit:] if from_ns is None else found[:limit]

    async def page(self, of: PlayerList[Row], player: int, wanted: Wanted) -> list[Row]:
        return []

    async def order(self, player: int, order: int | str) -> Order | None:
        return None

    async def unread(self, player: int) -> int:
        return 0

    async def closes(self, player: int, position: int) -> list[ClosedPosition]:
        return []

    async def standings(self, season: int, limit: int, player: int) -> Standings:
        return self.seasons[season]

    async def audit(self, taken: AuditInput) -> Audit:
        return Audit(taken.sequence, len(taken.accounts), 0, [])

    async def summary(self, player: int, match: int) -> Summary:
        raise NotImplementedError


class Actions:
    """What operators did, kept in memory."""

    def __init__(self) -> None:
        self.kept: list[Action] = []

    def put(self, action: Action) -> None:
        self.kept.append(action)

    async def read(self, of: ActionsOf) -> list[OperatorAction]:
        return [
            OperatorAction(
                number, each.at_ms, each.who, each.role, each.op, msgspec.json.decode(each.arguments),
                each.why, each.outcome, each.sequence or None,
            )
            for number, each in reversed(list(enumerate(self.kept, 1)))
            if number < of.before and of.op in (None, each.op)
        ][: of.limit]  # fmt: skip


class Gateway:
    """The arena and its clients. Made by `open_gateway`."""

    def __init__(self, limits: Limits, recovered: Recovered | None = None, clock: Clock | None = None) -> None:
        self.machine = recovered.machine if recovered else Machine()
        self._log = recovered.log if recovered else None
        self.instruments = Instruments()
        self.instruments.refresh(self.machine.state.cold)
        self.history = Nothing()
        self.actions = Actions()
        config = Config(limits=limits)
        recent = Recent(limits.resume_kept)
        fanout = Fanout(self.instruments, lambda symbol: None, self._instrument_changed, recent)
        clock = clock or Clock(int(self.machine.state.book.world[0]["now_ns"]))
        self.batches: list[int] = []
        consumers = {"fan-out": fanout.publish, "rooms": self._send_rooms}
        sequencer = Sequencer(self.machine, self._append, clock, limits, consumers)
        self.arena = Arena(
            config=config,
            machine=self.machine,
            sequencer=sequencer,
            clock=clock,
            instruments=self.instruments,
            fanout=fanout,
            boards=Boards(self.machine.state, limits.board_rows, limits.board_every_ms),
            tokens=Tokens(b"s" * 32, 3_600),
            history=self.history,
            actions=self.actions,
            last_price=lambda symbol: None,
            player_buckets=Buckets(limits.player_messages_per_s, limits.player_messages_burst),
            presence=Presence(self.machine.state, sequencer, limits),
            code_tries=Buckets(limits.wrong_codes_per_minute, limits.wrong_codes_per_minute, per_s=60),
        )
        self.task = asyncio.create_task(sequencer.run())
        self._source_sequence = int(self.machine.state.book.quotes["source_sequence"].max())

    async def settles(self) -> None:
        """Wait until nothing waits."""
        for _ in range(3):
            await asyncio.sleep(0)
            while self.arena.sequencer.waiting():  # noqa: ASYNC110  # one turn of the loop at a time
                await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def quote(self, symbol: str, bid: int, ask: int) -> None:
        """Prices in ticks."""
        self._source_sequence += 1
        instrument = self.instruments.by_symbol[symbol].id
        self.arena.sequencer.submit_market(quote_record(instrument, bid, ask, self._source_sequence, 0))
        await self.settles()

    async def player(self, codec: Codec = JSON, address: str = ADDRESS) -> Client:
        """A new player, authenticated."""
        blob = encode_cold(RegisterPlayer("ann"))
        outcome, _ = await self.arena.sequencer.call(cold_record(), Urgency.OPERATOR, blob)
        return await self.client(outcome.id, codec, address)

    async def client(self, player: int, codec: Codec = JSON, address: str = ADDRESS) -> Client:
        """One more connection of the player."""
        client = Client(self, codec, address)
        await client.result("auth", {"token": self.arena.tokens.issue(player)})
        return client

    def guest(self, codec: Codec = JSON) -> Client:
        return Client(self, codec)

    def digest(self) -> bytes:
        """Hash of the state, but for the sequence and time of the last command."""
        digest = hashlib.blake2b(encode_cold_state(self.machine.state.cold))
        for name, array in sections(self.machine.state).items():
            if name != "world":
                digest.update(array.view("u1").data)
        return digest.digest()

    async def stops(self) -> None:
        """No more comes in, and what waits is done."""
        self.arena.sequencer.stop()
        await self.task

    def _send_rooms(self, batch: Batch, applied: Applied) -> None:
        send_rooms(self.machine.state, self.arena.fanout, applied)

    async def _append(self, batch: Any) -> None:
        self.batches.append(len(batch.records))
        if self._log is not None:
            self._log.append(batch)

    def _instrument_changed(self, instrument: int) -> None:
        self.instruments.refresh(self.machine.state.cold)


async def open_gateway(
    limits: Limits = ROOMY, recovered: Recovered | None = None, clock: Clock | None = None
) -> Gateway:
    """A gateway with the default instruments and practice matches, and BTCUSDT at 60,000.00 / 60,000.01; or one that
    goes on with what there was."""
    gateway = Gateway(limits, recovered, clock)
    if gateway.arena.sequencer.sequence:
        return gateway
    for command in seed_commands(INSTRUMENTS, GAMES):
        await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, encode_cold(command))
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    return gateway


__all__ = ["JSON", "MSGPACK", "ROOMY", "Client", "Gateway", "Nothing", "open_gateway", "payload_of"]
