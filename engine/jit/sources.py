"""Which sources machine code is made of: found from what they say and import, so that it follows them wherever they go.

Needs no compiler, and takes some milliseconds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ENGINE: Final = Path(__file__).parent.parent

_COMPILED: Final = re.compile(
    r"^@(?:kernel|rare_kernel|entry|rare_entry|intrinsic)\b|^class \w+\((?:Tables|Overlay)\b", re.MULTILINE
)
"""A file of which something is compiled, or that declares what compiled code is handed."""

_IMPORT: Final = re.compile(
    r"^\s*(?:from\s+(engine[\w.]*)\s+import\s+(\([^)]*\)|.*)|import\s+(engine[\w.]*))", re.MULTILINE
)


def compiled_sources(engine: Path = _ENGINE) -> list[Path]:
    """The files of the engine of which something is compiled, and all that they import of it: machine code has their
    constants, record layouts and functions in it."""
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
    """Hash of all of them."""
    digest = hashlib.blake2b(digest_size=8)
    for path in compiled_sources(engine):
        digest.update(_module(path, engine).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _module(path: Path, engine: Path) -> str:
    return ".".join(path.relative_to(engine.parent).with_suffix("").parts).removesuffix(".__init__")


def _imports(text: str) -> Iterator[str]:
    """Modules that a file may import, and the packages that they are in; of `from a import b`, `a.b` may be one."""
    for source, names, module in _IMPORT.findall(text):
        parts = (source or module).split(".")
        yield from (".".join(parts[:length]) for length in range(2, len(parts) + 1))
        yield from (f"{source}.{name}" for name in re.findall(r"\w+", names))
