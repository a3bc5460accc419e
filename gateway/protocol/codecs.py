"""The two encodings of a message, JSON and msgpack: the same shapes, decoded by the same Structs.

Also the frames of a WebSocket server (RFC 6455: not masked, not fragmented), because we write to the transport
ourselves.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Literal

import msgspec
from msgspec.inspect import AnyType, IntType, ListType, StructType, Type, UnionType, type_info

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
        except RecursionError as error:
            raise Refused(Code.BAD_MESSAGE, problem="nested too deeply") from error
        except DecodeFailure as error:
            return self._decode_by_value(data, shape, error)

    def _decode_by_value(self, data: bytes | msgspec.Raw, shape: Any, error: Exception) -> Any:
        """What does not fit as it is encoded may fit by its value; else say what is wrong. Raises Refused."""
        try:
            anything = self._decoder_of(Any)(data)
        except DecodeFailure:
            raise Refused(self.malformed) from error
        if not _has_float(anything):
            raise Refused(Code.BAD_ARGUMENTS, **problem_of(error, shape, anything)) from error
        if self.name == MSGPACK.name:
            with suppress(msgspec.ValidationError):
                return self._decoders[shape](self.encode(_with_whole_ids(anything, type_info(shape))))
        raise Refused(Code.FLOAT_NOT_ALLOWED, **problem_of(error, shape, anything)) from error


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


_LARGEST_SMALL: Final = 2**32
_EXACT: Final = 2**53
"""Below it a double is exactly the integer that it is meant to be."""


def _with_whole_ids(value: Any, shape: Type) -> Any:
    """The value, with whole doubles made integers wherever `shape` has an id or a time: JavaScript has no other numbers
    that large. Money never is one of these, nor is what 32 bits can hold."""
    if isinstance(value, float):
        exact = value.is_integer() and abs(value) < _EXACT
        return int(value) if exact and any(map(_is_large, _choices(shape))) else value
    for choice in _choices(shape):
        if isinstance(value, dict) and isinstance(choice, StructType):
            types = {field.encode_name: field.type for field in choice.fields}
            return {name: _with_whole_ids(item, types.get(name, AnyType())) for name, item in value.items()}
        if isinstance(value, list) and isinstance(choice, ListType):
            return [_with_whole_ids(item, choice.item_type) for item in value]
    return value


def _choices(shape: Type) -> tuple[Type, ...]:
    return shape.types if isinstance(shape, UnionType) else (shape,)


def _is_large(shape: Type) -> bool:
    """An integer that is bounded, and not by 32 bits."""
    return isinstance(shape, IntType) and shape.le is not None and shape.le >= _LARGEST_SMALL


JSON: Final = Codec("json", TEXT, Code.NOT_JSON)
MSGPACK: Final = Codec("msgpack", BINARY, Code.NOT_MSGPACK)
CODECS: Final = {codec.name: codec for codec in (JSON, MSGPACK)}
