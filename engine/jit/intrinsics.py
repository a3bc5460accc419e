"""Processor instructions that numba does not offer: prefetching, comparing the eight words of a cache line at once, bit
scans. Each has a plain Python twin below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from engine.jit import JIT_DISABLED

_CACHE_LINE: Final = 64
_THIRD_LINE: Final = 2 * _CACHE_LINE

SLOTS_PER_LINE: Final = _CACHE_LINE // 8
"""Words of 64 bits in a cache line."""


@intrinsic
def _prefetch(typing_context: Any, array: Any, row: Any) -> Any:
    """Prefetch the first two cache lines of array[row], for writing."""
    return _prefetch_lines(array, 0, 2 * _CACHE_LINE)


@intrinsic
def _prefetch_third(typing_context: Any, array: Any, row: Any) -> Any:
    """Prefetch the third cache line of array[row]."""
    return _prefetch_lines(array, _THIRD_LINE, _THIRD_LINE + _CACHE_LINE)


def _prefetch_lines(array: Any, first: int, end: int) -> Any:
    """Signature and code of a prefetch of bytes `first` to `end` of a row, clipped to its size."""

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
def _slots_equal(typing_context: Any, words: Any, line: Any, word: Any) -> Any:
    """Bit mask of the words in the line (bit 0: the first) that equal `word`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = _load_line(context, builder, signature, arguments)
        return _mask(builder, builder.icmp_unsigned("==", line, _broadcast(builder, arguments[2])))

    return types.int64(words, types.int64, types.int64), generate


@intrinsic
def _slots_with_mark(typing_context: Any, words: Any, line: Any, mark: Any) -> Any:
    """Bit mask of the words in the line whose upper 32 bits are `mark`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = _load_line(context, builder, signature, arguments)
        marks = builder.lshr(line, _constant_line(32))
        return _mask(builder, builder.icmp_unsigned("==", marks, _broadcast(builder, arguments[2])))

    return types.int64(words, types.int64, types.int64), generate


@intrinsic
def _slots_out_of_range(typing_context: Any, words: Any, line: Any, first: Any, count: Any) -> Any:
    """Bit mask of the words whose lower half, as an int32, is positive and not among the `count` numbers from `first`
    on, modulo 2^31."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = _load_line(context, builder, signature, arguments)
        return _mask(builder, _are_outside(builder, line, arguments[2], arguments[3]))

    return types.int64(words, types.int64, types.int64, types.int64), generate


@intrinsic
def _clear_out_of_range(typing_context: Any, words: Any, line: Any, first: Any, count: Any) -> Any:
    """Set those words to 0; returns their bit mask."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _line_pointer(context, builder, signature, arguments)
        line = builder.load(place, align=8)
        outside = _are_outside(builder, line, arguments[2], arguments[3])
        builder.store(builder.select(outside, _constant_line(0), line), place, align=8)
        return _mask(builder, outside)

    return types.int64(words, types.int64, types.int64, types.int64), generate


_WORD: Final = ir.IntType(64)
_LINE: Final = ir.VectorType(_WORD, SLOTS_PER_LINE)


def _line_pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Pointer to line number arguments[1] of the array arguments[0], as a vector of eight words."""
    words = context.make_array(signature.args[0])(context, builder, arguments[0])
    first = builder.gep(words.data, [builder.mul(arguments[1], _WORD(SLOTS_PER_LINE))])
    return builder.bitcast(first, _LINE.as_pointer())


def _load_line(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The eight words of that line, as a vector."""
    return builder.load(_line_pointer(context, builder, signature, arguments), align=8)


def _are_outside(builder: Any, line: Any, first: Any, count: Any) -> Any:
    """A vector of eight booleans, computed in the sign bits. A word is inside when its number is within the range, or
    negative, or the slot is empty: every mark has bit 62 set, an empty slot has not."""
    place = builder.and_(builder.sub(line, _broadcast(builder, first)), _constant_line(0x7FFFFFFF))
    is_within = builder.sub(place, _broadcast(builder, count))
    is_negative = builder.shl(line, _constant_line(32))
    is_empty = builder.not_(builder.shl(line, _constant_line(1)))
    inside = builder.or_(builder.or_(is_within, is_negative), is_empty)
    return builder.icmp_signed(">", inside, _constant_line(-1))


def _constant_line(word: int) -> Any:
    return ir.Constant(_LINE, [word] * SLOTS_PER_LINE)


def _broadcast(builder: Any, word: Any) -> Any:
    """A vector of eight copies of the word."""
    first = builder.insert_element(ir.Constant(_LINE, ir.Undefined), word, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), SLOTS_PER_LINE), None))


def _mask(builder: Any, answers: Any) -> Any:
    """A vector of eight booleans as the lowest bits of a word."""
    return builder.zext(builder.bitcast(answers, ir.IntType(SLOTS_PER_LINE)), _WORD)


@intrinsic
def _popcount(typing_context: Any, word: Any) -> Any:
    """Number of set bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@intrinsic
def _trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Number of the lowest set bit; `word` must not be 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


if JIT_DISABLED:

    def prefetch(array: Any, row: int) -> None:
        """No effect in plain Python."""

    prefetch_third = prefetch

    def slots_equal(words: Any, line: int, word: int) -> int:
        return _which(words, line, lambda each: each == word)

    def slots_with_mark(words: Any, line: int, mark: int) -> int:
        return _which(words, line, lambda each: each >> 32 == mark)

    def slots_out_of_range(words: Any, line: int, first: int, count: int) -> int:
        def is_outside(each: int) -> bool:
            return 0 < each & 0xFFFFFFFF < 1 << 31 and (each - first) & 0x7FFFFFFF >= count

        return _which(words, line, is_outside)

    def clear_out_of_range(words: Any, line: int, first: int, count: int) -> int:
        bits = slots_out_of_range(words, line, first, count)
        for place in range(SLOTS_PER_LINE):
            if bits >> place & 1:
                words[line * SLOTS_PER_LINE + place] = 0
        return bits

    def _which(words: Any, line: int, answer: Callable[[int], bool]) -> int:
        return sum(answer(words[line * SLOTS_PER_LINE + place]) << place for place in range(SLOTS_PER_LINE))

    def popcount(word: int) -> int:
        return word.bit_count()

    def trailing_zeros(word: int) -> int:
        return int(word & -word).bit_length() - 1

else:
    prefetch = _prefetch  # type: ignore[assignment]
    prefetch_third = _prefetch_third  # type: ignore[assignment]
    slots_equal = _slots_equal  # type: ignore[assignment]
    slots_with_mark = _slots_with_mark  # type: ignore[assignment]
    slots_out_of_range = _slots_out_of_range  # type: ignore[assignment]
    clear_out_of_range = _clear_out_of_range  # type: ignore[assignment]
    popcount = _popcount  # type: ignore[assignment]
    trailing_zeros = _trailing_zeros  # type: ignore[assignment]
