"""What the data looks like, and one image with what the network makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scratchnet.typing import Array
from scratchnet.viz.arguments import check_count, check_image, check_images, check_numbers, check_probabilities
from scratchnet.viz.figures import BLACK, BLUE, GREY, bare, new_figure, root, style, suptitle


def digits(images: Array, labels: Array | None = None, count: int = 50, *, title: str | None = None) -> Figure:
    """The first ``count`` images side by side, with their labels if given.

    Shapes    images (N, H, W) or (N, 1, H, W), labels (N,)
    Errors    ValueError if shapes do not fit, there is no image, or count is not positive
    """
    images = check_images("digits", images)
    if len(images) == 0:
        raise ValueError("digits: there are no images to show")
    check_count("digits", count)
    if labels is not None and np.shape(labels) != (len(images),):
        raise ValueError(f"digits: labels wants ({len(images)},), got {np.shape(labels)}")
    captions = None if labels is None else [str(label) for label in np.asarray(labels)[:count]]
    with style():
        return grid(images[:count], captions, 10, title)


def probabilities(
    image: Array,
    probs: Array,
    *,
    class_names: Sequence[str] | None = None,
    axes: tuple[Axes, Axes] | None = None,
    title: str | None = None,
) -> Figure:
    """One image and what the network makes of it: a bar for every class, the most probable one in colour.

    Shapes    image (H, W) or (1, H, W), probs (K,); axes: where to draw the image and the bars
    Errors    ValueError if shapes do not fit or probs are not probabilities: between 0 and 1, with sum 1
    """
    image, probs = check_image("probabilities", image), check_numbers("probabilities", probs, "probs")
    if probs.ndim != 1 or probs.size == 0:
        raise ValueError(f"probabilities: probs wants (K,), got {probs.shape}")
    probs = check_probabilities("probabilities", probs)
    names = [str(i) for i in range(len(probs))] if class_names is None else [str(name) for name in class_names]
    if len(names) != len(probs):
        raise ValueError(f"probabilities: {len(names)} class names for {len(probs)} probabilities")

    best = int(probs.argmax())
    with style():
        if axes is None:
            figure = new_figure(9, 4)
            picture, beside = figure.subplots(1, 2, width_ratios=[1, 1.3])
        else:
            picture, beside = axes
            figure = root(picture)
        show(picture, image)
        picture.set_title(f"{names[best]}  ({100 * probs[best]:.1f} %)")
        bars(beside, probs, names, best)
        beside.set_title("probability of each class")
        suptitle(figure, title, grow=axes is None)
    return figure


def bars(ax: Axes, probs: Array, names: Sequence[str], chosen: int) -> None:
    """A bar for every class, one of them in colour."""
    where = np.arange(len(probs))
    ax.barh(where, probs, color=[BLUE if i == chosen else "#B8C4CC" for i in where], height=0.72)
    for i, p in enumerate(probs):
        ax.text(p + 0.012, i, f"{100 * p:.1f} %", va="center_baseline", fontsize=11, color=BLACK if i == chosen else GREY)
    ax.set_yticks(where, names)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.14)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def grid(images: Array, captions: Sequence[str] | None, columns: int, title: str | None) -> Figure:
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tall = 0.0 if captions is None else 0.32
    side = 1.0 if columns > 5 else 1.55
    if captions is not None and max(map(len, captions)) > 3:
        side = max(side, 1.45)
    figure = new_figure(max(columns * side, 7.4 if title else 3.0) + 0.2, rows * (side + tall) + (0.5 if title else 0.1))
    for i, ax in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        if i >= len(images):
            ax.remove()
            continue
        show(ax, images[i])
        if captions is not None:
            ax.set_title(captions[i], fontsize=12, pad=3)
    suptitle(figure, title)
    return figure


def show(ax: Axes, image: Array) -> None:
    """White on black from 0 to 255 for bytes; other numbers from their own smallest to their largest."""
    span = (0.0, 255.0) if image.dtype == np.uint8 else (float(image.min()), float(image.max()))
    ax.imshow(image, cmap="gray", vmin=span[0], vmax=max(span[1], span[0] + 1e-12), interpolation="nearest")
    bare(ax)
