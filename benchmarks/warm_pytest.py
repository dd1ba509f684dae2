"""Runs pytest again and again without starting Python anew: half of the time of a short run goes into imports.

Each line of stdin is a JSON list, pytest's arguments and a file for what it prints. Each answer has two lines: the number of
the process that runs them, which leads a group of its own, and its exit status. That process is a fork of this one, which
has imported what tests use, and nothing of the project: that may change from one line to the next.
"""

import json
import os
import sys

import hypothesis.strategies  # noqa: F401
import numpy.testing  # noqa: F401
import pytest


def main() -> None:
    del sys.path[0]  # this file's folder
    for line in sys.stdin:
        arguments, output = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for standard in (1, 2):
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), standard)
            sys.exit(pytest.main(arguments))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
