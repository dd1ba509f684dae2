"""A report's parts, made by hand: what each says, when, and in which order."""

import math

import numpy as np
import pytest

from scratchnet.gradcheck.catalogue import CATALOGUE, Diagnosis
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.report import MORE, ArgumentResult, Likely, Report, _paragraph, two_numbers


def result(analytic, numeric, name="x", **found):
    analytic = None if analytic is None else np.asarray(analytic, float)
    numeric = np.asarray(numeric, float)
    whole = {"checked": numeric.size, "size": numeric.size, "max_error": 0.0, "scale": float(np.abs(numeric).max())}
    return ArgumentResult(name, analytic, numeric, **{**whole, **found})


GOOD = result([1.0, 2.0], [1.0, 2.0])


# --- one gradient ----------------------------------------------------------------------------------------------------------


def test_what_nothing_is_known_of():
    fresh = ArgumentResult("2.w", None, np.full((2, 3), np.nan))
    assert (fresh.checked, fresh.size, fresh.wrong, fresh.wrong_at_kinks, fresh.scale) == (0, 0, 0, 0, 0.0)
    assert math.isnan(fresh.max_error)
    assert (fresh.worst, fresh.kinks, fresh.message, fresh.doubt, fresh.called) == (None, {}, "", "", "")
    assert (fresh.label, fresh.shape) == ("2.dw", "(2, 3)")
    assert not fresh.elsewhere
    assert all(math.isnan(value) for value in fresh.worst_values)
    assert not fresh.drawable
    assert fresh.wrong_entries.all()


def test_the_label_is_the_code_s():
    assert (GOOD.label, result([1.0], [1.0], title="grad_w").label) == ("dx", "grad_w")


def test_which_entries_are_wrong():
    numeric = np.array([[100.0, 1.0], [2.0, 3.0]])
    off = np.array([[0.9e-4, 1.2e-4], [-1.2e-4, 0.0]])  # 1e-6 of the largest, and a bit
    np.testing.assert_array_equal(result(numeric + off, numeric).wrong_entries, [[False, True], [True, False]])
    np.testing.assert_array_equal(result([0.9e-9, 1.1e-9], [0.0, 0.0]).wrong_entries, [False, True])
    assert result(np.ones(3), np.ones((1, 3))).wrong_entries.shape == (1, 3)
    assert result(np.ones(3), np.ones((1, 3))).wrong_entries.all()


@pytest.mark.parametrize(
    ("value", "wrong"),
    [(0.0, False), (1.0, False), (0.5, False), (1 + 1e-7, False), (-1e-7, False), (1.1, True), (-0.1, True)],
)
def test_at_a_kink_anything_between_the_slopes_is_right(value, wrong):
    for kink in ((0.0, 1.0), (1.0, 0.0)):
        found = result([value, 1.0], [0.5, 1.0], kinks={(0,): kink})
        np.testing.assert_array_equal(found.wrong_entries, [wrong, False])


def test_what_can_be_drawn():
    assert GOOD.drawable
    assert not result([1.0], [1.0], elsewhere=True).drawable
    assert not result(None, [1.0]).drawable
    assert not result([[1.0]], [1.0]).drawable


def test_the_relative_error():
    assert result([1.0], [2.0], max_error=1.0).relative_error == 0.5
    assert result([1.0], [0.0], max_error=1.0).relative_error == math.inf
    assert result([0.0], [0.0]).relative_error == 0
    assert math.isnan(result(None, [0.0], max_error=math.nan).relative_error)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({}, "ok"),
        ({"doubt": "d"}, "UNCLEAR"),
        ({"wrong": 1}, "WRONG"),
        ({"message": "m"}, "WRONG"),
        ({"wrong": 1, "doubt": "d"}, "WRONG"),
        ({"message": "m", "doubt": "d"}, "WRONG"),
    ],
)
def test_the_status(found, status):
    one = result([1.0], [1.0], worst=(0,), **found)
    assert one.status == status
    assert one.passed is (status == "ok")
    assert ("d" in str(one).split("; ")) is (status == "UNCLEAR")


def test_the_line_of_a_right_gradient():
    assert str(result([1.0, 2.0], [1.0, 2.0], max_error=2e-11)) == "largest difference 2e-11; largest numeric gradient 2"
    assert str(result([0.0], [0.0])) == "largest difference 0 (it is 0 everywhere)"
    assert str(result([0.0], [2e-9])) == "largest difference 0; largest numeric gradient 2e-09"
    assert str(result([0.0], [1e-9])) == "largest difference 0 (it is 0 everywhere)", "rounding alone"


def test_the_line_of_a_wrong_gradient():
    found = result([[1.0, 2.5]], [[1.0, 3.0]], max_error=0.5, wrong=1, worst=(0, 1))
    said = "largest difference 0.5 at (0, 1): yours 2.5, numeric 3; largest numeric gradient 3; 1 of 2 wrong"
    assert str(found) == said
    assert found.worst_values == (2.5, 3.0)
    assert str(result([2.0], [1.0], max_error=1.0, wrong=1, worst=(0,))).endswith("largest numeric gradient 1")
    only = str(result([1.0], [0.0], max_error=1.0, wrong=1, worst=(0,)))
    assert only == "largest difference 1 at (0,): yours 1, numeric 0"
    of_two = result([1.0, 2.0], [2.0, 1.0], max_error=1.0, wrong=2, worst=(0,))
    assert str(of_two).endswith("2 of 2 wrong")


def test_the_line_of_what_has_no_number():
    assert str(result(None, [1.0], message="dx is None")) == "dx is None"
    both = result([5.0], [1.0], message="dx is odd", wrong=1, max_error=4.0, worst=(0,))
    assert str(both) == "dx is odd; largest difference 4 at (0,): yours 5, numeric 1; largest numeric gradient 1"


def test_the_line_of_a_sample():
    assert "; 2 of 9 entries checked" in str(result([1.0, 2.0], [1.0, 2.0], size=9))
    assert "entries checked" not in str(GOOD)
    assert "entries checked" not in str(result([1.0], [1.0], checked=0, size=9, message="m"))


def test_the_line_of_kinks():
    kinks = {(1,): (0.0, 1.0), (0,): (2.0, 3.0)}
    right = result([2.0, 1.0], [2.5, 0.5], kinks=kinks)
    assert str(right).endswith("; 2 of 2 at kinks, the first at (1,)")
    wrong = result([2.0, 5.0], [2.5, 0.5], kinks=kinks, wrong=1, wrong_at_kinks=1, worst=(1,), max_error=4.0)
    line = str(wrong)
    assert "at (1,): yours 5, slope 0 to the left, 1 to the right; " in line
    assert line.endswith("all that is wrong is at kinks: check inputs without zeros and ties as well")
    elsewhere = result([2.0, 5.0], [2.5, 0.5], kinks={(0,): (2.0, 3.0)}, wrong=1, worst=(1,), max_error=4.5)
    assert "yours 5, numeric 0.5" in str(elsewhere)
    assert "all that is wrong" not in str(elsewhere)
    assert "all that is wrong" not in str(right)


@pytest.mark.parametrize(
    ("a", "b", "texts"),
    [
        (1.0, 2.0, ("1", "2")),
        (1.2344, 1.2341, ("1.2344", "1.2341")),
        (1.23456789, 1.23456781, ("1.23456789", "1.23456781")),
        (1 + 1e-11, 1.0, ("1.00000000001", "1")),
        (1.0, 1.0, ("1", "1")),
        (1 + 4e-12, 1.0, ("1", "1")),  # 12 digits are the most
        (-0.0, 1.0, ("0", "1")),
        (1.0, -0.0, ("1", "0")),
        (1234567.0, 1.0, ("1.23e+06", "1")),
    ],
)
def test_as_many_digits_as_it_takes(a, b, texts):
    assert two_numbers(a, b) == texts


# --- a diagnosis -----------------------------------------------------------------------------------------------------------


def test_a_likely_mistake():
    likely = Likely(CATALOGUE["transposed"], ("a",))
    assert (likely.name, likely.score, likely.explains, likely.detail, likely.also_lesson) == (
        "transposed",
        0.0,
        (),
        "",
        None,
    )
    assert likely.strong_hint == CATALOGUE["transposed"].strong_hint
    detailed = Likely(CATALOGUE["transposed"], ("a",), detail="w.T")
    assert detailed.strong_hint == CATALOGUE["transposed"].strong_hint + " Yours looks like this: w.T."


def test_a_likely_mistake_in_the_code_s_words():
    diagnosis = Diagnosis("n", "dout says", "dout?", "dout!", 4)
    likely = Likely(diagnosis, ("dout here", "dout said"), 0.7, ("x",), "dout * w", 9).in_words({"dout": "g"}, {"dout said"})
    assert likely.evidence == ("g here", "dout said"), "what is quoted stays"
    assert (likely.detail, likely.score, likely.explains, likely.also_lesson) == ("g * w", 0.7, ("x",), 9)
    assert (likely.diagnosis.says, likely.diagnosis.hint) == ("g says", "g?")


def test_where_to_read():
    likely = Likely(CATALOGUE["transposed"], (), also_lesson=9)
    dense, loops = "lesson 5 (dense and ReLU)", "lesson 9 (convolution by loops)"
    assert likely.lessons() == f"{dense} and {loops}"
    assert likely.lessons(5) == loops
    assert likely.lessons(9) == dense
    nowhere = Likely(Diagnosis("n", "", "", "", 0), ())
    assert nowhere.lessons() == ""
    assert Likely(CATALOGUE["transposed"], ()).lessons() == dense


def test_a_finding_is_of_the_catalogue():
    finding = Finding("transposed", "e", 0.5)
    assert (finding.explains, finding.detail, finding.variant) == ((), "", "")
    with pytest.raises(ValueError, match="'transpose' is not in the catalogue"):
        Finding("transpose", "e", 0.5)


# --- the whole -------------------------------------------------------------------------------------------------------------


def report(**keywords):
    return Report("f", **{"results": {"x": GOOD}, **keywords})


BAD = result([1.0, 2.5], [1.0, 3.0], max_error=0.5, wrong=1, worst=(1,))


def test_what_passes():
    unclear = result([1.0], [1.0], doubt="d")
    for found, passed in (
        (report(), True),
        (report(problems=["p"]), False),
        (report(results={"x": GOOD, "w": BAD}), False),
        (report(results={"x": BAD, "w": GOOD}), False),
        (report(results={"x": unclear}), False),
        (Report("f"), False),
        (report(notes=["n"]), True),
    ):
        assert found.passed is bool(found) is passed


def likely(name, score, explains=("x",), evidence=("e",)):
    return Likely(CATALOGUE[name], evidence, score, explains)


def test_hints():
    found = report(results={"x": BAD}, diagnoses=[likely("transposed", 0.9), likely("shifted", 0.8)])
    first, second = CATALOGUE["transposed"], CATALOGUE["shifted"]
    assert found.hint() == found.hint(which=0) == first.hint
    assert found.hint(True) == found.hint(strong=True) == first.strong_hint
    assert (found.hint(which=1), found.hint(True, 1)) == (second.hint, second.strong_hint)
    for which in (-1, 2):
        with pytest.raises(ValueError, match=rf"hint: which must be in 0 \.\. 1, got {which}"):
            found.hint(which=which)
    assert report(diagnoses=[likely("transposed", 0.9)]).hint() == "nothing to find: the gradients are right"


def stands(*diagnoses, results=None):
    return [(how, likely.name) for how, likely, _ in report(results=results or {}, diagnoses=[*diagnoses]).others()]


def test_others_that_explain_what_the_first_does_not():
    first = likely("transposed", 0.9)
    assert stands() == stands(first) == []
    assert stands(first, likely("shifted", 0.5, ("w",))) == [("also, for dw", "shifted")]
    assert stands(first, likely("shifted", 0.49, ("w",))) == []
    assert stands(first, likely("shifted", 0.6, ("b", "w", "x"))) == [("also, for db, dw", "shifted")]
    named = {"w": result([1.0], [2.0], "w", title="grad_w")}
    assert stands(first, likely("shifted", 0.6, ("w", "b")), results=named) == [("also, for grad_w, db", "shifted")]
    twice = likely("extra 1/N", 0.6, ("w",))
    assert stands(first, likely("shifted", 0.7, ("w",)), twice) == [("also, for dw", "shifted")], "w is explained then"
    assert stands(likely("transposed", 0.9, ()), likely("shifted", 0.7, ("w",))) == [], "the first may be all of it"


def test_others_that_are_nearly_as_likely():
    first = likely("transposed", 0.9)
    assert stands(first, likely("shifted", 0.84)) == [("less likely", "shifted")]
    assert stands(first, likely("shifted", 0.82)) == []
    assert stands(likely("gradient zero", 0.9), likely("shifted", 0.89)) == []
    assert stands(likely("gradient zero", 0.9), likely("shifted", 0.89, ("w",))) == [("also, for dw", "shifted")]
    three = [likely(name, 0.89) for name in ("shifted", "extra 1/N", "gamma missing")]
    assert stands(first, *three) == [("less likely", "shifted"), ("less likely", "extra 1/N")], "two are enough"


def test_others_have_a_reason():
    first = likely("transposed", 0.9)
    found = report(diagnoses=[first, likely("shifted", 0.89, evidence=("it is so", "more"))]).others()
    assert found[0][2] == "it is so, but other mistakes do that as well"
    found = report(diagnoses=[first, likely("shifted", 0.89, ("w",), evidence=())]).others()
    assert found[0][2] == ""
    found = report(diagnoses=[first, likely("shifted", 0.89, ("w",), evidence=("it is so", "more"))]).others()
    assert found[0][2] == "it is so"


def test_the_text_line_by_line():
    wide = result(np.ones((2, 10)), np.ones((2, 10)), "weights")
    found = Report("f", {"x": BAD, "weights": wide}, ["p"], call="f(x)", notes=["n"])
    assert (
        str(found).splitlines()
        == [
            f"dx        (2,)     WRONG  {BAD}",
            f"dweights  (2, 10)  ok     {wide}",
            "problem: p",
            "called with f(x)",
            "note: n",
        ]
        or BAD.message == ""
    )
    told = result(None, [1.0], message="dx is None")
    assert str(Report("f", {"x": told}, ["dx is None", "p"])).splitlines() == ["dx  (1,)  WRONG  dx is None", "problem: p"]
    assert repr(found) == str(found)


def test_right_code_is_not_told_what_it_was_called_with():
    assert str(report(call="f(x)")) == f"dx  (2,)  ok  {GOOD}"
    assert "called with" not in str(report(problems=["p"]))
    assert str(report(diagnoses=[likely("transposed", 0.9)])) == f"dx  (2,)  ok  {GOOD}"


def test_a_single_gradient_s_name_is_explained():
    def name_of(name, other=False, **found):
        results = {name: result([1.0], [1.0], name, **found)}
        return Report("f", {**results, **({"b": GOOD} if other else {})}).row_name(name)

    assert name_of("scores") == "dscores (gradient of scores)"
    assert name_of("x") == "dx"
    assert name_of("scores", other=True) == "dscores"
    assert name_of("scores", title="grad") == "grad"


def test_the_diagnosis_line_by_line():
    first = Likely(
        Diagnosis("n", "It is so.", "Why?", "Do this.", 5), ("seen one", "p", "dx is odd", "seen two"), 0.9, ("x",)
    )
    odd = result([1.0], [1.0], message="dx is odd")
    found = Report("f", {"x": odd}, ["p"], [first, likely("shifted", 0.7, ("b",), ("it moves",))])
    assert str(found).splitlines()[2:] == [
        "",
        "likely mistake: n",
        "  seen: seen one",
        "  seen: seen two",
        "  It is so.",
        "  hint: Why?",
        "  read: lesson 5 (dense and ReLU)",
        f"  {MORE}",
        "  also, for db: shifted (it moves)",
    ]
    found.lesson = 5
    assert "read:" not in str(found)


def test_long_texts_are_wrapped_below_their_start():
    lines = _paragraph("seen: ", "word " * 40)
    assert all(len(line) <= 100 for line in lines)
    assert len(lines[0]) > 94
    assert lines[0].startswith("  seen: word")
    assert all(line.startswith(" " * 8 + "word") for line in lines[1:])
    assert " ".join(lines).split() == ["seen:", *40 * ["word"]]


@pytest.mark.parametrize("index", ["(0, 1, 2)", "[0, 1, 2]"])
def test_an_index_stays_on_one_line(index):
    for before in range(80, 100):
        lines = _paragraph("", "x" * before + f" {index} end")
        assert sum(index in line for line in lines) == 1
        assert "\N{NO-BREAK SPACE}" not in "".join(lines)
