"""Whose address a request counts for.

A proxy that is trusted says it in X-Forwarded-For, in which each proxy adds the address that it saw at the right end,
or in a line of its own. What a client has put there itself stands left of that, and is never believed.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

from aiohttp import web

from gateway.core.config import Server, networks_of
from gateway.core.limits import is_this_machine

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NETWORK_BITS: Final = 64
"""Of an IPv6 address: what a line has is a network of so many bits, and all of it is one owner."""


class Addresses:
    """Who is behind which connection, and whether limits of addresses hold for him."""

    def __init__(self, server: Server) -> None:
        self._trusted = networks_of(server.trusted_proxies)
        self._this_machine_is_exempt = server.development

    def of(self, request: web.BaseRequest) -> str:
        """The address that the request counts for."""
        address = parsed_address(request.remote or "")
        hops = [hop for hop in ",".join(request.headers.getall("X-Forwarded-For", ())).split(",") if hop.strip()]
        while hops and address is not None and self._is_trusted(address):
            nearer = parsed_address(hops.pop())
            if nearer is None:
                break  # "unknown" and such: nobody further off can be told from it
            address = nearer
        return owner_of(address)

    def is_proxy(self, peer: str) -> bool:
        """Is the other end of a connection a trusted proxy?"""
        address = parsed_address(peer)
        return address is not None and self._is_trusted(address)

    def is_exempt(self, owner: str) -> bool:
        """Do limits of addresses not hold for this one? In development those of the same machine are exempt."""
        return self._this_machine_is_exempt and is_this_machine(owner)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def url_of(host: str, port: int) -> str:
    """Where who listens on that host is found."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@lru_cache(4_096)
def parsed_address(text: str) -> Address | None:
    """The address in 1.2.3.4, 1.2.3.4:50123, ::1, [::1]:50123 or ::ffff:1.2.3.4; None if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(4_096)
def owner_of(address: Address | None) -> str:
    """What limits know an address by: itself, or the network that an IPv6 address is in."""
    if address is None:
        return ""
    if address.version == 4 or address.is_loopback:
        return str(address)
    return str(ipaddress.ip_network((int(address) >> _NETWORK_BITS << _NETWORK_BITS, _NETWORK_BITS)))
