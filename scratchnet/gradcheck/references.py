"""Is forward right? Its output against a reference: a function, or an operation that the bank knows by name."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnet.gradcheck.bank import OPERATIONS
from scratchnet.gradcheck.bank.operation import Given
from scratchnet.gradcheck.evidence import close
from scratchnet.gradcheck.numeric import index_of
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.subject import Subject, guarded
from scratchnet.layers.base import require
from scratchnet.typing import Array


def compare_output(subject: Subject, trial: Trial, reference: str | Callable[..., Any], options: dict[str, Any]) -> None:
    """Note "forward wrong" if the output is not the reference's.

    Errors    ValueError for an unknown operation, or one that does not take such arguments
    """
    out = np.asarray(trial.out, np.float64)
    if callable(reference):
        wanted = [_call(subject, reference, options)]
    else:
        if reference in (
            "dropout",
            "residual",
            "im2col",
            "momentum",
        ):  # what these give depends on more than their arguments
            return
        require(
            reference in OPERATIONS,
            f"check: reference must be a function or one of {', '.join(OPERATIONS)}, got {reference!r}",
        )
        given = Given.of(subject, trial.out, trial.dout)
        with np.errstate(all="ignore"):
            wanted = [np.asarray(setup.out) for setup in OPERATIONS[reference].setups(given)]
    if any(close(out, right, 1e-7) for right in wanted):
        return
    trial.note("forward wrong", _say(out, wanted, reference))


def _call(subject: Subject, reference: Callable[..., Any], options: dict[str, Any]) -> Array:
    copies = subject.copies()
    with guarded("the reference", 0):
        result = reference(*(copies[name] for name in subject.arrays), **options)
    return np.asarray(result[0] if isinstance(result, tuple) else result, np.float64)


def _say(out: Array, wanted: list[Array], reference: str | Callable[..., Any]) -> str:
    name = reference if isinstance(reference, str) else getattr(reference, "__name__", "the reference")
    fitting = [right for right in wanted if right.shape == out.shape]
    if not fitting:
        shapes = ", ".join(str(right.shape) for right in wanted[:1]) or "another shape"
        return f"forward's output is {out.shape}, {name}'s for these arguments {shapes}"
    right = min(fitting, key=lambda r: float(np.abs(r - out).sum()))
    differs = np.abs(out - right) > 1e-7 * max(float(np.abs(right).max()), 1e-9)
    if out.ndim == 0:
        return f"forward gives {float(out):.6g}, {name} gives {float(right):.6g}"
    at = index_of(int(differs.argmax()), out)
    return (
        f"forward differs from {name} in {int(differs.sum())} of {out.size} outputs; at {at} it gives {out[at]:.6g}, "
        f"{name} gives {right[at]:.6g}"
    )
