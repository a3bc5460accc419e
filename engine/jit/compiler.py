"""The compiler of kernels: numba's pipeline with fewer passes and another lowering.

numba compiles each function to machine code of its own, with a wrapper for calls from Python. A function that only
kernels call needs neither: here it stops at LLVM IR, and each entry links the IR of all that it calls and optimizes it
as a whole.

Negative indexes are not supported: the check for them at each access would be a tenth of a kernel's time.
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
    """A module of LLVM IR."""

    def _optimize_functions(self, module: Any) -> None:
        """Run the function passes on each definition; numba would run them on declarations too."""
        module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, builder)


class _InlinedLibrary(_Library):
    """LLVM IR of a kernel, linked into entries and never loaded by itself. It does not include its callees."""

    def finalize(self) -> None:
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True


class _EntryLibrary(_Library):
    """Code of an entry, linked with all that it calls."""

    def finalize(self) -> None:
        self._linking_libraries[:] = _callers_first(self._linking_libraries)
        super().finalize()

    def _verify_declare_only_symbols(self) -> None:
        missing = [each.name for each in self._final_module.functions if each.is_declaration and "_ZN" in each.name]
        assert not missing, missing


def _callers_first(libraries: list[Any]) -> list[Any]:
    """The libraries and their dependencies, callers first: linking takes from each only what is referenced so far."""
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


class _CachingTypingContext:
    """numba's typing context with a cache of resolved overloads: else some dozens of `+` are searched for each of
    thousands of additions."""

    _found: ClassVar[dict[Any, Any]] = {}

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, function: Any, arguments: Any, keywords: Any) -> Any:
        if keywords or not isinstance(function, types.Function):
            return self._context.resolve_function_type(function, arguments, keywords)
        key = function, tuple(arguments)
        if key not in self._found:
            self._found[key] = self._context.resolve_function_type(function, arguments, keywords)
        return self._found[key]


@register_pass(mutates_CFG=True, analysis_only=False)
class _TypeInference(NopythonTypeInference):
    _name = "types"

    def run_pass(self, state: Any) -> bool:
        context = state.typingctx
        state.typingctx = _CachingTypingContext(context)
        try:
            return bool(super().run_pass(state))
        finally:
            state.typingctx = context


class _FunctionLower(Lower):  # type: ignore[misc]
    """Marks functions without `forceinline` as noinline."""

    def setup_function(self, descriptor: Any) -> None:
        super().setup_function(descriptor)
        if not self.flags.forceinline:
            self.function.attributes.add("noinline")


@register_pass(mutates_CFG=True, analysis_only=False)
class _EntryLowering(NativeLowering):
    """Makes array indexes unsigned, without wraparound. As plain Python, kernels refuse negative ones (plain.py)."""

    _name = "lower"

    @property
    def lowering_class(self) -> type[Lower]:
        return _FunctionLower

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
class _KernelLowering(_EntryLowering):
    _name = "lower_for_kernels"

    def run_pass(self, state: Any) -> bool:
        state.library = _InlinedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        # numba identifies a compiled function by a builtin callable, and wants another one for each: a method of a
        # fresh list is one. Called from Python it raises, where None would crash.
        refuse = list[Any]().remove
        state.cr = state.cr._replace(cfunc=refuse)
        state.targetctx.insert_user_function(refuse, state.cr.fndesc, [state.library])
        return True


# Without the passes for what no kernel uses: closures, generators, `with`, raise, array expressions, literals.
_PASSES = (
    (TranslateByteCode, "bytecode"),
    (FixupArgs, "arguments"),
    (IRProcessing, "variables"),
    (ReconstructSSA, "single assignment"),
    (_TypeInference, "types"),
    (PreLowerStripPhis, "phis"),
    (IRLegalization, "deletions"),
    (AnnotateTypes, "annotations"),
)


def canonical_type(argument: Any) -> Any:
    """The type for which a kernel is compiled when it is called with `argument`: int64 for every signed integer. Else
    it would be compiled again for int32 columns, for constants and for enumerations."""
    integer = (isinstance(argument, types.Integer) and argument.signed) or isinstance(argument, types.IntEnumMember)  # type: ignore[attr-defined]
    return types.int64 if integer else argument


class EntryCompiler(CompilerBase):
    """numba's pipeline for entries, with our lowering."""

    lowering: type[NativeLowering] = _EntryLowering

    def define_pipelines(self) -> list[PassManager]:
        manager = PassManager("kernels")
        for each, about in [*_PASSES, (self.lowering, "lowering"), (NoPythonBackend, "result")]:
            manager.add_pass(each, about)
        manager.finalize()
        return [manager]


class KernelCompiler(EntryCompiler):
    """The pipeline for kernels, which ends at LLVM IR."""

    lowering = _KernelLowering
