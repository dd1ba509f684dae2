"""What a check found, and how it is shown."""

from __future__ import annotations

import math
import re
import textwrap
from dataclasses import dataclass, field, replace

import numpy as np

from scratchnet.gradcheck.catalogue import LESSONS, Diagnosis, in_words
from scratchnet.gradcheck.numeric import Index
from scratchnet.gradcheck.subject import label
from scratchnet.layers.base import require
from scratchnet.typing import Array

NEARLY = 0.07  # a diagnosis whose score is no more than this below the best one is worth mentioning
SURE = 0.5  # the least score of a further mistake that is mentioned
MORE = "for a stronger hint: keep what this check returns as report, then print(report.hint(strong=True))"
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
    called: str = ""  # the name of what ``message`` says, if it is in the catalogue
    jacobian: Array | None = field(default=None, repr=False)  # (entries, outputs): the slope of each output, if measured
    title: str = ""  # what the code calls it, if that is known
    kind: str = "numeric gradient"  # what ``numeric`` is
    measure: str = "numeric"  # what it is compared with
    elsewhere: bool = False  # what ``message`` says shows at another input: these two gradients agree

    @property
    def label(self) -> str:
        """dx."""
        return self.title or label(self.name)

    @property
    def shape(self) -> str:
        """(5, 4)."""
        return str(self.numeric.shape)

    @property
    def wrong_entries(self) -> Array:
        """True where the gradient is wrong, of the argument's shape."""
        tolerance = 1e-6 * self.scale + 1e-9
        if self.analytic is None or self.analytic.shape != self.numeric.shape:
            return np.ones(self.numeric.shape, bool)
        wrong: Array = np.abs(self.analytic - self.numeric) > tolerance
        for index, (left, right) in self.kinks.items():
            low, high = min(left, right) - tolerance, max(left, right) + tolerance
            wrong[index] = not low <= self.analytic[index] <= high
        return wrong

    @property
    def drawable(self) -> bool:
        """Are there two gradients to lay side by side, in which the mistake can be seen?"""
        return not self.elsewhere and self.analytic is not None and self.analytic.shape == self.numeric.shape

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
            parts.append(f"largest difference {self.max_error:.2g}{self._compared_with()}")
            if self.scale > ZERO:
                parts.append(f"largest {self.kind} {self.scale:.2g}")
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

    @property
    def place(self) -> str:
        """Where the largest difference is."""
        return f"at {self.worst}"

    def _compared_with(self) -> str:
        if not self.wrong:
            return "" if self.scale > ZERO else " (it is 0 everywhere)"
        if self.worst in self.kinks:
            left, right = self.kinks[self.worst]
            return f" {self.place}: yours {self.worst_values[0]:.6g}, slope {left:.6g} to the left, {right:.6g} to the right"
        yours, numeric = two_numbers(*self.worst_values)
        return f" {self.place}: yours {yours}, {self.measure} {numeric}"


@dataclass(eq=False)
class Likely:
    """A diagnosis and what speaks for it."""

    diagnosis: Diagnosis
    evidence: tuple[str, ...]  # in numbers, the best first
    score: float = 0.0  # 0 .. 1
    explains: tuple[str, ...] = ()  # arguments whose gradients it accounts for
    detail: str = ""  # the mistake to the letter, if it is known
    also_lesson: int | None = None  # the lesson that derives this operation

    @property
    def name(self) -> str:
        return self.diagnosis.name

    @property
    def strong_hint(self) -> str:
        """Where to look, and the mistake to the letter."""
        return self.diagnosis.strong_hint + (f" Yours looks like this: {self.detail}." if self.detail else "")

    def in_words(self, words: dict[str, str], keep: set[str]) -> Likely:
        """The same with the words that the code has for things; evidence in ``keep`` stays as it is."""
        evidence = tuple(text if text in keep else in_words(text, words) for text in self.evidence)
        diagnosis, detail = self.diagnosis.in_words(words), in_words(self.detail, words)
        return replace(self, diagnosis=diagnosis, evidence=evidence, detail=detail)

    def lessons(self, but: int | None = None) -> str:
        """Where to read on, other than in lesson ``but``; "" if nowhere."""
        numbers = [number for number in (self.diagnosis.lesson, self.also_lesson) if number and number != but]
        return " and ".join(f"lesson {number} ({LESSONS[number]})" for number in numbers)


@dataclass(eq=False, repr=False)
class Report:
    """All that one check found. True if the gradients are right.

    ``print(report)`` shows a line for each gradient and, if something is wrong, what the mistake is likely to be, with a
    hint that leaves the finding to you; ``report.hint(strong=True)`` says more. In a notebook a report shows itself as a
    table; ``scratchnet.viz.gradients(report)`` draws your gradient beside the numeric one.
    """

    title: str
    results: dict[str, ArgumentResult] = field(default_factory=dict)  # in the arguments' order
    problems: list[str] = field(default_factory=list)  # everything wrong but plain differences, one line each
    diagnoses: list[Likely] = field(default_factory=list)  # what the mistake may be, the likeliest first
    notes: list[str] = field(default_factory=list)  # what looks like a mistake and is none
    call: str = ""  # what the code was called with, said if something is wrong
    lesson: int | None = None  # the lesson that the reader is in: it is not named as what to read

    @property
    def passed(self) -> bool:
        return bool(self.results) and not self.problems and all(result.passed for result in self.results.values())

    def __bool__(self) -> bool:
        return self.passed

    def hint(self, strong: bool = False, which: int = 0) -> str:
        """How to find the mistake: a question, or with ``strong=True`` where to look. ``which`` 1 is the second diagnosis.

        Errors    ValueError if there are not so many diagnoses
        """
        if self.passed:
            return "nothing to find: the gradients are right"
        require(0 <= which < len(self.diagnoses), f"hint: which must be in 0 .. {len(self.diagnoses) - 1}, got {which}")
        likely = self.diagnoses[which]
        return likely.strong_hint if strong else likely.diagnosis.hint

    def others(self) -> list[tuple[str, Likely, str]]:
        """(how it stands to the first diagnosis, diagnosis, reason) for those of the others that are worth a look.

        These are further mistakes, in gradients that the first one leaves unexplained, and what is nearly as likely. A
        gradient that is 0 everywhere looks like many mistakes, and none of them is worth a look before it is filled.
        """
        if not self.diagnoses:
            return []
        (first, *rest), found = self.diagnoses, []
        known = set(first.explains)
        for likely in rest:
            names = [name for name in likely.explains if name not in known]
            more = [self.results[name].label if name in self.results else label(name) for name in names]
            because = likely.evidence[0] if likely.evidence else ""
            if known and more and likely.score >= SURE:
                found.append((f"also, for {', '.join(more)}", likely, because))
                known |= set(likely.explains)
            elif first.score - likely.score <= NEARLY and first.name != "gradient zero":
                found.append(("less likely", likely, f"{because}, but other mistakes do that as well"))
        return found[:2]

    def __str__(self) -> str:
        """A table with a line for each gradient, then the problems, and what the mistake is likely to be."""
        rows = [(self.row_name(r.name), r.shape, r.status, str(r)) for r in self.results.values()]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = ["  ".join([*(cell.ljust(n) for cell, n in zip(row[:3], widths, strict=True)), row[3]]) for row in rows]
        shown = {result.message for result in self.results.values()}
        lines += [f"problem: {problem}" for problem in self.problems if problem not in shown]
        lines += [f"called with {self.call}"] * bool(self.call and not self.passed)
        lines += [f"note: {note}" for note in self.notes]
        if self.diagnoses and not self.passed:
            lines += ["", *self._diagnosis_lines()]
        return "\n".join(lines)

    __repr__ = __str__  # a report that is a cell's or a prompt's last value is to be read

    def row_name(self, name: str) -> str:
        """dx; said in full where backward returns a single gradient, whose name is ours and not the code's."""
        result = self.results[name]
        ours = len(self.results) == 1 and len(name) > 1 and not result.title
        return f"{result.label} (gradient of {name})" if ours else result.label

    def _diagnosis_lines(self) -> list[str]:
        first = self.diagnoses[0]
        shown = {*self.problems, *(result.message for result in self.results.values())}
        seen = [evidence for evidence in first.evidence if evidence not in shown]
        lines = [
            f"likely mistake: {first.name}",
            *(line for evidence in seen for line in _paragraph("seen: ", evidence)),
            *_paragraph("", first.diagnosis.says),
            *_paragraph("hint: ", first.diagnosis.hint),
            *(_paragraph("read: ", read) if (read := first.lessons(self.lesson)) else ()),
            f"  {MORE}",
        ]
        for stands, likely, reason in self.others():
            lines += _paragraph(f"{stands}: ", f"{likely.name} ({reason})")
        return lines

    def _repr_html_(self) -> str:
        from scratchnet.gradcheck.html import report_html

        return report_html(self)


def _paragraph(start: str, text: str) -> list[str]:
    """Lines of a report; an index such as (0, 1) or [0, 1] is not broken."""
    whole = re.sub(r"[([][\d, ]+[)\]]", lambda index: index[0].replace(" ", "\N{NO-BREAK SPACE}"), start + text)
    lines = textwrap.wrap(whole, 100, initial_indent="  ", subsequent_indent="  " + " " * len(start))
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def two_numbers(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ."""
    for digits in (3, 6, 9, 12):
        texts = f"{a + 0.0:.{digits}g}", f"{b + 0.0:.{digits}g}"  # + 0.0: no -0
        if texts[0] != texts[1]:
            break
    return texts
