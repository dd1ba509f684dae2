"""What a notebook calls: ``check``, ``hint``, ``solution``, and ``learner``, by which a lesson goes on with their code.

One session is one Python process: it remembers what the last check of each exercise said.
"""

from __future__ import annotations

import functools
import html
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from scratchnet.gradcheck import check as check_gradients
from scratchnet.gradcheck.report import MORE, Report

from . import library, progress
from .blanks import blanks, unwrapped

Function = Callable[..., Any]
Code = TypeVar("Code", Function, tuple[Function, ...])

PASSED, WRONG, OPEN = "passed", "wrong", "open"


@dataclass(eq=False)
class Verdict:
    """What a check says about one exercise. True if the learner's code is right."""

    id: str
    title: str
    status: str  # PASSED, WRONG or OPEN: not written yet
    text: str  # what is to be said about it
    report: Any = None  # what the exercise's own check returned
    remark: str = ""

    def __bool__(self) -> bool:
        return self.status == PASSED

    @property
    def head(self) -> str:
        said = {PASSED: "passed", WRONG: "not right yet", OPEN: "not written yet"}[self.status]
        return f"{self.id}  {self.title}: {said}"

    def __str__(self) -> str:
        return "\n".join(part for part in (self.head, self.text, self.remark) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour, sign = {PASSED: ("#00654A", "✓"), WRONG: ("#A84300", "✗"), OPEN: ("#0072B2", "…")}[self.status]
        body = f'<pre style="white-space:pre-wrap;margin:4px 0">{html.escape(self.text)}</pre>' if self.text else ""
        if self.status == WRONG and hasattr(self.report, "_repr_html_"):
            body = self.report._repr_html_()
        remark = f'<p style="margin:2px 0;color:#555">{html.escape(self.remark)}</p>' if self.remark else ""
        head = f'<p style="margin:0 0 4px"><b style="color:{colour}">{sign} {html.escape(self.head)}</b></p>'
        return f'<div style="border-left:4px solid {colour};padding:2px 0 2px 10px">{head}{body}{remark}</div>'


class Text(str):
    """Markdown that a notebook shows as such, and a terminal as it is."""

    def _repr_markdown_(self) -> str:
        return str(self)

    __repr__ = str.__str__


_last: dict[str, tuple[tuple[Function, ...], Verdict]] = {}  # by exercise: the functions checked last, and what was said
_calls: dict[str, dict[str, int]] = {}  # by exercise: how often the lesson called each of the learner's functions
_whose: dict[str, str] = {}
_checking: list[str] = []  # not empty while a check runs, whose calls of other exercises' functions do not count
_watchers: list[Callable[[Verdict], None]] = []  # told of every check; the grader listens


def check(id: str, *functions: Function) -> Verdict:
    """Is the learner's code right? Says what is wrong with it; for a stub that it is not written yet, with the first hint.

    Errors    ValueError if there is no such exercise, TypeError if it asks for other functions
    """
    verdict = _examine(id, functions)
    if verdict.status != OPEN:
        try:
            progress.record(Path(), id, bool(verdict))
        except (OSError, ValueError) as error:
            verdict.remark = "; ".join(filter(None, [verdict.remark, f"progress is not kept: {error}"]))
    for watcher in _watchers:
        watcher(verdict)
    return verdict


def gradient_check(target: Any, *args: Any, **settings: Any) -> Report:
    """``scratchnet.gradcheck.check``; its report does not name the lesson that the reader is in as what to read."""
    report = check_gradients(target, *args, **settings)
    report.lesson = next((int(id.partition(".")[0]) for id in reversed(_last)), None)
    return report


def hint(id: str, level: int = 1) -> Text:
    """A hint, from 1 (a question) to 3 (nearly the code).

    Errors    ValueError if there is no such exercise or level
    """
    hints = library.exercise(id).hints
    if level not in range(1, len(hints) + 1):
        raise ValueError(f"hint: the level must be in 1 .. {len(hints)}, got {level!r}")
    more = f'\n\n*Next: `hint("{id}", {level + 1})`*' if level < len(hints) else f'\n\n*Next: `solution("{id}")`*'
    return Text(f"**Hint {level} for {id}.** {hints[level - 1]}{more}")


def solution(id: str) -> Text:
    """The solution, and how one comes to it."""
    exercise = library.exercise(id)
    return Text(f"**Solution of {id}, {exercise.title}**\n\n{exercise.derivation}\n\n```python\n{exercise.solution}\n```")


def learner(id: str, mine: Code, library_code: Code | None = None) -> Code:
    """The code that the lesson goes on with: the learner's if the check found it right, else the library's.

    A function, or a tuple of functions as a layer's ``functions=`` takes it; their calls are counted (``whose_code``).
    Where the library has no such function leave it out: the worked solution stands in.

    Code that was not checked since it was written is not used; a line says so.

    Errors    TypeError if the two are not the same number of functions
    """
    functions = mine if isinstance(mine, tuple) else (mine,)
    others = functions if library_code is None else library_code if isinstance(library_code, tuple) else (library_code,)
    if len(functions) != len(others):
        raise TypeError(f"learner: {id} stands for {len(functions)} functions, the library's are {len(others)}")
    checked, said = _last.get(id, ((), None))
    verdict = said if set(map(unwrapped, functions)) <= set(checked) else None  # None: written anew since its last check
    _whose[id] = "yours" if verdict else "the library's" if library_code else "the lesson's"
    _calls[id] = dict.fromkeys((_name(f) for f in functions), 0)
    if not verdict:
        states = {OPEN: "not written yet", WRONG: "not right yet"}
        state = states[verdict.status] if verdict is not None else f'not checked yet (run the cell with check("{id}", ...))'
        print(f"{id} is {state}: the lesson goes on with {_whose[id]} {_names(functions)}")
        return library_code if library_code is not None else _solved(id, mine)
    print(f"{id}: the lesson goes on with your {_names(functions)}")
    counted = tuple(_counted(id, function) for function in functions)
    return counted if isinstance(mine, tuple) else counted[0]


def _solved(id: str, mine: Code) -> Code:
    """The worked solution's functions of the same names."""
    names = [_name(function) for function in (mine if isinstance(mine, tuple) else (mine,))]
    first = unwrapped(mine[0] if isinstance(mine, tuple) else mine)
    namespace = dict(getattr(first, "__globals__", {}))  # the solution may use what the notebook has imported and defined
    exec(library.exercise(id).solution, namespace)
    found = tuple(namespace[name] for name in names)
    return found if isinstance(mine, tuple) else found[0]


def calls(id: str) -> dict[str, int]:
    """How often the lesson has called each of the learner's functions, by name; all 0 if it uses the library's."""
    return dict(_calls.get(id, {}))


def whose_code() -> Text:
    """A table: which of the functions in this lesson were the learner's, and how often they were called."""
    rows = ["| exercise | function | whose | calls |", "|---|---|---|---|"]
    for id, owner in _whose.items():
        rows += [f"| {id} | `{name}` | {owner} | {n if owner == 'yours' else ''} |" for name, n in _calls[id].items()]
    return Text("\n".join(rows))


def watch(watcher: Callable[[Verdict], None]) -> None:
    """Have ``watcher`` called with every verdict from now on."""
    _watchers.append(watcher)


def begin() -> None:
    """Forget all checks, counts and watchers, as in a new process."""
    for memory in _last, _calls, _whose, _watchers:
        memory.clear()


def _examine(id: str, functions: tuple[Function, ...]) -> Verdict:
    exercise = library.exercise(id)
    wanted = exercise.asks_for
    if len(functions) != len(wanted) or not all(map(callable, functions)):
        raise TypeError(f'check("{id}") asks for your {" and ".join(wanted)}: check("{id}", {", ".join(wanted)})')
    functions = tuple(map(unwrapped, functions))
    empty = [f"{what} in {_name(f)}" if len(functions) > 1 else what for f in functions for what in blanks(f)]
    borrowed = [_name(f) for f in functions if str(getattr(f, "__module__", "")).split(".")[0].startswith("scratchnet")]
    if empty:
        stubs = _names(tuple(f for f in functions if blanks(f)))
        places = (
            f"... still stands for {', '.join(empty)}.\n"
            f"If you have written it: this is the stub. Does your cell define {stubs}, and is it the last one run that does?"
        )
        first = f"Hint 1 of {len(exercise.hints)}: {exercise.hints[0]}"
        verdict = Verdict(id, exercise.title, OPEN, "\n".join([places, _filled(first), f'More: hint("{id}", 2)']))
    elif borrowed:
        verdict = Verdict(id, exercise.title, WRONG, f"{', '.join(borrowed)} comes from the library; write your own.")
    else:
        _checking.append(id)
        try:
            report = _first_wrong(exercise.examine(*functions))
        finally:
            _checking.pop()
        if isinstance(report, Report):
            report.lesson = int(id.split(".")[0])
        said = str(report).replace(MORE, f'hint("{id}", 2) says more')
        remark = "" if report.passed or "says more" in said else f'hint("{id}", 2) says more'
        verdict = Verdict(id, exercise.title, PASSED if report.passed else WRONG, said, report, remark)
    _last[id] = functions, verdict
    return verdict


def _first_wrong(reports: Any) -> Any:
    """The first report that is not right, or the last one; what comes after a wrong one is not even made."""
    report = None
    for report in [reports] if hasattr(reports, "passed") else reports:
        if not report.passed:
            break
    return report


def _filled(text: str) -> str:
    """Markdown's paragraphs in lines of one width; code blocks as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(part if "```" in part else textwrap.fill(part, 100) for part in paragraphs)


def _counted(id: str, function: Function) -> Function:
    @functools.wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        _calls[id][_name(function)] += not _checking
        return function(*args, **kwargs)

    return counted


def _name(function: Function) -> str:
    return str(getattr(function, "__name__", "function"))


def _names(functions: tuple[Function, ...]) -> str:
    return " and ".join(map(_name, functions))
