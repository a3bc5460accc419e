"""A name is what it looks like: nothing invisible in it, of one script, and none that reads like the arena's own."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from gateway.protocol.player_names import RESERVED, player_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("alice", "alice"),
        ("  Anna   Maria ", "Anna Maria"),
        ("bot-17", "bot-17"),
        ("O'Neill_3", "O'Neill_3"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\uff21\uff4c\uff49\uff43\uff45", "Alice"),  # fullwidth
        ("\u0410\u043b\u0438\u0441\u0430", "\u0410\u043b\u0438\u0441\u0430"),  # all of it Cyrillic
        ("\u5c71\u7530\u3055\u3093", "\u5c71\u7530\u3055\u3093"),  # Han and kana
        ("\uae40 \u91d1", "\uae40 \u91d1"),  # Hangul and Han
        ("\u0905\u0928\u093f\u0924\u093e", "\u0905\u0928\u093f\u0924\u093e"),  # marks of Devanagari
        ("\U0001f680 rocket", "\U0001f680 rocket"),
        ("modesty", "modesty"),
        ("1337", "1337"),
    ],
)
def test_names_of_people_and_programs_are_kept(text: str, name: str) -> None:
    assert player_name(text) == name
    assert player_name(name) == name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 32 characters"),
        ("   ", "1 to 32 characters"),
        ("\u00a0\u2003", "1 to 32 characters"),  # other spaces are spaces
        ("a" * 33, "1 to 32 characters"),
        ("\ufdfa\ufdfa", "1 to 32 characters"),  # 18 characters each, normalized
        ("ali\u200bce", "U+200B"),
        ("alice\u200d", "U+200D"),
        ("\u202ealice", "U+202E"),
        ("ali\u2066ce", "U+2066"),
        ("ali\nce", "U+000A"),
        ("ali\x00ce", "U+0000"),
        ("ali\u2028ce", "U+2028"),
        ("alice\ufe0f", "U+FE0F"),
        ("\u3164", "U+1160"),
        ("\u2800", "U+2800"),
        ("\ue000", "U+E000"),
        ("b\u0316\u0317\u0318", "marks on one letter"),
        ("\u0430lice", "several scripts: cyrillic, latin"),
        ("alic\u03b5", "several scripts: greek, latin"),
    ],
)
def test_what_is_not_seen_or_not_of_one_script_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("+", r"\+")):
        player_name(text)


@pytest.mark.parametrize(
    "text",
    [
        *RESERVED, "Admin", "ADMIN", "a.d.m.i.n", "-admin-", "adm1n", "4dm1n", "admin2", "Admin 007", "\u00e1dm\u00edn",
        "\u0430\u0501\u043c\u0456\u043f",  # all of it Cyrillic, and reads like admin
        "\uff41\uff44\uff4d\uff49\uff4e", "\U0001d41a\U0001d41d\U0001d426\U0001d422\U0001d427", "adrnin", "0perator",
        "Official!", "support \u2713", "5ystem",
    ],
)  # fmt: skip
def test_what_reads_like_the_arenas_own_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        player_name(text)


def test_no_character_makes_a_name_that_is_not_seen_or_a_traceback() -> None:
    for number in (*range(0x3000), *range(0xF900, 0x10000), *range(0x1F000, 0x1FA00), *range(0xE0000, 0xE0200)):
        if 0xD800 <= number < 0xE000:
            continue
        try:
            name = player_name(f"a{chr(number)}a")
        except ValueError:
            continue
        assert all(unicodedata.category(each)[0] in "LMNPSZ" for each in name), hex(number)


def test_the_reserved_names_are_published() -> None:
    page = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
    published = page.partition("### Names\n")[2].partition("\n### ")[0].partition("does not read like")[2]
    assert tuple(re.findall(r"`([a-z]+)`", published))[: len(RESERVED)] == RESERVED
