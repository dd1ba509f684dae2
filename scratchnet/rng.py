"""The named random streams. Randomness is always an argument, never global state.

``stream(seed, purpose, step, shard)`` is a fresh generator, the same for the same four numbers. It is counter-based
(Philox; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), so the draws of step 1000 are had without
those of steps 0 to 999: a resumed run needs only the step number, and a run does not depend on how many workers share it.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from scratchnet.arguments import is_whole
from scratchnet.typing import Rng


class Purpose(IntEnum):
    """What a stream is for; streams of different purposes never meet."""

    INIT = 0
    SHUFFLE = 1  # step = epoch
    STEP = 2  # dropout, augmentation: step = training step, shard = part of the batch
    SPLIT = 3
    SYNTHETIC = 4
    EVALUATION = 5  # step 0: bootstrap; above: the noise of each corruption
    GRADCHECK = 6  # step 0: dout and what else is drawn; 1: what forward gets; 2: np.random's own functions in it


def stream(seed: int, purpose: Purpose, *, step: int = 0, shard: int = 0) -> Rng:
    """A generator for one purpose at one step of one run.

    The counter is four 64-bit words, lowest first. Draws advance the lowest word, which is why step and shard sit in the
    highest two: streams can't run into each other in 2**128 draws.

    Errors    ValueError if a number is negative or does not fit 64 bits, TypeError if it is no integer
    """
    for name, value in {"seed": seed, "step": step, "shard": shard}.items():
        if not is_whole(value):
            raise TypeError(f"stream: {name} must be an integer, got {value!r}")
        if not 0 <= value < 2**64:
            raise ValueError(f"stream: {name} must be in 0 .. 2**64 - 1, got {value}")
    if not is_whole(purpose) or purpose not in list(Purpose):
        raise TypeError(f"stream: purpose must be one of {', '.join(map(str, Purpose.__members__))}, got {purpose!r}")
    key = np.array([seed, int(purpose)], np.uint64)
    counter = np.array([0, 0, shard, step], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
