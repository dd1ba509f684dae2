"""From a person's own picture, photographed, scanned or drawn, to a 28 x 28 digit: ``digit_from_picture``.

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
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from scratchnet.imaging import (
    Part,
    around,
    block_max,
    blur,
    components,
    dilate,
    gap,
    least_squares,
    lengths,
    otsu,
    rectangularity,
    resize,
    stroke_width,
    top_hat,
    weighted_median,
)
from scratchnet.typing import Array

if TYPE_CHECKING:
    from PIL import Image

SIZE = 28  # a prepared digit is SIZE x SIZE ...
BOX = 20  # ... and its ink BOX x BOX at most
SIDE = 1024  # larger pictures are reduced to this many pixels a side before anything else
SMALLEST = 5  # pixels a side that a digit can still be drawn in
PHOTOGRAPH = 100  # smaller pictures are drawn: they have neither shadows nor tables
BLOB = 0.42  # strokes are narrower than this part of the digit's larger side ...
SCRIBBLE = 5  # ... and shorter than so many times that side
BLANK = 8  # grey levels: a picture with less contrast than this is blank

MIDDLE = 160  # strokes are thickened or thinned on a canvas of about this many pixels a side
THINNEST, THIN = 1.7, 2.4  # strokes below THINNEST pixels (in the 20 x 20 box) become THIN, MNIST's median
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
    near = dilate(mask, 2 if max(mask.shape) > 100 else 1)  # the soft edges of the strokes belong to them
    strokes = np.where(near, np.clip(ink / level, 0, 1), 0).astype(np.float32)
    return centre(fit_box(strokes))


def to_rgb(picture: Image.Image | Array) -> Array:
    """Any picture -> float32 (H, W, 3) in 0 .. 255, upright, opaque, at most SIDE pixels a side."""
    from PIL import Image

    if isinstance(picture, np.ndarray):
        _check_array(picture)
        picture = Image.fromarray(np.ascontiguousarray(picture))
    _check_size(picture.size)
    upright = _upright(picture)
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


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF note says; as it is, if that is damaged, for which Pillow has many errors."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        return picture


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
    top = max(float(np.nan_to_num(row).max()) for row in values)
    floats_to_one = 0 < top <= 1
    scale = 255.0 if floats_to_one else 1.0 if top <= 255 else 255 / max(65535.0, top)
    out = np.empty(values.shape, np.uint8)
    for row, target in zip(values, out, strict=True):  # row by row: in float64 the picture would be eight times as large
        target[...] = np.clip(np.rint(np.nan_to_num(row.astype(np.float64)) * scale), 0, 255)
    return out


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
    contrast = max(float(np.ptp(rgb[..., channel])) for channel in range(3))
    if contrast < BLANK:
        raise UnreadablePicture(f"no ink found: the picture is blank (all pixels within {contrast:.0f} grey levels)")
    rgb = blur(rgb, max(rgb.shape) / SIDE)
    paper, is_paper = _fit_paper(rgb)
    difference = rgb - paper
    strength = lengths(difference)
    strong = difference[strength > otsu(strength)]
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
    3, so that ink has no say. It starts from the median colour. The picture's frame has two thirds of all the weight, so
    that a thick marker may cover most of the inside.

    Source    Geman, McClure, "Statistical methods for tomographic image reconstruction", 1987 (the weights)
    """
    h, w, _ = rgb.shape
    degree = 2 if min(h, w) >= 16 else 0
    powers = [(p, q) for p in range(degree + 1) for q in range(degree + 1 - p)]
    rows = np.stack([np.linspace(-1, 1, h) ** p for p, _ in powers], axis=1)
    cols = np.stack([np.linspace(-1, 1, w) ** q for _, q in powers], axis=1)

    i, j = (np.linspace(0, side - 1, min(side, 80)).astype(int) for side in (h, w))  # 80 x 80 points are plenty
    terms = (rows[i][:, None] * cols[j][None]).reshape(len(i) * len(j), -1)
    points = rgb[np.ix_(i, j)].reshape(-1, 3).astype(np.float64)
    rim = np.minimum.outer(np.minimum(i, h - 1 - i), np.full(len(j), max(h, w)))
    rim = np.minimum(rim, np.minimum(j, w - 1 - j)).ravel() < max(1, 0.05 * min(h, w))
    base = np.where(rim, 2 / 3 / rim.sum(), 1 / 3 / max(1, (~rim).sum()))

    start = [weighted_median(channel, base) for channel in points.T]
    distance = lengths(points - start)
    for spread in np.geomspace(100, 3, 20):
        surface = least_squares(terms, points, base / (1 + (distance / spread) ** 2) ** 2)
        distance = lengths(points - terms @ surface)
    paper_like = distance <= _reach(distance, base)
    if paper_like.sum() >= 4 * terms.shape[1]:  # now that the paper is known, fit it alone
        surface = least_squares(terms, points, paper_like / paper_like.sum())
        distance = lengths(points - terms @ surface)

    paper = np.stack([(rows * channel) @ cols.T for channel in surface.T], axis=2)
    is_paper = lengths(rgb - paper) <= _reach(distance, base)
    return paper.astype(np.float32), is_paper


def _reach(distance: Array, weight: Array) -> float:
    """How far from the surface is still paper: three times the median distance, and 3 grey levels at least."""
    return max(3.0, 3 * weighted_median(distance, weight))


def find_sheet(ink: Array, noise: float) -> tuple[slice, slice] | None:
    """If what stands out is one solid block that hardly touches the border, the digit is written on it.

    (H, W) -> rows and columns of a rectangle inside the block, or None.
    """
    if max(ink.shape) < PHOTOGRAPH:
        return None
    mask, _ = find_ink(ink, noise)
    block = math.ceil(max(mask.shape) / 256)
    labels, parts = components(block_max(mask, block))
    sheet = parts[0]
    h, w = labels.shape
    sides = (sheet.top == 0) + (sheet.left == 0) + (sheet.bottom == h) + (sheet.right == w)
    if sides > 1 or min(sheet.height, sheet.width) < 0.3 * min(h, w):
        return None
    solid = np.pad(labels != sheet.label, 1, constant_values=True)  # fill the holes: what is not joined to the outside
    outside, _ = components(solid)
    filled = (outside != outside[0, 0])[1:-1, 1:-1]
    if sheet.area < 0.8 * filled.sum() or rectangularity(filled) < 0.88:  # an ellipse has 0.79
        return None
    i, j = np.nonzero(filled)
    for part in np.linspace(0.98, 0.5, 49):  # the largest rectangle in the middle that lies on the sheet alone
        half = part * sheet.height / 2, part * sheet.width / 2
        rows = slice(max(0, math.ceil(i.mean() - half[0])), math.floor(i.mean() + half[0]))
        cols = slice(max(0, math.ceil(j.mean() - half[1])), math.floor(j.mean() + half[1]))
        inside = filled[rows, cols]
        if inside.size and inside.all():
            return slice(rows.start * block, rows.stop * block), slice(cols.start * block, cols.stop * block)
    return None


def remove_shadows(ink: Array) -> Array:
    """Subtract what is wider than a stroke can be: a third of the picture (hard shadows, the edge of a table).

    Half of the paper may lie in the shade, and then the brighter half may have passed for ink. So look at what differs
    from the background in both directions, and take the one in which more is left. What does not reach the border is no
    shadow, but a fat digit.
    """
    if max(ink.shape) < PHOTOGRAPH:
        return ink
    window = max(ink.shape) // 3
    this, other = (float((top_hat(np.maximum(side, 0), window) ** 2).sum()) for side in (ink, -ink))
    rest = top_hat(ink if this >= other else -ink, window)
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
    threshold = max(floor, otsu(np.concatenate([standing_out, np.zeros_like(standing_out)])))
    level = float(np.percentile(ink[ink >= threshold], 80))
    threshold = max(threshold, 0.35 * level)
    return ink >= threshold, level


def drop_specks(mask: Array) -> Array:
    """Keep the digit: its largest connected stroke and what lies close to it. bool (H, W) -> bool (H, W).

    Dropped are small specks, and what touches the picture's border while something inside does not (a page's edge, a
    shadow, ruled lines).

    Errors    UnreadablePicture if hardly anything is connected, or if there are two digits
    """
    if mask.mean() > 0.75:
        raise UnreadablePicture(f"no digit found: ink nearly everywhere ({100 * mask.mean():.0f} % of the picture)")
    block = math.ceil(max(mask.shape) / 256)  # connected on a coarse grid is connected enough
    coarse = block_max(mask, block)
    labels, parts = components(coarse)
    kept = _without_border(parts, coarse.shape)
    digit = _group(kept)
    if max(p.size for p in digit) * block < max(SMALLEST - 1, 0.012 * max(mask.shape)):
        raise UnreadablePicture("no ink found: there are only specks, no connected strokes")
    if sum(p.area >= 0.2 * digit[0].area for p in kept) > 20:
        raise UnreadablePicture("no digit found: many small shapes all over the picture, it looks like noise")
    _check_single(digit, [p for p in kept if p not in digit])
    keep = np.isin(labels, [p.label for p in digit])
    mask = mask & np.kron(keep, np.ones((block, block), bool))[: mask.shape[0], : mask.shape[1]]
    _check_strokes(mask)
    return mask


def _without_border(parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
    """Drop what touches the border, unless it is all there is or lies close to what does not."""

    def outside(p: Part) -> bool:
        return p.top == 0 or p.left == 0 or p.bottom == shape[0] or p.right == shape[1]

    inside = [p for p in parts if not outside(p)]
    if not inside or inside[0].size < 0.1 * min(shape):
        return parts
    main = inside[0]
    return [p for p in parts if not outside(p) or gap(p, main) < 0.15 * main.size]


def _group(parts: list[Part]) -> list[Part]:
    """The largest piece and, step by step, every piece near what has been gathered (the detached bar of a 5)."""
    group, rest = parts[:1], parts[1:]
    while True:
        box = around(group)
        near = [p for p in rest if p.area >= 0.03 * box.area and gap(p, box) <= max(2, 0.3 * max(box.size, p.size))]
        if not near:
            return group
        group = group + near
        rest = [p for p in rest if p not in near]


def _check_single(digit: list[Part], rest: list[Part]) -> None:
    """Two tall shapes side by side, or a second one of similar size elsewhere, are more than one digit."""
    box = around(digit)
    for p in rest:
        if p.size >= 0.5 * box.size and p.area >= 0.2 * box.area:
            raise UnreadablePicture("looks like more than one digit: there are separate shapes of similar size")
    tall = sorted((p for p in digit if p.height >= 0.7 * box.height), key=lambda p: p.left + p.right)
    for a, b in pairwise(tall):
        apart = (b.left + b.right - a.left - a.right) / 2
        if b.left - a.right >= 0.12 * box.height or apart >= 0.5 * box.height:
            raise UnreadablePicture("looks like more than one digit: there are tall shapes side by side")


def _check_strokes(mask: Array) -> None:
    """Digits are lines: never as wide as a blob, and seldom longer than three times the digit's height."""
    i, j = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    extent = max(i[-1] - i[0], j[-1] - j[0]) + 1
    width = stroke_width(mask)
    if width > BLOB * extent:
        raise UnreadablePicture("no digit found: the ink is one solid shape, not strokes")
    if mask.sum() > SCRIBBLE * width * extent:
        raise UnreadablePicture("no digit found: lines or dots all over the picture, it looks like noise or a pattern")


def fit_box(strokes: Array) -> Array:
    """Crop to the ink, give the strokes a width that MNIST knows, reduce into BOX x BOX keeping the aspect ratio.

    A thin pen in a large photograph is a hair once the digit is 20 pixels tall, so thin strokes are dilated first (and
    very thick ones eroded). What already has the right size is left alone.

    Shapes    float32 (H, W) in 0 .. 1 -> float32 (h, w) in 0 .. 1, max(h, w) = BOX
    """
    strokes = _crop(strokes)
    if not BOX - 2 <= max(strokes.shape) <= BOX:
        canvas = _to_canvas(strokes)
        width, extent = stroke_width(canvas >= 0.5), max(canvas.shape)
        scaled = width * BOX / extent
        if scaled < THINNEST or scaled > THICKEST:
            wanted = THIN if scaled < THINNEST else THICK
            # (width + 2 r) / (extent + 2 r) = wanted / BOX
            r = round((wanted * extent - BOX * width) / (2 * (BOX - wanted)))
            canvas = np.pad(canvas, abs(r))
            strokes = _crop(dilate(canvas, r) if r > 0 else 1 - dilate(1 - canvas, -r))
        extent = max(strokes.shape)
        h, w = (max(1, round(side * BOX / extent)) for side in strokes.shape)
        strokes = resize(strokes, h, w)
    full = np.percentile(strokes[strokes >= 0.5 * strokes.max()], 60)
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
        return block_max(strokes, extent // MIDDLE)
    h, w = (max(1, round(side * MIDDLE / extent)) for side in strokes.shape)
    return resize(strokes, h, w)


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
