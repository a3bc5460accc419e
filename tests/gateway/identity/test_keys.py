"""API keys: made and shown once, good for what their scopes say, and gone within a second."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.core.config import Keys
from gateway.identity.keys.signatures import Signed, hmac_of, is_hmac
from gateway.ops.table import OPS
from gateway.protocol.envelopes import Envelope
from gateway.protocol.session import Auth
from gateway.sessions.scopes import CLOSED, SCOPES
from tests.documentation.pages import ROOT, blocks
from tests.harness.people import Person, Site, asked, close_code, config_of, open_site

ALL = ["read:markets", "read:account", "trade:orders", "trade:fixed", "withdraw"]


async def new_key(person: Person, scopes: list[str] = ALL, **more: Any) -> tuple[str, int]:
    """The secret, if there is one, and the number."""
    status, answer = await person.post("me/keys", label="bot", scopes=scopes, **more)
    assert status == 201, answer
    return answer["secret"], answer["key"]["key"]


async def with_key(site: Site, key: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    sent = {"X-Api-Key": key} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.http.request(method, f"{site.url}/api/v1/{path}", json=body, headers=sent) as response:
        data = await response.read()
        return response.status, msgspec.json.decode(data) if data else None


def signature(key: int, sign: Any, method: str, path: str, nonce: str, at_ms: int = 0) -> dict[str, str]:
    at_ms = at_ms or int(time.time() * 1_000)
    signed = Signed(f"ak_{key}", at_ms, 5_000, nonce, "", method, f"/api/v1/{path}")
    return {
        "X_Api_Timestamp": str(at_ms), "X_Api_Nonce": nonce,
        "X_Api_Signature": base64.b64encode(sign(signed.content())).decode(),
    }  # fmt: skip


def test_every_op_has_a_scope_or_is_closed_to_keys() -> None:
    assert set(SCOPES) == {name for name in OPS if not name.startswith("admin.")}
    assert {name for name, scope in SCOPES.items() if scope is CLOSED} >= {"me.keys.create", "auth.ticket"}


async def test_a_key_opens_rest_and_the_socket_as_its_player(site: Site) -> None:
    ann = await site.person().registers("ann")
    key, number = await new_key(ann)
    assert key.startswith(f"ak_{number}_")
    status, me = await with_key(site, key, "GET", "me")
    assert (status, me["player"]) == (200, ann.player)
    socket, reply = await ann.socket(key)
    assert reply["result"] == {"player": ann.player, "session": f"k_{number}", "role": "player", "expires_in": 0}
    assert (await asked(socket, "me.get"))["result"]["player"] == ann.player
    await socket.close()
    _, listed = await ann.asks("GET", "me/keys")
    assert [each["key"] for each in listed["items"]] == [number]
    rows = await site.app.identities.database.run(lambda found: found.execute("SELECT * FROM api_keys").fetchall())
    assert key.rpartition("_")[2] not in repr(rows)


async def test_a_scope_is_all_that_a_key_may_use(site: Site) -> None:
    ann = await site.person().registers("ann")
    key, _ = await new_key(ann, ["read:markets"])
    assert (await with_key(site, key, "GET", "markets/instruments"))[0] == 200
    for method, path in (
        ("GET", "me"),
        ("GET", "orders?match=1"),
        ("POST", "trades"),
        ("GET", "me/keys"),
        ("GET", "me/sessions"),
    ):
        assert (await with_key(site, key, method, path))[1]["code"] == "KEY_SCOPE", path
    socket, _ = await ann.socket(key)
    assert (await asked(socket, "subscribe", {"channels": ["me"]}))["error"]["code"] == "KEY_SCOPE"
    assert (await asked(socket, "subscribe", {"channels": ["tick.BTCUSDT"]}))["ok"]
    assert (await asked(socket, "auth.ticket"))["error"]["code"] == "KEY_SCOPE"
    await socket.close()


@pytest.mark.parametrize("how", ["revoked", "suspended", "expired"])
async def test_what_is_open_with_a_key_closes_with_it(site: Site, how: str) -> None:
    ann = await site.person().registers("ann")
    key, number = await new_key(ann)
    socket, _ = await ann.socket(key)
    if how == "revoked":
        await ann.asks("DELETE", f"me/keys/{number}")
    else:
        change = {"suspended": True} if how == "suspended" else {"expires_at": 1}
        assert (await ann.asks("PATCH", f"me/keys/{number}", change))[0] == 200
    assert await close_code(socket) == 4001
    assert (await with_key(site, key, "GET", "me"))[1]["code"] == "TOKEN_INVALID"
    if how == "suspended":
        await ann.asks("PATCH", f"me/keys/{number}", {"suspended": False})
        assert (await with_key(site, key, "GET", "me"))[0] == 200


async def test_a_key_is_good_from_its_addresses_only(site: Site) -> None:
    ann = await site.person().registers("ann")
    here, _ = await new_key(ann, addresses=["127.0.0.0/8"])
    elsewhere, number = await new_key(ann, addresses=["192.0.2.7"])
    assert (await with_key(site, here, "GET", "me"))[0] == 200
    assert (await with_key(site, elsewhere, "GET", "me"))[1]["code"] == "KEY_ADDRESS"
    assert (await ann.socket(elsewhere))[1]["error"]["code"] == "KEY_ADDRESS"
    for wrong in ("127.0.0.1/8", "x", "2001:db8::1"):
        status, answer = await ann.asks("PATCH", f"me/keys/{number}", {"addresses": [wrong]})
        assert (status, answer["details"]["value"]) == (400, wrong)


async def test_a_key_has_a_limit_of_its_own_and_its_use_is_counted(site: Site) -> None:
    ann = await site.person().registers("ann")
    key, number = await new_key(ann, ["read:account"], per_minute=3)
    codes = [(await with_key(site, key, "GET", "me"))[0] for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    assert (await with_key(site, key, "GET", "markets/instruments"))[1]["code"] == "KEY_SCOPE"
    _, usage = await ann.asks("GET", "me/keys/usage")
    (of_day,) = usage["items"]
    assert of_day == {
        "key": number,
        "day": site.app.identities.keyring.day(),
        "requests": 5,
        "commands": 0,
        "refused": 2,
    }


async def test_use_outlives_a_stop(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        ann = await site.person().registers("ann")
        key, _ = await new_key(ann)
        await with_key(site, key, "GET", "me")
    async with open_site(config_of(tmp_path)) as site:
        assert (await with_key(site, key, "GET", "me"))[0] == 200
        _, usage = await with_key(site, key, "GET", "me/keys/usage")
        assert [each["requests"] for each in usage["items"]] == [3]


async def test_a_key_of_hmac_signs_and_is_never_sent(site: Site) -> None:
    ann = await site.person().registers("ann")
    secret, number = await new_key(ann, kind="hmac")

    def sign(content: bytes) -> bytes:
        return hmac_of(secret, content)

    signed = signature(number, sign, "GET", "me", "n1")
    assert (await with_key(site, f"ak_{number}", "GET", "me", **signed))[1]["player"] == ann.player
    for change, path in (
        ({}, "me"),
        ({}, "me/wallet"),
        ({"X_Api_Nonce": "n2"}, "me"),
        ({"X_Api_Timestamp": "1"}, "me"),
    ):
        _, answer = await with_key(site, f"ak_{number}", "GET", path, **(signed | change))
        assert answer["code"] == "SIGNATURE_INVALID", change
    assert (await with_key(site, secret, "GET", "me"))[1]["code"] == "TOKEN_INVALID"
    old = signature(number, sign, "GET", "me", "n3", int(time.time() * 1_000) - 6_000)
    assert (await with_key(site, f"ak_{number}", "GET", "me", **old))[1]["code"] == "SIGNATURE_INVALID"


async def test_a_key_of_ed25519_opens_a_socket_once(site: Site) -> None:
    ann = await site.person().registers("ann")
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    secret, number = await new_key(ann, kind="ed25519", public_key=public)
    assert secret is None
    at_ms = int(time.time() * 1_000)
    content = Signed(f"ak_{number}", at_ms, 5_000, "x", "").content()
    logon = {
        "key": f"ak_{number}", "timestamp": at_ms, "nonce": "x",
        "signature": base64.b64encode(private.sign(content)).decode(),
    }  # fmt: skip
    codes = []
    for _ in range(2):
        socket = await site.http.ws_connect(site.url + "/ws")
        reply = await asked(socket, "auth", {"signature": logon})
        codes.append(reply.get("error", {}).get("code", "ok"))
        await socket.close()
    assert codes == ["ok", "SIGNATURE_INVALID"]


async def test_only_the_owner_has_a_key_and_not_without_end(tmp_path: Path) -> None:
    config = msgspec.structs.replace(config_of(tmp_path), keys=Keys(keys_per_user=1))
    async with open_site(config) as site:
        ann, bob = await site.person().registers("ann"), await site.person().registers("bob")
        _, number = await new_key(ann)
        assert await ann.code("me/keys", label="x", scopes=[]) == "TOO_MANY_KEYS"
        for method, body in (("PATCH", {"label": "mine"}), ("DELETE", None)):
            assert (await bob.asks(method, f"me/keys/{number}", body))[1]["code"] == "NOT_FOUND"
        assert await bob.code("me/keys", label="x", scopes=["admin"]) == "BAD_ARGUMENTS"
        assert await bob.code("me/keys", label="x", scopes=[], per_minute=5_000) == "BAD_ARGUMENTS"
        assert await bob.code("me/keys", label="x", scopes=[], kind="ed25519") == "BAD_ARGUMENTS"
        assert await bob.code("me/keys", label="x", scopes=[], player=ann.player) == "NOT_FOUND"


async def test_who_ends_all_sessions_suspends_the_keys(site: Site) -> None:
    ann = await site.person().registers("ann")
    key, _ = await new_key(ann)
    user = await site.app.identities.accounts.user_of(site.app.arena.identity(ann.token))
    await site.app.identities.accounts.end_sessions(user)
    assert (await with_key(site, key, "GET", "me"))[1]["code"] == "TOKEN_INVALID"


def test_the_example_of_the_page_is_what_is_signed() -> None:
    examples = {block.label: block.text for block in blocks(ROOT / "docs" / "accounts.md", "text")}
    logon = msgspec.json.decode(examples["logon"], type=Envelope)
    given = msgspec.json.decode(logon.args, type=Auth).signature
    assert given is not None
    signed = Signed(given.key, given.timestamp, given.recv_window, given.nonce, given.signature)
    assert signed.content() == examples["signed"].strip().encode()
    assert is_hmac("ak_7_" + "A" * 43, signed)
    assert not is_hmac("ak_7_" + "B" * 43, signed)
