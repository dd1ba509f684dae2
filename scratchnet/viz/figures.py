"""What all figures share: colours, style, the making of figures, titles, PNG.

The colours are Okabe and Ito's, which people with any kind of colour vision can tell apart.

Source    Okabe, Ito, "Color Universal Design", 2008
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#F0E442", "#000000"
GREY, PALE = "#767676", "#EDF3F7"

CLASSES = (BLUE, VERMILLION, GREEN, PURPLE, "#7A5195", SKY, ORANGE, BLACK, "#8C564B", GREY)
"""Ten colours for ten classes: more than anybody can tell apart by colour alone, so write the class beside it."""

ERRORS = LinearSegmentedColormap.from_list("errors", ["#FFFFFF", "#FBD9BF", "#F09A5A", VERMILLION, "#8A3A00"])
"""White (no errors) to dark vermillion."""


SIGNS = LinearSegmentedColormap.from_list("signs", [BLUE, "#FFFFFF", VERMILLION])
"""Blue (negative) over white (0) to vermillion (positive)."""


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


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches, as all functions here make theirs; use it inside of ``with style():``."""
    figure = _Shown(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def one_axes(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """The caller's axes, or the only axes of a new figure."""
    if ax is not None:
        return root(ax), ax
    figure = new_figure(width, height)
    return figure, figure.subplots()


def root(ax: Axes) -> Figure:
    figure = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def suptitle(figure: Figure, title: str | None, *, grow: bool = True) -> None:
    """The title over the whole figure, in as many lines as its width wants; the figure grows by those after the first."""
    if title:
        text = _wrapped(title, figure.get_figwidth() - 0.4, FontProperties(size=mpl.rcParams["figure.titlesize"]))
        if grow:
            figure.set_figheight(figure.get_figheight() + 0.24 * text.count("\n"))
        figure.suptitle(text.replace("\N{NO-BREAK SPACE}", " "))  # which kept words together


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


def bare(ax: Axes, *, frame: bool = False) -> None:
    """No ticks, and no spines; with ``frame`` a thin pale one, for pictures that are white at their edge."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(frame)
        spine.set(color="#C8C8C8", linewidth=0.8)


def note(ax: Axes, text: str, size: float = 8.5) -> None:
    """A small grey line under a picture."""
    ax.text(0.5, -0.04, text, transform=ax.transAxes, ha="center", va="top", fontsize=size, color=GREY)


def message(text: str, title: str | None) -> Figure:
    figure = new_figure(6, 2)
    ax = figure.subplots()
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=14, color=GREEN)
    suptitle(figure, title)
    return figure
