"""Gradient checking: is a backward pass the derivative of its forward pass? Measured, not believed.

report = check(Conv2d(2, 4, 3, rng=rng), shape=(3, 2, 7, 6))
report = check((my_forward, my_backward), x, w, b, options={"stride": 2})
print(report)       # a line for each gradient
assert report       # true if all are right
"""

from scratchnet.gradcheck.check import check
from scratchnet.gradcheck.inputs import generic
from scratchnet.gradcheck.numeric import numeric_gradient
from scratchnet.gradcheck.package import check_all
from scratchnet.gradcheck.report import ArgumentResult, Report

__all__ = ["ArgumentResult", "Report", "check", "check_all", "generic", "numeric_gradient"]
