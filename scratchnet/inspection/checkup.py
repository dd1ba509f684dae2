"""What the doctor found, and how it is shown."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PROBLEM, WARNING, NOTE = "problem", "warning", "note"
"""A problem keeps the network from learning or makes its figures untrue; a warning makes it worse or is likely to; a note is
worth knowing and no fault."""

PASSED = "passed: looked for, and not found"
_SIGNS = {PROBLEM: "PROBLEM", WARNING: "WARNING", NOTE: "note"}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or likely to be: where, the numbers that show it, and what to do."""

    name: str
    severity: str
    where: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Passed:
    """A check that found nothing, and the numbers that show it."""

    name: str
    reason: str


@dataclass(frozen=True)
class NotExamined:
    """A check that could not be made, and why."""

    name: str
    reason: str


Verdict = Finding | Passed | NotExamined


@dataclass(frozen=True)
class Checkup:
    """All that the doctor found. True if the network and its data are healthy: no problem and no warning."""

    subject: str
    verdicts: tuple[Verdict, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Problems, then warnings, then notes; among them, likely causes before their consequences."""
        order = (PROBLEM, WARNING, NOTE)
        return tuple(sorted((v for v in self.verdicts if isinstance(v, Finding)), key=lambda f: order.index(f.severity)))

    @property
    def passed(self) -> tuple[Passed, ...]:
        return tuple(v for v in self.verdicts if isinstance(v, Passed))

    @property
    def not_examined(self) -> tuple[NotExamined, ...]:
        return tuple(v for v in self.verdicts if isinstance(v, NotExamined))

    @property
    def healthy(self) -> bool:
        return all(finding.severity == NOTE for finding in self.findings)

    def __bool__(self) -> bool:
        return self.healthy

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the problems and warnings."""
        return tuple(finding.name for finding in self.findings if finding.severity != NOTE)

    def verdict(self) -> str:
        """The result in one line."""
        counts = [(s, sum(f.severity == s for f in self.findings)) for s in (PROBLEM, WARNING)]
        told = " and ".join(f"{n} {s}{'s' if n > 1 else ''}" for s, n in counts if n)
        if not told:
            return f"healthy: {len(self.passed)} checks passed"
        return f"{told}; {len(self.passed)} checks passed" + (
            ". Begin with the first: what follows may be its consequence." if len(self.names) > 1 else ""
        )

    def __str__(self) -> str:
        blocks = [f"{self.subject}\n{self.verdict()}"]
        for finding in self.findings:
            lines = [f"{_SIGNS[finding.severity]}  {finding.name}  ({finding.where})"]
            lines += _wrapped("why   ", finding.reason) + _wrapped("do    ", finding.remedy)
            blocks.append("\n".join(lines))
        blocks += [_listed(PASSED, self.passed)] if self.passed else []
        blocks += [_listed("not examined", self.not_examined)] if self.not_examined else []
        return "\n\n".join(blocks)

    def _repr_html_(self) -> str:
        colour = {PROBLEM: "#D55E00", WARNING: "#E69F00", NOTE: "#0072B2"}
        boxes = [
            f'<div style="border-left:5px solid {colour[f.severity]};padding:.2em 1em;margin:.7em 0">'
            f"<b>{_SIGNS[f.severity]}: {html.escape(f.name)}</b> ({html.escape(f.where)})<br>{html.escape(f.reason)}"
            f"<br><b>What to do:</b> {html.escape(f.remedy)}</div>"
            for f in self.findings
        ]
        for word, verdicts in ((PASSED, self.passed), ("not examined", self.not_examined)):
            rows = "".join(f"<li><b>{html.escape(v.name)}</b>: {html.escape(v.reason)}</li>" for v in verdicts)
            boxes.append(f"<details><summary>{len(verdicts)} {word}</summary><ul>{rows}</ul></details>" if rows else "")
        heading = f"<p>{html.escape(self.subject)}<br><b>{html.escape(self.verdict())}</b></p>"
        return f'<div style="line-height:1.45">{heading}{"".join(boxes)}</div>'

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "subject": self.subject,
            "healthy": self.healthy,
            "findings": [vars(finding) for finding in self.findings],
            "passed": [vars(passed) for passed in self.passed],
            "not_examined": [vars(skipped) for skipped in self.not_examined],
        }


def _wrapped(word: str, text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=f"    {word}", subsequent_indent=" " * 10, break_on_hyphens=False)


def _listed(heading: str, verdicts: Sequence[Passed | NotExamined]) -> str:
    width = max(len(v.name) for v in verdicts)
    lines = [
        "\n".join(
            textwrap.wrap(
                v.reason,
                118,
                initial_indent=f"    {v.name:{width}s}  ",
                subsequent_indent=" " * (width + 6),
                break_on_hyphens=False,
            )
        )
        for v in verdicts
    ]
    return "\n".join([heading, *lines])
