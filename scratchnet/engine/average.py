"""The average of a network's weights over the last steps, which is often better than the weights of any one step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from scratchnet.arguments import is_number
from scratchnet.engine.flat import statistics
from scratchnet.layers.base import Layer, require
from scratchnet.typing import Params


class WeightAverage:
    """Exponential moving average (EMA) of a network's params and of BatchNorm's running statistics.

    average = d * average + (1 - d) * value        d = min(decay, (1 + step) / (10 + step)),   step = 0, 1, ...

    About the last 1 / (1 - decay) steps count; d starts small, so that the first random weights are soon forgotten.
    Statistics are averaged like weights (PyTorch's ``use_buffers=True``) and not measured again for the averaged network:
    that would take a pass over the training data for each evaluation, and once the learning rate has come down, the
    networks that are averaged hardly differ. ``values`` is all that a checkpoint needs.

    Errors    ValueError if decay is not in 0 .. 1 (1 excluded)
    Source    Polyak and Juditsky, 1992; the start: TensorFlow's ExponentialMovingAverage(num_updates)
    """

    def __init__(self, model: Layer, decay: float) -> None:
        require(
            is_number(decay) and 0 <= decay < 1, f"the weights' average: decay must be in 0 .. 1 (1 excluded), got {decay!r}"
        )
        self._model, self._decay = model, decay
        self.values = {key: array.copy() for key, array in self._arrays().items()}
        self._in_place = False

    def update(self, step: int) -> None:
        """Take in the weights after the step."""
        rate = 1 - min(self._decay, (1 + step) / (10 + step))
        for key, array in self._arrays().items():
            value = self.values[key]
            value += value.dtype.type(rate) * (array - value)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context the network has the averaged values, and ``values`` keeps the network's own."""
        if self._in_place:
            yield
            return
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        self._in_place = not self._in_place
        for key, array in self._arrays().items():
            own = array.copy()
            array[...], self.values[key][...] = self.values[key], own

    def _arrays(self) -> Params:
        return {**self._model.params, **statistics(self._model)}
