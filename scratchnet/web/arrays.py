"""Arrays and digits as JSON carries them."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import numpy as np

from scratchnet.models import INPUT_SHAPE
from scratchnet.typing import Array
from scratchnet.web.errors import bad_request

IMAGE = INPUT_SHAPE[1:]


def packed(array: Array) -> dict[str, Any]:
    """{"shape", "data"}: base64 of little-endian float32 in C order."""
    return {"shape": list(array.shape), "data": base64.b64encode(array.astype("<f4").tobytes()).decode()}


def finite(value: float) -> float | None:
    """A number that JSON knows; NaN and infinity become None."""
    return float(value) if math.isfinite(value) else None


def norm(array: Array) -> float | None:
    """The Euclidean norm."""
    with np.errstate(over="ignore", invalid="ignore"):
        return finite(math.sqrt(float(np.square(array, dtype=np.float64).sum())))


def packed_digit(digit: Array) -> str:
    """uint8 (28, 28) -> base64."""
    return base64.b64encode(digit.tobytes()).decode()


def read_digit(value: Any) -> Array:
    """base64 -> uint8 (28, 28).

    Errors    ApiError 400 if it is anything else
    """
    want = f"digit must be the base64 of {IMAGE[0] * IMAGE[1]} bytes, the {IMAGE[0]} x {IMAGE[1]} pixels"
    if not isinstance(value, str):
        raise bad_request(want)
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(want) from None
    if len(content) != IMAGE[0] * IMAGE[1]:
        raise bad_request(f"{want}, got {len(content)}")
    return np.frombuffer(content, np.uint8).reshape(IMAGE)
