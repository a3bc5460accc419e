"""Letters to a real mail server, which is there, is not, or says no; and what no letter may have in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from gateway.core.config import Config, ConfigError, Mail, parse_config
from gateway.identity.identities import carrier_of
from gateway.notify.letters import Event, Letter
from gateway.notify.mail import Console, Post, message_of
from gateway.notify.outbox import ATTEMPTS, MOST_WAITING, Outbox

LETTER = Event.SIGN_IN_CODE.letter("ann@example.com", code="123456", minutes=10)


class Server:
    """Says in turn what it is told to say."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.taken: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.taken.append(envelope.content)
        return answer


@asynccontextmanager
async def sending(server: Server) -> AsyncIterator[Outbox]:
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(server), "127.0.0.1", 0)
    config = Mail(host="127.0.0.1", port=listening.sockets[0].getsockname()[1], security="none")
    outbox = Outbox(Post(config, ""), first_wait_s=0.01)
    task = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        listening.close()


async def comes_to(outbox: Outbox, **outcomes: int) -> None:
    async with asyncio.timeout(20):
        while dict(outbox.outcomes) != outcomes:  # noqa: ASYNC110  # it knows nothing of the test
            await asyncio.sleep(0.01)


async def test_a_letter_arrives_with_its_code() -> None:
    server = Server()
    async with sending(server) as outbox:
        outbox.put(LETTER)
        await comes_to(outbox, sent=1)
    (taken,) = server.taken
    assert b"To: ann@example.com" in taken
    assert b"123456" in taken


async def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() -> None:
    server = Server("451 busy", "451 busy", "250 OK", "550 no such user", "250 OK")
    async with sending(server) as outbox:
        outbox.put(LETTER)
        await comes_to(outbox, sent=1)
        outbox.put(LETTER)
        await comes_to(outbox, sent=1, failed=1)
        outbox.put(LETTER)
        await comes_to(outbox, sent=2, failed=1)


async def test_a_server_that_stays_busy_is_given_up() -> None:
    server = Server(*["451 busy"] * ATTEMPTS)
    async with sending(server) as outbox:
        outbox.put(LETTER)
        await comes_to(outbox, failed=1)
        outbox.put(LETTER)
        await comes_to(outbox, failed=1, sent=1)


async def test_letters_beyond_the_bound_are_dropped_and_counted() -> None:
    outbox = Outbox(Console())
    for _ in range(MOST_WAITING + 3):
        outbox.put(LETTER)
    assert outbox.outcomes == {"dropped": 3}


@pytest.mark.parametrize(
    "letter",
    [
        Letter("ann@example.com\r\nBcc: all@example.com", "x", "x"),
        Letter("ann@example.com\nBcc: all@example.com", "x", "x"),
        Letter("ann@example.com", "x\r\nBcc: all@example.com", "x"),
    ],
)
def test_a_header_is_one_line(letter: Letter) -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|header"):
        message_of(letter, "arena@example.com")


async def test_the_console_prints_letters(capsys: pytest.CaptureFixture[str]) -> None:
    await Console().carry(LETTER)
    assert "mail to ann@example.com: Your code: 123456" in capsys.readouterr().out


def test_letters_go_where_the_configuration_says() -> None:
    assert isinstance(carrier_of(Config()), Console)
    assert carrier_of(parse_config("[server]\ndevelopment = false")) is None
    assert isinstance(carrier_of(parse_config("[mail]\nhost = 'mail.example.com'")), Post)
    with pytest.raises(ConfigError, match=r"mail\.password_file: nowhere"):
        carrier_of(parse_config("[mail]\nhost = 'mail.example.com'\npassword_file = 'nowhere'"))
    with pytest.raises(ConfigError, match="sender"):
        parse_config('[mail]\nsender = "a@b.c\\nBcc: d@e.f"')
