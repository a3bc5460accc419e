"""What is written, by event: one table. Texts have places for a code and how long it lasts."""

from __future__ import annotations

from enum import Enum, unique
from typing import NamedTuple


class Letter(NamedTuple):
    """One that is ready to go."""

    to: str
    subject: str
    text: str


@unique
class Event(Enum):
    """Subject and text."""

    SIGN_IN_CODE = (
        "Your code: {code}",
        "Your code to sign in is {code}. It is good for {minutes} minutes, and once.\n\n"
        "If you did not ask for it, somebody has mistyped an address: nothing has happened, and nothing is to be done.",
    )
    RESET_CODE = (
        "Your code for a new password: {code}",
        "Your code for a new password is {code}. It is good for {minutes} minutes, and once.\n\n"
        "If you did not ask for it, your password is still the same, and nothing is to be done.",
    )
    ADDRESS_CODE = (
        "Your code for this address: {code}",
        "Your code to make this the address of your account is {code}. It is good for {minutes} minutes, and once.\n\n"
        "If you did not ask for it, somebody has mistyped an address: nothing has happened.",
    )
    PASSWORD_CHANGED = (
        "Your password was changed",
        "The password of your account was changed, and all other sessions have ended.\n\n"
        "If that was not you, ask for a new password at once.",
    )
    ADDRESS_CHANGED = (
        "Your address was changed",
        "The address of your account was changed to another one.\n\n"
        "If that was not you, write to the operators at once.",
    )

    def letter(self, to: str, **places: object) -> Letter:
        subject, text = self.value
        return Letter(to, subject.format(**places), text.format(**places) + "\n")
