"""A report as a notebook shows it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from scratchnet.gradcheck.subject import label

if TYPE_CHECKING:
    from scratchnet.gradcheck.report import Likely, Report

_COLOURS = {"ok": "#00654A", "WRONG": "#A84300", "UNCLEAR": "#7A5C00"}
_CELL = "padding:3px 14px 3px 0;text-align:left;vertical-align:top"


def report_html(report: Report) -> str:
    """A table of the gradients, then the mistake, with the strong hint folded away. No script, no style sheet."""
    head = "the gradients are right" if report.passed else "something is wrong"
    colour = _COLOURS["ok" if report.passed else "WRONG"]
    parts = [
        '<div style="max-width:52em;line-height:1.45">',
        f'<p style="margin:0 0 6px"><b>{escape(report.title)}</b>: <b style="color:{colour}">{head}</b></p>',
    ]
    if report.results:
        parts.append('<table style="border-collapse:collapse;margin:0 0 8px">')
        for result in report.results.values():
            cells = (
                f"<code>{escape(label(result.name))}</code>",
                escape(str(result.numeric.shape)),
                f'<b style="color:{_COLOURS[result.status]}">{result.status}</b>',
                escape(str(result)),
            )
            parts.append("<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>")
        parts.append("</table>")
    shown = {result.message for result in report.results.values()}
    parts += [f'<p style="margin:2px 0">{escape(text)}</p>' for text in report.problems if text not in shown]
    parts += [f'<p style="margin:2px 0;color:#555">note: {escape(text)}</p>' for text in report.notes]
    if report.diagnoses and not report.passed:
        first, *others = report.diagnoses
        parts.append(_likely_html(first, open_=True))
        parts += [_likely_html(likely, open_=False) for likely in others[:2]]
    return "".join([*parts, "</div>"])


def _likely_html(likely: Likely, open_: bool) -> str:
    said = "Likely mistake" if open_ else "Or else"
    evidence = "".join(f"<li>{escape(text)}</li>" for text in likely.evidence)
    return (
        f'<details{" open" if open_ else ""} style="margin:6px 0;border-left:4px solid #0072B2;padding-left:10px">'
        f"<summary>{said}: <b>{escape(likely.name)}</b></summary>"
        f'<p style="margin:4px 0">{escape(likely.diagnosis.says)}</p><ul style="margin:4px 0">{evidence}</ul>'
        f'<p style="margin:4px 0"><b>Hint.</b> {escape(likely.diagnosis.hint)}</p>'
        f"<details><summary>a stronger hint</summary>{escape(likely.diagnosis.strong_hint)}</details>"
        f'<p style="margin:4px 0">Read {escape(likely.lessons)}.</p></details>'
    )
