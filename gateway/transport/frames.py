"""Frames as RFC 6455 has them: the bytes that a client sends, as messages and control frames. Without sockets.

What a client may not send is refused from its header, before its payload is waited for. Frames are counted by whoever
takes them, also those that only continue a message: a frame of nothing costs as much as another one.
"""

from __future__ import annotations

import struct
from typing import Final, Protocol

import numpy as np

from gateway.protocol.codecs import PONG
from gateway.protocol.errors import Close

NO_CODE: Final = 1005

_CONTINUATION: Final = 0
_LAST_OF_DATA: Final = 2
_FIRST_OF_CONTROL: Final = 8
_MOST_OF_CONTROL: Final = 125
"""Bytes of a control frame's payload."""
_LONG: Final = 512
"""Bytes of a payload from which on numpy unmasks faster than one long number does."""
_LAST_DEFINED_CODE: Final = 1014
_UNSENDABLE_CODES: Final = frozenset({1004, 1005, 1006})


class Violation(Exception):
    """The client has sent what it may not; the connection is closed with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Taker(Protocol):
    """Who takes what is found. Each of these may stop the frames."""

    def take_message(self, opcode: int, payload: bytes) -> None: ...

    def take_control(self, opcode: int, payload: bytes) -> None: ...

    def take_fragment(self) -> None:
        """A frame after which its message goes on."""


class Frames:
    """Fed what is read, in pieces of any size. After `stop`, and after a Violation, nothing more is looked at."""

    def __init__(self, most_bytes: int) -> None:
        self.stopped = False
        self._most_bytes = most_bytes
        self._waiting = bytearray()
        """The beginning of a frame, of which `_needed` bytes must be there before more can be said."""
        self._needed = 0
        self._opcode = _CONTINUATION
        """Of the message that has begun and goes on; _CONTINUATION: there is none."""
        self._parts = bytearray()

    def stop(self) -> None:
        """Look at nothing more."""
        self.stopped = True

    def feed(self, data: bytes, taker: Taker) -> None:
        """The taker is given each time, not kept: it keeps these frames, and a circle of the two would wait for the
        garbage collector. Raises Violation."""
        waiting = self._waiting
        if waiting:
            waiting += data
            if len(waiting) < self._needed:
                return
            data = bytes(waiting)
            waiting.clear()
        at, end = 0, len(data)
        while at < end and not self.stopped:
            body, length = self._header(data, at, end)
            if body + length > end:
                self._needed = body + length - at
                waiting += data[at:]
                return
            first = data[at]
            at = body + length
            self._take(first, _unmasked(data[body - 4 : body], data[body:at]) if length else b"", taker)

    def _header(self, data: bytes, at: int, end: int) -> tuple[int, int]:
        """Where the payload of the frame begins that begins at `at`, and its length, of which at least so much must be
        there for the next look. Raises Violation."""
        if end - at < 2:
            return at + 2, 0
        first, second = data[at], data[at + 1]
        length = second & 0x7F
        opcode = first & 0x0F
        if first & 0x70:
            raise Violation(Close.PROTOCOL_ERROR, "reserved bits are set")
        if not second & 0x80:
            raise Violation(Close.PROTOCOL_ERROR, "a client masks its frames")
        if opcode >= _FIRST_OF_CONTROL:
            if opcode > PONG:
                raise Violation(Close.PROTOCOL_ERROR, "unknown opcode")
            if length > _MOST_OF_CONTROL or not first & 0x80:
                raise Violation(Close.PROTOCOL_ERROR, "a control frame is short and whole")
        elif opcode > _LAST_OF_DATA:
            raise Violation(Close.PROTOCOL_ERROR, "unknown opcode")
        elif (opcode == _CONTINUATION) is not (self._opcode != _CONTINUATION):
            raise Violation(Close.PROTOCOL_ERROR, "a message begins once and is then continued")
        body = at + 6
        if length == 126:
            body += 2
            if end < at + 4:
                return at + 4, 0
            length = data[at + 2] << 8 | data[at + 3]
            if length < 126:
                raise Violation(Close.PROTOCOL_ERROR, "a length is written as short as it can be")
        elif length == 127:
            body += 8
            if end < at + 10:
                return at + 10, 0
            length = int.from_bytes(data[at + 2 : at + 10], "big")
            if length < 65_536 or length >> 63:
                raise Violation(Close.PROTOCOL_ERROR, "a length is written as short as it can be")
        if opcode < _FIRST_OF_CONTROL and length + len(self._parts) > self._most_bytes:
            raise Violation(Close.TOO_BIG, "message too big")
        return body, length

    def _take(self, first: int, payload: bytes, taker: Taker) -> None:
        opcode = first & 0x0F
        if opcode >= _FIRST_OF_CONTROL:
            taker.take_control(opcode, payload)
        elif not first & 0x80:
            self._opcode = opcode or self._opcode
            self._parts += payload
            taker.take_fragment()
        elif opcode:
            taker.take_message(opcode, payload)
        else:
            opcode, self._opcode = self._opcode, _CONTINUATION
            payload = bytes(self._parts + payload)
            self._parts.clear()
            taker.take_message(opcode, payload)


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    if length > _LONG:
        return (np.frombuffer(payload, np.uint8) ^ np.frombuffer(key, np.uint8)).tobytes()
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(length, "little")


def close_code(payload: bytes) -> int:
    """The code in a close frame; NO_CODE when there is none. Raises Violation when it is none that may be sent."""
    if not payload:
        return NO_CODE
    if len(payload) == 1:
        raise Violation(Close.PROTOCOL_ERROR, "half a close code")
    (code,) = struct.unpack_from(">H", payload)
    defined = 1000 <= code <= _LAST_DEFINED_CODE and code not in _UNSENDABLE_CODES
    if not defined and not 3000 <= code <= 4999:
        raise Violation(Close.PROTOCOL_ERROR, "not a close code")
    if not is_utf8(payload[2:]):
        raise Violation(Close.INVALID_TEXT, "text must be UTF-8")
    return int(code)


def is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
