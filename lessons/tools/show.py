"""What lessons draw and compute with: panels, frames, less work in a hurry, digits."""

from __future__ import annotations

import base64
import html
import os
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from scratchnet import viz
from scratchnet.datasets import mnist, synthetic
from scratchnet.typing import Array


def effort(full: int, fast: int) -> int:
    """How much to do: ``full``, or ``fast`` where SCRATCHNET_FAST=1 is set, as in tests."""
    return fast if os.environ.get("SCRATCHNET_FAST", "") not in ("", "0") else full


def panels(rows: int = 1, columns: int = 1, size: tuple[float, float] = (9, 4), **options: Any) -> tuple[Any, Any]:
    """(figure, axes) as plt.subplots gives them; to be used inside of ``with style():``. size is in inches."""
    figure = viz.new_figure(*size)
    return figure, figure.subplots(rows, columns, **options)


def hours_for(function: Callable[[], Any], times: int) -> float:
    """How many hours ``times`` calls of a function would take, by the faster one of two."""
    seconds = []
    for _ in range(2):  # the first call of anything is slower
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds) * times / 3600


class Frames:
    """A picture that a slider moves through, frame by frame: plain HTML, which needs no kernel and no widget.

    Where scripts are off, as on GitHub, the last frame stands there alone.
    """

    def __init__(self, pictures: list[bytes], captions: list[str]) -> None:
        self.pictures, self.captions = pictures, captions

    def __repr__(self) -> str:
        return f"{len(self.pictures)} frames: {self.captions[0]} .. {self.captions[-1]}"

    def _repr_html_(self) -> str:
        last = len(self.pictures) - 1
        images = "".join(
            f'<img alt="{html.escape(caption)}" src="data:image/png;base64,{base64.b64encode(png).decode()}" '
            f'style="max-width:100%;display:{"block" if i == last else "none"}">'
            for i, (png, caption) in enumerate(zip(self.pictures, self.captions, strict=True))
        )
        move = "this.parentNode.querySelectorAll('img').forEach((f,i)=>{f.style.display=i==this.value?'block':'none'})"
        slider = f'<input type="range" min="0" max="{last}" value="{last}" style="width:24em" oninput="{move}">'
        return f"<div>{images}{slider} drag to move through the frames</div>"


def frames(draw: Callable[[Any], Any], over: Iterable[Any]) -> Frames:
    """One frame for each value: ``draw(value)`` returns a figure (of ``panels``). Eight to twelve keep a notebook small.

    Where SCRATCHNET_FAST=1 is set the first and the last frame are enough.
    """
    values = list(over)
    values = values[:: effort(1, fast=max(len(values) - 1, 1))]
    return Frames([draw(value)._repr_png_() for value in values], [str(value) for value in values])


def digits(split: str, count: int) -> tuple[Array, Array, str]:
    """(images uint8 (count, 28, 28), labels, "mnist" or "synthetic"): MNIST's first if it is on this machine, else drawn.

    Nothing is downloaded; ``scratchnet data fetch`` does that.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "IProgress not found")  # pooch asks tqdm for a bar, which wants ipywidgets
            data = mnist.load(None, split, download=False)
    except FileNotFoundError:
        return *synthetic.make(count, split=split), "synthetic"
    return np.ascontiguousarray(data.images[:count]), data.labels[:count], "mnist"
