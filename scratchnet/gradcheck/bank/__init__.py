"""The bank: which operation is this, and what would a backward with a known mistake in it return on these very inputs?

An operation is known by its output, not by its name: if forward gives what a convolution would, it is one.
"""

from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.bank import images, losses, norm, simple
from scratchnet.gradcheck.bank.operation import Given, Operation, Setup
from scratchnet.gradcheck.evidence import Evidence, close
from scratchnet.gradcheck.finding import Finding

OPERATIONS = {op.name: op for op in (*simple.OPERATIONS, *images.OPERATIONS, *norm.OPERATIONS, *losses.OPERATIONS)}
MATCH = 1e-6  # of the largest number


def recognise(e: Evidence) -> tuple[Operation, Setup] | None:
    """The operation that has this output for these inputs."""
    given = Given.of(e.subject, e.trial.out, e.trial.dout)
    with np.errstate(all="ignore"):
        for operation in OPERATIONS.values():
            for setup in operation.setups(given):
                if close(setup.out, e.out, 1e-9):
                    return operation, setup
    return None


def find(e: Evidence, operation: Operation, setup: Setup) -> Iterator[Finding]:
    """Known-wrong backwards of this operation whose result is this one's."""
    given = Given.of(e.subject, e.trial.out, e.trial.dout)
    with np.errstate(all="ignore"):
        for wrong in operation.wrongs(given, setup):
            matched = [n for n in e.wrong if n in wrong.gradients and close(wrong.gradients[n], e.a(n), MATCH)]
            if matched:
                what = ", ".join(e.label(name) for name in matched)
                said = (
                    f"a correct {operation.called} gradient, changed in this way, gives exactly your {what}: {wrong.words}"
                )
                yield Finding(wrong.name, said, wrong.weight, tuple(matched), wrong.code or wrong.words)
        if operation.name == "batch_norm":
            yield from _batch_norm(e, given, setup)


def _batch_norm(e: Evidence, given: Given, setup: Setup) -> Iterator[Finding]:
    x_name, *others = setup.roles["names"]
    read = False
    if x_name in e.wrong:
        for name, words, weight in norm.read_dx(given, setup, e.a(x_name), e.n(x_name)):
            read = True
            yield Finding(name, words, weight, (x_name,))
    for other in others:
        if other in e.wrong:
            for name, words, weight in norm.read_dgamma(setup, e.a(other), e.n(other)):
                yield Finding(name, f"{e.label(other)}: {words}", weight, (other,))
    near = [n for n in e.wrong if close(e.a(n), e.n(n), 2e-3)]
    if near and not read:
        what = ", ".join(e.label(name) for name in near)
        yield Finding("epsilon wrong", f"{what} is off by less than 0.2 %", 0.85, tuple(near))
