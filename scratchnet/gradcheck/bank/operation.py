"""What the bank knows of an operation: what it computes, and what backward returns when a known mistake is in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchnet.gradcheck.subject import Subject
from scratchnet.typing import Array, Params


@dataclass(frozen=True)
class Given:
    """The inputs of the code under check, and the upstream gradient."""

    arrays: Params
    constants: Params
    settings: dict[str, float]
    out_shape: tuple[int, ...]
    dout: Array

    @classmethod
    def of(cls, subject: Subject, out: Any, dout: Any) -> "Given":
        return cls(subject.arrays, subject.constants, subject.settings, np.shape(out), np.asarray(dout, np.float64))

    def setting(self, *beginnings: str) -> float | None:
        """The value of the first option whose name starts like one of these."""
        for beginning in beginnings:
            for name, value in self.settings.items():
                if name.lower().startswith(beginning):
                    return value
        return None

    def fractions(self) -> list[float]:
        return [value for value in self.settings.values() if 0 < value < 1]


@dataclass(frozen=True)
class Setup:
    """One way to read the inputs as this operation's, and the output that it would have."""

    out: Array
    roles: dict[str, Any] = field(default_factory=dict)  # what ``wrongs`` needs: which argument is w, the stride, ..


@dataclass(frozen=True)
class Wrong:
    """What a backward with a known mistake returns, for some of the arguments."""

    name: str
    gradients: Params
    words: str  # what is changed in it
    weight: float = 0.93
    code: str = ""  # the same to the letter, where that gives more away


def no_wrongs(given: Given, setup: Setup) -> Iterator[Wrong]:
    """An operation whose mistakes all show in the numbers themselves (signs/)."""
    return iter(())


@dataclass(frozen=True)
class Operation:
    name: str
    lesson: int
    setups: Callable[[Given], Iterator[Setup]]
    wrongs: Callable[[Given, Setup], Iterator[Wrong]] = no_wrongs
    title: str = ""  # as one speaks of it; several operations may share one

    @property
    def called(self) -> str:
        return self.title or self.name
