"""Clients that no arena wants: those that do not read, say nothing, say too much, or hang up in the middle."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
import urllib.request
from contextlib import suppress
from typing import Final

PINGS: Final = b"\x89\x80\0\0\0\0" * 200
"""Masked, and empty."""


def connect(port: int, receive_bytes: int | None = None) -> socket.socket:
    """A TCP connection."""
    client = socket.socket()
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(5)
    client.connect(("127.0.0.1", port))
    return client


def shake_hands(client: socket.socket) -> None:
    """Become a WebSocket."""
    key = base64.b64encode(os.urandom(16))
    client.sendall(
        b"GET /ws HTTP/1.1\r\nHost: arena\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    client.recv(1_000)


def reset(client: socket.socket) -> None:
    """Hang up without a word."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def masked(payload: bytes) -> bytes:
    """A text frame of a client."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload


def asks(op: str, **arguments: object) -> bytes:
    return masked(json.dumps({"id": 1, "op": op, "args": arguments}).encode())


def never_reads(port: int, seconds: float) -> None:
    """Signs in, listens to all prices, asks for more, and reads none of it."""
    body = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/auth/guest", b"{}", method="POST")
    with urllib.request.urlopen(body, timeout=5) as response:
        token = json.loads(response.read())["token"]
    client = connect(port, receive_bytes=4_096)
    shake_hands(client)
    client.sendall(asks("auth", token=token))
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT")
    client.sendall(asks("subscribe", channels=["me", *(f"tick.{symbol}" for symbol in symbols)]))
    ends_s = time.monotonic() + seconds
    with suppress(OSError):  # it has been cut
        while time.monotonic() < ends_s:
            client.sendall(asks("instruments") * 5)
            time.sleep(0.25)
    client.close()


def say_nothing(port: int, seconds: float, connections: int = 300) -> None:
    """Connect, half of them with half a line, and wait."""
    clients = []
    with suppress(OSError):  # they are turned away
        for number in range(connections):
            client = connect(port)
            clients.append(client)
            if number % 2:
                client.sendall(b"GET /hea")
    time.sleep(seconds)
    for client in clients:
        client.close()


def ping(port: int, seconds: float) -> None:
    """As many pings as will go, on one connection after another."""
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        with suppress(OSError):
            client = connect(port)
            shake_hands(client)
            while time.monotonic() < ends_s:
                client.sendall(PINGS)
        with suppress(OSError):
            client.close()
        time.sleep(0.05)


def hang_up(port: int, seconds: float) -> None:
    """In the middle of everything."""
    ends_s = time.monotonic() + seconds
    head = b"POST /api/v1/auth/guest HTTP/1.1\r\nHost: arena\r\n"
    halves = (
        head + b"Content-Length: 50\r\n\r\n{",
        head + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde",
        b"GET /health HT",
        b"\x16\x03\x01\0\xf0",
    )
    while time.monotonic() < ends_s:
        with suppress(OSError):
            client = connect(port)
            shake_hands(client)
            reset(client)
        for half in halves:
            with suppress(OSError):
                client = connect(port)
                client.sendall(half)
                reset(client)
        time.sleep(0.1)
