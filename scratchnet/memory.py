"""Memory order of image batches.

Every public image array has the logical shape (N, C, H, W). In memory the layers keep it as (H, C, W, N): rows outermost,
the batch innermost. Two things follow. A copy of "all columns shifted by one" moves long contiguous stretches of W*N numbers
instead of single pixels, and KH neighbouring rows of an image lie one after the other, which makes a convolution's patch
matrix nearly free (see layers/conv.py). NumPy's elementwise operations keep the memory order of their input, so activations
need not know about it at all.

The order is an optimisation, never a precondition: every layer takes any memory order and gives the same numbers.
"""

from __future__ import annotations

import numpy as np

from scratchnet.arguments import require_array
from scratchnet.typing import Array


def to_hcwn(x: Array) -> Array:
    """(N, C, H, W) in any memory order -> contiguous (H, C, W, N); no copy if x already lies that way."""
    require_array("to_hcwn: x", x, 4, "(N, C, H, W)")
    return np.ascontiguousarray(x.transpose(2, 1, 3, 0))


def from_hcwn(y: Array) -> Array:
    """(H, C, W, N) -> the same numbers seen as (N, C, H, W). Never copies."""
    require_array("from_hcwn: y", y, 4, "(H, C, W, N)")
    return y.transpose(3, 1, 0, 2)
