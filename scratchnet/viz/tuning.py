"""What a hyperparameter search found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scratchnet.tuning import Range, Space, Trial, best_so_far
from scratchnet.viz.figures import BLUE, GREY, ORANGE, VERMILLION, new_figure, style, suptitle

_STATES = (("pruned", "pruned: ended early", ORANGE, "x"), ("complete", "complete", BLUE, "o"))


def tuning(
    trials: Sequence[Trial], space: Space, importances: Mapping[str, float] | None = None, *, title: str | None = None
) -> Figure:
    """The trials of a search in their order, how much each setting decided, and the accuracy against each setting.

    importances is what ``Study.importances`` returns. The accuracies' axis shows the better half, where the decision falls.

    Errors    ValueError if no trial has an accuracy
    """
    measured = [trial for trial in trials if trial.accuracy is not None]
    if not measured:
        raise ValueError("tuning: there is no trial with an accuracy to show")
    columns = min(3, len(space))
    rows = -(-len(space) // columns)
    accuracies = np.array([100.0 * (trial.accuracy or 0.0) for trial in measured])
    low, high = float(np.median(accuracies)), float(accuracies.max())
    room = max(0.06 * (high - low), 0.02)
    with style():
        figure = new_figure(11, 3.6 + 2.9 * rows)
        parts: Any = figure.subfigures(2, 1, height_ratios=[3.4, 2.9 * rows])
        history, bars = parts[0].subplots(1, 2, width_ratios=[1.5, 1])
        _history(history, measured)
        _importances(bars, space, importances or {})
        below = parts[1].subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for ax, name in zip(below, space, strict=False):
            _against(ax, name, space, measured)
        for ax in below[len(space) :]:
            ax.remove()
        hidden = int((accuracies < low - room).sum())
        if hidden:
            history.text(0, 0.02, f" {hidden} trials lie below", transform=history.transAxes, fontsize=10, color=GREY)
        for ax in (history, *below[: len(space)]):
            ax.set_ylim(low - room, min(high + room, 100 + 0.2 * room))
            ax.grid(axis="y")
        for k in range(0, len(space), columns):
            below[k].set_ylabel("validation (%)")
        suptitle(figure, title)
    return figure


def _history(ax: Axes, trials: Sequence[Trial]) -> None:
    for state, label, colour, marker in _STATES:
        chosen = [trial for trial in trials if trial.state == state]
        points = [trial.number for trial in chosen], [100 * (trial.accuracy or 0.0) for trial in chosen]
        ax.plot(*points, marker, color=colour, label=label, linestyle="none")
    ax.step(
        [trial.number for trial in trials],
        [100 * y for y in best_so_far(trials)],
        where="post",
        color=VERMILLION,
        label="best so far",
    )
    ax.set_title("validation accuracy (%), trial by trial", loc="left")
    ax.set_xlabel("trial")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="best", fontsize=10)


def _importances(ax: Axes, space: Space, importances: Mapping[str, float]) -> None:
    ax.set_title("what decided", loc="left")
    if not importances:
        ax.set_axis_off()
        ax.text(0, 0.5, "too few trials to tell", transform=ax.transAxes, va="center", color=GREY)
        return
    names = sorted(space, key=lambda name: importances.get(name, 0.0))
    shares = [100 * importances.get(name, 0.0) for name in names]
    ax.barh(names, shares, color=BLUE, height=0.7)
    for k, share in enumerate(shares):
        ax.text(share + 1, k, f"{share:.0f} %", va="center", fontsize=10.5, color=GREY)
    ax.set_xlim(0, max(shares) * 1.2)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _against(ax: Axes, name: str, space: Space, trials: Sequence[Trial]) -> None:
    """The accuracies of all trials over one setting; choices stand side by side, a little apart so that none is hidden."""
    values = space[name]
    for state, _, colour, marker in _STATES:
        chosen = [trial for trial in trials if trial.state == state]
        if isinstance(values, Range):
            x = [float(trial.settings[name]) for trial in chosen]
        else:
            x = [values.values.index(trial.settings[name]) + 0.07 * (trial.number % 5 - 2) for trial in chosen]
        ax.plot(x, [100 * (trial.accuracy or 0.0) for trial in chosen], marker, color=colour, linestyle="none", alpha=0.8)
    if isinstance(values, Range):
        ax.set_xscale("log" if values.log else "linear")
        ax.set_xlim(values.low, values.high)
    else:
        ax.set_xticks(range(len(values.values)), [str(value) for value in values.values])
        ax.set_xlim(-0.5, len(values.values) - 0.5)
        ax.tick_params(axis="x", labelsize=10)
    ax.set_title(name, loc="left")
