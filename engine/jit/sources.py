"""Which source files compiled code depends on, found from their decorators and imports, without importing them.

Takes some milliseconds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ENGINE: Final = Path(__file__).parent.parent

_COMPILED: Final = re.compile(
    r"^@(?:kernel|rare_kernel|entry|rare_entry|intrinsic)\b|^class \w+\((?:ArrayBundle|RecordView)\b", re.MULTILINE
)
"""Matches a file with compiled functions, or with arguments that compiled functions take."""

_IMPORT: Final = re.compile(
    r"^\s*(?:from\s+(engine[\w.]*)\s+import\s+(\([^)]*\)|.*)|import\s+(engine[\w.]*))", re.MULTILINE
)


def compiled_sources(engine: Path = _ENGINE) -> list[Path]:
    """The engine's files that contain compiled code, and all that they import from the engine: their constants, record
    layouts and functions are part of it."""
    texts = {path: path.read_text() for path in engine.rglob("*.py")}
    modules = {_module(path, engine): path for path in texts}
    pending = [path for path, text in texts.items() if _COMPILED.search(text)]
    found = set(pending)
    while pending:
        for module in _imports(texts[pending.pop()]):
            path = modules.get(module)
            if path is not None and path not in found:
                found.add(path)
                pending.append(path)
    return sorted(found)


def sources_hash(engine: Path = _ENGINE) -> str:
    """Hash of the names and contents of `compiled_sources`."""
    digest = hashlib.blake2b(digest_size=8)
    for path in compiled_sources(engine):
        digest.update(_module(path, engine).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _module(path: Path, engine: Path) -> str:
    return ".".join(path.relative_to(engine.parent).with_suffix("").parts).removesuffix(".__init__")


def _imports(text: str) -> Iterator[str]:
    """Modules that the file may import, and their packages; in `from a import b`, `a.b` may be a module."""
    for source, names, module in _IMPORT.findall(text):
        parts = (source or module).split(".")
        yield from (".".join(parts[:length]) for length in range(2, len(parts) + 1))
        yield from (f"{source}.{name}" for name in re.findall(r"\w+", names))
