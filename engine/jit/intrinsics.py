"""What the processor offers and numba does not: asking for memory before it is needed, comparing all words of a cache
line at once, and looking for a bit."""

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

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = _line_of(context, builder, signature, arguments)
        return _bits(builder, builder.icmp_unsigned("==", line, _eight(builder, arguments[2])))

    return types.int64(words, types.int64, types.int64), generate


@intrinsic
def _slots_marked(typing_context: Any, words: Any, line: Any, mark: Any) -> Any:
    """The same: is that its upper half?"""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = _line_of(context, builder, signature, arguments)
        marks = builder.lshr(line, _each(32))
        return _bits(builder, builder.icmp_unsigned("==", marks, _eight(builder, arguments[2])))

    return types.int64(words, types.int64, types.int64), generate


@intrinsic
def _slots_outside(typing_context: Any, words: Any, line: Any, first: Any, count: Any) -> Any:
    """The same: is its lower half positive, and by its 31 bits not one of the `count` from `first` on?"""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = _line_of(context, builder, signature, arguments)
        return _bits(builder, _are_outside(builder, line, arguments[2], arguments[3]))

    return types.int64(words, types.int64, types.int64, types.int64), generate


@intrinsic
def _empty_outside(typing_context: Any, words: Any, line: Any, first: Any, count: Any) -> Any:
    """The same, and let them be 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place_of(context, builder, signature, arguments)
        line = builder.load(place, align=8)
        outside = _are_outside(builder, line, arguments[2], arguments[3])
        builder.store(builder.select(outside, _each(0), line), place, align=8)
        return _bits(builder, outside)

    return types.int64(words, types.int64, types.int64, types.int64), generate


_WORD: Final = ir.IntType(64)
_LINE: Final = ir.VectorType(_WORD, SLOTS_PER_LINE)


def _place_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Where that line of the array lies."""
    words = context.make_array(signature.args[0])(context, builder, arguments[0])
    first = builder.gep(words.data, [builder.mul(arguments[1], _WORD(SLOTS_PER_LINE))])
    return builder.bitcast(first, _LINE.as_pointer())


def _line_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The eight words of that line, in one register."""
    return builder.load(_place_of(context, builder, signature, arguments), align=8)


def _are_outside(builder: Any, line: Any, first: Any, count: Any) -> Any:
    """Eight answers, each in one bit: the highest of a word is not set where the number has its place beyond the count,
    is not negative, and where there is a word, as the highest bit but one says, which is in every mark."""
    place = builder.and_(builder.sub(line, _eight(builder, first)), _each(0x7FFFFFFF))
    is_within = builder.sub(place, _eight(builder, count))
    is_negative = builder.shl(line, _each(32))
    is_empty = builder.not_(builder.shl(line, _each(1)))
    inside = builder.or_(builder.or_(is_within, is_negative), is_empty)
    return builder.icmp_signed(">", inside, _each(-1))


def _each(word: int) -> Any:
    return ir.Constant(_LINE, [word] * SLOTS_PER_LINE)


def _eight(builder: Any, word: Any) -> Any:
    """The word eight times."""
    first = builder.insert_element(ir.Constant(_LINE, ir.Undefined), word, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), SLOTS_PER_LINE), None))


def _bits(builder: Any, answers: Any) -> Any:
    """Eight answers as the lowest bits of a word."""
    return builder.zext(builder.bitcast(answers, ir.IntType(SLOTS_PER_LINE)), _WORD)


@intrinsic
def _bits_in(typing_context: Any, word: Any) -> Any:
    """How many bits of the word are 1."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


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
        return _which(words, line, lambda each: each == word)

    def slots_marked(words: Any, line: int, mark: int) -> int:
        return _which(words, line, lambda each: each >> 32 == mark)

    def slots_outside(words: Any, line: int, first: int, count: int) -> int:
        def is_outside(each: int) -> bool:
            return 0 < each & 0xFFFFFFFF < 1 << 31 and (each - first) & 0x7FFFFFFF >= count

        return _which(words, line, is_outside)

    def empty_outside(words: Any, line: int, first: int, count: int) -> int:
        bits = slots_outside(words, line, first, count)
        for place in range(SLOTS_PER_LINE):
            if bits >> place & 1:
                words[line * SLOTS_PER_LINE + place] = 0
        return bits

    def _which(words: Any, line: int, answer: Callable[[int], bool]) -> int:
        return sum(answer(words[line * SLOTS_PER_LINE + place]) << place for place in range(SLOTS_PER_LINE))

    def bits_in(word: int) -> int:
        return word.bit_count()

    def trailing_zeros(word: int) -> int:
        return int(word & -word).bit_length() - 1

else:
    prefetch = _prefetch  # type: ignore[assignment]
    prefetch_third = _prefetch_third  # type: ignore[assignment]
    slots_with = _slots_with  # type: ignore[assignment]
    slots_marked = _slots_marked  # type: ignore[assignment]
    slots_outside = _slots_outside  # type: ignore[assignment]
    empty_outside = _empty_outside  # type: ignore[assignment]
    bits_in = _bits_in  # type: ignore[assignment]
    trailing_zeros = _trailing_zeros  # type: ignore[assignment]
