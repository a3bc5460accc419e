"""The project's sources, as the architecture tests see them: files, module names, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ENGINE = sorted((ROOT / "engine").rglob("*.py"))
ALL = sorted(path for part in ("engine", "persistence", "gateway", "bench") for path in (ROOT / part).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
COMPILERS = ("kernel", "rare_kernel", "entry", "rare_entry")
"""The decorators of what is compiled."""


def name_of(path: Path) -> str:
    """engine/trading/orders.py -> engine.trading.orders; a package's __init__.py is the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Modules that the file imports anywhere in it, lazily and for types too; `from engine import views` is
    engine.views."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                place = ROOT / below.replace(".", "/")
                yield below if place.with_suffix(".py").exists() or place.is_dir() else str(node.module)


def compiled_functions(path: Path) -> Iterator[ast.FunctionDef]:
    """The kernels and entries in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(mark, ast.Name) and mark.id in COMPILERS for mark in node.decorator_list
        ):
            yield node
