"""From pixels to what a network reads: ``prepare`` for batches of images, ``digit_from_picture`` for a person's own picture.

Everything that sees an image (training, evaluation, prediction, the lab) goes through ``prepare`` with the constants that
are stored in the model file, so a network never meets numbers on another scale than the one it learned on.

A photographed or drawn digit looks nothing like MNIST: it is dark on light, large, off-centre and unevenly lit.
``digit_from_picture`` makes it one. MNIST's images were "size normalized to fit in a 20x20 pixel box while preserving their
aspect ratio" with an anti-aliasing filter, then "centered in a 28x28 image by computing the center of mass of the pixels,
and translating the image so as to position this point at the center of the 28x28 field". The steps, in the file's order:

    to_rgb              any picture -> (H, W, 3), at most 1024 pixels a side
    remove_background   fit the paper as a smooth surface, subtract it -> ink strength (H, W), 0 where there is paper
    find_sheet          a sheet of paper on a table: look at the sheet alone
    remove_shadows      subtract whatever is wider than a stroke
    find_ink            threshold by Otsu's method -> mask of ink
    drop_specks         keep what belongs to the digit; two digits are an error
    fit_box             crop, give the strokes a pen's width, reduce into 20 x 20
    centre              paste so that the centre of mass is at the centre of 28 x 28

Source    LeCun, Cortes, Burges, "The MNIST database of handwritten digits" (the text above is from its page);
          Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9, 1979
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchnet.memory import from_hcwn
from scratchnet.typing import Array

if TYPE_CHECKING:
    from PIL import Image


# --- batches of images ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Normalization:
    """Pixels become (x / 255 - mean) / std. The defaults are mean and deviation of MNIST's 60 000 training images.

    Errors    ValueError if a number is not finite or std is not positive
    """

    mean: float = 0.1307
    std: float = 0.3081

    def __post_init__(self) -> None:
        for name, value in (("mean", self.mean), ("std", self.std)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"Normalization: {name} must be a finite number, got {value!r}")
        if self.std <= 0:
            raise ValueError(f"Normalization: std must be positive, got {self.std!r}")

    def to_dict(self) -> dict[str, float]:
        """As it stands in a model file's metadata."""
        return {"mean": float(self.mean), "std": float(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalization:
        """The inverse of ``to_dict``; ValueError if a number is missing, unknown or unusable."""
        if not isinstance(values, Mapping) or set(values) != {"mean", "std"}:
            raise ValueError(f"Normalization: wants the two numbers 'mean' and 'std', got {values!r}")
        return cls(mean=values["mean"], std=values["std"])


def prepare(images: Array, normalization: Normalization | None = None) -> Array:
    """Bytes 0 .. 255 to the numbers a network reads: (x / 255 - mean) / std.

    Shapes    uint8 (H, W) one image, (N, H, W) or (N, 1, H, W) -> float32 (N, 1, H, W), in memory (H, 1, W, N)
    Errors    ValueError for another dtype or shape
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise ValueError(f"prepare: images wants a uint8 array, got {kind}")
    if images.ndim not in (2, 3, 4) or (images.ndim == 4 and images.shape[1] != 1):
        raise ValueError(f"prepare: images wants (H, W), (N, H, W) or (N, 1, H, W), got {images.shape}")
    normalization = normalization or Normalization()
    stack = images.reshape(-1, *images.shape[-2:]) if images.size else images.reshape(_count(images), *images.shape[-2:])
    scale = 1 / (255 * normalization.std)
    # Reordering single bytes first and converting afterwards is twice as fast as the other way round or a table look-up.
    out = np.ascontiguousarray(stack.transpose(1, 2, 0)).astype(np.float32)
    out *= np.float32(scale)
    out -= np.float32(normalization.mean / normalization.std)
    return from_hcwn(out[:, None])


def _count(images: Array) -> int:
    return 1 if images.ndim == 2 else len(images)


# --- a person's picture -----------------------------------------------------------------------------------------------

SIZE = 28  # a prepared digit is SIZE x SIZE ...
BOX = 20  # ... and its ink BOX x BOX at most
SIDE = 1024  # larger pictures are reduced to this many pixels a side before anything else
SMALLEST = 5  # pixels a side that a digit can still be drawn in
PHOTOGRAPH = 100  # smaller pictures are drawn: they have neither shadows nor tables
BLANK = 8  # grey levels: a picture with less contrast than this is blank

MIDDLE = 160  # strokes are thickened or thinned on a canvas of about this many pixels a side
THINNEST, THIN = 1.4, 2.3  # strokes below THINNEST pixels (in the 20 x 20 box) become THIN; MNIST's median is 2.4
THICKEST, THICK = 4.8, 4.2


class UnreadablePicture(ValueError):
    """There is no digit to be found in a picture; the message says in one line why."""


def digit_from_picture(picture: Image.Image | Array) -> Array:
    """One handwritten digit, photographed, scanned or drawn, as MNIST would show it.

    Dark on light and light on dark are both fine, so are colours, transparency, uneven light, noise, ruled paper and any
    position and size; a picture that already looks like MNIST's comes out as it went in.

    Shapes    PIL image in any mode, or uint8 (H, W), (H, W, 3) RGB, (H, W, 4) RGBA -> uint8 (28, 28), light on black
    Errors    UnreadablePicture if there is no ink, ink everywhere, or more than one digit; ValueError for another array
    Source    the module's docstring
    """
    rgb = to_rgb(picture)
    ink, noise = remove_background(rgb)
    sheet = find_sheet(ink, noise)
    if sheet is not None:
        ink, noise = remove_background(rgb[sheet])
    ink = remove_shadows(ink)
    mask, level = find_ink(ink, noise)
    mask = drop_specks(mask)
    near = _dilate(mask, 2 if max(mask.shape) > 100 else 1)  # the soft edges of the strokes belong to them
    strokes = np.where(near, np.clip(ink / level, 0, 1), 0).astype(np.float32)
    return centre(fit_box(strokes))


def to_rgb(picture: Image.Image | Array) -> Array:
    """Any picture -> float32 (H, W, 3) in 0 .. 255, upright, opaque, at most SIDE pixels a side."""
    from PIL import Image, ImageOps

    if isinstance(picture, np.ndarray):
        _check_array(picture)
        picture = Image.fromarray(np.ascontiguousarray(picture))
    _check_size(picture.size)
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I") or upright.mode == "F":
        upright = Image.fromarray(_to_bytes(np.asarray(upright)))
    transparent = "A" in upright.getbands() or "a" in upright.getbands() or "transparency" in upright.info
    upright = upright.convert("RGBA" if transparent else "RGB")
    factor = math.ceil(max(upright.size) / SIDE)
    if factor > 1:
        upright = upright.reduce(factor)
        _check_size(upright.size)
    pixels = np.asarray(upright, dtype=np.float32)
    return _on_paper(pixels) if transparent else pixels


def _check_array(picture: Array) -> None:
    colours = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))
    if picture.dtype != np.uint8 or not colours:
        raise ValueError(
            "digit_from_picture: an array wants to be uint8 (H, W), (H, W, 3) or (H, W, 4), "
            f"got {picture.dtype} {picture.shape}"
        )
    if picture.size == 0:
        raise UnreadablePicture(f"the picture is empty: {picture.shape[1]} x {picture.shape[0]} pixels")


def _check_size(size: tuple[int, int]) -> None:
    if min(size) < SMALLEST:
        raise UnreadablePicture(
            f"the picture is too small or too narrow: {size[0]} x {size[1]} pixels, "
            f"a digit wants at least {SMALLEST} x {SMALLEST}"
        )


def _to_bytes(values: Array) -> Array:
    """16-bit, 32-bit or float grey values -> uint8; the scale is guessed from the largest value: 1, 255, 65535."""
    values = np.nan_to_num(values.astype(np.float64))
    top = values.max()
    floats_to_one = 0 < top <= 1
    scale = 255.0 if floats_to_one else 1.0 if top <= 255 else 255 / max(65535.0, top)
    return np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)


def _on_paper(rgba: Array) -> Array:
    """Lay a transparent picture on something its ink can be seen on: (H, W, 4) -> (H, W, 3)."""
    colour, alpha = rgba[..., :3], rgba[..., 3:] / 255
    if alpha.max() == 0:
        raise UnreadablePicture("no ink found: the picture is fully transparent")
    if alpha.mean() > 0.5:  # an opaque picture with holes or round corners: continue its own paper
        paper = np.median(colour[alpha[..., 0] > 0.5], axis=0)
    else:  # strokes on nothing: white paper, or black if the strokes are light
        paper = np.full(3, 255.0 if (colour * alpha).sum() / (3 * alpha.sum()) < 160 else 0.0)
    return (colour * alpha + paper * (1 - alpha)).astype(np.float32)


def remove_background(rgb: Array) -> tuple[Array, float]:
    """How much each pixel differs from the paper, in the direction of the ink's colour.

    The paper is a smooth surface (uneven light), fitted so that ink counts as an outlier. What is left is a colour
    difference; its strong values say which way the ink differs, darker, lighter or of another hue, and the projection on
    that direction is the ink strength. So polarity and colour need no assumption.

    Shapes    (H, W, 3) -> ink strength float32 (H, W), about 0 on paper; noise of the paper (standard deviation)
    """
    contrast = np.ptp(rgb, axis=(0, 1)).max()
    if contrast < BLANK:
        raise UnreadablePicture(f"no ink found: the picture is blank (all pixels within {contrast:.0f} grey levels)")
    rgb = _blur(rgb, max(rgb.shape) / SIDE)
    paper, is_paper = _fit_paper(rgb)
    difference = rgb - paper
    strength = np.sqrt((difference**2).sum(axis=2))
    strong = difference[strength > _otsu(strength)]
    direction = strong.mean(axis=0)
    length = float(np.linalg.norm(direction))
    if length == 0:
        raise UnreadablePicture("no ink found: nothing stands out from the background")
    ink = difference @ (direction / length)
    if direction.sum() < 0:  # dark ink: in the shade the same ink makes a smaller difference
        light = paper.mean(axis=2)
        ink = ink * (light.mean() + 32) / (np.maximum(light, 0) + 32)
    noise = 1.4826 * float(np.median(np.abs(ink[is_paper]))) if is_paper.any() else 0.0
    return ink.astype(np.float32), noise


def _fit_paper(rgb: Array) -> tuple[Array, Array]:
    """The background as a polynomial of degree 2 in i and j: (H, W, 3), and where the picture shows it: bool (H, W).

    Weighted least squares, again and again: what lies far from the surface counts little (a pixel at distance d has
    weight 1 / (1 + (d / s)^2)^2), and s shrinks from 100 grey levels, so that uneven light still belongs to the paper, to
    3, so that ink has no say. It starts from the colour of the picture's frame, which has two thirds of all the weight,
    so that a thick marker may cover most of the inside.

    Source    Geman, McClure, "Statistical methods for tomographic image reconstruction", 1987 (the weights)
    """
    h, w, _ = rgb.shape
    degree = 2 if min(h, w) >= 16 else 0
    powers = [(p, q) for p in range(degree + 1) for q in range(degree + 1 - p)]
    rows = np.stack([np.linspace(-1, 1, h) ** p for p, _ in powers], axis=1)
    cols = np.stack([np.linspace(-1, 1, w) ** q for _, q in powers], axis=1)

    i, j = np.arange(0, h, math.ceil(h / 128)), np.arange(0, w, math.ceil(w / 128))  # about 128 x 128 points are plenty
    terms = (rows[i][:, None] * cols[j][None]).reshape(len(i) * len(j), -1)
    points = rgb[np.ix_(i, j)].reshape(-1, 3).astype(np.float64)
    rim = np.minimum.outer(np.minimum(i, h - 1 - i), np.full(len(j), max(h, w)))
    rim = np.minimum(rim, np.minimum(j, w - 1 - j)).ravel() < max(1, 0.05 * min(h, w))
    base = np.where(rim, 2 / 3 / rim.sum(), 1 / 3 / max(1, (~rim).sum()))

    distance = np.linalg.norm(points - np.median(points[rim], axis=0), axis=1)
    for spread in np.geomspace(100, 3, 20):
        root = np.sqrt(base) / (1 + (distance / spread) ** 2)
        surface = np.linalg.lstsq(terms * root[:, None], points * root[:, None], rcond=None)[0]
        distance = np.linalg.norm(points - terms @ surface, axis=1)
    paper_like = distance <= _reach(distance, base)
    if paper_like.sum() >= 4 * terms.shape[1]:  # now that the paper is known, fit it alone
        surface = np.linalg.lstsq(terms[paper_like], points[paper_like], rcond=None)[0]
        distance = np.linalg.norm(points - terms @ surface, axis=1)

    paper = np.stack([(rows * channel) @ cols.T for channel in surface.T], axis=2)
    is_paper = np.linalg.norm(rgb - paper, axis=2) <= _reach(distance, base)
    return paper.astype(np.float32), is_paper


def _reach(distance: Array, weight: Array) -> float:
    """How far from the surface is still paper: three times the weighted median distance, and 3 grey levels at least."""
    order = np.argsort(distance)
    half = np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())
    return max(3.0, 3 * float(distance[order[min(half, len(order) - 1)]]))


def find_sheet(ink: Array, noise: float) -> tuple[slice, slice] | None:
    """If what stands out is one solid block that hardly touches the border, the digit is written on it.

    (H, W) -> rows and columns of a rectangle inside the block, or None.
    """
    if max(ink.shape) < PHOTOGRAPH:
        return None
    mask, _ = find_ink(ink, noise)
    block = math.ceil(max(mask.shape) / 256)
    labels, parts = _components(_block_max(mask, block))
    sheet = parts[0]
    h, w = labels.shape
    sides = (sheet.top == 0) + (sheet.left == 0) + (sheet.bottom == h) + (sheet.right == w)
    if sides > 1 or min(sheet.height, sheet.width) < 0.3 * min(h, w):
        return None
    solid = np.pad(labels != sheet.label, 1, constant_values=True)  # fill the holes: what is not joined to the outside
    outside, _ = _components(solid)
    filled = (outside != outside[0, 0])[1:-1, 1:-1]
    if sheet.area < 0.86 * filled.sum():  # strokes have larger holes
        return None
    i, j = np.nonzero(filled)
    for part in np.linspace(0.98, 0.7, 29):  # the largest rectangle in the middle that lies on the sheet alone
        half = part * sheet.height / 2, part * sheet.width / 2
        rows = slice(max(0, math.ceil(i.mean() - half[0])), math.floor(i.mean() + half[0]))
        cols = slice(max(0, math.ceil(j.mean() - half[1])), math.floor(j.mean() + half[1]))
        if filled[rows, cols].all():
            return slice(rows.start * block, rows.stop * block), slice(cols.start * block, cols.stop * block)
    return None


def remove_shadows(ink: Array) -> Array:
    """Subtract what is wider than a stroke can be: a quarter of the picture (hard shadows, the edge of a table).

    Half of the paper may lie in the shade, and then the brighter half may have passed for ink. So look at what differs
    from the background in both directions, and take the one in which more is left.
    """
    if max(ink.shape) < PHOTOGRAPH:
        return ink
    window = max(ink.shape) // 4
    this, other = (float((_top_hat(np.maximum(side, 0), window) ** 2).sum()) for side in (ink, -ink))
    rest = _top_hat(ink if this >= other else -ink, window)
    return rest - np.median(rest)


def find_ink(ink: Array, noise: float) -> tuple[Array, float]:
    """Ink or paper, for every pixel, and the strength of full ink.

    Otsu's threshold between the values that stand out from the noise and as many zeros: a digit may cover a third of the
    picture or a thousandth of it, the threshold does not move. It never falls below a third of full ink, which is what
    keeps pale ruled lines out.

    Shapes    (H, W) -> bool (H, W), strength of full ink
    """
    floor = max(4 * noise, BLANK / 2)
    standing_out = ink[ink > floor]
    if standing_out.size == 0:
        raise UnreadablePicture(f"no ink found: nothing stands out from the noise ({noise:.0f} grey levels)")
    threshold = max(floor, _otsu(np.concatenate([standing_out, np.zeros_like(standing_out)])))
    level = float(np.percentile(ink[ink >= threshold], 80))
    threshold = max(threshold, 0.35 * level)
    mask = ink >= threshold
    covered = mask.mean()
    if covered > 0.75:
        raise UnreadablePicture(f"no digit found: ink nearly everywhere ({covered:.0%} of the picture)")
    return mask, level


def _otsu(values: Array) -> float:
    """The threshold that splits values into two classes with the largest variance between their means."""
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    total = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * ((total[-1] - total[:-1]) / above - total[:-1] / below) ** 2
    between = np.nan_to_num(between, posinf=0.0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # a plateau where the histogram is empty: its middle
    return float(edges[1 + (best[0] + best[-1]) // 2])


def drop_specks(mask: Array) -> Array:
    """Keep the digit: its largest connected stroke and what lies close to it. bool (H, W) -> bool (H, W).

    Dropped are small specks, and what touches the picture's border while something inside does not (a page's edge, a
    shadow, ruled lines).

    Errors    UnreadablePicture if hardly anything is connected, or if there are two digits
    """
    block = math.ceil(max(mask.shape) / 256)  # connected on a coarse grid is connected enough
    coarse = _block_max(mask, block)
    labels, parts = _components(coarse)
    kept = _without_border(parts, coarse.shape)
    digit = _group(kept)
    if max(max(p.height for p in digit), max(p.width for p in digit)) * block < max(SMALLEST - 1, 0.012 * max(mask.shape)):
        raise UnreadablePicture("no ink found: there are only specks, no connected strokes")
    if sum(p.area for p in digit) < 0.3 * sum(p.area for p in kept):
        rest = [p for p in kept if p not in digit and p.area >= 0.2 * digit[0].area]
        if len(rest) > 20:
            raise UnreadablePicture("no digit found: many small shapes all over the picture, it looks like noise")
    _check_single(digit, [p for p in kept if p not in digit])
    keep = np.isin(labels, [p.label for p in digit])
    return mask & np.kron(keep, np.ones((block, block), bool))[: mask.shape[0], : mask.shape[1]]


@dataclass(frozen=True)
class _Part:
    """A connected piece of ink: its label, number of pixels and bounding box (ends exclusive)."""

    label: int
    area: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def _components(mask: Array) -> tuple[Array, list[_Part]]:
    """Pieces of ink whose pixels touch, also at corners: labels (H, W), 0 for none, and the pieces, largest first.

    Every pixel starts with a number of its own, takes the largest among its neighbours, and then the number that the
    pixel of that number has by now: the second step halves the distance to the end every time.
    """
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        spread = np.where(mask, _neighbour_max(labels), 0)
        jumped = np.concatenate([[0], spread.ravel()])[spread]
        if np.array_equal(jumped, labels):
            break
        labels = jumped
    i, j = np.nonzero(labels)
    names, which = np.unique(labels[i, j], return_inverse=True)
    area = np.bincount(which)
    top, left = np.full(len(names), mask.size), np.full(len(names), mask.size)
    bottom, right = np.zeros(len(names), int), np.zeros(len(names), int)
    np.minimum.at(top, which, i)
    np.minimum.at(left, which, j)
    np.maximum.at(bottom, which, i + 1)
    np.maximum.at(right, which, j + 1)
    table = np.stack([names, area, top, bottom, left, right], axis=1)
    return labels, [_Part(*map(int, row)) for row in table[np.argsort(-area, kind="stable")]]


def _without_border(parts: list[_Part], shape: tuple[int, ...]) -> list[_Part]:
    """Drop what touches the border, unless it is all there is or lies close to what does not."""

    def outside(p: _Part) -> bool:
        return p.top == 0 or p.left == 0 or p.bottom == shape[0] or p.right == shape[1]

    inside = [p for p in parts if not outside(p)]
    if not inside or max(inside[0].height, inside[0].width) < 0.1 * min(shape):
        return parts
    main = inside[0]
    return [p for p in parts if not outside(p) or _gap(p, main) < 0.15 * max(main.height, main.width)]


def _group(parts: list[_Part]) -> list[_Part]:
    """The largest piece and, step by step, every piece near what has been gathered (the detached bar of a 5)."""
    group, rest = parts[:1], parts[1:]
    while True:
        box = _around(group)
        reach = 0.2 * max(box.height, box.width)
        near = [p for p in rest if p.area >= 0.03 * box.area and _gap(p, box) <= reach]
        if not near:
            return group
        group = group + near
        rest = [p for p in rest if p not in near]


def _around(parts: list[_Part]) -> _Part:
    return _Part(
        label=0,
        area=sum(p.area for p in parts),
        top=min(p.top for p in parts),
        bottom=max(p.bottom for p in parts),
        left=min(p.left for p in parts),
        right=max(p.right for p in parts),
    )


def _gap(a: _Part, b: _Part) -> int:
    """Distance of two bounding boxes, 0 if they overlap or touch."""
    return max(0, b.left - a.right, a.left - b.right, b.top - a.bottom, a.top - b.bottom)


def _check_single(digit: list[_Part], rest: list[_Part]) -> None:
    """Two tall shapes side by side, or a second one of similar size elsewhere, are more than one digit."""
    box = _around(digit)
    for p in rest:
        if max(p.height, p.width) >= 0.5 * max(box.height, box.width) and p.area >= 0.2 * box.area:
            raise UnreadablePicture("looks like more than one digit: there are separate shapes of similar size")
    tall = sorted((p for p in digit if p.height >= 0.7 * box.height), key=lambda p: p.left)
    for a, b in pairwise(tall):
        if b.left - a.right >= 0.05 * box.height:
            raise UnreadablePicture("looks like more than one digit: there are tall shapes side by side")


def fit_box(strokes: Array) -> Array:
    """Crop to the ink, give the strokes a width that MNIST knows, reduce into BOX x BOX keeping the aspect ratio.

    A thin pen in a large photograph is a hair once the digit is 20 pixels tall, so thin strokes are dilated first (and
    very thick ones eroded). What already has the right size is left alone.

    Shapes    float32 (H, W) in 0 .. 1 -> float32 (h, w) in 0 .. 1, max(h, w) = BOX
    """
    strokes = _crop(strokes)
    canvas = _to_canvas(strokes)
    width, extent = _stroke_width(canvas), max(canvas.shape)
    scaled = width * BOX / extent
    if scaled < THINNEST or scaled > THICKEST:
        wanted = THIN if scaled < THINNEST else THICK
        # (width + 2 r) / (extent + 2 r) = wanted / BOX
        r = round((wanted * extent - BOX * width) / (2 * (BOX - wanted)))
        strokes = _crop(_dilate(np.pad(canvas, r), r) if r > 0 else 1 - _dilate(1 - canvas, -r))
    extent = max(strokes.shape)
    if not BOX - 2 <= extent <= BOX:
        h, w = (max(1, round(side * BOX / extent)) for side in strokes.shape)
        strokes = _resize(strokes, h, w)
    full = np.percentile(strokes[strokes > 0.5], 80) if (strokes > 0.5).any() else strokes.max()
    return np.clip(strokes / full, 0, 1)


def _crop(strokes: Array) -> Array:
    """Without the empty margins. What is fainter than a twentieth of full ink counts as empty."""
    faint = strokes > 0.05
    i, j = np.flatnonzero(faint.any(axis=1)), np.flatnonzero(faint.any(axis=0))
    return strokes[i[0] : i[-1] + 1, j[0] : j[-1] + 1]


def _to_canvas(strokes: Array) -> Array:
    """About MIDDLE pixels a side. Reducing keeps the strongest pixel of each block: a mean would dilute thin strokes."""
    extent = max(strokes.shape)
    if extent >= MIDDLE:
        return _block_max(strokes, extent // MIDDLE)
    h, w = (max(1, round(side * MIDDLE / extent)) for side in strokes.shape)
    return _resize(strokes, h, w)


def _stroke_width(canvas: Array) -> float:
    """Mean width in pixels: taking one pixel off both sides of a line of width d takes away 2 / d of its area."""
    mask = np.pad(canvas >= 0.5, 1)
    core = mask[1:-1, 1:-1] & mask[2:, 1:-1] & mask[:-2, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2]
    area = mask.sum()
    return float(2 * area / (area - core.sum())) if area else 0.0


def centre(box: Array) -> Array:
    """Paste into SIZE x SIZE so that the centre of mass is nearest to pixel (14, 14), as in MNIST's files.

    Shapes    float32 (h, w) in 0 .. 1, h and w at most BOX -> uint8 (28, 28)
    """
    h, w = box.shape
    top = round(SIZE / 2 - float(box.sum(axis=1) @ np.arange(h) / box.sum()))
    left = round(SIZE / 2 - float(box.sum(axis=0) @ np.arange(w) / box.sum()))
    top, left = min(max(top, 0), SIZE - h), min(max(left, 0), SIZE - w)
    out = np.zeros((SIZE, SIZE), np.uint8)
    out[top : top + h, left : left + w] = np.rint(255 * box)
    return out


# --- small image operations -------------------------------------------------------------------------------------------


def _resize(image: Array, h: int, w: int) -> Array:
    """float32 (H, W) -> (h, w), antialiased."""
    from PIL import Image

    small = Image.fromarray(image.astype(np.float32)).resize((w, h), Image.Resampling.HAMMING)
    return np.clip(np.asarray(small), 0, 1)


def _blur(image: Array, sigma: float) -> Array:
    """Gaussian blur of (H, W, 3), the border continued."""
    radius = math.ceil(2.5 * sigma)
    if sigma < 0.3:
        return image
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        pads = [(radius, radius) if a == axis else (0, 0) for a in range(image.ndim)]
        padded = np.pad(image, pads, mode="edge")
        n = image.shape[axis]
        image = sum(k * np.take(padded, range(s, s + n), axis=axis) for s, k in enumerate(kernel))
    return image


def _dilate(image: Array, radius: int) -> Array:
    """The maximum over a disc around every pixel; outside the picture there is nothing."""
    out = image.copy()
    h, w = image.shape
    for di in range(-radius, radius + 1):
        for dj in range(-radius, radius + 1):
            if di * di + dj * dj <= radius * (radius + 0.5):
                here = out[max(0, -di) : h - max(0, di), max(0, -dj) : w - max(0, dj)]
                np.maximum(here, image[max(0, di) : h - max(0, -di), max(0, dj) : w - max(0, -dj)], out=here)
    return out


def _top_hat(image: Array, window: int) -> Array:
    """Only what is narrower than the window. The minimum over a square window, and then the maximum of those, is the image
    without its narrow peaks; that is subtracted.

    Source    the white top-hat of Serra, "Image Analysis and Mathematical Morphology", 1982
    """
    wide = np.pad(image, window, mode="edge")
    for _ in range(2):  # the minimum, and then (as the minimum of the negative values) the maximum
        for axis in (0, 1):
            wide = _running_min(wide, window, axis)
        wide = -wide
    h, w = image.shape
    top, left = (wide.shape[0] - h) // 2, (wide.shape[1] - w) // 2
    return image - wide[top : top + h, left : left + w]


def _running_min(image: Array, window: int, axis: int) -> Array:
    """The minimum over every ``window`` neighbours along one axis, window - 1 shorter; windows are joined in doubling."""
    image = np.moveaxis(image, axis, 0)
    have = 1
    while have < window:
        step = min(have, window - have)
        image = np.minimum(image[:-step], image[step:])
        have += step
    return np.moveaxis(image, 0, axis)


def _neighbour_max(labels: Array) -> Array:
    """The maximum over 3 x 3 pixels."""
    padded = np.pad(labels, 1)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])


def _block_max(image: Array, k: int) -> Array:
    """The maximum of every k x k block: (H, W) -> (ceil(H / k), ceil(W / k))."""
    if k == 1:
        return image
    h, w = image.shape
    padded = np.pad(image, ((0, -h % k), (0, -w % k)))
    return padded.reshape(padded.shape[0] // k, k, padded.shape[1] // k, k).max(axis=(1, 3))
