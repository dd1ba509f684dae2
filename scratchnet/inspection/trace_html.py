"""A trace as HTML: every layer a box with its formula, figures, and pictures of what it put out and got back."""

from __future__ import annotations

import base64
import html
import io
import math
from typing import TYPE_CHECKING

from scratchnet.inspection.tiles import pixels, span, tiled
from scratchnet.typing import Array

if TYPE_CHECKING:
    from scratchnet.inspection.trace import Trace, TracedLayer


def fragment(trace: Trace) -> str:
    """The whole trace, as part of a page."""
    boxes = [_box("input", [("values", str(trace.input))], _picture("x", trace.image))]
    for layer in trace.layers:
        boxes.append(_box(f"{layer.name}  {layer.layer}".strip(), trace.lines(layer), _pictures(layer)))
    boxes.append(_box(trace.loss_name, trace.loss_lines(), _bars(trace)))
    pictures = "Pictures are of the first image: blue is negative, white 0, orange positive; or black 0, white positive."
    heading = html.escape(f"{trace.heading()}. {pictures}").replace("\n", "<br>")
    return f'<div style="line-height:1.4"><p>{heading}</p>{"".join(boxes)}<p>{html.escape(trace.closing())}</p></div>'


def _box(title: str, rows: list[tuple[str, str]], pictures: str) -> str:
    cells = "".join(
        f'<tr><td style="text-align:left;vertical-align:top;opacity:.7;padding:0 1em 0 0">{html.escape(word)}</td>'
        f'<td style="text-align:left;white-space:pre-wrap;font-family:monospace">{html.escape(text)}</td></tr>'
        for word, text in rows
    )
    return (
        '<div style="border:1px solid rgba(128,128,128,.45);border-radius:6px;padding:.6em 1em;margin:.6em 0">'
        f"<b>{html.escape(title)}</b>"
        f'<div style="margin:.4em 0">{pictures}</div>'
        f'<table style="border-collapse:collapse;margin:0">{cells}</table></div>'
    )


def _pictures(layer: TracedLayer) -> str:
    text = _picture("out", layer.out)
    if layer.dout is not None:
        text += _picture("dout, the gradient that comes back", layer.dout, signed=True)
    return text


def _picture(name: str, values: Array, *, signed: bool = False) -> str:
    """An image inlined as PNG."""
    from PIL import Image

    tiles, remark = tiled(values)
    file = io.BytesIO()
    Image.fromarray(pixels(tiles, signed=signed)).save(file, format="PNG")
    data = base64.b64encode(file.getvalue()).decode()
    low, high = span(tiles)
    caption = html.escape(f"{name}, on a scale of {low:.2g} .. {high:.2g}{remark}")
    rows, columns = tiles.shape
    zoom = max(1, min(14, 150 // rows, 420 // columns))
    return (
        '<span style="display:inline-block;margin:0 1.2em .3em 0;vertical-align:top">'
        f'<img alt="{caption}" width="{zoom * columns}" height="{zoom * rows}" style="image-rendering:pixelated;'
        f'outline:1px solid rgba(128,128,128,.4)" src="data:image/png;base64,{data}"><br><small>{caption}</small></span>'
    )


def _bars(trace: Trace) -> str:
    """The first image's probabilities as bars."""
    if trace.probs is None:
        return ""
    rows = "".join(
        f'<tr><td style="text-align:right;padding:0 .5em 0 0">{k}</td><td style="text-align:left;padding:0">'
        f'<span style="display:inline-block;height:.75em;width:{max(200 * float(p), 0.5):.1f}px;'
        f'background:{"#0072B2" if p == trace.probs[0].max() else "#8A9BA8"}"></span> {100 * float(p):.1f} %</td></tr>'
        for k, p in enumerate(trace.probs[0])
        if math.isfinite(float(p))
    )
    return f'<table style="border-collapse:collapse;margin:0">{rows}</table>'
