"""A report as a notebook shows it: HTML and SVG only, no script, no style sheet, nothing to install."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from scratchnet.gradcheck.plane import reach, to_plane, wrong_plane
from scratchnet.typing import Array

if TYPE_CHECKING:
    from scratchnet.gradcheck.report import ArgumentResult, Likely, Report

_COLOURS = {"ok": "#00654A", "WRONG": "#A84300", "UNCLEAR": "#7A5C00"}
_CELL = "padding:3px 14px 3px 0;text-align:left;vertical-align:top"
_POSITIVE, _NEGATIVE = np.array([0xD5, 0x5E, 0x00]), np.array([0x00, 0x72, 0xB2])  # vermillion, blue


def report_html(report: Report) -> str:
    """A table of the gradients, the mistake, with the strong hint folded away, and the picture of a wrong gradient."""
    head = "the gradients are right" if report.passed else "something is wrong"
    colour = _COLOURS["ok" if report.passed else "WRONG"]
    parts = [
        '<div style="max-width:56em;line-height:1.45">',
        f'<p style="margin:0 0 6px"><b>{escape(report.title)}</b>: <b style="color:{colour}">{head}</b></p>',
    ]
    if report.results:
        parts.append('<table style="border-collapse:collapse;margin:0 0 8px">')
        for result in report.results.values():
            cells = (
                f"<code>{escape(report.row_name(result.name))}</code>",
                escape(result.shape),
                f'<b style="color:{_COLOURS[result.status]}">{result.status}</b>',
                escape(str(result)),
            )
            parts.append("<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>")
        parts.append("</table>")
    shown = {result.message for result in report.results.values()}
    parts += [f'<p style="margin:2px 0">{escape(text)}</p>' for text in report.problems if text not in shown]
    if report.call and not report.passed:
        parts.append(f'<p style="margin:2px 0">called with {escape(report.call)}</p>')
    parts += [f'<p style="margin:2px 0;color:#555">note: {escape(text)}</p>' for text in report.notes]
    if report.diagnoses and not report.passed:
        parts.append(_likely_html("likely mistake", report.diagnoses[0], report.lesson))
        parts += [_likely_html(stands, likely, report.lesson, reason) for stands, likely, reason in report.others()]
    wrong = [result for result in report.results.values() if not result.passed and result.drawable]
    if wrong:
        parts.append(picture_svg(wrong[0]))
    return "".join([*parts, "</div>"])


def _likely_html(stands: str, likely: Likely, lesson: int | None, reason: str = "") -> str:
    where = likely.lessons(but=lesson)
    read = f'<p style="margin:4px 0">Read {escape(where)}.</p>' if where else ""
    evidence = "".join(f"<li>{escape(text)}</li>" for text in ([reason] if reason else likely.evidence))
    return (
        f'<details{"" if reason else " open"} style="margin:6px 0;border-left:4px solid #0072B2;padding-left:10px">'
        f"<summary>{escape(stands[0].upper() + stands[1:])}: <b>{escape(likely.name)}</b></summary>"
        f'<ul style="margin:4px 0">{evidence}</ul><p style="margin:4px 0">{escape(likely.diagnosis.says)}</p>'
        f'<p style="margin:4px 0"><b>Hint.</b> {escape(likely.diagnosis.hint)}</p>'
        f"<details><summary>a stronger hint</summary>{escape(likely.strong_hint)}</details>"
        f"{read}</details>"
    )


def picture_svg(result: ArgumentResult) -> str:
    """Yours, the numeric one and the difference, side by side; wrong entries outlined."""
    assert result.analytic is not None
    planes = [to_plane(a) for a in (result.analytic, result.numeric, result.analytic - result.numeric)]
    wrong = wrong_plane(result.wrong_entries)
    rows, columns = planes[0].shape
    side = max(4, min(26, 250 // columns, 420 // rows))
    width, height, gap, top = columns * side, rows * side, 18, 22
    panel = max(width, 110, 7 * len(f"{result.measure} {result.label}"))
    limit = reach(*planes)
    what = escape(result.label)
    titles = (f"your {what}", f"{result.measure} {what}", "difference")
    parts = []
    for k, (plane, title) in enumerate(zip(planes, titles, strict=True)):
        left = k * (panel + gap) + 2
        parts.append(f'<text x="{left}" y="14" font-size="13" font-family="sans-serif" fill="#222">{title}</text>')
        for i, j in np.ndindex(rows, columns):
            if np.isfinite(plane[i, j]):
                outline = (
                    ' stroke="#000" stroke-width="1.4"' if k != 1 and wrong[i, j] else ' stroke="#ddd" stroke-width="0.5"'
                )
                place = f'x="{left + j * side + 1}" y="{top + i * side + 1}" width="{side - 2}" height="{side - 2}"'
                parts.append(f'<rect {place} fill="{_colour(float(plane[i, j]) / limit)}"{outline}/>')
    whole, deep = 3 * panel + 2 * gap + 4, top + height + 20
    scale = f"blue negative, orange positive, full colour is {limit:.3g}; wrong entries outlined"
    note = f'<text x="2" y="{deep - 5}" font-size="12" font-family="sans-serif" fill="#555">{scale}</text>'
    words = f"{what}: yours, {result.measure} and their difference"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{words}" width="{max(whole, 420)}" height="{deep}" '
        f'style="background:#fff">{"".join(parts)}{note}</svg>'
    )


def _colour(value: float) -> str:
    """-1 .. 1 -> blue .. white .. orange."""
    end: Array = _POSITIVE if value > 0 else _NEGATIVE
    mixed = 255 + (end - 255) * min(1.0, abs(value)) ** 0.7
    return "#" + "".join(f"{int(c):02x}" for c in mixed)
