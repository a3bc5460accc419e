"""Attacks on identity: each is tried on an arena that is open to the public, and refused with its code.

An attack is a function of the scene; what it comes to is in the table.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio

from gateway.cli import users
from gateway.core.tokens import ADMIN
from gateway.ops.table import OPS
from gateway.sessions.caller import For
from tests.harness.people import PASSWORD, Person, Site, asked, close_code, config_of, open_site

NEW = "another good password"
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Scene:
    """Ann has an account, an order and a position. Mallory has an account too, and wants hers."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.ann = site.person()
        self.mallory = site.person()
        self.order = self.position = 0
        self._made = 0

    async def begin(self) -> None:
        await self.ann.post("auth/otp/request", email="ann@example.com")
        code = await self.site.mailbox.code_for("ann@example.com")
        await self.ann.enters("auth/register", email="ann@example.com", otp=code, password=PASSWORD, name="Ann")
        await self.mallory.registers("mallory")
        socket, _ = await self.ann.socket()
        buy = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "20", "leverage": 10}
        rest = buy | {"type": "limit", "price": "1000", "margin": "100"}
        async with asyncio.timeout(30):
            while not (placed := await asked(socket, "order.place", buy))["ok"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # until there are prices
        self.position = placed["result"]["position"]
        self.order = (await asked(socket, "order.place", rest))["result"]["order"]
        await socket.close()

    @property
    def tokens(self) -> Any:
        return self.site.app.arena.tokens

    async def somebody(self) -> Person:
        """With an account of his own, which an attack may use up."""
        self._made += 1
        return await self.site.person().registers(f"somebody{self._made}")

    async def mailed(self, path: str, address: str, **body: Any) -> str:
        """The code that a request brings to the address."""
        before = len(self.site.mailbox.to(address))
        person = body.pop("person", self.site.person())
        status, answer = await person.post(path, email=address, **body)
        assert status == 202, answer
        return await self.site.mailbox.code_for(address, before)

    async def with_address(self, address: str) -> Person:
        code = await self.mailed("auth/otp/request", address)
        return await self.site.person().enters("auth/register", email=address, otp=code, password=PASSWORD)

    async def database(self, statement: str, *values: Any) -> None:
        await self.site.app.identities.database.run(lambda connection: connection.execute(statement, values))

    # What is tried

    async def presents(self, token: str) -> str:
        """A token to REST and to a socket, which must say the same."""
        status, answer = await self.mallory.asks("GET", "me/sessions", token=token)
        socket, reply = await self.mallory.socket(token)
        await socket.close()
        assert (status, answer["code"]) == (401, reply["error"]["code"])
        return str(answer["code"])

    async def says(self, person: Person, op: str, args: Any) -> str:
        socket, reply = await person.socket()
        assert reply["ok"], reply
        reply = await asked(socket, op, args)
        await socket.close()
        return str(reply["error"]["code"])

    def claims(self, of: Person, **changed: Any) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(of.token, options={"verify_signature": False})
        return claims | changed

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        """With the right key, as the arena would."""
        key = self.tokens.keys[0]
        return jwt.encode(claims, key.secret, "HS256", headers={"kid": key.id} | header)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    config = config_of(
        tmp_path_factory.mktemp("attacks"), tries_of_address=10_000, sign_ups_per_address_per_hour=10_000,
        codes_per_address_per_hour=10_000,
    )  # fmt: skip
    async with open_site(config) as site:
        scene = Scene(site)
        await scene.begin()
        yield scene


def part(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def forged(header: dict[str, Any], of: str, **claims: Any) -> str:
    """The token with another header or other claims, and the signature that it had."""
    _, payload, signature = of.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{part(header)}.{part(decoded | claims)}.{signature}"


HS = {"alg": "HS256", "typ": "JWT", "kid": "1"}
WRONG = b"w" * 32

Attack = Callable[[Scene], Awaitable[str]]


def token(make: Callable[[Scene], str]) -> Attack:
    """A token that is presented."""
    return lambda scene: scene.presents(make(scene))


TOKENS: dict[str, Attack] = {
    "no algorithm": token(lambda s: f"{part({'alg': 'none'})}.{part(s.claims(s.ann))}."),
    "no algorithm, in other capitals": token(lambda s: f"{part({'alg': 'nOnE', 'kid': '1'})}.{part(s.claims(s.ann))}."),
    "no algorithm, with the old signature": token(lambda s: forged(HS | {"alg": "none"}, s.ann.token)),
    "another algorithm with the right key": token(
        lambda s: jwt.encode(s.claims(s.ann), s.tokens.keys[0].secret, "HS512", headers={"kid": "1"})
    ),
    "an algorithm of public keys": token(lambda s: forged(HS | {"alg": "RS256"}, s.ann.token)),
    "a key of mine": token(lambda s: jwt.encode(s.claims(s.ann), WRONG, "HS256", headers={"kid": "1"})),
    "a key of mine that is empty": token(lambda s: f"{part(HS)}.{part(s.claims(s.ann))}.{'A' * 43}"),
    "a key that nobody knows": token(lambda s: s.signed(s.claims(s.ann), kid="2")),
    "a key without a name": token(lambda s: s.signed(s.claims(s.ann), kid="")),
    "a key that is a path": token(lambda s: s.signed(s.claims(s.ann), kid="../../dev/null")),
    "a key that is a number": token(lambda s: forged(HS | {"kid": 1}, s.ann.token)),
    "a key that comes along": token(
        lambda s: jwt.encode(
            s.claims(s.ann),
            WRONG,
            "HS256",
            headers={"kid": "1", "jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(WRONG).decode()}},
        )
    ),
    "a key at an address": token(
        lambda s: jwt.encode(s.claims(s.ann), WRONG, "HS256", headers={"kid": "9", "jku": s.site.url})
    ),
    "the number of another": token(lambda s: forged(HS, s.mallory.token, sub=str(s.ann.player))),
    "a role of more": token(lambda s: forged(HS, s.mallory.token, role="admin", sub="0")),
    "a later end": token(lambda s: forged(HS, s.mallory.token, exp=9_999_999_999)),
    "another session": token(lambda s: forged(HS, s.mallory.token, sid=s.ann.session)),
    "no signature": token(lambda s: s.ann.token.rpartition(".")[0] + "."),
    "a piece of a signature": token(lambda s: s.ann.token[:-8]),
    "expired": token(lambda s: s.signed(s.claims(s.ann, exp=1_000))),
    "no end": token(lambda s: s.signed({k: v for k, v in s.claims(s.ann).items() if k != "exp"})),
    "an endless end": token(lambda s: s.signed(s.claims(s.ann, exp=float("inf")))),
    "an end that is text": token(lambda s: s.signed(s.claims(s.ann, exp="9999999999"))),
    "of another arena": token(lambda s: s.signed(s.claims(s.ann, iss="another-arena"))),
    "an operator who is a player": token(lambda s: s.signed(s.claims(s.ann, role="admin"))),
    "a player who is nobody": token(lambda s: s.signed(s.claims(s.ann, sub="0"))),
    "a role that there is not": token(lambda s: s.signed(s.claims(s.ann, role="root"))),
    "a restored backup: the number is another's": token(lambda s: s.signed(s.claims(s.ann, reg=12_345))),
    "a restored backup: nobody has the number yet": token(lambda s: s.signed(s.claims(s.ann, sub="999999"))),
    "without a registration": token(lambda s: s.signed(s.claims(s.ann, reg=0))),
    "a guest's, of who has an account": token(lambda s: s.signed(s.claims(s.ann, sid="0011223344556677"))),
    "a refresh token": token(lambda s: s.ann.refresh_token),
    "nothing that is a token": token(lambda s: "eyJ.eyJ.x"),
    "a token ten times as long": token(lambda s: s.ann.token + "x" * 3_000),
    "nested beyond measure": token(lambda s: f"{part(HS)}.{base64.urlsafe_b64encode(b'[' * 2_000).decode()}.x"),
}


async def logged_out(s: Scene) -> str:
    somebody = await s.somebody()
    assert (await somebody.post("auth/logout"))[0] == 204
    return await s.presents(somebody.token)


async def ended_elsewhere(s: Scene) -> str:
    somebody = await s.somebody()
    stolen = somebody.token
    await somebody.enters("auth/login", username=f"somebody{s._made}", password=PASSWORD)
    sessions = (await somebody.asks("GET", "me/sessions"))[1]["items"]
    (old,) = [each["session"] for each in sessions if not each["current"]]
    assert (await somebody.asks("DELETE", f"me/sessions/{old}"))[0] == 204
    return await s.presents(stolen)


async def changed_password(s: Scene) -> str:
    somebody = await s.somebody()
    stolen = somebody.token
    await somebody.enters("auth/login", username=f"somebody{s._made}", password=PASSWORD)
    assert (await somebody.post("auth/password", password=PASSWORD, new_password=NEW))[0] == 204
    return await s.presents(stolen)


async def refreshed_twice(s: Scene) -> str:
    somebody = await s.somebody()
    stolen = somebody.refresh_token
    await somebody.enters("auth/refresh", refresh_token=stolen)
    return await s.mallory.code("auth/refresh", refresh_token=stolen)


async def after_reuse(s: Scene) -> str:
    somebody = await s.somebody()
    stolen = somebody.refresh_token
    await somebody.enters("auth/refresh", refresh_token=stolen)
    await s.mallory.code("auth/refresh", refresh_token=stolen)
    return await s.presents(somebody.token)


async def refreshed_at_once(s: Scene) -> str:
    somebody = await s.somebody()
    found = await asyncio.gather(
        *(s.site.person().post("auth/refresh", refresh_token=somebody.refresh_token) for _ in range(8))
    )
    codes = [answer["code"] for status, answer in found if status != 200]
    assert len(codes) == 7
    (code,) = set(codes) - {"TOKEN_INVALID"}
    return str(code)


async def refreshed_after_logout(s: Scene) -> str:
    somebody = await s.somebody()
    await somebody.post("auth/logout")
    return await somebody.code("auth/refresh", refresh_token=somebody.refresh_token)


async def refreshed_too_late(s: Scene) -> str:
    somebody = await s.somebody()
    await s.database("UPDATE sessions SET expires_ms = 1 WHERE id = ?", somebody.session)
    return await somebody.code("auth/refresh", refresh_token=somebody.refresh_token)


async def refreshed_after_a_restore(s: Scene) -> str:
    """The row's number is another's in the log that was restored."""
    somebody = await s.somebody()
    await s.database("UPDATE users SET registration = 4711 WHERE player = ?", somebody.player)
    return await somebody.code("auth/refresh", refresh_token=somebody.refresh_token)


async def signed_in_after_a_restore(s: Scene) -> str:
    somebody = await s.somebody()
    await s.database("UPDATE users SET registration = 4712 WHERE player = ?", somebody.player)
    return await somebody.code("auth/login", username=f"somebody{s._made}", password=PASSWORD)


async def disabled(s: Scene) -> str:
    somebody = await s.somebody()
    socket, _ = await somebody.socket()
    users.disable(f"somebody{s._made}", why="a test", data=Path(s.site.app.config.data.directory))
    assert await close_code(socket) in (4001, 4003)
    return await s.presents(somebody.token)


async def disabled_signs_in(s: Scene) -> str:
    somebody = await s.somebody()
    users.disable(f"somebody{s._made}", why="a test", data=Path(s.site.app.config.data.directory))
    return await somebody.code("auth/login", username=f"somebody{s._made}", password=PASSWORD)


async def ticket(s: Scene) -> str:
    return str((await s.mallory.post("auth/ticket"))[1]["ticket"])


async def ticket_twice(s: Scene) -> str:
    stolen = await ticket(s)
    socket, reply = await s.mallory.socket(stolen)
    assert reply["ok"]
    await socket.close()
    return str((await s.mallory.socket(stolen))[1]["error"]["code"])


async def ticket_as_token(s: Scene) -> str:
    return str((await s.mallory.asks("GET", "me/sessions", token=await ticket(s)))[1]["code"])


async def ticket_renewed(s: Scene) -> str:
    return await s.mallory.code("auth/renew", token=await ticket(s))


async def ticket_of_who_has_left(s: Scene) -> str:
    somebody = await s.somebody()
    _, answer = await somebody.post("auth/ticket")
    await somebody.post("auth/logout")
    return str((await somebody.socket(answer["ticket"]))[1]["error"]["code"])


async def another_on_the_same_socket(s: Scene) -> str:
    socket, _ = await s.mallory.socket()
    reply = await asked(socket, "auth", {"token": s.ann.token})
    await socket.close()
    return str(reply["error"]["code"])


async def before_auth(s: Scene) -> str:
    async with s.site.http.ws_connect(s.site.url + "/ws") as socket:
        return str((await asked(socket, "me.get"))["error"]["code"])


async def operator(s: Scene, role: str, monkeypatch: pytest.MonkeyPatch) -> Person:
    s._made += 1
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        users.create(f"operator{s._made}", role=role, data=Path(s.site.app.config.data.directory))
    return await s.site.person().enters("auth/login", username=f"operator{s._made}", password=PASSWORD)


def as_operator(role: str, op: str, args: Any) -> Attack:
    async def attack(s: Scene) -> str:
        return await s.says(await operator(s, role, pytest.MonkeyPatch()), op, args)

    return attack


async def anothers_session(s: Scene) -> str:
    status, answer = await s.mallory.asks("DELETE", f"me/sessions/{s.ann.session}")
    assert status == 404
    return str(answer["code"])


def login(**body: Any) -> Attack:
    return lambda s: s.site.person().code("auth/login", **body)


def register(**body: Any) -> Attack:
    return lambda s: s.site.person().code("auth/register", **({"username": "trudy", "password": PASSWORD} | body))


def posts(path: str, **body: Any) -> Attack:
    return lambda s: s.mallory.code(path, **body)


async def guesses(s: Scene) -> str:
    """The right password comes after five wrong ones."""
    somebody = await s.somebody()
    name = f"somebody{s._made}"
    for _ in range(5):
        assert await somebody.code("auth/login", username=name, password="wrong") == "CREDENTIALS_INVALID"
    return await somebody.code("auth/login", username=name.upper(), password=PASSWORD)


async def guesses_at_once(s: Scene) -> str:
    await s.somebody()
    person, name = s.site.person(), f"somebody{s._made}"
    found = await asyncio.gather(*(person.code("auth/login", username=name, password="wrong") for _ in range(30)))
    assert found.count("CREDENTIALS_INVALID") == 5
    return next(iter(set(found) - {"CREDENTIALS_INVALID"}))


async def guesses_with_other_addresses(s: Scene) -> str:
    """X-Forwarded-For of who is no proxy."""
    await s.somebody()
    body = {"username": f"somebody{s._made}", "password": "wrong"}
    for number in range(6):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        async with s.site.http.post(s.site.url + "/api/v1/auth/login", json=body, headers=headers) as response:
            code = str(json.loads(await response.read())["code"])
    return code


async def guesses_of_the_own_password(s: Scene) -> str:
    """A session that was left open is not enough."""
    somebody = await s.somebody()
    for _ in range(5):
        assert await somebody.code("auth/password", password="wrong", new_password=NEW) == "CREDENTIALS_INVALID"
    return await somebody.code("auth/password", password=PASSWORD, new_password=NEW)


async def code_guesses(s: Scene) -> str:
    code = await s.mailed("auth/otp/request", "guessed@example.com")
    wrong = {"email": "guessed@example.com", "otp": f"{(int(code) + 1) % 1_000_000:06}"}
    for _ in range(5):
        assert await s.mallory.code("auth/login", **wrong) == "CREDENTIALS_INVALID"
    return await s.mallory.code("auth/login", **wrong)


async def code_twice(s: Scene) -> str:
    await s.with_address("twice@example.com")
    code = await s.mailed("auth/otp/request", "twice@example.com")
    await s.site.person().enters("auth/login", email="twice@example.com", otp=code)
    return await s.mallory.code("auth/login", email="twice@example.com", otp=code)


async def code_too_late(s: Scene) -> str:
    code = await s.mailed("auth/otp/request", "late@example.com")
    await s.database("UPDATE codes SET expires_ms = 1 WHERE email_key = 'late@example.com'")
    return await s.site.person().code("auth/register", email="late@example.com", otp=code)


async def code_of_another_address(s: Scene) -> str:
    code = await s.mailed("auth/otp/request", "mine@example.com")
    return await s.mallory.code("auth/login", email="ann@example.com", otp=code)


async def code_for_something_else(s: Scene) -> str:
    await s.with_address("reset@example.com")
    code = await s.mailed("auth/password/forgot", "reset@example.com")
    return await s.mallory.code("auth/login", email="reset@example.com", otp=code)


async def code_replaced(s: Scene) -> str:
    first = await s.mailed("auth/otp/request", "again@example.com")
    second = await s.mailed("auth/otp/request", "again@example.com")
    assert first != second
    return await s.site.person().code("auth/register", email="again@example.com", otp=first)


async def reset_of_anothers(s: Scene) -> str:
    code = await s.mailed("auth/password/forgot", "ann@example.com")
    other = await s.with_address("other@example.com")
    await s.mailed("auth/password/forgot", "other@example.com")
    return await other.code("auth/password/reset", email="other@example.com", otp=code, new_password=NEW)


async def anothers_address(s: Scene) -> str:
    """Mallory has the mailbox of an address, and wants it for two accounts."""
    await s.with_address("shared@example.com")
    body = {"person": s.mallory, "password": PASSWORD}
    code = await s.mailed("auth/email", "shared@example.com", **body)
    return await s.mallory.code("auth/email", email="shared@example.com", otp=code)


async def code_of_anothers_change(s: Scene) -> str:
    somebody = await s.somebody()
    code = await s.mailed("auth/email", "change@example.com", person=somebody, password=PASSWORD)
    return await s.mallory.code("auth/email", email="change@example.com", otp=code)


async def foreign_page(s: Scene) -> str:
    headers = {"Origin": "https://evil.example.com"}
    body = {"username": "mallory", "password": PASSWORD}
    async with s.site.http.post(s.site.url + "/api/v1/auth/login", json=body, headers=headers) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
        return str(json.loads(await response.read())["code"])


async def anothers_order(s: Scene) -> str:
    return await s.says(s.mallory, "order.cancel", {"order": s.order})


ANN = "ann@example.com"
FUND = {"asset": "USDT", "amount": "5"}
BY_OTHER_MEANS: dict[str, tuple[Attack, str]] = {
    "a session that was left": (logged_out, "TOKEN_INVALID"),
    "a session that was ended elsewhere": (ended_elsewhere, "TOKEN_INVALID"),
    "a session from before the password changed": (changed_password, "TOKEN_INVALID"),
    "a session of who is disabled": (disabled, "TOKEN_INVALID"),
    "signing in though disabled": (disabled_signs_in, "ACCOUNT_DISABLED"),
    "a refresh token a second time": (refreshed_twice, "REFRESH_REUSED"),
    "the session after that": (after_reuse, "TOKEN_INVALID"),
    "a refresh token eight times at once": (refreshed_at_once, "REFRESH_REUSED"),
    "a refresh token after leaving": (refreshed_after_logout, "TOKEN_INVALID"),
    "a refresh token after its end": (refreshed_too_late, "TOKEN_INVALID"),
    "a refresh token after a restore": (refreshed_after_a_restore, "TOKEN_INVALID"),
    "signing in after a restore": (signed_in_after_a_restore, "TOKEN_INVALID"),
    "a refresh token that is made up": (posts("auth/refresh", refresh_token="rt_" + "A" * 43), "TOKEN_INVALID"),
    "an access token in its place": (
        lambda s: s.mallory.code("auth/refresh", refresh_token=s.ann.token), "TOKEN_INVALID",
    ),
    "a refresh token in letters that are none": (posts("auth/refresh", refresh_token="\u0000\u20ac"), "TOKEN_INVALID"),
    "a ticket twice": (ticket_twice, "TOKEN_INVALID"),
    "a ticket in place of a token": (ticket_as_token, "TOKEN_INVALID"),
    "a ticket exchanged for a token": (ticket_renewed, "TOKEN_INVALID"),
    "a ticket of who has left": (ticket_of_who_has_left, "TOKEN_INVALID"),
    "an account's token renewed as a guest's": (
        lambda s: s.mallory.code("auth/renew", token=s.mallory.token), "NOT_ALLOWED",
    ),
    "the same on a socket": (lambda s: s.says(s.mallory, "renew", {}), "NOT_ALLOWED"),
    "a guest where there are none": (posts("auth/guest"), "NOT_ALLOWED"),
    "another player on the same socket": (another_on_the_same_socket, "ALREADY_AUTHENTICATED"),
    "an op before saying who": (before_auth, "NOT_AUTHENTICATED"),
    "REST without saying who": (
        lambda s: s.site.person().code("auth/ticket"), "NOT_AUTHENTICATED",
    ),
    "an operator's op by a player": (lambda s: s.says(s.mallory, "admin.fund_rewards", FUND), "ADMINS_ONLY"),
    "the operators' log by a player": (lambda s: s.says(s.mallory, "admin.log", {}), "ADMINS_ONLY"),
    "a player's op by an operator": (as_operator("admin", "me.get", {}), "PLAYERS_ONLY"),
    "money by support": (as_operator("support", "admin.fund_rewards", FUND), "ROLE_FORBIDDEN"),
    "a game by finance": (as_operator("finance", "admin.delete_game", {"game": 1}), "ROLE_FORBIDDEN"),
    "anything by a partner": (as_operator("partner", "admin.audit", {}), "ADMINS_ONLY"),
    "another's session ended": (anothers_session, "NOT_FOUND"),
    "a wrong password": (login(email=ANN, password="wrong"), "CREDENTIALS_INVALID"),
    "an account that there is not": (login(email="nobody@example.com", password="wrong"), "CREDENTIALS_INVALID"),
    "SQL in a name": (login(username="' OR 1=1 --", password="wrong"), "CREDENTIALS_INVALID"),
    "an end of text in a name": (login(username="mallory\u0000", password=PASSWORD), "CREDENTIALS_INVALID"),
    "a name that looks alike": (login(username="m\u0430llory", password=PASSWORD), "CREDENTIALS_INVALID"),
    "a password of an account without one": (login(username="mallory", password=""), "CREDENTIALS_INVALID"),
    "an object in place of a password": (login(username="mallory", password={"$ne": ""}), "BAD_ARGUMENTS"),
    "a password and a code": (login(email=ANN, password="x", otp="123456"), "BAD_ARGUMENTS"),
    "neither": (login(email=ANN), "BAD_ARGUMENTS"),
    "a name and an address": (login(email=ANN, username="mallory", password=PASSWORD), "BAD_ARGUMENTS"),
    "passwords one after another": (guesses, "RATE_LIMITED"),
    "passwords all at once": (guesses_at_once, "RATE_LIMITED"),
    "passwords from addresses that are made up": (guesses_with_other_addresses, "RATE_LIMITED"),
    "the own password, guessed in an open session": (guesses_of_the_own_password, "RATE_LIMITED"),
    "codes one after another": (code_guesses, "RATE_LIMITED"),
    "a code twice": (code_twice, "CREDENTIALS_INVALID"),
    "a code too late": (code_too_late, "CREDENTIALS_INVALID"),
    "a code of another address": (code_of_another_address, "CREDENTIALS_INVALID"),
    "a code for something else": (code_for_something_else, "CREDENTIALS_INVALID"),
    "the code before the last": (code_replaced, "CREDENTIALS_INVALID"),
    "a code that is no code": (login(email=ANN, otp="12345a"), "BAD_ARGUMENTS"),
    "a reset with another's code": (reset_of_anothers, "CREDENTIALS_INVALID"),
    "an address that is another's": (anothers_address, "ACCOUNT_EXISTS"),
    "a code for another's change of address": (code_of_anothers_change, "CREDENTIALS_INVALID"),
    "a change of address without the password": (posts("auth/email", email="x@example.com"), "CREDENTIALS_INVALID"),
    "a header in an address": (posts("auth/otp/request", email="x@example.com\r\nBcc: y@example.com"), "BAD_ARGUMENTS"),
    "a line in an address": (posts("auth/password/forgot", email="x@example.com\nSubject: z"), "BAD_ARGUMENTS"),
    "two addresses in one": (posts("auth/otp/request", email="x@example.com,y@example.com"), "BAD_ARGUMENTS"),
    "an address with a name of headers": (
        posts("auth/otp/request", email='"\r\nBcc: y@example.com"@example.com'), "BAD_ARGUMENTS",
    ),
    "an address without a code": (register(username=None, email="new@example.com"), "CODE_NEEDED"),
    "an address that is known, without a code": (register(username=None, email=ANN), "CODE_NEEDED"),
    "a name that is taken": (register(username="MALLORY"), "ACCOUNT_EXISTS"),
    "a name of operators": (register(username="admin1"), "BAD_ARGUMENTS"),
    "a header in a name": (register(name="x\r\nSet-Cookie: a=b"), "BAD_ARGUMENTS"),
    "a role of my own": (register(role=ADMIN), "BAD_ARGUMENTS"),
    "a number of my own": (register(player=1), "BAD_ARGUMENTS"),
    "a password that all try": (register(password="password123"), "BAD_ARGUMENTS"),
    "a password that is the name": (register(username="trudytrudy", password="TrudyTrudy"), "BAD_ARGUMENTS"),
    "a password without end": (register(password="x" * 5_000), "BAD_ARGUMENTS"),
    "no password": (register(password=None), "BAD_ARGUMENTS"),
    "an account for who has one": (
        lambda s: s.mallory.code("auth/register", username="trudy", password=PASSWORD), "ACCOUNT_EXISTS",
    ),
    "a page of somebody else's": (foreign_page, "ORIGIN_FORBIDDEN"),
    "another's order": (anothers_order, "ORDER_NOT_FOUND"),
}  # fmt: skip

ATTACKS = {f"token: {name}": (attack, "TOKEN_INVALID") for name, attack in TOKENS.items()} | BY_OTHER_MEANS


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_refused_with_its_code(scene: Scene, name: str) -> None:
    attack, code = ATTACKS[name]
    assert await attack(scene) == code


async def test_the_table_is_long_and_what_it_forges_is_good_when_nothing_is_wrong(scene: Scene) -> None:
    assert len(ATTACKS) >= 60
    status, _ = await scene.mallory.asks("GET", "me/sessions", token=scene.signed(scene.claims(scene.mallory)))
    assert status == 200
    # Nobody got in, and Ann has what she had.
    socket, reply = await scene.ann.socket()
    assert reply["ok"]
    me = (await asked(socket, "me.get"))["result"]
    assert [each["position"] for each in me["positions"]] == [scene.position]
    assert [each["order"] for each in me["orders"]] == [scene.order]
    await socket.close()


OTHERS = {"order": "order", "position": "position"}


async def test_no_op_takes_what_is_anothers(scene: Scene) -> None:
    """No op of players takes a player's number; and those that take an order or a position say that it is not there."""
    players = {name: op for name, op in OPS.items() if op.who is For.PLAYERS}
    fields = {name: getattr(op.arguments, "__struct_fields__", ()) for name, op in players.items()}
    assert [name for name, taken in fields.items() if {"player", "user", "owner"} & set(taken)] == []
    rest: dict[str, dict[str, Any]] = {
        "position.close": {"percent": 100},
        "position.amend": {"stop_loss": "1"},
        "order.amend": {"price": "2000"},
    }
    tried = 0
    for name, taken in fields.items():
        for field in set(taken) & set(OTHERS):
            code = await scene.says(scene.mallory, name, {field: getattr(scene, OTHERS[field]), **rest.get(name, {})})
            assert code.endswith("_NOT_FOUND"), (name, code)
            tried += 1
    assert tried >= 4


async def test_who_has_no_account_costs_as_much_as_who_has_one(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answer, byte for byte, after the same work: a look into the database and one password."""
    identities = scene.site.app.identities
    hasher = type(identities._passwords._hasher)
    work: list[str] = []
    verify, run = hasher.verify, identities.database.run

    def counted_verify(self: Any, hashed: str, password: str) -> Any:
        work.append(f"verify {hashed[:28]}")  # its costs, and not its salt
        return verify(self, hashed, password)

    async def counted_run(of: Any) -> Any:
        work.append("database")
        return await run(of)

    monkeypatch.setattr(hasher, "verify", counted_verify)
    monkeypatch.setattr(identities.database, "run", counted_run)
    there = await scene.with_address("there@example.com")
    for path, body in (
        ("auth/login", {"password": "not the password"}),
        ("auth/login", {"otp": "000000"}),
        ("auth/otp/request", {}),
        ("auth/password/forgot", {}),
        ("auth/password/reset", {"otp": "000000", "new_password": NEW}),
    ):
        found = []
        for address in ("there@example.com", "nobody-at-all@example.com"):
            work.clear()
            answer = await there.post(path, email=address, **body)
            found.append((answer, list(work)))
        assert found[0] == found[1], path


async def test_what_is_secret_is_in_no_error_and_no_log_line(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    person = scene.site.person()
    secret = "x" * 200 + "swordfish"
    for path in ("auth/login", "auth/register"):
        _, answer = await person.post(path, username="mallory", password=secret)
        assert "swordfish" not in json.dumps(answer)
    _, answer = await person.post("auth/refresh", refresh_token=["swordfish"])
    assert "swordfish" not in json.dumps(answer)
    _, answer = await person.post("auth/login", email=ANN, otp="swordfish")
    assert "swordfish" not in json.dumps(answer)
    code = await scene.mailed("auth/otp/request", "quiet@example.com")
    assert code not in "".join(capfd.readouterr())
