"""The ``scratchnet`` command. Exit status 0 for success, 1 for failure, 2 for misuse, each failure one line on stderr."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import scratchnet
from scratchnet.cli import data, doctor, draw, evaluate, explain, gradcheck, predict, trace, train
from scratchnet.cli.common import Failure, Misuse
from scratchnet.datasets.errors import UnknownDatasetError
from scratchnet.engine import WorkerDied
from scratchnet.machine import one_blas_thread
from scratchnet.recipes import ConfigError
from scratchnet.runs import RunError

COMMANDS = (train, evaluate, predict, explain, trace, draw, doctor, data, gradcheck)


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


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
    except (Misuse, ConfigError, RunError, UnknownDatasetError) as error:
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
    message = " ".join(str(error).split()) or type(error).__name__
    print(f"scratchnet: error: {message}", file=sys.stderr)
    return status
