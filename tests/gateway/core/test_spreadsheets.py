"""Lists as CSV."""

from __future__ import annotations

import csv
import io
from typing import Generic

from msgspec import Struct, field

from gateway.core.spreadsheets import csv_text
from gateway.protocol.scalars import D


class Inner(Struct, frozen=True):
    n: int


class Line(Struct, Generic[D], frozen=True):
    n: int
    name: str | None = None
    profit: D | None = None
    is_open: bool = field(default=False, name="open")
    parts: list[int] = []
    inner: Inner | None = None


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_a_list_has_a_line_of_names_and_a_line_per_item() -> None:
    items = [Line(1, 'a "quoted", name', "-5.25", parts=[1, 2], inner=Inner(3)), Line(2, is_open=True)]
    assert read(csv_text(Line[str], items)) == [
        ["n", "name", "profit", "open"], ["1", 'a "quoted", name', "-5.25", "false"], ["2", "", "", "true"],
    ]  # fmt: skip
    assert csv_text(Line[str], items).endswith("\r\n")
    assert read(csv_text(Line[str], [])) == [["n", "name", "profit", "open"]]


def test_no_text_is_a_formula_and_every_number_stays_one() -> None:
    for name in ("=1+1", "+cmd", "-1+2", "@sum(a)"):
        assert read(csv_text(Line[str], [Line(1, name, "-1")]))[1] == ["1", f"'{name}", "-1", "false"]
