"""Accounts from outside: signing up and in, sessions, passwords, codes by mail, and what is told to whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from tests.harness.people import PASSWORD, Person, Site, asked, close_code, config_of, open_site

NEW = "another good password"


async def test_a_stranger_signs_up_by_mail_code_and_plays(site: Site) -> None:
    ann = site.person()
    assert await ann.code("auth/register", email="ann@example.com", password=PASSWORD) == "CODE_NEEDED"
    assert await ann.post("auth/otp/request", email="ann@example.com") == (202, {"expires_in": 600})
    code = await site.mailbox.code_for("ann@example.com")
    await ann.enters("auth/register", email="ann@example.com", otp=code, name="Ann")
    socket, reply = await ann.socket()
    assert reply["result"] | {"expires_in": 0} == {
        "player": ann.player, "session": ann.session, "role": "player", "expires_in": 0,
    }  # fmt: skip
    assert (await asked(socket, "me.get"))["result"]["name"] == "Ann"
    # The code is spent; the next one signs in.
    assert await ann.code("auth/login", email="ann@example.com", otp=code) == "CREDENTIALS_INVALID"
    await ann.post("auth/otp/request", email="Ann@Example.com")
    again = await site.person().enters(
        "auth/login", email="ANN@example.com", otp=await site.mailbox.code_for("ann@example.com", 1)
    )
    assert again.player == ann.player


async def test_a_name_and_a_password_are_enough(site: Site) -> None:
    bob = await site.person().registers("bob")
    again = await site.person().enters("auth/login", username="BOB", password=PASSWORD)
    assert (again.player, again.session != bob.session) == (bob.player, True)
    assert await site.person().code("auth/register", username="Bob", password=NEW) == "ACCOUNT_EXISTS"
    assert await site.person().code("auth/login", username="bob", password=NEW) == "CREDENTIALS_INVALID"


async def test_a_refresh_token_is_good_once_and_reuse_ends_the_session(site: Site) -> None:
    bob = await site.person().registers("bob")
    first, session = bob.refresh_token, bob.session
    await bob.enters("auth/refresh", refresh_token=first)
    assert (bob.session, bob.refresh_token != first) == (session, True)
    socket, _ = await bob.socket()
    assert await site.person().code("auth/refresh", refresh_token=first) == "REFRESH_REUSED"
    assert await close_code(socket) == 4001
    assert await bob.code("auth/refresh", refresh_token=bob.refresh_token) == "TOKEN_INVALID"
    assert (await bob.socket())[1]["error"]["code"] == "TOKEN_INVALID"


async def test_sessions_are_listed_and_ended_one_by_one(site: Site) -> None:
    phone = await site.person("phone").registers("bob")
    desk = await site.person("desk").enters("auth/login", username="bob", password=PASSWORD)
    _, listed = await desk.asks("GET", "me/sessions")
    assert [(each["session"], each["agent"], each["how"], each["current"]) for each in listed["items"]] == [
        (desk.session, "desk", "password", True), (phone.session, "phone", "register", False),
    ]  # fmt: skip
    socket, _ = await phone.socket()
    assert (await desk.asks("DELETE", f"me/sessions/{phone.session}"))[0] == 204
    assert await close_code(socket) == 4001
    assert (await phone.asks("GET", "me/sessions"))[1]["code"] == "TOKEN_INVALID"
    assert (await desk.post("auth/logout"))[0] == 204
    assert (await desk.asks("GET", "me/sessions"))[0] == 401


async def test_a_changed_password_ends_the_other_sessions(site: Site) -> None:
    phone = await site.person().registers("bob")
    desk = await site.person().enters("auth/login", username="bob", password=PASSWORD)
    assert await desk.code("auth/password", new_password=NEW) == "CREDENTIALS_INVALID"
    assert (await desk.post("auth/password", password=PASSWORD, new_password=NEW))[0] == 204
    assert (await phone.asks("GET", "me/sessions"))[0] == 401
    assert (await desk.asks("GET", "me/sessions"))[0] == 200
    assert await phone.code("auth/login", username="bob", password=PASSWORD) == "CREDENTIALS_INVALID"
    await phone.enters("auth/login", username="bob", password=NEW)


async def with_address(site: Site, address: str) -> Person:
    person = site.person()
    await person.post("auth/otp/request", email=address)
    code = await site.mailbox.code_for(address)
    return await person.enters("auth/register", email=address, otp=code, password=PASSWORD)


async def test_a_forgotten_password_is_replaced_by_who_has_the_mailbox(site: Site) -> None:
    ann = await with_address(site, "ann@example.com")
    stranger = site.person()
    assert (await stranger.post("auth/password/forgot", email="ann@example.com"))[0] == 202
    code = await site.mailbox.code_for("ann@example.com", 1)
    body = {"email": "ann@example.com", "otp": code, "new_password": NEW}
    assert (await stranger.post("auth/password/reset", **body))[0] == 204
    assert await stranger.code("auth/password/reset", **body) == "CREDENTIALS_INVALID"
    assert (await ann.asks("GET", "me/sessions"))[0] == 401
    await stranger.enters("auth/login", email="ann@example.com", password=NEW)
    async with asyncio.timeout(10):
        while "changed" not in str(site.mailbox.to("ann@example.com")[-1]["Subject"]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_address_of_an_account_changes_when_the_new_one_is_shown(site: Site) -> None:
    ann = await with_address(site, "ann@example.com")
    assert await ann.code("auth/email", email="new@example.com") == "CREDENTIALS_INVALID"
    assert (await ann.post("auth/email", email="new@example.com", password=PASSWORD))[0] == 202
    code = await site.mailbox.code_for("new@example.com")
    assert (await ann.post("auth/email", email="new@example.com", otp=code))[0] == 204
    await site.person().enters("auth/login", email="new@example.com", password=PASSWORD)
    assert await ann.code("auth/login", email="ann@example.com", password=PASSWORD) == "CREDENTIALS_INVALID"


async def test_a_guest_becomes_an_account_and_keeps_what_is_his(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path, {"development": True})) as site:
        guest = site.person()
        _, answer = await guest.post("auth/guest", name="gus")
        guest.token = old = answer["token"]
        socket, _ = await guest.socket()
        await guest.registers("gus")
        assert guest.player == answer["player"]
        # What was all that there was of the guest is nothing any more.
        assert await close_code(socket) == 4001
        assert (await guest.socket(old))[1]["error"]["code"] == "TOKEN_INVALID"
        assert await site.person().code("auth/guest", token=old) == "TOKEN_INVALID"
        assert await site.person().code("auth/renew", token=old) == "TOKEN_INVALID"
        assert await guest.code("auth/register", username="gus2", password=PASSWORD) == "ACCOUNT_EXISTS"
        socket, _ = await guest.socket()
        assert (await asked(socket, "me.get"))["result"]["name"] == "gus"
        assert (await asked(socket, "renew"))["error"]["code"] == "NOT_ALLOWED"


async def test_who_signed_up_with_anothers_address_loses_it_to_who_has_the_mailbox(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path, {"development": True})) as site:
        squatter = await site.person().enters("auth/register", email="ann@example.com", password=PASSWORD)
        ann = site.person()
        await ann.post("auth/otp/request", email="ann@example.com")
        await ann.enters("auth/login", email="ann@example.com", otp=await site.mailbox.code_for("ann@example.com"))
        assert (await squatter.asks("GET", "me/sessions"))[0] == 401
        login = {"email": "ann@example.com", "password": PASSWORD}
        assert await squatter.code("auth/login", **login) == "CREDENTIALS_INVALID"


async def test_accounts_are_there_after_a_restart(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        bob = await site.person().registers("bob")
    async with open_site(config_of(tmp_path)) as site:
        bob.site = site
        assert (await bob.socket())[1]["result"]["player"] == bob.player
        await bob.enters("auth/refresh", refresh_token=bob.refresh_token)


async def test_a_crash_between_the_row_and_the_player_loses_neither(tmp_path: Path) -> None:
    """The engine has made the player, and the row does not know its number."""
    async with open_site(config_of(tmp_path)) as site:
        bob = await site.person().registers("bob")
        await site.app.identities.database.run(lambda connection: connection.execute("UPDATE users SET player = 0"))
    async with open_site(config_of(tmp_path)) as site:
        again = await site.person().enters("auth/login", username="bob", password=PASSWORD)
        assert again.player == bob.player
        # The engine has not made it: then it does at the next sign-in, once, however many come.
        forget = "UPDATE users SET player = 0, registration = 77"
        await site.app.identities.database.run(lambda connection: connection.execute(forget))
        people = [site.person() for _ in range(4)]
        await asyncio.gather(*(each.enters("auth/login", username="bob", password=PASSWORD) for each in people))
        assert {each.player for each in people} == {bob.player + 1}


async def test_a_ticket_opens_one_socket(site: Site) -> None:
    bob = await site.person().registers("bob")
    status, answer = await bob.post("auth/ticket")
    assert (status, answer["expires_in"]) == (201, 30)
    assert (await bob.socket(answer["ticket"]))[1]["result"]["session"] == bob.session
    assert (await bob.socket(answer["ticket"]))[1]["error"]["code"] == "TOKEN_INVALID"


async def test_answers_with_tokens_are_kept_by_nobody(site: Site) -> None:
    url = site.url + "/api/v1/auth/register"
    async with site.http.post(url, json={"username": "bob", "password": PASSWORD}) as response:
        assert (response.status, response.headers["Cache-Control"]) == (201, "no-store")


async def test_sign_up_can_be_closed(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path, sign_up=False)) as site:
        person = site.person()
        assert await person.code("auth/register", username="bob", password=PASSWORD) == "NOT_ALLOWED"
        # A code for nobody is not sent, and the answer does not tell.
        assert (await person.post("auth/otp/request", email="bob@example.com"))[0] == 202
        await person.post("auth/password/forgot", email="bob@example.com")
        await asyncio.sleep(0.1)
        assert site.mailbox.letters == []


async def test_an_arena_that_sends_no_mail_says_so(tmp_path: Path) -> None:
    config = msgspec.structs.replace(config_of(tmp_path))
    async with open_site(config) as site:
        site.app.identities.outbox.can_send = False
        assert await site.person().code("auth/otp/request", email="bob@example.com") == "NOT_ALLOWED"
