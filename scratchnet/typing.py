"""The types that the whole package shares."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""An image batch is (N, C, H, W), features are (N, D), labels are (N,)."""

Params: TypeAlias = dict[str, Array]
"""A layer's learned arrays by name: ``{"w": ..., "b": ...}``; nested layers join names with dots: ``"2.w"``."""

Grads: TypeAlias = dict[str, Array]
"""d loss / d param, with the same keys and shapes as the params."""

Cache: TypeAlias = Any
"""What a forward pass keeps for its backward pass. Only the layer that made it looks inside."""

Pair: TypeAlias = tuple[Callable[..., Any], Callable[..., Any]]
"""A forward function and its backward function."""

Rng: TypeAlias = np.random.Generator
