"""NumPy arrays that several processes see."""

from __future__ import annotations

import ctypes
import math
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np

from scratchnet.typing import Array

ALIGNMENT = 64  # a cache line: arrays that different processes write don't share one


class SharedArrays:
    """Named arrays in one block of shared memory; handed to a child process, they are the same memory there.

    The block is a file without a name (multiprocessing.RawArray), so nothing stays behind, however the processes end.
    """

    def __init__(self, context: BaseContext, wanted: dict[str, tuple[tuple[int, ...], Any]]) -> None:
        self._wanted = wanted
        size = sum(_rounded(shape, dtype) for shape, dtype in wanted.values())
        self._block = context.RawArray(ctypes.c_byte, size + ALIGNMENT)

    def arrays(self) -> dict[str, Array]:
        """The arrays by name: zeros at first."""
        memory = np.frombuffer(memoryview(self._block), np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        arrays = {}
        for name, (shape, dtype) in self._wanted.items():
            arrays[name] = np.ndarray(shape, dtype, memory, start)
            start += _rounded(shape, dtype)
        return arrays


def _rounded(shape: tuple[int, ...], dtype: Any) -> int:
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return -(-size // ALIGNMENT) * ALIGNMENT
