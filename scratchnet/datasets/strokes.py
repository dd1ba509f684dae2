"""How people write the ten digits: the pen strokes behind the synthetic data set, drawn by hand.

A way of writing a digit is a weight (how common it is among the ways of that digit) and one or more strokes. A stroke is a
text of control points ``x,y`` that a smooth curve runs through, in hundredths of the digit's height: x to the right, y down,
the digit's top at y = 0 and its bottom at y = 100. A ``!`` after a point makes a sharp corner of it.

To add a way of writing, add a line: nothing else needs to change.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from scratchnet.typing import Array

STROKES: dict[int, list[tuple[float, list[str]]]] = {
    0: [
        # round, closed at the top
        (4, ["34,0 13,12 2,40 5,74 24,98 47,93 63,66 62,31 49,7 30,1"]),
        # ends overlap to the left of the start
        (2, ["42,6 22,3 5,26 2,62 18,95 43,95 61,68 61,30 46,4 24,2 16,10"]),
        # the start curls inside
        (2, ["30,24 44,16 38,3 22,4 5,28 2,62 17,95 43,96 61,70 61,34 48,8 32,2"]),
        # pointed at the top, as a leaf
        (2, ["46,0! 22,18 4,56 8,92 32,96 52,66 60,26 46,0"]),
        # gap at the top
        (1, ["26,5 8,20 2,50 9,84 31,100 54,83 62,48 55,16 42,6"]),
        # clockwise, ends inside
        (1, ["14,14 34,0 56,14 63,48 54,84 31,100 8,84 2,48 10,18 26,6 36,14"]),
        # clockwise, ends far inside, so that a line crosses the hole
        (0.7, ["40,4 58,22 62,56 46,92 24,98 6,76 4,36 18,8 36,6 46,22 44,44"]),
        # the end runs out to the upper right
        (0.7, ["36,3 14,12 2,44 8,82 28,98 50,86 60,56 54,22 36,6 46,3 68,0"]),
        # slashed
        (0.4, ["34,0 13,12 2,40 5,74 24,98 47,93 63,66 62,31 49,7 30,1", "56,8 34,50 8,92"]),
        # open bowl, wide gap to the left
        (0.5, ["14,16 4,44 8,80 30,100 54,86 62,52 54,20 34,4"]),
    ],
    1: [
        # a bar
        (12, ["20,0 20,50 20,100"]),
        # a bar that bends
        (2, ["26,0 21,33 19,67 22,100"]),
        (1, ["16,0 22,33 22,67 18,100"]),
        # a short flag
        (0.7, ["8,16 22,0! 22,50 22,100"]),
        # a long flag
        (0.7, ["0,32 14,18 26,0! 25,50 24,100"]),
        # flag and base
        (1.3, ["4,22 24,0! 24,50 24,100", "0,100 24,99 50,98"]),
        # base, no flag
        (0.3, ["24,0 24,50 24,100", "4,100 24,99 46,98"]),
        # printed: the flag hangs down, wide base
        (0.5, ["6,28 16,16 24,0! 26,34 26,66 26,98", "2,97 26,98 56,96"]),
    ],
    2: [
        # sharp corner at the foot
        (3, ["4,22 14,5 35,0 54,13 50,38 30,66 4,96! 34,95 68,96"]),
        # loop at the foot
        (3, ["4,22 16,4 38,0 55,14 51,40 33,70 14,93 2,92 7,81 22,81 44,92 72,92"]),
        # big loop on the base line
        (2, ["8,14 30,0 52,10 51,36 33,74 13,97 1,88 11,74 31,83 50,95 74,84"]),
        # round loop, the end falls away
        (2, ["14,16 28,1 50,4 60,24 52,50 34,74 15,88 4,83 7,70 22,67 39,78 54,92 72,99"]),
        # the start curls, high loop
        (2, ["18,32 8,20 20,4 44,0 58,18 52,46 32,72 12,86 2,79 9,67 27,69 48,85 68,100"]),
        # flat top, as a Z
        (1.5, ["3,8 28,3 57,5 44,32 24,64 3,95! 34,95 66,92"]),
        # the start curls, corner with a wave
        (2, ["20,26 8,24 13,6 36,0 56,14 51,40 31,68 4,95! 20,86 42,92 68,99"]),
        # narrow as a swan
        (1, ["10,18 24,1 42,10 42,36 28,68 10,96! 30,94 52,97"]),
        # nearly a straight back, base rises
        (1, ["6,20 24,2 40,6 44,24 36,60 26,94! 46,88 66,80"]),
        # as the round one, but the loop is flat and the end rises
        (1, ["10,24 14,6 36,0 56,14 50,42 34,66 14,90 2,96 4,84 24,84 46,92 72,80"]),
        # head like a ring, hanging loop
        (1, ["24,36 10,30 12,8 36,0 58,12 58,38 42,66 22,88 6,90 6,76 22,72 40,82 58,98"]),
        # long back, small loop at the very left
        (1, ["16,28 18,8 40,0 54,16 46,46 26,76 8,94 2,86 12,80 30,84 48,92 66,96"]),
        # big triangular loop: down the right side, along the base, back to the right and down
        (2.5, ["10,16 24,2 46,2 58,22 56,52 44,80 22,97 6,92 5,76 20,64 42,66 60,80 72,97"]),
        # big loop, the end runs out level
        (2, ["8,18 22,2 46,1 58,18 56,44 46,74 24,96 6,92 4,76 22,64 46,62 76,66"]),
        # as the letter a without its post: round loop
        (1.5, ["14,14 30,1 48,6 55,28 53,60 40,88 18,95 5,82 15,67 36,67 54,79 66,98"]),
        # low and wide: the base is the longest part
        (1.5, ["6,14 22,0 44,6 42,34 22,64 2,86! 26,80 52,80 82,78"]),
        # hook and long straight back
        (1.5, ["14,14 27,0 38,10 34,40 26,70 13,96! 40,94 70,92"]),
        # straight back, a loop that the long level end runs through
        (1.5, ["22,2 34,18 35,48 25,77 8,87 2,76 14,66 38,67 78,70"]),
        # the base starts far to the left
        (1, ["6,20 24,2 44,6 50,32 44,66 24,88 0,93! 30,92 66,92"]),
    ],
    3: [
        # round, sharp waist
        (4, ["5,13 24,0 46,5 50,22 38,39 20,46! 42,50 57,66 51,88 28,100 3,92"]),
        # round waist
        (2, ["6,12 26,0 48,10 44,34 28,46 45,54 56,72 45,94 24,100 3,90"]),
        # flat top
        (2, ["5,5 30,3 54,3! 39,22 24,40! 46,44 58,64 50,88 26,100 1,92"]),
        # small loop at the waist
        (2, ["5,14 26,0 49,10 43,34 26,48 16,46 26,40 46,50 57,69 46,92 24,100 2,89"]),
        # small head, big belly that hooks up
        (1.5, ["14,10 30,0 48,8 42,28 26,38! 46,42 60,62 52,88 26,100 4,94 0,82"]),
        # the belly stops short
        (1.5, ["6,12 26,0 46,8 46,26 30,42! 46,50 54,66 46,88 24,100"]),
        # the belly runs straight down to the left
        (1, ["8,16 28,0 48,8 44,28 28,44! 42,52 42,72 18,100"]),
        # both ends curl
        (1.5, ["16,26 7,18 16,3 38,1 50,16 42,36 24,45! 46,52 57,70 48,93 24,100 6,90 14,79"]),
        # deep waist, from far left
        (1, ["6,12 26,0 48,10 40,32 8,48! 38,52 56,68 48,92 24,100 2,92"]),
        # narrow, waist hardly turns back
        (1, ["6,10 24,0 40,10 40,28 30,44 44,58 46,76 36,94 14,100"]),
        # the head starts with a hook
        (1, ["16,24 6,16 20,2 46,2 50,22 36,40 22,45! 44,50 56,68 48,92 26,100 6,96"]),
        # zigzag head
        (1, ["4,6 26,7 48,8! 33,26 18,44! 46,54 52,78 20,100"]),
    ],
    4: [
        # open, round: left stroke and bar in one, then the post
        (3, ["8,2 4,26 5,48 24,54 58,46", "54,0 50,50 46,100"]),
        # open, sharp corner
        (3, ["14,4 8,28 2,52! 30,51 64,48", "48,6 46,52 43,100"]),
        # closed
        (1.5, ["42,0 22,32 2,64! 32,64 66,62", "42,0 43,50 43,100"]),
        # in one stroke, as a u with a long tail
        (3, ["6,4 2,30 12,51 33,50 48,34 54,4! 51,50 47,100"]),
        # low post
        (1.5, ["24,0 14,24 4,46! 30,46 62,42", "48,20 43,60 37,100"]),
        # in one stroke, closed head and a bar that goes beyond the post
        (1, ["40,100 44,50 48,2! 24,34 2,58! 32,60 66,54"]),
        # steep left stroke, the bar hardly leaves the post
        (1, ["16,0 6,28 4,56! 26,56 48,52", "44,10 42,54 40,100"]),
    ],
    5: [
        # two strokes, top attached
        (3, ["14,4 12,24 10,44! 30,38 51,50 54,75 36,97 3,92", "14,4 36,4 62,0"]),
        # one stroke
        (3, ["60,1 36,3 15,5! 12,24 10,44! 30,37 51,50 52,76 32,98 2,92"]),
        # as an S
        (2, ["58,4 32,3 13,17 18,40 41,54 51,74 36,96 3,95"]),
        # top detached
        (1, ["12,12 10,28 8,46! 28,40 50,52 53,76 34,98 2,93", "20,4 42,3 68,0"]),
        # small belly, long top
        (2, ["72,0 48,3 26,6! 20,24 13,44! 34,42 48,60 41,86 22,99 1,90"]),
        # the belly closes
        (2, ["58,0 36,2 16,5! 12,25 10,46! 31,37 50,49 54,74 38,96 16,93 9,78"]),
        # no corner at the left
        (1, ["12,2 8,22 14,40 36,46 52,60 50,84 30,100 4,92", "12,4 34,4 58,0"]),
        # the belly runs straight down to the left
        (1, ["64,2 40,2 18,4! 14,22 8,40! 32,36 48,46 42,66 16,100"]),
        # short stem, round belly
        (1.5, ["62,2 40,4 22,8! 18,20 14,34! 36,28 58,44 58,72 38,96 12,96 0,84"]),
        # the top rises from the corner, the stem bends into a small belly
        (1, ["70,0 46,6 26,14! 22,28 24,42 40,56 42,76 28,96 4,96"]),
        # top far to the right
        (0.7, ["16,14 12,30 9,46! 30,42 48,54 50,78 32,98 4,94", "30,10 52,8 76,2"]),
        # slanted stem, belly that closes on the left
        (1, ["64,2 46,4 30,7! 21,26 12,46! 34,40 54,54 52,80 30,98 10,90 4,77"]),
        # belly that hangs down without an end
        (0.7, ["62,0 40,3 20,6! 14,26 10,44! 32,40 48,48 52,66 48,98"]),
        # as a J that starts with a hook to the right
        (0.7, ["64,2 45,4 34,17 38,42 47,67 41,92 20,100 2,85"]),
        # flat belly that points to the lower left
        (0.8, ["72,8 42,4 24,18 20,40! 44,36 64,50 46,76 4,100"]),
    ],
    6: [
        # curved stem
        (3, ["48,0 24,19 7,49 4,77 19,98 41,95 52,77 43,59 24,60 8,76"]),
        # straight stem
        (3, ["36,0 20,26 8,54 4,80 18,98 38,95 50,79 42,62 23,63 7,80"]),
        # flat wide loop
        (2, ["34,0 16,34 3,72 16,97 46,98 66,80 52,64 30,70 10,90"]),
        # the stem hooks at its top
        (1, ["58,10 46,0 24,13 7,44 4,76 20,99 44,95 55,76 44,57 24,60 7,76"]),
        # open loop
        (1, ["40,0 20,25 6,55 6,84 24,99 44,92 52,74 40,60 22,68"]),
        # wide open bowl, the loop stays in its right half
        (1.5, ["20,0 8,28 2,60 8,90 28,100 52,90 63,68 54,52 37,54 28,72 32,90"]),
        # tiny loop
        (1, ["32,0 18,30 7,62 4,90 17,100 31,94 33,82 22,78 8,92"]),
        # a b: straight stem, round loop
        (1, ["12,0 7,33 5,66 5,90 24,100 46,92 54,72 42,56 22,60 6,76"]),
        # the loop starts beyond the stem: crossed
        (1, ["44,0 22,24 6,52 6,84 26,100 48,88 50,66 34,58 14,70 0,84"]),
    ],
    7: [
        (5, ["2,6 30,5 58,3! 42,44 32,72 22,100"]),
        # round shoulder
        (2, ["2,12 22,4 50,4 54,20 42,46 32,72 26,100"]),
        # serif at the start
        (2, ["2,22 5,5! 30,6 58,3! 44,44 34,72 26,100"]),
        # wavy top
        (2, ["2,20 12,5 34,10 60,2! 44,42 32,72 22,100"]),
        # bar
        (2, ["2,6 30,5 58,3! 42,44 32,72 22,100", "14,52 36,50 60,47"]),
        # serif, round shoulder, bar
        (1.2, ["4,22 8,6! 32,4 54,6 54,20 42,46 34,72 28,100", "18,54 36,52 58,48"]),
        # as an n: long serif, straight post
        (1.5, ["3,36 8,8! 28,4 46,4 55,18 54,44 51,72 48,100"]),
        # narrow top
        (1, ["6,16 20,4 38,2! 34,44 28,72 22,100"]),
        # deep notch in the top
        (1, ["0,6 8,26 30,20 56,2! 44,40 32,72 22,100"]),
        # round as a bow
        (1, ["2,12 26,0 50,8 60,36 50,70 30,98"]),
        # low long bar
        (1, ["4,10 28,6 54,3! 44,34 32,66 20,100", "6,60 32,58 60,54"]),
        # bar, hooked foot
        (0.4, ["4,8 28,6 54,3! 40,36 28,66 22,96 34,98", "14,50 34,48 56,46"]),
        # top rises to the right
        (1, ["2,18 28,12 58,0! 44,38 34,68 26,100"]),
        # as a y
        (0.8, ["0,4 9,28 33,24 54,2! 42,40 30,72 20,100"]),
        # a curl at the start
        (0.7, ["16,18 4,15 8,4 32,6 58,4! 43,42 33,72 24,100"]),
        # long level bar, straight post
        (0.7, ["4,8 28,6 50,5! 44,36 38,68 34,100", "2,58 34,55 68,52"]),
    ],
    8: [
        # one stroke from the upper right
        (5, ["52,10 32,0 11,11 14,31 35,49 53,71 45,94 24,100 6,87 11,66 33,47 50,27 54,6"]),
        # the ends stay apart
        (2, ["48,10 30,0 11,10 13,31 34,48 52,70 45,94 24,100 6,87 11,67 34,46 58,24 68,6"]),
        # two rings
        (1.5, ["31,0 13,10 13,35 31,46 49,35 50,11 29,0", "30,46 8,61 8,90 32,100 56,89 54,61 32,46"]),
        # from the middle
        (1, ["32,47 12,31 14,7 34,0 52,13 45,36 28,49 9,67 9,91 31,100 53,88 50,65 32,47"]),
        # one stroke from the upper left
        (1, ["14,10 32,0 52,12 48,32 30,50 10,70 12,92 34,100 54,88 50,66 30,48 13,28 14,8"]),
        # narrow lower loop
        (2, ["50,9 31,0 12,10 14,29 31,47 43,66 40,91 28,100 17,90 21,67 35,47 51,28 55,8"]),
        # long arms
        (1, ["72,4 44,1 17,6 13,24 31,43 45,63 40,91 23,99 9,86 16,65 36,45 58,25 74,8"]),
        # open head, as an S whose end comes back to the middle
        (1.5, ["60,5 36,0 13,12 18,33 41,52 53,74 40,97 16,97 6,80 16,60 38,48 52,38"]),
        # heart-shaped head
        (1.5, ["30,14 18,3 8,18 18,37 38,56 48,80 32,100 18,84 24,62 44,40 56,18 46,4 34,14"]),
        # small head, wide body
        (1, ["46,6 30,0 18,8 22,24 38,38 60,60 58,88 30,100 4,88 6,62 26,40 44,24 48,8"]),
        # from the lower left, open below
        (0.8, ["8,98 22,76 43,46 53,20 38,1 20,6 15,25 30,48 47,74 54,98"]),
        # from the upper left, open above
        (1, ["8,2 20,25 36,52 43,77 32,98 20,88 23,66 41,35 62,0"]),
        # the arms meet far to the right
        (1.5, ["68,18 42,13 19,5 12,21 28,43 46,64 43,90 24,100 9,87 17,65 41,42 70,16"]),
    ],
    9: [
        # straight tail, round head
        (4, ["50,10 32,0 11,8 3,30 14,49 34,44 48,26 51,8! 49,40 47,70 44,100"]),
        # curve into the tail
        (3, ["48,12 30,0 10,9 3,31 15,48 34,41 47,22 52,8 48,40 40,70 32,100"]),
        # curved tail
        (1.5, ["48,16 32,0 10,8 3,30 16,48 38,42 50,18! 53,52 48,84 28,100 8,93"]),
        # angular
        (2, ["54,3 28,3 8,20 4,40 20,46 40,32 54,6! 50,40 46,70 42,100"]),
        # the post by itself
        (1, ["46,12 26,2 6,16 6,40 24,48 44,34 48,14", "50,0 49,50 47,100"]),
        # open head: the tail starts lower than the head
        (3, ["52,4 28,3 9,18 8,37 24,44 44,28! 42,62 34,100"]),
        # small head
        (1.5, ["46,9 30,0 13,7 10,22 22,32 38,24 47,8! 45,40 42,70 38,100"]),
        # big head, the tail leaves to the right
        (1.5, ["52,14 32,0 10,12 2,40 16,62 40,52 53,16! 53,45 56,74 62,100"]),
        # open angular head, as a 4 that is round at the left
        (1, ["46,2 24,8 6,26 6,44 24,48 40,38 54,20! 48,46 42,72 36,100"]),
        # tail from the middle of an open head
        (1, ["54,6 30,2 10,16 10,38 28,44 42,34! 38,66 28,100"]),
        # wide open head, the tail leaves to the right
        (1, ["44,4 22,4 6,22 6,46 24,56 45,38 56,16! 58,56 64,100"]),
        # curved tail that comes back
        (0.4, ["48,16 32,0 10,8 3,30 16,48 38,42 50,18! 54,52 48,87 28,100 12,90 24,76"]),
    ],
}

POINTS = 120  # of a pen's path


class Ways(NamedTuple):
    """All ways to write all digits (V of them) as arrays; P = POINTS, C the most control points that any has."""

    cumulative: Array  # (10, V): the chance that a digit is written in this way or one before it
    control: Array  # (V, C, 2): the control points, in heights of the digit; rows of 0 where there are fewer than C
    basis: Array  # (V, P, C): basis @ control are P points on the strokes, at equal distances
    joined: Array  # (V, P): 1, or 0 where the pen is lifted after this point


@cache
def ways_to_write() -> Ways:
    """STROKES as arrays."""
    drawings = [(digit, weight, strokes) for digit, ways in STROKES.items() for weight, strokes in ways]
    chance = np.zeros((10, len(drawings)))
    for way, (digit, weight, _) in enumerate(drawings):
        chance[digit, way] = weight
    tables = [_tables(strokes) for _, _, strokes in drawings]
    most = max(len(control) for control, _, _ in tables)
    cumulative = np.cumsum(chance, 1)
    return Ways(
        cumulative / cumulative[:, -1:],  # ends in exactly 1
        np.stack([np.pad(control, ((0, most - len(control)), (0, 0))) for control, _, _ in tables]).astype(np.float32),
        np.stack([np.pad(basis, ((0, 0), (0, most - basis.shape[1]))) for _, basis, _ in tables]).astype(np.float32),
        np.stack([joined for _, _, joined in tables]).astype(np.float32),
    )


def parse(stroke: str) -> tuple[Array, list[int]]:
    """A stroke's text to its control points (C, 2) in heights of the digit, and which of them are corners."""
    words = stroke.split()
    points = np.array([[float(number) for number in word.rstrip("!").split(",")] for word in words]) / 100
    return points, [i for i, word in enumerate(words) if word.endswith("!")]


def spline(points: Array, corners: list[int], at: Array) -> Array:
    """A Catmull-Rom curve: points (C, D), at (P,) from 0 (the first point) to C - 1 (the last) -> (P, D).

    Between points 1 and 2 it is the cubic whose slope at 1 is (p2 - p0) / 2 and at 2 is (p3 - p1) / 2. At an end or a
    corner there is no neighbour beyond: the mirror image of the one on this side stands in. The curve is linear in the
    points, so of the identity matrix it gives the matrix that turns control points into points of the curve.
    """
    last = len(points) - 1
    i = np.minimum(at.astype(int), last - 1)
    t = (at - i)[:, None]
    ends = [0, last, *corners]
    p1, p2 = points[i], points[i + 1]
    p0 = np.where(np.isin(i, ends)[:, None], 2 * p1 - p2, points[i - 1])
    p3 = np.where(np.isin(i + 1, ends)[:, None], 2 * p2 - p1, points[np.minimum(i + 2, last)])
    return p1 + ((p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3) / 2


def _tables(strokes: list[str]) -> tuple[Array, Array, Array]:
    """control (C, 2), basis (P, C) and joined (P,) of one way to write."""
    parsed = [parse(stroke) for stroke in strokes]
    fine = [np.linspace(0, len(points) - 1, 50 * len(points)) for points, _ in parsed]
    travelled = [_travelled(spline(*stroke, at)) for stroke, at in zip(parsed, fine, strict=True)]
    length = np.array([way[-1] for way in travelled])
    stop = np.rint(POINTS * np.cumsum(length) / length.sum()).astype(int)  # each stroke gets points by its length

    control = np.concatenate([points for points, _ in parsed])
    basis, joined = np.zeros((POINTS, len(control))), np.ones(POINTS)
    joined[stop - 1] = 0
    row = column = 0
    for (points, corners), at, way, end in zip(parsed, fine, travelled, stop, strict=True):
        equal = np.interp(np.linspace(0, way[-1], end - row), way, at)
        basis[row:end, column : column + len(points)] = spline(np.eye(len(points)), corners, equal)
        row, column = end, column + len(points)
    return control, basis, joined


def _travelled(curve: Array) -> Array:
    """The length of the curve (P, 2) up to each of its points: (P,)."""
    step = np.diff(curve, axis=0, prepend=curve[:1])
    return np.cumsum(np.hypot(step[:, 0], step[:, 1]))
