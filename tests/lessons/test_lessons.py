"""Every lesson and every exercise that there is, found by its files.

(a) as it stands: no error, and nothing passes; (b) with the solutions filled in: everything passes, and the lesson runs on
the learner's functions; (c) each wrong answer gets the message that its file promises. ``pytest --long`` also runs one wrong
notebook of each lesson whole. All of it runs the sources, whose cells are those of the notebooks (test_build.py).
"""

import re

import numpy as np
import pytest

from scratchnet_lessons.tools import blanks, cells, library, session

LESSONS = library.lessons()
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.source.stem for lesson in LESSONS])

PLANNED = [
    "00_start_here",
    "01_one_neuron",
    "02_the_chain_rule",
    "03_numeric_gradients",
    "04_softmax_and_cross_entropy",
    "05_dense_and_relu",
    "06_bytes_to_images",
    "07_training",
    "08_optimizers",
    "09_convolution_by_loops",
    "10_im2col_and_col2im",
    "11_max_pooling_and_a_cnn",
    "12_debugging",
    "13_batchnorm_dropout_augmentation",
    "14_resnet",
    "15_looking_inside",
    "16_fast",
]


def exercise_of(cell):
    """The id of the exercise that a cell's answer belongs to, or None."""
    return next((tag.removeprefix("exercise-") for tag in cell.tags if tag.startswith("exercise-")), None)


def run(lesson, answers, wrongs=lambda id, names, check: None):
    """Run a lesson's code with these answers {id: code} in the place of its stubs; (names, what each check said).

    ``wrongs`` is called with the names as they are before an answer's cell, and the check cell that belongs to it.
    """
    names, said, warned = cells.namespace(), {}, np.seterr(all="warn")
    code = [cell for cell in lesson.cells if cell.kind == "code"]
    try:
        for cell, after in zip(code, [*code[1:], None], strict=True):
            id = exercise_of(cell)
            if id:
                assert f'check("{id}"' in after.source, f"the cell after exercise {id} must check it"
                wrongs(id, names, after.source)
            source = answers.get(id, cell.source)
            value = cells.run_cell(source, names, f"{lesson.source.name}, line {cell.line}")
            if isinstance(value, session.Verdict):
                said[value.id] = value
    finally:
        np.seterr(**warned)
    return names, said


@every_lesson
def test_as_it_stands(lesson, capsys, tmp_path):
    """(a)"""
    _, said = run(lesson, {})
    assert sorted(said) == sorted(exercise.id for exercise in lesson.exercises)
    for exercise in lesson.exercises:
        text = str(said[exercise.id])
        assert said[exercise.id].status == session.OPEN
        assert "not written yet" in text
        assert exercise.hints[0].split()[0] in text
        assert "passed" not in text
        assert "passed" not in said[exercise.id]._repr_html_()
    assert "passed" not in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [], "a lesson must not leave files behind in the learner's folder"


def says(verdict, words):
    """Do the words stand in the message, wherever its lines are broken?"""
    return words in " ".join(str(verdict).split())


@every_lesson
def test_solved_and_with_every_wrong_answer(lesson):
    """(b) and (c)"""
    exercises = {exercise.id: exercise for exercise in lesson.exercises}
    failed = []

    def try_wrong_answers(id, names, check):
        for wrong in exercises[id].wrongs:
            own = dict(names)
            cells.run_cell(wrong.code, own, f"{id}, wrong: {wrong.promise}")
            verdict = cells.run_cell(check, own, f"check of {id}")
            if verdict.status != session.WRONG or not says(verdict, wrong.promise):
                failed.append(f"{id} promises {wrong.promise!r}, but the check says: {verdict}")

    _, said = run(lesson, {id: exercise.solution for id, exercise in exercises.items()}, try_wrong_answers)
    assert not failed, "\n\n".join(failed)
    for id in exercises:
        assert said[id].status == session.PASSED, str(said[id])
        counts = session.calls(id)
        assert counts, f"the lesson does not go on with the learner's code: learner({id!r}, ..) is missing"
        assert all(counts.values()), f"the lesson never calls {[name for name, n in counts.items() if not n]}"


@every_lesson
def test_a_wrong_notebook_runs_to_its_end(lesson, request):
    if not request.config.getoption("--long"):
        pytest.skip("pytest --long runs it")
    for which in range(max((len(exercise.wrongs) for exercise in lesson.exercises), default=0)):
        session.begin()
        wrongs = {exercise.id: exercise.wrongs[which % len(exercise.wrongs)] for exercise in lesson.exercises}
        _, said = run(lesson, {id: wrong.code for id, wrong in wrongs.items()})
        for id, wrong in wrongs.items():
            assert said[id].status == session.WRONG
            assert says(said[id], wrong.promise)
            assert set(session.calls(id).values()) == {0}, "wrong code must not be used"


# --- how a lesson is written (lessons/README.md) ---------------------------------------------------------------------------


@every_lesson
def test_its_name_is_the_planned_one(lesson):
    assert lesson.source.stem in PLANNED  # other lessons and "derived in lesson NN" refer to it


@every_lesson
def test_it_says_what_a_lesson_says(lesson):
    first, last = lesson.cells[0].source, lesson.cells[-1].source
    for said in "**The idea.**", "**You need**", "**Time** about", "**Afterwards you can**":
        assert said in first
    assert lesson.cells[-1].kind == "markdown"
    for said in "## What you can do now", "**Before**" if lesson.number else "**Next**", "*Sources.*":
        assert said in last
    headings = {id for cell in lesson.cells for id in re.findall(r"^## Exercise (\S+):", cell.source, re.MULTILINE)}
    assert headings == {exercise.id for exercise in lesson.exercises}


@every_lesson
def test_its_links_lead_to_lessons(lesson):
    text = "\n".join(cell.source for cell in lesson.cells if cell.kind == "markdown")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("https://"):
            assert target.removesuffix(".ipynb") in PLANNED, target


@every_lesson
def test_every_exercise_is_complete(lesson):
    stubs = {exercise_of(cell): cell for cell in lesson.cells if exercise_of(cell)}
    assert lesson.exercises or lesson.number == 0
    assert set(stubs) == {exercise.id for exercise in lesson.exercises}
    for exercise in lesson.exercises:
        assert len(exercise.wrongs) >= 4
        assert len({wrong.code for wrong in exercise.wrongs} | {exercise.solution}) == len(exercise.wrongs) + 1
        assert all(hint.strip() for hint in exercise.hints)
        assert exercise.derivation.strip()
        names = dict(cells.namespace(), np=np)
        cells.run_cell(stubs[exercise.id].source, names, exercise.id)
        for name in exercise.asks_for:
            assert name in names, f"the stub of {exercise.id} must define {name}, as its check asks for it"
            assert blanks.blanks(names[name]), f"the stub of {exercise.id} is already written: no ... in {name}"
