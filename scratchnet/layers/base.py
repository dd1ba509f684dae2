"""What every layer is: a pair of pure functions, and a thin class that holds the arrays they need.

    out, cache   = dense_forward(x, w, b)
    dx, dw, db   = dense_backward(dout, cache)      # one gradient per argument, in the argument's order

The functions are the mathematics; read them first. The class keeps w and b between calls and gives gradients names. It
keeps nothing of a forward pass: what backward needs is in the cache that forward returned, so two forward passes can be
alive at once, and a cache can be printed and looked at.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

from scratchnet.arguments import kind_of, require_pair
from scratchnet.arguments import require as require
from scratchnet.typing import Array, Cache, Grads, Pair, Params, Rng


class Stage(NamedTuple):
    """What one layer did in a forward pass. ``name`` is its place in the network ("3.body.0"), "" for a layer on its own."""

    name: str
    layer: Layer
    x: Array
    out: Array
    cache: Cache


class StageBack(NamedTuple):
    """What one layer did in a backward pass; ``grads`` has the keys of the layer's own params, dx may be None (need_dx)."""

    name: str
    layer: Layer
    dout: Array
    dx: Array | None
    grads: Grads


Walk: TypeAlias = Generator[Stage, None, tuple[Array, Cache]]
"""Yields a Stage for each layer, and at its end returns what ``forward`` does."""

WalkBack: TypeAlias = Generator[StageBack, None, tuple[Array | None, Grads]]
"""Yields a StageBack for each layer, and at its end returns what ``backward`` does."""


class Layer:
    """Base of all layers; a new layer sets ``functions`` and, if it learns, ``params``.

    ``functions`` is the layer's (forward, backward) pair. Give another one to the constructor,
    ``Conv2d(1, 8, 5, rng=rng, functions=(my_forward, my_backward))``, and the network runs on yours: it is called with the
    same arguments and must return the same things; its cache may be whatever it likes.
    """

    functions: Pair
    settings: ClassVar[tuple[str, ...]] = ()  # constructor arguments that describe the layer in a saved model
    params: Params  # learned arrays by name, in the order in which the forward function takes them
    state: Params  # arrays that are kept but not learned (BatchNorm's running statistics)
    options: dict[str, Any]  # further arguments of the forward function that are not learned (stride, pad)

    def __init__(self, functions: Pair | None = None) -> None:
        if functions is not None:
            require_pair(type(self).__name__, functions)
            self.functions = functions
        self.params, self.state, self.options = {}, {}, {}
        self._can_skip_dx = "need_dx" in inspect.signature(self.functions[1]).parameters

    def forward(self, x: Array, *, train: bool = False, rng: Rng | None = None) -> tuple[Array, Cache]:
        """x -> (out, cache). ``train`` and ``rng`` matter to Dropout and BatchNorm alone."""
        result = self.functions[0](x, *self.params.values(), **self.options)
        require(
            isinstance(result, tuple) and len(result) == 2,
            f"{type(self).__name__}: forward must return two things, (out, cache), got {type(result).__name__}",
        )
        out, cache = result
        return out, cache

    def backward(self, dout: Array, cache: Cache, *, need_dx: bool = True) -> tuple[Array | None, Grads]:
        """(dout, cache) -> (dx, gradients keyed like ``params``). Neither argument is changed.

        With ``need_dx=False`` the layer may return None for dx: a network's first layer has nobody to hand it to.
        """
        skip = {"need_dx": False} if self._can_skip_dx and not need_dx else {}
        result = self.functions[1](dout, cache, **skip)
        dx, *dparams = result if isinstance(result, tuple) else (result,)
        if len(dparams) != len(self.params):
            wanted = ", ".join(["dx", *(f"d{name}" for name in self.params)])
            raise ValueError(f"{type(self).__name__}: backward returned {1 + len(dparams)} gradients, wanted {wanted}")
        return dx, dict(zip(self.params, dparams, strict=True))

    def stages(self, x: Array, *, train: bool = False, rng: Rng | None = None, name: str = "") -> Walk:
        """The forward pass, a layer at a time: ``for name, layer, x, out, cache in model.stages(x): ...``

        Layers inside of others are visited too. A Residual comes after its body and shortcut, since it adds them; a
        Sequential does nothing of its own and is no stage. ``name`` is put before the layers' names.
        """
        out, cache = self.forward(x, train=train, rng=rng)
        yield Stage(name, self, x, out, cache)
        return out, cache

    def stages_back(self, dout: Array, cache: Cache, *, need_dx: bool = True, name: str = "") -> WalkBack:
        """The backward pass, a layer at a time, under the names of ``stages``: ``for name, layer, dout, dx, grads in ...``

        ``cache`` is the whole network's, from ``forward``. The last layer comes first; a Residual again comes after its body
        and shortcut, whose dx it adds. With ``need_dx=False`` the layers that nobody needs are left out, as in ``backward``.
        """
        dx, grads = self.backward(dout, cache, need_dx=need_dx)
        yield StageBack(name, self, dout, dx, grads)
        return dx, grads

    def observe(self, cache: Cache) -> Params:
        """Statistics that this forward pass saw, keyed like ``state``; empty for all layers but BatchNorm."""
        return {}

    def update_state(self, observed: Mapping[str, Array]) -> None:
        """Blend what ``observe`` returned into ``state``, once a training step."""

    def __call__(self, x: Array) -> Array:
        """The output alone, as in evaluation."""
        return self.forward(x)[0]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)
        return f"{type(self).__name__}({arguments})"


Seen = TypeVar("Seen")
Result = TypeVar("Result")


def walk(stages: Generator[Seen, None, Result], visit: Callable[[Seen], object] | None = None) -> Result:
    """Take all stages, show each to ``visit``, and return what comes at their end.

    seen = []
    out, cache = walk(model.stages(x), seen.append)
    """
    while True:
        try:
            stage = next(stages)
        except StopIteration as end:
            return end.value
        if visit is not None:
            visit(stage)
        del stage  # else its arrays would stay until the next layer is done


def require_layer(name: str, layer: Layer) -> None:
    """Refuse what is no layer or network.

    Errors    TypeError
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"{name} must be a layer or network, such as Sequential(..), got {kind_of(layer)}")
