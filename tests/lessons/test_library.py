import shutil

import pytest

from scratchnet_lessons.tools import library

EXERCISE = library.FOLDER / "source" / "03_numeric_gradients" / "3.1.py"


def test_an_exercise_has_all_its_parts():
    exercise = library.read_exercise(EXERCISE)
    assert (exercise.id, exercise.title) == ("3.1", "The central difference")
    assert exercise.asks_for == ("slope",)
    assert len(exercise.hints) == 3
    assert "def slope" in exercise.solution
    assert exercise.wrongs[0].promise == "one-sided difference"
    assert exercise is not library.exercise("3.1") == library.exercise("3.1")


@pytest.mark.parametrize("id", ["99.1", "3.99", "3", "three", 3.1])
def test_an_unknown_exercise_is_named(id):
    with pytest.raises(ValueError, match=r"there is no|is called like"):
        library.exercise(id)


@pytest.mark.parametrize(
    ("part", "instead", "said"),
    [
        ("# %% solution", "# %% solved", 'wanted 1 cell "solution", found 0'),
        ("# %% [markdown] hint", "# %% [markdown] derivation", 'wanted 3 cells "hint", found 2'),
        ("# %% wrong: divided by h", "# %% wrnog: divided by h", "no part of an exercise is called 'wrnog: divided by h'"),
    ],
)
def test_a_missing_part_is_named(tmp_path, part, instead, said):
    file = tmp_path / "3.1.py"
    file.write_text(EXERCISE.read_text(encoding="utf-8").replace(part, instead, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"3\.1\.py: .*" + said):
        library.read_exercise(file)


def test_a_lesson_without_title_or_time_is_named(tmp_path):
    (tmp_path / "source").mkdir()
    shutil.copy(library.lesson(3).source, tmp_path / "source" / "04_other.py")
    with pytest.raises(ValueError, match=r"04_other\.py: a lesson begins with .*# # Lesson 4"):
        library.lessons(tmp_path)
