"""The percent format: a notebook as a Python file, whose cells begin with a line ``# %%``.

    # %% [markdown]
    # # A heading
    # %% tags=["exercise-3.1"]
    def slope(f, x, h):
        return ...

The format is jupytext's, so JupyterLab opens such a file as a notebook. Reading it here needs nothing installed.
"""

import re
from dataclasses import dataclass

_MARKER = re.compile(r'# %%(?P<markdown> \[markdown\])?(?: (?P<title>[^\s"\[].*?))??(?: tags=\[(?P<tags>[^\]]*)\])?\s*')


@dataclass(frozen=True)
class Cell:
    """One cell: kind is "code" or "markdown", line is where its source begins in the file."""

    kind: str
    source: str
    line: int
    title: str = ""
    tags: tuple[str, ...] = ()


def read(text: str, name: str = "this text") -> list[Cell]:
    """The cells of a percent file; what stands before the first one (a header) is left out.

    Errors    ValueError, with the file's name and the line, for a marker or a markdown line that is none
    """
    cells: list[Cell] = []
    open_cell: tuple[re.Match[str], int] | None = None
    body: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate([*lines, "# %%"], 1):
        if not line.startswith("# %%"):
            body.append(line)
            continue
        match = _MARKER.fullmatch(line)
        if match is None:
            raise ValueError(f'{name}, line {number}: wanted "# %%", "# %% [markdown]", a title, tags=[..], got {line!r}')
        if open_cell is not None:
            cells.append(_cell(*open_cell, body, name))
        open_cell, body = (match, number + 1), []
    return cells


def _cell(marker: re.Match[str], line: int, body: list[str], name: str) -> Cell:
    while body and not body[-1].strip():
        body.pop()
    kind = "markdown" if marker["markdown"] else "code"
    if kind == "markdown":
        for i, text in enumerate(body):
            if text != "#" and not text.startswith("# "):
                raise ValueError(f'{name}, line {line + i}: a line of text begins with "# ", got {text!r}')
        body = [text[2:] for text in body]
    tags = tuple(re.findall(r'"([^"]*)"', marker["tags"] or ""))
    return Cell(kind, "\n".join(body), line, marker["title"] or "", tags)
