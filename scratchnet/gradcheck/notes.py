"""What looks like a mistake and is none, and how the code was read: it is said, so that nobody looks for it."""

from typing import Any

import numpy as np

from scratchnet.gradcheck.catalogue import NOT_A_BUG
from scratchnet.gradcheck.learners import like_labels
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ZERO, ArgumentResult, Report
from scratchnet.gradcheck.subject import Subject
from scratchnet.typing import Array

TINY = 1e-6  # a gradient smaller than this is compared by the absolute tolerance


def notes_on(subject: Subject, trial: Trial, report: Report, args: tuple[Any, ...]) -> list[str]:
    """One line for each thing that was noticed and excused, or taken for granted."""
    found = list(subject.assumed) if not report.passed else []
    if not subject.has_upstream and np.size(trial.out) > 1:
        called = subject.title.partition(", ")[0]  # of two functions the first
        called = called if called.isidentifier() else "f"
        said = f"checked as the gradient of {called}({', '.join(subject.arrays)}).sum()"
        found.append(f"{said}, since backward takes no upstream gradient")
    found += _without_need(subject, trial)
    for name, result in report.results.items():
        what = subject.label(name)
        if result.analytic is None or result.message or not result.checked:
            continue
        if result.kinks and not result.wrong_at_kinks:
            kind = "tie" if len(result.kinks) > 1 and _are_ties(result, subject.arrays[name]) else "kink"
            found.append(f"{what} at {len(result.kinks)} kinks, no mistake: {NOT_A_BUG[kind]}")
        largest = max(result.scale, float(np.abs(result.analytic).max(initial=0)))
        if largest <= ZERO and not result.wrong:
            found.append(f"{what} is 0, no mistake: {NOT_A_BUG['flat loss']}")
        elif largest < TINY and not result.wrong:
            found.append(f"{what} is at most {largest:.1g}: {NOT_A_BUG['tiny gradient']}")
    if any(isinstance(arg, np.ndarray) and arg.dtype.kind == "f" and arg.dtype != np.float64 for arg in args):
        found.append(f"checked in float64: {NOT_A_BUG['float32 rounding']}")
    return found


def _without_need(subject: Subject, trial: Trial) -> list[str]:
    """Arguments without a gradient that look as if they needed none: labels, the targets of a loss."""
    missing = [name for name in subject.arrays if trial.gradients and trial.gradients.get(name) is None]
    a_loss = trial.out is not None and np.ndim(trial.out) == 0
    names = [n for n in missing if n != next(iter(subject.arrays)) and (a_loss or like_labels(subject.arrays[n]))]
    by_name = ", ".join(f"{name!r}: {name}" for name in names)
    if not names:
        return []
    these = f"{names[0]} is one of these, hand it" if len(names) == 1 else f"{' and '.join(names)} are such, hand them"
    return [f"labels, targets and settings need no gradient: if {these} over by name, options={{{by_name}}}"]


def _are_ties(result: ArgumentResult, x: Array) -> bool:
    """Has each kink's entry the value of another entry?"""
    values = [x[index] for index in result.kinks]
    return all((np.isclose(x, value, rtol=0, atol=1e-9)).sum() > 1 for value in values) and any(values)
