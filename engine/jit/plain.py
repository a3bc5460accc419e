"""Tables for kernels that run as plain Python (NUMBA_DISABLE_JIT=1): rows with attributes, and unbounded integers.

Compiled code reads `row.field` from structured arrays; Python does not, and numpy scalars would wrap like machine
words. Here a field is read as a Python int and written back into the array, where one that does not fit raises
OverflowError: what the compiled code would wrap silently, a rule test run this way finds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jit import JIT_DISABLED


class PlainTable(np.ndarray[Any, Any]):
    """A view of an array whose rows are `PlainRow`, and whose plain elements are Python ints."""

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer):
            self._refuse(int(key))
            if self.dtype.names:
                return PlainRow(self.view(np.ndarray), int(key))
            item = self.view(np.ndarray)[key]
            return int(item) if np.ndim(item) == 0 else item
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, int | np.integer):
            self._refuse(int(key))
        super().__setitem__(key, value)

    def __getattr__(self, name: str) -> Any:
        """A column, by its name, as compiled code reads it."""
        if self.dtype.names is None or name not in self.dtype.names:
            raise AttributeError(name)
        return self[name]

    def _refuse(self, key: int) -> None:
        """Compiled code checks neither the bounds of an index nor its sign; so plain Python refuses both."""
        if not 0 <= key < len(self):
            raise IndexError(key)


class PlainRow:
    """One row, by reference."""

    __slots__ = ("_row", "_table")

    def __init__(self, table: NDArray[Any], row: int) -> None:
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_row", row)

    def __getattr__(self, name: str) -> Any:
        column = self._table[name]
        if column.dtype.names:
            return PlainRow(column, self._row)
        item = column[self._row]
        return int(item) if np.ndim(item) == 0 else item.view(PlainTable)

    def __setattr__(self, name: str, value: Any) -> None:
        self._table[name][self._row] = value

    __getitem__ = __getattr__
    __setitem__ = __setattr__


def for_kernels(array: NDArray[Any]) -> NDArray[Any]:
    """The array as kernels take it: as it is when they are compiled, a PlainTable when they run as Python."""
    return array.view(PlainTable) if JIT_DISABLED else array
