"""Which names players may have, so that a name on a board is what it looks like. The rule is in docs/protocol.md.

After the ideas of PRECIS (RFC 8266, nicknames) and of Unicode's UTS 39 (scripts, confusables). Names are not unique:
the player's number, which stands beside each, tells players apart.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_NAME: Final = 32

RESERVED: Final = (
    "admin", "administrator", "arena", "bank", "house", "mod", "moderator", "official", "operator", "owner", "root",
    "security", "server", "staff", "support", "system",
)  # fmt: skip

_NEVER: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Zl", "Zp"})
"""Categories of controls, formats (zero-width, direction of text), what is unassigned or private, enclosing marks."""

_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters, marks and symbols that show nothing."""

_MOST_MARKS: Final = 2
"""In a row, on one letter."""

_TOGETHER: Final = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "HANGUL"}),
)
"""Scripts that one word may be written in."""

_LOOK_ALIKES: Final = {
    "a": "\u0430\u0251\u03b1" + "4@",
    "b": "\u0432\u044c\u03b2" + "8",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435\u0454\u03b5" + "3",
    "h": "\u04bb\u043d",
    "i": "\u0456\u03b9\u0131\u04cf" + "l1!|",
    "j": "\u0458",
    "k": "\u043a\u03ba",
    "m": "\u043c\u03bc",
    "n": "\u043f\u03b7\u0578",
    "o": "\u043e\u03bf\u03c3" + "0",
    "p": "\u0440\u03c1",
    "r": "\u0433",
    "s": "\u0455" + "5$",
    "t": "\u0442\u03c4" + "7",
    "u": "\u03c5\u057d\u0446",
    "v": "\u0475\u03bd",
    "w": "\u051d\u03c9",
    "x": "\u0445\u03c7",
    "y": "\u0443\u03b3\u04af",
}
"""What reads like a letter: of Cyrillic, Greek and Armenian, digits, signs, and an l that may be an I."""

_READS: Final = str.maketrans({alike: letter for letter, alikes in _LOOK_ALIKES.items() for alike in alikes})


def player_name(text: str) -> str:
    """The name as it is kept. Raises ValueError, which says what is wrong with it."""
    name = re.sub(" +", " ", unicodedata.normalize("NFKC", text)).strip(" ")
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ValueError(f"a name has 1 to {LONGEST_NAME} characters, spaces around it not counted")
    for character in name:
        if unicodedata.category(character) in _NEVER or (character.isspace() and character != " "):
            raise ValueError(f"U+{ord(character):04X} is a character that controls text or is not seen")
    if found := _INVISIBLE.search(name):
        raise ValueError(f"U+{ord(found[0]):04X} is a character that is not seen")
    if _has_stacked_marks(name):
        raise ValueError(f"more than {_MOST_MARKS} marks on one letter")
    scripts = {unicodedata.name(each).split()[0] for each in name if unicodedata.category(each)[0] == "L"}
    if len(scripts) > 1 and not any(scripts <= group for group in _TOGETHER):
        raise ValueError(f"letters of several scripts: {', '.join(sorted(each.lower() for each in scripts))}")
    if reads_like(name) in _RESERVED:
        raise ValueError("it reads like a name that is reserved")
    return name


def reads_like(name: str) -> str:
    """What the name reads like, in the letters a to z: without marks, capitals, punctuation and numbers behind it, and
    with the letter for each look-alike."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if unicodedata.category(each) != "Mn")
    plain = re.sub(r"[\W\d_]+\Z", "", plain.casefold()) or plain.casefold()
    return re.sub("[^a-z]", "", plain.translate(_READS)).replace("rn", "m")


_RESERVED: Final = frozenset(map(reads_like, RESERVED))


def _has_stacked_marks(name: str) -> bool:
    marks = 0
    for character in name:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Mc") else 0
        if marks > _MOST_MARKS:
            return True
    return False
