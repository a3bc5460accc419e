"""What the design says about the code itself, held by a walk over its syntax."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.batch.machine import HANDLERS
from engine.invariants import INVARIANTS
from engine.model import commands, tables
from engine.model.events import EventKind
from engine.model.reasons import MESSAGES, RETRY_LATER, Reason

ROOT = Path(__file__).parent.parent
ENGINE = sorted((ROOT / "engine").rglob("*.py"))
KERNELS = sorted((ROOT / "engine" / "kernels").glob("*.py"))
ALL = sorted(path for part in ("engine", "persistence", "gateway") for path in (ROOT / part).rglob("*.py"))

PURE = frozenset({
    "__future__", "collections", "dataclasses", "enum", "functools", "hashlib", "itertools", "math", "os", "pathlib",
    "shutil", "typing",
})  # fmt: skip
"""What the engine may have of the standard library."""
FOR_THE_COMPILER = {"os": {"kernels/__init__.py"}, "pathlib": {"kernels/__init__.py"},
                    "shutil": {"kernels/__init__.py"},
                    "llvmlite": {"kernels/handing.py", "kernels/processor.py"}}  # fmt: skip
"""The cache of compiled code is kept in files. One intrinsic, and how arguments are taken, are written for LLVM."""

ENGINE_THIRD_PARTY = {"numpy", "numba", "msgspec", "llvmlite"}
GATEWAY_MAY_SEE = {
    "engine.commands",
    "engine.events",
    "engine.machine",
    "engine.views",
    "engine.scale",
    "engine.reasons",
}


def name_of(path: Path) -> str:
    """engine/kernels/orders.py -> engine.kernels.orders"""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path, when_loaded: bool = False) -> Iterator[str]:
    """Modules that the file imports (or only when it is loaded); `from engine import views` is engine.views."""
    for node in tree(path).body if when_loaded else ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                is_module = (ROOT / (below.replace(".", "/") + ".py")).exists() or (
                    ROOT / below.replace(".", "/")
                ).is_dir()
                yield below if is_module else str(node.module)


def test_the_engine_imports_nothing_that_could_reach_the_world():
    for path in ENGINE:
        for module in imports(path):
            top = module.partition(".")[0]
            assert top in PURE | ENGINE_THIRD_PARTY | {"engine"}, f"{name_of(path)} imports {module}"
            if top in FOR_THE_COMPILER:
                assert str(path.relative_to(ROOT / "engine")) in FOR_THE_COMPILER[top], (
                    f"{name_of(path)} imports {module}"
                )


def test_layers_look_down_only():
    for path in ALL:
        part = name_of(path).partition(".")[0]
        for module in imports(path):
            top = module.partition(".")[0]
            if part == "persistence":
                assert top not in ("gateway", "bench", "tests"), f"{name_of(path)} imports {module}"
            if part == "gateway":
                assert top != "tests", f"{name_of(path)} imports {module}"
                assert top != "bench" or name_of(path) == "gateway.cli_bench", f"{name_of(path)} imports {module}"


GATEWAY_BEYOND_THE_DOOR = {
    "gateway.arena": {"engine.state"},  # the type of what it holds
    "gateway.instruments": {"engine.state"},  # the cold texts
    "gateway.names": {"engine.tables"},  # statuses
    "gateway.ops_careers": {"engine.state"},  # the cold texts
    "gateway.ops_fixed": {"engine.state"},  # the type of what it is asked about
    "gateway.ops_games": {"engine.state"},  # the cold texts
    "gateway.ops_matches": {"engine.state", "engine.tables"},  # the cold texts, a status
    "gateway.ops_queues": {"engine.state"},  # the type of what it is asked about
    "gateway.rules": {"engine.state"},  # the cold texts
    "gateway.cli_data": {"engine.digest"},  # prints the hash that a replay ends with
    "gateway.warmup": {
        "engine.kernels",
        "engine.kernels.accounts",
        "engine.kernels.compact",
        "engine.kernels.index",
        "engine.kernels.ledger",
        "engine.kernels.market",
    },  # compiles them
}
"""Whoever imports more of the engine than its door, what and why."""


def test_the_gateway_sees_only_the_engines_door():
    for path in ALL:
        if name_of(path).startswith("gateway"):
            seen = {module for module in imports(path) if module.partition(".")[0] == "engine"}
            allowed = GATEWAY_MAY_SEE | GATEWAY_BEYOND_THE_DOOR.get(name_of(path), set())
            assert seen <= allowed, f"{name_of(path)} imports {seen - allowed}"


def test_kernels_import_kernels_and_layouts_and_no_handlers():
    allowed = {f"engine.{name}" for name in ("commands", "events", "kernels", "plain", "reasons", "scale", "tables")}
    for path in KERNELS:
        for module in imports(path):
            if module.startswith("engine"):
                assert module in allowed or module.startswith("engine.kernels."), f"{name_of(path)} imports {module}"


def test_only_entries_are_called_from_python():
    """A kernel without the wrapper for Python has nothing to be called by."""
    inner = {
        function.name
        for path in [*KERNELS, ROOT / "engine" / "scale.py"]
        for function in tree(path).body
        if isinstance(function, ast.FunctionDef)
        for mark in function.decorator_list
        if isinstance(mark, ast.Name) and mark.id in ("kernel", "rare_kernel")
    }
    assert len(inner) > 100
    for path in sorted({*ALL, *(ROOT / "bench").glob("*.py")} - set(KERNELS)):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine"):
                assert not inner & {name.name for name in node.names}, name_of(path)


def test_invariants_know_the_state_and_nothing_that_made_it():
    may_know = {"numpy", "numpy.typing", "engine.commands", "engine.scale", "engine.state", "engine.tables"}
    for path in sorted((ROOT / "engine" / "invariants").glob("*.py")):
        seen = {module for module in imports(path) if not module.startswith("engine.invariants.")}
        assert seen - {"__future__", "collections.abc", "typing"} <= may_know, name_of(path)


@pytest.mark.parametrize("part", ["engine", "persistence", "gateway"])
def test_imports_have_no_cycles(part: str):
    names = {name_of(path) for path in ALL}
    graph = {
        name_of(path): set(imports(path, when_loaded=True)) & names - {name_of(path)}
        for path in ALL
        if name_of(path).startswith(part)
    }
    tuple(graphlib.TopologicalSorter(graph).static_order())


# No float, no clock, no chance, no order by accident


def parents_of(module: ast.Module) -> dict[ast.AST, ast.AST]:
    return {child: parent for parent in ast.walk(module) for child in ast.iter_child_nodes(parent)}


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_there_is_no_float_in_the_engine(path: Path):
    module = tree(path)
    for node in ast.walk(module):
        where = f"{name_of(path)}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), (
            f"{where}: float literal"
        )
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            assert not re.fullmatch(r"float\d*|double|complex\d*|mean|average|true_divide|linspace|fastmath", name), (
                where
            )
        if isinstance(node, ast.keyword):
            assert node.arg != "fastmath", f"{where}: fastmath"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            assert is_path(node), f"{where}: true division"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.fullmatch(r"[<>=]?(f[248]|u8|float\d*|uint64)", node.value), f"{where}: {node.value} column"


def is_path(node: ast.expr) -> bool:
    """Is this `/` one that joins paths? Those have a text, or a path's name, somewhere in them."""
    return any(
        (isinstance(part, ast.Constant) and isinstance(part.value, str))
        or isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Name) and part.id in ("_ENGINE", "base"))
        for part in ast.walk(node)
    )


CLOCKS_AND_CHANCE = re.compile(
    r"time|datetime|random|secrets|uuid|perf_counter|monotonic|urandom|default_rng|getrandom"
)


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_the_engine_reads_no_clock_and_draws_no_lots(path: Path):
    for node in ast.walk(tree(path)):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        assert not CLOCKS_AND_CHANCE.fullmatch(name), f"{name_of(path)}:{node.lineno}: {name}"
    assert not [module for module in imports(path) if CLOCKS_AND_CHANCE.fullmatch(module.partition(".")[0])]


BUILTINS_THAT_DIFFER = {"hash", "id", "open", "input", "print", "eval", "exec", "vars", "globals"}
ORDERED = {"sorted", "len", "min", "max", "sum", "any", "all", "set", "frozenset"}
"""What may be given a set: the answer does not depend on its order."""


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_nothing_in_the_engine_depends_on_the_order_of_a_set_or_on_an_address(path: Path):
    """A set may be asked, counted and sorted, not walked through; `hash` and `id` differ from run to run."""
    module = tree(path)
    parents = parents_of(module)
    sets = {"SCRATCH", "RETRY_LATER"}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and is_set(node.value, sets):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            sets |= {target.id for target in targets if isinstance(target, ast.Name)}
    for node in ast.walk(module):
        where = f"{name_of(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in BUILTINS_THAT_DIFFER, f"{where}: {node.func.id}()"
            if node.func.id in ("list", "tuple", "enumerate", "zip", "map", "iter", "next"):
                assert not any(is_set(argument, sets) for argument in node.args), f"{where}: order of a set"
        if isinstance(node, ast.For):
            assert not is_set(node.iter, sets), f"{where}: order of a set"
        if isinstance(node, ast.comprehension) and is_set(node.iter, sets):
            made = parents[node]
            into = parents.get(made)
            harmless = isinstance(made, ast.SetComp) or (
                isinstance(into, ast.Call) and isinstance(into.func, ast.Name) and into.func.id in ORDERED
            )
            assert harmless or (isinstance(made, ast.DictComp) and name_of(path) == "engine.state"), (
                f"{where}: order of a set"
            )


def is_set(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("set", "frozenset")
    return isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Name) and node.id in names)


KERNEL_MARKS = {"kernel", "rare_kernel", "entry"}


def test_kernels_are_loops_over_integers():
    """No try, no comprehension, no text, no lambda, no container is made inside a kernel."""
    forbidden = (ast.Try, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Lambda, ast.List, ast.Dict,
                 ast.Set, ast.JoinedStr, ast.With, ast.Await, ast.Yield, ast.Raise)  # fmt: skip
    found = 0
    for path in [*KERNELS, ROOT / "engine" / "scale.py"]:
        for function in ast.walk(tree(path)):
            if isinstance(function, ast.FunctionDef) and any(
                isinstance(mark, ast.Name) and mark.id in KERNEL_MARKS for mark in function.decorator_list
            ):
                found += 1
                for node in ast.walk(function):
                    where = f"{name_of(path)}:{getattr(node, 'lineno', 0)} in {function.name}"
                    assert not isinstance(node, forbidden), where
                    assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow)), where
    assert found > 60


# Tables and maps are complete


@pytest.mark.parametrize(("package", "folder"), [
    ("engine", "engine"), ("engine", "engine/kernels"), ("persistence", "persistence"), ("gateway", "gateway"),
    ("gateway/market", "gateway/market"), ("tests/oracle", "tests/oracle"),
])  # fmt: skip
def test_the_map_of_a_package_names_every_module(package: str, folder: str):
    """By its name, or together with others that begin alike: ops_*.py."""
    told = ast.get_docstring(tree(ROOT / package / "__init__.py")) or ""
    named, alike = set(re.findall(r"\w+", told)), tuple(re.findall(r"(\w+_)\*", told))
    paths = [*(ROOT / folder).glob("*.py"), *(path.parent for path in (ROOT / folder).glob("*/__init__.py"))]
    names = {path.stem for path in paths if not path.stem.startswith(("__init__", *alike))}
    assert names - named == set()


def test_every_cold_command_has_a_handler():
    assert set(HANDLERS) == set(typing.get_args(commands.ColdCommand))


def test_every_reason_has_a_message_and_every_message_a_reason():
    assert set(MESSAGES) == set(Reason)
    assert all(message and not message.endswith(".") for message in MESSAGES.values())
    assert set(Reason) > RETRY_LATER
    assert len({reason.value for reason in Reason}) == len(Reason)


def test_every_check_in_invariants_is_in_the_list():
    files = [path for path in (ROOT / "engine" / "invariants").glob("*.py") if path.stem not in ("__init__", "rows")]
    functions = [node for path in files for node in tree(path).body if isinstance(node, ast.FunctionDef)]
    checks = [node.name for node in functions if not node.name.startswith("_")]
    assert sorted(checks) == sorted(check.__name__ for check in INVARIANTS)


def test_every_table_is_laid_out_and_no_column_is_unsigned_or_float():
    for name in tables.Book._fields:
        array = tables.make_array(name, 1)
        for field, (dtype, *_) in (array.dtype.fields or {"": (array.dtype,)}).items():
            kinds = {sub[0].base.kind for sub in (dtype.fields or {"": (dtype,)}).values()}
            small = dtype.base.itemsize == 1  # numba widens those to int64
            assert kinds <= ({"i", "u"} if small else {"i"}), f"{name}.{field}"


def test_every_kind_of_event_and_command_has_a_number_of_its_own():
    for kinds in (EventKind, commands.Kind):
        assert len({kind.value for kind in kinds}) == len(list(kinds))


def test_the_tests_run_on_the_version_that_the_project_names():
    assert sys.version_info >= (3, 11)


def test_modules_begin_with_what_they_are():
    assert [name_of(path) for path in ENGINE if not ast.get_docstring(tree(path))] == []
