"""From a lesson's source to its executed notebook, and whether the two agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from . import library

MOST_BYTES = 400_000
TIME_LIMIT = 300  # seconds for one cell


def notebook_of(lesson: library.Lesson) -> dict[str, Any]:
    """The lesson's source as a notebook without outputs (nbformat 4.5). The same source gives the same notebook."""
    cells = []
    for index, cell in enumerate(lesson.cells):
        tags = {"tags": list(cell.tags)} if cell.tags else {}
        fields: dict[str, Any] = {"cell_type": cell.kind, "id": f"{lesson.number:02d}-{index:02d}", "metadata": tags}
        if cell.kind == "code":
            fields |= {"execution_count": None, "outputs": []}
        cells.append(fields | {"source": cell.source.splitlines(keepends=True)})
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "scratchnet": {"lesson": lesson.number, "made_from": lesson.digest},
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def build(lesson: library.Lesson) -> int:
    """Run the lesson in a kernel and write its notebook, with outputs; returns its size in bytes.

    Errors    ImportError without the extra "lessons"; ValueError if a cell fails, warns, or the notebook is too large
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.reads(json.dumps(notebook_of(lesson)), as_version=4)
    where = {"metadata": {"path": str(lesson.notebook.parent)}}
    try:
        NotebookClient(notebook, timeout=TIME_LIMIT, kernel_name="python3", resources=where).execute()
    except CellExecutionError as error:
        raise ValueError(f"{lesson.source.name}: a cell fails: {error.ename}: {error.evalue}") from error
    made = json.loads(nbformat.writes(notebook))
    made["metadata"] = notebook_of(lesson)["metadata"]
    for cell in made["cells"]:
        cell["metadata"].pop("execution", None)  # at what time it ran
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise ValueError(f"{lesson.source.name}: a cell writes to stderr: {''.join(output['text'])[:300]}")
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    size = len(text.encode())
    if size > MOST_BYTES:
        raise ValueError(f"{lesson.notebook.name} would have {size} bytes, at most {MOST_BYTES} are wanted")
    lesson.notebook.write_text(text, encoding="utf-8", newline="\n")
    return size


def problems(lesson: library.Lesson) -> Iterator[str]:
    """In what a notebook does not agree with its source; nothing if it does."""
    name = lesson.notebook.name
    if not lesson.notebook.exists():
        yield f"{name} is missing: scratchnet lessons build {lesson.number}"
        return
    notebook = json.loads(lesson.notebook.read_text(encoding="utf-8"))
    wanted = notebook_of(lesson)
    if [_essence(cell) for cell in notebook["cells"]] != [_essence(cell) for cell in wanted["cells"]]:
        yield f"{name} holds other cells than {lesson.source.name}"
    elif notebook["metadata"] != wanted["metadata"]:
        yield f"{name} was run before {lesson.source.name} or its exercises were last changed"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        yield f"{name} was not run from top to bottom"
    if any(output["output_type"] == "error" for cell in code for output in cell["outputs"]):
        yield f"{name} holds an error"
    if lesson.notebook.stat().st_size > MOST_BYTES:
        yield f"{name} is larger than {MOST_BYTES} bytes"
    yield from _read_otherwise(lesson)


def _essence(cell: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    return cell["cell_type"], "".join(cell["source"]), tuple(cell["metadata"].get("tags", ()))


def _read_otherwise(lesson: library.Lesson) -> Iterator[str]:
    """Authors edit the source through jupytext: where that is installed it must see the cells that we see."""
    try:
        import jupytext
    except ImportError:
        return
    theirs = [(cell.cell_type, cell.source) for cell in jupytext.read(lesson.source, fmt="py:percent").cells]
    if theirs != [(cell.kind, cell.source) for cell in lesson.cells]:
        yield f"{lesson.source.name}: jupytext reads other cells from it than scratchnet does"
