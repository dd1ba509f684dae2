"""What the readers of files from strangers share: strict JSON, and messages that are one short line whatever is in them."""

import json
import math
from typing import Any

MOST_JSON = 1 << 20  # characters; a run's config has 500, a model file's metadata 3 000
DEEPEST = 32  # arrays and objects inside of each other
MOST_MESSAGE = 1000  # characters
_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean"}


def parse_json(text: str) -> Any:
    """What a JSON text says, if it is JSON as RFC 8259 has it: no NaN, no number too large for a float, no name twice in
    one object; and of no more than MOST_JSON characters and DEEPEST levels.

    Errors    ValueError that says what is wrong
    """
    if len(text) > MOST_JSON:
        raise ValueError(f"{len(text)} characters of JSON, wanted at most {MOST_JSON}")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} deep") from None
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} deep")
        if any(isinstance(item, float) and math.isinf(item) for item in level):
            raise ValueError("a number is too large")
        inside = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for items in inside for item in items]
    return value


def json_kind(value: Any) -> str:
    """What JSON calls a value of its own."""
    return "null" if value is None else _KINDS.get(type(value), "number")


def one_line(error: BaseException | str) -> str:
    """The message of an error as one line that is safe to print: control characters, which could steer a terminal, are
    written out, and what is longer than MOST_MESSAGE is cut off."""
    text = " ".join(str(error)[: 2 * MOST_MESSAGE].split()) or type(error).__name__
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= MOST_MESSAGE else f"{text[:MOST_MESSAGE]}..."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return values


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
