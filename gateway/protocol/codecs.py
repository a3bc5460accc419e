"""The two encodings of a message, JSON and msgpack: the same shapes, decoded by the same Structs.

Also the frames of a WebSocket server (RFC 6455: not masked, not fragmented), because we write to the transport
ourselves.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from gateway.protocol.errors import Code, Refused
from gateway.protocol.problems import problem_of

DecodeFailure: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that it cannot read; ValidationError (the wrong shape) is a DecodeError too."""

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


def _frame_header(opcode: int, length: int) -> bytes:
    if length < 126:
        return bytes((0x80 | opcode, length))
    if length < 65_536:
        return struct.pack(">BBH", 0x80 | opcode, 126, length)
    return struct.pack(">BBQ", 0x80 | opcode, 127, length)


KEPT_HEADERS: Final = 4_096
_SHORT: Final = {
    opcode: [_frame_header(opcode, n) for n in range(KEPT_HEADERS)] for opcode in (TEXT, BINARY, CLOSE, PING, PONG)
}


def frame_of(opcode: int, payload: bytes) -> bytes:
    """One whole frame."""
    length = len(payload)
    return (_SHORT[opcode][length] if length < KEPT_HEADERS else _frame_header(opcode, length)) + payload


def close_frame(code: int, reason: str) -> bytes:
    return frame_of(CLOSE, struct.pack(">H", code) + reason.encode()[:123])


class Codec:
    """One encoding. `name` is its WebSocket subprotocol; there are two instances, JSON and MSGPACK."""

    def __init__(self, kind: Literal["json", "msgpack"], opcode: int, malformed: Code) -> None:
        self.name = f"arena.v1+{kind}"
        self.opcode = opcode
        self.malformed = malformed
        self._headers = _SHORT[opcode]
        self.encode: Callable[[Any], bytes]
        self._decoder_of: Callable[[Any], Callable[[bytes | msgspec.Raw], Any]]
        if kind == "json":
            self.encode = msgspec.json.Encoder().encode
            self._decoder_of = lambda shape: msgspec.json.Decoder(shape).decode
        else:
            self.encode = msgspec.msgpack.Encoder().encode
            self._decoder_of = lambda shape: msgspec.msgpack.Decoder(shape).decode
        self._decoders: dict[Any, Callable[[bytes | msgspec.Raw], Any]] = {}
        self.empty = msgspec.Raw(self.encode({}))

    def frame(self, message: Any) -> bytes:
        """The message as one frame."""
        payload = self.encode(message)
        length = len(payload)
        return (self._headers[length] if length < KEPT_HEADERS else _frame_header(self.opcode, length)) + payload

    def decode(self, data: bytes | msgspec.Raw, shape: Any) -> Any:
        """The `shape` that `data` encodes. Raises Refused: malformed, FLOAT_NOT_ALLOWED, BAD_ARGUMENTS."""
        decoder = self._decoders.get(shape)
        if decoder is None:
            decoder = self._decoders[shape] = self._decoder_of(shape)
        try:
            return decoder(data)
        except DecodeFailure as error:
            raise self._refusal(data, shape, error) from error

    def _refusal(self, data: bytes | msgspec.Raw, shape: Any, error: Exception) -> Refused:
        if isinstance(error, RecursionError):
            return Refused(Code.BAD_MESSAGE, problem="nested too deeply")
        try:
            anything = self._decoder_of(Any)(data)
        except DecodeFailure:
            return Refused(self.malformed)
        details = problem_of(error, shape, anything)
        if _has_float(anything):
            return Refused(Code.FLOAT_NOT_ALLOWED, **details)
        return Refused(Code.BAD_ARGUMENTS, **details)


def _has_float(value: Any) -> bool:
    """Is there a float anywhere inside? The depth is bounded by msgspec's own limit."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float):
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


JSON: Final = Codec("json", TEXT, Code.NOT_JSON)
MSGPACK: Final = Codec("msgpack", BINARY, Code.NOT_MSGPACK)
CODECS: Final = {codec.name: codec for codec in (JSON, MSGPACK)}
