"""Lists as CSV (RFC 4180): a line of field names and a line per item; fields that an item leaves out are empty.

A list or an object within an item has no column. A text that a spreadsheet would take for a formula gets an
apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PARTS: Final = (inspect.CollectionType, inspect.DictType, inspect.StructType)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_text(shape: type[Struct], items: Iterable[Struct]) -> str:
    """The items, which are of that type. A struct without items has its line of names, too."""
    fields = [field for field in msgspec.structs.fields(shape) if not _has_parts(field.type)]
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow([field.encode_name for field in fields])
    lines.writerows([_cell(getattr(item, field.name)) for field in fields] for item in items)
    return text.getvalue()


def _has_parts(kind: Any) -> bool:
    found = inspect.type_info(kind)
    choices = found.types if isinstance(found, inspect.UnionType) else (found,)
    return any(isinstance(each, _PARTS) for each in choices)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
