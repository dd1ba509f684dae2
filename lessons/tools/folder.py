"""A learner's own folder of notebooks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from . import library, progress


def copy(folder: Path) -> tuple[list[Path], list[Path]]:
    """Copy all notebooks and their pictures into a folder, which is made if it is not there: (copied, left as they were).

    A notebook that is there already is the learner's, and stays as it is.

    Errors    ValueError if there are no notebooks to copy; OSError if the folder can't be written
    """
    notebooks = [lesson.notebook for lesson in library.lessons() if lesson.notebook.exists()]
    if not notebooks:
        raise ValueError(f"there are no notebooks in {library.FOLDER}: scratchnet lessons build makes them")
    folder.mkdir(parents=True, exist_ok=True)
    copied, kept = [], []
    for notebook in notebooks:
        target = folder / notebook.name
        if target.exists():
            kept.append(target)
        else:
            shutil.copyfile(notebook, target)
            copied.append(target)
    return copied, kept


def overview(folder: Path) -> list[dict[str, Any]]:
    """Each lesson, with what was passed in that folder: {"lesson", "title", "minutes", "exercises", "passed", "tried"}.

    Errors    as ``progress.read``
    """
    done = progress.read(folder)
    rows = []
    for lesson in library.lessons():
        ids = [exercise.id for exercise in lesson.exercises]
        passed = [id for id in ids if done.get(id, {}).get("passed")]
        rows.append(
            {
                "lesson": lesson.number,
                "title": lesson.title,
                "minutes": lesson.minutes,
                "notebook": str(lesson.notebook),
                "exercises": ids,
                "passed": passed,
                "tried": [id for id in ids if id in done and id not in passed],
            }
        )
    return rows
