"""What an exercise's check is written with: ``values`` for a function's results, ``gradients`` for a backward pass."""

from scratchnet.gradcheck import generic

from .tools.attempt import attempt
from .tools.compare import Comparison, Mistake, gradients, values

__all__ = ["Comparison", "Mistake", "attempt", "generic", "gradients", "values"]
