"""How kernels are compiled, called and cached: the decorators, on top of numba.

    compiler.py     numba's pipeline: kernels are inlined into the entries that call them
    bundles.py      arrays passed to compiled code as one argument: ArrayBundle, RecordView
    intrinsics.py   LLVM instructions: prefetch, comparing a cache line, bit scans
    caching.py      where compiled code is kept
    sources.py      the source files that compiled code depends on, and their hash
    plain.py        the same tables for kernels that run as plain Python

With NUMBA_DISABLE_JIT=1 every kernel is a plain Python function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from engine.jit.caching import KernelCache, target_packaged_processor
from engine.jit.compiler import EntryCompiler, KernelCompiler, canonical_type

F = TypeVar("F", bound=Callable[..., Any])

JIT_DISABLED: bool = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]

target_packaged_processor()


_OPTIONS: dict[str, Any] = {
    # No check for division by zero: kernels divide only by values that commands were checked for.
    "error_model": "numpy",
    # No reference counting, hence no allocation: a kernel that allocates does not compile.
    "_nrt": False,
    "no_cfunc_wrapper": True,
}


def kernel(function: F) -> F:
    """A compiled function that is inlined into its callers. Integers in, integers out; effects only through its arrays.

    Python cannot call it.
    """
    return function if JIT_DISABLED else cast(F, _for_kernels(function, inlined=True))


def rare_kernel(function: F) -> F:
    """A kernel that is never inlined: for large functions with several callers, off the usual path of a command.

    A call costs some nanoseconds; a copy of a large kernel in each caller costs seconds of compilation.
    """
    return function if JIT_DISABLED else cast(F, _for_kernels(function, inlined=False))


def entry(function: F) -> F:
    """A kernel that Python can call. Its machine code contains all kernels that it calls, and is cached on disk."""
    return function if JIT_DISABLED else cast(F, _for_python(function, inlined=True))


def rare_entry(function: F) -> F:
    """An entry that is not inlined into the kernels that call it."""
    return function if JIT_DISABLED else cast(F, _for_python(function, inlined=False))


def _for_kernels(function: Callable[..., Any], inlined: bool) -> Any:
    options = {**_OPTIONS, "no_cpython_wrapper": True, "pipeline_class": KernelCompiler, "forceinline": inlined}
    compiled: Any = numba.njit(**options)(function)
    template_for = compiled.get_call_template
    compiled.get_call_template = lambda args, kws: template_for(tuple(map(canonical_type, args)), kws)
    return compiled


def _for_python(function: Callable[..., Any], inlined: bool) -> Any:
    """An entry for Python. Kernels that call it link its LLVM IR, compiled by `_for_kernels`, instead."""
    compiled: Any = numba.njit(**_OPTIONS, pipeline_class=EntryCompiler, forceinline=True)(function)
    compiled._cache = KernelCache(function)
    linked = _for_kernels(function, inlined)
    compiled.get_call_template, compiled.get_overload = linked.get_call_template, linked.get_overload
    return compiled


def signature(compiled: Any, parameters: dict[str, Any]) -> tuple[Any, ...]:
    """The numba types of an entry's parameters: int64, unless `parameters` (model/signatures.py) names another."""
    code = compiled.py_func.__code__
    entry_name = f"{compiled.py_func.__module__.rpartition('.')[2]}.{compiled.__name__}"
    found = []
    for name in code.co_varnames[: code.co_argcount]:
        example = parameters.get(f"{entry_name}.{name}", parameters.get(name, 0))
        found.append(getattr(example, "_numba_type_", None) or numba.typeof(example))
    return tuple(found)


def specialized(compiled: F) -> F:
    """The machine code of an entry that was compiled for one signature, called without numba's type dispatch, which
    takes two thirds of a call. Arguments of other types are not detected."""
    if JIT_DISABLED:
        return compiled
    (only,) = cast(Any, compiled).overloads.values()
    return cast(F, only.entry_point)
