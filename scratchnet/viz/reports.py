"""A gradient check's report: your gradient beside the numeric one."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scratchnet.arguments import kind_of
from scratchnet.gradcheck.plane import reach, to_plane, wrong_plane
from scratchnet.gradcheck.report import Report
from scratchnet.viz.figures import BLACK, SIGNS, bare, new_figure, style, suptitle


def gradients(report: Report, name: str | None = None) -> Figure:
    """What backward returned, the numeric gradient and their difference side by side, with wrong entries outlined.

    report is what ``scratchnet.gradcheck.check`` returns; of an argument, by its name, or of the first wrong one. Images lie
    side by side, a row for each n; of a large array the first of them are shown.

    Errors    ValueError if there is no such argument, or nothing to lay side by side
    """
    if not isinstance(report, Report):
        raise TypeError(f"gradients: report must be what gradcheck.check returns, got {kind_of(report)}")
    drawable = {key: result for key, result in report.results.items() if result.drawable}
    if not drawable or (name is not None and name not in drawable):
        if not drawable:
            raise ValueError("gradients: the report has no gradient to draw; print it, it says why")
        raise ValueError(f"gradients: name must be one of {', '.join(drawable)}, got {name!r}")
    chosen = name or next((key for key, result in drawable.items() if not result.passed), next(iter(drawable)))
    result = drawable[chosen]
    assert result.analytic is not None
    planes = [to_plane(array) for array in (result.analytic, result.numeric, result.analytic - result.numeric)]
    wrong, limit = wrong_plane(result.wrong_entries), reach(*planes)
    rows, columns = wrong.shape
    what = result.label
    with style():
        side = min(0.5, 3.6 / columns, 5.0 / rows)
        figure = new_figure(3 * max(columns * side, 1.6) + 2.2, max(rows * side, 0.6) + 1.5)
        axes = figure.subplots(1, 3)
        for ax, plane, title in zip(axes, planes, (f"your {what}", f"{result.measure} {what}", "difference"), strict=True):
            shown = ax.imshow(plane, cmap=SIGNS, vmin=-limit, vmax=limit, aspect="equal")
            ax.set_title(title)
            bare(ax)
            if ax is not axes[1]:
                for i, j in np.argwhere(wrong):
                    ax.add_patch(Rectangle((j - 0.44, i - 0.44), 0.88, 0.88, fill=False, edgecolor=BLACK, linewidth=0.9))
        bar = figure.colorbar(shown, ax=list(axes), fraction=0.03, pad=0.02)
        bar.outline.set_visible(False)
        found = f"{int(result.wrong_entries.sum())} of {result.size} entries wrong" if not result.passed else "right"
        names = [called for called in report.title.split(", ") if called != "<lambda>"]
        suptitle(figure, f"{', '.join([*names, what])}: {found}{_elsewhere(report, result.passed)}")
    return figure


def _elsewhere(report: Report, drawn_is_right: bool) -> str:
    """What the mistake in a report may be; and what it is in, if that is not what is drawn."""
    if report.passed:
        return ""
    wrong = ", ".join(result.label for result in report.results.values() if not result.passed)
    name = f"{report.diagnoses[0].name}?" if report.diagnoses else ""
    if not drawn_is_right:
        return f": {name}" if name else ""
    return f"; not right: {wrong or 'the code'}" + (f" ({name})" if name else "")
