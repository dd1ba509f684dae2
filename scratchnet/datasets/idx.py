"""IDX, the file format of MNIST: a header that says type and shape, then the bare numbers.

    byte     0   1   2      3       4 .. 7   8 .. 11  ..   4 + 4*ndim ..
    holds    00  00  type   ndim    dim 0    dim 1    ..   the values in C order (last index fastest)
                                    each a big-endian uint32

    type     08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64; values are big-endian too
    example  train-images-idx3-ubyte starts  00 00 08 03  00 00 ea 60  00 00 00 1c  00 00 00 1c:
             uint8, 3 dimensions, 60000 x 28 x 28; and 47040000 bytes of pixels follow

The files are usually gzipped, which `read` sees by itself.
"""

import gzip
import io
import math
import os
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

import numpy as np

from scratchnet.datasets.errors import DataError
from scratchnet.files import atomic_write
from scratchnet.typing import Array

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Source: TypeAlias = str | os.PathLike[str] | BinaryIO

TYPES = {code: np.dtype(name) for code, name in {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}.items()}
MAX_NDIM = 64  # NumPy's limit; the format's own is 255
CHUNK = 1 << 20
MOST_TIMES = 32  # MNIST's images are packed to a fifth


class IdxError(DataError):
    """Not an IDX file, or a damaged one: the file, the field, what was found and what was wanted."""


def read(source: Source) -> Array:
    """The array in an IDX file (a path or a binary file object, gzipped or not): writable, native byte order, C order.

    A header is a promise, not a fact: values are read piece by piece, so memory grows with what the file really holds,
    and reading stops at the first byte too many. A gzip file may unpack to MOST_TIMES its size, and a CHUNK besides.

    Errors    IdxError if the bytes are not exactly one IDX array; OSError if the file can't be read at all
    """
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return _read(file, os.fspath(source))
    if not hasattr(source, "readinto"):
        raise TypeError(f"idx.read: source must be a path or a file opened in binary mode, got {type(source).__name__}")
    return _read(source, str(getattr(source, "name", "<bytes>")))


def write(target: Source, array: Array) -> None:
    """Write an array as IDX; a path that ends in .gz is gzipped, always to the same bytes (no time stamp, no name).

    A path gets its new content in one step (see `atomic_write`): whoever reads it meanwhile sees the old file or the new
    one. A file object is written to as it is, never gzipped.

    Errors    TypeError if IDX has no type for these values; ValueError if it has no place for this shape
    """
    array = np.asarray(array)
    head = header(array)
    data = array.astype(TYPES[head[2]], copy=False).tobytes()  # in C order
    if not isinstance(target, str | os.PathLike):
        target.write(head + data)
        return
    with atomic_write(target) as file:
        if Path(target).suffix.lower() == ".gz":
            with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
                packed.write(head + data)
        else:
            file.write(head + data)


def header(array: Array) -> bytes:
    """The bytes that come before this array's values: 00 00, type, ndim, dimensions."""
    codes = [code for code, dtype in TYPES.items() if dtype == array.dtype.newbyteorder(">")]
    if not codes:
        names = " ".join(dtype.name for dtype in TYPES.values())
        raise TypeError(f"idx.write: IDX can't hold {array.dtype}; convert with array.astype(...) to one of {names}")
    if array.ndim == 0 or max(array.shape) >= 2**32:
        raise ValueError(f"idx.write: IDX wants 1 or more dimensions, each below 2**32, got shape {array.shape}")
    return bytes([0, 0, codes[0], array.ndim]) + np.array(array.shape, ">u4").tobytes()


class _Counted(io.RawIOBase):
    """Reads from a file, and counts the bytes; any object with readinto will do."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.count = cast(io.RawIOBase, file), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        size = self.file.readinto(buffer)
        self.count += size or 0
        return size


def _read(file: BinaryIO, name: str) -> Array:
    raw = _Counted(file)
    buffered = io.BufferedReader(raw)  # to peek
    try:
        if buffered.peek(2)[:2] != b"\x1f\x8b":
            return _parse(buffered, name, raw)
        with gzip.GzipFile(fileobj=buffered, mode="rb") as unpacked:
            return _parse(unpacked, name, raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise IdxError(f"{name}: gzip: found damaged or cut off data ({error}), wanted a whole gzip file") from error


def _parse(file: io.BufferedIOBase, name: str, raw: _Counted) -> Array:
    magic = file.read(4)
    if not magic:
        raise IdxError(f"{name}: magic: found an empty file, wanted 4 bytes")
    if magic[:2] != b"\0\0"[: len(magic)]:
        found = f"0x{magic.hex()}{_looks_like(magic + file.read(60))}"
        raise IdxError(f"{name}: magic: found {found}, wanted 0x0000 and type and number of dimensions, as in 0x00000803")
    if len(magic) < 4:
        raise IdxError(f"{name}: magic: found only {len(magic)} bytes, wanted 4")
    code, ndim = magic[2:]
    if code not in TYPES:
        wanted = " ".join(f"{known:02x}" for known in TYPES)
        raise IdxError(f"{name}: type code: found {code:02x}, wanted one of {wanted}")
    if not 1 <= ndim <= MAX_NDIM:
        raise IdxError(f"{name}: number of dimensions: found {ndim}, wanted 1 to {MAX_NDIM}")
    raw_shape = file.read(4 * ndim)
    if len(raw_shape) < 4 * ndim:
        raise IdxError(f"{name}: dimensions: found {len(raw_shape)} bytes, wanted {4 * ndim} for {ndim} dimensions")

    shape = tuple(np.frombuffer(raw_shape, ">u4").tolist())
    dtype = TYPES[code]
    size = math.prod(shape) * dtype.itemsize
    promise = f"{' x '.join(map(str, shape))} {dtype.name}"
    if math.prod(max(dim, 1) for dim in shape) * dtype.itemsize > sys.maxsize:
        raise IdxError(f"{name}: dimensions: found {promise}, wanted an array that fits in memory")
    values = bytearray()  # unlike bytes it may be written to, so the array needs no copy
    while len(values) < size:
        chunk = file.read(min(CHUNK, size - len(values)))
        if not chunk:
            raise IdxError(f"{name}: values: found {len(values)} bytes, wanted {size} as the header says ({promise})")
        values += chunk
        if len(values) > MOST_TIMES * raw.count + CHUNK:
            raise IdxError(
                f"{name}: gzip: found {len(values)} bytes in {raw.count}, wanted at most {MOST_TIMES} times as many"
            )
    if file.read(1):
        raise IdxError(f"{name}: end: found more bytes, wanted none after the {size} the header says ({promise})")
    return np.ndarray(shape, dtype, buffer=values).astype(dtype.newbyteorder("="), copy=False)


def _looks_like(start: bytes) -> str:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:4].decode("ascii", "replace")
    text = "".join(c for c in text if c.isprintable())
    if text.startswith("<"):
        return f' ("{text}", looks like an HTML page)'
    return " (gzipped twice?)" if start.startswith(b"\x1f\x8b") else ""
