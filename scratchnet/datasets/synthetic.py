"""Synthetic handwritten digits: 28 x 28 grey images drawn from pen strokes, made and normalised to look like MNIST's.

    images, labels = make(1000)                          # from memory
    images, labels = load(data_dir / "synthetic")        # 60 000, drawn once, then read from IDX files

For machines without MNIST, and for lessons that need data whose making one can read. How a digit comes about:

    pick      one of the ways to write it (see `strokes`)
    write     shake the control points, run a smooth curve through them, bend, stretch, slant and turn it
    fit       scale the ink to a 20 x 20 box, keeping its proportions
    ink       measure every pixel's distance to the pen's path, less the pen's radius: below 0 is white, above is black
    centre    move the ink's centre of mass to the middle of the 28 x 28 image

Fit and centre are what was done to NIST's scans to make MNIST. Nothing here was fitted to MNIST by a program: the strokes
were drawn and the numbers set by hand, while comparing with MNIST's training set. A small CNN that has seen only these
digits reads 98 % of MNIST's test set; they are more varied than MNIST, so a linear classifier does worse on them (74 %).

The files that `write` makes have MNIST's names but are not MNIST, so they need a folder of their own, in which the file
MARKER says what they are. `write` never replaces files that it did not make.
"""

import json
import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scratchnet.datasets import folders, idx
from scratchnet.datasets.errors import DataError
from scratchnet.datasets.folders import MARKER
from scratchnet.datasets.strokes import POINTS, ways_to_write
from scratchnet.files import atomic_write
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Rng
from scratchnet.untrusted import parse_json

VERSION = 1  # goes up when the same seed gives other images
SPLITS = ("train", "test")
_GENERATOR = {"generator": "scratchnet synthetic digits", "version": VERSION}

SIZE = 28  # of an image
BOX = 20  # of the ink
CHUNK = 100  # images drawn at once, from one random stream

# How much handwriting varies: standard deviations, unless it says range. Lengths are in heights of the digit.
JITTER = 0.03  # each control point,
SLOPPINESS = 0.4  # more in some images: of the jitter's logarithm
PARTS = 0.2  # width of the upper half against the lower, and of the middle
WAIST = 0.07  # height of the middle
BEND = 0.2  # terms of second and third order
WAVE = 0.05  # wavy distortion
WIDTH = 0.25  # of the logarithm of the width,
MEAN_WIDTH = 0.06  # wider than the drawings on average
SLANT = 0.28  # tangent of the angle,
MEAN_SLANT = 0.15  # to the right on average
TURN = 0.12  # rotation in radians
RADIUS = 1.37  # of the pen, in pixels (median)
RADIUS_SPREAD = 0.28  # of the radius's logarithm, between images
RADIUS_RANGE = (0.6, 3.6)
PRESSURE = 0.17  # of the radius's logarithm, along the stroke
SOFTNESS_RANGE = (0.9, 1.8)  # pixels from white to black
ROUGHNESS = 0.12  # of the edge, in pixels

f4 = np.float32


def make(n: int, *, seed: int = 0, split: str = "train", labels: Array | Sequence[int] | None = None) -> tuple[Array, Array]:
    """Draw n digits: images uint8 (n, 28, 28), ink 255 on 0, and labels int64 (n,).

    The same arguments give the same images, and the first n of more are the same as n. Of every ten labels in a row, all
    are different; or give the `labels` you want, then each image is by the same hand that would have written another.

    Errors    ValueError if n or seed is negative, split is neither "train" nor "test", or labels are not n digits
    """
    if n < 0:
        raise ValueError(f"make: n must be 0 or more, got {n}")
    _check_split(split)
    wanted = None if labels is None else _as_labels(labels, n)
    images, made = np.empty((n, SIZE, SIZE), np.uint8), np.empty(n, np.int64)
    for index, start in enumerate(range(0, n, CHUNK)):
        part = slice(start, min(start + CHUNK, n))
        rng = stream(seed, Purpose.SYNTHETIC, step=index, shard=SPLITS.index(split))
        digits = rng.permuted(np.tile(np.arange(10), (CHUNK // 10, 1)), axis=1).reshape(CHUNK)
        if wanted is not None:
            digits[: part.stop - start] = wanted[part]
        made[part] = digits[: part.stop - start]
        images[part] = draw(rng, digits)[: part.stop - start]
    return images, made


def draw(rng: Rng, digits: Array) -> Array:
    """One image for each of the digits (n,) -> uint8 (n, 28, 28)."""
    n = len(digits)
    way = pick(rng, digits)
    path = slant_and_turn(rng, bend(rng, write_down(rng, way)))
    radius = pen_radius(rng, n)
    softness = rng.uniform(*SOFTNESS_RANGE, (n, 1, 1)).astype(f4)
    path = fit(path, radius, softness)
    distance = distance_to_ink(path, radius, ways_to_write().joined[way])
    distance += ROUGHNESS * _normal(rng, n, SIZE, SIZE)
    return to_bytes(centre(to_ink(distance, softness)))


def pick(rng: Rng, digits: Array) -> Array:
    """A way of writing for each digit, the common ones more often: (n,) -> rows (n,) of the tables."""
    cumulative = ways_to_write().cumulative[digits]
    return (rng.random((len(digits), 1)) >= cumulative).sum(1)


def write_down(rng: Rng, way: Array) -> Array:
    """The pen's path: ways (n,) -> points (n, P, 2) as (x, y), one height tall, with (0, 0) near the middle."""
    ways = ways_to_write()
    control = ways.control[way]
    sloppy = JITTER * np.exp(SLOPPINESS * _normal(rng, len(way), 1, 1))
    control = control + sloppy * _normal(rng, *control.shape)
    return ways.basis[way] @ control - np.array([0.3, 0.5], f4)


def bend(rng: Rng, path: Array) -> Array:
    """Distort the plane smoothly, so that what touches or crosses still does: (n, P, 2) -> (n, P, 2)."""
    n = len(path)
    x, y = path[..., 0], path[..., 1]
    halves, middle, waist = _normal(rng, 3, n, 1)
    x = x * np.exp(PARTS * (halves * np.sin(np.pi * y) + 0.5 * middle * np.cos(2 * np.pi * y)))
    y = y + WAIST * waist * np.cos(np.pi * y)
    path = np.stack([x, y], -1) + np.stack([x * x, x * y, y * y, y**3], -1) @ (BEND * _normal(rng, n, 4, 2))
    for frequency in (1.0, 1.7):
        direction = frequency * np.pi * _normal(rng, n, 2, 2)
        phase = 2 * np.pi * rng.random((n, 1, 2), f4)
        path = path + WAVE / frequency * _normal(rng, n, 1, 2) * np.sin(path @ direction + phase)
    return path


def slant_and_turn(rng: Rng, path: Array) -> Array:
    """Stretch in x, lean and rotate: (n, P, 2) -> (n, P, 2)."""
    width, slant, turn = _normal(rng, 3, len(path), 1)
    x, y = path[..., 0], path[..., 1]
    x = x * np.exp(WIDTH * width + MEAN_WIDTH) - (MEAN_SLANT + SLANT * slant) * y
    cos, sin = np.cos(TURN * turn), np.sin(TURN * turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1)


def pen_radius(rng: Rng, n: int) -> Array:
    """The pen's radius in pixels at every point of the path, changing slowly: (n, P)."""
    radius = RADIUS * np.exp(RADIUS_SPREAD * _normal(rng, n, 1))
    frequency = rng.uniform(0.3, 1.5, (2, n, 1)).astype(f4)
    phase = rng.random((2, n, 1), f4)
    time = np.linspace(0, 1, POINTS, dtype=f4)
    waves = _normal(rng, 2, n, 1) * np.sin(2 * np.pi * (frequency * time + phase))
    return np.clip(radius * np.exp(PRESSURE * waves.sum(0)), *RADIUS_RANGE)


def fit(path: Array, radius: Array, softness: Array) -> Array:
    """Scale and shift to pixels, the ink's longer side to BOX: (n, P, 2), (n, P), (n, 1, 1) -> (n, P, 2)."""
    low, high = path.min(1, keepdims=True), path.max(1, keepdims=True)
    pen = 2 * radius.mean(1)[:, None, None] + softness
    scale = (BOX - pen) / (high - low).max(2, keepdims=True)
    return (path - (low + high) / 2) * scale + (SIZE - 1) / 2


def distance_to_ink(path: Array, radius: Array, joined: Array) -> Array:
    """How far each pixel is from the edge of the ink, below 0 inside: (n, P, 2), (n, P), (n, P) -> (n, 28, 28).

    The nearest of P points would take n * P * 28 * 28 distances. A soft minimum takes a matrix product instead, since the
    exponential of a sum of squares is a product of a function of y and a function of x:

        min_p (d_p^2 - r_p^2)  ~  -2 s^2 log sum_p w_p exp(r_p^2 / 2s^2) exp(-(y - y_p)^2 / 2s^2) exp(-(x - x_p)^2 / 2s^2)

    The weights w_p (a point's share of the path's length) make it exact for a straight line. A bit of ink is added where
    strokes meet, as on paper.
    """
    s = 0.5  # pixels: well above the distance between points, well below the width of a stroke
    step = np.diff(path, axis=1, append=path[:, -1:])
    length = np.hypot(step[..., 0], step[..., 1]) * joined
    share = (length + np.roll(length, 1, axis=1)) / 2 / (s * math.sqrt(2 * np.pi))
    weight = share * np.exp(radius**2 / (2 * s * s))

    pixels = np.arange(SIZE, dtype=f4)
    bumps = np.exp(np.maximum((path[..., None] - pixels) ** 2 / (-2 * s * s), -38))  # (n, P, 2, 28); stays a normal float
    total = (weight[..., None] * bumps[:, :, 1]).transpose(0, 2, 1) @ bumps[:, :, 0]
    power = -2 * s * s * np.log(total + f4(1e-35))
    mean = radius.mean(1)[:, None, None]
    return np.sqrt(np.maximum(power + mean**2, 0)) - mean


def to_ink(distance: Array, softness: Array) -> Array:
    """Distances (n, 28, 28) to ink from 0 to 1, with soft edges, and nothing outside of the box that `fit` fits to."""
    t = np.clip(0.5 - distance / softness, 0, 1)
    ink = t * t * (3 - 2 * t)
    margin = (SIZE - BOX) // 2
    inside = np.zeros((SIZE, SIZE), f4)
    inside[margin:-margin, margin:-margin] = 1
    return ink * inside


def centre(ink: Array) -> Array:
    """Shift by whole pixels until the centre of mass is within half a pixel of (14, 14): (n, 28, 28) -> (n, 28, 28)."""
    pixels = np.arange(SIZE)
    margin = (SIZE - BOX) // 2
    shifted = []
    for profile in (ink.sum(2), ink.sum(1)):
        middle = (profile * pixels).sum(1) / profile.sum(1)
        shift = np.rint(SIZE / 2 - middle).astype(int).clip(-margin, margin)
        shifted.append((pixels - shift[:, None]) % SIZE)
    rows, columns = shifted
    return ink[np.arange(len(ink))[:, None, None], rows[:, :, None], columns[:, None, :]]


def to_bytes(ink: Array) -> Array:
    """0 .. 1 to 0 .. 255."""
    return np.rint(255 * ink).astype(np.uint8)


def write(folder: str | os.PathLike[str], *, n_train: int = 60_000, n_test: int = 10_000, seed: int = 0) -> list[Path]:
    """Draw both splits and write them as four gzipped IDX files with MNIST's names; returns their paths.

    MARKER is there first, saying that the set is incomplete, and is replaced last; so a set whose writing was interrupted
    is never taken for a whole one, and is always known as synthetic.

    Errors    DataError if the folder holds such files that are not synthetic; ValueError as in `make`; OSError
    """
    folder = Path(folder)
    what = _description(n_train, n_test, seed)
    if not (folder / MARKER).exists() and folders.has_idx("mnist", folder):
        raise DataError(
            f"{folder} holds files with MNIST's names and no {MARKER}; synthetic digits need a folder of their own"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write_marker(folder, what | {"complete": False})
    checksums = {}
    for split, n in (("train", n_train), ("test", n_test)):
        images, labels = make(n, seed=seed, split=split)
        for path, array in zip(_paths(folder, split), (images, labels.astype(np.uint8)), strict=True):
            idx.write(path, array)
            checksums[path.name] = _checksum(array)
    _write_marker(folder, what | {"complete": True, "crc32": checksums})
    return [path for split in SPLITS for path in _paths(folder, split)]


def load(
    folder: str | os.PathLike[str] | None,
    split: str = "train",
    *,
    seed: int | None = None,
    n_train: int | None = None,
    n_test: int | None = None,
) -> tuple[Array, Array]:
    """One split, as `make` gives it, from the folder's files, which are made first if there are none or others than asked
    for. What is not asked for is as the files have it, or else seed 0, 60 000 training and 10 000 test images.

    Where files can't be written, or `folder` is None, the images are drawn anew at every call.

    Errors    DataError if the folder holds such files that are not synthetic; ValueError as in `make`
    """
    _check_split(split)
    asked = {name: v for name, v in {"seed": seed, "n_train": n_train, "n_test": n_test}.items() if v is not None}
    if folder is not None:
        found = _read(Path(folder), split, asked)
        if found is not None:
            return found
    seed, n_train, n_test = ({"seed": 0, "n_train": 60_000, "n_test": 10_000} | asked).values()
    if folder is not None:
        try:
            write(folder, n_train=n_train, n_test=n_test, seed=seed)
        except OSError:
            pass  # read-only, or no space: do without
        else:
            found = _read(Path(folder), split, asked)
            if found is not None:
                return found
    return make(n_train if split == "train" else n_test, seed=seed, split=split)


def _read(folder: Path, split: str, asked: dict[str, Any]) -> tuple[Array, Array] | None:
    """The split, if the folder holds the whole set that is asked for; the checksums also tell mixed or damaged files."""
    try:
        marker = parse_json((folder / MARKER).read_text(encoding="utf-8"))
        checksums = marker["crc32"]
        if any(marker[key] != value for key, value in (_GENERATOR | asked | {"complete": True}).items()):
            return None
        paths = _paths(folder, split)
        images, labels = (idx.read(path) for path in paths)
        if [_checksum(images), _checksum(labels)] != [checksums[path.name] for path in paths]:
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # missing, damaged, or somebody else's JSON
        return None
    return images, labels.astype(np.int64)


def _write_marker(folder: Path, content: dict[str, Any]) -> None:
    with atomic_write(folder / MARKER) as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")


def _description(n_train: int, n_test: int, seed: int) -> dict[str, Any]:
    """What tells one synthetic set from another."""
    for name, value in {"n_train": n_train, "n_test": n_test, "seed": seed}.items():
        if value < 0:
            raise ValueError(f"synthetic: {name} must be 0 or more, got {value}")
    return _GENERATOR | {"seed": seed, "n_train": n_train, "n_test": n_test}


def _paths(folder: Path, split: str) -> list[Path]:
    """The split's files: images, labels."""
    return [folder / f"{name}.gz" for name in folders.idx_names("mnist", split)]


def _checksum(array: Array) -> int:
    return zlib.crc32(array.tobytes())


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")


def _as_labels(labels: Array | Sequence[int], n: int) -> Array:
    array = np.asarray(labels)
    if array.shape != (n,) or not (array.size == 0 or (array.dtype.kind in "iu" and 0 <= array.min() <= array.max() <= 9)):
        raise ValueError(f"make: labels must be {n} digits from 0 to 9, got {array.dtype} {array.shape}: {labels!r:.60}")
    return array


def _normal(rng: Rng, *shape: int) -> Array:
    return rng.standard_normal(shape, f4)
