"""Numbers and tables as people read them; the page that an HTML view stands in."""

from __future__ import annotations

import html
from collections.abc import Sequence

MISSING = "?"


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits: 0.0123, 1.5e-06; "?" for None."""
    return MISSING if value is None else f"{value:.{digits}g}"


def count(value: int | None) -> str:
    """Whole numbers with commas; "?" for None."""
    return MISSING if value is None else f"{value:,}"


def percent(fraction: float) -> str:
    """A fraction as percent: whole ones, or up to two more digits where it would read 0 or 100 and is neither."""
    if not 0 < fraction < 1:
        return f"{100 * fraction:.0f} %"
    for digits in range(3):
        text = f"{100 * fraction:.{digits}f}"
        if 0 < float(text) < 100:
            return f"{text} %"
    return "over 99.99 %" if fraction > 0.5 else "under 0.01 %"


def memory(size: float) -> str:
    """Bytes in the unit that fits: 784 B, 12.3 kB, 4.56 MB."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def table(rows: Sequence[Sequence[str]], align: str) -> str:
    """Columns under each other; ``align`` has one of < and > a column. The first row is the heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(align))]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True)).rstrip()
        for row in rows
    )


def html_table(rows: Sequence[Sequence[str]], align: str) -> str:
    """The same as HTML."""

    def line(row: Sequence[str], tag: str) -> str:
        sides = {"<": "left", ">": "right"}
        cells = (f'<{tag} style="text-align:{sides[a]}">{html.escape(c)}</{tag}>' for c, a in zip(row, align, strict=True))
        return f"<tr>{''.join(cells)}</tr>"

    return f"<table>{line(rows[0], 'th')}{''.join(line(row, 'td') for row in rows[1:])}</table>"


def html_page(title: str, body: str) -> str:
    """A whole HTML document around a view, readable on light and dark screens, that loads nothing from anywhere."""
    style = (
        ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem "
        "auto;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{padding:.15rem .7rem}"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{style}</style></head>\n'
        f"<body>{body}</body></html>\n"
    )
