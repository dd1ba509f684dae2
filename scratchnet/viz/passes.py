"""One forward and backward pass through a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scratchnet.inspection.tiles import pixels, span, tiled
from scratchnet.inspection.trace import Trace
from scratchnet.typing import Array
from scratchnet.viz.figures import SKY, new_figure, note, style, suptitle


def trace(trace: Trace, *, title: str | None = None) -> Figure:
    """A ``scratchnet.inspection.trace``: for each layer the first image's output and gradient as pictures, and how the
    output's values are spread.

    Values that are never negative go from black (0) to white; others from blue (negative) over white (0) to orange.
    """
    layers = trace.layers
    with style():
        figure = new_figure(13, 1.2 + 1.25 * (len(layers) + 1))
        rows = figure.subplots(len(layers) + 1, 4, width_ratios=[1.25, 2, 2, 1], squeeze=False)
        _layer_row(rows[0], f"input\n{trace.x_shape[1:]}", trace.image, None)
        for row, layer in zip(rows[1:], layers, strict=True):
            ratios = [f"update/|{p.key}| {p.update_ratio:.0e}" for p in layer.params if p.key == "w"]
            name = f"{layer.name}  {layer.layer}".strip()
            _layer_row(row, "\n".join([name, f"{layer.out_shape[1:]}", *ratios]), layer.out, layer.dout)
        for ax, heading in zip(rows[0], ("", "out", "dout, the gradient that comes back", "values of out"), strict=True):
            ax.set_title(heading)
        head = f"{title}\n{trace.outcome()}" if title else trace.outcome()
        suptitle(figure, head)
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
        note(ax, f"{low:.2g} .. {high:.2g}{remark}")
    finite = out[np.isfinite(out)]
    spread.hist(finite, bins=40, color=SKY)
    spread.set_yticks([])
    spread.spines["left"].set_visible(False)
    spread.tick_params(labelsize=8.5)
    spread.xaxis.set_major_locator(MaxNLocator(nbins=4))
