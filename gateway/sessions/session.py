"""One connection of a client, sans I/O: a Caller with what it is subscribed to.

The ops work with it. Decoding messages and looking up ops is the dispatcher's: gateway/ops/dispatcher.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.channels.fanout import Channel, Outlet
from gateway.core.limits import Bucket, retry_after_ms
from gateway.core.tokens import Identity
from gateway.protocol.codecs import Codec
from gateway.protocol.errors import Close, Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.caller import ANSWER_BYTES, RENEWED_BY_REFRESH, Caller


class Session(Caller):
    """See the module."""

    def __init__(self, arena: Arena, codec: Codec, outlet: Outlet, address: str) -> None:
        super().__init__(arena, address)
        self.codec = codec
        self.outlet = outlet
        self.channels: dict[str, Channel | None] = {}
        """What it is subscribed to, by name; None is its private channel."""
        self.most_bytes = arena.config.limits.frame_bytes_before_auth
        """Of a message."""
        self.queries: set[asyncio.Task[None]] = set()
        """Answers that wait for the history; cancelled when the session ends."""
        self.closed = False
        limits = arena.config.limits
        self._bucket = Bucket(limits.messages_per_s, limits.messages_burst)
        self._refusals = Bucket(limits.messages_per_s, limits.refusals_before_close)
        self._ending: tuple[int, str] | None = None
        """Code and reason of the close that follows the next answer."""
        self._follow_ups: list[Callable[[], None]] = []

    # What it may still do

    def spend(self, messages: int) -> None:
        """Count the current message as so many. Raises Refused RATE_LIMITED."""
        now_ns = self.now_ns
        wait_ns = self._bucket.take(now_ns, messages) or self.player_wait_ns(messages)
        if wait_ns:
            # Refusals are answers too, and have their own limit: those beyond it end the connection.
            if self._refusals.take(now_ns) or self._refusals.wait_ns(now_ns):
                self.close_after_answer(Close.TOO_MANY_REQUESTS, "too many requests")
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns))

    def pay_for(self, answer_bytes: int) -> None:
        """Count a long answer as more messages, now that it is known how long it is."""
        messages = answer_bytes // ANSWER_BYTES
        if messages:
            self._bucket.owe(self.now_ns, messages)
            super().pay_for(answer_bytes)

    # What follows an answer

    def close_after_answer(self, code: int, reason: str) -> None:
        """End the session when the answer to the current message is sent, so that the client knows why."""
        self._ending = code, reason

    def answered(self) -> None:
        """The answer is out."""
        if self._ending is not None:
            self.close(*self._ending)

    def after_reply(self, follow_up: Callable[[], None]) -> None:
        """Call this when the reply of the current op is sent: a subscription's snapshot follows it."""
        self._follow_ups.append(follow_up)

    def replied(self) -> None:
        """The reply is out: do what follows it."""
        for follow_up in self._follow_ups:
            follow_up()
        self._follow_ups.clear()

    def failed(self) -> None:
        """There is no reply, so nothing follows it."""
        self._follow_ups.clear()

    # Who it is

    def authenticate(self, identity: Identity) -> None:
        """This client is that player from now on."""
        super().authenticate(identity)
        self.most_bytes = self.arena.config.limits.frame_bytes
        self.arena.presence.enter(identity.owner, self)

    def renew(self) -> str:
        """A new token of the player, for whom it is the same session; this connection lasts as long as that one.
        Raises Refused when it is an account's, which has a refresh token for that."""
        assert self.identity is not None
        if self.identity.is_of_account:
            raise Refused(Code.NOT_ALLOWED, problem=RENEWED_BY_REFRESH)
        tokens = self.arena.tokens
        token = tokens.renewed(self.identity)
        self.identity = tokens.identity(token)
        return token

    @property
    def seen_ns(self) -> int:
        return self.outlet.seen_ns

    def unsubscribed(self, channel: str) -> None:
        """The arena has ended its subscription."""
        del self.channels[channel]

    def is_idle(self) -> bool:
        """Has it neither authenticated nor subscribed to anything?"""
        return self.identity is None and not self.channels

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
        for task in self.queries:
            task.cancel()
        for channel in self.channels.values():
            if channel is not None:
                self.arena.fanout.leave(self, channel)
        if self.identity is not None:
            self.arena.fanout.leave_private(self, self.identity.player)
            self.arena.presence.leave(self.identity.owner, self)
