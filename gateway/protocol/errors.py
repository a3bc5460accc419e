"""Every error code that does not come from the engine, grouped by noun, and the shape of an error.

The engine's refusals are in engine/model/reasons.py; both kinds reach the client as {code, message, retry}. `retry` is
"never", "after" (with `retry_after` in ms) or "query" (the outcome is unknown: ask).
"""

from __future__ import annotations

from enum import Enum, IntEnum, unique
from typing import Any, Final, Literal, NamedTuple

import msgspec

from engine.model.reasons import MESSAGES, RETRY_LATER, Reason

Retry = Literal["never", "after", "query"]

RETRY_AFTER_MS: Final = 250
"""What a client is asked to wait when no better figure is known."""


class Entry(NamedTuple):
    """What goes with a code."""

    message: str
    retry: Retry
    status: int  # of the REST answer


@unique
class Code(Enum):
    """Codes of the gateway. The name is what clients see."""

    # messages
    BAD_MESSAGE = Entry("the message is not an object with id, op and args", "never", 400)
    NOT_JSON = Entry("the message is not valid JSON", "never", 400)
    NOT_MSGPACK = Entry("the message is not valid msgpack", "never", 400)
    UNKNOWN_OP = Entry("there is no such op", "never", 404)
    BAD_ARGUMENTS = Entry("the arguments do not fit the op", "never", 400)
    FLOAT_NOT_ALLOWED = Entry("numbers are decimal strings or integers, never floats", "never", 400)
    NOT_DECIMAL = Entry("not a plain decimal number", "never", 400)
    TOO_PRECISE = Entry("more decimals than the tick or lot size allows", "never", 400)
    OUT_OF_RANGE = Entry("the number is out of range", "never", 400)
    KEY_NOT_ALLOWED = Entry("this op changes nothing, or takes client_order_id as its key: leave key out", "never", 400)

    # sessions
    NOT_AUTHENTICATED = Entry("send auth first", "never", 401)
    ALREADY_AUTHENTICATED = Entry("this connection is authenticated already", "never", 409)
    TOKEN_INVALID = Entry("the token is not valid, or not any more", "never", 401)
    ADMINS_ONLY = Entry("only an operator may do this: `arena token --admin` prints the token for it", "never", 403)
    ROLE_FORBIDDEN = Entry("an operator of this role may not do this", "never", 403)
    PLAYERS_ONLY = Entry("an operator's token is no player's", "never", 403)
    ORIGIN_FORBIDDEN = Entry("this origin may not connect", "never", 403)
    NOT_ALLOWED = Entry("this server does not allow it", "never", 403)
    CREDENTIALS_INVALID = Entry("name and password, or address and code, do not belong together", "never", 401)
    REFRESH_REUSED = Entry("the refresh token was used before: its session has ended, sign in again", "never", 401)
    ACCOUNT_DISABLED = Entry("an operator has disabled this account", "never", 403)
    ACCOUNT_NEEDED = Entry("only a player with an account can do this", "never", 403)
    NOT_ELIGIBLE = Entry("nobody of this age, or from this country, may play here", "never", 403)
    SELF_EXCLUDED = Entry("the player has shut himself out", "never", 403)
    PLAY_LIMIT_REACHED = Entry("a limit is reached that the player has set for himself", "never", 403)
    ACCOUNT_EXISTS = Entry("there is an account of that name or address", "never", 409)
    CODE_NEEDED = Entry("signing up with an address needs a code that was sent to it", "never", 403)
    PARTNERS_ONLY = Entry("only a partner may do this, with an API key", "never", 403)
    KEY_SCOPE = Entry("the API key does not have the scope for this, or no key has", "never", 403)
    KEY_ADDRESS = Entry("the API key is not good from this address", "never", 403)
    SIGNATURE_INVALID = Entry("the signature is not right, too old, or was used before", "never", 401)
    TOO_MANY_KEYS = Entry("the account has as many API keys as may be", "never", 409)
    TOO_MANY_PLAYERS = Entry("the owner has as many players as may be", "never", 409)
    SAME_PERSON = Entry("another account of the same person plays there, or tries to", "never", 409)
    CHANNEL_UNKNOWN = Entry("there is no such channel", "never", 404)
    TOO_MANY_CHANNELS = Entry("too many subscriptions on one connection", "never", 429)

    HANDSHAKE_INVALID = Entry("not the opening handshake of a WebSocket", "never", 400)
    HANDSHAKE_VERSION = Entry("the version of WebSocket is 13", "never", 426)

    # load
    TOO_LATE = Entry("the deadline had passed before the command was queued", "never", 408)
    OVERLOADED = Entry("the server is busy; closing and cancelling still work", "after", 503)
    RATE_LIMITED = Entry("too many messages", "after", 429)
    STOPPING = Entry("the server is going away", "query", 503)

    # things
    SYMBOL_UNKNOWN = Entry("there is no such symbol", "never", 404)
    MATCH_CALLED_OFF = Entry("the match was called off, and nobody is ranked", "never", 409)
    INTERVAL_UNKNOWN = Entry("intervals are 1s 1m 5m 15m 1h 4h 1d", "never", 404)
    SEASON_UNKNOWN = Entry("there has been no such season yet", "never", 404)
    NOT_FOUND = Entry("there is nothing here", "never", 404)
    METHOD_NOT_ALLOWED = Entry("this path does not take that method", "never", 405)
    TOO_LARGE = Entry("the request is too large", "never", 413)
    INTERNAL = Entry("the server failed; the outcome is unknown", "query", 500)


# Closes of a WebSocket: below 4000 as RFC 6455 has them, from there on the arena's own


class Close(IntEnum):
    """Why a socket was closed."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    OVERLOADED = 1013
    NOT_AUTHENTICATED = 4001
    FORBIDDEN = 4003
    TOO_SLOW = 4008
    REPLACED = 4009
    TOO_MANY_REQUESTS = 4029


CLOSE_MEANINGS: Final = {
    Close.NORMAL: "the client has closed, and gave no code; else its own comes back",
    Close.GOING_AWAY: "the server stops (`sys` tells `shutdown` before), or `silence_s` without a sign of life",
    Close.PROTOCOL_ERROR: "the frames are not what RFC 6455 allows",
    Close.UNSUPPORTED_DATA: "a text frame where msgpack was agreed on, or a binary one where JSON was",
    Close.INVALID_TEXT: "a text frame that is not UTF-8",
    Close.TOO_BIG: "a message of more than `frame_bytes`, before `auth` of more than `frame_bytes_before_auth`",
    Close.INTERNAL_ERROR: "the server failed on a message; the outcome is not known",
    Close.OVERLOADED: "the server has too much to do to take new connections: come back later",
    Close.NOT_AUTHENTICATED: "not authenticated in time, or the token or key is not valid any more",
    Close.FORBIDDEN: "the account may not connect: it is disabled",
    Close.TOO_SLOW: "too slow: more than `hard_bytes` unsent, or slow for longer than `slow_patience_s`",
    Close.REPLACED: "the player has as many connections as may be, and a newer one took the place of this, the one"
    " silent for longest",
    Close.TOO_MANY_REQUESTS: "too many requests, control frames or fragments, or too many connections of the address",
}
"""What each code means, for people."""

FINAL_CLOSES: Final = frozenset({Close.FORBIDDEN, Close.REPLACED})
"""After these, to come back is of no use."""


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as clients see it."""

    code: str
    message: str
    retry: str
    retry_after: int | None = None  # ms
    details: dict[str, Any] | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error of REST: RFC 9457, with the code of our errors."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    retry: str
    retry_after: int | None = None  # ms
    details: dict[str, Any] | None = None


class Refused(Exception):
    """A request that is refused: answered with `error`, over HTTP with `status` too. Nothing has happened."""

    def __init__(
        self, code: Code | Reason, *, retry_after_ms: int = 0, error: Error | None = None, **details: Any
    ) -> None:
        super().__init__(code.name)
        self.code = code
        if isinstance(code, Reason):
            self.error = error or error_of_reason(code)
            if details:
                self.error = msgspec.structs.replace(self.error, details=details)
            self.status = status_of_reason(code)
        else:
            self.error = error_of(code, retry_after_ms=retry_after_ms, **details)
            self.status = code.value.status


def error_of(code: Code, *, retry_after_ms: int = 0, **details: Any) -> Error:
    """The error for `code`; `details` name the field, the symbol and such."""
    entry = code.value
    after = (retry_after_ms or RETRY_AFTER_MS) if entry.retry == "after" else None
    return Error(code.name, entry.message, entry.retry, after, details or None)


def problem_of(error: Error, status: int) -> Problem:
    """The error as HTTP tells it."""
    title = error.code.replace("_", " ").capitalize()
    return Problem(
        f"urn:tick-arena:error:{error.code}",
        title,
        status,
        error.code,
        error.message,
        error.retry,
        error.retry_after,
        error.details,
    )


def error_of_reason(reason: int) -> Error:
    """The error for a refusal of the engine. One Error per reason, made once."""
    return _OF_REASON[reason]


def status_of_reason(reason: int) -> int:
    """The HTTP status for a refusal of the engine: the request was understood, the rules say no."""
    return 404 if Reason(reason).name.endswith("_NOT_FOUND") else 409


_OF_REASON: Final = {
    int(reason): Error(
        reason.name,
        MESSAGES[reason],
        "after" if reason in RETRY_LATER else "never",
        RETRY_AFTER_MS if reason in RETRY_LATER else None,
    )
    for reason in Reason
}
