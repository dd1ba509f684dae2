"""Two networks side by side, and one network on test sets that were changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from scratchnet.typing import Array
from scratchnet.viz.arguments import check_count, check_images, check_numbers
from scratchnet.viz.figures import BLUE, GREY, VERMILLION, message, new_figure, style, suptitle
from scratchnet.viz.images import show


def disagreements(
    images: Array,
    labels: Array,
    predictions_a: Array,
    predictions_b: Array,
    count: int = 16,
    *,
    names: tuple[str, str] = ("A", "B"),
    title: str | None = None,
) -> Figure:
    """The images that tell two networks apart: at most ``count`` that only A names right, and as many that only B does.

    "is 9, B says 4" is a nine that B takes for a four.

    Shapes    images (N, H, W) or (N, 1, H, W), labels, predictions_a and predictions_b (N,)
    Errors    ValueError if shapes do not fit or count is not positive
    """
    images = check_images("disagreements", images)
    labels = check_numbers("disagreements", labels, "labels")
    a = check_numbers("disagreements", predictions_a, "predictions_a")
    b = check_numbers("disagreements", predictions_b, "predictions_b")
    if not labels.shape == a.shape == b.shape == (len(images),):
        raise ValueError(
            f"disagreements: images (N, H, W), labels, predictions_a and predictions_b (N,) want one N, "
            f"got {images.shape}, {labels.shape}, {a.shape}, {b.shape}"
        )
    check_count("disagreements", count)
    groups = [
        ("A", np.flatnonzero((a == labels) & (b != labels)), "B", b, BLUE),
        ("B", np.flatnonzero((b == labels) & (a != labels)), "A", a, VERMILLION),
    ]
    head = f"A: {names[0]}\nB: {names[1]}"
    with style():
        if not any(len(members) for _, members, _, _, _ in groups):
            return message(f"A and B are right on the same {int((a == labels).sum())} of {len(images)} images", title)
        columns = min(8, max(len(members[:count]) for _, members, _, _, _ in groups))
        rows = [max(1, -(-len(members[:count]) // columns)) for _, members, _, _, _ in groups]
        figure = new_figure(max(1.15 * columns, 6.4) + 0.4, 0.9 + 1.5 * sum(rows) + 0.7)
        parts: Any = figure.subfigures(2, 1, height_ratios=[0.4 + 1.5 * n for n in rows])
        for part, height, (better, members, other, guesses, colour) in zip(parts, rows, groups, strict=True):
            part.suptitle(_group_title(better, len(members), count), color=colour, fontsize=13, x=0.02, ha="left")
            for k, ax in enumerate(part.subplots(height, columns, squeeze=False).ravel()):
                ax.set_axis_off()
                if k < len(members[:count]):
                    i = members[k]
                    show(ax, images[i])
                    ax.set_title(f"is {labels[i]}, {other} says {guesses[i]}", fontsize=10, pad=3)
        suptitle(figure, f"{title}\n{head}" if title else head)
    return figure


def _group_title(better: str, found: int, count: int) -> str:
    shown = f", the first {count} of them" if found > count else ""
    return f"only {better} is right: {found} {'image' if found == 1 else 'images'}{shown}"


def robustness(
    names: Sequence[str],
    examples: Array,
    accuracies: Array,
    picture_accuracies: Array | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """The accuracy on each changed test set, beside one of its images; and on pictures of the same, prepared first.

    Shapes    names V texts, examples (V, H, W), accuracies and picture_accuracies (V,) from 0 to 1, NaN for none
    Errors    ValueError if shapes do not fit
    """
    examples = check_images("robustness", examples, "examples")
    series = [
        ("straight into the network", check_numbers("robustness", accuracies, "accuracies").astype(float), BLUE, -0.19)
    ]
    if picture_accuracies is not None:
        pictures = check_numbers("robustness", picture_accuracies, "picture_accuracies").astype(float)
        series.append(("as a picture, prepared first", pictures, VERMILLION, 0.19))
    if len(names) != len(examples) or any(values.shape != (len(names),) for _, values, _, _ in series):
        got = ", ".join(str(values.shape) for _, values, _, _ in series)
        raise ValueError(
            f"robustness: {len(names)} names want as many examples and accuracies, got {len(examples)} and {got}"
        )
    with style():
        figure = new_figure(9.4, 1.8 + 0.72 * len(names))
        grid = figure.add_gridspec(len(names), 2, width_ratios=[1, 11])
        for row, image in enumerate(examples):
            show(figure.add_subplot(grid[row, 0]), image)
        ax = figure.add_subplot(grid[:, 1])
        where = np.arange(len(names))
        for label, values, colour, offset in series:
            offset = offset if len(series) > 1 else 0.0
            ax.barh(where + offset, np.nan_to_num(values), 0.36 if len(series) > 1 else 0.6, color=colour, label=label)
            for y, value in zip(where + offset, values, strict=True):
                if np.isfinite(value):
                    ax.text(value + 0.008, y, f"{100 * value:.2f} %", va="center", fontsize=10, color=GREY)
        ax.set_yticks(where, names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlim(0, 1.12)
        ax.set_xticks(np.linspace(0, 1, 6))
        ax.xaxis.set_major_formatter(PercentFormatter(1, None, " %"))
        ax.set_xlabel("accuracy: how many are named right")
        ax.spines["bottom"].set_bounds(0, 1)
        ax.tick_params(axis="y", length=0)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=11)
        suptitle(figure, title)
    return figure
