"""What the processor offers and numba does not: asking for memory before it is needed, comparing all words of a cache
line at once, and looking for a bit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from engine.kernels import JIT_DISABLED

_CACHE_LINE: Final = 64
_THIRD_LINE: Final = 2 * _CACHE_LINE

SLOTS_PER_LINE: Final = _CACHE_LINE // 8
"""Words of 64 bits in a cache line."""


@intrinsic
def _prefetch(typing_context: Any, array: Any, row: Any) -> Any:
    """Machine code that asks for the cache lines of array[row] (the first two of a longer row), for writing, and
    waits for nothing."""
    return _asking_for(array, 0, 2 * _CACHE_LINE)


@intrinsic
def _prefetch_third(typing_context: Any, array: Any, row: Any) -> Any:
    """The same for the third line of a row."""
    return _asking_for(array, _THIRD_LINE, _THIRD_LINE + _CACHE_LINE)


def _asking_for(array: Any, first: int, end: int) -> Any:
    """Signature and code of asking for the bytes from `first` to `end` of a row, as far as it goes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type = signature.args[0]
        view = context.make_array(array_type)(context, builder, arguments[0])
        start = cgutils.get_item_pointer(context, builder, array_type, view, [arguments[1]], wraparound=False)
        start = builder.bitcast(start, ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), word, word, word])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        size = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
        for offset in range(first, min(size, end), _CACHE_LINE):
            line = builder.gep(start, [ir.IntType(64)(offset)])
            builder.call(function, [line, word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@intrinsic
def _slots_with(typing_context: Any, words: Any, line: Any, word: Any) -> Any:
    """A bit for each of the eight words of the line, the lowest for the first: is it that word?"""
    return types.int64(words, types.int64, types.int64), partial(_compare, 0)


@intrinsic
def _slots_marked(typing_context: Any, words: Any, line: Any, mark: Any) -> Any:
    """The same for its upper half: is it that mark?"""
    return types.int64(words, types.int64, types.int64), partial(_compare, 32)


def _compare(dropped: int, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Machine code that compares what is above the `dropped` lowest bits of each word."""
    word, each = ir.IntType(64), ir.VectorType(ir.IntType(64), SLOTS_PER_LINE)
    words = context.make_array(signature.args[0])(context, builder, arguments[0])
    first = builder.gep(words.data, [builder.mul(arguments[1], word(SLOTS_PER_LINE))])
    line = builder.load(builder.bitcast(first, each.as_pointer()), align=8)
    wanted = builder.insert_element(ir.Constant(each, ir.Undefined), arguments[2], ir.IntType(32)(0))
    all_wanted = builder.shuffle_vector(wanted, wanted, ir.Constant(ir.VectorType(ir.IntType(32), SLOTS_PER_LINE), None))
    equal = builder.icmp_unsigned("==", builder.lshr(line, ir.Constant(each, [dropped] * SLOTS_PER_LINE)), all_wanted)
    return builder.zext(builder.bitcast(equal, ir.IntType(SLOTS_PER_LINE)), word)


@intrinsic
def _trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Number of the lowest bit that is 1, of a word that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


if JIT_DISABLED:

    def prefetch(array: Any, row: int) -> None:
        """Caches are no concern of plain Python."""

    prefetch_third = prefetch

    def slots_with(words: Any, line: int, word: int) -> int:
        return _bits(words[slot] == word for slot in range(line * SLOTS_PER_LINE, (line + 1) * SLOTS_PER_LINE))

    def slots_marked(words: Any, line: int, mark: int) -> int:
        return _bits(words[slot] >> 32 == mark for slot in range(line * SLOTS_PER_LINE, (line + 1) * SLOTS_PER_LINE))

    def _bits(answers: Iterable[bool]) -> int:
        return sum(1 << number for number, answer in enumerate(answers) if answer)

    def trailing_zeros(word: int) -> int:
        return (word & -word).bit_length() - 1

else:
    prefetch = _prefetch  # type: ignore[assignment]
    prefetch_third = _prefetch_third  # type: ignore[assignment]
    slots_with = _slots_with  # type: ignore[assignment]
    slots_marked = _slots_marked  # type: ignore[assignment]
    trailing_zeros = _trailing_zeros  # type: ignore[assignment]
