"""How a training went."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scratchnet.typing import Array
from scratchnet.viz.figures import BLUE, GREY, VERMILLION, new_figure, style, suptitle


class NamedRow(Protocol):
    """A named tuple, such as ``scratchnet.train.Epoch``."""

    def _asdict(self) -> dict[str, Any]: ...


History = Iterable[Mapping[str, Any] | NamedRow] | Mapping[str, Sequence[Any]]


def curves(history: History, *, title: str | None = None) -> Figure:
    """Loss and accuracy, epoch by epoch, in two panels.

    history is what ``scratchnet.train.train_epochs`` yields, or other rows (dicts, named tuples), or a dict of columns:
    epoch, train_loss, train_accuracy (0 .. 1) and, if there is validation, val_loss, val_accuracy. None and NaN are gaps.

    Errors    ValueError if there is no epoch, a key is missing, or columns differ in length
    """
    columns = _columns(history)
    with style():
        figure = new_figure(11, 4.2)
        left, right = figure.subplots(1, 2)
        _panel(left, columns, "loss", 1.0, "loss")
        _panel(right, columns, "accuracy", 100.0, "accuracy (%)")
        validated = any(np.isfinite(columns[key]).any() for key in ("val_loss", "val_accuracy") if key in columns)
        note = _TRAINING_NOTE + _VALIDATION_NOTE if validated else _TRAINING_NOTE
        figure.supxlabel(note, fontsize=10, color=GREY)
        suptitle(figure, title)
    return figure


_TRAINING_NOTE = "training: means over the epoch's steps, with dropout, augmentation and label smoothing where there are any"
_VALIDATION_NOTE = "\nvalidation: after the last step, without them, so it can be the better one"
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
