"""What the benchmarks' command lines share: options, errors in one line, and where results go.

Exit status 0 for success, 1 for failure, 2 for misuse.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn


class Misuse(ValueError):
    """The command was called with something that can't be meant."""


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def parser(name: str, description: str, *, rounds: int | None) -> Parser:
    """With the options that all have; --rounds if there is a default for it."""
    made = Parser(prog=f"python -m benchmarks.{name}", description=description)
    if rounds is not None:
        made.add_argument("--rounds", type=whole_number(1), metavar="N", help=f"turns of each contender (default {rounds})")
    made.add_argument("--data-dir", metavar="D", help="folder of the MNIST files (default $SCRATCHNET_DATA, data_cache/)")
    made.add_argument("--json", metavar="F", help="write the results to F")
    made.add_argument("--markdown", metavar="F", help=f"write the tables to F, between its marks for {name}")
    made.set_defaults(name=name)
    return made


def whole_number(low: int) -> Callable[[str], int]:
    """An argparse type."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < low:
            raise argparse.ArgumentTypeError(f"found {text!r}, wanted a whole number of at least {low}")
        return int(text)

    return parse


def list_of(wanted: Sequence[str]) -> Callable[[str], list[str]]:
    """An argparse type: some of these, with commas between them."""

    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        wrong = [name for name in names if name not in wanted]
        if wrong:
            raise argparse.ArgumentTypeError(f"found {wrong[0]!r}, wanted some of {','.join(wanted)}")
        return list(dict.fromkeys(names))

    return parse


def needs_pytorch() -> None:
    """Errors    ImportError that says how to get it"""
    if importlib.util.find_spec("torch") is None:
        raise ImportError('PyTorch is not installed; pip install -e ".[bench]" gets it')


def run(main: Callable[[argparse.Namespace], None], grammar: Parser, argv: Sequence[str] | None) -> int:
    """Parse, run, and turn errors into one line and an exit status."""
    args = grammar.parse_args(argv)
    try:
        _check_outputs(args)
        main(args)
        return 0
    except Misuse as error:
        return _report(grammar.prog, error, 2)
    except KeyboardInterrupt:
        return _report(grammar.prog, "interrupted", 1)
    except (ValueError, ArithmeticError, RuntimeError, OSError, MemoryError, ImportError) as error:
        return _report(grammar.prog, error, 1)


def _report(program: str, error: object, status: int) -> int:
    print(f"{program}: error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
    return status


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def _check_outputs(args: argparse.Namespace) -> None:
    """Before the minutes of measuring: can what was measured be written?"""
    for option in ("json", "markdown"):
        path = getattr(args, option, None)
        if path is not None and not Path(path).resolve().parent.is_dir():
            raise Misuse(f"--{option}: there is no folder {Path(path).resolve().parent}")
    if getattr(args, "markdown", None):
        _parts(args.markdown, args.name)


def _parts(path: str, name: str) -> tuple[str, str]:
    """A file's text before and after what stands between the marks, both with their mark."""
    begin, end = _marks(name)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise Misuse(f"--markdown: {path}: {error.strerror}") from error
    before, found, rest = text.partition(begin)
    _, found_too, after = rest.partition(end)
    if not (found and found_too):
        raise Misuse(f"--markdown: {path} has no lines {begin} and {end} to write between")
    return before + begin, end + after


def save(args: argparse.Namespace, rows: list[dict[str, Any]], markdown: str) -> None:
    """Write what --json and --markdown ask for."""
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if args.markdown:
        before, after = _parts(args.markdown, args.name)
        Path(args.markdown).write_text(f"{before}\n{markdown.strip()}\n{after}", encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, texts: Sequence[int] = (0,)) -> str:
    """A table that is readable as it stands and is Markdown; the columns ``texts`` to the left, numbers to the right."""
    cells = [list(header), *map(list, rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    left = [i in texts for i in range(len(header))]
    aligned = [[c.ljust(w) if to else c.rjust(w) for c, w, to in zip(row, widths, left, strict=True)] for row in cells]
    lines = [f"| {' | '.join(row)} |" for row in aligned]
    rule = "|" + "|".join("-" * (w + 2) if to else "-" * (w + 1) + ":" for w, to in zip(widths, left, strict=True)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def short(number: float) -> str:
    """Three digits: 16400 -> 16.4k, 1234567 -> 1.23M."""
    if not math.isfinite(number):
        return str(number)
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * size:
            return f"{number / size:.3g}{letter}" if abs(number) < 999.5 * size else f"{number / size:.0f}{letter}"
    return f"{number:.3g}" if abs(number) < 999.5 else f"{number:.0f}"
