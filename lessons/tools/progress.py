"""What a learner has done, in a small file in the learner's own folder."""

import json
from pathlib import Path
from typing import Any

from scratchnet.files import atomic_write

FILE = "scratchnet-progress.json"


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """{"10.2": {"passed": true, "tries": 3}} for every exercise that was tried in this folder; empty if there is no file.

    Errors    ValueError, naming the file, if it holds something else; OSError if it can't be read
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        kept = None
    right = isinstance(kept, dict) and all(
        isinstance(entry, dict) and isinstance(entry.get("passed"), bool) and isinstance(entry.get("tries"), int)
        for entry in kept.values()
    )
    if not right:
        raise ValueError(f"{path} does not hold progress as JSON; delete it to begin anew")
    return kept


def record(folder: Path, exercise: str, passed: bool) -> None:
    """Count one more try. Once passed an exercise stays passed.

    Errors    as ``read``, and OSError if the folder can't be written
    """
    kept = read(folder)
    before = kept.get(exercise, {"passed": False, "tries": 0})
    kept[exercise] = {"passed": before["passed"] or passed, "tries": before["tries"] + 1}
    with atomic_write(folder / FILE) as file:
        file.write(json.dumps(dict(sorted(kept.items())), indent=2).encode())
