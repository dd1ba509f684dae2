"""The inside of a network: its filters, the maps they make of an image, how values and gradients are spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from scratchnet.inspection.facts import own_params, written
from scratchnet.layers import Dropout, Flatten, Layer
from scratchnet.layers.base import Stage, StageBack, require_layer, walk
from scratchnet.losses import Loss, SoftmaxCrossEntropy
from scratchnet.typing import Array
from scratchnet.viz.arguments import check_count, check_numbers
from scratchnet.viz.figures import BLUE, GREEN, GREY, SIGNS, VERMILLION, bare, new_figure, note, one_axes, style, suptitle


def filters(
    weights: Array,
    *,
    count: int = 32,
    channels: int = 16,
    captions: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Figure:
    """The filters of a convolution: blue weights are negative, white ones 0, orange ones positive, on one scale for all.

    With one input channel the filters stand side by side; with more, a row is a filter and a column an input channel. Of
    a dense layer that sees pixels, ``filters(w.T.reshape(K, 1, H, W))`` shows the templates.

    Shapes    weights (F, C, KH, KW): the first ``count`` filters and ``channels`` channels are shown; captions, one a filter
    Errors    ValueError for another shape, captions that do not fit, or if count or channels is not positive
    """
    w = check_numbers("filters", weights, "weights")
    if w.ndim != 4 or w.size == 0:
        raise ValueError(f"filters: weights wants (F, C, KH, KW), got {w.shape}")
    if captions is not None and len(captions) != len(w):
        raise ValueError(f"filters: captions wants {len(w)}, got {len(captions)}")
    check_count("filters", count)
    check_count("filters", channels, "channels")
    f, c = min(len(w), count), min(w.shape[1], channels)
    names = [str(i) for i in range(f)] if captions is None else [str(name) for name in captions[:f]]
    alone = w.shape[1] == 1
    columns = min(8, f) if alone else c
    rows = -(-f // columns) if alone else f
    tall = w.shape[2] / w.shape[3]  # a cell is 1 wide
    across, down = 1.15, tall + (0.45 if alone else 0.15)  # from one cell to the next
    limit = float(np.abs(w).max()) or 1.0
    with style():
        scale = 0.95 if alone else 0.45
        figure, ax = one_axes(ax, max(scale * across * columns, 2.4) + 1.5, scale * down * rows + (0.75 if alone else 0.9))
        for k in range(f * c):
            i, j = divmod(k, columns)
            x, y = across * j, down * i
            shown = ax.imshow(
                w[k // c, k % c], cmap=SIGNS, vmin=-limit, vmax=limit, extent=(x, x + 1, y + tall, y), aspect="equal"
            )
            ax.add_patch(Rectangle((x, y), 1, tall, fill=False, ec="#C8C8C8", lw=0.8))
            if alone:
                ax.text(x + 0.5, y - 0.06, names[k], ha="center", va="bottom", fontsize=11)
        ax.set_xlim(-0.02, across * (columns - 1) + 1.02)
        ax.set_ylim(down * (rows - 1) + tall + 0.02, -0.35 if alone else -0.02)
        bare(ax)
        if not alone:
            ax.set_xticks(across * np.arange(c) + 0.5, [str(j) for j in range(c)], fontsize=10)
            ax.set_yticks(down * np.arange(f) + tall / 2, names, fontsize=10)
            ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
            hidden = [f"{f} of {len(w)} filters"] * (f < len(w)) + [f"{c} of {w.shape[1]} channels"] * (c < w.shape[1])
            ax.set_xlabel("input channel" + (f"  ({', '.join(hidden)})" if hidden else ""))
            ax.set_ylabel("filter")
        bar = figure.colorbar(shown, ax=ax, fraction=0.035, pad=0.02, ticks=MaxNLocator(5, symmetric=True))
        bar.outline.set_visible(False)
        if title:
            ax.set_title(title)
    return figure


def feature_maps(model: Layer, x: Array, *, count: int = 8, title: str | None = None) -> Figure:
    """What each layer makes of one image: a row for every stage that gives maps, its first ``count`` channels side by side.

    Maps that are never negative go from black (0) to white; others from blue (negative) over white to orange. Each row
    has a scale of its own, whose end stands beside it.

    Shapes    x (1, C, H, W), as the network takes it
    Errors    ValueError if x is not one image, or no stage gives maps
    """
    require_layer("feature_maps: model", model)
    x = check_numbers("feature_maps", x, "x")
    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"feature_maps: x wants one image (1, C, H, W), got {x.shape}")
    check_count("feature_maps", count)
    rows = [("input", x[0])]
    rows += [(f"{s.name}  {written(s.layer)}".strip(), s.out[0]) for s in model.stages(x) if s.out.ndim == 4]
    if len(rows) == 1:
        raise ValueError("feature_maps: no stage of the network gives feature maps (N, C, H, W)")
    columns = min(count, max(len(maps) for _, maps in rows))
    with style():
        room = _room([name for name, _ in rows])
        figure = new_figure(room + 0.95 * columns, 0.3 + 1.12 * len(rows))
        grid = figure.subplots(len(rows), columns + 1, width_ratios=[room, *[0.95] * columns], squeeze=False)
        for (words, *cells), (name, maps) in zip(grid, rows, strict=True):
            low, high = _span(maps)
            _words(words, name, str(maps.shape), *[f"{columns} of {len(maps)} channels"] * (len(maps) > columns))
            for k, ax in enumerate(cells):
                if k >= len(maps):
                    ax.set_axis_off()
                    continue
                ax.imshow(maps[k], cmap=SIGNS if low < 0 else "gray", vmin=low, vmax=high, aspect="equal")
                bare(ax, frame=low < 0)
            note(cells[0], f"{low:.2g} .. {high:.2g}")
        suptitle(figure, title)
    return figure


def _room(lines: Sequence[str]) -> float:
    """Inches that the longest of the lines takes in ``_words``."""
    return 0.4 + 0.083 * max(map(len, lines))


def _words(ax: Axes, *lines: str) -> None:
    """Lines of text instead of a picture."""
    ax.set_axis_off()
    text = ax.text(0, 0.5, "\n".join(lines), transform=ax.transAxes, va="center", fontsize=10, linespacing=1.35)
    text.set_in_layout(False)


def _span(values: Array) -> tuple[float, float]:
    """From 0 to the largest value; where there are negative ones, symmetric about 0."""
    finite = values[np.isfinite(values)]
    top = float(np.abs(finite).max(initial=0.0)) or 1.0
    return (-top if (finite < 0).any() else 0.0), top


def histograms(model: Layer, x: Array, labels: Array, *, loss: Loss | None = None, title: str | None = None) -> Figure:
    """How each layer's values, their gradients and its weights' gradients are spread over a batch, in evaluation mode.

    Layers that change no value then, Flatten and Dropout, are left out.

    Look for: values that are nearly all 0 (dead ReLUs), gradients whose standard deviation shrinks or grows from layer to
    layer (vanishing, exploding). Counts are on a logarithmic scale, and what is exactly 0 is counted in the text alone:
    after ReLU and max pooling that is most.

    Shapes    x (N, ...), labels as the loss takes them; without a loss softmax cross-entropy
    Errors    ValueError if x or labels do not fit
    """
    require_layer("histograms: model", model)
    loss = loss or SoftmaxCrossEntropy()
    ahead: list[Stage] = []
    back: list[StageBack] = []
    with np.errstate(over="ignore", invalid="ignore"):  # the text says it
        logits, cache = walk(model.stages(x), ahead.append)
        walk(model.stages_back(loss.backward(1.0, loss.forward(logits, labels)[1]), cache), back.append)
    behind = {stage.name: stage for stage in back}
    ahead = [stage for stage in ahead if not isinstance(stage.layer, Flatten | Dropout)]
    with style():
        names = [f"{stage.name}  {written(stage.layer)}".strip() for stage in ahead]
        room = _room(names)
        figure = new_figure(room + 9, 0.5 + 1.15 * len(ahead))
        grid = figure.subplots(len(ahead), 4, width_ratios=[room, 3, 3, 3], squeeze=False)
        for ax, heading in zip(grid[0], ("", "out", "dout, the loss's gradient", "dw"), strict=True):
            ax.set_title(heading)
        for (words, *cells), name, stage in zip(grid, names, ahead, strict=True):
            _words(words, name, str(stage.out.shape[1:]))
            dw = behind[stage.name].grads.get("w") if own_params(stage.layer) else None
            for ax, values, colour in zip(
                cells, (stage.out, behind[stage.name].dout, dw), (BLUE, VERMILLION, GREEN), strict=True
            ):
                _histogram(ax, values, colour)
        suptitle(figure, title)
    return figure


def _histogram(ax: Axes, values: Array | None, colour: str) -> None:
    if values is None:
        ax.set_axis_off()
        return
    finite = values[np.isfinite(values)].astype(np.float64)
    rest = finite[finite != 0]
    said = []
    if finite.size:
        said.append(f"std {finite.std():.1e}")
    if rest.size < finite.size:
        said.append(f"{1 - rest.size / finite.size:.0%} are 0")
    if finite.size < values.size:
        said.append(f"{values.size - finite.size} not finite")
    if rest.size:
        ax.hist(rest, bins=50, color=colour, log=True)
    ax.text(0.99, 0.97, "\n".join(said), transform=ax.transAxes, ha="right", va="top", fontsize=9, color=GREY)
    ax.set_yticks([])
    ax.minorticks_off()
    ax.spines["left"].set_visible(False)
    ax.tick_params(labelsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=3))
