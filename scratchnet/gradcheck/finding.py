"""One piece of evidence for one diagnosis."""

from dataclasses import dataclass

from scratchnet.gradcheck.catalogue import CATALOGUE
from scratchnet.layers.base import require


@dataclass(frozen=True)
class Finding:
    """The numbers speak for ``name``.

    ``weight``, 0 .. 1, is how little else would explain them: 1 for what was seen directly (backward wrote into dout), less
    where other mistakes leave the same trace. ``explains`` are the arguments whose gradients it accounts for. ``detail`` is
    the mistake to the letter, if that is known: for the strong hint, as it gives the answer away. ``variant`` is the kind of
    the mistake for which the catalogue has words of its own.
    """

    name: str
    evidence: str
    weight: float
    explains: tuple[str, ...] = ()
    detail: str = ""
    variant: str = ""

    def __post_init__(self) -> None:
        require(self.name in CATALOGUE, f"{self.name!r} is not in the catalogue")
