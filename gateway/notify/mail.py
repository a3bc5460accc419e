"""How letters go: by SMTP, or to the console in development."""

from __future__ import annotations

import contextlib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import Protocol

import aiosmtplib

from gateway.core.config import Mail
from gateway.notify.letters import Letter


class Carrier(Protocol):
    """Takes letters away."""

    async def carry(self, letter: Letter) -> None:
        """Raises NotCarried."""


class NotCarried(Exception):
    """The letter did not go; `again` says whether it may later."""

    def __init__(self, problem: str, again: bool) -> None:
        super().__init__(problem)
        self.again = again


class Console:
    """Prints letters: for development, where nobody has a mail server. They are no log lines, and go to no log."""

    async def carry(self, letter: Letter) -> None:
        with contextlib.suppress(OSError):
            print(f"--- mail to {letter.to}: {letter.subject}\n{letter.text}---", flush=True)


class Post:
    """A mail server."""

    def __init__(self, config: Mail, password: str) -> None:
        self._config = config
        self._password = password

    async def carry(self, letter: Letter) -> None:
        config = self._config
        try:
            message = message_of(letter, config.sender)
        except ValueError as error:
            raise NotCarried("a header of it has more than one line", False) from error
        try:
            await aiosmtplib.send(
                message,
                hostname=config.host,
                port=config.port,
                username=config.username or None,
                password=self._password or None,
                use_tls=config.security == "tls",
                start_tls=config.security == "starttls",
                tls_context=ssl.create_default_context(cafile=config.ca_file or None),
                timeout=config.timeout_s,
            )
        except aiosmtplib.SMTPResponseException as error:
            raise NotCarried(f"the mail server says {error.code}", 400 <= error.code < 500) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            raise NotCarried(f"the mail server says {codes}", any(400 <= code < 500 for code in codes)) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise NotCarried(f"the mail server cannot be reached: {type(error).__name__}", True) from error


def message_of(letter: Letter, sender: str) -> EmailMessage:
    """The message. Raises ValueError when an address or the subject would be more than one header."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip(">") or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message
