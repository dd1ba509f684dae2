"""Figures: how a training went, what a network gets wrong, what the data looks like.

The only module that imports matplotlib. Every function returns a ``matplotlib.figure.Figure`` of its own, not pyplot's: no
window, no display, nothing to close. A notebook shows it when it is a cell's last value; ``save`` writes it as PNG.
The colours are Okabe and Ito's, which people with any kind of colour vision can tell apart.

Source    Okabe, Ito, "Color Universal Design", 2008
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Protocol

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scratchnet.gradcheck.plane import reach, to_plane, wrong_plane
from scratchnet.gradcheck.report import Report
from scratchnet.gradcheck.subject import label as gradient_of
from scratchnet.inspection.tiles import pixels, span, tiled
from scratchnet.inspection.trace import Trace
from scratchnet.typing import Array

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#F0E442", "#000000"
GREY, PALE = "#767676", "#EDF3F7"

ERRORS = LinearSegmentedColormap.from_list("errors", ["#FFFFFF", "#FBD9BF", "#F09A5A", VERMILLION, "#8A3A00"])
"""White (no errors) to dark vermillion."""


SIGNS = LinearSegmentedColormap.from_list("signs", [BLUE, "#FFFFFF", VERMILLION])
"""Blue (negative) over white (0) to vermillion (positive)."""


class NamedRow(Protocol):
    """A named tuple, such as ``scratchnet.train.Epoch``."""

    def _asdict(self) -> dict[str, Any]: ...


History = Iterable[Mapping[str, Any] | NamedRow] | Mapping[str, Sequence[Any]]


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures; ``with style():`` lends it to figures of your own."""
    settings: Any = {
        "font.size": 12,
        "axes.titlesize": 13,
        "axes.labelsize": 12,
        "figure.titlesize": 14,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "grid.color": "#E3E3E3",
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, YELLOW, BLACK]),
        "lines.linewidth": 2.2,
        "lines.markersize": 6,
        "image.cmap": "gray",
        "image.interpolation": "nearest",
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "figure.constrained_layout.w_pad": 0.08,
        "figure.constrained_layout.h_pad": 0.08,
    }
    with mpl.rc_context(settings):
        yield


def save(figure: Figure, file: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write a figure as PNG, 150 dots per inch, to a path or an open binary file."""
    figure.draw_without_rendering()  # square axes under a tall title want one layout more than savefig makes
    figure.savefig(file, format="png", dpi=150)


# --- training ---------------------------------------------------------------------------------------------------------


def curves(history: History, *, title: str | None = None) -> Figure:
    """Loss and accuracy, epoch by epoch, in two panels.

    history is what ``scratchnet.train.train_epochs`` yields, or other rows (dicts, named tuples), or a dict of columns:
    epoch, train_loss, train_accuracy (0 .. 1) and, if there is validation, val_loss, val_accuracy. None and NaN are gaps.

    Errors    ValueError if there is no epoch, a key is missing, or columns differ in length
    """
    columns = _columns(history)
    with style():
        figure = blank(11, 4.2)
        left, right = figure.subplots(1, 2)
        _panel(left, columns, "loss", 1.0, "loss")
        _panel(right, columns, "accuracy", 100.0, "accuracy (%)")
        validated = any(np.isfinite(columns[key]).any() for key in ("val_loss", "val_accuracy") if key in columns)
        note = _TRAINING_NOTE + _VALIDATION_NOTE if validated else _TRAINING_NOTE
        figure.supxlabel(note, fontsize=10, color=GREY)
        _suptitle(figure, title)
    return figure


_TRAINING_NOTE = "training figures are means over the epoch's steps"
_VALIDATION_NOTE = "; validation comes after the last step, so it can be the better one"
_CURVES = (("train", "training", BLUE, "o"), ("val", "validation", VERMILLION, "s"))


def _columns(history: History) -> dict[str, Array]:
    """Rows or columns -> columns of floats, NaN where there is no value."""
    wanted = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    if isinstance(history, Mapping):
        raw = {key: list(history[key]) for key in wanted if key in history}
    else:
        rows = [_row(row) for row in history]
        if not rows:
            raise ValueError("curves: history is empty, it wants one epoch at least")
        raw = {key: [row.get(key) for row in rows] for key in wanted if any(key in row for row in rows)}
    for key in wanted[:3]:
        if key not in raw:
            raise ValueError(f"curves: history has no {key!r}; of {', '.join(wanted)} it has {', '.join(raw) or 'none'}")
    lengths = {key: len(values) for key, values in raw.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"curves: history's columns differ in length: {lengths}")
    if lengths["epoch"] == 0:
        raise ValueError("curves: history is empty, it wants one epoch at least")
    columns = {key: np.array([np.nan if v is None else v for v in values], float) for key, values in raw.items()}
    if not np.isfinite(columns["epoch"]).all():
        raise ValueError("curves: history has an epoch without a number")
    for values in columns.values():
        values[~np.isfinite(values)] = np.nan
    return columns


def _row(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping) and hasattr(row, "_asdict"):
        row = row._asdict()
    if not isinstance(row, Mapping):
        raise ValueError("curves: history wants a list of dicts or named tuples, one per epoch, or a dict of columns")
    return row


def _panel(ax: Axes, columns: Mapping[str, Array], quantity: str, scale: float, name: str) -> None:
    epochs, ends, shown = columns["epoch"], [], []
    for key, label, colour, marker in _CURVES:
        y = scale * columns.get(f"{key}_{quantity}", np.full(len(epochs), np.nan))
        seen = np.isfinite(y)
        if not seen.any():
            continue
        ax.plot(epochs[seen], y[seen], color=colour, marker=marker if len(epochs) <= 40 else "", label=label)
        ends.append((float(epochs[seen][-1]), float(y[seen][-1]), label, colour))
        shown.append(y[seen])
    ax.set_xlabel("epoch")
    ax.set_title(name, loc="left")
    ax.grid(axis="y")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    first, last = float(epochs.min()), float(epochs.max())
    margin = 0.5 if first == last else 0.03 * (last - first)
    ax.set_xlim(first - margin, last + margin)
    if not shown:
        ax.text(0.5, 0.5, "no finite values", transform=ax.transAxes, ha="center", va="center", color=GREY)
        return
    low, high = _limits(np.concatenate(shown), percent=scale == 100)
    ax.set_ylim(low, high)
    _label_ends(ax, ends, (low, high), _same_decimals([y for _, y, _, _ in ends]) if scale == 1 else "{:.2f} %")


def _limits(values: Array, *, percent: bool) -> tuple[float, float]:
    """A y range that shows the curve: losses from 0, accuracies up to 100 % and no further down than they go."""
    low, high = float(values.min()), float(values.max())
    if percent:
        room = max(0.08 * (high - low), 0.5)
        return max(0.0, low - room) if low >= 0 else low - room, min(100.0 + 0.15 * room, high + room)
    room = 0.06 * (high - min(low, 0.0)) or 1.0
    return min(0.0, low - room) if low < 0 else 0.0, high + room


def _same_decimals(values: Sequence[float]) -> str:
    """A format that gives all values the same decimals: three digits for the smallest, but four decimals at most."""
    sizes = [abs(v) for v in values if v]
    if sizes and not 1e-3 <= max(sizes) < 1e5:
        return "{:.2e}"
    return f"{{:.{min(max(2 - math.floor(math.log10(min(sizes, default=1.0))), 0), 4)}f}}"


def _label_ends(ax: Axes, ends: list[tuple[float, float, str, str]], limits: tuple[float, float], form: str) -> None:
    """Name and last value at the end of every curve, moved apart where two would overlap."""
    low, high = limits
    least = 0.14 * (high - low)  # the height of two lines of text
    places = [y for _, y, _, _ in ends]
    if len(places) == 2 and abs(places[0] - places[1]) < least:
        middle, up = sum(places) / 2, 1 if places[0] >= places[1] else -1
        middle = min(max(middle, low + least / 2), high - least / 2)
        places = [middle + up * least / 2, middle - up * least / 2]
    right = ax.get_xlim()[1]
    for (_, y, label, colour), place in zip(ends, places, strict=True):
        ax.annotate(
            f"{label}\n{form.format(y)}",
            xy=(right, place),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=11,
            linespacing=1.05,
            annotation_clip=False,
        )


# --- errors -----------------------------------------------------------------------------------------------------------


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
        figure, ax = _one(ax, 3.0 + 0.62 * min(max(k, 5), 24), 1.9 + 0.55 * min(max(k, 4), 24))
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
            _suptitle(figure, f"{title}\n{share}")
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
    images = _check_images("mistakes", images)
    labels, probs = np.asarray(labels), np.asarray(probs)
    if probs.ndim != 2 or probs.shape[1] == 0 or not len(images) == len(labels) == len(probs) or labels.ndim != 1:
        raise ValueError(
            f"mistakes: images (N, H, W), labels (N,), probs (N, K) want one N, "
            f"got {images.shape}, {labels.shape}, {probs.shape}"
        )
    probs = _check_probabilities("mistakes", probs)
    _check_count("mistakes", count)
    predicted = probs.argmax(axis=1) if len(probs) else np.zeros(0, int)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-probs[wrong, predicted[wrong]], kind="stable")][:count]
    with style():
        if len(order) == 0:
            return _message(f"no mistakes among {len(images)} images", title)
        captions = [f"{labels[i]} → {predicted[i]}  {100 * probs[i, predicted[i]]:.0f} %" for i in order]
        every = "all" if len(order) == len(wrong) else f"the {len(order)} most confident of"
        header = f"{every} {len(wrong)} mistakes among {len(images)} images (true → predicted)"
        columns = min(5, len(order)) if len(order) <= 25 else 10
        return _grid(images[order], captions, columns, f"{title}\n{header}" if title else header)


# --- images -----------------------------------------------------------------------------------------------------------


def digits(images: Array, labels: Array | None = None, count: int = 50, *, title: str | None = None) -> Figure:
    """The first ``count`` images side by side, with their labels if given.

    Shapes    images (N, H, W) or (N, 1, H, W), labels (N,)
    Errors    ValueError if shapes do not fit, there is no image, or count is not positive
    """
    images = _check_images("digits", images)
    if len(images) == 0:
        raise ValueError("digits: there are no images to show")
    _check_count("digits", count)
    if labels is not None and np.shape(labels) != (len(images),):
        raise ValueError(f"digits: labels wants ({len(images)},), got {np.shape(labels)}")
    captions = None if labels is None else [str(label) for label in np.asarray(labels)[:count]]
    with style():
        return _grid(images[:count], captions, 10, title)


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
    image, probs = np.asarray(image), np.asarray(probs)
    if image.ndim == 3 and image.shape[0] == 1:
        image = image[0]
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"probabilities: image wants (H, W) or (1, H, W), got {image.shape}")
    if probs.ndim != 1 or probs.size == 0:
        raise ValueError(f"probabilities: probs wants (K,), got {probs.shape}")
    probs = _check_probabilities("probabilities", probs)
    names = [str(i) for i in range(len(probs))] if class_names is None else [str(name) for name in class_names]
    if len(names) != len(probs):
        raise ValueError(f"probabilities: {len(names)} class names for {len(probs)} probabilities")

    best = int(probs.argmax())
    with style():
        if axes is None:
            figure = blank(9, 4)
            picture, bars = figure.subplots(1, 2, width_ratios=[1, 1.3])
        else:
            picture, bars = axes
            figure = _root(picture)
        _show(picture, image)
        picture.set_title(f"{names[best]}  ({100 * probs[best]:.1f} %)")
        where = np.arange(len(probs))
        bars.barh(where, probs, color=[BLUE if i == best else "#B8C4CC" for i in where], height=0.72)
        for i, p in enumerate(probs):
            bars.text(p + 0.012, i, f"{100 * p:.1f} %", va="center", fontsize=11, color=BLACK if i == best else GREY)
        bars.set_yticks(where, names)
        bars.invert_yaxis()
        bars.set_xlim(0, 1.14)
        bars.set_xticks([])
        bars.spines["bottom"].set_visible(False)
        bars.tick_params(axis="y", length=0)
        bars.set_title("probability of each class")
        _suptitle(figure, title, grow=axes is None)
    return figure


# --- inside a network -------------------------------------------------------------------------------------------------


def trace(trace: Trace, *, title: str | None = None) -> Figure:
    """A ``scratchnet.inspection.trace``: for each layer the first image's output and gradient as pictures, and how the
    output's values are spread.

    Values that are never negative go from black (0) to white; others from blue (negative) over white (0) to orange.
    """
    layers = trace.layers
    with style():
        figure = blank(13, 1.2 + 1.25 * (len(layers) + 1))
        rows = figure.subplots(len(layers) + 1, 4, width_ratios=[1.25, 2, 2, 1], squeeze=False)
        _layer_row(rows[0], f"input\n{trace.x_shape[1:]}", trace.image, None)
        for row, layer in zip(rows[1:], layers, strict=True):
            ratios = [f"update/|{p.key}| {p.update_ratio:.0e}" for p in layer.params if p.key == "w"]
            name = f"{layer.name}  {layer.layer}".strip()
            _layer_row(row, "\n".join([name, f"{layer.out_shape[1:]}", *ratios]), layer.out, layer.dout)
        for ax, heading in zip(rows[0], ("", "out", "dout, the gradient that comes back", "values of out"), strict=True):
            ax.set_title(heading)
        head = f"{title}\n{trace.outcome()}" if title else trace.outcome()
        _suptitle(figure, head)
    return figure


def _layer_row(row: Sequence[Axes], text: str, out: Array, dout: Array | None) -> None:
    words, forwards, backwards, spread = row
    for ax in (words, forwards, backwards):
        ax.set_axis_off()
    words.text(0, 0.5, text, transform=words.transAxes, va="center", fontsize=10.5, linespacing=1.4)
    for ax, values in ((forwards, out), (backwards, dout)):
        if values is None:
            continue
        picture, remark = tiled(values)
        ax.imshow(
            pixels(picture, signed=values is dout), interpolation="nearest", aspect="equal" if values.ndim == 3 else "auto"
        )
        low, high = span(picture)
        ax.text(
            0.5,
            -0.04,
            f"{low:.2g} .. {high:.2g}{remark}",
            transform=ax.transAxes,
            ha="center",
            va="top",
            fontsize=8.5,
            color=GREY,
        )
    finite = out[np.isfinite(out)]
    spread.hist(finite, bins=40, color=SKY)
    spread.set_yticks([])
    spread.spines["left"].set_visible(False)
    spread.tick_params(labelsize=8.5)
    spread.xaxis.set_major_locator(MaxNLocator(nbins=4))


def _grid(images: Array, captions: Sequence[str] | None, columns: int, title: str | None) -> Figure:
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tall = 0.0 if captions is None else 0.32
    side = 1.0 if columns > 5 else 1.55
    if captions is not None and max(map(len, captions)) > 3:
        side = max(side, 1.45)
    figure = blank(max(columns * side, 7.4 if title else 3.0) + 0.2, rows * (side + tall) + (0.5 if title else 0.1))
    for i, ax in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        if i >= len(images):
            ax.remove()
            continue
        _show(ax, images[i])
        if captions is not None:
            ax.set_title(captions[i], fontsize=12, pad=3)
    _suptitle(figure, title)
    return figure


def _show(ax: Axes, image: Array) -> None:
    """White on black from 0 to 255 for bytes; other numbers from their own smallest to their largest."""
    span = (0.0, 255.0) if image.dtype == np.uint8 else (float(image.min()), float(image.max()))
    ax.imshow(image, cmap="gray", vmin=span[0], vmax=max(span[1], span[0] + 1e-12), interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _message(text: str, title: str | None) -> Figure:
    figure = blank(6, 2)
    ax = figure.subplots()
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=14, color=GREEN)
    _suptitle(figure, title)
    return figure


# --- gradients --------------------------------------------------------------------------------------------------------


def gradients(report: Report, name: str | None = None) -> Figure:
    """What backward returned, the numeric gradient and their difference side by side, with wrong entries outlined.

    report is what ``scratchnet.gradcheck.check`` returns; of an argument, by its name, or of the first wrong one. Images lie
    side by side, a row for each n; of a large array the first of them are shown.

    Errors    ValueError if there is no such argument, or nothing to lay side by side
    """
    drawable = {key: result for key, result in report.results.items() if result.drawable}
    if not drawable or (name is not None and name not in drawable):
        if not drawable:
            raise ValueError("gradients: the report has no gradient to draw; print it, it says why")
        raise ValueError(f"gradients: name must be one of {', '.join(drawable)}, got {name!r}")
    chosen = name or next((key for key, result in drawable.items() if not result.passed), next(iter(drawable)))
    result = drawable[chosen]
    assert result.analytic is not None
    planes = [to_plane(array) for array in (result.analytic, result.numeric, result.analytic - result.numeric)]
    wrong, limit = wrong_plane(result.wrong_entries), reach(*planes)
    rows, columns = wrong.shape
    what = gradient_of(chosen)
    with style():
        side = min(0.5, 3.6 / columns, 5.0 / rows)
        figure = blank(3 * max(columns * side, 1.6) + 2.2, max(rows * side, 0.6) + 1.5)
        axes = figure.subplots(1, 3)
        for ax, plane, title in zip(axes, planes, (f"your {what}", f"numeric {what}", "difference"), strict=True):
            shown = ax.imshow(plane, cmap=SIGNS, vmin=-limit, vmax=limit, aspect="equal")
            ax.set_title(title)
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set_visible(False)
            if ax is not axes[1]:
                for i, j in np.argwhere(wrong):
                    ax.add_patch(Rectangle((j - 0.44, i - 0.44), 0.88, 0.88, fill=False, edgecolor=BLACK, linewidth=0.9))
        bar = figure.colorbar(shown, ax=list(axes), fraction=0.03, pad=0.02)
        bar.outline.set_visible(False)
        found = f"{int(result.wrong_entries.sum())} of {result.size} entries wrong" if not result.passed else "right"
        likely = f": {report.diagnoses[0].name}?" if report.diagnoses and not result.passed else ""
        _suptitle(figure, f"{report.title}, {what}: {found}{likely}")
    return figure


# --- figures and axes -------------------------------------------------------------------------------------------------


class _Shown(Figure):
    """A figure that a notebook shows as a cell's last value. matplotlib's own does so only where pyplot is in use."""

    def _repr_png_(self) -> bytes:
        from PIL import Image

        self.draw_without_rendering()  # as in save
        self.canvas.draw()
        drawn = Image.fromarray(np.asarray(self.canvas.buffer_rgba())[..., :3])  # type: ignore[attr-defined]
        small = io.BytesIO()
        drawn.quantize(256).save(small, "png", optimize=True)  # a third of the bytes
        return small.getvalue()


def blank(width: float, height: float) -> Figure:
    """An empty figure of that many inches, as all functions here make theirs; use it inside of ``with style():``."""
    figure = _Shown(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _one(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """The caller's axes, or the only axes of a new figure."""
    if ax is not None:
        return _root(ax), ax
    figure = blank(width, height)
    return figure, figure.subplots()


def _root(ax: Axes) -> Figure:
    figure = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def _suptitle(figure: Figure, title: str | None, *, grow: bool = True) -> None:
    """The title over the whole figure, in as many lines as its width wants; the figure grows by those after the first."""
    if title:
        text = _wrapped(title, figure.get_figwidth() - 0.4, FontProperties(size=mpl.rcParams["figure.titlesize"]))
        if grow:
            figure.set_figheight(figure.get_figheight() + 0.24 * text.count("\n"))
        figure.suptitle(text)


def _wrapped(text: str, width: float, font: FontProperties) -> str:
    """The text with line breaks that keep each line within ``width`` inches; a longer word is cut."""
    canvas: Any = FigureCanvasAgg(Figure((1, 1), dpi=100))
    ruler = canvas.get_renderer()

    def fits(line: str) -> bool:
        return bool(ruler.get_text_width_height_descent(line, font, ismath=False)[0] <= 100 * width)

    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            if line and not fits(f"{line} {word}"):
                lines.append(line)
                line = ""
            line = f"{line} {word}".lstrip()
            while len(line) > 1 and not fits(line):
                cut = next((n for n in range(len(line) - 1, 1, -1) if fits(line[:n])), 1)
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line)
    return "\n".join(lines)


def _check_images(function: str, images: Array) -> Array:
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise ValueError(f"{function}: images wants (N, H, W) or (N, 1, H, W), got {images.shape}")
    return images


def _check_probabilities(function: str, probs: Array) -> Array:
    """probs (..., K) as floats; refuses what is not between 0 and 1 with rows that sum to 1."""
    probs = np.asarray(probs, float)
    hint = "are these logits? softmax(logits) makes probabilities of them"
    if probs.size and not (probs.min() >= -1e-6 and probs.max() <= 1 + 1e-6):  # so that NaN is refused too
        raise ValueError(f"{function}: probs must be between 0 and 1, got {probs.min():.3g} to {probs.max():.3g}; {hint}")
    sums = np.atleast_1d(probs.sum(axis=-1))
    if np.any(np.abs(sums - 1) > 1e-3):
        worst = sums[np.abs(sums - 1).argmax()]
        raise ValueError(f"{function}: probs must sum to 1 in every row, got {worst:.4g}; {hint}")
    return probs


def _check_count(function: str, count: int) -> None:
    if count < 1:
        raise ValueError(f"{function}: count must be positive, got {count}")
