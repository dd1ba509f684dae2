"""The held-out cases are what they claim: each wrong one shows a symptom, each right one none.

The symptoms are found here by means of their own: slopes along random directions, by central differences.
"""

import copy
import inspect

import numpy as np
import pytest

from benchmarks.mistakes.held_out import CASES
from scratchnet import losses
from scratchnet.layers import conv, norm, pool

H = 1e-5
REFERENCES = {
    "avg_pool2d": pool.avg_pool2d_forward,
    "batch_norm": norm.batch_norm_forward,
    "conv2d": conv.conv2d_forward,
    "max_pool2d": pool.max_pool2d_forward,
    "softmax_cross_entropy": losses.softmax_cross_entropy_forward,
}
# What a name that is not about numbers alone shows; for all others the slopes are wrong.
SYMPTOMS = {
    "raises an error": {"raises"},
    "wrong shape": {"shape"},
    "gradient missing": {"missing"},
    "precision lost": {"precision"},
    "nan or infinity": {"nan"},
    "input changed in place": {"input changed"},
    "dout changed in place": {"dout changed"},
    "forward not repeatable": {"not repeatable"},
    "random numbers drawn again": {"slope", "not the same twice"},
    "stale cache": {"stale"},
    "accumulated over calls": {"not the same twice"},
    "forward wrong": {"forward"},
}
TURNED_OR_UNCROPPED = ["dense-port", "conv-crop-one-side"]  # wrong numbers that show in the shape
TIED = [case.id for case in CASES if case.operation == "max_pool2d" and len(np.unique(case.args[0])) < case.args[0].size]


def parameters(function):
    return list(inspect.signature(function).parameters)


def run(case, args):
    """out, and a function of dout that returns the gradients as a list."""
    options = copy.deepcopy(case.options)
    if isinstance(case.target, type):
        made = parameters(case.target)
        if "rng" in made:
            options["rng"] = np.random.default_rng(0)
        layer = case.target(*args[1:], **options)
        result = layer.forward(args[0])
        out, cache = (result[0], result[1:]) if isinstance(result, tuple) else (result, ())

        def gradients(dout):
            dx = layer.backward(dout, *cache)
            dx, grads = dx if isinstance(dx, tuple) else (dx, {})
            names = made[: len(args) - 1]
            found = [grads.get(n) if grads else getattr(layer, f"d{n}", getattr(layer, f"grad_{n}", None)) for n in names]
            return [dx, *found]

        return out, gradients

    f, b = case.target
    if "rng" in parameters(f):
        options["rng"] = np.random.default_rng(0)
    result = f(*args, **options)
    if isinstance(result, tuple):
        out, cache = result
        return out, lambda dout: as_list(b(cache) if len(parameters(b)) == 1 else b(dout, cache))
    known = dict(zip(parameters(f), args, strict=False)) | options | {"out": result}
    wanted = parameters(b)
    upstream = wanted[0] not in parameters(f)
    kwargs = {name: known[name] for name in wanted[upstream:]}
    return result, lambda dout: as_list(b(*[dout][:upstream], **kwargs))


def as_list(gradients):
    return list(gradients) if isinstance(gradients, tuple) else [gradients]


def takes_upstream(case):
    f, b = case.target if isinstance(case.target, tuple) else (None, None)
    return f is None or parameters(b)[0] not in ["cache", *parameters(f)]


def copies(args):
    return tuple(np.array(a) for a in args)


def close(a, b):
    return np.allclose(a, b, rtol=1e-9, atol=1e-11)


def symptoms(case):
    rng = np.random.default_rng(1)
    args = copies(case.args)
    out, gradients = run(case, args)
    found = {"input changed"} if any(map(differ, args, case.args)) else set()
    if not np.isfinite(out).all():
        return found | {"nan"}
    if differ(out, run(case, copies(case.args))[0]):
        return found | {"not repeatable"}
    if not follows_tiny_changes(case, out):
        return found | {"precision"}
    if case.reference and not close(out, REFERENCES[case.reference](*copies(case.args), *case.options.values())[0]):
        found.add("forward")

    dout = rng.standard_normal(np.shape(out)) if takes_upstream(case) else 1.0
    handed = np.array(dout)
    try:
        grads = gradients(handed)
    except ValueError:
        return found | {"raises"}
    if differ(handed, dout):
        found.add("dout changed")
    if len(grads) < len(args) or any(g is None for g in grads):
        return found | {"missing"}
    if any(g.shape != a.shape for g, a in zip(grads, case.args, strict=True)):
        return found | {"shape"}
    grads = copies(grads)
    if not all(map(close, gradients(np.array(dout)), grads)):
        found.add("not the same twice")
    if not all(map(close, gradients_after_another_forward(case, dout), grads)):
        found.add("stale")
    if any(slope_error(case, k, grads[k], dout, rng) > 1e-6 for k in range(len(args)) for _ in range(3)):
        found.add("slope")
    return found


def differ(a, b):
    return not np.array_equal(a, b)


def follows_tiny_changes(case, out):
    """In float32 a change of the input by one part in 10**11 is lost."""
    return differ(run(case, (case.args[0] * (1 + 1e-11), *copies(case.args[1:])))[0], out)


def gradients_after_another_forward(case, dout):
    _, gradients = run(case, copies(case.args))
    run(case, tuple(0.7 * a + 0.1 for a in case.args))
    return gradients(np.array(dout))


def slope_error(case, k, gradient, dout, rng):
    """|numeric - given| slope along a random direction of argument k, relative; ties are moved together, to stay ties."""
    v = np.ones(gradient.shape) if case.id in TIED else rng.standard_normal(gradient.shape)
    high, low = (
        np.sum(dout * run(case, (*copies(case.args[:k]), case.args[k] + h * v, *copies(case.args[k + 1 :])))[0])
        for h in (H, -H)
    )
    slope = (high - low) / (2 * H)
    return abs(slope - np.sum(gradient * v)) / (np.linalg.norm(gradient) + abs(slope) + 1e-8)


def steps_differ(case):
    """Does the step leave the rule within five steps, on two arrays?"""
    rng = np.random.default_rng(2)
    start = {"w": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
    if not isinstance(case.target, type):
        del start["b"]  # a function sees one array at a time; the rule decays weights alone
    mine, right = ({k: v.copy() for k, v in start.items()} for _ in range(2))
    rule = copy.deepcopy(case.reference)
    student = case.target(**case.options) if isinstance(case.target, type) else None
    memory = {} if student is not None or parameters(case.target)[2] == "state" else 0.0
    for _ in range(5):
        grads = {k: rng.standard_normal(v.shape) for k, v in start.items()}
        rule.step(right, grads)
        if student is not None:
            student.step(mine, grads)
        elif isinstance(memory, dict):
            new = case.target(mine["w"], grads["w"], memory, **case.options)
            mine["w"] = mine["w"] if new is None else new
        else:
            mine["w"], memory = case.target(mine["w"], grads["w"], memory, **case.options)
    return not all(close(mine[k], right[k]) for k in start)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_is_what_it_claims(case):
    with np.errstate(all="ignore"):
        found = symptoms(case) if case.args else {"slope"} if steps_differ(case) else set()
    if case.id in TURNED_OR_UNCROPPED:
        assert found == {"shape"}
    elif case.wrong:
        assert found == SYMPTOMS.get(case.expected[0], {"slope"})
    else:
        assert not found


def test_no_name_has_more_than_two_cases():
    names = [case.expected for case in CASES if case.wrong]
    assert len(names) >= 34
    assert len(set(names)) >= 25
    assert all(names.count(name) <= 2 for name in names)
    assert len({case.id for case in CASES}) == len(CASES)
