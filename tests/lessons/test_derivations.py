"""Every layer and loss says in which lesson its backward is derived, and that lesson speaks of it."""

import inspect
import re
from pathlib import Path

import pytest

from scratchnet import layers, losses
from scratchnet.layers.base import Layer
from scratchnet.losses import Loss

SOURCES = {int(path.name[:2]): path for path in (Path(__file__).parents[2] / "lessons" / "source").glob("*.py")}
NOT_BY_GRADIENTS = {"NearestNeighbors"}  # a small step changes no vote
WORDS = {  # what a lesson calls it, where that is not the class's name
    "BatchNorm1d": "BatchNorm",
    "BatchNorm2d": "BatchNorm",
    "Conv2d": "convolution",
    "GlobalAvgPool": "global average pooling",
    "LeakyReLU": "leaky ReLU",
    "AvgPool2d": "average pooling",
    "MaxPool2d": "max pooling",
    "MeanSquaredError": "mean squared error",
    "MulticlassHinge": "hinge",
    "RandomFourierFeatures": "chain rule",
    "Residual": "residual",
    "SoftmaxCrossEntropy": "cross-entropy",
}


def told(kind):
    """The docstring that has the formulas: the forward function's, or the class's own."""
    functions = getattr(kind, "functions", None)
    return (inspect.getdoc(functions[0]) if functions else None) or inspect.getdoc(kind) or ""


def kinds():
    for module, base in (layers, Layer), (losses, Loss):
        for name, kind in vars(module).items():
            is_one = inspect.isclass(kind) and issubclass(kind, base) and "Backward" in told(kind)
            if is_one and name not in NOT_BY_GRADIENTS and not name.startswith("_"):
                yield name, kind


KINDS = dict(kinds())


def test_all_are_found():
    assert {"Dense", "Conv2d", "BatchNorm2d", "Residual", "Sequential", "SoftmaxCrossEntropy", "ReLU"} <= KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_the_lesson_derives_it(name):
    found = re.search(r"derived in lessons? ([\d, and]+)", told(KINDS[name]))
    assert found, f"{name}: its docstring does not say in which lesson its backward is derived"
    for number in map(int, re.findall(r"\d+", found[1])):
        text = SOURCES[number].read_text(encoding="utf-8").lower()
        assert WORDS.get(name, name).lower() in text, f"lesson {number} does not speak of {name}"
