"""Referral codes: a player's number as a short code for others to sign up with.

A code is no secret. It is made to be published, opens nothing, and whoever guesses one can only bring its owner a
bonus; so it is the number itself, without a table of codes to keep. What it must stand is being copied by hand: no
characters that look alike, no matter whether small or capital, and a check character, without which a slip of the
pen would silently reward somebody else. It finds one wrong character, and two neighbours that have changed places.
"""

from __future__ import annotations

from typing import Final

from engine.model.reasons import Reason
from gateway.protocol.errors import Refused

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""A prime number of characters, for the check."""

SHORTEST: Final = 5
LONGEST: Final = 9
"""Characters of a code, the check among them."""


def code_of(player: int) -> str:
    """The player's code: the number in base 31, and the check character."""
    digits = ""
    while player or len(digits) < SHORTEST - 1:
        player, digit = divmod(player, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits + ALPHABET[-_weighed(digits + ALPHABET[0]) % len(ALPHABET)]


def player_of(code: str) -> int:
    """The number of the player whose code it is, if there is such a player. Raises Refused REFERRAL_CODE_UNKNOWN."""
    code = code.upper()
    player = 0
    if len(code) <= LONGEST and set(code) <= set(ALPHABET) and _weighed(code) % len(ALPHABET) == 0:
        for character in code[:-1]:
            player = player * len(ALPHABET) + ALPHABET.index(character)
    if not player:
        raise Refused(Reason.REFERRAL_CODE_UNKNOWN)
    return player


def _weighed(code: str) -> int:
    """The sum of the digits, the last once, the one before twice, and so on."""
    return sum(weight * ALPHABET.index(character) for weight, character in enumerate(reversed(code), start=1))
