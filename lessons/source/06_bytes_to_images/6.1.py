# %% [markdown]
# # One number from several bytes

# %% check
from scratchnet_lessons.exercises import Mistake, values


def reference(raw):
    places = [256 ** (len(raw) - 1 - k) for k in range(len(raw))]
    return sum(byte * place for byte, place in zip(raw, places, strict=True))


def folded(step):
    """The stub's loop with another line in it."""

    def number_of(raw):
        number = 0
        for byte in raw:
            number = step(number, byte)
        return number

    return number_of


def examine(number_of):
    return values(
        number_of,
        reference,
        (bytes([0x00, 0x00, 0xEA, 0x60]),),
        (bytes([0, 0, 0, 28]),),
        (bytes([0x12, 0x34, 0x56, 0x78]),),
        (bytes([255, 255, 255, 255]),),
        (bytes([7]),),
        mistakes=(
            Mistake(
                "little-endian",
                lambda raw: int.from_bytes(raw, "little"),
                "Which byte counts ones, the first or the last? Yours takes the first.",
            ),
            Mistake(
                "bytes added up",
                folded(lambda number, byte: number + byte),
                "By what do you multiply what you have so far, before the next byte is added?",
            ),
            Mistake(
                "times 255",
                folded(lambda number, byte: 255 * number + byte),
                "A byte has the values 0 to 255. How many values are that?",
            ),
            Mistake(
                "times ten",
                folded(lambda number, byte: 10 * number + byte),
                "These are not decimal digits. How many values has one byte?",
            ),
            Mistake(
                "times sixteen",
                folded(lambda number, byte: 16 * number + byte),
                "One hexadecimal digit has 16 values. How many has a byte, which is two of them?",
            ),
            Mistake(
                "the new byte multiplied too",
                folded(lambda number, byte: 256 * (number + byte)),
                "Which place has the last byte? Multiply first, then add.",
            ),
            Mistake(
                "the last byte alone",
                folded(lambda number, byte: byte),
                "What becomes of the number that you had before this byte?",
            ),
        ),
    )


# %% [markdown] hint
# Play it with decimal digits: you have 40, and a 7 arrives. What do you do with the 40, and what with the 7? And what is the
# factor when a place has 256 values and not ten?

# %% [markdown] hint
# What you have moves one place to the left: it is multiplied by 256. Then the new byte is added.

# %% [markdown] hint
# `number = 256 * number + byte`.

# %% [markdown] derivation
# Take four bytes $r_0, r_1, r_2, r_3$. After them the loop has
#
# $$\big((r_0 \cdot 256 + r_1) \cdot 256 + r_2\big) \cdot 256 + r_3 = r_0 \cdot 256^3 + r_1 \cdot 256^2 + r_2 \cdot 256 + r_3,$$
#
# each byte times 256 as often as there are bytes behind it: that is the formula. (It is called Horner's scheme. In Python
# `int.from_bytes(raw, "big")` does the same.)


# %% solution
def number_of(raw):
    number = 0
    for byte in raw:
        number = 256 * number + byte
    return number


# %% wrong: little-endian
def number_of(raw):
    number = 0
    for byte in reversed(raw):
        number = 256 * number + byte
    return number


# %% wrong: bytes added up
def number_of(raw):
    number = 0
    for byte in raw:
        number = number + byte
    return number


# %% wrong: times 255
def number_of(raw):
    number = 0
    for byte in raw:
        number = 255 * number + byte
    return number


# %% wrong: times ten
def number_of(raw):
    number = 0
    for byte in raw:
        number = number * 10 + byte
    return number


# %% wrong: times sixteen
def number_of(raw):
    number = 0
    for byte in raw:
        number = number * 16 + byte
    return number


# %% wrong: the new byte multiplied too
def number_of(raw):
    number = 0
    for byte in raw:
        number = (number + byte) * 256
    return number


# %% wrong: the last byte alone
def number_of(raw):
    number = 0
    for byte in raw:
        number = byte
    return number


# %% wrong: it returns nothing
def number_of(raw):
    number = 0
    for byte in raw:
        number = 256 * number + byte
