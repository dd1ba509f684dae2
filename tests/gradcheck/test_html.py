"""A report in a notebook, piece by piece: which parts are there, what they say, and where the picture's squares stand."""

import re

import numpy as np
import pytest

from scratchnet.gradcheck.catalogue import CATALOGUE
from scratchnet.gradcheck.html import picture_svg, report_html
from scratchnet.gradcheck.report import ArgumentResult, Likely, Report

GREEN, ORANGE, BROWN = "#00654A", "#A84300", "#7A5C00"
WHITE, BLUE, VERMILLION = "#ffffff", "#0072b2", "#d55e00"


def result(analytic, numeric, name="x", **found):
    """Of two gradients; ``wrong`` counted as in a check."""
    analytic, numeric = np.asarray(analytic, float), np.asarray(numeric, float)
    scale = float(np.abs(numeric).max())
    wrong = int((np.abs(analytic - numeric) > 1e-6 * scale + 1e-9).sum())
    whole = {"checked": numeric.size, "size": numeric.size, "wrong": wrong, "scale": scale, "worst": (0,) * numeric.ndim}
    return ArgumentResult(name, analytic, numeric, **{**whole, "max_error": 0.5, **found})


GOOD = result(np.ones((2, 3)), np.ones((2, 3)), max_error=0.0)
BAD = result([[1.0, -4.0, 0.0]], [[1.0, 4.0, 0.0]])


# --- the words -------------------------------------------------------------------------------------------------------------


def test_a_right_report_is_a_table_and_nothing_else():
    shown = report_html(Report("f", {"x": GOOD}, call="f(x)"))
    assert f'<b>f</b>: <b style="color:{GREEN}">the gradients are right</b>' in shown
    assert f'<b style="color:{GREEN}">ok</b>' in shown
    assert not re.search("called with|likely|<svg|<details", shown)
    assert shown.startswith("<div")
    assert shown.endswith("</div>")


def test_each_gradient_has_a_row():
    unclear = result(np.ones(2), np.ones(2), "b", doubt="too many kinks")
    shown = report_html(Report("f", {"x": GOOD, "w": BAD, "b": unclear}))
    rows = re.findall(r"<tr>(.*?)</tr>", shown)
    cells = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<td .*?>(.*?)</td>", row)] for row in rows]
    assert [row[:3] for row in cells] == [["dx", "(2, 3)", "ok"], ["dx", "(1, 3)", "WRONG"], ["db", "(2,)", "UNCLEAR"]]
    assert [row[3] for row in cells] == [str(GOOD), str(BAD), str(unclear)]
    for row, colour in zip(rows, (GREEN, ORANGE, BROWN), strict=True):
        assert colour in row
    assert f'<b style="color:{ORANGE}">something is wrong</b>' in shown


def test_without_results_there_is_no_table():
    assert "<table" not in report_html(Report("f", problems=["p"]))
    assert "<table" in report_html(Report("f", {"x": GOOD}))
    assert report_html(Report("f", {"x": GOOD})).count("table") == 2


def test_a_problem_that_a_row_tells_is_not_told_twice():
    told = result([1.0], [2.0], message="dx is odd")
    shown = report_html(Report("f", {"x": told}, problems=["dx is odd", "forward < backward"], notes=["n & m"]))
    assert shown.count("dx is odd") == 1
    assert shown.count("forward &lt; backward") == 1
    assert "note: n &amp; m" in shown


def test_what_it_was_called_with_is_said_of_wrong_code():
    assert "called with f(x &lt; 1)" in report_html(Report("f", {"x": BAD}, call="f(x < 1)"))
    assert "called with" not in report_html(Report("f", {"x": BAD}))


def test_titles_and_names_are_escaped():
    shown = report_html(Report("<lambda>", {"x": result([1.0], [2.0], title="d<x>")}))
    assert "&lt;lambda&gt;" in shown
    assert "<code>d&lt;x&gt;</code>" in shown
    assert "<lambda>" not in shown
    assert "d<x>" not in shown


def likely_report(**keywords):
    first = Likely(CATALOGUE["transposed"], ("a < b", "more"), 0.9, ("x",), "w.T", also_lesson=9)
    other = Likely(CATALOGUE["extra 1/N"], ("too small", "unsaid"), 0.88, ("b",))
    return Report("f", {"x": BAD}, diagnoses=[first, other], **keywords)


def test_the_first_diagnosis_is_open_and_the_others_are_folded_away():
    shown = report_html(likely_report())
    first, other = re.findall(r"<details( open)? style=.*?<summary>(.*?)</summary>", shown)
    assert first == (" open", "Likely mistake: <b>transposed</b>")
    assert other == ("", "Also, for db: <b>extra 1/N</b>")


def test_a_diagnosis_says_what_was_seen_and_what_to_do():
    shown = report_html(likely_report())
    diagnosis = CATALOGUE["transposed"]
    assert "<li>a &lt; b</li><li>more</li>" in shown
    assert "<li>too small</li>" in shown
    assert "unsaid" not in shown, "of the others one reason is enough"
    for text in (diagnosis.says, f"<b>Hint.</b> {diagnosis.hint}", "Yours looks like this: w.T."):
        assert text.replace("'", "&#x27;") in shown
    assert shown.count("<details><summary>a stronger hint</summary>") == 2


def test_a_diagnosis_says_where_to_read():
    assert "Read lesson 5 (dense and ReLU) and lesson 9 (convolution by loops)." in report_html(likely_report())
    inside = report_html(likely_report(lesson=5))
    assert "Read lesson 9 (convolution by loops)." in inside
    assert "lesson 5" not in inside, "the reader is there"
    nowhere = Likely(CATALOGUE["transposed"], ("a",), 0.9)
    assert "Read" not in report_html(Report("f", {"x": BAD}, diagnoses=[nowhere], lesson=5))


def test_right_code_has_no_likely_mistake():
    likely = Likely(CATALOGUE["transposed"], ("a",), 0.9)
    assert "Likely mistake" not in report_html(Report("f", {"x": GOOD}, diagnoses=[likely]))
    assert "Likely mistake" in report_html(Report("f", {"x": GOOD}, problems=["p"], diagnoses=[likely]))


def test_the_first_gradient_that_can_be_drawn_is():
    missing = ArgumentResult("x", None, np.ones(2), message="dx is None")
    weights = result(np.ones((2, 2)), 2 * np.ones((2, 2)), "w")
    right, later = result([1.0], [1.0], "g"), result([1.0], [2.0], "b")
    shown = report_html(Report("f", {"x": missing, "g": right, "w": weights, "b": later}))
    assert shown.count("<svg") == 1
    assert "your dw" in shown
    assert "<svg" not in report_html(Report("f", {"x": missing, "g": right}))
    assert "<svg" not in report_html(Report("f", {"x": GOOD}, problems=["p"]))


# --- the picture -----------------------------------------------------------------------------------------------------------


def squares(svg):
    """[x, y, width, height, colour, line] of each."""
    found = re.findall(
        r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" fill="(.*?)" stroke="(.*?)" stroke-width="(.*?)"', svg
    )
    return [(*map(int, square[:4]), *square[4:]) for square in found]


def layout(svg):
    """(width, height, left of each panel's title, y of the note)."""
    width, height = re.search(r'width="(\d+)" height="(\d+)" style', svg).groups()
    titles = re.findall(r'<text x="(\d+)" y="14" font-size="13"', svg)
    note = re.search(r'<text x="2" y="(\d+)" font-size="12"', svg)[1]
    return int(width), int(height), [int(x) for x in titles], int(note)


@pytest.mark.parametrize(
    ("shape", "side"),
    [
        ((3, 5), 26),
        ((1, 1), 26),
        ((2, 9), 26),
        ((2, 10), 25),  # 250 pixels across
        ((5, 40), 6),
        ((16, 2), 26),
        ((17, 2), 24),  # 420 down
        ((30, 3), 14),
        ((200, 1), 4),  # small, but to be seen
    ],
)
def test_where_the_squares_stand(shape, side):
    """Three panels beside each other, 18 apart, a square for each entry with a white line around it."""
    rng = np.random.default_rng(0)
    svg = picture_svg(result(rng.uniform(1, 2, shape), rng.uniform(3, 4, shape)))
    panel = max(110, shape[1] * side)
    lefts = [2, 2 + panel + 18, 2 + 2 * (panel + 18)]
    wanted = [(left + j * side + 1, 22 + i * side + 1, side - 2, side - 2) for left in lefts for i, j in np.ndindex(shape)]
    assert [square[:4] for square in squares(svg)] == wanted
    height = 22 + shape[0] * side + 20
    assert layout(svg) == (max(420, 3 * panel + 2 * 18 + 4), height, lefts, height - 5)


def test_a_long_name_has_room():
    svg = picture_svg(result(np.ones((1, 2)), np.zeros((1, 2)), title="gradient_of_the_weights"))
    panel = 7 * len("numeric gradient_of_the_weights")
    assert layout(svg)[2] == [2, 2 + panel + 18, 2 + 2 * (panel + 18)]
    assert layout(svg)[0] == 3 * panel + 2 * 18 + 4


def test_the_panels_are_yours_the_measured_one_and_the_difference():
    yours, numeric = np.array([[4.0, 0.0, -4.0]]), np.array([[0.0, -4.0, -4.0]])
    svg = picture_svg(result(yours, numeric))
    colours = [square[4] for square in squares(svg)]
    assert colours[:3] == [VERMILLION, WHITE, BLUE]
    assert colours[3:6] == [WHITE, BLUE, BLUE]
    assert colours[6:] == [VERMILLION, VERMILLION, WHITE]
    assert re.findall(r'fill="#222">(.*?)</text>', svg) == ["your dx", "numeric dx", "difference"]
    assert 'aria-label="dx: yours, numeric and their difference"' in svg
    step = picture_svg(result(yours, numeric, title="<step>", measure="the reference's"))
    assert "the reference's &lt;step&gt;</text>" in step
    assert "<step>" not in step


def test_a_colour_is_the_deeper_the_larger_the_number():
    """As mixed by hand: white with so much of the end's colour as (size / largest) to the power 0.7."""
    sizes = np.array([[1.0, 0.5, 0.25, -0.25, -0.5, -1.0]])
    colours = [square[4] for square in squares(picture_svg(result(8 * sizes, 8 * sizes)))[:6]]
    wanted = []
    for size in sizes[0]:
        end, share = ((0xD5, 0x5E, 0x00) if size > 0 else (0x00, 0x72, 0xB2)), abs(size) ** 0.7
        wanted.append("#" + "".join(f"{int((1 - share) * 255 + share * part):02x}" for part in end))
    assert colours == wanted


def test_all_panels_have_one_scale():
    svg = picture_svg(result([[3.0, 0.0]], [[-3.0, 0.0]]))
    assert "full colour is 6;" in svg, "the difference is the largest"
    assert squares(svg)[4][4] == VERMILLION
    assert squares(svg)[0][4] not in (VERMILLION, WHITE)
    assert "full colour is 0.333;" in picture_svg(result([[1 / 3]], [[1 / 3]]))


def test_wrong_entries_are_outlined_in_yours_and_in_the_difference():
    svg = picture_svg(result([[1.0, 5.0], [1.0, 1.0]], np.ones((2, 2))))
    lines = [square[5:] for square in squares(svg)]
    thick, thin = ("#000", "1.4"), ("#ddd", "0.5")
    assert lines == [thin, thick, thin, thin, *4 * [thin], thin, thick, thin, thin]
    assert "wrong entries outlined" in svg


def test_there_is_no_square_in_the_gaps_between_images():
    images = np.random.default_rng(1).uniform(1, 2, (2, 2, 2, 3))
    found = squares(picture_svg(result(images, images)))
    assert len(found) == 3 * images.size
    across = {square[0] for square in found[: images.size]}
    assert across == {3 + 26 * column for column in (0, 1, 2, 4, 5, 6)}
