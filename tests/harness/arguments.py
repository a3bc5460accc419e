"""Arguments of ops, made from the Structs that decode them: such that fit, nearly fit, and do not."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from msgspec.inspect import (
    BoolType,
    DictType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from tests.harness.fuzzing import json_values, texts

KNOWN: Final[dict[str, list[Any]]] = {
    "symbol": ["BTCUSDT", "ETHUSDT", "NOPEUSDT"],
    "match": [1, 2, 3, 999],
    "game": [1, 2, 3, 999],
    "player": [1, 2, 999],
    "interval": ["1s", "1m", "1d", "7m"],
    "channels": [["me"], ["tick.BTCUSDT"], ["match.1", "me"], ["board.1", "tick.NOPEUSDT"], ["candle.BTCUSDT.1m"]],
    "asset": ["USDT", "DEMO", "GOLD_COIN"],
    "currency": ["USDT", "DEMO", ""],
    "margin": ["10", None],
    "quantity": ["0.001", None],
    "price": ["50000", "60000.00", "70000", None],
    "stop_loss": ["50000", "0", None],
    "take_profit": ["70000", "0", None],
    "stake": ["1", "1000"],
    "leverage": [1, 5, 10, 126],
    "zone": ["UTC", "Europe/Berlin", "Nowhere/Here"],
    "day_zone": ["UTC", "Europe/Berlin", "Nowhere/Here"],
    "status": ["open", "waiting", None],
}
"""By the name of a field: values with which a request comes past the first check."""

AMOUNTS: Final = ["0", "1", "10", "0.5", "100.25", "-1", "0.000000001", "1" + "0" * 30, "1e3", "NaN", " 1", "+1", ""]
EDGES: Final[list[Any]] = [
    -1,
    0,
    1,
    2**31 - 1,
    2**31,
    2**53,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64 - 1,
    1.0,
    0.5,
    True,
    None,
    "",
    {},
]
"""What is just beyond some bound, or just not of the type."""


def fitting(shape: Type) -> st.SearchStrategy[Any]:
    """Values, as they travel, that decode as that type; whether they make sense is another matter."""
    match shape:
        case StructType():
            return _struct(shape)
        case UnionType():
            return st.one_of(*(fitting(choice) for choice in shape.types))
        case LiteralType():
            return st.sampled_from(shape.values)
        case IntType():
            least = -(2**63) if shape.ge is None else shape.ge
            most = 2**63 - 1 if shape.le is None else shape.le
            return st.integers(least, most) | st.sampled_from([least, most]) | st.integers(least, min(most, least + 20))
        case StrType(pattern=str(pattern)):
            return st.from_regex(pattern)
        case StrType():
            text = st.text(min_size=shape.min_length or 0, max_size=min(shape.max_length or 40, 200))
            return text if shape.max_length is not None else text | st.sampled_from(AMOUNTS)
        case BoolType():
            return st.booleans()
        case NoneType():
            return st.none()
        case ListType() | VarTupleType():
            most = min(shape.max_length or 4, 4)
            return st.lists(fitting(shape.item_type), min_size=min(shape.min_length or 0, most), max_size=most)
        case DictType():
            names = fitting(shape.key_type) | st.sampled_from(["GOLD_COIN", "me", "match.1"])
            return st.dictionaries(names, fitting(shape.value_type), max_size=min(shape.max_length or 3, 3))
    raise AssertionError(f"no strategy for {shape}")


def _struct(shape: StructType) -> st.SearchStrategy[dict[str, Any]]:
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for field in shape.fields:
        values = fitting(field.type)
        if field.encode_name in KNOWN:
            values = st.sampled_from(KNOWN[field.encode_name]) | values
        (required if field.required else optional)[field.encode_name] = values
    if not optional:
        return st.fixed_dictionaries(required)
    few = st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({**required, **{name: optional[name] for name in names}}))


@st.composite
def _nearly(draw: st.DrawFn, right: st.SearchStrategy[Any], names: list[str]) -> Any:
    """What fits, but for a field: it is missing, of another value, or one that there is not."""
    args = dict(draw(right))
    change = draw(st.sampled_from(["lose", "set", "set", "add"]))
    if change == "add" or not names:
        args[draw(texts)] = draw(json_values)
    elif change == "lose":
        args.pop(draw(st.sampled_from(names)), None)
    else:
        args[draw(st.sampled_from(names))] = draw(st.sampled_from(EDGES) | st.sampled_from(AMOUNTS) | json_values)
    return args


def arguments_of(taken: type) -> st.SearchStrategy[Any]:
    """For an op that takes such a Struct."""
    shape = type_info(taken)
    assert isinstance(shape, StructType)
    right = _struct(shape)
    return right | right | _nearly(right, [field.encode_name for field in shape.fields]) | json_values
