"""Running a notebook's code without Jupyter: one cell at a time, in one namespace."""

import ast
import linecache
from typing import Any


def namespace() -> dict[str, Any]:
    """What a notebook's code begins with."""
    return {"__name__": "__main__", "display": lambda *things, **options: None}


def run_cell(source: str, names: dict[str, Any], file: str) -> Any:
    """Run one cell in ``names`` and return the value of its last line if that is an expression, else None.

    Lines that speak to Jupyter alone (%matplotlib inline, !pip) are left out.
    """
    if source.startswith("%%") and not source.startswith("%%time"):
        return None
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
    source = "\n".join(lines) + "\n"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file  # so that an error shows its line
    tree = ast.parse(source, file)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, file, "exec"), names)
        return None
    tree.body.pop()
    exec(compile(tree, file, "exec"), names)
    return eval(compile(ast.Expression(last.value), file, "eval"), names)
