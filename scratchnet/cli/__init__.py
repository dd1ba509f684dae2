"""The ``scratchnet`` command.

Exit status 0 for success; 2 for misuse: a command, option, name or value that there is not; 1 for failure: everything else,
such as a file that is missing, can't be read, holds something wrong or is in the way. Misuse and failure are one line on
stderr.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import scratchnet
from scratchnet.cli import (
    compare,
    data,
    doctor,
    draw,
    evaluate,
    explain,
    gradcheck,
    lessons,
    models,
    predict,
    recipe,
    reproduce,
    robustness,
    trace,
    train,
    tune,
)
from scratchnet.cli.common import Failure, Misuse
from scratchnet.datasets.errors import UnknownDatasetError
from scratchnet.engine import WorkerDied
from scratchnet.machine import one_blas_thread
from scratchnet.untrusted import one_line

COMMANDS = (
    *(train, tune, evaluate, compare, robustness, predict, explain, trace, draw, doctor),
    *(models, recipe, reproduce, data, gradcheck, lessons),
)


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line, and that of the command that was called."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it, but what a command does not know is that command's error and not ``scratchnet``'s."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message)} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar; every command's module adds its own part."""
    top = _Parser(prog="scratchnet", description="Neural networks from scratch in NumPy, on handwritten digits.")
    top.add_argument("--version", action="version", version=f"scratchnet {scratchnet.__version__}")
    top.add_argument("--traceback", action="store_true", help="show where in the program an error arose")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for command in COMMANDS:
        command.add_to(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        with one_blas_thread():
            status: int = args.run(args)
        sys.stdout.flush()
        return status
    except (Misuse, UnknownDatasetError) as error:
        return _report(error, 2, args.traceback)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _report(Failure("interrupted"), 1, args.traceback)
    except (ValueError, ArithmeticError, OSError, MemoryError, ImportError, WorkerDied) as error:
        return _report(error, 1, args.traceback)


def _report(error: BaseException, status: int, with_traceback: bool) -> int:
    if with_traceback:
        raise error
    print(f"scratchnet: error: {one_line(error)}", file=sys.stderr)
    return status
