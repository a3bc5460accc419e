"""Tables and maps are complete: every command has its handler, every reason its message, every module its docstring."""

from __future__ import annotations

import ast
import re
import typing

import pytest

from engine.batch.machine import HANDLERS
from engine.invariants import INVARIANTS
from engine.model import commands, tables
from engine.model.events import LAYOUTS, EventKind
from engine.model.reasons import MESSAGES, RETRY_LATER, Reason
from tests.architecture.sources import ALL, ROOT, name_of, tree

GATEWAY = sorted(str(path.parent.relative_to(ROOT)) for path in (ROOT / "gateway").rglob("__init__.py"))


MAPPED = [
    "engine/jit",
    "engine/trading",
    "engine/batch",
    "engine/model",
    "engine/views",
    "engine/invariants",
    "engine/storage",
    "engine/ledger",
    "engine/competition",
    "persistence",
    "bench",
    *GATEWAY,
    "tests/oracle",
]


@pytest.mark.parametrize("package", MAPPED)
def test_the_map_of_a_package_names_every_module(package: str) -> None:
    named = set(re.findall(r"\w+", ast.get_docstring(tree(ROOT / package / "__init__.py")) or ""))
    paths = [*(ROOT / package).glob("*.py"), *(path.parent for path in (ROOT / package).glob("*/__init__.py"))]
    names = {path.stem for path in paths if path.stem != "__init__"}
    assert names - named == set()


def test_every_cold_command_has_a_handler() -> None:
    assert set(HANDLERS) == set(typing.get_args(commands.ColdCommand))


def test_every_reason_has_a_message_and_every_message_a_reason() -> None:
    assert set(MESSAGES) == set(Reason)
    assert all(message and not message.endswith(".") for message in MESSAGES.values())
    assert set(Reason) > RETRY_LATER
    assert len(Reason) == len(Reason.__members__), "two reasons have one number"


def test_every_check_in_invariants_is_in_the_list() -> None:
    files = [path for path in (ROOT / "engine" / "invariants").glob("*.py") if path.stem not in ("__init__", "rows")]
    functions = [node for path in files for node in tree(path).body if isinstance(node, ast.FunctionDef)]
    checks = [node.name for node in functions if not node.name.startswith("_")]
    assert sorted(checks) == sorted(check.__name__ for check in INVARIANTS)


def test_every_table_is_laid_out_and_no_column_is_unsigned_or_float() -> None:
    for name in tables.Book._fields:
        array = tables.make_array(name, 1)
        for field, (dtype, *_) in (array.dtype.fields or {"": (array.dtype,)}).items():
            kinds = {sub[0].base.kind for sub in (dtype.fields or {"": (dtype,)}).values()}
            small = dtype.base.itemsize == 1  # numba widens those to int64
            assert kinds <= ({"i", "u"} if small else {"i"}), f"{name}.{field}"


def test_every_kind_of_event_and_command_has_a_number_of_its_own() -> None:
    for kinds in (EventKind, commands.Kind):
        assert len(kinds) == len(kinds.__members__), kinds


def test_every_kind_of_event_has_a_layout() -> None:
    assert list(LAYOUTS) == list(EventKind)


def test_modules_begin_with_what_they_are() -> None:
    assert [name_of(path) for path in ALL if not ast.get_docstring(tree(path))] == []
