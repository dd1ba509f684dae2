"""The slope of every output along every entry, with as few calls of forward as possible.

Moving one entry at a time costs two calls for each. But where image 3's output depends on image 3 alone, an entry of every
image can be moved in the same call: each output still feels one move. So it is looked for which axes of the argument and of
the output go together (images with images, filters with channels). They are tried, not guessed: slice by slice the argument
is changed, and no other slice of the output may change by a single bit. What is measured in this way is measured once more,
all together along a random direction; if that does not fit, every entry gets calls of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scratchnet.gradcheck.subject import CodeRaised, Malformed, Subject
from scratchnet.typing import Array, Rng


@dataclass(frozen=True)
class Slopes:
    """Of every entry, flat: the slopes to both sides of the objective, and of each output."""

    left: Array
    right: Array
    jacobian: Array | None  # (entries, outputs)


class Prober:
    """Changes of the output when one of the arrays is moved."""

    def __init__(self, subject: Subject, out: Array, dout: Array, name: str, seed: int) -> None:
        self.subject, self.out, self.dout, self.name, self.seed = subject, out, dout, name, seed
        self.x = subject.arrays[name]

    def change(self, moved: Array) -> Array:
        out, _ = self.subject.forward({**self.subject.copies(), self.name: moved}, self.seed)
        with np.errstate(all="ignore"):
            return np.asarray(out - self.out)

    def together(self, rng: Rng) -> list[tuple[int, int]]:
        """(axis of the argument, axis of the output) whose slices belong together and to nothing else."""
        pairs: list[tuple[int, int]] = []
        for p in range(self.x.ndim):
            for q in range(self.out.ndim):
                free = q not in [other for _, other in pairs]
                if free and self.x.shape[p] == self.out.shape[q] > 1 and self._belong(p, q, rng):
                    pairs.append((p, q))
                    break
        return pairs

    def _belong(self, p: int, q: int, rng: Rng) -> bool:
        for j in range(self.x.shape[p]):
            moved = self.x.copy(order="K")
            where = (slice(None),) * p + (j,)
            part = np.asarray(moved[where])
            shuffled = rng.permutation(part.ravel()).reshape(part.shape)
            moved[where] = shuffled * rng.uniform(0.5, 1.5) + rng.normal(0, 0.5, part.shape)
            try:
                change = self.change(moved)
            except (CodeRaised, Malformed):
                return False
            others = np.delete(change, j, axis=q)
            if others.any():  # nan counts as a change too
                return False
        return True


def measure_together(prober: Prober, h: float, rng: Rng, keep: bool) -> Slopes | None:
    """All slopes at once, or None if that can't be done."""
    x, out = prober.x, prober.out
    pairs = prober.together(rng)
    if not pairs:
        return None
    entries = np.arange(x.size).reshape(x.shape)
    outputs = np.arange(out.size).reshape(out.shape)
    jacobian = np.zeros((x.size, out.size)) if keep else None
    left, right = np.zeros(x.size), np.zeros(x.size)
    back = [p for p, _ in pairs]
    sizes = tuple(x.shape[p] for p in back)
    columns = np.moveaxis(outputs, [q for _, q in pairs], range(len(pairs))).reshape(*sizes, -1)  # which outputs are whose
    for group in _groups(entries, back):
        sides = []
        for step in (-h, h):
            moved = x.copy(order="K")
            moved.flat[group.ravel()] += step
            change = prober.change(moved).ravel()
            real = (moved.flat[group.ravel()] - x.flat[group.ravel()]).reshape(sizes)
            if not np.isfinite(change).all() or (real == 0).any():
                return None
            sides.append(change[columns] / real[..., None])
        weights = prober.dout.ravel()[columns]
        for side, slopes in zip((left, right), sides, strict=True):
            side[group.ravel()] = (slopes * weights).sum(axis=-1).ravel()
        if jacobian is not None:
            mean = (sides[0] + sides[1]) / 2
            rows = jacobian[group.ravel()]
            np.put_along_axis(rows, columns.reshape(group.size, -1), mean.reshape(group.size, -1), axis=1)
            jacobian[group.ravel()] = rows
    found = Slopes(left, right, jacobian)
    return found if _fits_direction(prober, found, h, rng) else None


def _groups(entries: Array, paired: list[int]) -> Iterator[Array]:
    """Entries that are moved in one call: those that differ in the paired axes only."""
    front = np.moveaxis(entries, paired, range(len(paired)))
    sizes = front.shape[: len(paired)]
    yield from front.reshape(*sizes, -1).transpose(-1, *range(len(paired)))


def _fits_direction(prober: Prober, slopes: Slopes, h: float, rng: Rng) -> bool:
    """Move all entries at once, by less than they were moved one by one."""
    signs = rng.choice([-1.0, 1.0], prober.x.size)
    directional = np.where(signs > 0, slopes.right, slopes.left) * signs
    step = h / 10
    change = prober.change(prober.x + (step * signs).reshape(prober.x.shape))
    measured = float((change * prober.dout).sum()) / step
    expected = float(directional.sum())
    size = float(np.abs(directional).sum())
    return bool(np.isfinite(measured)) and abs(measured - expected) <= 1e-3 * size + 1e-6
