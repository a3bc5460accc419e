"""How kernels are compiled: by numba's pipeline, but for two things.

numba makes of each function machine code of its own, and a wrapper that takes Python's arguments: for what is
inlined into its callers both are work for nothing, and more than half of all that there is to do at a first start.
Here such a function stops at LLVM's intermediate code, which its callers take in and optimize as their own.

An index never counts from the end, as Python's do: each look at a table would have to ask whether it does, a tenth of
all that a kernel does. And no table overlaps another: what was read from one still holds when another was written to.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering


class _InlinedLibrary(JITCodeLibrary):
    """Code that is linked into other code, and never loaded by itself."""

    def _optimize_final_module(self) -> None:
        """Simplify; whoever takes it in optimizes it, knowing more."""
        passes, builder = self._codegen._module_pass_manager(
            opt=self._codegen._opt_level, cost="cheap", loop_vectorize=False, slp_vectorize=False
        )
        passes.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class _LowerApart(Lower):  # type: ignore[misc]
    """Tells LLVM which of the function's arrays overlap nothing else that it is given.

    Not of a function that is inlined into kernels: such a one may be given a row beside the table that it is of. Who
    takes it in knows what it takes; and may not be given one.
    """

    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)
        if self.flags.forceinline and self.flags.no_cpython_wrapper:
            return
        apart, rows = set(), set()
        for name, argument in zip(fndesc.args, fndesc.argtypes, strict=True):
            tables = getattr(argument, "instance_class", None)
            for number, field in enumerate(getattr(tables, "_fields", ())):
                if field in getattr(tables, "APART", ()):
                    apart.add(f"arg.{name}.{number}.4")  # of the parts of an array, where it lies is the fifth
                    rows.add(argument.types[number].dtype)
        for name, argument in zip(fndesc.args, fndesc.argtypes, strict=True):
            if isinstance(argument, types.Record) and argument in rows:
                raise TypeError(f"{fndesc.qualname}: {name} is a row of a table that is handed, too")
        for argument in self.function.args:
            if argument.name in apart:
                argument.add_attribute("noalias")


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lower(NativeLowering):
    """Lets every index of an array be taken as it is. As plain Python, kernels refuse negative ones (plain.py)."""

    _name = "lower"

    @property
    def lowering_class(self) -> type[Lower]:
        return _LowerApart

    def run_pass(self, state: Any) -> bool:
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
        if not state.flags.forceinline:
            state.library.get_function(state.cr.fndesc.mangled_name).add_function_attribute("noinline")
        # numba knows a compiled function by what Python would call. This raises, where nothing at all would crash.
        refuse = [f"{state.func_id.func_name} is for kernels: only an @entry can be called from Python"].remove
        state.cr = state.cr._replace(cfunc=refuse)
        state.targetctx.insert_user_function(refuse, state.cr.fndesc, [state.library])
        return True


def wide(argument: Any) -> Any:
    """The type as which a kernel takes an argument of type `argument`: all integers are the same to it, or it would be
    compiled again for an int32 of a column, for each constant, for each enumeration, and for an int64."""
    integer = (isinstance(argument, types.Integer) and argument.signed) or isinstance(argument, types.IntEnumMember)  # type: ignore[attr-defined]
    return types.int64 if integer else argument


class CompilerForEntries(CompilerBase):
    """numba's pipeline, but for its last step, of what Python calls."""

    lowering: type[NativeLowering] = _Lower

    def define_pipelines(self) -> list[PassManager]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.passes = [
            (self.lowering, about) if each is NativeLowering else (each, about) for each, about in manager.passes
        ]
        manager.finalize()
        return [manager]


class CompilerForKernels(CompilerForEntries):
    """The same of what only kernels call."""

    lowering = _LowerForKernels
