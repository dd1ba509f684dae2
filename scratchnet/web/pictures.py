"""A picture file that a visitor sent -> the digit in it."""

from __future__ import annotations

import io

from scratchnet.picture import UnreadablePicture
from scratchnet.picture_file import TooManyPixels, read_digit
from scratchnet.typing import Array
from scratchnet.web.errors import ApiError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 24_000_000
"""A picture may have so many, which is what telephones make."""


def digit_in(content: bytes) -> Array:
    """Prepared as ``scratchnet predict`` does it: bytes of a picture file -> uint8 (28, 28).

    Errors    ApiError 413 for too many pixels; UnreadablePicture if it is no picture or there is no digit in it
    """
    if not content:
        raise UnreadablePicture("the picture is empty: no bytes came")
    try:
        return read_digit(io.BytesIO(content), formats=FORMATS, most_pixels=MOST_PIXELS)
    except TooManyPixels as error:
        raise ApiError(413, "too-large", str(error)) from None
