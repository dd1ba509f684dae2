"""Gradient checking: is a backward pass the derivative of its forward pass? Measured, not believed. If not, why not?

report = check(Conv2d(2, 4, 3, rng=rng), shape=(3, 2, 7, 6))
report = check((my_forward, my_backward), x, w, b, options={"stride": 2})
report = check(MyAffine, x, w, b)           # a class of your own; or (f, df), plain functions
report = check(my_step, reference=Momentum(0.1), options={"lr": 0.1, "momentum": 0.9})
print(report)       # a line for each gradient; if one is wrong the name of the mistake, the evidence, a hint
assert report       # true if all are right
report.hint(strong=True)

How it works, in this order: subject.py and learners.py bring the code into one form, protocol.py watches how it behaves,
slopes.py and compare.py measure, and if something is wrong diagnose.py collects findings: what protocol.py saw, the traces
in the numbers (signs/), known mistakes of the operation (bank/). catalogue.py lists the names.
"""

from scratchnet.gradcheck.catalogue import CATALOGUE, Diagnosis
from scratchnet.gradcheck.check import check
from scratchnet.gradcheck.inputs import generic
from scratchnet.gradcheck.numeric import numeric_gradient
from scratchnet.gradcheck.package import check_all
from scratchnet.gradcheck.report import ArgumentResult, Likely, Report

__all__ = [
    "CATALOGUE",
    "ArgumentResult",
    "Diagnosis",
    "Likely",
    "Report",
    "check",
    "check_all",
    "generic",
    "numeric_gradient",
]
