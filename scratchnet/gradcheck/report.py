"""What a check found, and how it is shown."""

import math
from dataclasses import dataclass, field

from scratchnet.gradcheck.numeric import Index
from scratchnet.gradcheck.subject import label
from scratchnet.typing import Array

ZERO = 1e-9  # a numeric gradient of this size is nothing but rounding


@dataclass(eq=False)
class ArgumentResult:
    """The gradient of one argument: what backward says, and what was measured."""

    name: str  # of the argument: x, w, 2.w
    analytic: Array | None  # what backward returned; None if that is no array
    numeric: Array  # of the argument's shape; nan where nothing was measured
    checked: int = 0  # how many entries were compared ..
    size: int = 0  # .. of how many
    wrong: int = 0  # how many of the checked ones are too far off
    max_error: float = math.nan  # largest |analytic - numeric|; nan if they can't be compared
    scale: float = 0.0  # largest |numeric|
    worst: Index | None = None  # where max_error is
    wrong_at_kinks: int = 0  # how many of the wrong ones are at kinks
    kinks: dict[Index, tuple[float, float]] = field(default_factory=dict)  # where f has one: slopes to the left and right
    message: str = ""  # what is wrong, other than single entries
    doubt: str = ""  # why it can't be called right, though nothing wrong was found

    @property
    def relative_error(self) -> float:
        """max |analytic - numeric| / max |numeric|."""
        if self.scale == 0:
            return math.inf if self.max_error > 0 else self.max_error
        return self.max_error / self.scale

    @property
    def status(self) -> str:
        """ok, WRONG, or UNCLEAR: nothing found wrong, but too much could not be compared."""
        if self.message or self.wrong:
            return "WRONG"
        return "UNCLEAR" if self.doubt else "ok"

    @property
    def passed(self) -> bool:
        return self.status == "ok"

    def __str__(self) -> str:
        """One line: what was found, without the name."""
        parts = [self.message] if self.message else []
        if self.wrong or not self.message:
            parts.append(f"largest difference {self.max_error:.2g} {self._compared_with()}")
        if self.wrong and self.checked > 1:
            parts.append(f"{self.wrong} of {self.checked} wrong")
        if 0 < self.checked < self.size:
            parts.append(f"{self.checked} of {self.size} entries checked")
        if self.kinks:
            parts.append(f"{len(self.kinks)} of {self.checked} at kinks, the first at {next(iter(self.kinks))}")
        if self.wrong and self.wrong == self.wrong_at_kinks:
            parts.append("all that is wrong is at kinks: check inputs without zeros and ties as well")
        if self.status == "UNCLEAR":
            parts.append(self.doubt)
        return "; ".join(parts)

    @property
    def worst_values(self) -> tuple[float, float]:
        """(analytic, numeric) at ``worst``; nan if nothing was compared."""
        if self.worst is None or self.analytic is None:
            return math.nan, math.nan
        return float(self.analytic[self.worst]), float(self.numeric[self.worst])

    def _compared_with(self) -> str:
        if not self.wrong:
            return f"of {self.scale:.2g}" if self.scale > ZERO else "(it is 0 everywhere)"
        if self.worst in self.kinks:
            left, right = self.kinks[self.worst]
            return (
                f"at {self.worst}: yours {self.worst_values[0]:.6g}, slope {left:.6g} to the left, {right:.6g} to the right"
            )
        yours, numeric = two_numbers(*self.worst_values)
        return f"at {self.worst}: yours {yours}, numeric {numeric}"


@dataclass(eq=False)
class Report:
    """All that one check found. True if the gradients are right."""

    title: str
    results: dict[str, ArgumentResult] = field(default_factory=dict)  # in the arguments' order
    problems: list[str] = field(default_factory=list)  # everything wrong but plain differences, one line each

    @property
    def passed(self) -> bool:
        return bool(self.results) and not self.problems and all(result.passed for result in self.results.values())

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        """A table with a line for each gradient, then the problems."""
        rows = [(label(r.name), str(r.numeric.shape), r.status, str(r)) for r in self.results.values()]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = ["  ".join([*(cell.ljust(n) for cell, n in zip(row[:3], widths, strict=True)), row[3]]) for row in rows]
        shown = {result.message for result in self.results.values()}
        return "\n".join(lines + [f"problem: {problem}" for problem in self.problems if problem not in shown])


def two_numbers(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ."""
    for digits in (3, 6, 9, 12):
        texts = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts
