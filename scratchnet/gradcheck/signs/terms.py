"""The gradient lacks a term, has one too many, or multiplies by the wrong array."""

import itertools
from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.evidence import Evidence, axes_in_words, close
from scratchnet.gradcheck.finding import Finding
from scratchnet.typing import Array


def find(e: Evidence) -> Iterator[Finding]:
    yield from _upstream(e)
    yield from _fused(e)
    yield from _dependence(e)
    for name in e.wrong:
        yield from _decay(e, name)
        yield from _products(e, name)
        yield from _sums(e, name)
        yield from _branches(e, name)
        yield from _labelled(e, name)


def _upstream(e: Evidence) -> Iterator[Finding]:
    """How does backward answer to twice the dout, and to -dout? A derivative is linear in it."""
    if e.doubled is None or e.negated is None:
        return
    for name in e.wrong:
        a, doubled, negated = e.a(name), e.doubled.get(name), e.negated.get(name)
        if doubled is None or negated is None or np.abs(a).max() == 0:
            continue
        if close(doubled, a):
            said = f"twice the upstream gradient gives the same {e.label(name)}"
            yield Finding("upstream gradient ignored", said, 0.94, (name,))
        elif close(doubled, 4 * a):
            yield Finding("wrong operand", f"{e.label(name)} grows with the square of dout", 0.8, (name,))
        elif close(doubled, 2 * a) and not close(negated, -a):
            said = f"with -dout your {e.label(name)} is not the negative: a mask is made from dout"
            yield Finding("mask of the wrong array", said, 0.97, (name,))
        elif not close(doubled, 2 * a) and close(negated, 3 * a - 2 * doubled):
            said = f"a part of your {e.label(name)} does not depend on the upstream gradient"
            yield Finding("upstream gradient ignored", said, 0.8, (name,))


def _fused(e: Evidence) -> Iterator[Finding]:
    """A dense layer and an activation in one: do all gradients leave the activation's derivative out?"""
    matrices = [(name, m) for name, m in e.arrays.items() if m.ndim == 2]
    if len(matrices) != 2 or len(e.arrays) > 3:
        return
    (x_name, x), (w_name, w) = matrices
    biases = [name for name in e.arrays if name not in (x_name, w_name)]
    for turned in (False, True):
        m = w.T if turned else w
        if x.shape[1] != m.shape[0] or e.out.shape != (len(x), m.shape[1]):
            continue
        z = x @ m + (e.arrays[biases[0]] if biases and e.arrays[biases[0]].shape == m.shape[1:] else 0)
        dw = e.dout.T @ x if turned else x.T @ e.dout
        linear = {x_name: e.dout @ m.T, w_name: dw, **{b: e.dout.sum(axis=0) for b in biases}}
        plain = [name for name in e.wrong if close(e.a(name), linear[name])]
        if plain != e.wrong or w_name not in plain or close(z, e.out):
            continue
        stopped = np.isclose(e.out, e.out.min())
        mask = bool(stopped.sum() > 1 and np.allclose(e.out[~stopped], z[~stopped]))
        said = f"your {', '.join(map(e.label, plain))} would be right if the output were the matrix product itself"
        yield Finding("mask missing" if mask else "local derivative missing", said, 0.98, tuple(plain))


def _dependence(e: Evidence) -> Iterator[Finding]:
    """Where forward is linear in an argument, that argument's gradient can't depend on it."""
    for name in e.wrong:
        x = e.arrays[name]
        rng = np.random.default_rng(1)
        step = rng.standard_normal(x.shape)
        outs = [e.output_at({name: moved}) for moved in (x - step, x + step)]
        if any(out is None for out in outs) or not close(outs[0] + outs[1], 2 * e.out, 1e-9):
            continue
        moved = e.gradients_for(e.trial.dout, {name: x + step}) if e.well_behaved else None
        if moved is None or name not in moved or np.abs(e.a(name)).max() < 1e-12:
            continue
        if not close(moved[name], e.a(name)):
            said = f"your {e.label(name)} changes with {name}, though the output is linear in {name}"
            yield Finding("wrong operand", f"{said}: another array belongs there", 0.82, (name,))


# --- weight decay ----------------------------------------------------------------------------------------------------------


def _decay(e: Evidence, name: str) -> Iterator[Finding]:
    """Is the difference proportional to the argument itself?"""
    array, what = e.arrays[name], e.label(name)
    if array.size < 2:
        return
    a, n = e.a(name), e.n(name)
    lacks = _multiple(n - a, array)
    if lacks is None:
        basis = np.stack([array.ravel(), np.sign(array).ravel(), np.ones(array.size)], axis=1)
        parts, *_ = np.linalg.lstsq(basis, (n - a).ravel(), rcond=None)
        if e.scalar and array.size > 4 and close(basis @ parts, (n - a).ravel()):
            said = f"your {what} differs by {parts[0]:.4g} * {name}, {parts[1]:.4g} * its sign, and {parts[2]:.4g}"
            yield Finding("weight decay scaled wrong", said, 0.8, (name,))
        return
    whole = _multiple(n, array)
    upstream = float(e.dout) if e.scalar else 1.0
    if whole is not None:
        yours = whole - lacks
        if not e.scalar:
            return
        # the loss is nothing but the penalty
        if abs(yours) < 1e-9:
            yield Finding(
                "weight decay missing", f"your {what} is 0, the penalty's is {whole / upstream:.4g} * {name}", 0.98, (name,)
            )
        else:
            said = f"your {what} is {yours / upstream:.4g} * {name}, the penalty's {whole / upstream:.4g} * {name}"
            yield Finding("weight decay scaled wrong", said, 0.97, (name,))
        return
    penalty = _penalty(e, name, lacks)
    if penalty is None:
        missing = lacks / upstream
        said = f"your {what} lacks exactly {missing:.4g} * {name}"
        if missing > 0:
            yield Finding("weight decay missing", said, 0.9, (name,))
            yield Finding("weight decay scaled wrong", said, 0.6, (name,))
        else:
            said = f"your {what} has {-missing:.4g} * {name} too much"
            bias = array.ndim == 1
            yield Finding("weight decay on the bias" if bias else "weight decay scaled wrong", said, 0.9, (name,))
            yield Finding("weight decay scaled wrong" if bias else "weight decay on the bias", said, 0.6, (name,))
        return
    wanted, has = penalty
    part, right = (f"{v / upstream:.4g} * {name}" if abs(v) > 1e-9 else "nothing" for v in (has, wanted))
    said = f"from the penalty your {what} has {part}, and it should have {right}"
    if abs(wanted) < 1e-9:
        yield Finding("weight decay on the bias", said, 0.97, (name,))
    elif abs(has) < 1e-9:
        yield Finding("weight decay missing", said, 0.97, (name,))
    else:
        yield Finding("weight decay scaled wrong", said, 0.97, (name,))


def _multiple(array: Array, of: Array) -> float | None:
    """c if array = c * of."""
    c = float((array * of).sum() / (of * of).sum())
    return c if close(array, c * of) and (abs(c) > 1e-9 or np.abs(array).max() < 1e-9) else None


def _penalty(e: Evidence, name: str, lacks: float) -> tuple[float, float] | None:
    """How much of the argument itself is in the numeric and in the analytic gradient, found by moving the option for it.

    ``lacks`` is how much more of it is in the numeric one.
    The option's name is unknown: it is the number that changes the loss by a multiple of sum(w**2).
    """
    if e.subject.vary is None:
        return None
    for setting in e.settings:
        try:
            without = e.subject.vary(setting, 0.0)
            out, cache = without.forward(without.copies(), e.seed)
            dw = without.backward(e.trial.dout, cache)[0].get(name)
            moved = without.copies()
            moved[name] = 2 * moved[name]
            out_moved, _ = without.forward(moved, e.seed)
            full = e.subject.copies()
            full[name] = 2 * full[name]
            full_moved, _ = e.subject.forward(full, e.seed)
            grown = np.sum(((full_moved - out_moved) - (e.trial.out - out)) * e.trial.dout)
        except Exception:  # a setting that may not be 0, or no number at all, or one that gives the output its shape
            continue
        if not isinstance(dw, np.ndarray) or dw.shape != e.a(name).shape:
            continue
        # penalty(2w) - penalty(w) = 3 * k * sum(w**2), and its gradient is 2 * k * w
        wanted = 2 * float(grown) / (3 * float((e.arrays[name] ** 2).sum()))
        has = _multiple(e.a(name) - dw, e.arrays[name])
        if has is not None and abs(has + lacks - wanted) <= 1e-5 * (abs(wanted) + abs(lacks)):
            return wanted, has
    return None


# --- products and sums -----------------------------------------------------------------------------------------------------


def _matrices(e: Evidence) -> dict[str, tuple[str, Array]]:
    """By words: (what it is made of, the matrix). dout also as it is behind a ReLU: the output's, or a residual's body's."""
    plain = {"dout": e.dout, "out": e.out, **e.arrays}
    found = {name: (name, m) for name, m in plain.items() if m.ndim == 2}
    if e.dout.ndim == 2:
        bodies = {"out": e.out, **{f"out - {name}": e.out - x for name, x in e.arrays.items() if x.shape == e.out.shape}}
        for words, body in bodies.items():
            mask = np.abs(body) > 1e-12
            if 0 < mask.sum() < mask.size:
                found[f"(dout where {words} > 0)"] = "masked dout", e.dout * mask
    return found


def _products(e: Evidence, name: str) -> Iterator[Finding]:
    """A matrix product of the wrong two arrays, or of the right ones, one of them turned; alone or beside a shortcut."""
    a, n, what = e.a(name), e.n(name), e.label(name)
    matrices = _matrices(e)
    found: list[tuple[str, str, frozenset[str]]] = []
    right: list[tuple[str, frozenset[str]]] = []
    shortcuts = [("", np.zeros_like(n)), *([("dout + ", e.dout)] if e.dout.shape == n.shape else [])]
    for (left, (of_u, u)), (other, (of_v, v)) in itertools.product(matrices.items(), repeat=2):
        for lt, rt in itertools.product((False, True), repeat=2):
            p, q = (u.T if lt else u), (v.T if rt else v)
            if p.shape[1] != q.shape[0] or (p.shape[0], q.shape[1]) != n.shape or p.shape[1] < 2:
                continue
            body = f"{left}{'.T' * lt} @ {other}{'.T' * rt}"
            for shortcut, extra in shortcuts:
                product = extra + p @ q
                if close(product, a):
                    found.append((shortcut + body, body, frozenset((of_u, of_v))))
                if close(product, n):
                    right.append((body, frozenset((of_u, of_v))))
    if found:
        words, body, factors = found[0]
        unmasked = frozenset("masked dout" if f == "dout" else f for f in factors)
        if body in [other for other, _ in right]:
            return  # the product is right, and the shortcut beside it is not: see _branches
        if factors in [f for _, f in right]:
            yield Finding("transposed", f"your {what} is {words}: one of the factors is turned", 0.96, (name,))
        elif unmasked in [f for _, f in right]:
            yield Finding("mask missing", f"your {what} is {words}: the ReLU's mask is missing", 0.96, (name,))
        else:
            yield Finding("wrong operand", f"your {what} is {words}", 0.95, (name,))
        return
    if e.scalar:
        return
    for left, u in {"out": e.out, **e.arrays}.items():
        if u.shape == e.dout.shape and a.ndim < e.dout.ndim:
            for axes in _axes(e.dout.ndim):
                if close((e.dout * u).sum(axis=axes).ravel(), a.ravel()) and a.size > 1:
                    yield Finding(
                        "wrong operand", f"your {what} is the sum of dout * {left} over {axes_in_words(axes)}", 0.93, (name,)
                    )
                    return
        if u.shape == e.dout.shape and left != name and close(e.dout * u, a):
            yield Finding("wrong operand", f"your {what} is dout * {left}", 0.8, (name,))
            return


def _axes(ndim: int) -> list[tuple[int, ...]]:
    return [axes for count in range(1, ndim + 1) for axes in itertools.combinations(range(ndim), count)]


def _sums(e: Evidence, name: str) -> Iterator[Finding]:
    """dout summed over other axes than it should be; or constant where it should not be."""
    a, n, what = e.a(name), e.n(name), e.label(name)
    if a.size < 2 or e.dout.ndim == 0:
        return
    for axes in _axes(e.dout.ndim):
        if close(e.dout.sum(axis=axes).ravel(), a.ravel()):
            yield Finding(
                "summed over the wrong axis", f"your {what} is dout summed over {axes_in_words(axes)}", 0.94, (name,)
            )
            return
    for axis in range(a.ndim):
        if a.shape[axis] > 1 and np.abs(np.diff(a, axis=axis)).max() < 1e-9 and np.abs(np.diff(n, axis=axis)).max() > 1e-7:
            if close(a.sum(axis=axis), n.sum(axis=axis) * a.shape[axis]) or close(a.sum(axis=axis), n.sum(axis=axis)):
                said = f"your {what} is the same all along axis {axis}: the sum over that axis stands everywhere"
                yield Finding("summed over the wrong axis", said, 0.85, (name,))
            else:
                said = f"your {what} is the same all along axis {axis}, the numeric one is not"
                yield Finding("summed over the wrong axis", said, 0.5, (name,))
            return


# --- branches --------------------------------------------------------------------------------------------------------------


def _branches(e: Evidence, name: str) -> Iterator[Finding]:
    """Does exactly what flows along one path lack: dout itself, or dout times a matrix?"""
    a, n, what = e.a(name), e.n(name), e.label(name)
    if e.scalar or np.abs(n).max() < 1e-9:
        return
    e_missing = n - a
    paths: list[tuple[str, Array]] = []
    jacobian = e.measured(name)
    mixes = jacobian is None or not close(jacobian, np.diag(np.diag(jacobian)))
    if e.dout.shape == a.shape and mixes:
        paths.append(("dout (the shortcut)", e.dout))
    if e.dout.ndim == 2 and a.ndim == 2 and len(e.dout) == len(a):
        for other, matrix in e.arrays.items():
            for turned, m in (("", matrix), (".T", matrix.T)):
                if other != name and (e.dout.shape[1], a.shape[1]) == m.shape:
                    paths.append((f"dout @ {other}{turned}", e.dout @ m))
    for words, path in paths:
        if close(n, path):
            continue  # there is no other path
        if close(e_missing, path):
            yield Finding("branch missing", f"your {what} lacks exactly {words}", 0.96, (name,))
        elif close(e_missing, -path):
            yield Finding("branch counted twice", f"your {what} has {words} twice", 0.96, (name,))
        elif close(a, path) and _square(jacobian):
            yield Finding("branch missing", f"your {what} is {words} and nothing else", 0.88, (name,))
        elif close(a, 2 * n - path):
            yield Finding("branch counted twice", f"your {what} has everything but {words} twice", 0.95, (name,))
        elif close(a, n - 2 * path) or close(a, 2 * path - n):
            yield Finding("sign flipped", f"in your {what} the part {words} has the other sign", 0.7, (name,))


def _square(jacobian: Array | None) -> bool:
    return jacobian is not None and jacobian.shape[0] == jacobian.shape[1]


# --- labels ----------------------------------------------------------------------------------------------------------------


def _labelled(e: Evidence, name: str) -> Iterator[Finding]:
    """Losses: is the difference exactly in the right class's column of each row?"""
    a, n, what = e.a(name), e.n(name), e.label(name)
    labels = [c for c in e.constants.values() if c.dtype.kind in "iu" and c.shape == n.shape[:1]]
    if not e.scalar or n.ndim != 2 or not labels or labels[0].max() >= n.shape[1] or labels[0].min() < 0:
        return
    onehot = np.eye(n.shape[1])[labels[0]]
    wrong = np.abs(a - n) > 1e-6 * np.abs(n).max()
    if not wrong.any():  # rounding
        return
    off = (a - n)[wrong]
    if np.array_equal(wrong, onehot == 0) and np.ptp(off) < 1e-6:
        amount = f"{off.mean():.3g}"
        said = f"all {wrong.sum()} wrong entries are off by the same amount, {amount}; they are those of the wrong classes"
        yield Finding("labels index every row", said, 0.85, (name,))
    if not wrong[onehot == 0].any():
        values = (n - a)[onehot == 1] * len(n) / float(e.dout)
        if np.ptp(values) < 1e-6:
            said = f"your {what} differs in the right class of each row only, by {values.mean():.4g} / N"
            yield Finding("one-hot missing", said, 0.72, (name,))
        said = f"{wrong.sum()} entries are wrong, each in the right class of its row"
        yield Finding("right class wrong", said, 0.75, (name,))
    columns = wrong.any(axis=0)
    used = np.isin(np.arange(n.shape[1]), labels[0])
    if np.array_equal(columns, used) and wrong[onehot == 0].any() and not used.all():
        said = f"your {what} is wrong in the columns of all classes that are a label, in every row"
        yield Finding("labels index every row", said, 0.9, (name,))
