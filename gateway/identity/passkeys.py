"""Passkeys (WebAuthn): keys in a device of the person, which signs a challenge that is good once."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import webauthn
from cbor2 import CBORDecodeError
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.core.config import Identity as IdentityConfig
from gateway.core.tokens import Identity
from gateway.identity import users
from gateway.identity.accounts import Accounts
from gateway.identity.credentials import Credentials
from gateway.identity.sessions import Client
from gateway.identity.users import User
from gateway.identity.waits import Guessing
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import SignedIn
from gateway.protocol.identity.passkeys import AddPasskey, Passkey

LIFETIME_S: Final = 300.0
"""Of a challenge."""
MOST_CHALLENGES: Final = 10_000
"""That are open; the oldest makes room."""
MOST_OF_USER: Final = 20
NAME: Final = "Arena"
SIGN_IN: Final = 0
"""In place of a user: whoever has a passkey."""

_DAMAGED: Final = (WebAuthnException, CBORDecodeError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What is raised for what no device says."""


class Row(NamedTuple):
    """A row of passkeys."""

    id: bytes
    user: int
    public_key: bytes
    sign_count: int
    label: str
    created_ms: int
    used_ms: int | None


class Challenges:
    """Each is good once, and for one purpose."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._open: dict[bytes, tuple[int, float]] = {}

    def make(self, user: int) -> bytes:
        challenge = secrets.token_bytes(32)
        self._open[challenge] = user, self._now_s() + LIFETIME_S
        if len(self._open) > MOST_CHALLENGES:
            del self._open[next(iter(self._open))]
        return challenge

    def take(self, challenge: bytes, user: int) -> bool:
        """Was it made for this one, and is it good still? Not a second time."""
        found = self._open.pop(challenge, None)
        return found is not None and found[0] == user and self._now_s() < found[1]


class Passkeys:
    """See the module. What it raises is Refused."""

    def __init__(
        self, accounts: Accounts, credentials: Credentials, guessing: Guessing, config: IdentityConfig
    ) -> None:
        self._accounts = accounts
        self._credentials = credentials
        self._guessing = guessing
        self._domain = config.passkey_domain
        self._origins = list(config.passkey_origins)
        self._challenges = Challenges()

    async def options_to_add(self, identity: Identity, of: AddPasskey, client: Client) -> dict[str, Any]:
        """What the browser needs to make one. With the password, if there is one: a session that was left open is not
        enough."""
        self._check_is_on()
        user = await self._accounts.user_of(identity)
        await self._credentials.check_password(user, of.password, client)
        known = await self._accounts.database.run(lambda connection: _of_user(connection, user.id))
        if len(known) >= MOST_OF_USER:
            raise Refused(Code.NOT_ALLOWED, problem=f"an account has at most {MOST_OF_USER} passkeys")
        options = webauthn.generate_registration_options(
            rp_id=self._domain,
            rp_name=NAME,
            user_id=_handle(user),
            user_name=user.known_as,
            challenge=self._challenges.make(user.id),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each.id) for each in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )
        found: dict[str, Any] = json.loads(options_to_json(options))
        return found

    async def add(self, identity: Identity, credential: dict[str, Any], label: str) -> Passkey:
        """One that the browser has made."""
        self._check_is_on()
        user = await self._accounts.user_of(identity)
        try:
            verified = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=self._taken(credential, user.id),
                expected_rp_id=self._domain,
                expected_origin=self._origins,
                require_user_verification=True,
            )
        except _DAMAGED as error:
            raise Refused(Code.BAD_ARGUMENTS, field="credential", problem="it is not what was asked for") from error
        key = verified.credential_public_key
        row = Row(verified.credential_id, user.id, key, verified.sign_count, label, self._accounts.now_ms(), None)

        def work(connection: sqlite3.Connection) -> None:
            if _find(connection, row.id) is not None:
                raise Refused(Code.BAD_ARGUMENTS, field="credential", problem="this passkey is known already")
            connection.execute("INSERT INTO passkeys VALUES (?, ?, ?, ?, ?, ?, ?)", row)

        await self._accounts.database.run(work)
        return _shown(row)

    def options_to_sign_in(self) -> dict[str, Any]:
        """The same for everybody: the device knows whose passkeys it has."""
        self._check_is_on()
        options = webauthn.generate_authentication_options(
            rp_id=self._domain,
            challenge=self._challenges.make(SIGN_IN),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        found: dict[str, Any] = json.loads(options_to_json(options))
        return found

    async def sign_in(self, credential: dict[str, Any], client: Client) -> SignedIn:
        """With what the device has signed. CREDENTIALS_INVALID, whatever it is that does not fit."""
        self._check_is_on()
        with self._guessing.attempt("passkey", str(credential.get("id"))[:100], client):
            user = await self._verified(credential)
        return await self._accounts.open_session(user, "passkey", client)

    async def listed(self, identity: Identity) -> list[Passkey]:
        user = await self._accounts.user_of(identity)
        found = await self._accounts.database.run(lambda connection: _of_user(connection, user.id))
        return [_shown(each) for each in found]

    async def remove(self, identity: Identity, passkey: str) -> None:
        user = await self._accounts.user_of(identity)
        try:
            id = base64url_to_bytes(passkey)
        except ValueError as error:
            raise Refused(Code.NOT_FOUND) from error
        delete = "DELETE FROM passkeys WHERE id = ? AND user = ?"
        done = await self._accounts.database.run(lambda database: database.execute(delete, (id, user.id)).rowcount)
        if not done:
            raise Refused(Code.NOT_FOUND)

    async def _verified(self, credential: dict[str, Any]) -> User:
        try:
            id = base64url_to_bytes(credential["rawId"])
            row = await self._accounts.database.run(lambda connection: _find(connection, id))
            challenge = self._taken(credential, SIGN_IN)
            if row is None:
                raise Refused(Code.CREDENTIALS_INVALID)
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._domain,
                expected_origin=self._origins,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
        except _DAMAGED as error:
            raise Refused(Code.CREDENTIALS_INVALID) from error
        update = "UPDATE passkeys SET sign_count = ?, used_ms = ? WHERE id = ?"
        values = (verified.new_sign_count, self._accounts.now_ms(), id)

        def work(connection: sqlite3.Connection) -> User:
            connection.execute(update, values)
            return users.get(connection, row.user)

        return await self._accounts.database.run(work)

    def _taken(self, credential: dict[str, Any], user: int) -> bytes:
        """The challenge that was signed, which is of no use from now on. Raises ValueError when it is none of ours."""
        client_data = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        if not self._challenges.take(client_data.challenge, user):
            raise ValueError("no challenge of ours")
        return client_data.challenge

    def _check_is_on(self) -> None:
        if not self._domain:
            raise Refused(Code.NOT_ALLOWED, problem="this arena has no passkeys")


def _handle(user: User) -> bytes:
    """What the device knows the account by: it says nothing of the person."""
    return str(user.id).encode()


def _find(connection: sqlite3.Connection, id: bytes) -> Row | None:
    row = connection.execute("SELECT * FROM passkeys WHERE id = ?", (id,)).fetchone()
    return Row(*row) if row else None


def _of_user(connection: sqlite3.Connection, user: int) -> list[Row]:
    rows = connection.execute("SELECT * FROM passkeys WHERE user = ? ORDER BY created_ms, id", (user,))
    return [Row(*row) for row in rows]


def _shown(row: Row) -> Passkey:
    return Passkey(bytes_to_base64url(row.id), row.label, row.created_ms, row.used_ms)
