"""One client, sans I/O: messages in; commands, replies and channel messages out.

A session is fed whole messages with `receive` and puts frames into its outlet. What the ops do stands in the ops_*.py
files; here is what they share: the envelope, who is asking, limits, deadlines, keys, and how outcomes become
replies. Whatever a client sends, the answer is a reply, an error with a code, or a close; nothing raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog
from msgspec import Struct

from engine.model.commands import request_key
from engine.model.scale import NS_PER_MS
from gateway.channels.fanout import Channel, Outlet
from gateway.core.limits import Bucket
from gateway.core.records import Outcome, with_key
from gateway.core.tokens import ADMIN, Identity
from gateway.ops.arena import Arena
from gateway.ops.requests import Request
from gateway.ops.table import OPS, Command, For, Later, Query
from gateway.protocol.arguments import NO_ARGUMENTS, Envelope, Identified, MessageId
from gateway.protocol.codecs import Codec
from gateway.protocol.errors import Code, Error, Refused, error_of, error_of_reason

log = structlog.get_logger()

TOO_MANY_REQUESTS: Final = 4029
TOO_BIG: Final = 1009
MOST_LATER: Final = 16
"""Answers of a connection that wait for the history at once: there is one thread for those of all."""

STRANGERS_USE: Final = frozenset({For.ALL})
GUESTS_USE: Final = STRANGERS_USE | {For.MARKET}
PLAYERS_USE: Final = GUESTS_USE | {For.SIGNED_IN, For.PLAYERS}
ADMINS_USE: Final = GUESTS_USE | {For.SIGNED_IN, For.ADMINS}


class Reply(Struct, frozen=True, gc=False, omit_defaults=True):
    """The outcome of a request that succeeded."""

    id: MessageId
    ok: bool
    seq: int
    at: int
    result: Any
    replayed: bool = False


class Failure(Struct, frozen=True, gc=False):
    """The outcome of a request that did not."""

    id: MessageId | None
    ok: bool
    error: Error


class Session:
    """See the module."""

    def __init__(self, arena: Arena, codec: Codec, outlet: Outlet, address: str) -> None:
        self.arena = arena
        self.codec = codec
        self.outlet = outlet
        self.address = address
        self.identity: Identity | None = None
        self.channels: dict[str, Channel | None] = {}
        """What it is subscribed to, by name; None is its private channel."""
        self.messages = 0
        self.closed = False
        self._now_ns = 0
        limits = arena.config.limits
        self._bucket = Bucket(limits.messages_per_s, limits.messages_burst)
        self._player_bucket: Bucket | None = None
        self._refusals = 0
        self._may_use = GUESTS_USE if arena.allows_guests() else STRANGERS_USE
        self._most_bytes = limits.frame_bytes_before_auth
        self._after_reply: list[Callable[[], None]] = []
        self._later: set[asyncio.Task[None]] = set()

    # What comes in

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take one whole message. `now_ns` is monotonic and only serves the limits."""
        if self.closed:
            return
        if len(data) > self._most_bytes:
            self.close(TOO_BIG, "message too big")
            return
        self.messages += 1
        self._now_ns = now_ns
        id: MessageId | None = None
        try:
            self.spend(1)
            self._refusals = 0
            envelope = self._envelope_in(data)
            id = envelope.id
            self._serve(envelope)
        except Refused as refused:
            self._send_failure(id if id is not None else self._id_in(data), refused.error)

    def _envelope_in(self, data: bytes) -> Envelope:
        """Raises Refused: what is no envelope is a BAD_MESSAGE; bytes that are no message have a code of their own."""
        try:
            envelope: Envelope = self.codec.decode(data, Envelope)
        except Refused as refused:
            if refused.code is not Code.BAD_ARGUMENTS:
                raise
            raise Refused(Code.BAD_MESSAGE, **(refused.error.details or {})) from refused
        return envelope

    def spend(self, messages: int) -> None:
        """Count what is being answered as so many messages more. Raises Refused RATE_LIMITED."""
        wait_ns = self._bucket.take(self._now_ns, messages)
        if not wait_ns and self._player_bucket is not None:
            wait_ns = self._player_bucket.take(self._now_ns, messages)
        if wait_ns:
            raise self._too_many(wait_ns)

    def _too_many(self, wait_ns: int) -> Refused:
        self._refusals += 1
        if self._refusals >= self.arena.config.limits.refusals_before_close:
            self.close(TOO_MANY_REQUESTS, "too many requests")
        return Refused(Code.RATE_LIMITED, retry_after_ms=-(-wait_ns // NS_PER_MS))

    def try_code(self, is_right: bool) -> None:
        """Count a wrong code. Raises Refused RATE_LIMITED when the player, or somebody at his address, has tried too
        many: of a right one too, or it could be told from the answer."""
        now_ns = self._now_ns
        buckets = [self.arena.code_tries.of(owner, now_ns) for owner in (self.player, self.address)]
        wait_ns = max(bucket.wait_ns(now_ns) for bucket in buckets)
        if wait_ns:
            retry_after_ms = -(-wait_ns // NS_PER_MS)
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms, because="so many codes were wrong")
        if not is_right:
            for bucket in buckets:
                bucket.take(now_ns)

    def _serve(self, envelope: Envelope) -> None:
        op = OPS.get(envelope.op)
        if op is None:
            raise Refused(Code.UNKNOWN_OP, op=envelope.op[:64])
        if op.who not in self._may_use:
            raise self._not_for_this_one(op.who)
        if envelope.deadline is not None and self.arena.clock.stamp_ns() > envelope.deadline * NS_PER_MS:
            raise Refused(Code.TOO_LATE)
        args = envelope.args if envelope.args is not NO_ARGUMENTS else self.codec.empty
        arguments = self.codec.decode(args, op.arguments)

        if type(op) is Command:
            if op.admit is not None:
                op.admit(self, arguments)
            self._submit(envelope, op.request(self.arena, self.player, arguments), op)
            return
        if envelope.key is not None:
            raise Refused(Code.KEY_NOT_ALLOWED)
        assert not isinstance(op, Command)
        if op.cost > 1:
            self.spend(op.cost - 1)
        if type(op) is Query:
            self._send_result(envelope.id, op.answer(self, arguments))
        elif type(op) is Later:
            if len(self._later) >= MOST_LATER:
                raise Refused(Code.OVERLOADED, because="so many answers are still to come")
            task = asyncio.create_task(self._answer_later(envelope.id, op, arguments))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    def _not_for_this_one(self, who: For) -> Refused:
        if self.identity is None:
            return Refused(Code.NOT_AUTHENTICATED)
        return Refused(Code.ADMINS_ONLY if who is For.ADMINS else Code.PLAYERS_ONLY)

    def _submit(self, envelope: Envelope, request: Request, op: Command) -> None:
        record = request.record
        key = request.key
        if key is None:
            key = envelope.key
        elif envelope.key is not None:
            raise Refused(Code.KEY_NOT_ALLOWED)
        if key is not None:
            record = with_key(record, request_key(self.player, key), request.blob)
        answer = partial(self._answer, envelope.id, request.result)
        self.arena.sequencer.submit(record, answer, op.urgency, request.blob)

    async def _answer_later(self, id: MessageId, op: Later, arguments: Any) -> None:
        try:
            result = await op.answer(self, arguments)
        except Refused as refused:
            self._send_failure(id, refused.error)
        except Exception:
            log.exception("an op made the server fail", player=self.player)
            self._send_failure(id, error_of(Code.INTERNAL))
        else:
            self._send_result(id, result)

    # What goes out

    def _answer(self, id: MessageId, result: Callable[[Outcome], Any], outcome: Outcome, at_ns: int) -> None:
        if self.closed:
            return
        if outcome.reason:
            self.outlet.send(self.codec.frame(Failure(id, False, error_of_reason(outcome.reason))))
            return
        reply = Reply(id, True, outcome.sequence, at_ns // NS_PER_MS, result(outcome), outcome.replayed != 0)
        self.outlet.send(self.codec.frame(reply))

    def _send_result(self, id: MessageId, result: Any) -> None:
        if self.closed:
            return
        seq, at_ms = self.arena.applied
        self.outlet.send(self.codec.frame(Reply(id, True, seq, at_ms, result)))
        for follow_up in self._after_reply:
            follow_up()
        self._after_reply.clear()

    def _send_failure(self, id: MessageId | None, error: Error) -> None:
        self._after_reply.clear()
        if not self.closed:
            self.outlet.send(self.codec.frame(Failure(id, False, error)))

    def after_reply(self, follow_up: Callable[[], None]) -> None:
        """Call this when the reply of the op at hand is out: a subscription's snapshot comes after it."""
        self._after_reply.append(follow_up)

    def _id_in(self, data: bytes) -> MessageId | None:
        """The id in a message that is no good otherwise, if it has one."""
        try:
            found: Identified = self.codec.decode(data, Identified)
        except Refused:
            return None
        return found.id

    # Who it is

    @property
    def player(self) -> int:
        """The player's id; 0 for a guest who looks at the market, and for an operator."""
        return self.identity.player if self.identity is not None else 0

    @property
    def is_operator(self) -> bool:
        return self.identity is not None and self.identity.role == ADMIN

    def authenticate(self, identity: Identity) -> None:
        """This client is that player from now on. Raises Refused TOO_MANY_CONNECTIONS and closes."""
        if not self.arena.player_connections.enter(identity.player):
            self.close(TOO_MANY_REQUESTS, "too many connections of this player")
            raise Refused(Code.TOO_MANY_CONNECTIONS)
        self.identity = identity
        self._may_use = ADMINS_USE if identity.role == ADMIN else PLAYERS_USE
        self._most_bytes = self.arena.config.limits.frame_bytes
        self._player_bucket = self.arena.player_buckets.of(identity.player, 0)

    def unsubscribed(self, channel: str) -> None:
        """The arena has ended its subscription."""
        del self.channels[channel]

    def is_idle(self) -> bool:
        """Has it neither said who it is nor subscribed to anything?"""
        return self.identity is None and not self.channels

    def is_revoked(self) -> bool:
        """Has the token that it came with ended?"""
        return self.identity is not None and not self.arena.tokens.is_current(self.identity)

    def close(self, code: int, reason: str) -> None:
        """End the session: what is queued goes out, then a close frame."""
        if not self.closed:
            self.outlet.close(code, reason)
            self.ended()

    def ended(self) -> None:
        """The connection is gone: let go of everything."""
        if self.closed:
            return
        self.closed = True
        for task in self._later:
            task.cancel()
        for channel in self.channels.values():
            if channel is not None:
                self.arena.fanout.leave(self, channel)
        if self.identity is not None:
            self.arena.fanout.leave_private(self, self.identity.player)
            self.arena.player_connections.leave(self.identity.player)
