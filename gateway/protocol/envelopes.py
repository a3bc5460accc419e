"""The outside of every message: requests, replies, and the messages of channels."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from msgspec import Raw, Struct

from gateway.protocol.errors import Error
from gateway.protocol.scalars import Key, MessageId, Milliseconds

R = TypeVar("R")

NO_ARGUMENTS: Final = Raw()
"""Stands for args that were left out: the same as an empty object."""


class Envelope(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A request."""

    id: MessageId
    op: str
    args: Raw = NO_ARGUMENTS
    key: Key | None = None
    deadline: Milliseconds | None = None


class Identified(Struct, frozen=True, gc=False):
    """As much of a bad request as an answer needs."""

    id: MessageId | None = None


class Reply(Struct, Generic[R], frozen=True, gc=False, omit_defaults=True):
    """The outcome of a request that succeeded: sequence of the log and stamp (ms) at which it holds. `replayed`: it is
    the outcome of an earlier request with the same key."""

    id: MessageId
    ok: bool
    seq: int
    at: int
    result: R
    replayed: bool = False


class Failure(Struct, frozen=True, gc=False):
    """The outcome of a request that did not succeed."""

    id: MessageId | None
    ok: bool
    error: Error


class Push(Struct, frozen=True, gc=False, omit_defaults=True):
    """A message of a channel.

    `n` counts the channel's messages without gaps. Over all channels the order of what happened is that of `seq` and,
    within one, of `place`. A subscription starts with the `kind` "snapshot"; "conflated" stands for several messages
    that a slow reader missed; "ended" is the last one, when the player has left a private match. `data` is as events.py
    says of the channel and the `type`, or empty.
    """

    channel: str
    n: int
    seq: int
    at: int
    type: str
    data: Any
    kind: str = ""
    place: int = 0


class ServerMessage(Struct, frozen=True, gc=False):
    """Any of Reply, Failure and Push, as a client decodes it before it knows which."""

    id: MessageId | None = None
    ok: bool = False
    seq: int = 0
    at: int = 0
    result: Raw = Raw()
    replayed: bool = False
    error: Error | None = None
    channel: str = ""
    n: int = 0
    type: str = ""
    data: Raw = Raw()
    kind: str = ""
    place: int = 0
