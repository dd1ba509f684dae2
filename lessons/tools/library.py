"""The lessons and their exercises, found by their files.

lessons/03_numeric_gradients.ipynb               the notebook: the source, executed
lessons/source/03_numeric_gradients.py           the lesson's source
lessons/source/03_numeric_gradients/3.1.py       an exercise: check, hints, solution, wrong answers
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import percent

FOLDER = Path(__file__).resolve().parents[1]
"""Where the notebooks are; ``source/`` stands in it."""

HINTS = 3


@dataclass(frozen=True)
class Wrong:
    """A student's mistake: the code of the answer's cell, and words that the check's message must hold."""

    promise: str
    code: str


@dataclass(frozen=True)
class Exercise:
    """What stands in an exercise's file; AUTHORING in lessons/README.md says how it is written."""

    id: str
    title: str
    hints: tuple[str, ...]
    derivation: str  # Markdown: how one comes to the solution
    solution: str  # the code of the answer's cell
    wrongs: tuple[Wrong, ...]
    check: str  # code that defines examine(the learner's functions)
    file: str
    check_line: int

    @functools.cached_property
    def examine(self) -> Callable[..., Any]:
        """The check: takes the learner's functions and returns a report, or yields several."""
        namespace: dict[str, Any] = {"__name__": f"scratchnet_lessons.exercise_{self.id.replace('.', '_')}"}
        blank = "\n" * (self.check_line - 1)  # so that a traceback shows the file's own lines
        exec(compile(blank + self.check, self.file, "exec"), namespace)
        return namespace["examine"]

    @property
    def asks_for(self) -> tuple[str, ...]:
        """The names of the functions that the learner writes."""
        return tuple(inspect.signature(self.examine).parameters)


@dataclass(frozen=True)
class Lesson:
    """One lesson: its number, title, minutes and files."""

    number: int
    title: str
    minutes: int
    source: Path

    @property
    def notebook(self) -> Path:
        return self.source.parents[1] / f"{self.source.stem}.ipynb"

    @functools.cached_property
    def cells(self) -> list[percent.Cell]:
        return percent.read(self.source.read_text(encoding="utf-8"), self.source.name)

    @functools.cached_property
    def exercises(self) -> list[Exercise]:
        folder = self.source.with_suffix("")
        files = sorted(folder.glob(f"{self.number}.*.py"), key=lambda file: int(file.stem.partition(".")[2]))
        return [read_exercise(file) for file in files]

    @property
    def digest(self) -> str:
        """A checksum of the source and the exercises: of all that the notebook's outputs come from in this lesson."""
        texts = [self.source, *sorted(self.source.with_suffix("").glob("*.py"))]
        return hashlib.sha256(b"\0".join("\n".join(_lines(file)).encode() for file in texts)).hexdigest()


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()  # whatever the line ends of the checkout


def lessons(folder: Path | None = None) -> list[Lesson]:
    """All lessons, in order.

    Errors    ValueError, naming the file, if one does not begin as a lesson must
    """
    files = sorted(((folder or FOLDER) / "source").glob("[0-9][0-9]_*.py"))
    return [_read_lesson(file) for file in files]


def lesson(number: int) -> Lesson:
    """The lesson of that number.

    Errors    ValueError if there is none
    """
    found = {lesson.number: lesson for lesson in lessons()}
    if number not in found:
        raise ValueError(f"there is no lesson {number}: lessons {', '.join(map(str, found))} are here")
    return found[number]


@functools.cache
def exercise(id: str) -> Exercise:
    """The exercise of that id: "10.2" is the second one of lesson 10.

    Errors    ValueError if there is none
    """
    match = re.fullmatch(r"(\d+)\.(\d+)", str(id))
    if match is None:
        raise ValueError(f'an exercise is called like "10.2", got {id!r}')
    here = lesson(int(match[1])).exercises
    for exercise in here:
        if exercise.id == id:
            return exercise
    raise ValueError(f"there is no exercise {id}: lesson {match[1]} has {', '.join(e.id for e in here) or 'none'}")


def _read_lesson(file: Path) -> Lesson:
    number = int(file.name[:2])
    text = file.read_text(encoding="utf-8")
    title = re.search(rf"^# # Lesson {number}: (.+)$", text, re.MULTILINE)
    minutes = re.search(r"^# \*\*Time\*\* about (\d+) minutes", text, re.MULTILINE)
    if title is None or minutes is None:
        wanted = f'"# # Lesson {number}: .." and "# **Time** about .. minutes"'
        raise ValueError(f"{file}: a lesson begins with a markdown cell that holds the lines {wanted}")
    return Lesson(number, title[1].strip(), int(minutes[1]), file)


def read_exercise(file: Path) -> Exercise:
    """The exercise in a file.

    Errors    ValueError, naming the file, if a part is missing
    """
    cells = percent.read(file.read_text(encoding="utf-8"), str(file))
    parts: dict[str, list[percent.Cell]] = {}
    for cell in cells:
        parts.setdefault("wrong" if cell.title.startswith("wrong: ") else cell.title, []).append(cell)
    counts = {"": 1, "check": 1, "hint": HINTS, "derivation": 1, "solution": 1}
    for part, count in counts.items():
        if len(parts.get(part, ())) != count:
            name = f'"{part}"' if part else "without a title, for its heading"
            raise ValueError(f"{file}: wanted {count} cell{'s' * (count > 1)} {name}, found {len(parts.get(part, ()))}")
    unknown = parts.keys() - counts.keys() - {"wrong"}
    if unknown:
        raise ValueError(f"{file}: no part of an exercise is called {', '.join(map(repr, sorted(unknown)))}")
    check = parts["check"][0]
    return Exercise(
        id=file.stem,
        title=parts[""][0].source.splitlines()[0].lstrip("# ").strip(),
        hints=tuple(cell.source for cell in parts["hint"]),
        derivation=parts["derivation"][0].source,
        solution=parts["solution"][0].source,
        wrongs=tuple(Wrong(cell.title.removeprefix("wrong: "), cell.source) for cell in parts.get("wrong", ())),
        check=check.source,
        file=str(file),
        check_line=check.line,
    )
