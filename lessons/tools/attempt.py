"""Calling a learner's function where more is asked of its result than to be equal to something."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from scratchnet.gradcheck.subject import CodeRaised, guarded

from .compare import Comparison


def attempt(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Comparison | None]:
    """(what it returns for copies of the arguments, None); or (None, the report of what it raised)."""
    title = str(getattr(function, "__name__", "your function"))
    try:
        with guarded(title, 0):
            return function(*copy.deepcopy(arguments)), None
    except CodeRaised as error:
        return None, Comparison(title, problem=str(error).removeprefix(f"{title} "))
