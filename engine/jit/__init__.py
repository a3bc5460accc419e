"""All compiled code: one file per noun, and the decorator that compiles it.

numba's cache watches only the file that a function stands in, so an edit in a callee would leave a stale caller.
Here the cache directory is named by a hash of everything that is compiled in: the kernels, and the constants and
record layouts that they freeze. An edit anywhere gives a fresh directory; nothing stale can be loaded.

With NUMBA_DISABLE_JIT=1 every kernel is the plain Python function that it reads as.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy

from engine.jit.compiler import CompilerForEntries, CompilerForKernels, wide

F = TypeVar("F", bound=Callable[..., Any])

JIT_DISABLED: bool = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]

_ENGINE = Path(__file__).parent.parent


def sources_hash() -> str:
    """Hash of all that is compiled and of the compiler: the name of the cache directory."""
    digest = hashlib.blake2b(f"{numba.__version__} {numpy.__version__}".encode(), digest_size=8)
    for path in sorted(_ENGINE.rglob("*.py")):
        digest.update(str(path.relative_to(_ENGINE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def cache_directory() -> Path:
    """Where compiled kernels are kept: $ARENA_KERNEL_CACHE, or tick-arena under the user's cache folder."""
    home = os.environ.get("ARENA_KERNEL_CACHE")
    base = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tick-arena"
    return base / f"kernels-{sources_hash()}"


def drop_stale_caches(keep: int = 3) -> None:
    """Delete the cache directories of older sources, all but the newest `keep`."""
    directories = sorted(cache_directory().parent.glob("kernels-*"), key=lambda path: path.stat().st_mtime)
    for directory in directories[:-keep]:
        shutil.rmtree(directory, ignore_errors=True)


numba.config.CACHE_DIR = str(cache_directory())  # type: ignore[attr-defined]


_OPTIONS: dict[str, Any] = {
    # Drops the zero checks of divisions: kernels divide only by what admission has bounded.
    "error_model": "numpy",
    # No reference counts, and so no allocation either: a kernel that needs one does not compile.
    "_nrt": False,
    "no_cfunc_wrapper": True,
}
_FOR_KERNELS: dict[str, Any] = {**_OPTIONS, "no_cpython_wrapper": True, "pipeline_class": CompilerForKernels}


def kernel(function: F) -> F:
    """Compile `function` into the kernels that call it. Integers in, integers out; effects only through its arrays.

    It is inlined: Book is a tuple of some sixty arrays, which a call would copy. Python cannot call it.
    """
    return _compiled(function, **_FOR_KERNELS, forceinline=True)


def rare_kernel(function: F) -> F:
    """A kernel that is called, not inlined: large, needed in several places, and seldom on the path of a command.

    The call costs some 100 ns; a copy of a large kernel in each of its callers costs seconds of compilation.
    """
    return _compiled(function, **_FOR_KERNELS, forceinline=False)


def entry(function: F) -> F:
    """A kernel that Python calls: it has all that it calls within it, and is kept in the cache."""
    return _compiled(function, **_OPTIONS, pipeline_class=CompilerForEntries, forceinline=True, cache=True)


def settled(compiled: F) -> F:
    """The entry, which has been called before, for whoever always calls it with arguments of the same types: numba does
    not look at them again, which would take two thirds of a call."""
    if JIT_DISABLED:
        return compiled
    (only,) = cast(Any, compiled).overloads.values()
    return cast(F, only.entry_point)


def _compiled(function: F, **options: Any) -> F:
    if JIT_DISABLED:
        return function
    compiled: Any = numba.njit(**options)(function)
    template_for = compiled.get_call_template
    compiled.get_call_template = lambda args, kws: template_for(tuple(wide(argument) for argument in args), kws)
    return cast(F, compiled)
