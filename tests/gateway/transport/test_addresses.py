"""Whose address a request counts for, behind proxies and without."""

from __future__ import annotations

from unittest import mock

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.core.config import ConfigError, Server, parse_config
from gateway.transport.addresses import Addresses, parsed_address, url_of

BEHIND = Server(trusted_proxies=("172.18.0.0/16", "10.0.0.1", "fd00::/8"))


def address(peer: str, *lines: str, server: Server = BEHIND) -> str:
    """Of a request from that peer, with those lines of X-Forwarded-For."""
    transport = mock.Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (peer, 1) if name == "peername" else default
    headers = CIMultiDict([("X-Forwarded-For", line) for line in lines])
    return Addresses(server).of(make_mocked_request("GET", "/", headers, transport=transport))


@pytest.mark.parametrize(
    ("peer", "lines", "owner"),
    [
        ("9.9.9.9", (), "9.9.9.9"),
        ("9.9.9.9", ("1.2.3.4",), "9.9.9.9"),  # no proxy of ours: a lie
        ("10.0.0.1", ("1.2.3.4",), "1.2.3.4"),
        ("172.18.7.7", ("1.2.3.4",), "1.2.3.4"),
        ("172.19.0.1", ("1.2.3.4",), "172.19.0.1"),
        ("10.0.0.1", ("6.6.6.6", "1.2.3.4"), "1.2.3.4"),  # the proxy's own line is the second
        ("10.0.0.1", ("6.6.6.6, 1.2.3.4, 172.18.0.5",), "1.2.3.4"),
        ("10.0.0.1", ("6.6.6.6", "1.2.3.4", "172.18.0.5"), "1.2.3.4"),
        ("10.0.0.1", ("1.2.3.4:50123",), "1.2.3.4"),
        ("10.0.0.1", ("[2001:db8:1:2:3::4]:50123",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("2001:db8:1:2:ffff::1",), "2001:db8:1:2::/64"),
        ("fd00::1", ("1.2.3.4, ",), "1.2.3.4"),
        ("::ffff:10.0.0.1", ("::ffff:1.2.3.4",), "1.2.3.4"),
        ("10.0.0.1", ("1.2.3.4, unknown",), "10.0.0.1"),
        ("10.0.0.1", ("172.18.0.5",), "172.18.0.5"),
        ("10.0.0.1", (), "10.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_trusted_proxy_counts(peer: str, lines: tuple[str, ...], owner: str) -> None:
    assert address(peer, *lines) == owner


@pytest.mark.parametrize("text", ["", "unknown", "1.2.3", "1.2.3.4.5", "[::1", "a:b:c"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parsed_address(text) is None or text == "[::1"


@pytest.mark.parametrize("name", ["localhost", "172.18.0.1/16", "10.0.0.0/33", ""])
def test_a_trusted_proxy_that_is_no_network_is_an_error_of_the_configuration(name: str) -> None:
    with pytest.raises(ConfigError, match=r"server: trusted_proxies: .*172\.18\.0\.0/16"):
        parse_config(f'[server]\ntrusted_proxies = ["{name}"]')


def test_in_development_those_of_the_same_machine_are_exempt_from_limits_of_addresses() -> None:
    for development in (True, False):
        addresses = Addresses(Server(development=development))
        assert [addresses.is_exempt(owner) for owner in ("127.0.0.1", "::1", "9.9.9.9")] == [development] * 2 + [False]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("arena.example", "http://arena.example:8080"),
        ("::1", "http://[::1]:8080"),
        ("::", "http://[::]:8080"),
    ],
)
def test_an_ipv6_address_stands_in_brackets_in_a_url(host: str, url: str) -> None:
    assert url_of(host, 8080) == url
