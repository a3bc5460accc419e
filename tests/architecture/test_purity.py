"""The engine is pure: it reaches nothing of the world; no float, no clock, no chance, no order by accident."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ENGINE, ROOT, compiled_functions, imports, name_of, tree

PURE = frozenset({
    "__future__", "collections", "dataclasses", "enum", "functools", "hashlib", "itertools", "math", "typing",
})  # fmt: skip
"""What the engine may have of the standard library."""

ENGINE_THIRD_PARTY = frozenset({"numpy", "msgspec"})

FOR_THE_COMPILER = frozenset({
    "concurrent", "contextlib", "gc", "importlib", "inspect", "multiprocessing", "os", "pathlib", "pickle", "pkgutil",
    "platform", "re", "shutil", "sys", "threading", "numba", "llvmlite",
})  # fmt: skip
"""What only jit/ and precompile.py may have: code is compiled in several processes and kept in files, and
some of it is written for LLVM."""


def test_the_engine_imports_nothing_that_could_reach_the_world() -> None:
    for path in ENGINE:
        allowed = PURE | ENGINE_THIRD_PARTY | {"engine"}
        if path.is_relative_to(ROOT / "engine" / "jit") or name_of(path) == "engine.precompile":
            allowed |= FOR_THE_COMPILER
        for module in imports(path):
            assert module.partition(".")[0] in allowed, f"{name_of(path)} imports {module}"


def parents_of(module: ast.Module) -> dict[ast.AST, ast.AST]:
    return {child: parent for parent in ast.walk(module) for child in ast.iter_child_nodes(parent)}


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_there_is_no_float_in_the_engine(path: Path) -> None:
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
        or (isinstance(part, ast.Name) and part.id in ("_FOLDER", "PACKAGED", "base", "cache_directory", "directory"))
        for part in ast.walk(node)
    )


CLOCKS_AND_CHANCE = re.compile(
    r"time|datetime|random|secrets|uuid|perf_counter|monotonic|urandom|default_rng|getrandom"
)


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_the_engine_reads_no_clock_and_draws_no_lots(path: Path) -> None:
    for node in ast.walk(tree(path)):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        assert not CLOCKS_AND_CHANCE.fullmatch(name), f"{name_of(path)}:{getattr(node, 'lineno', 0)}: {name}"
    assert not [module for module in imports(path) if CLOCKS_AND_CHANCE.fullmatch(module.partition(".")[0])]


BUILTINS_THAT_DIFFER = {"hash", "id", "open", "input", "print", "eval", "exec", "vars", "globals"}
ORDERED = {"sorted", "len", "min", "max", "sum", "any", "all", "set", "frozenset"}
"""What may be given a set: the answer does not depend on its order."""


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_nothing_in_the_engine_depends_on_the_order_of_a_set_or_on_an_address(path: Path) -> None:
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
            assert harmless or (isinstance(made, ast.DictComp) and name_of(path) == "engine.model.state"), (
                f"{where}: order of a set"
            )


def is_set(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("set", "frozenset")
    return isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Name) and node.id in names)


def test_kernels_are_loops_over_integers() -> None:
    """No try, no comprehension, no text, no lambda, no container is made inside a kernel."""
    forbidden = (ast.Try, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Lambda, ast.List, ast.Dict,
                 ast.Set, ast.JoinedStr, ast.With, ast.Await, ast.Yield, ast.Raise)  # fmt: skip
    found = 0
    for path in ENGINE:
        for function in compiled_functions(path):
            found += 1
            for node in ast.walk(function):
                where = f"{name_of(path)}:{getattr(node, 'lineno', 0)} in {function.name}"
                assert not isinstance(node, forbidden), where
                assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow)), where
    assert found > 60
