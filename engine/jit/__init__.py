"""All compiled code: one file per noun, and the decorator that compiles it.

With NUMBA_DISABLE_JIT=1 every kernel is the plain Python function that it reads as.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from engine.jit.caching import KernelCache, compile_for_packaged
from engine.jit.compiler import CompilerForEntries, CompilerForKernels, wide

F = TypeVar("F", bound=Callable[..., Any])

JIT_DISABLED: bool = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]

compile_for_packaged()


_OPTIONS: dict[str, Any] = {
    # Drops the zero checks of divisions: kernels divide only by what admission has bounded.
    "error_model": "numpy",
    # No reference counts, and so no allocation either: a kernel that needs one does not compile.
    "_nrt": False,
    "no_cfunc_wrapper": True,
}


def kernel(function: F) -> F:
    """Compile `function` into the kernels that call it. Integers in, integers out; effects only through its arrays.

    It is inlined, and optimized as a part of whatever calls it. Python cannot call it.
    """
    return function if JIT_DISABLED else cast(F, _for_kernels(function, inlined=True))


def rare_kernel(function: F) -> F:
    """A kernel that is called, not inlined: large, needed in several places, and seldom on the path of a command.

    The call costs some nanoseconds; a copy of a large kernel in each of its callers costs seconds of compilation.
    """
    return function if JIT_DISABLED else cast(F, _for_kernels(function, inlined=False))


def entry(function: F) -> F:
    """A kernel that Python calls: it has all that it calls within it, and is kept in the cache."""
    return function if JIT_DISABLED else cast(F, _for_python(function, inlined=True))


def rare_entry(function: F) -> F:
    """An entry that kernels call as they call a rare kernel."""
    return function if JIT_DISABLED else cast(F, _for_python(function, inlined=False))


def _for_kernels(function: Callable[..., Any], inlined: bool) -> Any:
    options = {**_OPTIONS, "no_cpython_wrapper": True, "pipeline_class": CompilerForKernels, "forceinline": inlined}
    compiled: Any = numba.njit(**options)(function)
    template_for = compiled.get_call_template
    compiled.get_call_template = lambda args, kws: template_for(tuple(wide(argument) for argument in args), kws)
    return compiled


def _for_python(function: Callable[..., Any], inlined: bool) -> Any:
    """Of what kernels call, too, they take another than Python does: one that is no machine code by itself."""
    compiled: Any = numba.njit(**_OPTIONS, pipeline_class=CompilerForEntries, forceinline=True)(function)
    compiled._cache = KernelCache(function)
    for_kernels = _for_kernels(function, inlined)
    compiled.get_call_template, compiled.get_overload = for_kernels.get_call_template, for_kernels.get_overload
    return compiled


def signature(compiled: Any, parameters: dict[str, Any]) -> tuple[Any, ...]:
    """The types of an entry's parameters, of which those in `parameters` (model/signatures.py) are not integers."""
    code = compiled.py_func.__code__
    entry_name = f"{compiled.py_func.__module__.rpartition('.')[2]}.{compiled.__name__}"
    found = []
    for name in code.co_varnames[: code.co_argcount]:
        example = parameters.get(f"{entry_name}.{name}", parameters.get(name, 0))
        found.append(getattr(example, "_numba_type_", None) or numba.typeof(example))
    return tuple(found)


def settled(compiled: F) -> F:
    """The entry, which has been called before, for whoever always calls it with arguments of the same types: numba does
    not look at them again, which would take two thirds of a call."""
    if JIT_DISABLED:
        return compiled
    (only,) = cast(Any, compiled).overloads.values()
    return cast(F, only.entry_point)
