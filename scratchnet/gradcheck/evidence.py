"""What a diagnosis can look at: the arrays, both gradients, and how each output depends on each entry, by both."""

import math
import time
from functools import cached_property
from typing import Any

import numpy as np

from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.subject import CodeRaised, Malformed, Subject
from scratchnet.typing import Array, Params

CLOSE = 1e-5  # of the largest number: numeric gradients are right to about 1e-9, wrong ones are off by far more
MOST_OUTPUTS = 4000  # so many calls of backward at most to learn what it claims ..
MOST_STEPS = 50_000  # .. that take as long as so many steps of a naive loop: they are slow, and there is other evidence


def close(a: Any, b: Any, relative: float = CLOSE) -> bool:
    """Equal shapes, and equal numbers up to rounding."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    largest = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    return bool((np.abs(a - b) <= relative * largest + 1e-9).all())


def count(n: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{n} {noun}" if abs(n) == 1 else f"{n} {noun}s"


def naive_step() -> float:
    """Seconds that one step of a naive loop takes here and now: a slow or traced Python must not change a diagnosis."""
    patch, total, quickest = np.ones((3, 3)), np.zeros((3, 3)), math.inf
    for _ in range(8):
        start = time.perf_counter()
        for _ in range(10):
            total += np.tensordot(patch, patch, axes=(0, 0))
        quickest = min(quickest, time.perf_counter() - start)
    return quickest / 10


def axes_in_words(axes: tuple[int, ...]) -> str:
    """axis 0, axes 0 and 2."""
    return f"{'axis' if len(axes) == 1 else 'axes'} {' and '.join(map(str, axes))}"


class Evidence:
    """All that one check knows. ``a`` is the analytic gradient (backward's), ``n`` the numeric one."""

    def __init__(self, subject: Subject, trial: Trial, results: dict[str, ArgumentResult], seed: int) -> None:
        self.subject, self.trial, self.results, self.seed = subject, trial, results, seed
        self.arrays: Params = subject.arrays
        self.constants: Params = subject.constants
        self.settings = subject.settings
        self.out: Array = np.asarray(trial.out, np.float64) if trial.out is not None else np.zeros(0)
        self.dout: Array = np.asarray(trial.dout, np.float64) if trial.dout is not None else np.zeros(0)
        self.windows: tuple[tuple[int, int], tuple[int, int]] | None = None  # kernel, stride, if it is known pooling
        self._claimed: dict[str, Array] | None = None

    @cached_property
    def failed(self) -> list[str]:
        """Arguments whose gradient is not right."""
        return [name for name, result in self.results.items() if not result.passed]

    @cached_property
    def wrong(self) -> list[str]:
        """Arguments with a gradient of the right shape, finite, measured in full, and wrong."""
        return [name for name in self.failed if self._comparable(name)]

    def _comparable(self, name: str) -> bool:
        analytic, numeric = self.results[name].analytic, self.results[name].numeric
        return (
            analytic is not None
            and analytic.shape == numeric.shape
            and bool(np.isfinite(analytic).all())
            and bool(np.isfinite(numeric).all())
            and not close(analytic, numeric, 1e-7)
        )

    @property
    def scalar(self) -> bool:
        """Is the output one number, a loss?"""
        return self.out.ndim == 0

    def label(self, name: str) -> str:
        """What the gradient of an argument is called."""
        return self.subject.label(name)

    def a(self, name: str) -> Array:
        analytic = self.results[name].analytic
        assert analytic is not None
        return analytic

    def n(self, name: str) -> Array:
        return self.results[name].numeric

    def raw(self, name: str) -> Array | None:
        """What backward returned for an argument as an array of any shape, None if it is none."""
        value = self.trial.gradients.get(name)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and np.isfinite(value).all():
            return value.astype(np.float64)
        return None

    @cached_property
    def well_behaved(self) -> bool:
        """Can backward be called again and again on one cache?"""
        return not any(finding.weight >= 0.9 for finding in self.trial.findings if finding.name not in _HARMLESS)

    def output_at(self, moved: Params) -> Any:
        """The output with some arrays replaced; None if forward raises."""
        try:
            return np.asarray(self.subject.forward({**self.subject.copies(), **moved}, self.seed)[0], np.float64)
        except (CodeRaised, Malformed):
            return None

    def gradients_for(self, dout: Any, moved: Params | None = None) -> dict[str, Array] | None:
        """What backward returns for another upstream gradient, and with some arrays replaced; None if it raises."""
        try:
            _, cache = self.subject.forward({**self.subject.copies(), **(moved or {})}, self.seed)
            return self._read(self.subject.backward(dout, cache)[0])
        except (CodeRaised, Malformed):
            return None

    def _read(self, gradients: dict[str, Any]) -> dict[str, Array]:
        return {name: np.array(g, np.float64) for name, g in gradients.items() if _is_array_like(g, self.arrays[name])}

    # --- how each output depends on each entry -----------------------------------------------------------------------------

    def measured(self, name: str) -> Array | None:
        """Numeric Jacobian (entries, outputs): the slope of each output along each entry; None if it was not kept."""
        return self.results[name].jacobian

    def claimed(self, name: str) -> Array | None:
        """Backward's Jacobian (entries, outputs): what it returns for a dout that is 1 at one output, 0 elsewhere.

        None for too many outputs, for code that can't be called repeatedly, and where backward is not linear in dout.
        """
        if self._claimed is None:
            self._claimed = self._claim() if self.out.size <= MOST_OUTPUTS and self.well_behaved else {}
        return self._claimed.get(name)

    def _claim(self) -> dict[str, Array]:
        if not self.subject.has_upstream:
            return {}
        shape = self.out.shape
        found = {name: np.zeros((x.size, self.out.size)) for name, x in self.arrays.items()}
        try:
            _, cache = self.subject.forward(self.subject.copies(), self.seed)
            quickest = math.inf  # the quickest of a few calls: a busy machine must not change a diagnosis
            for i in range(self.out.size):
                if i == 8 and quickest * self.out.size > MOST_STEPS * naive_step():
                    return {}
                one = np.zeros(shape)
                one.flat[i] = 1.0
                start = time.perf_counter()
                gradients = self._read(self.subject.backward(one if shape else 1.0, cache)[0])
                quickest = min(quickest, time.perf_counter() - start)
                for name in list(found):
                    if name in gradients:
                        found[name][:, i] = gradients[name].ravel()
                    else:
                        del found[name]
        except (CodeRaised, Malformed):
            return {}
        flat = self.dout.ravel()
        return {
            name: jacobian
            for name, jacobian in found.items()
            if self.results[name].analytic is not None and close(jacobian @ flat, self.a(name).ravel(), 1e-6)
        }

    @cached_property
    def doubled(self) -> dict[str, Array] | None:
        """Gradients for twice the dout."""
        return self.gradients_for(2 * self.trial.dout) if self.subject.has_upstream else None

    @cached_property
    def negated(self) -> dict[str, Array] | None:
        """Gradients for -dout."""
        return self.gradients_for(-self.trial.dout) if self.subject.has_upstream else None


_HARMLESS = {"wrong shape", "gradient missing", "forward wrong", "dout changed in place", "ties all get the gradient"}


def _is_array_like(gradient: Any, x: Array) -> bool:
    numbers = isinstance(gradient, (np.ndarray, np.generic, float)) and np.asarray(gradient).dtype.kind in "fiub"
    return numbers and np.shape(gradient) == x.shape
