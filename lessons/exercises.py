"""What an exercise's check is written with: ``values`` for a function's results, ``gradients`` for a backward pass."""

from scratchnet.gradcheck import check as gradients
from scratchnet.gradcheck import generic

from .tools.compare import Comparison, Mistake, values

__all__ = ["Comparison", "Mistake", "generic", "gradients", "values"]
