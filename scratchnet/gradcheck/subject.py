"""What can be checked, a layer, a loss or a pair of functions, brought into one form."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnet.gradcheck.inputs import generic, vary_fresh
from scratchnet.gradcheck.numeric import as_float64
from scratchnet.layers.base import Layer, require
from scratchnet.layers.compose import Composite
from scratchnet.losses import Loss
from scratchnet.typing import Array, Cache, Pair, Params, Rng


class Malformed(Exception):
    """The code under check returns something of which no gradient can be measured; the message says what."""


@dataclass
class Subject:
    """Named arrays, and the two passes as functions of them.

    ``arrays`` (float64) get a gradient each; ``constants`` are the other arrays: labels, running statistics.
    """

    title: str
    arrays: Params
    constants: Params
    run_forward: Callable[[Params, Rng], Any]  # copies of both -> what forward returned
    run_backward: Callable[[Any, Cache], tuple[dict[str, Any], list[str]]]  # -> gradient for each array, complaints
    is_loss: bool = False

    def copies(self) -> Params:
        """Fresh copies of all arrays: what the code under check does to them hurts nobody."""
        return {name: array.copy(order="K") for name, array in {**self.arrays, **self.constants}.items()}

    def forward(self, given: Params, seed: int) -> tuple[Any, Cache]:
        """(out, cache) for these arrays; the same random numbers for the same seed."""
        result = self.run_forward(given, np.random.default_rng(seed))
        if not isinstance(result, tuple) or len(result) != 2:
            raise Malformed(f"forward must return (out, cache), got {describe(result)}")
        return result

    def changed(self, given: Params) -> list[str]:
        """Names of the arrays that are no longer what they were."""
        return [
            name
            for name, array in {**self.arrays, **self.constants}.items()
            if not np.array_equal(array, given[name], equal_nan=array.dtype.kind == "f")
        ]


def label(name: str) -> str:
    """How the gradient of an array is called: w -> dw, 2.w -> 2.dw."""
    *path, last = name.split(".")
    return ".".join([*path, f"d{last}"])


def describe(value: Any) -> str:
    """A few words for what a function returned."""
    if isinstance(value, np.ndarray):
        return f"an array {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"{type(value).__name__}"


def of_layer(
    layer: Layer, args: tuple[Any, ...], shape: tuple[int, ...] | None, train: bool, vary: bool, rng: Rng
) -> Subject:
    """A layer's deep copy in float64: gradients for x and for every parameter."""
    require(
        len(args) == (shape is None),
        f"check: a layer wants one input array, or shape=(..) to draw one, got {len(args)} arrays and shape={shape}",
    )
    x = generic(shape, rng) if shape is not None else as_float64("x", args[0])
    layer = copy.deepcopy(layer)
    leaves = list(layer.leaves()) if isinstance(layer, Composite) else [("", layer)]
    arrays: Params = {"x": x}
    constants: Params = {}
    homes: dict[str, tuple[Params, str]] = {}  # under which name each array lies in which leaf
    for path, leaf in leaves:
        for found, home in (arrays, leaf.params), (constants, leaf.state):
            for key, array in home.items():
                name = f"{path}.{key}" if path else key
                require(name != "x" and name not in homes, f"check: two arrays of {layer!r} are called {name}")
                homes[name] = home, key
                found[name] = as_float64(name, array) if found is arrays else as_constant(array)
                if vary and found[name].dtype == np.float64:
                    vary_fresh(found[name], rng)

    def forward(given: Params, rng: Rng) -> Any:
        for name, (home, key) in homes.items():
            home[key] = given[name]
        return layer.forward(given["x"], train=train, rng=rng)

    def backward(dout: Any, cache: Cache) -> tuple[dict[str, Any], list[str]]:
        result = layer.backward(dout, cache)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise Malformed(f"a layer's backward must return (dx, gradients by name), got {describe(result)}")
        dx, grads = result
        complaints = [f"backward returned a gradient for {name!r}, which is no parameter" for name in grads.keys() - arrays]
        return {"x": dx, **{name: grads.get(name) for name in arrays if name != "x"}}, complaints

    return Subject(repr(layer), arrays, constants, forward, backward)


def of_loss(loss: Loss, args: tuple[Any, ...]) -> Subject:
    """A loss: a gradient for the network's output, none for the labels or targets."""
    require(len(args) == 2, f"check: a loss wants the network's output and the labels, got {len(args)} arrays")
    loss = copy.deepcopy(loss)
    name, other = argument_names(getattr(loss, "functions", (loss.forward,))[0], 2)

    def forward(given: Params, rng: Rng) -> Any:
        return loss.forward(given[name], given[other])

    def backward(dloss: Any, cache: Cache) -> tuple[dict[str, Any], list[str]]:
        return {name: loss.backward(dloss, cache)}, []

    arrays = {name: as_float64(name, args[0])}
    return Subject(repr(loss), arrays, {other: as_constant(args[1])}, forward, backward, is_loss=True)


def of_pair(pair: Pair, args: tuple[Any, ...], options: dict[str, Any]) -> Subject:
    """A (forward, backward) pair: a gradient for every positional argument, none for the options.

    A forward that has an argument ``rng`` and is not given one gets a fresh generator.
    """
    run, run_back = pair
    require(len(args) > 0, "check: give the arrays that forward takes: check((forward, backward), x, w, b)")
    names = argument_names(run, len(args))
    arrays = {}
    for name, arg in zip(names, args, strict=True):
        require(
            np.asarray(arg).dtype.kind not in "iub",
            f"check: {name} holds {np.asarray(arg).dtype}, which has no gradient: write {name}.astype(np.float64), or if it "
            f"holds labels or settings options={{{name!r}: {name}}}",
        )
        arrays[name] = as_float64(name, arg)
    constants = {name: as_constant(value) for name, value in options.items() if isinstance(value, np.ndarray)}
    draws = "rng" in parameters(run) and "rng" not in {*names, *options}

    def forward(given: Params, rng: Rng) -> Any:
        others = {name: given[name] if name in constants else copy.deepcopy(value) for name, value in options.items()}
        return run(*(given[name] for name in names), **others, **({"rng": rng} if draws else {}))

    def backward(dout: Any, cache: Cache) -> tuple[dict[str, Any], list[str]]:
        result = run_back(dout, cache)
        wanted = f"({', '.join(label(name) for name in names)}{',' * (len(names) == 1)})"
        if isinstance(result, list):
            return dict(zip(names, result, strict=False)), [f"backward returned a list, wanted a tuple {wanted}"]
        gradients = result if isinstance(result, tuple) else (result,)
        complaints = []
        if len(gradients) != len(names):
            number = "1 gradient" if len(gradients) == 1 else f"{len(gradients)} gradients"
            complaints.append(f"backward returned {number}, wanted {len(names)}: {wanted}")
        return dict(zip(names, gradients, strict=False)), complaints

    return Subject(getattr(run, "__name__", "forward"), arrays, constants, forward, backward)


def as_constant(value: Any) -> Array:
    """A copy of an array that gets no gradient: real numbers in float64, labels as they are."""
    array = np.asarray(value)
    return np.array(array, np.float64 if array.dtype.kind == "f" else array.dtype, order="K")


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A function's parameters by name; none if Python can't tell."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of a function's first positional arguments; x0, x1, .. where it has none."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [name for name, parameter in parameters(function).items() if parameter.kind in positional][:count]
    return names + [f"x{i}" for i in range(len(names), count)]
