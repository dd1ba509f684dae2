"""check, hint, solution, learner and progress, by exercise 3.1: ``slope(f, x, h)``."""

import json

import numpy as np
import pytest

import scratchnet.gradcheck
from scratchnet_lessons import calls, check, gradient_check, hint, learner, solution, whose_code
from scratchnet_lessons.tools import progress, session


def slope(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def one_sided(f, x, h):
    return (f(x + h) - f(x)) / h


def stub(f, x, h):
    return ...


def library_slope(f, x, h):
    return 42.0


def test_a_right_answer_is_used_and_counted(capsys):
    assert check("3.1", slope).status == session.PASSED
    mine = learner("3.1", slope, library_slope)
    assert mine(np.sin, 0.0, 1e-3) == pytest.approx(1)
    assert mine(np.sin, 0.0, 1e-3) == pytest.approx(1)
    assert calls("3.1") == {"slope": 2}
    assert "goes on with your slope" in capsys.readouterr().out
    assert "| 3.1 | `slope` | yours | 2 |" in whose_code()


@pytest.mark.parametrize(("function", "state"), [(one_sided, "not right yet"), (stub, "not written yet")])
def test_another_answer_is_not_used(function, state, capsys):
    assert state in str(check("3.1", function))
    assert learner("3.1", function, library_slope) is library_slope
    assert calls("3.1") == {function.__name__: 0}
    assert f"3.1 is {state}: the lesson goes on with the library's" in capsys.readouterr().out


def test_a_stub_asks_for_the_last_definition():
    assert "this is the stub. Does your cell define stub, and is it the last one run that does?" in str(check("3.1", stub))
    written = {}
    exec("def loss_forward(logits, labels):\n    return 1, 2\ndef loss_backward(dloss, cache):\n    dlogits = ...", written)
    said = str(check("11.4", written["loss_forward"], written["loss_backward"]))
    assert "Does your cell define loss_backward, and" in said, "the other one is written"


def test_without_a_library_function_the_solution_stands_in():
    written = {}
    exec("def slope(f, x, h):\n    return ...", written)
    check("3.1", written["slope"])
    assert learner("3.1", written["slope"])(lambda x: x**2, 3.0, 0.5) == 6.0
    assert "| 3.1 | `slope` | the lesson's |" in whose_code()


def test_a_function_that_was_not_checked_is_not_used(capsys):
    reminder = '3.1 is not checked yet (run the cell with check("3.1", ...)): the lesson goes on with the library\'s slope\n'
    assert learner("3.1", slope, library_slope) is library_slope
    assert capsys.readouterr().out == reminder
    check("3.1", slope)
    assert learner("3.1", one_sided, library_slope) is library_slope  # written anew since
    assert capsys.readouterr().out == reminder.replace("slope\n", "one_sided\n")
    assert "| 3.1 | `one_sided` | the library's |  |" in whose_code()
    with pytest.raises(TypeError, match="1 functions, the library's are 2"):
        learner("3.1", slope, (library_slope, library_slope))


def test_the_librarys_function_is_no_answer():
    verdict = check("3.2", scratchnet.gradcheck.numeric_gradient)
    assert verdict.status == session.WRONG
    assert "comes from the library" in str(verdict)


def test_a_call_with_something_else_says_what_is_wanted():
    for functions in ((), (slope, slope), (3.0,)):
        with pytest.raises(TypeError, match=r"asks for your slope: check\(\"3.1\", slope\)"):
            check("3.1", *functions)


def test_hints_go_from_first_to_last():
    texts = [hint("3.1", level) for level in (1, 2, 3)]
    assert len(set(texts)) == 3
    assert 'hint("3.1", 3)' in texts[1]
    assert 'solution("3.1")' in texts[2]
    assert texts[0]._repr_markdown_() == repr(texts[0])
    for level in (0, 4, "two"):
        with pytest.raises(ValueError, match=r"must be in 1 \.\. 3"):
            hint("3.1", level)
    assert "def slope" in solution("3.1")


def test_an_answers_html_is_escaped():
    def nothing(f, x, h):
        raise ValueError("<script>")

    page = check("3.1", nothing)._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_progress_counts_tries_and_keeps_what_was_passed(tmp_path):
    check("3.1", stub)
    assert progress.read(tmp_path) == {}
    for function in one_sided, slope, one_sided:
        check("3.1", function)
    assert json.loads((tmp_path / progress.FILE).read_text()) == {"3.1": {"passed": True, "tries": 3}}


@pytest.mark.parametrize("content", ["", "[]", '{"3.1": 1}', '{"3.1": {"passed": 1, "tries": 1}}', "\xff"])
def test_a_broken_progress_file_is_named_and_does_not_stop_a_lesson(tmp_path, content):
    (tmp_path / progress.FILE).write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match="does not hold progress"):
        progress.read(tmp_path)
    verdict = check("3.1", slope)
    assert verdict
    assert "progress is not kept" in str(verdict)
    assert (tmp_path / progress.FILE).read_text(encoding="latin-1") == content


def test_what_a_check_calls_is_not_counted():
    check("3.1", slope)
    mine = learner("3.1", slope, library_slope)

    def uses_mine(f, x, h):
        return mine(f, x, h)

    assert check("3.1", uses_mine)
    assert calls("3.1") == {"slope": 0}


def test_what_is_wrong_without_a_gradient_s_report_says_the_way_to_a_stronger_hint_too():
    verdict = check("5.1", lambda x, w, b: (x @ w, (x, w)))
    assert str(verdict).endswith('hint("5.1", 2) says more')
    assert "hint(&quot;5.1&quot;, 2) says more" in verdict._repr_html_()
    assert "says more" not in str(check("5.1", lambda x, w, b: (x @ w + b, (x, w))))


def test_the_way_to_a_stronger_hint_is_the_lesson_s():
    def dense_backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.mean(axis=0)

    said = str(check("5.2", dense_backward))
    assert '\n  hint("5.2", 2) says more' in said
    assert "report" not in said
    assert "\ncalled with x (5, 4), w (4, 3), b (3,)\n" in said
    assert "read: lesson" not in said  # it is the one that the learner is in


def test_a_gradient_check_in_a_lesson_does_not_send_its_reader_there():
    def backward(dout, cache):
        return dout

    pair = (lambda x: (np.maximum(x, 0), x), backward)
    x = np.array([[1.0, -2.0, 3.0]])
    assert "read: lesson 5" in str(gradient_check(pair, x))
    check("5.3", stub)
    assert "read: lesson 5" not in str(gradient_check(pair, x))
    assert not gradient_check(pair, x)
