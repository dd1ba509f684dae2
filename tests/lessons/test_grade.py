"""Grading runs code, and believes nothing else."""

import json
import os

import pytest

from scratchnet_lessons.tools import grade, library

IMPORTS = "from scratchnet_lessons import check"
CHECKS = [f'check("3.{n}", {name})' for n, name in ((1, "slope"), (2, "numeric_gradient"), (3, "agree"))]
STUBS = ["def slope(f, x, h): ...", "def numeric_gradient(f, x, h=1): ...", "def agree(a, n): ..."]


def notebook(path, *sources, outputs=()):
    cells = [
        {"cell_type": "code", "source": source.splitlines(keepends=True), "outputs": list(outputs)} for source in sources
    ]
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": []}, *cells]}), encoding="utf-8")
    return path


def solutions():
    return ["import numpy as np", *(exercise.solution for exercise in library.lesson(3).exercises)]


def statuses(result):
    return [exercise["status"] for exercise in result["exercises"]]


def test_right_wrong_open_and_missing(tmp_path):
    wrong = library.exercise("3.1").wrongs[0]
    path = notebook(
        tmp_path / "n.ipynb", "%matplotlib inline\n!pip list", IMPORTS, wrong.code, CHECKS[0], STUBS[1], CHECKS[1]
    )
    result = grade.grade(path)
    assert statuses(result) == ["wrong", "open", "not checked"]
    assert wrong.promise in result["exercises"][0]["says"]
    assert (result["lesson"], result["title"], result["passed"], result["of"]) == (3, "Numeric gradients", 0, 3)
    assert result["problem"] == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["n.ipynb"]  # nothing is left behind


def test_outputs_and_a_check_of_ones_own_count_for_nothing(tmp_path):
    said = {"output_type": "stream", "text": ["3.1 passed"]}
    own = "def check(*anything):\n    print('passed')\n    return True"
    path = notebook(tmp_path / "n.ipynb", IMPORTS, own, *STUBS, *CHECKS, outputs=[said])
    assert statuses(grade.grade(path)) == ["not checked"] * 3


def test_an_error_stops_its_own_cell_alone(tmp_path):
    first, *rest = solutions()
    path = notebook(tmp_path / "n.ipynb", IMPORTS, first, "1 / 0", "raise SystemExit", *rest, *CHECKS)
    result = grade.grade(path)
    assert statuses(result) == ["passed"] * 3
    assert result["problem"] == "code cell 3 raises ZeroDivisionError: division by zero"


def test_what_was_checked_before_the_end_counts(tmp_path):
    path = notebook(tmp_path / "n.ipynb", IMPORTS, *solutions(), CHECKS[0], "import os; os._exit(7)", CHECKS[1])
    result = grade.grade(path)
    assert statuses(result) == ["passed", "not checked", "not checked"]
    assert result["problem"] == "its process ended with status 7"


def test_what_does_not_end_is_stopped(tmp_path):
    result = grade.grade(notebook(tmp_path / "n.ipynb", "while True: pass", IMPORTS, CHECKS[0]), time_limit=1)
    assert statuses(result) == ["not checked"] * 3
    assert result["problem"] == "stopped after 1 s"


def test_the_child_runs_in_a_folder_of_its_own_without_input(tmp_path):
    look = "import os\nassert os.listdir() and os.getcwd() != " + repr(os.getcwd())
    path = notebook(tmp_path / "n.ipynb", IMPORTS, look, "input()", STUBS[0], CHECKS[0])
    assert "code cell 3 raises EOFError" in grade.grade(path)["problem"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cells": [{}]}', '{"cells": 1}'])
def test_what_is_no_notebook_is_named(tmp_path, content):
    path = tmp_path / "n.ipynb"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"n\.ipynb is no notebook"):
        grade.grade(path)


def test_a_notebook_without_exercises_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"n\.ipynb is no lesson"):
        grade.grade(notebook(tmp_path / "n.ipynb", "1 + 1"))
