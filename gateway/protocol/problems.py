"""What is wrong with arguments that do not fit: the field, the value that it has, and what it may have.

msgspec says the problem and the path; the value is looked up in what was sent, and what is allowed in the types.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from msgspec import inspect

LONGEST_VALUE: Final = 64
"""Characters of a value that are told."""

SECRETS: Final = frozenset({"token", "code", "otp", "password", "new_password", "refresh_token"})
"""Fields whose values no error repeats."""

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")
_NAMED: Final = re.compile(r"Object (?:contains unknown|missing required) field `([^`]+)`")


def problem_of(error: Exception, shape: Any, sent: Any) -> dict[str, Any]:
    """The details of the error that msgspec raised for `sent`, which is no `shape`: `problem`; the `field`, and the
    `value` that it has; and what it may be: `allowed` values or fields, or `at_least` and `at_most`."""
    problem, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    named = _NAMED.search(problem)
    field = ".".join(part for part in (path, named[1] if named is not None else "") if part)
    details: dict[str, Any] = {"field": field, "problem": problem} if field else {"problem": problem}
    if not field:
        return details
    value = None if field in SECRETS else _value_at(field, sent)
    if isinstance(value, str):
        details["value"] = value[:LONGEST_VALUE]
    elif isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        details["value"] = value
    expected = _type_at(path, _type_of(shape))
    if named is None:
        details |= _allowed(expected)
    elif isinstance(expected, inspect.StructType) and "unknown" in problem:
        details["allowed"] = [each.encode_name for each in expected.fields]
    return details


def sentence_of(error: Exception, shape: Any, sent: Any) -> str:
    """The same in words, for whoever wrote a key of a file or an option."""
    found = problem_of(error, shape, sent)
    field, problem, value = found.get("field", ""), found["problem"], found.get("value")
    if _NAMED.search(problem) and "allowed" in found:
        problem = f"there is no such key; there are {', '.join(found['allowed'])}"
    elif "allowed" in found:
        problem = f"must be one of {', '.join(map(str, found['allowed']))}, not {value!r}"
    elif isinstance(value, int) and ("at_least" in found or "at_most" in found):
        least, most = found.get("at_least"), found.get("at_most")
        bounds = [f"at least {least}"] * (least is not None) + [f"at most {most}"] * (most is not None)
        problem = f"must be {' and '.join(bounds)}, not {value}"
    return f"{field}: {problem}" if field else problem


def _steps(path: str) -> list[str | int]:
    """Names and indexes; "..." is any element of a list or a dict."""
    return [int(index) if index else name or some for name, index, some in _STEP.findall(path)]


def _value_at(path: str, sent: Any) -> Any:
    for step in _steps(path):
        if isinstance(sent, dict):
            sent = sent.get(step)
        elif isinstance(sent, list) and isinstance(step, int) and step < len(sent):
            sent = sent[step]
        else:
            return None
    return sent


@cache
def _type_of(shape: Any) -> inspect.Type:
    return inspect.type_info(shape)


def _type_at(path: str, expected: inspect.Type) -> inspect.Type | None:
    for step in _steps(path):
        found: inspect.Type | None = None
        for each in _either(expected):
            if isinstance(each, inspect.StructType):
                found = next((field.type for field in each.fields if field.encode_name == step), None)
            elif isinstance(each, inspect.DictType):
                found = each.value_type
            elif isinstance(each, inspect.ListType | inspect.VarTupleType):
                found = each.item_type
        if found is None:
            return None
        expected = found
    return expected


def _either(expected: inspect.Type) -> tuple[inspect.Type, ...]:
    return expected.types if isinstance(expected, inspect.UnionType) else (expected,)


def _allowed(expected: inspect.Type | None) -> dict[str, Any]:
    """What values of the type may be, as far as it is a list or has bounds."""
    if expected is None:
        return {}
    for each in _either(expected):
        if isinstance(each, inspect.LiteralType):
            return {"allowed": list(each.values)}
        if isinstance(each, inspect.IntType):
            bounds = {"at_least": each.ge, "at_most": each.le}
        elif isinstance(each, inspect.StrType | inspect.ListType):
            bounds = {"shortest": each.min_length, "longest": each.max_length}
        else:
            continue
        return {name: bound for name, bound in bounds.items() if bound is not None}
    return {}
