"""k nearest neighbours: no weights, only memory."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from scratchnet.arguments import (
    is_whole,
    require,
    require_array,
    require_dout,
    require_float,
    require_integers,
    require_numbers,
)
from scratchnet.layers.base import Layer
from scratchnet.typing import Array, Cache, Pair, Rng

BLOCK = 4096  # examples that are compared at once: the distances of one block stay near the processor
PRIOR = 0.1  # part of a vote that every class has from the start, so that none has probability 0


def nearest(x: Array, examples: Array, k: int) -> Array:
    """For each x the k examples with the smallest Euclidean distance, nearest first: x (N, D), examples (E, D) -> (N, k).

    |x - e|**2 = |x|**2 - 2 x.e + |e|**2: nearly all of the work is one matrix product, which is what computers are fastest
    at, and |x|**2 is the same for all examples, so nobody needs it. Block by block, the k nearest so far are kept.
    """
    require_array("NearestNeighbors: x", x, 2, "(N, D)", "; put a Flatten before it?")
    require_float("NearestNeighbors: x", x)
    require_array("NearestNeighbors: examples", examples, 2, "(E, D)")
    fit = examples.shape[1] == x.shape[1]
    require(fit, f"NearestNeighbors: x {x.shape} and examples {examples.shape} must have one D")
    require(is_whole(k) and k >= 1, f"NearestNeighbors: k must be an integer of at least 1, got {k!r}")
    best, indices = np.zeros((len(x), 0), x.dtype), np.zeros((len(x), 0), np.intp)
    for start in range(0, len(examples), BLOCK):
        block = examples[start : start + BLOCK]
        distances = np.square(block).sum(axis=1) - 2 * (x @ block.T)
        few = np.argpartition(distances, min(k, len(block)) - 1, axis=1)[:, :k]
        best = np.concatenate([best, np.take_along_axis(distances, few, axis=1)], axis=1)
        indices = np.concatenate([indices, few + start], axis=1)
        order = np.argsort(best, axis=1, kind="stable")[:, :k]
        best, indices = np.take_along_axis(best, order, axis=1), np.take_along_axis(indices, order, axis=1)
    return indices


def k_nearest_forward(x: Array, examples: Array, labels: Array, k: int, num_classes: int) -> tuple[Array, Cache]:
    """The k remembered examples that are nearest to x vote for their classes.

    Shapes    x (N, D), examples (E, D), labels (E,) -> out (N, K), whose softmax are the shares of the votes
    Forward   out[n,c] = log(votes for c among the k nearest + 0.1)
    Backward  dx = 0: a small step changes no vote
    Cost      2*N*D*E flops for the distances, in blocks; the cache holds shapes
    Errors    ValueError if the shapes do not fit
    Source    Cover and Hart, "Nearest neighbor pattern classification", 1967
    """
    name = "NearestNeighbors"
    chosen = nearest(x, examples, k)
    require_numbers(f"{name}: labels", labels)
    require(
        labels.shape == examples.shape[:1],
        f"{name}: examples must be (E, {x.shape[1]}) and labels (E,), got {examples.shape} and {labels.shape}",
    )
    at_least = is_whole(num_classes) and num_classes > labels.max(initial=0)
    require(at_least, f"{name}: num_classes must be an integer above all labels, got {num_classes!r}")
    votes = np.full((len(x), num_classes), PRIOR, x.dtype)
    classes = labels[chosen].astype(np.intp)
    np.add.at(votes, (np.arange(len(x))[:, None], classes), 1)
    return np.log(votes), (x.shape, votes.shape)


def k_nearest_backward(dout: Array, cache: Cache) -> Array:
    """dout (N, K) -> dx (N, D), all zeros."""
    shape, out_shape = cache
    require_dout("NearestNeighbors", dout, out_shape)
    return np.zeros(shape, dout.dtype)


class NearestNeighbors(Layer):
    """``k_nearest_forward`` with a memory of its own: state, since it is learned by heart, not by gradients.

    It begins with ``num_examples`` blank ones; ``remember`` puts others in their place.
    """

    functions: Pair = (k_nearest_forward, k_nearest_backward)
    settings: ClassVar[tuple[str, ...]] = ("in_features", "num_classes", "k", "num_examples")

    def __init__(
        self, in_features: int, num_classes: int, k: int = 5, *, num_examples: int = 0, functions: Pair | None = None
    ) -> None:
        super().__init__(functions)
        require(
            is_whole(in_features, num_classes, k, num_examples)
            and min(in_features, num_classes, k) >= 1
            and num_examples >= 0,
            f"NearestNeighbors: wants integers; in_features, num_classes and k at least 1, num_examples at least 0; "
            f"got {in_features}, {num_classes}, {k} and {num_examples}",
        )
        self.in_features, self.num_classes, self.k = int(in_features), int(num_classes), int(k)
        self.options = {"k": self.k, "num_classes": self.num_classes}
        self.remember(np.zeros((num_examples, in_features), np.float32), np.zeros(num_examples, int))

    def remember(self, examples: Array, labels: Array) -> None:
        """Forget what it knows and keep these examples (E, D) with their labels (E,), integers 0 .. K-1.

        Errors    ValueError if the shapes do not fit or labels are out of range
        """
        require_array("NearestNeighbors: examples", examples, 2, "(E, D)")
        require_float("NearestNeighbors: examples", examples)
        require_array("NearestNeighbors: labels", labels, 1, "(E,)")
        require_integers("NearestNeighbors: labels", labels)
        require(
            examples.shape == (len(labels), self.in_features),
            f"NearestNeighbors: examples must be (E, {self.in_features}), labels (E,), got {examples.shape}, {labels.shape}",
        )
        require(
            len(labels) == 0 or (labels.min() >= 0 and labels.max() < self.num_classes),
            f"NearestNeighbors: labels must be in 0 .. {self.num_classes - 1}",
        )
        self.num_examples = len(labels)
        self.state = {"examples": examples, "labels": labels.astype(examples.dtype)}

    def forward(self, x: Array, *, train: bool = False, rng: Rng | None = None) -> tuple[Array, Cache]:
        out, cache = self.functions[0](x, **self.state, **self.options)
        return out, cache
