"""A network as a table: its layers, what comes out of each, what it learns and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchnet.arguments import is_whole, require
from scratchnet.inspection.facts import flops, own_params, written
from scratchnet.inspection.text import count, html_table, table
from scratchnet.layers import Layer
from scratchnet.layers.base import require_layer

Shape = tuple[int, ...]


class SummaryRow(NamedTuple):
    """One layer: its place in the network, its shape of output for one image, parameters, operations for one image."""

    name: str
    layer: str
    out_shape: Shape
    params: int
    flops: int | None  # None if the layer is not one of the package's


@dataclass(frozen=True)
class Summary:
    """What ``summary`` gives; prints as a table."""

    input_shape: Shape
    rows: tuple[SummaryRow, ...]

    @property
    def params(self) -> int:
        """Learned numbers in the whole network."""
        return sum(row.params for row in self.rows)

    @property
    def flops(self) -> int | None:
        """Operations of one forward pass over one image; None if some layer's are not known."""
        known = [row.flops for row in self.rows if row.flops is not None]
        return sum(known) if len(known) == len(self.rows) else None

    def _cells(self) -> list[tuple[str, ...]]:
        head = ("", "layer", "output", "parameters", "flops")
        first = ("", "input", str(self.input_shape), "", "")
        rows = [(r.name, r.layer, str(r.out_shape), count(r.params), count(r.flops)) for r in self.rows]
        return [head, first, *rows, ("", "total", "", count(self.params), count(self.flops))]

    def __str__(self) -> str:
        return table(self._cells(), "<<<>>")

    def _repr_html_(self) -> str:
        return html_table(self._cells(), "<<<>>")


def summary(model: Layer, input_shape: Shape) -> Summary:
    """The layers of a network with output shape, parameters and flops, for one image in evaluation mode.

    input_shape is that of one image, without the batch: (1, 28, 28).

    Errors    ValueError if an image of this shape does not fit the network, naming the layer
    """
    require_layer("summary: model", model)
    require(
        isinstance(input_shape, tuple | list) and is_whole(*input_shape) and min(input_shape, default=0) > 0,
        f"summary: input_shape must be the shape of one image, such as (1, 28, 28), got {input_shape!r}",
    )
    dtype = next((array.dtype for array in model.params.values()), np.dtype(np.float32))
    rows = [
        SummaryRow(
            stage.name,
            written(stage.layer),
            stage.out.shape[1:],
            sum(array.size for array in own_params(stage.layer).values()),
            flops(stage.layer, stage.x.shape, stage.out.shape),
        )
        for stage in model.stages(np.zeros((1, *input_shape), dtype))
    ]
    return Summary(tuple(input_shape), tuple(rows))
