"""The blanks of an exercise: wherever ``...`` stands for code that the learner is to write."""

import dis
import functools
import inspect
from collections.abc import Callable
from typing import Any


def blanks(function: Callable[..., Any]) -> list[str]:
    """What ``...`` still stands for: ["dx", "the result"], ["the body"]; empty if everything is written.

    A blank is ``name = ...``, ``return ...`` or a body of nothing but ``...``. Ellipsis as an index (x[..., 0], dx[...] = 0)
    is none.
    """
    code = getattr(unwrapped(function), "__code__", None)
    if code is None:
        return []
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP", "CACHE", "COPY_FREE_VARS")]
    found = []
    for here, after in zip(steps, [*steps[1:], None], strict=True):
        if here.argval is Ellipsis and here.opname.startswith("RETURN"):
            found.append("the result")
        elif here.argval is Ellipsis and after is not None:
            if after.opname.startswith(("STORE_FAST", "STORE_DEREF", "STORE_NAME")):
                stored = after.argval[0] if isinstance(after.argval, tuple) else after.argval
                found.append(str(stored))
            elif after.opname.startswith("RETURN"):
                found.append("the result")
    returns_none = all(step.opname.startswith(("RETURN", "LOAD_CONST")) for step in steps)
    if not found and returns_none and all(step.argval is None for step in steps):
        found.append("the body")
    return list(dict.fromkeys(found))


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that was written, without what counts its calls."""
    return inspect.unwrap(function) if not isinstance(function, functools.partial) else function
