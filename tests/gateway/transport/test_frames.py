"""Frames of a client: messages from pieces of any size, and what RFC 6455 does not allow."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.codecs import BINARY, CLOSE, PING, PONG, TEXT
from gateway.transport.frames import NO_CODE, Frames, Violation, close_code

MOST_BYTES = 70_000
MASK = b"\x11\x22\x33\x44"
MORE = 0
"""The opcode of a frame that continues a message."""


def frame(opcode: int, payload: bytes = b"", fin: bool = True, mask: bytes = MASK) -> bytes:
    """One frame as a client sends it."""
    length = len(payload)
    if length < 126:
        header = bytes((fin << 7 | opcode, 0x80 | length))
    elif length < 65_536:
        header = struct.pack(">BBH", fin << 7 | opcode, 0xFE, length)
    else:
        header = struct.pack(">BBQ", fin << 7 | opcode, 0xFF, length)
    return header + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


class Taken:
    """What frames brought; stops them after so many of it."""

    def __init__(self, stop_after: int = 1_000) -> None:
        self.all: list[tuple[int, bytes] | str] = []
        self.frames = Frames(MOST_BYTES)
        self._stop_after = stop_after

    def feed(self, data: bytes) -> None:
        self.frames.feed(data, self)

    def take_message(self, opcode: int, payload: bytes) -> None:
        self._take((opcode, payload))

    def take_control(self, opcode: int, payload: bytes) -> None:
        self._take((opcode, payload))

    def take_fragment(self) -> None:
        self._take("fragment")

    def _take(self, what: tuple[int, bytes] | str) -> None:
        self.all.append(what)
        if len(self.all) == self._stop_after:
            self.frames.stop()


def test_a_message_may_come_in_fragments_with_control_frames_between_them() -> None:
    taken = Taken()
    taken.feed(
        frame(TEXT, b"a", fin=False) + frame(PING, b"p") + frame(MORE, fin=False) + frame(MORE, b"b") + frame(BINARY)
    )
    assert taken.all == ["fragment", (PING, b"p"), "fragment", (TEXT, b"ab"), (BINARY, b"")]


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 400), st.binary(min_size=4, max_size=4))
def test_frames_are_the_same_in_pieces_of_any_size(payloads: list[bytes], size: int, mask: bytes) -> None:
    taken = Taken()
    sent = b"".join(frame(BINARY, payload, mask=mask) for payload in payloads)
    for at in range(0, len(sent), size):
        taken.feed(sent[at : at + size])
    assert taken.all == [(BINARY, payload) for payload in payloads]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, MOST_BYTES])
def test_payloads_of_every_form_of_length(length: int) -> None:
    taken = Taken()
    payload = bytes(range(256)) * (length // 256 + 1)
    sent = frame(BINARY, payload[:length])
    for at in range(len(sent[:20])):
        taken.feed(sent[at : at + 1])
    taken.feed(sent[20:])
    assert taken.all == [(BINARY, payload[:length])]


VIOLATIONS = {
    "not masked": (b"\x81\x00", 1002),
    "a reserved bit": (b"\xc1\x80", 1002),
    "a reserved bit of a control frame": (b"\xc9\x80", 1002),
    "an unknown opcode": (b"\x83\x80", 1002),
    "an unknown opcode of a control frame": (b"\x8b\x80", 1002),
    "a control frame in fragments": (b"\x09\x80", 1002),
    "a long control frame": (b"\x89\xfe", 1002),
    "nothing to continue": (b"\x80\x80", 1002),
    "a new message before the end of another": (frame(TEXT, b"a", fin=False) + b"\x81\x80", 1002),
    "a new message after an empty beginning": (frame(TEXT, fin=False) + b"\x81\x80", 1002),
    "a length of two bytes for one": (b"\x81\xfe\x00\x7d", 1002),
    "a length of eight bytes for two": (b"\x81\xff" + (65_535).to_bytes(8, "big"), 1002),
    "a negative length": (b"\x81\xff" + (1 << 63).to_bytes(8, "big"), 1002),
    "too big": (b"\x81\xff" + (MOST_BYTES + 1).to_bytes(8, "big"), 1009),
    "too big in all": (frame(TEXT, b"a", fin=False) + b"\x80\xff" + MOST_BYTES.to_bytes(8, "big"), 1009),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_found_in_the_header_before_the_payload_is_there(name: str) -> None:
    sent, code = VIOLATIONS[name]
    with pytest.raises(Violation) as violation:
        Taken().feed(sent)
    assert violation.value.code == code


def test_when_it_is_stopped_nothing_more_is_looked_at() -> None:
    taken = Taken(stop_after=2)
    taken.feed(frame(PONG) * 100 + b"\xff\xff")
    taken.feed(b"\xff\xff")
    assert len(taken.all) == 2


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
def test_close_codes_that_may_be_sent(code: int) -> None:
    assert close_code(code.to_bytes(2, "big") + b"why") == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])
def test_close_codes_that_may_not_be_sent(code: int) -> None:
    with pytest.raises(Violation) as violation:
        close_code(code.to_bytes(2, "big"))
    assert violation.value.code == 1002


def test_a_close_frame_may_be_empty_but_not_half_a_code_and_its_reason_is_text() -> None:
    assert close_code(b"") == NO_CODE
    for payload, code in ((b"\x03", 1002), (b"\x03\xe8\xff", 1007)):
        with pytest.raises(Violation) as violation:
            close_code(payload)
        assert violation.value.code == code


assert CLOSE == 8, "control frames begin with it"
