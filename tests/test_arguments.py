"""Every public function, constructor and method against wrong arguments: a right answer or a clear error, nothing else.

Clear is a ValueError or TypeError that names the argument. tests/examples.py has a right call of each; here one argument of
it is spoiled in every way of its kind, and then arrays of any shape, dtype and memory order are thrown at it.
"""

import copy
import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from types import GeneratorType
from typing import Any, NamedTuple

import numpy as np
import pytest
import strategies
from examples import EXAMPLES, Example
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchnet
from scratchnet import augment, metrics
from scratchnet.typing import Array

# Parts that are no functions on arrays: files, commands, pages, processes, text. They have tests of their own.
ELSEWHERE = {"arguments", "cli", "datasets", "files", "fitting", "imaging", "machine", "picture", "recipes", "results"}
ELSEWHERE |= {"runs", "serialize", "trained", "tuning", "typing", "web", "__main__"}
ELSEWHERE |= {"checkpoint", "npz", "picture_file", "untrusted"}


# --- what is public ------------------------------------------------------------------------------------------------------


def public_modules() -> Iterator[str]:
    """A package speaks for its modules, but for layers, whose modules hold the pairs of functions."""
    for found in pkgutil.walk_packages(scratchnet.__path__, "scratchnet."):
        _, part, *inner = found.name.split(".")
        if part not in ELSEWHERE and (not inner or part == "layers"):
            yield found.name


def is_result(thing: Any) -> bool:
    """Is it a record of what came out, an error or a name for a type, which nobody makes by hand?"""
    if not inspect.isclass(thing):
        return not inspect.isfunction(thing)
    plain = dataclasses.is_dataclass(thing) and "__post_init__" not in vars(thing)
    return plain or hasattr(thing, "_fields") or issubclass(thing, Exception | Enum) or getattr(thing, "_is_protocol", False)


def public_callables() -> list[str]:
    """Their names; where several parts have one of the same name, "explain.trace"."""
    found: dict[str, Any] = {}
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        own = [n for n, thing in vars(module).items() if getattr(thing, "__module__", None) == module_name]
        for name in getattr(module, "__all__", [n for n in own if not n.startswith(("_", "require_"))]):
            thing = getattr(module, name)
            if callable(thing) and not is_result(thing) and thing not in found.values():
                found[f"{module_name.split('.')[1]}.{name}"] = thing
    count = Counter(full.split(".")[1] for full in found)
    return [full if count[full.split(".")[1]] > 1 else full.split(".")[1] for full in found]


def test_every_public_callable_has_an_example() -> None:
    public = public_callables()
    assert [name for name in public if name not in EXAMPLES] == [], "give them an example in tests/examples.py"
    methods = {name for name in EXAMPLES if name.rpartition(".")[0] in public}
    assert EXAMPLES.keys() - methods - set(public) == set(), "no longer public"


# --- what can be wrong with an argument ----------------------------------------------------------------------------------


class Change(NamedTuple):
    """``value`` in the argument's place. ``same``: the result must be that of ``like``; ``refused``: there must be none."""

    name: str
    value: Any
    like: Any = None
    refused: bool = False


ABSENT = [("None", None), ("a text", "nonsense"), ("an object", object())]


def with_one(array: np.ndarray, value: float) -> np.ndarray:
    changed = array.copy()
    changed.flat[changed.size // 2] = value
    return changed


def of_array(array: np.ndarray, others: list[np.ndarray]) -> Iterator[Change]:
    paired = any(other.ndim > 0 and len(other) == len(array) for other in others)
    yield from (Change(name, value, refused=True) for name, value in [*ABSENT, ("number", 3.0)])
    yield Change("an axis more", array[None], refused=True)
    if array.ndim:
        yield Change("an axis less", array[0], refused=True)
        yield Change("longer", np.concatenate([array, array[..., :1]], axis=-1), refused=array.ndim > 1 or paired)
        yield Change("shorter", array[:-1], refused=paired)
        yield Change("empty", array[:0])
        yield Change("a list", array.tolist(), like=array)
    yield Change("complex", array.astype(complex), refused=True)
    yield Change("texts", array.astype(str), refused=True)
    yield Change("objects", array.astype(object), refused=True)
    yield Change("dates", array.astype("M8[s]") if array.dtype.kind != "f" else np.zeros(array.shape, "M8[s]"), refused=True)
    yield Change("truths", array > 0, like=(array > 0).astype(array.dtype))
    if array.dtype.kind == "f":
        whole = np.rint(array * 3)
        yield Change("integers", whole.astype(np.int64), like=whole)
        yield Change("single", array.astype(np.float32))
        yield from (Change(str(value), with_one(array, value)) for value in (np.nan, np.inf, -np.inf))
    else:
        yield Change("floats", array.astype(np.float64), like=array)
        yield Change("wide", array.astype(np.int64), like=array)
    if array.ndim:
        yield from (Change(name, other, like=array) for name, other in strategies.layouts(array).items())


def of_whole(value: int) -> Iterator[Change]:
    yield from (Change(name, wrong, refused=True) for name, wrong in ABSENT)
    yield from (Change(str(number), number) for number in (0, -1))
    yield from (
        Change(str(wrong), wrong, refused=True) for wrong in (value + 0.5, np.nan, [value], np.array([value, value]))
    )
    yield from (Change(str(wrong), wrong, refused=True) for wrong in (1j, True))
    yield Change("NumPy's", np.int64(value), like=value)


def of_number(value: float) -> Iterator[Change]:
    yield from (Change(name, wrong, refused=True) for name, wrong in ABSENT)
    yield from (Change(str(number), number) for number in (0, -1, 1e30))
    yield from (Change(str(wrong), wrong, refused=True) for wrong in (np.nan, np.inf, -np.inf))
    yield from (Change(str(wrong), wrong, refused=True) for wrong in ([value], np.array([value, value]), 1j, True, 10**400))
    yield Change("NumPy's", np.float64(value), like=value)


def changes(value: Any, others: list[np.ndarray]) -> Iterator[Change]:
    """Everything that can be wrong with an argument beside these other arrays."""
    if isinstance(value, np.ndarray):
        return of_array(value, others)
    if isinstance(value, bool):
        return iter(())
    if isinstance(value, int):
        return of_whole(value)
    if isinstance(value, float):
        return of_number(value)
    wrong = [*ABSENT, ("number", 3)]
    if isinstance(value, np.random.Generator):
        wrong.append(("the old kind", np.random.RandomState(0)))
    elif isinstance(value, tuple | list | dict):
        wrong.append(("nothing in it", type(value)()))
    return (Change(name, thing, refused=True) for name, thing in wrong)


def same(a: Any, b: Any) -> bool:
    """Is it the same result, up to rounding?"""
    if isinstance(a, np.ndarray | float | int | np.number):
        return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-5, atol=1e-7, equal_nan=True))
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b)


def outcome(example: Example, argument: str, value: Any) -> Any:
    """What comes of it; None and an error if it was refused."""
    with np.errstate(all="ignore"):
        result = example.run(**{argument: copy.deepcopy(value)})
        return list(result) if isinstance(result, GeneratorType) else result


ALSO_CALLED = {"targets": "labels", "images": "x"}  # by losses and by layers
SHAPES = {"an axis more", "an axis less", "longer", "shorter", "empty"}


def clear(error: Exception, *names: str) -> bool:
    """Is it an error of the right kind that names one of them?"""
    words = "|".join([*names, *(ALSO_CALLED[name] for name in names if name in ALSO_CALLED)])
    return isinstance(error, ValueError | TypeError) and re.search(rf"\b({words})\b", str(error)) is not None


every_example = pytest.mark.parametrize("name", EXAMPLES)


@every_example
def test_the_examples_are_right(name: str) -> None:
    EXAMPLES[name].run()


@every_example
def test_a_wrong_argument_is_refused_or_answered_rightly(name: str) -> None:
    example, wrong = EXAMPLES[name], []
    for argument, value in example.arguments.items():
        others = [v for name, v in example.arguments.items() if name != argument and isinstance(v, np.ndarray)]
        for change in changes(value, others):
            if example.slow and not change.refused:
                continue
            names = [argument, *(example.arguments if change.name in SHAPES else [])]  # two shapes that do not fit: either
            case = f"{argument}: {change.name}"
            try:
                result = outcome(example, argument, change.value)
            except Exception as error:
                if not clear(error, *names):
                    wrong.append(f"{case}: {type(error).__name__}: {str(error)[:150]}")
                elif change.name in strategies.layouts(np.zeros(1)) or change.name == "NumPy's":
                    wrong.append(f"{case}: refused, {error}")
                continue
            if change.refused and change.name not in example.accepts.get(argument, ()):
                wrong.append(f"{case}: accepted")
            elif change.like is not None and not same(result, outcome(example, argument, change.like)):
                wrong.append(f"{case}: another result")
    assert not wrong, "\n" + "\n".join(wrong)


QUICK = {name: example for name, example in EXAMPLES.items() if not example.slow}
ARRAYS = [(n, a) for n, example in QUICK.items() for a, v in example.arguments.items() if isinstance(v, np.ndarray)]
DTYPES = ["f2", "f4", "f8", "i1", "i8", "u1", "u8", "?", "c8", "O", "U3", "M8[s]", "V4"]


@given(st.sampled_from(ARRAYS), st.lists(st.integers(0, 4), max_size=5), st.sampled_from(DTYPES), st.booleans(), st.data())
@settings(max_examples=200)
def test_any_array_anywhere(where: tuple[str, str], shape: list[int], dtype: str, right: bool, data: st.DataObject) -> None:
    """Of any shape or (right) of the wanted one, so that the dtype is reached."""
    name, argument = where
    shape = list(EXAMPLES[name].arguments[argument].shape) if right else shape
    array = np.zeros(shape, dtype) if dtype == "V4" else strategies.numbers(shape, data.draw(strategies.seeds)).astype(dtype)
    array = data.draw(st.sampled_from(list(strategies.layouts(array).values()) if shape else [array]))
    try:
        outcome(EXAMPLES[name], argument, array)
    except (ValueError, TypeError) as error:
        refusal = error
    else:
        return
    assert clear(refusal, *EXAMPLES[name].arguments), f"{name}, {argument} {dtype} {shape}: {refusal}"


@pytest.mark.parametrize(
    ("name", "argument", "array"),
    [
        ("max_pool2d_forward", "x", np.zeros((0, 0, 0, 0))),
        ("conv2d_forward", "w", np.zeros((4, 2, 0, 2))),
        ("sample", "rows", np.zeros(0)),
        ("find", "batch", np.array([2, 255])),
    ],
)
def test_arrays_that_were_refused_unclearly(name: str, argument: str, array: Array) -> None:
    """Found by the test above."""
    with pytest.raises((ValueError, TypeError)) as refused:
        outcome(EXAMPLES[name], argument, array)
    assert clear(refused.value, *EXAMPLES[name].arguments)


def test_arrays_that_were_refused_for_no_reason() -> None:
    """Found by the test above."""
    empty = np.zeros((4, 0, 3), np.uint8)
    assert augment.Augmentation(rotation=10)(empty, np.random.default_rng(0)).shape == empty.shape
    one = np.array([1], np.uint64)
    assert metrics.confusion_matrix(one.astype(int), one, 2).tolist() == [[0, 0], [0, 1]]
