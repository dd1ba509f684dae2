"""Which outputs act on which entries: backward's Jacobian against the measured one, pair by pair.

Both are known number by number (evidence.py), so it shows directly which terms of a sum are missing or too many, and what
they have in common: all in the last image, all but the last window, all one row too low.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.evidence import CLOSE, Evidence, close, count
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.numeric import index_of
from scratchnet.gradcheck.signs.elementwise import diagonal
from scratchnet.gradcheck.signs.geometry import reading_order
from scratchnet.typing import Array

Box = tuple[Array, Array]
"""The first and the last index on each axis of the entries that one output acts on."""


def find(e: Evidence) -> Iterator[Finding]:
    for name in e.wrong:
        yield from _left_out(e, name)
        if diagonal(e, name) is not None:
            continue  # elementwise.py
        measured = e.measured(name)
        if measured is None or np.abs(measured).max() <= 1e-9 or e.scalar:
            continue
        yield from _one_term_left(e, name, measured)
        claimed = e.claimed(name)
        if claimed is not None:
            yield from _Pairs(e, name, measured, claimed).find()


def windows_of(e: Evidence, name: str) -> list[Array]:
    """Outputs that belong together: those of one window (all filters) of an image, else each alone."""
    index = np.arange(e.out.size).reshape(e.out.shape)
    if e.arrays[name].ndim == 4 and e.out.ndim == 4 and len(e.arrays[name]) == len(e.out):
        return [index[:, :, i, j].ravel() for i, j in np.ndindex(e.out.shape[2:])]
    return [index.ravel()[[k]] for k in range(index.size)]


def is_copying(e: Evidence, measured: Array) -> bool:
    """Is each output one of the entries, or nothing (im2col)?"""
    acts = np.abs(measured) > 1e-6
    return bool(
        (acts.sum(axis=0) <= 1).all() and np.allclose(measured[acts], 1, atol=1e-6) and measured.shape[1] > measured.shape[0]
    )


def _one_term_left(e: Evidence, name: str, measured: Array) -> Iterator[Finding]:
    """Is each entry of yours a single term of the sum that it should be?"""
    terms = measured * e.dout.ravel()
    sums = np.stack([terms[:, group].sum(axis=1) for group in windows_of(e, name)], axis=1)  # (entries, windows)
    a, n = e.a(name).ravel(), e.n(name).ravel()
    tolerance = CLOSE * float(np.abs(n).max()) + 1e-9
    several = (np.abs(sums) > tolerance).sum(axis=1) > 1
    single = (np.abs(sums - a[:, None]) <= tolerance) & (np.abs(sums) > tolerance)
    if not several.any() or not single.any(axis=1)[several].all() or (np.abs(a - n) > tolerance)[~several].any():
        return
    if (np.abs(a - n) <= tolerance)[several].any():
        return
    if e.out.shape == e.arrays[name].shape and np.array_equal(single.argmax(axis=1), np.arange(a.size)):
        return  # each entry's own output: that is the Jacobian's diagonal
    images = e.arrays[name].ndim == 4 and (
        is_copying(e, measured) or (e.out.ndim == 4 and len(e.out) == len(e.arrays[name]))
    )
    which = single.argmax(axis=1)[several]
    last = sums.shape[1] - 1
    if not images and not (which == last).all() and (which == which[0]).all():
        yield Finding("terms left out", f"your {e.label(name)} is one term of the sum, number {which[0]}", 0.8, (name,))
        return
    at = int((np.abs(sums) > tolerance).sum(axis=1).argmax())
    where, terms_there = index_of(at, e.n(name)), int((np.abs(sums[at]) > tolerance).sum())
    whose, them = ("one window's share", "windows' shares") if images else ("a single term", "terms")
    said = (
        f"each entry of your {e.label(name)} is {whose}, not the sum of all {them}: at {where} {terms_there} {them} add up "
        f"to {n[at]:.3g}, and yours is one of them, {a[at]:.3g}"
    )
    yield Finding("overlap overwritten" if images else "sum overwritten", said, 0.96, (name,))


def _left_out(e: Evidence, name: str) -> Iterator[Finding]:
    """Entries that are 0 in yours, all at the same index of some axis; the others are right."""
    a, n = e.a(name), e.n(name)
    wrong = np.abs(a - n) > CLOSE * np.abs(n).max() + 1e-9
    if not (a[wrong] == 0).all() or not a.any():  # 0 everywhere has a name of its own
        return
    if n.ndim == 0 or (diagonal(e, name) is not None and n.size < 4):
        return
    for axis in range(n.ndim):
        inside = np.moveaxis(wrong, axis, 0).reshape(n.shape[axis], -1)
        relevant = np.moveaxis(np.abs(n) > 1e-9, axis, 0).reshape(n.shape[axis], -1)
        all_wrong = np.array([w[r].all() if r.any() else False for w, r in zip(inside, relevant, strict=True)])
        any_wrong = inside.any(axis=1)
        if np.array_equal(all_wrong, any_wrong) and all_wrong.any():
            which = ", ".join(map(str, np.flatnonzero(all_wrong)))
            what = f"axis {axis}" if n.ndim > 1 else "the array"
            said = f"your {e.label(name)} is 0 at index {which} of {what} (size {n.shape[axis]}) and right elsewhere"
            at_end = all_wrong[0] or all_wrong[-1]
            yield Finding("terms left out", said, 0.95 if at_end else 0.8, (name,))
            return
    border = _border(n.shape)
    if border is not None and (border | ~wrong).all() and wrong.any():
        said = f"your {e.label(name)} is 0 at {wrong.sum()} entries of the border and right elsewhere"
        yield Finding("terms left out", said, 0.85, (name,))


def _border(shape: tuple[int, ...]) -> Array | None:
    if len(shape) != 4 or min(shape[2:]) < 3:
        return None
    border = np.ones(shape, bool)
    border[:, :, 1:-1, 1:-1] = False
    return border


class _Pairs:
    """The pairs (entry, output) of one argument."""

    def __init__(self, e: Evidence, name: str, measured: Array, claimed: Array) -> None:
        self.e, self.name, self.what = e, name, e.label(name)
        self.measured, self.claimed = measured, claimed
        self.shape, self.out_shape = e.arrays[name].shape, e.out.shape
        tolerance = CLOSE * float(np.abs(measured).max())
        self.acts = np.abs(measured) > tolerance
        self.says = np.abs(claimed) > tolerance
        self._only_own_output = f"your {self.what} knows how output k depends on entry k, but not on the others of its row"
        self.equal = np.abs(measured - claimed) <= tolerance
        self.is_images = len(self.shape) == 4 and len(self.out_shape) in (2, 4) and self.shape[0] == self.out_shape[0]

    def find(self) -> Iterator[Finding]:
        missing, extra = self.acts & ~self.says, self.says & ~self.acts
        common = self.acts & self.says
        if self._one_winner():
            if not self.equal.all():
                yield from self._routing()
            return
        if missing.any() and not extra.any() and self.equal[common].all():
            yield from self._missing(missing, common)
        elif extra.any() and (mixing := self._mixes_images(extra)):
            yield Finding("summed over the wrong axis", mixing, 0.85, (self.name,))
        elif extra.any() and not missing.any() and self.equal[common].all():
            yield from self._extra(extra)
        elif self._only_diagonal():
            yield Finding("Jacobian's diagonal only", self._only_own_output, 0.95, (self.name,))
        elif not extra.any():
            yield from self._weights()
        yield from self._permuted()
        yield from self._windows()

    def _permuted(self) -> Iterator[Finding]:
        """Does each output have the effects of another one: was dout read in another order?"""
        if reading_order(self.e.a(self.name), self.e.n(self.name)) is not None:
            return  # that says it better
        code = np.random.default_rng(0).standard_normal(self.measured.shape[0])
        right, mine = code @ self.measured, code @ self.claimed
        if close(np.sort(right), np.sort(mine)) and not close(right, mine):
            moved = int((np.abs(right - mine) > CLOSE * np.abs(right).max()).sum())
            said = f"your {self.what} takes dout in another order: {moved} of {right.size} outputs are mixed up"
            yield Finding("reshaped in the wrong order", said, 0.93, (self.name,))

    # --- terms that are missing --------------------------------------------------------------------------------------------

    def _missing(self, missing: Array, common: Array) -> Iterator[Finding]:
        told = f"{missing.sum()} of {missing.sum() + common.sum()} terms of your {self.what} are missing"
        if self._only_diagonal():
            yield Finding("Jacobian's diagonal only", self._only_own_output, 0.95, (self.name,))
            return
        if not common.any():
            return
        kept_o, lost_o = np.nonzero(common)[1], np.nonzero(missing)[1]
        for axis, size in enumerate(self.out_shape):
            index = np.unravel_index(np.arange(self.e.out.size), self.out_shape)[axis]
            kept, lost = set(index[kept_o].tolist()), set(index[lost_o].tolist())
            if kept & lost or not lost:
                continue
            place = f"axis {axis} of the output"
            if len(kept) == 1 and (size > 2 or kept == {size - 1}):
                only = next(iter(kept))
                last = only == size - 1
                said = f"{told}: only index {only} of {place} counts, {'the last' if last else 'one'} of {size}"
                yield Finding("sum overwritten" if last else "terms left out", said, 0.96, (self.name,))
                yield Finding("terms left out" if last else "sum overwritten", said, 0.5, (self.name,))
            else:
                said = f"{told}: those of index {', '.join(map(str, sorted(lost)))} of {place} (size {size})"
                yield Finding("terms left out", said, 0.94, (self.name,))
            return
        yield from self._overwritten(missing, common, told)

    def _overwritten(self, missing: Array, common: Array, told: str) -> Iterator[Finding]:
        """Is it, for each entry, one term (one window) out of several that is left?"""
        groups = windows_of(self.e, self.name)
        acts = np.stack([(self.acts[:, g]).any(axis=1) for g in groups], axis=1)
        says = np.stack([(common[:, g]).any(axis=1) for g in groups], axis=1)
        several = acts.sum(axis=1) > 1
        one_left = (says.sum(axis=1) <= 1)[several].all()
        single_right = (acts == says)[~several].all()
        where = f"{told}: where several {'windows' if self.is_images else 'terms'} meet only one is left"
        if one_left and single_right and several.any():
            overlap = self.is_images or (len(self.shape) == 4 and is_copying(self.e, self.measured))
            name = "overlap overwritten" if overlap else "sum overwritten"
            yield Finding(name, where, 0.8, (self.name,))
            return
        entry = np.unravel_index(np.arange(self.measured.shape[0]), self.shape)
        for axis, index in enumerate(entry):
            hit = missing.any(axis=1)
            lost, untouched = set(index[hit].tolist()), set(index[~hit & self.acts.any(axis=1)].tolist())
            if axis != 0 and untouched and not lost & untouched:
                said = f"{told}: those of entries with index {', '.join(map(str, sorted(lost)))} of axis {axis}"
                yield Finding("terms left out", said, 0.8, (self.name,))
                break
        if self.is_images and single_right and several.any():
            yield Finding("overlap overwritten", where.replace("only one is left", "not all are left"), 0.75, (self.name,))
        yield Finding("terms left out", told, 0.5, (self.name,))
        yield Finding("branch missing", told, 0.4, (self.name,))

    # --- terms that are too many -------------------------------------------------------------------------------------------

    def _extra(self, extra: Array) -> Iterator[Finding]:
        told = f"your {self.what} has {extra.sum()} terms that should not be there"
        yield Finding("mask missing", told, 0.6, (self.name,))
        yield Finding("summed over the wrong axis", told, 0.4, (self.name,))

    def _mixes_images(self, extra: Array) -> str:
        """Does an image's gradient take from the others' outputs, though forward keeps them apart?"""
        if not (self.shape and self.out_shape and self.shape[0] == self.out_shape[0]):
            return ""
        image_in = np.unravel_index(np.arange(extra.shape[0]), self.shape)[0]
        image_out = np.unravel_index(np.arange(extra.shape[1]), self.out_shape)[0]
        apart = image_in[:, None] != image_out[None, :]
        if (self.acts & apart).any() or not (extra & apart).any():
            return ""
        one = "image" if self.is_images else "row"
        in_forward = f"but {self.name} in one {one} changes the output only in that {one}"
        return f"changing dout in one {one} changes your {self.what} in other {one}s, {in_forward}"

    # --- the right terms with wrong weights --------------------------------------------------------------------------------

    def _weights(self) -> Iterator[Finding]:
        """Everything acts where it should. Are only some of the terms wrong, all in one place?"""
        bad = self.acts & ~self.equal
        if not bad.any():
            return
        ratios = self.claimed[bad] / self.measured[bad]
        fine = self.acts & self.equal
        constant = np.ptp(ratios) < 1e-4 * np.abs(ratios).max()
        if constant and fine.any():
            said = (
                f"{bad.sum()} of {self.acts.sum()} terms of your {self.what} are {ratios[0]:.4g} times what they should be"
            )
            if abs(ratios[0] - 2) < 1e-4:
                yield Finding("branch counted twice", said, 0.7, (self.name,))
            elif abs(ratios[0] + 1) < 1e-4:
                yield Finding("sign flipped", said, 0.7, (self.name,))
            else:
                yield Finding("divided by the wrong count", said, 0.6, (self.name,))
        elif constant:
            yield Finding("constant factor", f"every term is {ratios[0]:.4g} times the right one", 0.4, (self.name,))

    def _only_diagonal(self) -> bool:
        m, c = self.measured, self.claimed
        if self.shape != self.out_shape:
            return False
        return (
            close(c, np.diag(np.diag(c)))
            and not close(m, np.diag(np.diag(m)))
            and close(np.diag(c), np.diag(m), 1e-5)
            and np.abs(np.diag(c)).max() > 1e-9
        )

    # --- pooling: one winner for each output -------------------------------------------------------------------------------

    def _one_winner(self) -> bool:
        ones = close(self.measured[self.acts], np.ones(int(self.acts.sum())))
        return ones and bool((self.acts.sum(axis=0) == 1).all()) and self.e.arrays[self.name].size > self.e.out.size

    def _routing(self) -> Iterator[Finding]:
        getters = self.says.sum(axis=0)
        winner = self.acts.argmax(axis=0)
        gets_it = self.says[winner, np.arange(winner.size)]
        if (getters == 1).all() and not gets_it.all():
            yield from self._wrong_winner(winner, self.says.argmax(axis=0))
        elif (getters == 1).all():
            given = self.claimed[winner, np.arange(winner.size)]
            said = f"in your {self.what} the winner gets {given.min():.3g} to {given.max():.3g} times dout instead of dout"
            value = close(given, self.e.arrays[self.name].ravel()[winner])
            yield Finding("value instead of mask" if value else "wrong operand", said, 0.95 if value else 0.6, (self.name,))
        elif (getters <= 1).all() and (gets_it | (getters == 0)).all():
            lost = int((getters == 0).sum())
            told = f"{lost} of {getters.size} windows give their gradient to nobody"
            yield from self._lost_windows(getters == 0, told)
        elif (getters <= 1).all():
            yield from self._drifting_out(winner, getters == 1)
            yield Finding(
                "wrong winner", f"{int((~gets_it).sum())} of {getters.size} windows miss their maximum", 0.75, (self.name,)
            )
        elif gets_it.all():
            same = [np.unique(np.round(self.claimed[self.says[:, o], o], 6)).size == 1 for o in range(getters.size)]
            many = f"{getters.min()}" if np.ptp(getters) == 0 else f"{getters.min()} to {getters.max()}"
            told = f"in your {self.what} each window gives its gradient to {many} entries instead of one"
            yield Finding("mask missing", told, 0.92 if all(same) else 0.8, (self.name,))
        else:
            inverted = not gets_it.any()
            told = f"{int((~gets_it).sum())} of {getters.size} winners get nothing"
            yield Finding("mask inverted" if inverted else "wrong winner", told, 0.85 if inverted else 0.7, (self.name,))
            yield Finding("mask of the wrong array", told, 0.6, (self.name,))

    def _drifting_out(self, winner: Array, kept: Array) -> Iterator[Finding]:
        """Do windows that start in wrong places run out of the image, so that nobody gets their gradient?"""
        if not (len(self.shape) == len(self.out_shape) == 4 and kept.any()):
            return
        got = np.array(np.unravel_index(self.says.argmax(axis=0), self.shape))[:, kept]
        off = got - np.array(np.unravel_index(winner, self.shape))[:, kept]
        out = np.array(np.unravel_index(np.flatnonzero(kept), self.out_shape))
        if drift := self._drift(off, out):
            lost = f"{(~kept).sum()} of {kept.size} windows run out of the image"
            yield Finding("stride ignored", f"{drift}; {lost}", 0.95, (self.name,))

    def _lost_windows(self, lost: Array, told: str) -> Iterator[Finding]:
        """Windows whose gradient is lost: because another one overwrote it, or because nobody came by."""
        winner = self.acts.argmax(axis=0)
        shared = np.bincount(winner)
        if (shared[winner[lost]] > 1).all():
            yield Finding("overlap overwritten", f"{told}: each had the same winner as another window", 0.96, (self.name,))
            return
        index = np.unravel_index(np.arange(lost.size), self.out_shape)
        for axis in range(len(self.out_shape)):
            gone, kept = set(index[axis][lost].tolist()), set(index[axis][~lost].tolist())
            if not gone & kept:
                said = f"{told}: those with index {', '.join(map(str, sorted(gone)))} of axis {axis} of the output"
                overwritten = kept == {self.out_shape[axis] - 1} and self.out_shape[axis] > 2
                yield Finding("sum overwritten" if overwritten else "terms left out", said, 0.9, (self.name,))
                return
        yield Finding("terms left out", told, 0.6, (self.name,))
        yield Finding("wrong winner", told, 0.55, (self.name,))

    def _wrong_winner(self, winner: Array, yours: Array) -> Iterator[Finding]:
        right, got = np.array(np.unravel_index(winner, self.shape)), np.array(np.unravel_index(yours, self.shape))
        off = got - right
        lost = (off != 0).any(axis=0)
        told = f"{lost.sum()} of {winner.size} windows give their gradient to another pixel than their maximum"
        if (off == off[:, :1]).all():
            by = tuple(int(k) for k in off[:, 0])
            yield Finding("shifted", f"{told}: all of them off by {by}", 0.93, (self.name,))
            return
        out = np.array(np.unravel_index(np.arange(winner.size), self.out_shape))
        if len(self.shape) == 4 and len(self.out_shape) == 4:
            if drift := self._drift(off, out):
                yield Finding("stride ignored", f"{drift}; {told}", 0.95, (self.name,))
                return
            if self._pixels_of_windows_start_elsewhere(off, out):
                yield Finding("stride ignored", f"{told}: the windows start elsewhere", 0.7, (self.name,))
        if len(np.unique(yours)) == len(yours) and len(np.unique(winner)) == len(winner):
            yield Finding("reshaped in the wrong order", told, 0.6, (self.name,))
        entries = self.e.results[self.name].wrong
        example = self._example(int(lost.argmax()), right, got)
        yield Finding("wrong winner", f"{told}, so {entries} entries are wrong; {example}", 0.9, (self.name,))

    def _drift(self, off: Array, out: Array) -> str:
        """Is each winner the further off the further its window is from the first one, as by another stride?

        ``off`` (4, windows) is how far off they are, ``out`` (4, windows) which windows they are.
        """
        if off[:2].any() or not off.any():
            return ""
        for r, factor in itertools.product((2, 3), (-3, -2, -1, 1, 2, 3)):
            both = (off[2] == factor * out[2]).all() and (off[3] == factor * out[3]).all()
            if both or ((off[r] == factor * out[r]).all() and (off[5 - r] == 0).all()):
                if self.e.windows is None:
                    return f"window i lands {abs(factor)} * i rows or columns too {'far' if factor > 0 else 'early'}"
                kernel, stride = self.e.windows
                axes = [k for k in ((0, 1) if both else (r - 2,)) if out[k + 2].any()]
                return _spacing({k: (stride[k] + factor, stride[k]) for k in axes}, kernel)
        return ""

    def _example(self, o: int, right: Array, got: Array) -> str:
        """One window that gives its gradient to a wrong pixel: the place in the window if it is known where that lies."""
        window = index_of(o, self.e.out)
        its, yours = right[:, o], got[:, o]
        if self.e.windows is not None:
            kernel, stride = self.e.windows
            places = np.stack([its, yours])[:, 2:] - np.multiply(window[2:], stride)
            if (its[:2] == yours[:2]).all() and (places >= 0).all() and (places < kernel).all():
                (r, c), (row, column) = places
                its_place, yours_goes = f"row {r}, column {c}", f"row {row}, column {column}"
                return f"in the window of output {window}, say, the maximum is in {its_place}; yours goes to {yours_goes}"
        return f"for output {window}, say, the maximum is entry {tuple(its.tolist())}, and yours is {tuple(yours.tolist())}"

    @staticmethod
    def _pixels_of_windows_start_elsewhere(off: Array, out: Array) -> bool:
        """Does the error grow with the window's number?"""
        far = [abs(float(np.corrcoef(off[k], out[k])[0, 1])) for k in (2, 3) if np.ptp(off[k]) > 0 and np.ptp(out[k]) > 0]
        return bool(far) and min(far) > 0.95

    # --- windows -----------------------------------------------------------------------------------------------------------

    def _windows(self) -> Iterator[Finding]:
        """Images to images: does each output act on the right window, and with its entries in the right order?"""
        if not (self.is_images and len(self.out_shape) == 4):
            return
        boxes: list[tuple[int, Box, Box]] = []
        for o in range(self.e.out.size):
            right, mine = _box(self.acts[:, o], self.shape), _box(self.says[:, o], self.shape)
            if right is not None and mine is not None:
                boxes.append((o, right, mine))
        if not boxes:
            return
        largest = np.max([_extent(m) for _, m, _ in boxes], axis=0)
        whole = [(o, m, c) for o, m, c in boxes if (_extent(m) == largest).all()]  # not cut by the border
        flipped = [self._turned(o, m, c) for o, m, c in whole]
        if flipped and all(flipped):
            said = f"each window of your {self.what} is right after turning it by 180 degrees"
            yield Finding("kernel flipped", said, 0.97, (self.name,))
            return
        if flipped and sum(flipped) >= 0.3 * len(flipped) and self._same_boxes(whole):
            yield Finding("kernel flipped", f"windows of your {self.what} are turned by 180 degrees", 0.75, (self.name,))
        uncut = [(o, m, c) for o, m, c in whole if (_extent(c) == largest).all()]
        moved = {tuple((c[0] - m[0])[[2, 3]].tolist()) for _, m, c in uncut}
        if len(uncut) >= 2 and moved == {(0, 0)}:
            yield from self._inside(uncut)
        elif len(uncut) >= 2:
            yield from self._moved_windows(uncut, moved)

    def _turned(self, o: int, m: Box, c: Box) -> bool:
        mine, right = _cut(self.claimed[:, o], self.shape, c), _cut(self.measured[:, o], self.shape, m)
        return close(mine, right[:, :, ::-1, ::-1]) and not close(mine, right) and bool((c[0][[0, 1]] == m[0][[0, 1]]).all())

    @staticmethod
    def _same_boxes(boxes: list[tuple[int, Box, Box]]) -> bool:
        return all((m[0] == c[0]).all() for _, m, c in boxes)

    def _inside(self, boxes: list[tuple[int, Box, Box]]) -> Iterator[Finding]:
        """The right windows: are their entries permuted, and how?"""
        transposed = permuted = 0
        for o, m, c in boxes:
            mine, right = _cut(self.claimed[:, o], self.shape, c), _cut(self.measured[:, o], self.shape, m)
            if close(mine, right):
                continue
            transposed += close(mine, right.swapaxes(2, 3))
            permuted += close(np.sort(mine, axis=None), np.sort(right, axis=None))
        if transposed and transposed >= 0.9 * len(boxes):
            yield Finding("transposed", f"each window of your {self.what} has rows and columns swapped", 0.94, (self.name,))
        elif permuted and permuted >= 0.9 * len(boxes):
            said = f"each window of your {self.what} holds the right weights in other places"
            yield Finding("reshaped in the wrong order", said, 0.9, (self.name,))

    def _moved_windows(self, boxes: list[tuple[int, Box, Box]], moved: set[tuple[int, ...]]) -> Iterator[Finding]:
        places = np.array([np.unravel_index(o, self.out_shape)[2:] for o, _, _ in boxes])
        off = np.array([(c[0] - m[0])[[2, 3]] for _, m, c in boxes])
        equal = all(
            close(_cut(self.claimed[:, o], self.shape, c), _cut(self.measured[:, o], self.shape, m)) for o, m, c in boxes
        )
        weight = 0.95 if equal else 0.65
        if len(moved) == 1:
            by = next(iter(moved))
            pads = {v for s, v in self.e.settings.items() if s.lower().startswith("p")}
            is_pad = max(map(abs, by)) in pads and (abs(by[0]) == abs(by[1]) or 0 in by)
            said = f"every window of your {self.what} lies {count(by[0], 'row')} and {count(by[1], 'column')} off"
            yield Finding("padding not cropped" if is_pad else "shifted", said, weight, (self.name,))
            return
        paces: dict[int, tuple[int, int]] = {}
        for k in (0, 1):
            if np.ptp(places[:, k]) and np.ptp(off[:, k]):
                slope = np.polyfit(places[:, k], off[:, k], 1)[0]
                if abs(slope) > 0.5 and abs(slope - round(slope)) < 1e-6:
                    ahead = _pace(places[:, k], np.array([m[0][k + 2] for _, m, _ in boxes]))
                    paces[k] = ahead + round(slope), ahead
        if paces:
            kernel = tuple(_extent(boxes[0][1])[[2, 3]].tolist()) if equal else None
            yield Finding("stride ignored", _spacing(paces, kernel), weight, (self.name,))


def _box(mask: Array, shape: tuple[int, ...]) -> Box | None:
    """(first, last) index on each axis of the entries in a mask."""
    places = np.argwhere(mask.reshape(shape))
    return (places.min(axis=0), places.max(axis=0)) if len(places) else None


def _extent(box: Box) -> Array:
    return box[1] - box[0] + 1


def _pace(places: Array, starts: Array) -> int:
    """How far the starts of two neighbouring windows mostly are apart; at the border padding hides some."""
    pairs = sorted(set(zip(places.tolist(), starts.tolist(), strict=True)))
    paces = [b[1] - a[1] for a, b in itertools.pairwise(pairs) if b[0] == a[0] + 1]
    return int(max(set(paces), key=paces.count)) if paces else 0


def _spacing(paces: dict[int, tuple[int, int]], kernel: tuple[int, ...] | None) -> str:
    """(yours, forward's) distance of neighbouring windows along the rows, 0, and the columns, 1, in words.

    ``kernel`` is the windows' size, if they are right but for their places: then they may lie side by side by mistake.
    """
    mine, right = zip(*paces.values(), strict=True)
    axes = [("row", "column")[k] for k in paces]
    if len(set(mine)) == len(set(right)) == 1:
        where = " and in ".join(f"{axis}s" for axis in axes)
        said = f"neighbouring windows are {mine[0]} apart in your backward, {right[0]} apart in forward, in {where}"
    else:
        yours, forward = (
            " and ".join(count(pace, axis) for pace, axis in zip(both, axes, strict=True)) for both in (mine, right)
        )
        said = f"neighbouring windows are {yours} apart in your backward, {forward} apart in forward"
    side_by_side = kernel is not None and all(kernel[k] == pace for k, (pace, _) in paces.items())
    return said + "; with stride = window size it would be right" * side_by_side


def _cut(values: Array, shape: tuple[int, ...], box: Box) -> Array:
    return values.reshape(shape)[tuple(slice(int(a), int(b) + 1) for a, b in zip(*box, strict=True))]
