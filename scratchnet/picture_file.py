"""A picture file, which may be anybody's -> the digit in it, with bounds on what that may cost."""

from __future__ import annotations

import logging
import os
import warnings
from typing import BinaryIO

from scratchnet.picture import UnreadablePicture, digit_from_picture
from scratchnet.typing import Array
from scratchnet.untrusted import one_line

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else what it notes about odd files would be printed

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # Pillow knows more; for some of them it runs other programs
MOST_PIXELS = 50_000_000  # its header tells, so nothing larger is ever decoded; decoding takes up to 20 bytes a pixel
DECODED = 2048  # pixels a side that are enough: a JPEG can be decoded smaller


class TooManyPixels(UnreadablePicture):
    """The picture is larger than is allowed."""


def read_digit(
    source: str | os.PathLike[str] | BinaryIO, *, formats: tuple[str, ...] = FORMATS, most_pixels: int = MOST_PIXELS
) -> Array:
    """Prepared as MNIST was, see ``digit_from_picture``: the first picture in a file -> uint8 (28, 28).

    Errors    UnreadablePicture (TooManyPixels is one) if it is no picture, is damaged, or there is no digit in it; OSError
              if the file can't be opened
    """
    from PIL import Image, UnidentifiedImageError

    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return read_digit(file, formats=formats, most_pixels=most_pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about odd files
        try:
            picture = Image.open(source, formats=formats)
        except UnidentifiedImageError:
            raise UnreadablePicture(f"not a picture that can be read; wanted {', '.join(formats)}") from None
        except Exception as error:
            raise _unusable(error) from None
        with picture:
            if picture.width * picture.height > most_pixels:
                raise TooManyPixels(
                    f"the picture has {picture.width} x {picture.height} pixels; "
                    f"{most_pixels // 1_000_000} million are the most"
                )
            try:
                if picture.format == "JPEG":
                    picture.draft("RGB", (DECODED, DECODED))
                picture.load()
            except Exception as error:
                raise _unusable(error) from None
            return digit_from_picture(picture)


def _unusable(error: Exception) -> Exception:
    """Pillow's decoders, one for each format, raise nearly anything when a file is damaged."""
    if isinstance(error, MemoryError):
        return error
    return UnreadablePicture(f"not a picture that can be used: {one_line(error)}")
