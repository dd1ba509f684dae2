"""The catalogue as a whole: where each mistake is explained, and how its texts are fitted to the code at hand."""

import re
from pathlib import Path

import pytest

from scratchnet.gradcheck.catalogue import CATALOGUE, LESSONS, Diagnosis, in_words

# What each lesson is about decides which mistakes it explains.
EXPLAINED_IN = {
    1: {"factor 2 missing", "factor 2 too many"},
    2: {
        *("sign flipped", "constant factor", "factor missing per row or channel", "upstream gradient ignored"),
        *("local derivative missing", "derivative at the wrong value", "wrong operand"),
    },
    3: {"wrong return value", "integer arithmetic", "precision lost"},
    4: {
        *("nan or infinity", "1/N missing", "divided by the wrong count", "Jacobian's diagonal only", "one-hot missing"),
        *("labels index every row", "softmax missing", "softmax over the wrong axis", "label smoothing ignored"),
    },
    5: {
        *("raises an error", "wrong shape", "gradient missing", "gradients in the wrong order", "input changed in place"),
        *("dout changed in place", "extra 1/N", "gradient zero", "value instead of mask", "mask missing", "mask inverted"),
        *("mask of the wrong array", "summed over the wrong axis", "transposed"),
    },
    7: {"right class wrong"},
    8: {
        *("weight decay missing", "weight decay scaled wrong", "weight decay on the bias", "velocity forgotten"),
        *("momentum not applied", "gradient damped", "learning rate missing", "learning rate twice"),
        *("updated in the wrong order", "state shared between arrays", "weights not changed"),
    },
    9: {
        *("mean over positions instead of sum", "sum overwritten", "terms left out", "kernel flipped", "stride ignored"),
        "shifted",
    },
    10: {"overlap overwritten", "padding not cropped", "reshaped in the wrong order"},
    11: {"window mean missing", "ties all get the gradient", "wrong winner"},
    12: {"stale cache", "accumulated over calls", "forward wrong", "no known mistake"},
    13: {
        *("forward not repeatable", "random numbers drawn again", "dropout scale wrong", "mean term missing"),
        *("variance term missing", "statistics treated as constants", "gamma missing", "N - 1 for N", "epsilon wrong"),
        "power of the standard deviation wrong",
    },
    14: {"branch missing", "branch counted twice"},
}


def test_each_mistake_is_explained_in_its_lesson():
    explained = {number: {n for n, d in CATALOGUE.items() if d.lesson == number} for number in EXPLAINED_IN}
    assert explained == EXPLAINED_IN
    assert sum(map(len, EXPLAINED_IN.values())) == len(CATALOGUE)


def test_the_lessons_are_those_of_the_course():
    folder = Path(__file__).parents[2] / "lessons"
    files = {int(path.name[:2]): path.stem[3:] for path in folder.glob("[0-9]*.ipynb")}
    slugs = {number: re.sub("[ -]", "_", title.lower()) for number, title in LESSONS.items()}
    named_by_their_derivations = {7, 13}
    assert {n: slug for n, slug in slugs.items() if files[n] != slug}.keys() == named_by_their_derivations
    assert LESSONS.keys() == EXPLAINED_IN.keys()


def test_names_that_stand_for_one_variant_alone():
    """All others say which variants they cover: from that it follows what a new mistake is called."""
    alone = {name for name, diagnosis in CATALOGUE.items() if not diagnosis.covers}
    assert alone == ALONE
    assert all(CATALOGUE[name].name == name for name in CATALOGUE)


ALONE = {
    *(
        "integer arithmetic",
        "dout changed in place",
        "accumulated over calls",
        "random numbers drawn again",
        "forward wrong",
    ),
    *("mask inverted", "overlap overwritten", "ties all get the gradient", "branch counted twice", "N - 1 for N"),
    *("weight decay on the bias", "learning rate missing", "state shared between arrays", "no known mistake"),
}


def test_texts_of_their_own():
    own = {(name, key): set(texts) for name, diagnosis in CATALOGUE.items() for key, texts in diagnosis.reworded.items()}
    three = {"says", "hint", "strong_hint"}
    assert own == {
        ("raises an error", "a name"): {*three, "lesson"},
        ("wrong shape", "empty slice"): three,
        ("accumulated over calls", "added up"): {"says", "strong_hint"},
        ("value instead of mask", "hinge loss"): three,
        ("mask missing", "hinge loss"): three,
        ("mask missing", "max pooling"): three,
        ("mask of the wrong array", "hinge loss"): three,
        ("summed over the wrong axis", "softmax"): three,
        ("summed over the wrong axis", "convolution"): {"strong_hint"},
        ("reshaped in the wrong order", "flatten"): {"hint", "strong_hint"},
        ("labels index every row", "softmax cross-entropy"): {"says"},
        ("right class wrong", "hinge loss"): {"hint"},
        ("updated in the wrong order", "look-ahead"): three,
    }
    assert CATALOGUE["raises an error"].of("a name", 5).lesson == 0, "no lesson is about names"


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
