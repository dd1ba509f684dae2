"""Grading notebooks: their code is run anew, in a process of its own and with a time limit; their outputs count for nothing.

What is graded are the verdicts of the notebook's own calls of ``check``, given by this package to the functions that the
notebook defines. A notebook can't change them by accident or by editing outputs. It is no sandbox: code that sets out to
deceive the grader, or to do harm, can; run notebooks of strangers where that does not matter.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import library

_CHECK = re.compile(r"""check\(\s*["'](\d+)\.\d+["']""")
NOT_CHECKED = "not checked"

# The child finds both packages where this process has found them, installed or not.
_BOOT = """
import importlib.util, json, sys
sys.path[:] = json.loads(sys.argv[1])
folder = sys.argv[2]
name, start = "scratchnet_lessons", folder + "/__init__.py"
spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[folder])
sys.modules[name] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from scratchnet_lessons.tools.grade import run_cells
run_cells(*sys.argv[3:])
"""


def read_notebook(path: Path) -> list[str]:
    """The source of each code cell.

    Errors    ValueError, naming the file, if it is no notebook; OSError if it can't be read
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        return ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no notebook (.ipynb)") from error


def grade(path: Path, time_limit: float = 120) -> dict[str, Any]:
    """What ``scratchnet lessons check --json`` says of one notebook.

    {"file", "lesson", "title", "passed": 2, "of": 3, "problem": "" or why its code stopped,
     "exercises": [{"id", "title", "status": "passed" | "wrong" | "open" | "not checked", "says"}]}

    Errors    ValueError, naming the file, if it is no notebook or holds no exercise; OSError if it can't be read
    """
    sources = read_notebook(path)
    numbers = [int(number) for source in sources for number in _CHECK.findall(source)]
    if not numbers:
        raise ValueError(f"{path} is no lesson: no cell of it calls check(..)")
    lesson = library.lesson(max(set(numbers), key=numbers.count))
    with tempfile.TemporaryDirectory(prefix="scratchnet-grade-", ignore_cleanup_errors=True) as folder:
        results = Path(folder) / "verdicts.jsonl"
        cells = Path(folder) / "cells.json"
        cells.write_text(json.dumps(sources), encoding="utf-8")
        results.touch()
        problem = _run(folder, time_limit, str(cells), str(results))
        lines = results.read_text(encoding="utf-8").splitlines()
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        entry = json.loads(line)
        if "problem" in entry:
            problem = problem or entry["problem"]
        else:
            found[entry["id"]] = entry  # the last check counts
    missing = {"status": NOT_CHECKED, "says": ""}
    exercises = [{"id": e.id, "title": e.title} | found.get(e.id, missing) for e in lesson.exercises]
    return {
        "file": str(path),
        "lesson": lesson.number,
        "title": lesson.title,
        "passed": sum(exercise["status"] == "passed" for exercise in exercises),
        "of": len(exercises),
        "problem": problem,
        "exercises": exercises,
    }


def _run(folder: str, time_limit: float, cells: str, results: str) -> str:
    """Run the cells in a child; "" if it came to its end, else what happened."""
    here = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-c", _BOOT, json.dumps(sys.path), here, cells, results]
    environment = {**os.environ, "SCRATCHNET_FAST": "1", "MPLBACKEND": "agg"}
    with open(Path(folder) / "stderr.txt", "w+", encoding="utf-8", errors="replace") as said:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=os.name == "posix",
        )
        try:
            status = child.wait(time_limit)
        except subprocess.TimeoutExpired:
            return f"stopped after {time_limit:g} s"
        finally:
            _kill(child)
        said.seek(0)
        last = said.read().strip().splitlines()[-1:]
    return "" if status == 0 else f"its process ended with status {status}{': ' if last else ''}{''.join(last)}"


def _kill(child: subprocess.Popen[Any]) -> None:
    """The child, and on POSIX whatever it has started."""
    try:
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except OSError:
        pass  # it has ended by itself
    child.wait()


def run_cells(cells: str, results: str) -> None:
    """In the child: run all cells, and write each verdict down as it comes. A cell's error stops that cell alone."""
    from .cells import namespace, run_cell
    from .session import Verdict, watch

    with open(results, "a", encoding="utf-8") as file:

        def write(entry: dict[str, str]) -> None:
            file.write(json.dumps(entry) + "\n")
            file.flush()

        def note(verdict: Verdict) -> None:
            write({"id": verdict.id, "title": verdict.title, "status": verdict.status, "says": verdict.text})

        watch(note)
        names = namespace()
        for number, source in enumerate(json.loads(Path(cells).read_text(encoding="utf-8")), 1):
            try:
                run_cell(source, names, f"<code cell {number}>")
            except (Exception, SystemExit) as error:
                said = " ".join(str(error).split())
                write({"problem": f"code cell {number} raises {type(error).__name__}: {said}"[:300]})
