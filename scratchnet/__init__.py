"""scratchnet: neural networks from scratch in pure NumPy, for learning.

Start reading at ``scratchnet/layers/dense.py``: a layer is one screen. Importing the package needs NumPy alone.
"""

__version__ = "0.1.0"
