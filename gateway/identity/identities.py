"""All of identity, put together: what the server and its handlers work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.model.state import State
from gateway.core.config import Config, ConfigError
from gateway.core.sequencer import Sequencer
from gateway.core.tokens import Tokens
from gateway.identity.accounts import Accounts
from gateway.identity.action_log import CLOSE_WITHIN_S, ActionLog
from gateway.identity.codes import Codes
from gateway.identity.credentials import Credentials
from gateway.identity.database import FILE, Database
from gateway.identity.keys.dependents import Dependents
from gateway.identity.keys.keyring import Keyring
from gateway.identity.keys.management import KeyManagement
from gateway.identity.passkeys import Passkeys
from gateway.identity.passwords import Passwords
from gateway.identity.play import Play
from gateway.identity.sign_in import SignIn
from gateway.identity.sign_up import SignUp
from gateway.identity.standing import Standing
from gateway.identity.waits import Guessing
from gateway.notify.mail import Carrier, Console, Post
from gateway.notify.outbox import Outbox
from gateway.protocol.errors import Refused


class Identities:
    """One per process. `close` ends it."""

    def __init__(
        self,
        config: Config,
        tokens: Tokens,
        standing: Standing,
        sequencer: Sequencer,
        state: State,
        carrier: Carrier | None = None,
    ) -> None:
        """Raises IdentityUnusable and ConfigError. `carrier` takes letters in place of the one that is configured."""
        identity = config.identity
        self.outbox = Outbox(carrier or carrier_of(config))
        self.database = Database(Path(config.data.directory) / FILE)
        self._passwords = Passwords(identity.password_memory_kib, identity.password_rounds)
        guessing = Guessing(identity)
        codes = Codes(self.database, tokens, self.outbox, config)
        self.play = Play(self.database)
        self.actions = ActionLog(self.database)
        self.accounts = Accounts(self.database, tokens, standing, sequencer, state, config)
        self.keyring = Keyring(self.database, tokens, config.keys)
        self.dependents = Dependents(self.accounts, config.keys)
        self.keys = KeyManagement(self.accounts, self.keyring, self.dependents)
        self.accounts.on_load += [self.keyring.load, self.dependents.load]
        self.sign_up = SignUp(self.accounts, self._passwords, codes, guessing, state, config)
        self.sign_in = SignIn(self.accounts, self._passwords, codes, guessing, identity.sign_up)
        self.credentials = Credentials(self.accounts, self._passwords, codes, guessing, self.outbox)

        self.passkeys = Passkeys(self.accounts, self.credentials, guessing, identity)

    def works(self, is_here: Callable[[int], bool]) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """What goes on all the time, by name. `is_here` says whether a player is connected."""
        return {
            "accounts": self.accounts.watch,
            "actions": self.actions.run,
            "play": lambda: self.play.watch(is_here),
            "keys": self.keyring.watch,
            **({"mail": self.outbox.run} if self.outbox.can_send else {}),
        }

    async def stop(self) -> None:
        """After the last request: write down what waits, and let go of the file."""
        with suppress(Refused, TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.actions.write()
                await self.play.write()
                await self.keyring.write()
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._passwords.close()
        self.database.close()


def carrier_of(config: Config) -> Carrier | None:
    """Who takes letters away; None: nobody does. Raises ConfigError."""
    mail = config.mail
    if not mail.host:
        return Console() if config.server.development else None
    password = ""
    if mail.password_file:
        try:
            password = Path(mail.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"mail.password_file: {mail.password_file}: {error}") from error
    return Post(mail, password)
