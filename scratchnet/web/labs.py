"""Labs: a visitor's own copy of a network, whose weights one-step SGD changes. Nobody else sees it.

Labs are bounded: at most MOST_LABS networks and MOST_BYTES of weights, the ones not used for longest go first, and whatever
was not used for MAX_AGE seconds goes too.
"""

from __future__ import annotations

import copy
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from scratchnet.layers import Layer
from scratchnet.optim import SGD
from scratchnet.typing import Grads
from scratchnet.web.errors import ApiError

MOST_LABS = 64
MOST_BYTES = 256 * 2**20
MAX_AGE = 3600.0


@dataclass
class Lab:
    """One network of one visitor. ``model`` is replaced, never changed, so that whoever reads one reads a whole one."""

    model: Layer
    steps: int = 0
    used: float = 0.0
    turn: threading.Lock = field(default_factory=threading.Lock)  # steps of one visitor come one after the other

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.model.params.values())


class Labs:
    """All visitors' labs, under (the visitor's name, the network's id). Names are random and can't be guessed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._labs: OrderedDict[tuple[str, str], Lab] = OrderedDict()
        self._names: OrderedDict[str, float] = OrderedDict()  # visitors and when they were last seen
        self._lock = threading.Lock()
        self._clock = clock

    def __len__(self) -> int:
        return len(self._labs)

    def name(self, visitor: str | None) -> str:
        """The visitor's name, or a new one.

        Errors    ApiError 410 if the name is not, or no longer, known
        """
        with self._lock:
            self._forget_old()
            if visitor is None:
                visitor = secrets.token_urlsafe(16)
                self._names[visitor] = self._clock()
                while len(self._names) > MOST_LABS:
                    self._forget(next(iter(self._names)))
            self._see(visitor)
            return visitor

    def open(self, visitor: str, model_id: str, original: Layer) -> Lab:
        """The visitor's copy of a network, made of ``original`` if there is none yet."""
        with self._lock:
            self._see(visitor)
            key = visitor, model_id
            if key not in self._labs:
                self._labs[key] = Lab(copied(original))
            self._labs.move_to_end(key)
            lab = self._labs[key]
            lab.used = self._clock()
            while len(self._labs) > 1 and (len(self._labs) > MOST_LABS or self._bytes() > MOST_BYTES):
                self._labs.popitem(last=False)
            return lab

    def model(self, visitor: str, model_id: str, original: Layer) -> Layer:
        """What the visitor sees under this id: a copy with changed weights, or the original.

        Errors    ApiError 410 if the visitor's name is not, or no longer, known
        """
        with self._lock:
            self._forget_old()
            self._see(visitor)
            lab = self._labs.get((visitor, model_id))
            if lab is None:
                return original
            self._labs.move_to_end((visitor, model_id))
            lab.used = self._clock()
            return lab.model

    def steps(self, visitor: str, model_id: str) -> int:
        """How many steps of SGD the visitor's copy has taken; 0 where there is none (any more)."""
        with self._lock:
            lab = self._labs.get((visitor, model_id))
            return 0 if lab is None else lab.steps

    def reset(self, visitor: str, model_id: str) -> None:
        """Throw a copy away; nothing happens if there is none."""
        with self._lock:
            self._labs.pop((visitor, model_id), None)

    def _see(self, visitor: str) -> None:
        if visitor not in self._names:
            raise ApiError(410, "lab-forgotten", "this lab was long unused and is forgotten: the weights are as before")
        self._names[visitor] = self._clock()
        self._names.move_to_end(visitor)

    def _forget_old(self) -> None:
        limit = self._clock() - MAX_AGE
        for visitor in [name for name, seen in self._names.items() if seen < limit]:
            self._forget(visitor)

    def _forget(self, visitor: str) -> None:
        self._names.pop(visitor)
        for key in [key for key in self._labs if key[0] == visitor]:
            del self._labs[key]

    def _bytes(self) -> int:
        return sum(lab.bytes for lab in self._labs.values())


def copied(model: Layer) -> Layer:
    """The same network with params of its own. State is shared, since no step here changes it."""
    return copy.deepcopy(model, {id(array): array for array in model.state.values()})


def stepped(model: Layer, grads: Grads, lr: float) -> Layer:
    """A copy of the network after one step of SGD, w - lr * dw.

    Errors    ApiError 422 if a weight is then not finite
    """
    changed = copied(model)
    with np.errstate(over="ignore", invalid="ignore"):
        SGD(lr=lr).step(changed.params, grads)
    if not all(np.isfinite(array).all() for array in changed.params.values()):
        raise diverged()
    return changed


def diverged() -> ApiError:
    """422: the step leads nowhere."""
    return ApiError(422, "diverged", "after this step the numbers are not finite any more: take a smaller learning rate")
