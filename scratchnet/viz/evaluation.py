"""What a network gets wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from scratchnet.typing import Array
from scratchnet.viz.arguments import check_count, check_images, check_probabilities
from scratchnet.viz.figures import BLACK, BLUE, ERRORS, PALE, message, one_axes, style, suptitle
from scratchnet.viz.images import grid


def confusion(
    matrix: Array, class_names: Sequence[str] | None = None, *, ax: Axes | None = None, title: str | None = None
) -> Figure:
    """A confusion matrix: row = true label, column = prediction, counts in the cells.

    The colour is the share of the row that went wrong this way. The diagonal, the right answers, has no part in it:
    it is a hundred times larger than any error and would leave all errors white.

    Shapes    matrix (K, K), whole numbers
    Errors    ValueError for another shape, negative or broken counts, or another number of names
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"confusion: matrix wants (K, K), got {counts.shape}")
    if not np.issubdtype(counts.dtype, np.number) or np.any(counts < 0) or np.any(counts != np.rint(counts)):
        raise ValueError("confusion: matrix wants whole numbers, none negative")
    k = len(counts)
    names = [str(i) for i in range(k)] if class_names is None else [str(name) for name in class_names]
    if len(names) != k:
        raise ValueError(f"confusion: {len(names)} class names for {k} classes")

    counts = counts.astype(np.int64)
    rows = counts.sum(axis=1, keepdims=True)
    wrong = np.where(np.eye(k, dtype=bool), 0, counts / np.maximum(rows, 1))
    total, right = int(counts.sum()), int(np.trace(counts))
    with style():
        own = ax is None
        figure, ax = one_axes(ax, 3.0 + 0.62 * min(max(k, 5), 24), 1.9 + 0.55 * min(max(k, 4), 24))
        top = max(float(wrong.max()), 1e-9)
        shown = ax.imshow(wrong, cmap=ERRORS, vmin=0, vmax=top, aspect="equal")
        size = 11.0 if k <= 12 else max(4.0, 130 / k)
        for i in range(k):
            for j in range(k):
                if i == j:
                    ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, color=PALE, linewidth=0))
                colour = BLUE if i == j else "#B5B5B5" if counts[i, j] == 0 else _readable(wrong[i, j] / top)
                ax.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, fontsize=size)
        ax.set_xticks(range(k), names, rotation=45 if max(map(len, names)) > 4 else 0)
        ax.set_yticks(range(k), names)
        ax.tick_params(length=0)
        ax.set_xlabel("predicted")
        ax.set_ylabel("true label")
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_xticks(np.arange(k + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(k + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="#D5D5D5", linewidth=0.8)
        ax.tick_params(which="minor", length=0)
        share = f"accuracy {100 * right / total:.2f} % ({right} of {total})" if total else "no images"
        if own and title:
            suptitle(figure, f"{title}\n{share}")
        else:
            ax.set_title(f"{title}\n{share}" if title else share)
        if wrong.any():
            bar = figure.colorbar(shown, ax=ax, fraction=0.04, pad=0.03, format=PercentFormatter(1, None, " %"))
            bar.set_label("share of the row")
            bar.outline.set_visible(False)
    return figure


def _readable(shade: float) -> str:
    """Text colour on ERRORS(shade)."""
    red, green, blue, _ = ERRORS(shade)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.55 else BLACK


def mistakes(images: Array, labels: Array, probs: Array, count: int = 25, *, title: str | None = None) -> Figure:
    """The images a network is most sure about and wrong, the worst first: "7 → 1  98 %" is a 7 taken for a 1.

    Shapes    images (N, H, W) or (N, 1, H, W), labels (N,), probs (N, K) with rows that sum to 1
    Errors    ValueError if shapes do not fit, probs are not probabilities (logits, say) or count is not positive
    """
    images = check_images("mistakes", images)
    labels, probs = np.asarray(labels), np.asarray(probs)
    if probs.ndim != 2 or probs.shape[1] == 0 or not len(images) == len(labels) == len(probs) or labels.ndim != 1:
        raise ValueError(
            f"mistakes: images (N, H, W), labels (N,), probs (N, K) want one N, "
            f"got {images.shape}, {labels.shape}, {probs.shape}"
        )
    probs = check_probabilities("mistakes", probs)
    check_count("mistakes", count)
    predicted = probs.argmax(axis=1) if len(probs) else np.zeros(0, int)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-probs[wrong, predicted[wrong]], kind="stable")][:count]
    with style():
        if len(order) == 0:
            return message(f"no mistakes among {len(images)} images", title)
        captions = [f"{labels[i]} → {predicted[i]}  {100 * probs[i, predicted[i]]:.0f} %" for i in order]
        every = "all" if len(order) == len(wrong) else f"the {len(order)} most confident of"
        header = f"{every} {len(wrong)} mistakes among {len(images)} images (true → predicted)"
        columns = min(5, len(order)) if len(order) <= 25 else 10
        return grid(images[order], captions, columns, f"{title}\n{header}" if title else header)
