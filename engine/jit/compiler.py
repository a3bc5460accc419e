"""How kernels are compiled: with those passes of numba's that they need, and the last of them another one.

numba makes of each function machine code of its own, and a wrapper that takes Python's arguments: for what only kernels
call both are work for nothing. Here such a function stops at LLVM's intermediate code, and each entry takes in, once,
the code of all that it calls and optimizes it as its own.

An index never counts from the end, as Python's do: each look at a table would have to ask whether it does, a tenth of
all that a kernel does.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba.core import ir, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import (
    AnnotateTypes,
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import FixupArgs, IRProcessing, ReconstructSSA, TranslateByteCode


class _Library(JITCodeLibrary):
    def _optimize_functions(self, module: Any) -> None:
        """Simplify each function by itself: not those that are only declared, as numba would."""
        module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, builder)


class _InlinedLibrary(_Library):
    """Code that is linked into other code, and never loaded by itself.

    It has not in it what it calls: an entry takes in, once each, all that it needs.
    """

    def finalize(self) -> None:
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True


class _EntryLibrary(_Library):
    """Code that Python calls, with all that it calls within it."""

    def finalize(self) -> None:
        self._linking_libraries[:] = _callers_first(self._linking_libraries)
        super().finalize()

    def _verify_declare_only_symbols(self) -> None:
        missing = [each.name for each in self._final_module.functions if each.is_declaration and "_ZN" in each.name]
        assert not missing, missing


def _callers_first(libraries: list[Any]) -> list[Any]:
    """The libraries, and all that they need: LLVM takes of each only what was called so far."""
    order: dict[Any, None] = {}

    def take(library: Any) -> None:
        if library not in order:
            if isinstance(library, _InlinedLibrary):
                for each in library._linking_libraries:
                    take(each)
            order[library] = None

    for library in libraries:
        take(library)
    return list(reversed(order))


class _Remembering:
    """What numba knows of types, and what it has found of them: which `+` of two integers is meant is looked for in
    some dozens of places, and asked thousands of times."""

    _found: ClassVar[dict[Any, Any]] = {}

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, function: Any, arguments: Any, keywords: Any) -> Any:
        if keywords or not isinstance(function, types.Function):
            return self._context.resolve_function_type(function, arguments, keywords)
        asked = function, tuple(arguments)
        if asked not in self._found:
            self._found[asked] = self._context.resolve_function_type(function, arguments, keywords)
        return self._found[asked]


@register_pass(mutates_CFG=True, analysis_only=False)
class _Types(NopythonTypeInference):
    _name = "types"

    def run_pass(self, state: Any) -> bool:
        context = state.typingctx
        state.typingctx = _Remembering(context)
        try:
            return bool(super().run_pass(state))
        finally:
            state.typingctx = context


class _LowerOne(Lower):  # type: ignore[misc]
    """What is not always inlined never is."""

    def setup_function(self, descriptor: Any) -> None:
        super().setup_function(descriptor)
        if not self.flags.forceinline:
            self.function.attributes.add("noinline")


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lower(NativeLowering):
    """Lets every index of an array be taken as it is. As plain Python, kernels refuse negative ones (plain.py)."""

    _name = "lower"

    @property
    def lowering_class(self) -> type[Lower]:
        return _LowerOne

    def run_pass(self, state: Any) -> bool:
        if state.library is None:
            state.library = _EntryLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
            state.library.enable_object_caching()
        for instruction, signature in list(state.calltypes.items()):
            indexes = isinstance(instruction, ir.SetItem) or getattr(instruction, "op", "") == "getitem"
            if indexes and isinstance(signature.args[0], types.Array) and isinstance(signature.args[1], types.Integer):
                array, _, *value = signature.args
                del state.calltypes[instruction]
                state.calltypes[instruction] = signature.replace(args=(array, types.uint64, *value))
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerForKernels(_Lower):
    _name = "lower_for_kernels"

    def run_pass(self, state: Any) -> bool:
        state.library = _InlinedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        # numba knows a compiled function by what Python would call. This raises, where nothing at all would crash.
        refuse = [f"{state.func_id.func_name} is for kernels: only an @entry can be called from Python"].remove
        state.cr = state.cr._replace(cfunc=refuse)
        state.targetctx.insert_user_function(refuse, state.cr.fndesc, [state.library])
        return True


# Without those that look for what no kernel has: closures, generators, `with`, raise, array expressions, literals.
_PASSES = (
    (TranslateByteCode, "bytecode"),
    (FixupArgs, "arguments"),
    (IRProcessing, "variables"),
    (ReconstructSSA, "single assignment"),
    (_Types, "types"),
    (PreLowerStripPhis, "phis"),
    (IRLegalization, "deletions"),
    (AnnotateTypes, "annotations"),
)


def wide(argument: Any) -> Any:
    """The type as which a kernel takes an argument of type `argument`: all integers are the same to it, or it would be
    compiled again for an int32 of a column, for each constant, for each enumeration, and for an int64."""
    integer = (isinstance(argument, types.Integer) and argument.signed) or isinstance(argument, types.IntEnumMember)  # type: ignore[attr-defined]
    return types.int64 if integer else argument


class CompilerForEntries(CompilerBase):
    """numba's pipeline, but for its last step, of what Python calls."""

    lowering: type[NativeLowering] = _Lower

    def define_pipelines(self) -> list[PassManager]:
        manager = PassManager("kernels")
        for each, about in [*_PASSES, (self.lowering, "lowering"), (NoPythonBackend, "result")]:
            manager.add_pass(each, about)
        manager.finalize()
        return [manager]


class CompilerForKernels(CompilerForEntries):
    """The same of what only kernels call."""

    lowering = _LowerForKernels
