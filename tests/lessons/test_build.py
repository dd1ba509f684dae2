"""Notebooks agree with their sources; and a disagreement is seen."""

import json
import shutil

import pytest

from scratchnet_lessons.tools import build, library

LESSONS = library.lessons()


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.source.stem for lesson in LESSONS])
def test_the_notebook_was_made_from_this_source(lesson):
    assert list(build.problems(lesson)) == []


@pytest.fixture
def copied(tmp_path):
    """A lesson of its own, with notebook and exercise, in a folder where it may be changed."""
    lesson = LESSONS[0]
    for path in lesson.source, lesson.notebook, *lesson.source.with_suffix("").glob("*.py"):
        target = tmp_path / path.relative_to(library.FOLDER)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return lambda: library.lessons(tmp_path)[0]


def test_a_changed_source_is_seen(copied):
    assert list(build.problems(copied())) == []
    source = copied().source
    source.write_text(source.read_text(encoding="utf-8") + "\n# %%\nprint(1)\n", encoding="utf-8")
    assert any("holds other cells" in problem for problem in build.problems(copied()))


def test_a_changed_exercise_is_seen(copied):
    exercise = next(copied().source.with_suffix("").glob("*.py"))
    exercise.write_text(exercise.read_text(encoding="utf-8").replace("hint\n#", "hint\n# Well,", 1), encoding="utf-8")
    assert ["was run before" in problem for problem in build.problems(copied())] == [True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cell: cell.update(execution_count=99), "top to bottom"),
        (lambda cell: cell["outputs"].append({"output_type": "error"}), "holds an error"),
        (lambda cell: cell["source"].append("\n1"), "holds other cells"),
        (lambda cell: cell["outputs"].append({"output_type": "stream", "text": ["x" * build.MOST_BYTES]}), "larger than"),
    ],
)
def test_a_changed_notebook_is_seen(copied, change, said):
    path = copied().notebook
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(next(cell for cell in notebook["cells"] if cell["cell_type"] == "code"))
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert any(said in problem for problem in build.problems(copied()))


def test_a_missing_notebook_is_seen(copied):
    copied().notebook.unlink()
    assert [problem.split(":")[0] for problem in build.problems(copied())] == [f"{LESSONS[0].notebook.name} is missing"]


def test_line_ends_of_the_checkout_do_not_matter(copied):
    source = copied().source
    source.write_bytes(source.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert list(build.problems(copied())) == []
