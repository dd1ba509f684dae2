"""A picture file that somebody sent -> the digit in it, with bounds on what it may cost."""

from __future__ import annotations

import io
import warnings

from scratchnet.picture import UnreadablePicture, digit_from_picture
from scratchnet.typing import Array
from scratchnet.web.errors import ApiError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 24_000_000
"""A picture may have so many, which is what telephones make; its header tells, so nothing larger is ever decoded."""


def digit_in(content: bytes) -> Array:
    """Prepared as ``scratchnet predict`` does it: bytes of a picture file -> uint8 (28, 28).

    Errors    ApiError 413 for too many pixels; UnreadablePicture if it is no picture or there is no digit in it
    """
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise UnreadablePicture("the picture is empty: no bytes came")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's, about odd files
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise ApiError(
                        413,
                        "too-large",
                        f"the picture has {picture.width} x {picture.height} pixels; "
                        f"{MOST_PIXELS // 1_000_000} million are the most",
                    )
                picture.draft("RGB", (2048, 2048))  # a JPEG can be decoded smaller
                picture.load()
                return digit_from_picture(picture)
    except UnidentifiedImageError:
        raise UnreadablePicture(f"not a picture that can be read; wanted {', '.join(FORMATS)}") from None
    except UnreadablePicture:
        raise
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError, OverflowError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UnreadablePicture(f"not a picture that can be used: {reason}") from None
