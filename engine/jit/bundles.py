"""How many arrays are handed to machine code at once.

numba takes a tuple apart array by array whenever Python calls: for the sixty of the book longer than most batches need.
What inherits from `Handed` keeps one array that tells where all of its own lie, and only that one is handed over; to
kernels it is a named tuple like any other.
"""

from __future__ import annotations

import itertools
from typing import Any, Self

import numba
import numpy as np
from llvmlite.ir import FunctionType, IntType
from numba.core import cgutils, types
from numba.core.imputils import lower_getattr_generic
from numba.extending import NativeValue, models, register_model, unbox
from numba.np.arrayobj import populate_array
from numpy.typing import NDArray

from engine.jit import JIT_DISABLED
from engine.jit.plain import readable


class _Layout:
    """The rows of a `Handed` under one name. Of an overlay they are made when Python first looks at them."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, handed: Any, owner: type) -> Any:
        if handed is None:
            return self.dtype
        rows = handed.__dict__[self._name] = readable(handed._memory.view(self.dtype))
        return rows


def rows_of(dtype: Any) -> Any:
    """Declares an array of rows of that dtype in a class that is `Handed`: of the class it is the dtype, of its
    instances the array."""
    return _Layout(np.dtype(dtype))


class Handed:
    """Arrays that machine code takes all at once."""

    _fields: tuple[str, ...]
    _memory: NDArray[Any]

    def __init_subclass__(cls) -> None:
        layouts = {name: value.dtype for name, value in cls.__dict__.items() if isinstance(value, _Layout)}
        cls._fields = tuple(layouts)
        if layouts and not JIT_DISABLED:
            arrays = [types.Array(numba.from_dtype(dtype), 1, "C") for dtype in layouts.values()]
            cls._numba_type_ = (_OverlayType if issubclass(cls, Overlay) else _TablesType)(arrays, cls)  # type: ignore[attr-defined]


class Tables(Handed):
    """Arrays that lie anywhere: each contiguous and of the dtype that the class declares, and none is ever replaced."""

    def __init__(self, **arrays: NDArray[Any]) -> None:
        assert arrays.keys() == set(self._fields), arrays.keys() ^ set(self._fields)
        for name, array in arrays.items():
            assert array.dtype == getattr(type(self), name), name
            assert array.flags.carray, name
        spans = sorted((array.ctypes.data, array.nbytes) for array in arrays.values())
        for (first, size), (following, _) in itertools.pairwise(spans):
            assert first + size <= following, "two arrays overlap"
        self.__dict__.update((name, arrays[name]) for name in self._fields)
        places = [(array.ctypes.data, len(array)) for array in self.arrays.values()]
        self.__dict__["_memory"] = np.array(places, np.int64).ravel()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} would lie elsewhere than kernels were told: make another with `having`")

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of them by name, in the order of their declaration."""
        return {name: self.__dict__[name] for name in self._fields}

    def having(self, **arrays: NDArray[Any]) -> Self:
        """The same, but for these."""
        return type(self)(**{**self.arrays, **arrays})


class Overlay(Handed):
    """One array of records, looked at through each of several layouts; nothing is copied."""

    def __init__(self, records: NDArray[Any]) -> None:
        assert records.flags.c_contiguous
        self._memory = records


class _HandedType(types.NamedTuple):  # type: ignore[misc]
    """A named tuple to kernels, but taken from Python in another way, and made of its arrays only when they are asked
    for: one word stands for sixty arrays of seven words each, which numba would hand from function to function."""

    def __init__(self, arrays: list[types.Array], handed: type[Handed]) -> None:
        super().__init__(arrays, handed)
        self.name = handed.__name__  # and not all its columns: it becomes part of the name of each function

    @property
    def key(self) -> Any:
        return self.instance_class


class _TablesType(_HandedType):
    """Where the words lie that tell where each array lies and how many rows it has."""


class _OverlayType(_HandedType):
    """Where the records lie, and how many bytes."""


@register_model(_TablesType)
class _TablesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, handed_type: Any) -> None:
        super().__init__(manager, handed_type, IntType(64).as_pointer())


@register_model(_OverlayType)
class _OverlayModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, handed_type: Any) -> None:
        super().__init__(manager, handed_type, [("data", types.voidptr), ("size", types.intp)])


@lower_getattr_generic(_TablesType)  # type: ignore[untyped-decorator]
def _array_of_tables(context: Any, builder: Any, tables_type: Any, tables: Any, name: str) -> Any:
    number = tables_type.fields.index(name)
    address, rows = (builder.load(cgutils.gep_inbounds(builder, tables, 2 * number + part)) for part in (0, 1))
    for word in address, rows:
        # The same for as long as compiled code runs: it is asked for once, whatever is written in between.
        word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return _array(context, builder, tables_type[number], address, rows)


@lower_getattr_generic(_OverlayType)  # type: ignore[untyped-decorator]
def _array_of_overlay(context: Any, builder: Any, overlay_type: Any, overlay: Any, name: str) -> Any:
    number = overlay_type.fields.index(name)
    address, size = (builder.extract_value(overlay, part) for part in (0, 1))
    array_type = overlay_type[number]
    item = size.type(array_type.dtype.bitwidth // 8)
    return _array(context, builder, array_type, address, builder.sdiv(size, item))


def _array(context: Any, builder: Any, array_type: Any, address: Any, rows: Any) -> Any:
    array = context.make_array(array_type)(context, builder)
    pointer = array.data.type
    item = rows.type(array_type.dtype.bitwidth // 8)
    populate_array(
        array,
        data=builder.inttoptr(address, pointer) if address.type == rows.type else builder.bitcast(address, pointer),
        shape=[rows],
        strides=[item],
        itemsize=item,
        meminfo=None,
    )
    return array._getvalue()


def _name(c: Any, text: str) -> Any:
    """Machine code for the one string of Python's that is that name, asked for once: from another of the same letters
    Python would not know at once what it has looked up before."""
    pointer = c.pyapi.pyobj
    kept = cgutils.add_global_variable(c.builder.module, pointer, f"name.{text}")
    kept.linkage = "internal"
    kept.initializer = pointer(None)
    with c.builder.if_then(cgutils.is_null(c.builder, c.builder.load(kept)), likely=False):
        interned = c.pyapi._get_function(FunctionType(pointer, [c.pyapi.cstring]), "PyUnicode_InternFromString")
        letters = c.context.insert_const_string(c.builder.module, text)
        c.builder.store(c.builder.call(interned, [letters]), kept)
    return c.builder.load(kept)


@unbox(_TablesType)  # type: ignore[untyped-decorator]
def _take_tables(tables_type: Any, tables: Any, c: Any) -> Any:
    memory, is_error = _memory(types.Array(types.int64, 1, "C"), tables, c)
    return NativeValue(memory.data, is_error=is_error)


@unbox(_OverlayType)  # type: ignore[untyped-decorator]
def _take_overlay(overlay_type: Any, overlay: Any, c: Any) -> Any:
    memory, is_error = _memory(overlay_type.types[0], overlay, c)
    taken = cgutils.create_struct_proxy(overlay_type)(c.context, c.builder)
    taken.data = c.builder.bitcast(memory.data, taken.data.type)
    taken.size = c.builder.mul(memory.nitems, memory.itemsize)
    return NativeValue(taken._getvalue(), is_error=is_error)


def _memory(memory_type: Any, handed: Any, c: Any) -> Any:
    """Machine code for the array that Python hands over, and whether it is none."""
    memory_of = c.pyapi.object_getattr(handed, _name(c, "_memory"))
    taken = c.unbox(memory_type, memory_of)
    c.pyapi.decref(memory_of)  # `handed` has it for as long as the call lasts
    return c.context.make_array(memory_type)(c.context, c.builder, taken.value), taken.is_error
