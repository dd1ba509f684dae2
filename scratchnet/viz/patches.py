"""im2col as a picture: which patch of the image fills which column of the matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle

from scratchnet.arguments import pair_of_ints
from scratchnet.layers.conv import im2col as patch_matrices
from scratchnet.typing import Array
from scratchnet.viz.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, bare, new_figure, style, suptitle

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_MOST = 400  # numbers in a matrix that can still be read


def im2col(
    image: Array,
    kernel_size: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    pad: int | tuple[int, int] = 0,
    show: Sequence[int] = (0, 1),
    title: str | None = None,
) -> Figure:
    """A small image with numbers, and beside it its patch matrix; the patches ``show`` are framed and their columns tinted.

    A column is one output pixel, a row one place in the kernel. The pixels that padding adds are grey zeros.

    Shapes    image (H, W); the matrix is (KH*KW, OH*OW); show: up to four columns, by number
    Errors    ValueError if the image is not (H, W), the kernel does not fit, the matrix is too large to be read, or there is
              no such column
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"im2col: image wants (H, W), got {image.shape}")
    kernel = pair_of_ints("im2col: kernel_size", kernel_size, 1)
    step, edge = pair_of_ints("im2col: stride", stride, 1), pair_of_ints("im2col: pad", pad, 0)
    rows = patch_matrices(image[None, None], kernel, step, edge)  # (OH, KH*KW, OW)
    matrix = np.concatenate(list(rows), axis=1)
    if matrix.size > _MOST:
        raise ValueError(
            f"im2col: the matrix {matrix.shape} has {matrix.size} numbers, {_MOST} can be read; take less image"
        )
    if len(show) > len(_COLOURS) or not all(0 <= column < matrix.shape[1] for column in show):
        raise ValueError(
            f"im2col: show wants up to {len(_COLOURS)} columns from 0 to {matrix.shape[1] - 1}, got {list(show)}"
        )

    padded = np.pad(image, [(edge[0],) * 2, (edge[1],) * 2])
    inside = np.pad(np.ones(image.shape, bool), [(edge[0],) * 2, (edge[1],) * 2])
    corners = [(column // rows.shape[2] * step[0], column % rows.shape[2] * step[1]) for column in show]
    with style():
        tall = max(len(padded), len(matrix))
        wide = padded.shape[1], matrix.shape[1]
        cell = 0.42
        figure = new_figure(cell * (sum(wide) + 3) + 2.0, cell * (tall + 1.6) + 1.2)
        left, right = figure.subplots(1, 2, width_ratios=wide)
        _numbers(left, padded, np.where(inside, BLACK, "#A0A0A0"), tall)
        _numbers(right, matrix, np.full(matrix.shape, BLACK), tall)
        left.add_patch(Rectangle((edge[1] - 0.5, edge[0] - 0.5), *image.shape[::-1], fill=False, ec=BLACK, lw=1.4))
        for k, (column, (i, j)) in enumerate(zip(show, corners, strict=True)):
            colour, inset = _COLOURS[k], 0.06 * k  # so that frames on one line are both seen
            _frame(left, j + inset, i + inset, kernel[1] - 2 * inset, kernel[0] - 2 * inset, colour)
            _frame(right, column, 0, 1, len(matrix), colour)
            arrow = ConnectionPatch(
                (j + kernel[1] / 2 - 0.5, i - 0.5 + inset),
                (column, -0.5),
                "data",
                "data",
                axesA=left,
                axesB=right,
                arrowstyle="-|>",
                connectionstyle=f"arc3,rad=-{0.3 + 0.04 * k}",
                mutation_scale=13,
                color=colour,
                lw=1.6,
            )
            arrow.set_in_layout(False)
            right.add_artist(arrow)
        h, w = image.shape
        around = f", padded by {_short(edge)}" if any(edge) else ""
        left.set_xlabel(f"image ({h}, {w}){around}\nkernel {kernel[0]} x {kernel[1]}, stride {_short(step)}")
        left.xaxis.set_label_coords((padded.shape[1] - 1) / 2, len(padded) - 0.5 + 0.3, transform=left.transData)
        right.set_yticks(range(len(matrix)), [f"({a}, {b})" for a, b in np.ndindex(kernel)], fontsize=10)
        right.set_ylabel("place in the kernel")
        outs = list(np.ndindex(len(rows), rows.shape[2]))
        right.set_xticks(range(matrix.shape[1]), [f"({i}, {j})" for i, j in outs], fontsize=10, rotation=90)
        right.set_xlabel(f"output pixel\npatches ({len(matrix)}, {matrix.shape[1]})")
        suptitle(figure, title)
    return figure


def _numbers(ax: Axes, values: Array, colours: Array, tall: int) -> None:
    """A table of squares with a number in each, in axes as tall as ``tall`` squares."""
    h, w = values.shape
    for (i, j), value in np.ndenumerate(values):
        ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, ec="#CFCFCF", lw=0.8))
        ax.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=10, color=colours[i, j], zorder=4)
    ax.set_xlim(-0.5, w - 0.5)
    middle = (h - 1) / 2
    ax.set_ylim(middle + tall / 2, middle - tall / 2 - 1.6)  # room for the arrows above
    ax.set_aspect("equal")
    bare(ax)
    ax.tick_params(length=0)


def _frame(ax: Axes, j: float, i: float, w: float, h: float, colour: str) -> None:
    """A tinted rectangle that begins with square (i, j)."""
    ax.add_patch(Rectangle((j - 0.5, i - 0.5), w, h, fc=(*to_rgb(colour), 0.16), ec=colour, lw=2.4, zorder=3, clip_on=False))


def _short(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} x {pair[1]}"
