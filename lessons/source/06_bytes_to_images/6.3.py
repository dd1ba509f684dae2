# %% [markdown]
# # The reader

# %% check
import functools
import math
import struct

import numpy as np

from scratchnet_lessons.exercises import Mistake, values

CODES = {">u1": 0x08, ">i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
TYPES = {code: kind for kind, code in CODES.items()}
REFUSED, TAKEN = "a ValueError", "no error"
WRITABLE, READ_ONLY = "an array that can be written to", "a read-only array"


def file_of(array, kind):
    head = bytes([0, 0, CODES[kind], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(kind).tobytes()


def parts(data):
    start = 4 + 4 * data[3]
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    return np.dtype(TYPES[data[2]]), shape, start


def is_idx(data):
    if data[:2] != bytes(2) or len(data) < 4 or len(data) < 4 + 4 * data[3]:
        return False
    dtype, shape, start = parts(data)
    return len(data) == start + math.prod(shape) * dtype.itemsize


def reference(data):
    if not is_idx(data):
        return REFUSED
    dtype, shape, start = parts(data)
    array = np.zeros(shape, dtype.newbyteorder("="))
    for place, index in enumerate(np.ndindex(shape)):  # the last axis runs fastest
        at = start + place * dtype.itemsize
        array[index] = np.frombuffer(data[at : at + dtype.itemsize], dtype)[0]
    return array


def that_asks(magic=True, short=True, long=True, one_byte=False, order="C"):
    """A reader that leaves out some of the questions."""

    def read_idx(data):
        if (magic and data[:2] != bytes(2)) or len(data) < 8 or data[2] not in TYPES:
            return REFUSED
        dtype, shape, start = parts(data)
        wanted = start + math.prod(shape) * (1 if one_byte else dtype.itemsize)
        if (short and len(data) < wanted) or (long and len(data) > wanted):
            return REFUSED
        if not short and len(data) < wanted:
            return TAKEN
        return np.frombuffer(data[:wanted], dtype, offset=start).reshape(shape, order=order).astype(dtype.newbyteorder("="))

    def on_all(data):
        result = read_idx(data)
        if result is REFUSED and is_idx(data):
            raise ValueError("a whole file refused")
        return TAKEN if not is_idx(data) and isinstance(result, np.ndarray) else result

    return on_all


def examine(read_idx):
    @functools.wraps(read_idx)
    def tried(data):
        """What it returns, in this machine's byte order, which is not the point; for a damaged file whether it refuses it."""
        if is_idx(data):
            array = read_idx(data)
            return array.astype(array.dtype.newbyteorder("=")) if isinstance(array, np.ndarray) else array
        try:
            read_idx(data)
        except ValueError:
            return REFUSED
        return TAKEN

    @functools.wraps(read_idx)
    def changeable(data):
        return WRITABLE if np.asarray(read_idx(data)).flags.writeable else READ_ONLY

    rng = np.random.default_rng(0)
    good = file_of(rng.integers(0, 256, (3, 4, 5)), ">u1")
    wide = file_of(rng.integers(-70000, 70000, (4, 2)), ">i4")
    yield values(
        tried,
        reference,
        (good,),
        (file_of(rng.integers(0, 10, 7), ">u1"),),
        (wide,),
        (file_of(rng.standard_normal((2, 3)), ">f4"),),
        (b"\x01\x00" + good[2:],),
        (b"<!DOCTYPE html><title>404",),
        (b"",),
        (good[:-1],),
        (wide[:-4],),
        (good[:6],),
        (good + b"\0",),
        (wide + b"\0\0\0\0",),
        mistakes=(
            Mistake("magic number not looked at", that_asks(magic=False), "What do the bytes 0 and 1 hold in any IDX file?"),
            Mistake("too many bytes accepted", that_asks(long=False), "And if there are more bytes than promised?"),
            Mistake("too few bytes accepted", that_asks(short=False), "And if there are fewer bytes than promised?"),
            Mistake(
                "one byte for each value",
                that_asks(one_byte=True),
                "How many bytes does one value of the type >i4 take? np.dtype(kind).itemsize says it.",
            ),
            Mistake(
                "first axis fastest",
                that_asks(order="F"),
                "Which axis runs fastest in an IDX file? That is the order in which reshape fills by itself.",
            ),
        ),
    )
    hint = "np.frombuffer looks onto the bytes themselves, which can't be changed. How do you get an array of your own?"
    read_only = Mistake("read-only array", lambda data: READ_ONLY, hint)
    yield values(changeable, lambda data: WRITABLE, (good,), mistakes=(read_only,))


# %% [markdown] hint
# How many values are there, in an array of this shape? And how many bytes is one of them long? That gives the size. What, then,
# must `len(data)` be?

# %% [markdown] hint
# First compare `data[:2]` with `bytes(2)`, which are two zero bytes. `size` is the product of the shape times
# `np.dtype(kind).itemsize`. Then compare `len(data)` with `start + size`. In both cases: `if .. != ..: raise ValueError("..")`.

# %% [markdown] hint
# `size = int(np.prod(shape)) * np.dtype(kind).itemsize`; refuse if `len(data) != start + size`; and the array is
# `np.frombuffer(data, kind, offset=start).reshape(shape).copy()`.

# %% [markdown] derivation
# Distrust comes first: a file that does not begin with `00 00` has no header that could be read. Then the header says the shape and
# the type. An array of shape $(n_0, n_1, ..)$ has $n_0 \cdot n_1 \cdots$ values, each of `itemsize` bytes, so the file must be
# `start` $+ \prod_k n_k \cdot$ `itemsize` bytes long, neither less nor more. Now the values can be taken as they are: IDX has them in C
# order, the last axis fastest, which is the order in which `reshape` fills. `.copy()` makes an array of our own of the window onto
# the bytes.


# %% solution
def read_idx(data):
    if data[:2] != bytes(2):
        raise ValueError(f"no IDX file: it begins with {data[:2].hex(' ')}, wanted 00 00")
    kind, shape, start = header_here(data)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) != start + size:
        raise ValueError(f"damaged: {len(data)} bytes, wanted {start + size} for {shape} of {kind}")
    array = np.frombuffer(data, kind, offset=start).reshape(shape).copy()
    return array


# %% wrong: magic number not looked at
def read_idx(data):
    if len(data) < 4 or data[2] not in TYPES:
        raise ValueError("no IDX file")
    kind, shape, start = header_here(data)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) != start + size:
        raise ValueError("damaged")
    array = np.frombuffer(data, kind, offset=start).reshape(shape).copy()
    return array


# %% wrong: raises KeyError
def read_idx(data):
    kind, shape, start = header_here(data)
    if data[:2] != bytes(2):
        raise ValueError("no IDX file")
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) != start + size:
        raise ValueError("damaged")
    array = np.frombuffer(data, kind, offset=start).reshape(shape).copy()
    return array


# %% wrong: too many bytes accepted
def read_idx(data):
    if data[:2] != bytes(2):
        raise ValueError("no IDX file")
    kind, shape, start = header_here(data)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) < start + size:
        raise ValueError("cut off")
    array = np.frombuffer(data[: start + size], kind, offset=start).reshape(shape).copy()
    return array


# %% wrong: one byte for each value
def read_idx(data):
    if data[:2] != bytes(2):
        raise ValueError("no IDX file")
    kind, shape, start = header_here(data)
    size = int(np.prod(shape))
    if len(data) != start + size:
        raise ValueError("damaged")
    array = np.frombuffer(data, kind, offset=start).reshape(shape).copy()
    return array


# %% wrong: first axis fastest
def read_idx(data):
    if data[:2] != bytes(2):
        raise ValueError("no IDX file")
    kind, shape, start = header_here(data)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) != start + size:
        raise ValueError("damaged")
    array = np.frombuffer(data, kind, offset=start).reshape(shape, order="F").copy()
    return array


# %% wrong: read-only array
def read_idx(data):
    if data[:2] != bytes(2):
        raise ValueError("no IDX file")
    kind, shape, start = header_here(data)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) != start + size:
        raise ValueError("damaged")
    array = np.frombuffer(data, kind, offset=start).reshape(shape)
    return array


# %% wrong: raises ValueError
def read_idx(data):
    if data[:2] != bytes(2):
        raise ValueError("no IDX file")
    kind, shape, start = header_here(data)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) != start + size:
        raise ValueError("damaged")
    array = np.frombuffer(data, kind).reshape(shape).copy()
    return array


# %% wrong: wanted 'a ValueError'
def read_idx(data):
    if data[:2] != bytes(2):
        return None
    kind, shape, start = header_here(data)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) != start + size:
        return None
    array = np.frombuffer(data, kind, offset=start).reshape(shape).copy()
    return array
