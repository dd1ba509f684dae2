# %% [markdown]
# # The header

# %% check
import struct

from scratchnet_lessons.exercises import Mistake, values

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def reference(data):
    code, ndim = struct.unpack(">2xBB", data[:4])
    start = 4 + 4 * ndim
    return TYPES[code], struct.unpack(f">{ndim}I", data[4:start]), start


def turned_round(data):
    kind, shape, start = reference(data)
    return kind, shape[::-1], start


def always_three(data):
    return TYPES[data[2]], struct.unpack(">3I", data[4:16]), 16


def always_at_16(data):
    kind, shape, _ = reference(data)
    return kind, shape, 16


def one_byte_each(data):
    kind, shape, start = reference(data)
    return kind, tuple(length % 256 for length in shape), start


def length_forgotten(data):
    kind, shape, start = reference(data)
    return kind, shape, start - 4


def neighbours(data):
    kind, shape, start = reference(data)
    return kind, tuple(struct.unpack(">I", data[4 + k : 8 + k])[0] for k in range(len(shape))), start


def little_endian(data):
    kind, shape, start = reference(data)
    return kind, struct.unpack(f"<{len(shape)}I", data[4:start]), start


def examine(read_header):
    def file(code, *shape):
        return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(range(40))

    return values(
        read_header,
        reference,
        (file(0x08, 60000, 28, 20),),
        (file(0x08, 10000),),
        (file(0x0C, 120000, 8),),
        (file(0x0D, 3, 1, 300, 7),),
        mistakes=(
            Mistake("axes in the wrong order", turned_round, "Axis 0 comes first in the file, and first in the shape."),
            Mistake("always three axes", always_three, "A file of labels has one axis. Which byte says how many there are?"),
            Mistake("values always at byte 16", always_at_16, "With one axis, where does its length end?"),
            Mistake("one byte for a length", one_byte_each, "A length is four bytes long. Which four are those of axis k?"),
            Mistake(
                "the first four bytes forgotten", length_forgotten, "What comes before the lengths? Count these bytes too."
            ),
            Mistake("lengths overlap", neighbours, "Axis 0 takes bytes 4 to 7. How far is it from there to axis 1?"),
            Mistake("little-endian", little_endian, "In a length the largest place comes first: number_here reads it so."),
        ),
    )


# %% [markdown] hint
# Which byte says what type the values have, and which one how many axes there are? `data[k]` is byte k.

# %% [markdown] hint
# `kind = TYPES[data[2]]` and `ndim = data[3]`. The length of axis k begins at byte `4 + 4 * k` and is four bytes long: cut it out
# with a slice, and give it to `number_here`. Do that for all k in `range(ndim)`.

# %% [markdown] hint
# `shape = tuple(number_here(data[4 + 4 * k : 8 + 4 * k]) for k in range(ndim))`, and the values begin at `4 + 4 * ndim`.

# %% [markdown] derivation
# Read the table line by line. Byte 2 is the code of the type: `TYPES[data[2]]`. Byte 3 is `ndim`. Then follow `ndim` lengths of four
# bytes each; $k$ lengths stand before that of axis $k$, and four bytes before all of them, so it begins at byte $4 + 4k$. After the
# last one, at byte $4 + 4 \cdot \text{ndim}$, the values begin.


# %% solution
def read_header(data):
    kind = TYPES[data[2]]
    ndim = data[3]
    shape = tuple(number_here(data[4 + 4 * k : 8 + 4 * k]) for k in range(ndim))
    start = 4 + 4 * ndim
    return kind, shape, start


# %% wrong: always three axes
def read_header(data):
    kind = TYPES[data[2]]
    shape = number_here(data[4:8]), number_here(data[8:12]), number_here(data[12:16])
    start = 16
    return kind, shape, start


# %% wrong: values always at byte 16
def read_header(data):
    kind = TYPES[data[2]]
    ndim = data[3]
    shape = tuple(number_here(data[4 + 4 * k : 8 + 4 * k]) for k in range(ndim))
    start = 16
    return kind, shape, start


# %% wrong: one byte for a length
def read_header(data):
    kind = TYPES[data[2]]
    ndim = data[3]
    shape = tuple(data[7 + 4 * k] for k in range(ndim))
    start = 4 + 4 * ndim
    return kind, shape, start


# %% wrong: lengths overlap
def read_header(data):
    kind = TYPES[data[2]]
    ndim = data[3]
    shape = tuple(number_here(data[4 + k : 8 + k]) for k in range(ndim))
    start = 4 + 4 * ndim
    return kind, shape, start


# %% wrong: the first four bytes forgotten
def read_header(data):
    kind = TYPES[data[2]]
    ndim = data[3]
    shape = tuple(number_here(data[4 + 4 * k : 8 + 4 * k]) for k in range(ndim))
    start = 4 * ndim
    return kind, shape, start


# %% wrong: axes in the wrong order
def read_header(data):
    kind = TYPES[data[2]]
    ndim = data[3]
    shape = tuple(number_here(data[4 + 4 * k : 8 + 4 * k]) for k in reversed(range(ndim)))
    start = 4 + 4 * ndim
    return kind, shape, start


# %% wrong: raises KeyError
def read_header(data):
    kind = TYPES[data[3]]
    ndim = data[2]
    shape = tuple(number_here(data[4 + 4 * k : 8 + 4 * k]) for k in range(ndim))
    start = 4 + 4 * ndim
    return kind, shape, start


# %% wrong: result 1 is 8, wanted '>u1'
def read_header(data):
    kind = data[2]
    ndim = data[3]
    shape = tuple(number_here(data[4 + 4 * k : 8 + 4 * k]) for k in range(ndim))
    start = 4 + 4 * ndim
    return kind, shape, start
