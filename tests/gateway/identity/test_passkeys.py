"""Passkeys, with an authenticator of our own: what it signs gets in, and what is a bit other does not."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.harness.people import PASSWORD, Person, Site, config_of, open_site

DOMAIN = "example.com"
ORIGIN = "https://play.example.com"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Device:
    """An authenticator with one key."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = hashlib.sha256(str(self.key.private_numbers().private_value).encode()).digest()
        self.count = 0
        self.origin = ORIGIN
        self.domain = DOMAIN
        self.flags = PRESENT | VERIFIED

    def makes(self, options: dict[str, Any]) -> dict[str, Any]:
        """As navigator.credentials.create."""
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        return self._credential(
            {
                "clientDataJSON": b64(self._client_data("webauthn.create", options)),
                "attestationObject": b64(cbor2.dumps(attestation)),
            }
        )

    def signs(self, options: dict[str, Any]) -> dict[str, Any]:
        """As navigator.credentials.get."""
        self.count += 1
        data, client_data = self._data(), self._client_data("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            {
                "clientDataJSON": b64(client_data),
                "authenticatorData": b64(data),
                "signature": b64(signature),
                "userHandle": b64(b"1"),
            }
        )

    def _data(self, more: int = 0) -> bytes:
        domain = hashlib.sha256(self.domain.encode()).digest()
        return domain + bytes([self.flags | more]) + self.count.to_bytes(4, "big")

    def _client_data(self, type: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": type, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    config = config_of(tmp_path, passkey_domain=DOMAIN, passkey_origins=(ORIGIN,), tries_of_account=1_000)
    async with open_site(config) as opened:
        yield opened


async def added(person: Person, device: Device, password: str = PASSWORD) -> tuple[int, Any]:
    status, options = await person.post("auth/passkey/options", password=password)
    assert status == 200, options
    return await person.post("auth/passkey/register", credential=device.makes(options), label="phone")


async def signed(person: Person, device: Device) -> str:
    """The code with which a device is refused; empty: it gets in."""
    _, options = await person.post("auth/passkey/challenge")
    status, answer = await person.post("auth/passkey/login", credential=device.signs(options))
    return "" if status == 200 else str(answer["code"])


async def test_a_passkey_is_made_listed_used_and_taken_away(site: Site) -> None:
    ann, device = await site.person().registers("ann"), Device()
    assert await ann.code("auth/passkey/options") == "CREDENTIALS_INVALID"
    status, made = await added(ann, device)
    assert (status, made["label"], made["used_at"]) == (201, "phone", None)
    stranger = site.person()
    _, options = await stranger.post("auth/passkey/challenge")
    assert "allowCredentials" not in options or options["allowCredentials"] == []
    await stranger.enters("auth/passkey/login", credential=device.signs(options))
    assert stranger.player == ann.player
    _, listed = await ann.asks("GET", "me/passkeys")
    assert [each["passkey"] for each in listed["items"]] == [b64(device.id)]
    assert listed["items"][0]["used_at"] is not None
    mallory = await site.person().registers("mallory")
    assert (await mallory.asks("DELETE", f"me/passkeys/{made['passkey']}"))[0] == 404
    assert (await ann.asks("DELETE", f"me/passkeys/{made['passkey']}"))[0] == 204
    assert await signed(site.person(), device) == "CREDENTIALS_INVALID"


async def test_what_a_device_should_not_say_is_refused(site: Site) -> None:
    ann, device, person = await site.person().registers("ann"), Device(), site.person()
    await added(ann, device)
    assert await signed(person, device) == ""

    for attribute, wrong in (("origin", "https://evil.example.net"), ("domain", "evil.net"), ("flags", PRESENT),
                             ("count", 0), ("key", ec.generate_private_key(ec.SECP256R1()))):  # fmt: skip
        right = getattr(device, attribute)
        setattr(device, attribute, wrong)
        assert await signed(person, device) == "CREDENTIALS_INVALID", attribute
        setattr(device, attribute, max(right, 100) if attribute == "count" else right)
        assert await signed(person, device) == "", attribute

    # A challenge is good once, is the arena's own, and is for what it was made for.
    _, options = await person.post("auth/passkey/challenge")
    assert (await person.post("auth/passkey/login", credential=device.signs(options)))[0] == 200
    assert await person.code("auth/passkey/login", credential=device.signs(options)) == "CREDENTIALS_INVALID"
    own = {"challenge": b64(b"x" * 32)}
    assert await person.code("auth/passkey/login", credential=device.signs(own)) == "CREDENTIALS_INVALID"
    _, options = await ann.post("auth/passkey/options", password=PASSWORD)
    assert await person.code("auth/passkey/login", credential=device.signs(options)) == "CREDENTIALS_INVALID"
    assert await signed(person, Device()) == "CREDENTIALS_INVALID"


@pytest.mark.parametrize(
    "credential",
    [
        {}, {"id": 1}, {"rawId": "*"}, {"rawId": "eA", "response": {}},
        {"rawId": "eA", "response": {"clientDataJSON": 7}},
        {"rawId": "eA", "response": {"clientDataJSON": "e30"}}, {"rawId": None, "response": []},
    ],
)  # fmt: skip
async def test_what_no_device_says_is_refused(site: Site, credential: dict[str, Any]) -> None:
    ann = await site.person().registers("ann")
    assert await site.person().code("auth/passkey/login", credential=credential) == "CREDENTIALS_INVALID"
    assert await ann.code("auth/passkey/register", credential=credential) == "BAD_ARGUMENTS"


async def test_a_passkey_is_added_by_whom_the_challenge_is_for_and_once(site: Site) -> None:
    ann, mallory, device = await site.person().registers("ann"), await site.person().registers("mallory"), Device()
    _, options = await ann.post("auth/passkey/options", password=PASSWORD)
    assert await mallory.code("auth/passkey/register", credential=device.makes(options)) == "BAD_ARGUMENTS"
    assert (await added(ann, device))[0] == 201
    assert (await added(mallory, device))[1]["code"] == "BAD_ARGUMENTS"
    assert (await site.person().post("auth/passkey/options"))[1]["code"] == "NOT_AUTHENTICATED"


async def test_without_a_domain_there_are_none(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        assert await site.person().code("auth/passkey/challenge") == "NOT_ALLOWED"
