"""Batch normalisation."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from scratchnet.arguments import is_number, is_whole, require, require_array, require_dout, require_float
from scratchnet.layers.base import Layer
from scratchnet.memory import to_hcwn
from scratchnet.typing import Array, Cache, Grads, Pair, Params, Rng


def batch_norm_forward(
    x: Array, gamma: Array, beta: Array, eps: float = 1e-5, mean: Array | None = None, var: Array | None = None
) -> tuple[Array, Cache]:
    """Give every channel mean 0 and variance 1 over the batch, then a learned scale and shift.

    Shapes    x (N, D) or (N, C, H, W), gamma, beta, mean, var (D,) or (C,) -> out like x
              m = N or N*H*W is how many values a channel has
    Forward   xhat = (x - mean) / sqrt(var + eps)      out = gamma * xhat + beta
              mean and var are the batch's own (training), or given and then constants (evaluation)
    Backward  dgamma = sum dout * xhat      dbeta = sum dout                (sums over all axes but the channel)
              dx = gamma / sqrt(var + eps) * (dout - dbeta / m - xhat * dgamma / m)      with the batch's statistics:
                   the mean and the variance depend on x too
              dx = gamma / sqrt(var + eps) * dout      with given ones          (derived in lesson 13)
    Extremes  a channel whose values are all the same has variance 0: xhat is 0 up to rounding, out is beta. Squares are
              computed in x's dtype: float32 values beyond 1e19 have variance inf, which training refuses
    Cost      about 8 flops a value forward; the cache holds xhat, or x with given statistics
    Errors    ValueError if the shapes do not fit, x is not floating-point, or the batch has one value a channel
              (its variance says nothing)
    Source    Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithm 1
    """
    require_float("BatchNorm: x, gamma and beta", x, gamma, beta)
    require(x.ndim in (2, 4), f"BatchNorm: x must be (N, D) or (N, C, H, W), got {x.shape}")
    require(
        gamma.shape == beta.shape == (x.shape[1],),
        f"BatchNorm: x has {x.shape[1]} channels, gamma and beta want {gamma.size}: x {x.shape}, gamma {gamma.shape}, "
        f"beta {beta.shape}",
    )
    require(is_number(eps) and 0 < eps < math.inf, f"BatchNorm: eps must be positive, got {eps!r}")
    require((mean is None) == (var is None), "BatchNorm: give both mean and var, or neither")
    m = x.size // max(x.shape[1], 1)
    if mean is not None and var is not None:
        require_float("BatchNorm: mean and var", mean, var)
        fit = mean.shape == var.shape == gamma.shape
        require(fit, f"BatchNorm: mean and var must be {gamma.shape}, got {mean.shape} and {var.shape}")
        inv_std = 1 / np.sqrt(var + x.dtype.type(eps))
        out = x * _spread(gamma * inv_std, x)
        out += _spread(beta - gamma * inv_std * mean, x)  # multiplied out: one scale and one shift a channel
        return out, (x, gamma, inv_std, mean, var, True)
    require(m > 1, f"BatchNorm: training needs more than one value a channel, got x {x.shape}")
    mean = _sums(x) / x.dtype.type(m)
    xhat = x - _spread(mean, x)
    var = _sums(xhat, xhat) / x.dtype.type(m)
    inv_std = 1 / np.sqrt(var + x.dtype.type(eps))
    xhat *= _spread(inv_std, x)
    out = xhat * _spread(gamma, x)
    out += _spread(beta, x)
    return out, (xhat, gamma, inv_std, mean, var, False)


def batch_norm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """dout like x -> dx like x, dgamma (C,), dbeta (C,)."""
    xhat, gamma, inv_std, mean, _, given = cache
    require_dout("BatchNorm", dout, xhat.shape)
    dbeta = _sums(dout)
    scale = _spread(gamma * inv_std, dout)
    if given:  # then the cache holds x itself
        return dout * scale, _sums(dout, xhat - _spread(mean, xhat)) * inv_std, dbeta
    dgamma = _sums(dout, xhat)
    per_value = dout.dtype.type(dout.shape[1] / dout.size)  # 1 / m
    dx = xhat * _spread(dgamma * per_value, dout)
    np.subtract(dout, dx, out=dx)
    dx -= _spread(dbeta * per_value, dout)
    dx *= scale
    return dx, dgamma, dbeta


def _spread(values: Array, x: Array) -> Array:
    """One number a channel, in the shape that reaches all values of x."""
    return values if x.ndim == 2 else values[:, None, None]


def _sums(x: Array, y: Array | None = None) -> Array:
    """The sum of x, or of x * y, over all axes but the channel, without writing the product down."""
    if x.ndim == 2:
        return x.sum(axis=0) if y is None else np.vecdot(x.T, y.T)
    h, c, w, n = (rows := to_hcwn(x)).shape
    rows = rows.reshape(h, c, w * n)
    others = np.ones(w * n, x.dtype) if y is None else to_hcwn(y).reshape(h, c, w * n)
    return np.vecdot(rows, others).sum(axis=0)


class _BatchNorm(Layer):
    """``batch_norm_forward`` with its own gamma and beta, and running statistics for evaluation.

    forward does not touch ``state``: whoever trains collects ``observe(cache)`` and calls ``update_state`` once a step,
    running = (1 - momentum) * running + momentum * observed, with the unbiased variance, as PyTorch does.
    A pair of your own is called as forward(x, gamma, beta, eps=...) in training, with mean= and var= besides in evaluation.
    """

    functions: Pair = (batch_norm_forward, batch_norm_backward)
    settings = ("num_features", "eps", "momentum")
    ndim: int
    axes: str

    def __init__(self, num_features: int, *, eps: float = 1e-5, momentum: float = 0.1, functions: Pair | None = None):
        super().__init__(functions)
        name = type(self).__name__
        whole = is_whole(num_features) and num_features >= 1
        require(whole, f"{name}: num_features must be an integer of at least 1, got {num_features!r}")
        require(is_number(eps) and 0 < eps < math.inf, f"{name}: eps must be positive, got {eps!r}")
        require(is_number(momentum) and 0 <= momentum <= 1, f"{name}: momentum must be in 0 .. 1, got {momentum!r}")
        self.num_features, self.eps, self.momentum = int(num_features), float(eps), float(momentum)
        self.options = {"eps": self.eps}
        self.params = {"gamma": np.ones(num_features, np.float32), "beta": np.zeros(num_features, np.float32)}
        self.state = {
            "running_mean": np.zeros(num_features, np.float32),
            "running_var": np.ones(num_features, np.float32),
        }

    def forward(self, x: Array, *, train: bool = False, rng: Rng | None = None) -> tuple[Array, Cache]:
        require_array(f"{type(self).__name__}: x", x, self.ndim, self.axes)
        if not train:
            mean, var = self.state["running_mean"], self.state["running_var"]
            out, cache = self.functions[0](x, *self.params.values(), **self.options, mean=mean, var=var)
            return out, (cache, {})
        out, cache = super().forward(x)
        if self.functions is type(self).functions:
            *_, mean, var, _ = cache
        else:  # a learner's pair: its cache is its own
            axes = (0, *range(2, x.ndim))
            mean, var = x.mean(axis=axes), x.var(axis=axes)
        m = x.size / x.shape[1]
        return out, (cache, {"running_mean": mean, "running_var": var * var.dtype.type(m / max(m - 1, 1))})

    def backward(self, dout: Array, cache: Cache, *, need_dx: bool = True) -> tuple[Array | None, Grads]:
        return super().backward(dout, cache[0], need_dx=need_dx)

    def observe(self, cache: Cache) -> Params:
        """The statistics of the batch that a training forward saw; empty for an evaluation cache."""
        observed: Params = cache[1]
        return observed

    def update_state(self, observed: Mapping[str, Array]) -> None:
        for name, value in observed.items():
            self.state[name] += self.momentum * (value - self.state[name])


class BatchNorm1d(_BatchNorm):
    """BatchNorm of features: x (N, D), statistics over N. See batch_norm_forward for the formulas.

    It trains right only if somebody calls ``model.update_state(model.observe(cache))`` after each step, since evaluation
    uses the running statistics; ``train_steps`` does.
    """

    ndim, axes = 2, "(N, D)"


class BatchNorm2d(_BatchNorm):
    """BatchNorm of images: x (N, C, H, W), statistics over N, H and W; otherwise as BatchNorm1d."""

    ndim, axes = 4, "(N, C, H, W)"
