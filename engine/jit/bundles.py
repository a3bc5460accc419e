"""Many arrays passed to compiled code as one argument.

numba unboxes a tuple array by array on each call from Python: for the sixty of the book that takes longer than most
batches. A subclass of `KernelArgument` passes a single array: for an ArrayBundle the addresses and lengths of its
arrays, for a RecordView its records. Kernels see a named tuple.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
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
from engine.jit.plain import for_kernels


class _ArrayField:
    """Descriptor of one array of a `KernelArgument`. A RecordView makes it on first access from Python."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, argument: Any, owner: type) -> Any:
        if argument is None:
            return self.dtype
        rows = argument.__dict__[self._name] = for_kernels(argument._memory.view(self.dtype))
        return rows


def rows_of(dtype: Any) -> Any:
    """Declares an array of that dtype in a `KernelArgument`: the attribute is the dtype on the class, the array on its
    instances."""
    return _ArrayField(np.dtype(dtype))


class KernelArgument:
    """Arrays that compiled code takes as one argument."""

    _fields: tuple[str, ...]
    _memory: NDArray[Any]

    def __init_subclass__(cls) -> None:
        layouts = {name: value.dtype for name, value in cls.__dict__.items() if isinstance(value, _ArrayField)}
        cls._fields = tuple(layouts)
        if layouts and not JIT_DISABLED:
            arrays = [types.Array(numba.from_dtype(dtype), 1, "C") for dtype in layouts.values()]
            cls._numba_type_ = (_RecordViewType if issubclass(cls, RecordView) else _ArrayBundleType)(arrays, cls)  # type: ignore[attr-defined]


class ArrayBundle(KernelArgument):
    """Separate arrays, each contiguous and of its declared dtype. Kernels know their addresses: none is replaced."""

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
        raise AttributeError(f"{name} is at an address that kernels know: make another bundle with `with_arrays`")

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, in the order of declaration."""
        return {name: self.__dict__[name] for name in self._fields}

    def with_arrays(self, **arrays: NDArray[Any]) -> Self:
        """A copy of the bundle in which these arrays replace those of the same names."""
        return type(self)(**{**self.arrays, **arrays})


class RecordView(KernelArgument):
    """One array of records, viewed through each of several layouts of the same size, or of a part of it. Not copied."""

    def __init_subclass__(cls, layouts: Mapping[str, np.dtype[Any]] | None = None) -> None:
        """Besides the layouts that the class declares it has these, by name."""
        for name, dtype in (layouts or {}).items():
            rows = rows_of(dtype)
            rows.__set_name__(cls, name)
            setattr(cls, name, rows)
        super().__init_subclass__()

    def __init__(self, records: NDArray[Any]) -> None:
        assert records.flags.c_contiguous
        assert records.dtype.itemsize == getattr(type(self), self._fields[0]).itemsize, records.dtype
        self._memory = records


class _ArgumentType(types.NamedTuple):  # type: ignore[misc]
    """A named tuple to kernels, passed as a pointer: an array's structure (seven words) is built where it is read, not
    sixty of them passed from function to function."""

    def __init__(self, arrays: list[types.Array], python_class: type[KernelArgument]) -> None:
        super().__init__(arrays, python_class)
        self.name = python_class.__name__  # without the columns: it becomes a part of each function's mangled name

    @property
    def key(self) -> Any:
        return self.instance_class


class _ArrayBundleType(_ArgumentType):
    """Pointer to int64 pairs: address and number of rows of each array."""


class _RecordViewType(_ArgumentType):
    """Pointer to the records, and their size in bytes."""


@register_model(_ArrayBundleType)
class _ArrayBundleModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, bundle_type: Any) -> None:
        super().__init__(manager, bundle_type, IntType(64).as_pointer())


@register_model(_RecordViewType)
class _RecordViewModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, view_type: Any) -> None:
        super().__init__(manager, view_type, [("data", types.voidptr), ("size", types.intp)])


@lower_getattr_generic(_ArrayBundleType)  # type: ignore[untyped-decorator]
def _lower_bundle_attribute(context: Any, builder: Any, bundle_type: Any, bundle: Any, name: str) -> Any:
    number = bundle_type.fields.index(name)
    address, rows = (builder.load(cgutils.gep_inbounds(builder, bundle, 2 * number + part)) for part in (0, 1))
    for word in address, rows:
        # Constant while compiled code runs, so LLVM may load it once, whatever is stored in between.
        word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return _array(context, builder, bundle_type[number], address, rows)


@lower_getattr_generic(_RecordViewType)  # type: ignore[untyped-decorator]
def _lower_view_attribute(context: Any, builder: Any, view_type: Any, view: Any, name: str) -> Any:
    number = view_type.fields.index(name)
    address, size = (builder.extract_value(view, part) for part in (0, 1))
    array_type = view_type[number]
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


def _interned_name(c: Any, text: str) -> Any:
    """Code for the interned Python string `text`, loaded once per module: Python's attribute caches compare names by
    identity."""
    pointer = c.pyapi.pyobj
    cached = cgutils.add_global_variable(c.builder.module, pointer, f"name.{text}")
    cached.linkage = "internal"
    cached.initializer = pointer(None)
    with c.builder.if_then(cgutils.is_null(c.builder, c.builder.load(cached)), likely=False):
        interned = c.pyapi._get_function(FunctionType(pointer, [c.pyapi.cstring]), "PyUnicode_InternFromString")
        letters = c.context.insert_const_string(c.builder.module, text)
        c.builder.store(c.builder.call(interned, [letters]), cached)
    return c.builder.load(cached)


@unbox(_ArrayBundleType)  # type: ignore[untyped-decorator]
def _unbox_bundle(bundle_type: Any, bundle: Any, c: Any) -> Any:
    memory, is_error = _unbox_memory(types.Array(types.int64, 1, "C"), bundle, c)
    return NativeValue(memory.data, is_error=is_error)


@unbox(_RecordViewType)  # type: ignore[untyped-decorator]
def _unbox_view(view_type: Any, view: Any, c: Any) -> Any:
    memory, is_error = _unbox_memory(view_type.types[0], view, c)
    unboxed = cgutils.create_struct_proxy(view_type)(c.context, c.builder)
    unboxed.data = c.builder.bitcast(memory.data, unboxed.data.type)
    unboxed.size = c.builder.mul(memory.nitems, memory.itemsize)
    return NativeValue(unboxed._getvalue(), is_error=is_error)


def _unbox_memory(memory_type: Any, argument: Any, c: Any) -> Any:
    """Code that unboxes the argument's `_memory`: the array, and whether that failed."""
    memory_of = c.pyapi.object_getattr(argument, _interned_name(c, "_memory"))
    unboxed = c.unbox(memory_type, memory_of)
    c.pyapi.decref(memory_of)  # the argument keeps a reference during the call
    return c.context.make_array(memory_type)(c.context, c.builder, unboxed.value), unboxed.is_error
