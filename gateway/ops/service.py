"""What all ops share, whoever serves them: who may use one, deadlines, keys, and how a command is submitted.

The dispatcher of a socket and the routes of REST are thin users of it. Nothing here knows how a request came in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from engine import views
from engine.model.commands import request_key
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.core.records import Outcome, with_key
from gateway.core.sequencer import Urgency
from gateway.core.tokens import ADMIN
from gateway.identity.action_log import action_of
from gateway.ops.table import OPS, AsyncQuery, Command, Op, Query, SocketQuery
from gateway.protocol.errors import Code, Refused
from gateway.sessions.caller import BY_ROLE, OPERATORS_USE, Caller, For
from gateway.sessions.play import check_play
from gateway.sessions.submission import Submission

R = TypeVar("R")

Answer = Callable[[R, Submission, Outcome, int], None]
"""Called with the request that is answered, what was submitted for it, and the outcome and its stamp."""


def op_for(caller: Caller, name: str) -> Op:
    """The op of that name. Raises Refused when there is none, or it is not for this caller."""
    op = OPS.get(name)
    if op is None:
        raise Refused(Code.UNKNOWN_OP, op=name[:64])
    if op.who not in caller.may_use:
        if caller.identity is None:
            raise Refused(Code.NOT_AUTHENTICATED)
        raise _not_for_this_one(caller, op.who)
    if op.who is not For.ALL and caller.is_revoked():
        raise Refused(Code.TOKEN_INVALID)
    caller.admit_key(name, isinstance(op, Command))
    return op


def _not_for_this_one(caller: Caller, who: For) -> Refused:
    if caller.is_operator and who in BY_ROLE[ADMIN]:
        return Refused(
            Code.ROLE_FORBIDDEN, role=caller.role, allowed=[role for role in BY_ROLE if who in BY_ROLE[role]]
        )
    return Refused(Code.ADMINS_ONLY if who in OPERATORS_USE else Code.PLAYERS_ONLY)


def admit_query(caller: Caller, op: Query | AsyncQuery | SocketQuery, key: str | None, deadline: int | None) -> None:
    """Check what stands beside a query's arguments, and count it as what it costs. Raises Refused."""
    if key is not None:
        raise Refused(Code.KEY_NOT_ALLOWED)
    if _is_late(caller, deadline):
        raise Refused(Code.TOO_LATE)
    if op.cost > 1:
        caller.spend(op.cost - 1)


def submit(
    caller: Caller,
    op: Command,
    arguments: Any,
    key: str | None,
    deadline: int | None,
    answer: Answer[R],
    request: R,
) -> None:
    """Queue the command that the op makes; `answer` is called with its outcome. `deadline` is in ms.

    Raises Refused, and then nothing is queued.
    """
    if op.admit is not None:
        op.admit(caller, arguments)
    if op.who in OPERATORS_USE:
        _submit_of_operator(caller, op, arguments, key, deadline, answer, request)
    else:
        _submit(caller, op, arguments, key, deadline, answer, request)


def _submit_of_operator(
    caller: Caller, op: Command, arguments: Any, key: str | None, deadline: int | None, answer: Answer[R], request: R
) -> None:
    """What operators do is written down, whatever comes of it."""
    arena, name = caller.arena, _NAMES[op]
    acted = partial(action_of, caller.identity, name, arguments)

    def written(request: R, submission: Submission, outcome: Outcome, at_ns: int) -> None:
        said = Reason(outcome.reason).name if outcome.reason else "ok"
        arena.actions.put(acted(said, at_ns // NS_PER_MS, outcome.sequence))
        answer(request, submission, outcome, at_ns)

    try:
        _submit(caller, op, arguments, key, deadline, written, request)
    except Refused as refused:
        arena.actions.put(acted(refused.code.name, arena.clock.stamp_ns() // NS_PER_MS))
        raise


_NAMES: Final = {op: name for name, op in OPS.items()}


def _submit(
    caller: Caller, op: Command, arguments: Any, key: str | None, deadline: int | None, answer: Answer[R], request: R
) -> None:
    arena, player = caller.arena, caller.player
    submission = op.prepare(arena, player, arguments, key) if op.wants_key else op.prepare(arena, player, arguments)
    record = submission.record
    if submission.key is not None:
        if key is not None:
            raise Refused(Code.KEY_NOT_ALLOWED)
        key = submission.key
    hashed = request_key(player, key) if key is not None else None
    if _is_late(caller, deadline) and not (hashed and views.is_request_known(arena.state.book, hashed)):
        raise Refused(Code.TOO_LATE)  # but what has taken effect is said, however late it is asked again
    if op.urgency is Urgency.OPENS and not (hashed and views.is_request_known(arena.state.book, hashed)):
        check_play(arena, player, arguments)
    if hashed is not None:
        record = with_key(record, hashed, submission.blob)
    arena.sequencer.submit(record, partial(answer, request, submission), op.urgency, submission.blob)


def _is_late(caller: Caller, deadline: int | None) -> bool:
    return deadline is not None and caller.arena.clock.stamp_ns() > deadline * NS_PER_MS
