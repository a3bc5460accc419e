"""Packages stand on floors: each imports what is above it in these lists, nothing below, and nothing in a circle.

All imports count: those inside functions and those for types alone, too. There are no exceptions; but
`arena bench` is registered with the command by a string, which is no import: bench/ is on the last floor.
"""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.sources import ALL, ROOT, TESTS, compiled_functions, imports, name_of, tree

FLOORS = {
    "engine": [
        "jit", "model", "storage", "ledger", "trading", "competition", "batch", "views", "invariants", "digest",
        "migration", "precompile",
    ],
    "gateway": [
        "protocol", "core", "notify", "identity", "presenters", "channels", "sessions", "operator_ops", "ops",
        "transport", "rest", "market", "client", "documents", "process", "cli",
    ],
}  # fmt: skip

TOPS = ["engine", "persistence", "gateway", "bench"]

DOOR = ("engine.model", "engine.batch.machine", "engine.views", "engine.digest", "engine.precompile")
"""What the gateway may know of the engine."""

MOST_MODULES = 20
"""In a package; with more, look for the noun that wants a package of its own."""

INTERNAL = {name_of(path) for path in ALL}


def imported() -> Iterator[tuple[str, str]]:
    """Every pair of the project's own modules of which the first imports the second."""
    for path in ALL:
        for module in imports(path):
            if module in INTERNAL and module != name_of(path):
                yield name_of(path), module


def test_the_parts_look_down_only() -> None:
    wrong = [
        f"{importer} imports {module}"
        for importer, module in imported()
        if TOPS.index(importer.split(".")[0]) < TOPS.index(module.split(".")[0])
    ]
    assert wrong == []


@pytest.mark.parametrize("part", list(FLOORS))
def test_packages_import_only_from_the_floors_above(part: str) -> None:
    floors = FLOORS[part]
    rooms = [path for path in (ROOT / part).iterdir() if path.suffix == ".py" or path.is_dir()]
    assert {path.stem for path in rooms if not path.name.startswith("__")} == set(floors)
    wrong = []
    for importer, module in imported():
        own, other = (name.split(".") for name in (importer, module))
        within = own[0] == other[0] == part and len(own) > 1 and len(other) > 1
        if within and floors.index(own[1]) < floors.index(other[1]):
            wrong.append(f"{importer} imports {module}")
    assert wrong == []


@pytest.mark.parametrize("part", [*FLOORS, "persistence"])
def test_imports_have_no_circles(part: str) -> None:
    graph: dict[str, set[str]] = {name: set() for name in INTERNAL if name.split(".")[0] == part}
    for importer, module in imported():
        if importer in graph and module in graph:
            graph[importer].add(module)
    tuple(graphlib.TopologicalSorter(graph).static_order())


def test_no_package_is_crowded() -> None:
    folders = [path.parent for path in (*ALL, *TESTS)]
    assert {str(folder.relative_to(ROOT)) for folder in folders if folders.count(folder) > MOST_MODULES} == set()


def test_tests_stand_where_the_sources_do() -> None:
    """A folder of tests/engine, tests/gateway and so on is a package of the sources."""
    mirrors = {path.parent for path in TESTS if path.relative_to(ROOT).parts[1] in TOPS}
    assert len(mirrors) > len(TOPS)
    assert [folder for folder in mirrors if not (ROOT / folder.relative_to(ROOT / "tests")).is_dir()] == []


def test_only_entries_are_called_from_python() -> None:
    """A kernel without the wrapper for Python has nothing to be called by, and only kernels may import one."""
    inner = {
        (name_of(path), function.name)
        for path in ALL
        for function in compiled_functions(path)
        if not any(getattr(mark, "id", "") in ("entry", "rare_entry") for mark in function.decorator_list)
    }
    assert len(inner) > 100
    for path in ALL:
        if not any(compiled_functions(path)):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ImportFrom):
                    assert not inner & {(node.module, alias.name) for alias in node.names}, name_of(path)


def test_the_gateway_sees_only_the_engines_door() -> None:
    wrong = [
        f"{importer} imports {module}"
        for importer, module in imported()
        if importer.startswith("gateway") and module.startswith("engine.") and not module.startswith(DOOR)
    ]
    assert wrong == []


NO_NUMPY = ("engine.model.reasons", "engine.model.scale", "engine.model.bounds")
"""What the protocol may know of the engine."""


def test_the_protocol_needs_no_numpy_and_the_client_nothing_but_the_protocol() -> None:
    wrong = [
        f"{importer} imports {module}"
        for importer, module in imported()
        if (importer.startswith("gateway.protocol") and not module.startswith(("gateway.protocol", *NO_NUMPY)))
        or (importer.startswith("gateway.client") and not module.startswith(("gateway.client", "gateway.protocol")))
    ]
    assert wrong == []


def test_the_client_loads_neither_numpy_nor_numba() -> None:
    """Whoever only plays should not have to wait for them."""
    code = "import sys, gateway.client; sys.exit(bool({'numpy', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_invariants_know_the_state_and_nothing_that_made_it() -> None:
    wrong = [
        f"{importer} imports {module}"
        for importer, module in imported()
        if importer.startswith("engine.invariants") and not module.startswith(("engine.model", "engine.invariants"))
    ]
    assert wrong == []


def test_prefetching_is_a_pass_that_only_the_batch_loop_calls() -> None:
    loop, own = "engine.batch.loop", "engine.batch.prefetch"
    for path in ALL:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
                if node.module == own:
                    assert name_of(path) == loop, name_of(path)
                if node.module == "engine.jit.intrinsics" and names & {"prefetch", "prefetch_third"}:
                    # A row that is taken from a free list asks for the next one: that is no rule's doing.
                    assert name_of(path) in (own, "engine.storage.free_rows"), name_of(path)
            if isinstance(node, ast.Attribute) and node.attr == "prefetched":
                assert name_of(path) == own, f"{name_of(path)} reads what prefetching has found"
    found = next(path for path in ALL if name_of(path) == loop)
    calls = [ast.unparse(node.func) for node in ast.walk(tree(found)) if isinstance(node, ast.Call)]
    assert sorted(name for name in calls if name.startswith("prefetch")) == ["prefetch_commands", "prefetch_due"]
