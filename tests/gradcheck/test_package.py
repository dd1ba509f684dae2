"""The inputs that every layer and loss of the package is checked at: what they are, and that they are the same each time."""

import numpy as np
import pytest

from scratchnet.gradcheck import check_all, package
from scratchnet.gradcheck.package import Case, cases
from scratchnet.layers import Dropout, NearestNeighbors

IMAGES, SMALL, FEATURES = (3, 2, 7, 6), (3, 2, 5, 4), (5, 4)
CONV = "Conv2d(in_channels={}, out_channels={}, kernel_size={}, stride={}, pad={})"
NORM = "BatchNorm{}d(num_features={}, eps=1e-05, momentum=0.1)"
BRANCH = ", ".join(
    [
        CONV.format(2, 4, (3, 3), (2, 2), (1, 1)),
        NORM.format(2, 4),
        "Tanh()",
        CONV.format(4, 6, (3, 3), (1, 1), (1, 1)),
    ]
)
NETWORK = ", ".join(
    [
        CONV.format(2, 4, (3, 3), (1, 1), (1, 1)),
        "MaxPool2d(kernel_size=(3, 2), stride=(2, 1))",
        NORM.format(2, 4),
        "ReLU(), Flatten(), Dropout(p=0.3), Dense(in_features=24, out_features=2)",
    ]
)
# Kernels that are no squares, strides below the kernel's size, no two sizes of an input alike, padding of both kinds.
WANTED = [
    (CONV.format(2, 4, (3, 2), (1, 1), (0, 0)), IMAGES),
    (CONV.format(2, 4, (3, 2), (1, 1), (1, 1)), IMAGES),
    (CONV.format(2, 4, (3, 4), (1, 1), (2, 2)), IMAGES),
    (CONV.format(2, 4, (2, 3), (1, 1), (2, 1)), IMAGES),
    (CONV.format(2, 4, (3, 3), (2, 2), (1, 2)), IMAGES),
    (CONV.format(2, 4, (2, 3), (2, 1), (3, 0)), IMAGES),
    ("MaxPool2d(kernel_size=(2, 2), stride=(2, 2))", IMAGES),
    ("MaxPool2d(kernel_size=(3, 2), stride=(2, 1))", IMAGES),
    ("MaxPool2d(kernel_size=(3, 3), stride=(1, 1))", IMAGES),
    ("AvgPool2d(kernel_size=(2, 2), stride=(2, 2))", IMAGES),
    ("AvgPool2d(kernel_size=(3, 2), stride=(2, 1))", IMAGES),
    ("GlobalAvgPool()", IMAGES),
    ("Flatten()", IMAGES),
    (NORM.format(2, 2), IMAGES),
    ("Dropout(p=0.4)", IMAGES),
    (f"Residual({CONV.format(2, 2, (3, 3), (1, 1), (1, 1))})", SMALL),
    (f"Residual(Sequential({BRANCH}), {CONV.format(2, 6, (1, 1), (2, 2), (0, 0))})", SMALL),
    (f"Sequential({NETWORK})", SMALL),
    ("Dense(in_features=4, out_features=3)", FEATURES),
    ("RandomFourierFeatures(in_features=4, out_features=5, gamma=0.5)", FEATURES),
    ("NearestNeighbors(in_features=4, num_classes=3, k=2, num_examples=6)", FEATURES),
    ("ReLU()", FEATURES),
    ("LeakyReLU(negative_slope=0.1)", FEATURES),
    ("Sigmoid()", FEATURES),
    ("Tanh()", FEATURES),
    (NORM.format(1, 4), FEATURES),
    ("Dropout(p=0.4)", FEATURES),
    (NORM.format(2, 2) + ", in evaluation", IMAGES),
    (NORM.format(1, 4) + ", in evaluation", FEATURES),
    ("Dropout(p=0.4), in evaluation", FEATURES),
    ("SoftmaxCrossEntropy()", None),
    ("SoftmaxCrossEntropy(label_smoothing=0.1)", None),
    ("MulticlassHinge(margin=1.0)", None),
    ("MulticlassHinge(margin=2.5)", None),
    ("MeanSquaredError()", None),
]


def test_what_is_checked():
    found = cases()
    assert [(case.name, case.keywords.get("shape")) for case in found] == WANTED
    for case in found:
        assert case.keywords.get("train", True) is ("evaluation" not in case.name)


def test_losses_are_checked_with_every_label():
    losses = [case for case in cases() if "shape" not in case.keywords]
    for case in losses:
        logits, targets = case.args
        assert logits.shape == (5, 4)
        if case.name == "MeanSquaredError()":
            assert targets.shape == (5, 4)
            assert np.abs(targets - logits).max() > 0.1, "else every difference is 0"
        else:
            np.testing.assert_array_equal(targets, [3, 0, 2, 0, 1])
    assert len(losses) == 5


def test_the_neighbours_are_of_every_class():
    layer = next(case.target for case in cases() if isinstance(case.target, NearestNeighbors))
    remembered = {name: array for name, array in layer.state.items()}
    assert any(np.array_equal(array, [0, 1, 2, 0, 1, 2]) for array in remembered.values())
    assert any(array.shape == (6, 4) for array in remembered.values())


def numbers_of(case):
    target = case.target
    own = [*target.params.values(), *target.state.values()] if hasattr(target, "params") else []
    return [np.asarray(array, float).ravel() for array in (*own, *case.args)]


def test_a_seed_gives_the_same_numbers_each_time():
    drawn = 0
    for first, second, other in zip(cases(3), cases(3), cases(4), strict=True):
        for a, b in zip(numbers_of(first), numbers_of(second), strict=True):
            np.testing.assert_array_equal(a, b)
        drawn += any(not np.array_equal(a, b) for a, b in zip(numbers_of(first), numbers_of(other), strict=True))
    assert drawn > 12
    for default, zero in zip(cases(), cases(0), strict=True):
        for a, b in zip(numbers_of(default), numbers_of(zero), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("seed", "given"), [(0, ()), (5, (5,))])
def test_all_of_them_are_checked_with_one_seed(monkeypatch, seed, given):
    calls = []

    def recorded(target, *args, **keywords):
        calls.append((repr(target), args, keywords))
        return "a report"

    monkeypatch.setattr(package, "check", recorded)
    found = check_all(*given)
    assert found == [(case.name, "a report") for case in cases()]
    for (target, args, keywords), case in zip(calls, cases(seed), strict=True):
        assert target == repr(case.target)
        assert keywords == {**case.keywords, "seed": seed}
        for mine, wanted in zip(args, case.args, strict=True):
            np.testing.assert_array_equal(mine, wanted)


def test_the_mode_is_in_the_name():
    assert Case(Dropout(0.4)).name == "Dropout(p=0.4)"
    assert Case(Dropout(0.4), keywords={"train": True}).name == "Dropout(p=0.4)"
    assert Case(Dropout(0.4), keywords={"train": False}).name == "Dropout(p=0.4), in evaluation"
