"""The ways that optimizers take down a surface of two parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from scratchnet.typing import Array
from scratchnet.viz.arguments import check_numbers
from scratchnet.viz.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, one_axes, style

_LOOKS = tuple(zip((VERMILLION, BLUE, GREEN, ORANGE, PURPLE, SKY), "osD^vP", strict=True))


def paths(
    function: Callable[[Array, Array], Array],
    ways: Mapping[str, Array],
    *,
    minimum: tuple[float, float] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Figure:
    """Contour lines of a function of two parameters, and over them the way of each optimizer, a mark for every step.

    The lines are denser where it is lower: they are equally far apart in the logarithm of the height above the lowest point.

    Shapes    function(a, b): arrays of one shape to values of that shape; ways: by name, (T, 2), the places in their order;
              minimum: where to put a star
    Errors    ValueError if there is no way or too many, or one is not (T, 2) or not finite
    """
    if not 1 <= len(ways) <= len(_LOOKS):
        raise ValueError(f"paths: ways wants 1 to {len(_LOOKS)} paths, got {len(ways)}")
    taken = {name: check_numbers("paths", way, name).astype(np.float64) for name, way in ways.items()}
    for name, way in taken.items():
        if way.ndim != 2 or way.shape[1] != 2 or len(way) == 0:
            raise ValueError(f"paths: {name} wants (T, 2), got {way.shape}")
        if not np.isfinite(way).all():
            raise ValueError(f"paths: {name} has places that are not finite: it diverged; show its first steps alone")
    places = np.concatenate([*taken.values(), *([np.array([minimum], float)] if minimum else [])])
    low, high = places.min(axis=0), places.max(axis=0)
    reach = float((high - low).max())
    if reach <= 1e-6 * max(1.0, float(np.abs(places).max())):  # nobody moved
        reach = 1.0
    room = 0.12 * np.maximum(high - low, 0.25 * reach)
    a, b = (np.linspace(low[k] - room[k], high[k] + room[k], 200) for k in (0, 1))
    heights = np.asarray(function(*np.meshgrid(a, b)), np.float64)
    heights = heights - heights.min()
    top = float(heights.max()) or 1.0
    heights += 1e-3 * top
    with style():
        figure, ax = one_axes(ax, 7, 5.4)
        levels = np.geomspace(1e-3 * top, 1.001 * top, 16)
        ax.contourf(a, b, heights, levels, cmap="Greys", norm=LogNorm(levels[0] / 10, levels[-1] * 3000))
        ax.contour(a, b, heights, levels, colors="white", linewidths=0.9)
        for (name, way), (colour, marker) in zip(taken.items(), _LOOKS, strict=False):
            ax.plot(*way.T, color=colour, marker=marker, markersize=4.5, lw=1.6, mec="white", mew=0.5, label=name)
        ax.plot(*next(iter(taken.values()))[0], "o", color=BLACK, markersize=8, zorder=5)
        ax.annotate("start", next(iter(taken.values()))[0], xytext=(7, 7), textcoords="offset points", fontsize=11)
        if minimum:
            ax.plot(*minimum, "*", color=BLACK, markersize=15, mec="white", zorder=5)
        ax.legend(loc="best", framealpha=0.95, edgecolor="none")
        if title:
            ax.set_title(title)
    return figure
