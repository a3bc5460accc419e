"""One client of the market server: what it is subscribed to, and what is to be written to it at the next flush.

Frames are made into WebSocket packets here and written to the transport as they are, many in one write:
awaiting aiohttp's `send_str` for each would let one client that does not read hold up all the others.
"""

from __future__ import annotations

import asyncio

from gateway.market import decode_envelope
from gateway.market.subscriptions import Subscriptions
from gateway.protocol.codecs import DecodeFailure


class Subscriber:
    """A connection that is open."""

    def __init__(self, transport: asyncio.Transport, subscriptions: Subscriptions) -> None:
        self.transport = transport
        self.subscriptions = subscriptions
        self._packets: list[bytes] = []
        self._bytes = 0

    def push(self, packet: bytes) -> None:
        self._packets.append(packet)
        self._bytes += len(packet)

    def flush(self) -> None:
        if self._packets and not self.transport.is_closing():
            self.transport.write(b"".join(self._packets))
        self._packets.clear()
        self._bytes = 0

    def backlog_bytes(self) -> int:
        """What it has not taken yet, here and in the transport."""
        return self._bytes + self.transport.get_write_buffer_size()


def text_packet(payload: bytes) -> bytes:
    """A WebSocket text frame from a server: whole and not masked (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def data_of(frame: bytes) -> bytes:
    """The inside of a combined frame, for a raw stream; of garbage, all of it."""
    try:
        return bytes(decode_envelope(frame).data)
    except DecodeFailure:
        return frame
