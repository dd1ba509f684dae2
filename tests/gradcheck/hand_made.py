"""Evidence made by hand: what a check would know, without running one."""

import math

import numpy as np

from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.subject import Subject


def of_gradients(pairs, dout=(), arrays=None, settings=None, constants=None, called=None):
    """From {name: (what backward returned, the numeric gradient)}."""
    numeric = {name: np.asarray(n, np.float64) for name, (_, n) in pairs.items()}
    arrays = {**{name: np.ones(n.shape) for name, n in numeric.items()}, **(arrays or {})}
    results = {}
    for name, (mine, _) in pairs.items():
        fits = np.shape(mine) == numeric[name].shape and mine is not None
        result = ArgumentResult(name, None if mine is None else np.asarray(mine, np.float64), numeric[name])
        if fits:
            errors = np.abs(result.analytic - result.numeric)
            result.wrong = int((errors > 1e-6 * np.abs(result.numeric).max() + 1e-9).sum())
        result.message = "" if fits else "not of this shape"
        results[name] = result
    gradients = {name: mine if mine is None else np.asarray(mine) for name, (mine, _) in pairs.items()}
    subject = Subject(
        "a pair", arrays, constants or {}, lambda given, rng: (None, None), lambda dout, cache: ({}, []),
        settings={key: float(value) for key, value in (settings or {}).items()}, called=called or {},
    )  # fmt: skip
    return Evidence(subject, Trial(np.asarray(dout), np.asarray(dout), gradients), results, 0)


def of_jacobians(measured, claimed, shape, out_shape, *, dout=None, out=None, x=None, settings=None, noise=0.0, others=None):
    """From two Jacobians (entries, outputs) of x, the measured one and backward's.

    ``noise`` is how far off the measured numbers are, relative to the largest: as large as rounding makes it. ``others`` are
    further arguments {name: (measured, claimed, array)}, which come first.
    """
    rng = np.random.default_rng(8)
    arrays = {name: array for name, (_, _, array) in (others or {}).items()}
    arrays["x"] = np.asarray(generic(shape) if x is None else x, np.float64).reshape(shape)
    dout = np.asarray(generic(out_shape) if dout is None else dout, np.float64).reshape(out_shape)
    out = np.asarray(generic(out_shape, 3) if out is None else out, np.float64).reshape(out_shape)
    jacobians = {**{name: (m, c) for name, (m, c, _) in (others or {}).items()}, "x": (measured, claimed)}
    subject = Subject(
        "a pair", arrays, {}, lambda given, rng: (out, None),
        lambda dout, cache: (
            {name: (c @ np.ravel(dout)).reshape(arrays[name].shape) for name, (_, c) in jacobians.items()}, []
        ),
        settings={key: float(value) for key, value in (settings or {}).items()},
    )  # fmt: skip
    gradients, _ = subject.run_backward(dout, None)
    results = {}
    for name, (m, _) in jacobians.items():
        m = m + noise * np.abs(m).max() * rng.uniform(-1, 1, m.shape)
        numeric = (m @ dout.ravel()).reshape(arrays[name].shape)
        result = ArgumentResult(name, gradients[name], numeric, jacobian=m)
        result.wrong = int((np.abs(gradients[name] - numeric) > 1e-6 * np.abs(numeric).max() + 1e-9).sum())
        results[name] = result
    return Evidence(subject, Trial(out, dout, gradients), results, 0)


def generic(shape, seed=1):
    """Numbers of both signs, none near 0 or another one."""
    size = math.prod(shape)
    numbers = np.linspace(0.5, 2.5, size) * (1 - 2 * (np.arange(size) % 2))
    return np.random.default_rng(seed).permutation(numbers).reshape(shape)


def said(findings):
    """(name, what is said) of each finding, the surest first; how sure lies between 0 and 1."""
    findings = list(findings)
    assert all(0 < finding.weight < 1 for finding in findings)
    return [(finding.name, finding.evidence) for finding in sorted(findings, key=lambda finding: -finding.weight)]


def names(findings):
    return [finding.name for finding in findings]
