"""How many arrays are handed to machine code at once.

numba takes a tuple apart array by array whenever Python calls: for the sixty of the book longer than most batches need.
What inherits from `Handed` keeps one array that tells where all of its own lie, and only that one is handed over; to
kernels it is a named tuple like any other.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, Self

import numba
import numpy as np
from llvmlite.ir import FunctionType
from numba.core import cgutils, types
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

    APART: ClassVar[frozenset[str]] = frozenset()
    """Those that overlap nothing else that is handed: what compiled code relies on."""

    _fields: tuple[str, ...]
    _memory: NDArray[Any]

    def __init_subclass__(cls) -> None:
        layouts = {name: value.dtype for name, value in cls.__dict__.items() if isinstance(value, _Layout)}
        cls._fields = tuple(layouts)
        if layouts and not JIT_DISABLED:
            arrays = [types.Array(numba.from_dtype(dtype), 1, "C") for dtype in layouts.values()]
            cls._numba_type_ = _HandedType(arrays, cls)  # type: ignore[attr-defined]


class Tables(Handed):
    """Arrays that lie anywhere: each contiguous and of the dtype that the class declares, and none is ever replaced."""

    def __init_subclass__(cls, row_by_row: tuple[str, ...] = ()) -> None:
        """Of the arrays named in `row_by_row`, kernels are handed single rows besides."""
        super().__init_subclass__()
        cls.APART = frozenset(cls._fields) - {*row_by_row}

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
    """A named tuple to kernels, but taken from Python in another way."""


register_model(_HandedType)(models.TupleModel)


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


@unbox(_HandedType)  # type: ignore[untyped-decorator]
def _take(handed_type: Any, handed: Any, c: Any) -> Any:
    """Machine code that makes the tuple when Python calls."""
    overlaid = issubclass(handed_type.instance_class, Overlay)
    memory_of = c.pyapi.object_getattr(handed, _name(c, "_memory"))
    memory_type = handed_type.types[0] if overlaid else types.Array(types.int64, 1, "C")
    taken = c.unbox(memory_type, memory_of)
    c.pyapi.decref(memory_of)  # `handed` has it for as long as the call lasts
    memory = c.context.make_array(memory_type)(c.context, c.builder, taken.value)
    word = c.context.get_value_type(types.intp)
    if overlaid:
        address = c.builder.ptrtoint(memory.data, word)
        size = c.builder.mul(memory.nitems, memory.itemsize)
    arrays = []
    for number, array_type in enumerate(handed_type.types):
        array = c.context.make_array(array_type)(c.context, c.builder)
        item = word(c.context.get_abi_sizeof(c.context.get_data_type(array_type.dtype)))
        if overlaid:
            rows = c.builder.sdiv(size, item)
        else:
            address, rows = (
                c.builder.load(cgutils.gep_inbounds(c.builder, memory.data, 2 * number + part)) for part in (0, 1)
            )
        populate_array(
            array,
            data=c.builder.inttoptr(address, array.data.type),
            shape=[rows],
            strides=[item],
            itemsize=item,
            meminfo=None,
        )
        arrays.append(array._getvalue())
    return NativeValue(c.context.make_tuple(c.builder, handed_type, arrays), is_error=taken.is_error)
