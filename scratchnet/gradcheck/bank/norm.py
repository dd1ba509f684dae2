"""BatchNorm: its dx is a dout + b + c xhat in each channel; which of the three is wrong tells the mistake."""

from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.bank.operation import Given, Operation, Setup, Wrong
from scratchnet.typing import Array

NEARLY = 0.02  # a wrong eps changes a gradient by no more than this part, by more a mistake has another name


def _layouts(shape: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
    """(the axes that the statistics are over, the channel's axis)."""
    layouts: dict[int, list[tuple[tuple[int, ...], int]]] = {2: [((0,), 1)], 4: [((0, 2, 3), 1), ((0, 1, 2), 3)]}
    return layouts.get(len(shape), [])


def _setups(given: Given) -> Iterator[Setup]:
    names = list(given.arrays)
    x = given.arrays[names[0]]
    if given.out_shape != x.shape or len(names) > 3:
        return
    eps_given = [v for v in given.settings.values() if 0 < v < 0.1]
    for axes, channel in _layouts(x.shape):
        if any(given.arrays[name].size != x.shape[channel] for name in names[1:]) or x.size <= x.shape[channel]:
            continue
        spread = [1] * x.ndim
        spread[channel] = -1
        gamma = given.arrays[names[1]].reshape(spread) if len(names) > 1 else np.ones(x.shape[channel]).reshape(spread)
        beta = given.arrays[names[2]].reshape(spread) if len(names) > 2 else 0
        centred = x - x.mean(axis=axes, keepdims=True)
        m = x.size // x.shape[channel]
        for ddof in (0, 1):
            var = x.var(axis=axes, keepdims=True, ddof=ddof)
            for eps in dict.fromkeys((*eps_given, 1e-5, 1e-8, 1e-7, 1e-6, 1e-3, 0.0)):
                for std in (np.sqrt(var + eps), np.sqrt(var) + eps):
                    xhat = centred / std
                    roles = {
                        "names": names,
                        "axes": axes,
                        "channel": channel,
                        "gamma": gamma,
                        "std": std,
                        "m": m,
                        "ddof": ddof,
                    }
                    yield Setup(gamma * xhat + beta, {**roles, "xhat": xhat})


def _wrongs(given: Given, setup: Setup) -> Iterator[Wrong]:
    r = setup.roles
    x_name, axes, gamma, std, xhat = r["names"][0], r["axes"], r["gamma"], r["std"], r["xhat"]
    dout = given.dout
    wrong_axes: dict[int, list[tuple[tuple[int, ...], str]]] = {
        2: [((1,), "means over the features instead of the batch")],
        4: [(wrong, f"means over axes {wrong} instead of {axes}") for wrong in ((0,), (2, 3), (1, 2, 3), (0, 1))],
    }
    for wrong, words in wrong_axes[xhat.ndim]:
        for dxhat, scale in (dout, gamma / std), (dout * gamma, 1 / std):  # the same only where gamma is one for all
            through_mean = dxhat.mean(axis=wrong, keepdims=True)
            through_variance = xhat * (dxhat * xhat).mean(axis=wrong, keepdims=True)
            yield Wrong("summed over the wrong axis", {x_name: scale * (dxhat - through_mean - through_variance)}, words)


def read_dx(given: Given, setup: Setup, dx: Array, numeric: Array) -> Iterator[tuple[str, str, float]]:
    """(name, words, weight): the three coefficients of dx in each channel, against those of the right one."""
    r = setup.roles
    channel, m = r["channel"], r["m"]

    def flat(a: Array) -> Array:
        return np.moveaxis(np.broadcast_to(a, dx.shape), channel, 0).reshape(dx.shape[channel], -1)

    dout, xhat, mine, right = flat(given.dout), flat(r["xhat"]), flat(dx), flat(numeric)
    gamma, std = r["gamma"].ravel(), r["std"].ravel()
    if m < 4:
        return
    ratios = []
    for c in range(len(mine)):
        basis = np.stack([dout[c], np.ones(m), xhat[c]], axis=1)
        found, *_ = np.linalg.lstsq(basis, mine[c], rcond=None)
        wanted, *_ = np.linalg.lstsq(basis, right[c], rcond=None)
        if np.abs(basis @ found - mine[c]).max() > 1e-5 * np.abs(mine[c]).max() + 1e-14:
            return
        if np.abs(wanted).min() <= 1e-7 * np.abs(wanted).max():
            return
        ratios.append(found / wanted)
    table = np.array(ratios)  # (channels, 3): dout, mean term, variance term; 1 is right
    yield from _read_table(table, gamma, std, m, "column" if dx.ndim == 2 else "channel")


def _read_table(table: Array, gamma: Array, std: Array, m: int, each: str) -> Iterator[tuple[str, str, float]]:
    direct, mean, variance = (_reading(ratios, gamma, std) for ratios in table.T)
    most = np.abs(table - 1).max()
    if "other" in (direct[0], mean[0], variance[0]) and most < NEARLY:
        yield "epsilon wrong", f"each {each} is off by a little of its own, up to {most:.2g} of it", 0.96
        return
    powers = (("gamma", "gamma missing"), ("std", "power of the standard deviation wrong"))
    if mean == variance == ("number", 0.0):
        yield "statistics treated as constants", f"your dx is a multiple of dout in each {each}", 0.97
        for kind, name in powers:
            if direct[0] == kind:
                yield name, f"what is left of it is off by a factor that goes with {_power(kind, direct[1])}", 0.93
        return
    parts = {"dout's": direct, "the mean's": mean, "the variance's": variance}
    for kind, name in powers:
        where = {part: power for part, (k, power) in parts.items() if k == kind}
        if where:
            what = f"{' and '.join(where)} part of your dx" if len(where) != 3 else "your dx"
            yield name, f"{what} is off by a factor that goes with {_power(kind, next(iter(where.values())))}", 0.96
    scale = (direct[1] if direct[0] == "number" else 1.0) or 1.0
    off = [value / scale for kind, value in (mean, variance) if kind == "number"]
    both = sum(off) / 2
    if len(off) == 2 and np.ptp(off) < 1e-5 and abs(both - 1) > 1e-6:
        if _mixed_up(both, m):
            yield (
                "N - 1 for N",
                f"both statistics' parts are {both:.6g} times the right ones: {m} and {m - 1} mixed up",
                0.96,
            )
        elif both < 0:
            yield "sign flipped", "the mean's and the variance's parts have the other sign", 0.8
            yield "mean term missing", "its sign is wrong", 0.6
            yield "variance term missing", "its sign is wrong", 0.6
        else:
            yield "divided by the wrong count", f"both statistics' parts are {both:.6g} times the right ones", 0.95
        return
    for words, (kind, value), other, reading in (("mean", mean, "variance", variance), ("variance", variance, "mean", mean)):
        name, factor = f"{words} term missing", value / scale
        if kind == "other":
            yield name, f"the {words}'s part is wrong, by another factor in each {each}", 0.75
        if kind != "number":
            continue
        if words != "mean" and _mixed_up(factor, m):
            yield "N - 1 for N", f"the variance's part is {factor:.6g} times the right one: {m} and {m - 1} mixed up", 0.95
        elif abs(factor) < 1e-6:
            fine = all(k == "number" and abs(v - 1) < 1e-5 for k, v in (direct, reading))
            rest = f"; the part through the {other} is right, and so is the direct one (dxhat / std)" if fine else ""
            yield name, f"your dx has no part that goes through the {words}{rest}", 0.94
        elif abs(factor - 1) > 1e-6:
            yield name, f"the {words}'s part of your dx is {factor:.4g} times the right one", 0.9


def _mixed_up(factor: float, m: int) -> bool:
    """Is it what comes of m - 1 in m's place, or of m in that of m - 1?"""
    return any(abs(factor - ratio) < 1e-5 for ratio in (m / (m - 1), (m - 1) / m))


def _power(base: str, power: float) -> str:
    """1 / gamma, gamma, gamma**2, 1 / gamma**2."""
    raised = f"{base}**{abs(power):g}" if abs(power) != 1 else base
    return raised if power > 0 else f"1 / {raised}"


def _reading(ratios: Array, gamma: Array, std: Array) -> tuple[str, float]:
    """What the factors of all channels are: one number, or a power of gamma or of the standard deviation."""
    if np.abs(ratios).max() < 1e-6:
        return "number", 0.0
    if np.ptp(ratios) <= 1e-5 * np.abs(ratios).max():
        return "number", float(ratios.mean())
    for kind, base in ("gamma", gamma), ("std", std):
        for power in (-3, -2, -1, 1, 2, 3):
            if np.abs(base).min() > 0:
                constant = ratios / base ** float(power)
                if np.ptp(constant) <= 1e-5 * np.abs(constant).max():
                    return kind, float(power)
    return "other", 0.0


def read_dgamma(setup: Setup, mine: Array, right: Array) -> Iterator[tuple[str, str, float]]:
    """dgamma (or dbeta) off by a power of a channel's standard deviation or of gamma."""
    if not right.all():
        return
    kind, power = _reading((mine / right).ravel(), setup.roles["gamma"].ravel(), setup.roles["std"].ravel())
    for base, name, why, weight in (
        ("std", "power of the standard deviation wrong", " of x: x - mean where xhat belongs", 0.88),
        ("gamma", "gamma missing", "", 0.7),
    ):
        if kind == base:
            words = f"it is off by a factor that goes with {_power(base, power)}{why}"
            yield name, words, 0.9
            yield "wrong operand", words, weight


OPERATIONS = (Operation("batch_norm", 13, _setups, _wrongs, "BatchNorm"),)
