"""What can be checked, brought into one form: here the package's layers and losses, in learners.py code of others."""

import contextlib
import copy
import inspect
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np

from scratchnet.gradcheck.inputs import generic, vary_fresh
from scratchnet.gradcheck.numeric import as_float64
from scratchnet.layers.base import Layer, require
from scratchnet.layers.compose import Composite
from scratchnet.losses import Loss
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Cache, Params, Rng


class Malformed(Exception):
    """The code under check returns something of which no gradient can be measured; the message says what.

    ``diagnosis`` is its name in the catalogue.
    """

    def __init__(self, message: str, diagnosis: str = "wrong return value") -> None:
        super().__init__(message)
        self.diagnosis = diagnosis


class CodeRaised(Exception):
    """The code under check raised ``__cause__``. ``variant`` is the kind of it that the catalogue has words for."""

    def __init__(self, who: str, error: Exception) -> None:
        super().__init__(f"{who} raises {type(error).__name__}: {_in_plain_words(error)}{_where(error)}")
        self.who = who
        self.variant = "a name" if isinstance(error, NameError) else ""


@dataclass
class Subject:
    """Named arrays, and the two passes as functions of them.

    ``arrays`` (float64) get a gradient each; ``constants`` are the other arrays: labels, running statistics. ``settings``
    are the plain numbers among the options: they help to say which constant a wrong factor is.
    """

    title: str
    arrays: Params
    constants: Params
    run_forward: Callable[[Params, Rng], Any]  # copies of both -> what forward returned
    run_backward: Callable[[Any, Cache], tuple[dict[str, Any], list[str]]]  # -> gradient for each array, complaints
    is_loss: bool = False
    has_upstream: bool = True  # False: backward takes no dout, and gives the gradient of the output's sum
    settings: dict[str, float] = field(default_factory=dict)
    without_dx: Callable[[Any, Cache], dict[str, Any]] | None = None  # backward(need_dx=False), if there is such a thing
    vary: "Callable[[str, float], Subject] | None" = None  # the same with another value of one of the settings
    assumed: list[str] = field(default_factory=list)  # how the code was read where it could be meant otherwise
    upstream: str = "dout"  # what backward calls the upstream gradient
    called: dict[str, str] = field(default_factory=dict)  # what the code calls the gradients, where it has names for them

    def label(self, name: str) -> str:
        """What the gradient of an array is called: grad_w if the code keeps it under that name, else dw."""
        return self.called.get(name, label(name))

    def copies(self) -> Params:
        """Fresh copies of all arrays: what the code under check does to them hurts nobody."""
        return {name: array.copy(order="K") for name, array in {**self.arrays, **self.constants}.items()}

    def forward(self, given: Params, seed: int) -> tuple[Any, Cache]:
        """(out, cache) for these arrays; the same random numbers for the same seed.

        Errors    CodeRaised if the code raises, Malformed if it returns something else
        """
        with guarded("forward", seed):
            result = self.run_forward(given, stream(seed, Purpose.GRADCHECK, step=1))
        if not isinstance(result, tuple) or len(result) != 2:
            raise Malformed(f"forward must return (out, cache), got {returned(result)}")
        return result

    def backward(self, dout: Any, cache: Cache) -> tuple[dict[str, Any], list[str]]:
        """(the gradient of each array by name, complaints).

        Errors    CodeRaised if the code raises, Malformed if nothing can be made of what it returns
        """
        with guarded("backward"):
            return self.run_backward(dout, cache)

    def changed(self, given: Params) -> list[str]:
        """Names of the arrays that are no longer what they were."""
        return [
            name
            for name, array in {**self.arrays, **self.constants}.items()
            if not np.array_equal(array, given[name], equal_nan=array.dtype.kind == "f")
        ]


@contextlib.contextmanager
def guarded(who: str, seed: int | None = None) -> Iterator[None]:
    """Run foreign code: its floating-point warnings are dropped (nan is found later), its exceptions become CodeRaised.

    With a seed np.random's own functions draw the same numbers each time too, and draw on afterwards as if nothing had been.
    """
    state = np.random.get_state()  # noqa: NPY002
    if seed is not None:
        np.random.seed(stream(seed, Purpose.GRADCHECK, step=2).integers(2**32))  # noqa: NPY002
    try:
        with np.errstate(all="ignore"):
            yield
    except (Malformed, CodeRaised):
        raise
    except Exception as error:
        raise CodeRaised(who, error) from error
    finally:
        if seed is not None:
            np.random.set_state(state)  # noqa: NPY002


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _in_plain_words(error: Exception) -> str:
    """What the error says; of a matrix product, and of a name that is not there, as one would say it to a beginner."""
    text = _first_line(error)
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return f"{text}: if {error.name} is a name of another cell or notebook, copy it into this cell"
    sizes = re.search(r"core dimension 0.*size (\d+) is different from (\d+)", text)
    if text.startswith("matmul") and sizes:
        return (
            "matmul: the shapes do not fit: the last axis of the first factor and the first of the second must have one "
            f"length, here they have {sizes[2]} and {sizes[1]}"
        )
    return text


def _where(error: Exception) -> str:
    """The innermost line that is neither NumPy's nor this package's checker, and the shapes of the arrays on it."""
    while isinstance(error.__cause__, Exception):  # a Sequential says in which layer it happened
        error = error.__cause__
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = zip(frames, traceback.extract_tb(error.__traceback__), strict=True)
    own = [(frame, place) for frame, place in found if not _foreign(place.filename)]
    if not own:
        return ""
    frame, place = own[-1]
    line = f": {place.line}" if place.line else ""
    shapes = _shapes(place.line or "", frame.f_locals) if isinstance(error, (ValueError, IndexError)) else ""
    of = f"the cell, in {place.name}" if _is_cell(place.filename) else place.name
    return f" (line {place.lineno} of {of}{line}{shapes})"


def _is_cell(filename: str) -> bool:
    """Is it a notebook's cell, whose lines are counted from its own first one? (IPython's and the lessons' names for it.)"""
    return filename.startswith(("<ipython-input", "<code cell")) or "ipykernel_" in filename


def _shapes(line: str, values: Mapping[str, Any]) -> str:
    """; dout (5, 3), w (4, 3): the arrays whose names stand on the line."""
    names = dict.fromkeys(re.findall(r"(?<![.\w])[^\W\d]\w*", line))
    shapes = [f"{name} {values[name].shape}" for name in names if isinstance(values.get(name), np.ndarray)]
    return f"; {', '.join(shapes)}" if shapes else ""


def _foreign(filename: str) -> bool:
    path = PurePath(filename)
    ours = path.is_relative_to(PurePath(__file__).parent)
    return ours or "numpy" in path.parts or filename.startswith("<frozen") or path.name == "contextlib.py"


def label(name: str) -> str:
    """How the gradient of an array is called: w -> dw, 2.w -> 2.dw."""
    *path, last = name.split(".")
    return ".".join([*path, f"d{last}"])


def listed(words: Iterable[str]) -> str:
    """a; a and b; a, b and c."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def describe(value: Any) -> str:
    """A few words for what a function returned."""
    if isinstance(value, np.ndarray):
        return f"an array {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"{type(value).__name__}"


def returned(value: Any) -> str:
    """The same of all that a function returned."""
    return "None: is its return missing?" if value is None else describe(value)


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
            raise Malformed(f"a layer's backward must return (dx, gradients by name), got {returned(result)}")
        dx, grads = result
        complaints = [f"backward returned a gradient for {name!r}, which is no parameter" for name in grads.keys() - arrays]
        return {"x": dx, **{name: grads.get(name) for name in arrays if name != "x"}}, complaints

    def without_dx(dout: Any, cache: Cache) -> dict[str, Any]:
        return {name: g for name, g in layer.backward(dout, cache, need_dx=False)[1].items() if name in arrays}

    settings = numbers_in(_options_of(layer))
    return Subject(repr(layer), arrays, constants, forward, backward, settings=settings, without_dx=without_dx)


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
    settings = numbers_in(loss.options)
    return Subject(repr(loss), arrays, {other: as_constant(args[1])}, forward, backward, is_loss=True, settings=settings)


def _options_of(layer: Layer) -> dict[str, Any]:
    return {} if isinstance(layer, Composite) else {name: getattr(layer, name) for name in layer.settings}


def numbers_in(options: dict[str, Any]) -> dict[str, float]:
    """The plain numbers among options, also those in nested dicts (conv_param={"stride": 1})."""
    found: dict[str, float] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            found.update(numbers_in({str(key): item for key, item in value.items()}))
        elif isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            found[name] = float(value)
    return found


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
    """The names of a function's first positional arguments; x, or x0, x1, .. where Python can't tell (as with the
    ufuncs of older NumPys)."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [name for name, parameter in parameters(function).items() if parameter.kind in positional][:count]
    return names + (["x"] if count == 1 and not names else [f"x{i}" for i in range(len(names), count)])
