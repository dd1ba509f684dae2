"""Pooling ties. A photo's black background is all ties, and generic inputs have none: so they are tried as well.

When all pixels of an image move together by t so does every maximum, ties or not. So the gradient of each image and channel
must add up to that of its windows; where each of two equal pixels gets the whole of it, it adds up to more.
"""

import contextlib

import numpy as np

from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.subject import CodeRaised, Malformed, Subject
from scratchnet.typing import Array


def check_ties(subject: Subject, trial: Trial, results: dict[str, ArgumentResult], seed: int) -> None:
    """Note "ties all get the gradient" for an operation that picks one entry of several for each output."""
    if len(results) != 1:
        return
    (name, result), *_ = results.items()
    if not result.passed or result.jacobian is None or not _picks(result.jacobian, np.size(trial.out)):
        return
    x = subject.arrays[name]
    for tied in (np.zeros_like(x), np.round(x)):
        with contextlib.suppress(CodeRaised, Malformed):
            given = {**subject.copies(), name: tied.copy()}
            out, cache = subject.forward(given, seed)
            moved, _ = subject.forward({**subject.copies(), name: tied + 0.5}, seed)
            if not np.allclose(moved - out, 0.5):
                continue
            dout = np.ones_like(trial.out)
            dx = subject.backward(dout, cache)[0].get(name)
            if not isinstance(dx, np.ndarray) or dx.shape != x.shape:
                continue
            ratio = float(dx.sum()) / float(dout.sum())
            if abs(ratio - 1) > 1e-6:
                found = f"with ties in the input the gradient adds up to {ratio:.4g} times dout, wanted dout itself"
                trial.note("ties all get the gradient" if ratio > 1 else "wrong winner", found, 0.95, (name,))
                result.message, result.elsewhere = found, True
                return


def _picks(jacobian: Array, outputs: int) -> bool:
    acts = np.abs(jacobian) > 1e-6
    return bool(outputs < jacobian.shape[0] and (acts.sum(axis=0) == 1).all() and np.allclose(jacobian[acts], 1, atol=1e-6))
