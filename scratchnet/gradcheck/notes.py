"""What looks like a mistake and is none: it is said, so that nobody looks for it."""

from typing import Any

import numpy as np

from scratchnet.gradcheck.catalogue import NOT_A_BUG
from scratchnet.gradcheck.report import ZERO, ArgumentResult
from scratchnet.gradcheck.subject import label
from scratchnet.typing import Array, Params

TINY = 1e-6  # a gradient smaller than this is compared by the absolute tolerance


def notes_on(results: dict[str, ArgumentResult], arrays: Params, args: tuple[Any, ...]) -> list[str]:
    """One line for each thing that was noticed and excused."""
    found = []
    for name, result in results.items():
        what = label(name)
        if result.analytic is None or result.message or not result.checked:
            continue
        if result.kinks and not result.wrong_at_kinks:
            kind = "tie" if len(result.kinks) > 1 and _are_ties(result, arrays[name]) else "kink"
            found.append(f"{what} at {len(result.kinks)} kinks, no mistake: {NOT_A_BUG[kind]}")
        largest = max(result.scale, float(np.abs(result.analytic).max(initial=0)))
        if largest <= ZERO and not result.wrong:
            found.append(f"{what} is 0, no mistake: {NOT_A_BUG['flat loss']}")
        elif largest < TINY and not result.wrong:
            found.append(f"{what} is at most {largest:.1g}: {NOT_A_BUG['tiny gradient']}")
    if any(isinstance(arg, np.ndarray) and arg.dtype.kind == "f" and arg.dtype != np.float64 for arg in args):
        found.append(f"checked in float64: {NOT_A_BUG['float32 rounding']}")
    return found


def _are_ties(result: ArgumentResult, x: Array) -> bool:
    """Has each kink's entry the value of another entry?"""
    values = [x[index] for index in result.kinks]
    return all((np.isclose(x, value, rtol=0, atol=1e-9)).sum() > 1 for value in values) and any(values)
