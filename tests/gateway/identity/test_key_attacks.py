"""Attacks with and on API keys: each is refused with its code, over HTTP and, where it is a logon, over a socket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from gateway.identity.keys.signatures import hmac_of
from tests.gateway.identity.test_keys import ALL, new_key, signature, with_key
from tests.harness.people import Person, Site, asked, config_of, open_site

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Scene(NamedTuple):
    """Ann has keys; Mallory has an account and keys of her own."""

    site: Site
    ann: Person
    mallory: Person
    anns: str
    anns_number: int
    signing: str
    signing_number: int
    mallorys: str
    mallorys_number: int

    async def shows(self, key: str, path: str = "me", method: str = "GET", body: Any = None, **headers: str) -> str:
        return str((await with_key(self.site, key, method, path, body, **headers))[1].get("code", "let in"))

    async def logs_on(self, key: str) -> str:
        """The same over HTTP and over a socket."""
        said = await self.shows(key)
        socket = await self.site.http.ws_connect(self.site.url + "/ws")
        reply = await asked(socket, "auth", {"token": key})
        await socket.close()
        assert reply.get("error", {}).get("code", "let in") == said
        return said

    def signs(self, path: str = "me", nonce: str = "", secret: str = "", at_ms: int = 0, method: str = "GET") -> Any:
        used = secret or self.signing
        nonce = nonce or str(time.monotonic_ns())
        return signature(self.signing_number, lambda content: hmac_of(used, content), method, path, nonce, at_ms)

    @property
    def name(self) -> str:
        return f"ak_{self.signing_number}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    config = config_of(tmp_path_factory.mktemp("keys"), sign_ups_per_address_per_hour=10_000)
    async with open_site(config) as site:
        ann, mallory = await site.person().registers("ann"), await site.person().registers("mallory")
        anns, number = await new_key(ann)
        signing, signing_number = await new_key(ann, kind="hmac")
        mallorys, mallorys_number = await new_key(mallory)
        scene = Scene(site, ann, mallory, anns, number, signing, signing_number, mallorys, mallorys_number)
        assert await scene.logs_on(anns) == await scene.shows(scene.name, **scene.signs()) == "let in"
        yield scene


async def revoked(s: Scene) -> str:
    key, number = await new_key(s.ann)
    await s.ann.asks("DELETE", f"me/keys/{number}")
    return await s.logs_on(key)


async def suspended(s: Scene) -> str:
    key, number = await new_key(s.ann)
    await s.ann.asks("PATCH", f"me/keys/{number}", {"suspended": True})
    return await s.logs_on(key)


async def resumed_by_itself(s: Scene) -> str:
    return await s.shows(s.anns, f"me/keys/{s.anns_number}", "PATCH", {"scopes": ALL})


async def twice(s: Scene) -> str:
    signed = s.signs()
    assert await s.shows(s.name, **signed) == "let in"
    return await s.shows(s.name, **signed)


async def of_another_body(s: Scene) -> str:
    """Signed without a body, and sent with one."""
    return await s.shows(s.name, "orders/test", "POST", {"match": 1}, **s.signs("orders/test", method="POST"))


async def elsewhere(s: Scene) -> str:
    key, _ = await new_key(s.ann, addresses=["198.51.100.0/24"])
    return await s.logs_on(key)


async def elsewhere_as_said_by_a_header(s: Scene) -> str:
    key, _ = await new_key(s.ann, addresses=["198.51.100.0/24"])
    return await s.shows(key, X_Forwarded_For="198.51.100.7")


async def as_a_bearer(s: Scene) -> str:
    return str((await s.mallory.asks("GET", "me", token=s.anns))[1]["code"])


async def beside_a_token(s: Scene) -> str:
    return await s.shows(s.anns, Authorization=f"Bearer {s.mallory.token}")


async def anothers(s: Scene, method: str, body: Any = None) -> str:
    return str((await s.mallory.asks(method, f"me/keys/{s.anns_number}", body))[1]["code"])


ATTACKS: dict[str, tuple[Callable[[Scene], Awaitable[str]], str]] = {
    "revoked": (revoked, "TOKEN_INVALID"),
    "suspended": (suspended, "TOKEN_INVALID"),
    "another's number, one's own secret": (
        lambda s: s.logs_on(f"ak_{s.anns_number}_{s.mallorys.rpartition('_')[2][:42].rjust(43, 'x')}"), "TOKEN_INVALID",
    ),
    "a number that there is not": (lambda s: s.logs_on("ak_999999_" + "A" * 43), "TOKEN_INVALID"),
    "a number without end": (lambda s: s.logs_on("ak_" + "9" * 40 + "_" + "A" * 43), "TOKEN_INVALID"),
    "the name alone": (lambda s: s.logs_on(f"ak_{s.anns_number}"), "TOKEN_INVALID"),
    "cut short": (lambda s: s.logs_on(s.anns[:-1]), "TOKEN_INVALID"),
    "SQL": (lambda s: s.logs_on("ak_1' OR 1=1 --"), "TOKEN_INVALID"),
    "the secret of one that signs": (lambda s: s.logs_on(s.signing), "TOKEN_INVALID"),
    "in the place of a token": (as_a_bearer, "TOKEN_INVALID"),
    "beside a token of another": (beside_a_token, "TOKEN_INVALID"),
    "from another network": (elsewhere, "KEY_ADDRESS"),
    "from another network that a header denies": (elsewhere_as_said_by_a_header, "KEY_ADDRESS"),
    "scopes for itself": (resumed_by_itself, "KEY_SCOPE"),
    "another key by a key": (lambda s: s.shows(s.anns, "me/keys", "POST", {"label": "x", "scopes": ALL}), "KEY_SCOPE"),
    "a ticket by a key": (lambda s: s.shows(s.anns, "auth/ticket", "POST"), "KEY_SCOPE"),
    "sessions by a key": (lambda s: s.shows(s.anns, "me/sessions"), "KEY_SCOPE"),
    "a password by a key": (lambda s: s.shows(s.anns, "auth/password", "POST", {"new_password": "x"}), "KEY_SCOPE"),
    "the end of the account by a key": (lambda s: s.shows(s.anns, "me/delete", "POST", {}), "KEY_SCOPE"),
    "an operator's op by a key": (lambda s: s.shows(s.anns, "admin/keys"), "ADMINS_ONLY"),
    "a partner's user by a player": (lambda s: s.shows(s.anns, X_External_User_Id="x"), "PARTNERS_ONLY"),
    "another's key changed": (lambda s: anothers(s, "PATCH", {"suspended": True}), "NOT_FOUND"),
    "another's key revoked": (lambda s: anothers(s, "DELETE"), "NOT_FOUND"),
    "a key for another's player": (
        lambda s: s.mallory.code("me/keys", label="x", scopes=ALL, player=s.ann.player), "NOT_FOUND",
    ),
    "a signature twice": (twice, "SIGNATURE_INVALID"),
    "a signature of another path": (lambda s: s.shows(s.name, "me/wallet", **s.signs("me")), "SIGNATURE_INVALID"),
    "a signature of another query": (
        lambda s: s.shows(s.name, "orders?match=2", **s.signs("orders?match=1")), "SIGNATURE_INVALID",
    ),
    "a signature of another body": (of_another_body, "SIGNATURE_INVALID"),
    "a signature of another method": (lambda s: s.shows(s.name, **s.signs(method="POST")), "SIGNATURE_INVALID"),
    "a signature with another secret": (lambda s: s.shows(s.name, **s.signs(secret="guess")), "SIGNATURE_INVALID"),
    "a signature for another key": (
        lambda s: s.shows(f"ak_{s.mallorys_number}", **s.signs()), "SIGNATURE_INVALID",
    ),
    "a signature of long ago": (
        lambda s: s.shows(s.name, **s.signs(at_ms=int(time.time() * 1_000) - 10_000)), "SIGNATURE_INVALID",
    ),
    "a signature of tomorrow": (
        lambda s: s.shows(s.name, **s.signs(at_ms=int(time.time() * 1_000) + 86_400_000)), "SIGNATURE_INVALID",
    ),
    "a window without end": (
        lambda s: s.shows(s.name, **s.signs(), X_Api_Recv_Window="999999999"), "SIGNATURE_INVALID",
    ),
    "no signature at all": (lambda s: s.shows(s.name), "TOKEN_INVALID"),
    "an empty signature": (lambda s: s.shows(s.name, **(s.signs() | {"X_Api_Signature": ""})), "SIGNATURE_INVALID"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_refused_with_its_code(scene: Scene, name: str) -> None:
    attack, code = ATTACKS[name]
    assert await attack(scene) == code
    assert await scene.shows(scene.mallorys) == "let in"
