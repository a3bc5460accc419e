"""What a client sends: decoded, looked up in the table of ops, and answered.

A dispatcher is fed whole messages with `receive` and puts frames into the session's outlet. Here is what a socket adds
to service.py: the envelope, and replies. Whatever a client sends, the answer is a reply, an error with a code, or a
close; nothing raises.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import structlog

from engine.model.scale import NS_PER_MS
from gateway.core.records import Outcome
from gateway.ops import service
from gateway.ops.table import AsyncQuery, Command
from gateway.protocol.envelopes import NO_ARGUMENTS, Envelope, Failure, Identified, Reply
from gateway.protocol.errors import Close, Code, Error, Refused, error_of
from gateway.protocol.scalars import MessageId
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission

log = structlog.get_logger()

MOST_QUERIES: Final = 16
"""Queries of one connection that wait for the history at once: all connections share one thread."""


class Dispatcher:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.messages = 0
        self._arena = session.arena
        self._codec = session.codec
        self._outlet = session.outlet

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take one whole message. `now_ns` is when it came, monotonic; only for limits and metrics."""
        session = self.session
        if session.closed:
            return
        if len(data) > session.most_bytes:
            session.close(Close.TOO_BIG, "message too big")
            return
        self.messages += 1
        session.now_ns = now_ns
        id: MessageId | None = None
        try:
            session.spend(1)
            envelope = self._envelope_in(data)
            id = envelope.id
            self._serve(envelope)
        except Refused as refused:
            self._send_failure(id if id is not None else self._id_in(data), refused.error)
        self._arena.decodes.observe(time.monotonic_ns() - now_ns)

    def _envelope_in(self, data: bytes) -> Envelope:
        """Raises Refused: what is no envelope is a BAD_MESSAGE; bytes that are no message have a code of their own."""
        try:
            envelope: Envelope = self._codec.decode(data, Envelope)
        except Refused as refused:
            if refused.code is not Code.BAD_ARGUMENTS:
                raise
            raise Refused(Code.BAD_MESSAGE, **(refused.error.details or {})) from refused
        return envelope

    def _id_in(self, data: bytes) -> MessageId | None:
        """The id in a message that is no good otherwise, if it has one."""
        try:
            found: Identified = self._codec.decode(data, Identified)
        except Refused:
            return None
        return found.id

    def _serve(self, envelope: Envelope) -> None:
        session = self.session
        op = service.op_for(session, envelope.op)
        args = envelope.args if envelope.args is not NO_ARGUMENTS else self._codec.empty
        arguments = self._codec.decode(args, op.arguments)

        if type(op) is Command:
            service.submit(session, op, arguments, envelope.key, envelope.deadline, self._answer, envelope.id)
            return
        assert not isinstance(op, Command)
        service.admit_query(session, op, envelope.key, envelope.deadline)
        if not isinstance(op, AsyncQuery):
            self._send_result(envelope.id, op.answer(session, arguments))
            return
        if len(session.queries) >= MOST_QUERIES:
            raise Refused(Code.OVERLOADED, because="so many answers are still to come")
        task = asyncio.create_task(self._answer_query(envelope.id, op, arguments))
        session.queries.add(task)
        task.add_done_callback(session.queries.discard)

    async def _answer_query(self, id: MessageId, op: AsyncQuery, arguments: Any) -> None:
        try:
            result = await op.answer(self.session, arguments)
        except Refused as refused:
            self._send_failure(id, refused.error)
        except Exception:
            log.exception("an op made the server fail", player=self.session.player)
            self._send_failure(id, error_of(Code.INTERNAL))
        else:
            self._send_result(id, result)

    # What goes out

    def _answer(self, id: MessageId, submission: Submission, outcome: Outcome, at_ns: int) -> None:
        if self.session.closed:
            return
        if outcome.reason:
            self._send_failure(id, submission.explain(outcome.reason))
            return
        reply = Reply(id, True, outcome.sequence, at_ns // NS_PER_MS, submission.result(outcome), outcome.replayed != 0)
        self._outlet.send(self._codec.frame(reply))

    def _send_result(self, id: MessageId, result: Any) -> None:
        if self.session.closed:
            return
        seq, at_ms = self._arena.applied
        frame = self._codec.frame(Reply(id, True, seq, at_ms, result))
        self._outlet.send(frame)
        self.session.pay_for(len(frame))
        self.session.replied()

    def _send_failure(self, id: MessageId | None, error: Error) -> None:
        self.session.failed()
        self._arena.refusals[error.code] += 1
        if not self.session.closed:
            self._outlet.send(self._codec.frame(Failure(id, False, error)))
            self.session.answered()
