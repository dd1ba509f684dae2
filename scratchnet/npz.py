"""Writing .npz archives, and reading those that a stranger may have made: plain arrays alone, for no more memory than the
file accounts for.

np.load believes what it reads: it allocates what a header promises before it looks for it, unpacks a thousand times the
file's size, evaluates a header as Python, and takes the last of two members of one name. Here everything is checked first:

    members   a plain name, which stands there once; stored or deflated
    sizes     all members together unpack to at most so many times the size of the file
    headers   the line that NumPy writes, matched by a pattern, never evaluated; no Python objects
    values    as many bytes as the header says, and with the archive's checksum

Nothing is ever unpacked to disk, so a name can't lead anywhere. And writing them, so that they depend on the arrays alone.
"""

import io
import math
import re
import reprlib
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator

import numpy as np

from scratchnet.typing import Array, Params
from scratchnet.untrusted import one_line

SLACK = 1 << 20  # bytes that any archive may unpack to: small ones hold mostly headers
CHUNK = 1 << 20

_NAME = re.compile(r"[A-Za-z0-9_.]{1,100}")
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<>|][biufcSU]\d{1,9}|\|O)', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,19}, ?)*\d{0,19})\), \}\s*"
)
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, OverflowError, NotImplementedError)


class NpzError(ValueError):
    """Not an .npz archive, or a damaged or hostile one."""


def read(content: bytes, wanted: Collection[str] | None = None, *, times: int = 4) -> Params:
    """The arrays in an .npz file by name, or those of them that are wanted: writable, native byte order.

    ``times`` its own size is what the file may unpack to, SLACK besides: float weights hardly shrink, drawings do 5 times.

    Errors    NpzError that says what is wrong with it
    """
    try:
        if not zipfile.is_zipfile(io.BytesIO(content)):
            raise NpzError("it is no .npz archive")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = dict(_members(archive, wanted))
            unpacked = sum(member.file_size for member in members.values())
            if unpacked > times * len(content) + SLACK:
                raise NpzError(f"it unpacks to {unpacked} bytes, wanted at most {times} times its {len(content)}")
            return {name: _array(archive, name, member) for name, member in members.items()}
    except NpzError:
        raise
    except _DAMAGE as error:
        raise NpzError(one_line(error)) from error


def write(arrays: Params, *, comment: bytes = b"") -> bytes:
    """What ``np.savez`` writes, but for the time of day: the same arrays make the same bytes, and a clock that stands before
    1980, where zip archives have no date, is no error. The comment is the archive's, and the end of it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = comment
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return file.getvalue()


def _members(archive: zipfile.ZipFile, wanted: Collection[str] | None) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    seen = set()
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if not _NAME.fullmatch(name) or name == member.filename:
            raise NpzError(f"a member is called {reprlib.repr(member.filename)}, which is no array's name")
        if name in seen:
            raise NpzError(f"it has {name} twice")
        seen.add(name)
        if wanted is not None and name not in wanted:
            continue
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NpzError(f"{name} is encrypted, or packed in a way that NumPy does not write")
        yield name, member


def _array(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        start = file.read(len(_MAGIC) + 2)
        header = file.read(int.from_bytes(start[len(_MAGIC) :], "little"))
        found = _HEADER.fullmatch(header)
        if not start.startswith(_MAGIC) or found is None:
            raise NpzError(f"{name} has no header of a plain array, as NumPy writes it")
        if found[1] == b"|O":
            raise NpzError(f"{name} holds Python objects, which are never read")
        try:
            dtype = np.dtype(found[1].decode())
        except TypeError:
            raise NpzError(f"{name} has values of a type that there is not, {found[1].decode()}") from None
        shape = tuple(int(size) for size in found[3].decode().split(",") if size.strip())
        size, there = math.prod(shape) * dtype.itemsize, member.file_size - len(start) - len(header)
        if size != there:
            raise NpzError(f"{name} holds {there} bytes, its header says {size}: {' x '.join(map(str, shape))} {dtype}")
        values, at = bytearray(size), 0  # unlike bytes it may be written to, so the array needs no copy
        while chunk := file.read(CHUNK):  # to the end, where zipfile compares the checksum
            values[at : at + len(chunk)] = chunk
            at += len(chunk)
    if at != size:
        raise NpzError(f"{name} is cut off: {at} of {size} bytes")
    array: Array = np.ndarray(shape, dtype, buffer=values, order="F" if found[2] == b"True" else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)
