"""What a network gets wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from scratchnet.metrics import ClassScores, Reliability, confused_pairs, confusion_matrix
from scratchnet.typing import Array
from scratchnet.viz.arguments import check_count, check_labelled, check_numbers
from scratchnet.viz.figures import (
    BLACK,
    BLUE,
    ERRORS,
    GREY,
    PALE,
    SKY,
    VERMILLION,
    message,
    new_figure,
    one_axes,
    style,
    suptitle,
)
from scratchnet.viz.images import grid, show


def confusion(
    matrix: Array, class_names: Sequence[str] | None = None, *, ax: Axes | None = None, title: str | None = None
) -> Figure:
    """A confusion matrix: row = true label, column = prediction, counts in the cells.

    The colour is the share of the row that went wrong this way. The diagonal, the right answers, has no part in it:
    it is a hundred times larger than any error and would leave all errors white.

    Shapes    matrix (K, K), whole numbers
    Errors    ValueError for another shape, negative or broken counts, or another number of names
    """
    counts = check_numbers("confusion", matrix, "matrix")
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
            percent = FuncFormatter(lambda share, _: f"{100 * share:.3g} %")
            ticks = MaxNLocator(5, steps=[1, 2, 5, 10])
            bar = figure.colorbar(shown, ax=ax, fraction=0.04, pad=0.03, ticks=ticks, format=percent)
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
    images, labels, probs = check_labelled("mistakes", images, labels, probs)
    check_count("mistakes", count)
    predicted = probs.argmax(axis=1) if len(probs) else np.zeros(0, int)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-probs[wrong, predicted[wrong]], kind="stable")][:count]
    with style():
        if len(order) == 0:
            return message(f"no mistakes among {len(images)} images", title)
        captions = [f"{labels[i]} → {predicted[i]}  {100 * probs[i, predicted[i]]:.0f} %" for i in order]
        every = "all" if len(order) == len(wrong) else f"the {len(order)} most confident of"
        header = (
            f"{every} {len(wrong)} mistakes among {len(images)} images (true\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}predicted)"
        )
        columns = min(5, len(order)) if len(order) <= 25 else 10
        return grid(images[order], captions, columns, f"{title}\n{header}" if title else header)


def reliability(result: Reliability, *, title: str | None = None) -> Figure:
    """A reliability diagram: how often answers of each confidence are right, and below how many there are.

    On the diagonal a network is as often right as it says. result is what ``scratchnet.metrics.reliability`` returns.

    Source    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017, figure 1
    """
    filled = np.flatnonzero(result.counts)
    left, width = result.edges[:-1], np.diff(result.edges)
    with style():
        figure = new_figure(6.4, 7.6)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
        above.bar(left[filled], result.accuracy[filled], width[filled], align="edge", color=SKY, edgecolor="white")
        above.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle="--", label="as often right as it says")
        points = result.confidence[filled], result.accuracy[filled]
        above.plot(*points, "o", color=BLUE, clip_on=False, label="a bin: its mean confidence, and how often it is right")
        for m in filled:
            gap = [float(result.confidence[m])] * 2, [float(result.confidence[m]), float(result.accuracy[m])]
            above.plot(*gap, color=VERMILLION, linewidth=2)
        above.plot([], [], color=VERMILLION, linewidth=2, label="the gap between the two")
        above.set_xlim(0, 1)
        above.set_ylim(0, 1.02)
        above.set_ylabel("fraction named right")
        above.yaxis.set_major_formatter(PercentFormatter(1, None, " %"))
        above.set_title(f"ECE {100 * result.ece:.2f} %, worst bin {100 * result.mce:.1f} %", loc="left")
        below.bar(left[filled], result.counts[filled], width[filled], align="edge", color="#B8C4CC", edgecolor="white")
        below.set_yscale("log")
        below.set_ylim(0.7, 3.0 * float(result.counts.max()))
        for m in filled:
            below.annotate(
                str(int(result.counts[m])),
                (float(left[m] + width[m] / 2), float(result.counts[m])),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=8.5 if len(left) <= 20 else 6,
                color=GREY,
            )
        below.set_ylabel("answers")
        below.set_xlabel("confidence: the highest probability")
        below.xaxis.set_major_formatter(PercentFormatter(1, None, " %"))
        figure.legend(loc="outside lower center", frameon=False, fontsize=10)
        suptitle(figure, title)
    return figure


def classes(scores: ClassScores, class_names: Sequence[str] | None = None, *, title: str | None = None) -> Figure:
    """Precision, recall and F1 of every class, as points and as a table. scores is what ``metrics.class_scores`` returns.

    Errors    ValueError for another number of names
    """
    k = len(scores.support)
    names = [str(i) for i in range(k)] if class_names is None else [str(name) for name in class_names]
    if len(names) != k:
        raise ValueError(f"classes: {len(names)} class names for {k} classes")
    rows = np.arange(k)
    kinds = (
        ("precision", scores.precision, BLUE, "o"),
        ("recall", scores.recall, VERMILLION, "s"),
        ("F1", scores.f1, BLACK, "|"),
    )
    with style():
        figure = new_figure(10.5, 1.7 + 0.36 * max(k, 3))
        ax, table = figure.subplots(1, 2, sharey=True, width_ratios=[1.6, 1])
        ax.hlines(
            rows, np.minimum(scores.precision, scores.recall), np.maximum(scores.precision, scores.recall), color="#C8D2D9"
        )
        for name, values, colour, marker in kinds:
            ax.plot(values, rows, marker, color=colour, label=name, markersize=8, linestyle="none", clip_on=False)
        low = float(min(values.min() for _, values, _, _ in kinds))
        ax.set_xlim(max(0.0, low - 0.12 * (1 - low) - 0.001), 1)
        ax.set_ylim(k - 0.4, -0.6)
        ax.set_yticks(rows, names)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="both")
        ax.xaxis.set_major_formatter(PercentFormatter(1, None, " %"))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
        ax.set_ylabel("class")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02 - 0.7 / (k + 1)), ncols=3, frameon=False, fontsize=11)
        table.set_axis_off()
        columns = [
            *((name, [f"{100 * v:.2f} %" for v in values]) for name, values, _, _ in kinds),
            ("images", [f"{n:,}" for n in scores.support]),
        ]
        for place, (name, cells) in zip((0.22, 0.48, 0.74, 1.0), columns, strict=True):
            table.text(place, 1.01, name, transform=table.transAxes, ha="right", va="bottom", fontsize=11, color=GREY)
            for row, cell in enumerate(cells):
                table.text(place, row, cell, transform=table.get_yaxis_transform(), ha="right", va="center", fontsize=11)
        suptitle(figure, title)
    return figure


def confused(
    images: Array, labels: Array, probs: Array, pairs: int = 6, count: int = 8, *, title: str | None = None
) -> Figure:
    """The most confused pairs of classes, a row each, with the images the network was most sure about.

    Shapes    images (N, H, W) or (N, 1, H, W), labels (N,), probs (N, K) with rows that sum to 1
    Errors    ValueError if shapes do not fit, probs are not probabilities, or pairs or count is not positive
    """
    images, labels, probs = check_labelled("confused", images, labels, probs)
    check_count("confused", pairs, "pairs")
    check_count("confused", count)
    predicted = probs.argmax(axis=1)
    found = confused_pairs(confusion_matrix(labels, predicted, probs.shape[1]))
    with style():
        if not found:
            return message(f"no mistakes among {len(images)} images", title)
        shown = found[:pairs]
        columns = min(count, max(pair.images for pair in shown))
        figure = new_figure(2.6 + 1.05 * columns, 0.3 + 1.35 * len(shown))
        axes = figure.subplots(len(shown), columns + 1, squeeze=False, width_ratios=[1.9, *[1] * columns])
        for row, pair in zip(axes, shown, strict=True):
            for ax in row:
                ax.set_axis_off()
            words = f"{pair.images} of {round(pair.images / pair.share)}  ({100 * pair.share:.1f} %)"
            row[0].text(0, 0.62, f"{pair.true} → {pair.predicted}", transform=row[0].transAxes, fontsize=17, va="center")
            row[0].text(0, 0.25, words, transform=row[0].transAxes, fontsize=10, va="center", color=GREY)
            members = np.flatnonzero((labels == pair.true) & (predicted == pair.predicted))
            members = members[np.argsort(-probs[members, pair.predicted], kind="stable")]
            for ax, i in zip(row[1:], members, strict=False):
                show(ax, images[i])
                ax.set_title(f"{100 * probs[i, pair.predicted]:.0f} %", fontsize=10, pad=2, color=GREY)
        wrong, inside = sum(pair.images for pair in found), sum(pair.images for pair in shown)
        key = "(true → predicted, with\N{NO-BREAK SPACE}its\N{NO-BREAK SPACE}probability)"
        header = f"{inside} of {wrong} mistakes among {len(images)} images\n{key}"
        suptitle(figure, f"{title}\n{header}" if title else header)
    return figure
