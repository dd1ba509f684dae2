"""The catalogue as a whole: where each mistake is explained, and how its texts are fitted to the code at hand."""

import re
from pathlib import Path

import pytest

from scratchnet.gradcheck.catalogue import CATALOGUE, LESSONS, Diagnosis, in_words


def test_the_lessons_are_those_of_the_course():
    folder = Path(__file__).parents[2] / "lessons"
    files = {int(path.name[:2]): path.stem[3:] for path in folder.glob("[0-9]*.ipynb")}
    slugs = {number: re.sub("[ -]", "_", title.lower()) for number, title in LESSONS.items()}
    named_by_their_derivations = {7, 13}
    assert {n: slug for n, slug in slugs.items() if files[n] != slug}.keys() == named_by_their_derivations
    assert {diagnosis.lesson for diagnosis in CATALOGUE.values()} == LESSONS.keys()


@pytest.fixture
def diagnosis():
    return Diagnosis("n", "a dout", "dout?", "dout!", 4, reworded={"softmax": {"says": "s"}, "odd": {"lesson": 9}})


def test_an_operation_without_texts_changes_nothing(diagnosis):
    assert diagnosis.of("dense", 5) is diagnosis
    assert Diagnosis("n", "a", "b", "c", 4).of("dense", 5).lesson == 4, "without any texts either"


def test_an_operation_with_texts_is_read_about_in_its_lesson(diagnosis):
    found = diagnosis.of("softmax", 5)
    assert (found.name, found.says, found.hint, found.strong_hint, found.lesson) == ("n", "s", "dout?", "dout!", 5)
    assert diagnosis.of("odd", 5).lesson == 9, "unless its texts name another"


def test_two_diagnoses_can_stand_in_a_set():
    assert len({*CATALOGUE.values(), CATALOGUE["transposed"]}) == len(CATALOGUE)


def test_every_text_is_put_into_the_code_s_words(diagnosis):
    found = diagnosis.in_words({"dout": "grad", "n": "m", "s": "t"})
    assert (found.name, found.says, found.hint, found.strong_hint) == ("n", "a grad", "grad?", "grad!")
    assert in_words("dout, doutx (dout) and lr_dout", {"dout": "g"}) == "g, doutx (g) and lr_dout", "whole words alone"
    assert in_words("v = mu * v", {"v": "mu", "mu": "v"}) == "mu = v * mu", "each word once"
    assert in_words("as it is", {}) == "as it is"
