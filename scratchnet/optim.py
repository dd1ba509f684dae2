"""Optimizers: how a gradient changes the weights. And schedules: how the learning rate changes over a run.

    optimizer = Momentum(lr=0.1, momentum=0.9)
    optimizer.step(params, grads)              # changes the arrays in params in place

Each optimizer is one ``update`` rule for one array w with gradient g. Weight decay means what it means in PyTorch: all but
AdamW add ``weight_decay * w`` to the gradient (L2 regularisation); AdamW shrinks the weights apart from the gradient. It
acts on weights alone, that is on arrays named ``w``: not on biases, gamma and beta.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scratchnet.arguments import is_number, is_whole, kind_of, require, require_float
from scratchnet.typing import Array, Grads, Params

Schedule = Callable[[int], float]
"""step (0, 1, ...) -> learning rate."""


class Optimizer:
    """Base of the optimizers; a new one sets ``slots`` and writes ``update``.

    ``state`` is all that a checkpoint needs besides the weights: ``t``, the number of steps taken, and for each slot (such
    as "velocity") one array per param.

    Errors    ValueError if lr or weight_decay is negative or not finite, or if params and grads do not match
    """

    slots: tuple[str, ...] = ()

    def __init__(self, lr: float, *, weight_decay: float = 0.0) -> None:
        self.lr, self.weight_decay = self._at_least_0(lr=lr), self._at_least_0(weight_decay=weight_decay)
        self.t = 0
        self.state: dict[str, Params] = {slot: {} for slot in self.slots}

    def step(self, params: Params, grads: Grads, lr: float | None = None) -> None:
        """Change every array of params in place; ``lr`` replaces the optimizer's own for this step (a schedule)."""
        name = type(self).__name__
        for argument, arrays in (("params", params), ("grads", grads)):
            if not isinstance(arrays, dict):
                raise TypeError(f"{name}: {argument} must be a dict of arrays, got {kind_of(arrays)}")
        require(params.keys() == grads.keys(), f"{name}: params are {sorted(params)}, grads are {sorted(grads)}")
        for key, w in params.items():
            _check_gradient(name, key, w, grads[key])
        rate = self.lr if lr is None else self._at_least_0(lr=lr)
        self.t += 1
        for key, w in params.items():
            for slot in self.slots:
                if key not in self.state[slot]:
                    self.state[slot][key] = np.zeros_like(w)
            decay = self.weight_decay if key.rpartition(".")[2] == "w" else 0.0
            self.update(w, grads[key], {slot: self.state[slot][key] for slot in self.slots}, rate, decay)

    def update(self, w: Array, g: Array, state: Params, lr: float, weight_decay: float) -> None:
        """Change w, and the state's arrays, in place; g stays as it is."""
        raise NotImplementedError

    def _at_least_0(self, **named: float) -> float:
        ((name, value),) = named.items()
        require(_is_at_least_0(value), f"{type(self).__name__}: {name} must be 0 or more, got {value!r}")
        return float(value)

    def _fraction(self, **named: float) -> float:
        ((name, value),) = named.items()
        fraction = is_number(value) and 0 <= value < 1
        require(fraction, f"{type(self).__name__}: {name} must be in 0 .. 1 (1 excluded), got {value!r}")
        return float(value)


def _check_gradient(optimizer: str, key: str, w: Array, g: Array) -> None:
    both = isinstance(w, np.ndarray) and isinstance(g, np.ndarray)
    if not both or w.shape != g.shape or w.dtype.kind != "f" or g.dtype.kind != "f":
        require_float(f"{optimizer}: params, {key},", w)
        require_float(f"{optimizer}: grads, {key},", g)
        raise ValueError(f"{optimizer}: {key} is {w.shape}, its gradient {g.shape}")


def _with_decay(g: Array, w: Array, weight_decay: float) -> Array:
    return g + weight_decay * w if weight_decay else g


class SGD(Optimizer):
    """Stochastic gradient descent: a step downhill.

    g += weight_decay * w
    w -= lr * g

    Source    Robbins and Monro, 1951; Bottou, Curtis and Nocedal, SIAM Review 2018
    """

    def update(self, w: Array, g: Array, state: Params, lr: float, weight_decay: float) -> None:
        w -= lr * _with_decay(g, w, weight_decay)


class Momentum(Optimizer):
    """A ball that rolls downhill: velocity remembers earlier gradients. PyTorch's SGD(momentum=...).

    g += weight_decay * w
    velocity = momentum * velocity + g
    w -= lr * velocity

    Source    Polyak, 1964; Sutskever et al., ICML 2013
    """

    slots = ("velocity",)

    def __init__(self, lr: float, momentum: float = 0.9, *, weight_decay: float = 0.0) -> None:
        super().__init__(lr, weight_decay=weight_decay)
        self.momentum = self._fraction(momentum=momentum)

    def update(self, w: Array, g: Array, state: Params, lr: float, weight_decay: float) -> None:
        velocity = state["velocity"]
        velocity *= self.momentum
        velocity += _with_decay(g, w, weight_decay)
        w -= lr * velocity


class Nesterov(Momentum):
    """Momentum that looks ahead to where the velocity will carry it. PyTorch's SGD(momentum=..., nesterov=True).

    g += weight_decay * w
    velocity = momentum * velocity + g
    w -= lr * (g + momentum * velocity)

    Source    Nesterov, 1983; Sutskever et al., ICML 2013
    """

    def update(self, w: Array, g: Array, state: Params, lr: float, weight_decay: float) -> None:
        velocity = state["velocity"]
        g = _with_decay(g, w, weight_decay)
        velocity *= self.momentum
        velocity += g
        w -= lr * (g + self.momentum * velocity)


class RMSProp(Optimizer):
    """Divide each gradient by its usual size, so that all weights move at the same pace.

    g += weight_decay * w
    square_avg = alpha * square_avg + (1 - alpha) * g**2
    w -= lr * g / (sqrt(square_avg) + eps)

    Source    Hinton, "Neural networks for machine learning", 2012, lecture 6e
    """

    slots = ("square_avg",)

    def __init__(self, lr: float = 0.001, alpha: float = 0.99, *, eps: float = 1e-8, weight_decay: float = 0.0) -> None:
        super().__init__(lr, weight_decay=weight_decay)
        self.alpha, self.eps = self._fraction(alpha=alpha), self._at_least_0(eps=eps)

    def update(self, w: Array, g: Array, state: Params, lr: float, weight_decay: float) -> None:
        square_avg = state["square_avg"]
        g = _with_decay(g, w, weight_decay)
        square_avg *= self.alpha
        square_avg += (1 - self.alpha) * g * g
        w -= lr * g / (np.sqrt(square_avg) + self.eps)


class Adam(Optimizer):
    """RMSProp with momentum, both corrected for having started at zero.

    g += weight_decay * w
    exp_avg    = beta1 * exp_avg    + (1 - beta1) * g
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * g**2
    w -= lr * (exp_avg / (1 - beta1**t)) / (sqrt(exp_avg_sq / (1 - beta2**t)) + eps)        t = 1, 2, ...

    Source    Kingma and Ba, ICLR 2015, algorithm 1
    """

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay=weight_decay)
        two = isinstance(betas, tuple | list) and len(betas) == 2
        require(two, f"{type(self).__name__}: betas must be two numbers, got {betas!r}")
        self.betas = self._fraction(beta1=betas[0]), self._fraction(beta2=betas[1])
        self.eps = self._at_least_0(eps=eps)

    def update(self, w: Array, g: Array, state: Params, lr: float, weight_decay: float) -> None:
        self._adam(w, _with_decay(g, w, weight_decay), state, lr)

    def _adam(self, w: Array, g: Array, state: Params, lr: float) -> None:
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        beta1, beta2 = self.betas
        exp_avg *= beta1
        exp_avg += (1 - beta1) * g
        exp_avg_sq *= beta2
        exp_avg_sq += (1 - beta2) * g * g
        step = lr / (1 - beta1**self.t)
        w -= step * exp_avg / (np.sqrt(exp_avg_sq / (1 - beta2**self.t)) + self.eps)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: w *= 1 - lr * weight_decay, then Adam's step.

    Source    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2
    """

    def __init__(
        self,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(lr, betas, eps=eps, weight_decay=weight_decay)

    def update(self, w: Array, g: Array, state: Params, lr: float, weight_decay: float) -> None:
        w *= 1 - lr * weight_decay
        self._adam(w, g, state, lr)


def constant(lr: float) -> Schedule:
    """The same learning rate at every step."""
    _check_schedule("constant", lr=lr)
    return lambda step: lr


def step_decay(lr: float, every: int, gamma: float = 0.1) -> Schedule:
    """Multiply by gamma after every ``every`` steps: lr * gamma ** (step // every). PyTorch's StepLR."""
    _check_schedule("step_decay", lr=lr, gamma=gamma)
    require(is_whole(every) and every >= 1, f"step_decay: every must be an integer of at least 1, got {every!r}")
    return lambda step: lr * gamma ** (step // every)


def cosine(lr: float, steps: int, *, final: float = 0.0) -> Schedule:
    """From lr to ``final`` along half a cosine; after ``steps`` it stays there. PyTorch's CosineAnnealingLR.

    Source    Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5
    """
    _check_schedule("cosine", steps, lr=lr, final=final)
    return lambda step: final + (lr - final) * (1 + math.cos(math.pi * min(step, steps) / steps)) / 2


def one_cycle(peak: float, steps: int, *, warmup: float = 0.3, start_div: float = 25.0, final_div: float = 1e4) -> Schedule:
    """Up along half a cosine from peak / start_div to peak, then down to peak / start_div / final_div.

    The first ``warmup`` of the steps goes up. The same learning rates as PyTorch's OneCycleLR; the momentum is left alone.

    Source    Smith and Topin, "Super-convergence", 2018
    """
    _check_schedule("one_cycle", steps, peak=peak)
    require(is_number(warmup) and 0 <= warmup <= 1, f"one_cycle: warmup must be in 0 .. 1, got {warmup!r}")
    for name, value in (("start_div", start_div), ("final_div", final_div)):
        require(is_number(value) and 0 < value < math.inf, f"one_cycle: {name} must be positive, got {value!r}")
    start, end, top, last = peak / start_div, peak / start_div / final_div, warmup * steps - 1, steps - 1

    def lr(step: int) -> float:
        step = min(step, last)
        if step <= top:
            return _half_cosine(start, peak, step / top if top > 0 else 1.0)
        return _half_cosine(peak, end, (step - top) / (last - top))

    return lr


def warmup_cosine(lr: float, steps: int, *, warmup: float = 0.05) -> Schedule:
    """Up in a straight line over the first ``warmup`` of the steps, then down to 0 along half a cosine.

    Source    Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2; Loshchilov and Hutter, "SGDR", ICLR 2017
    """
    _check_schedule("warmup_cosine", steps, lr=lr)
    ok = is_number(warmup) and 0 <= warmup < 1
    require(ok, f"warmup_cosine: warmup must be in 0 .. 1 (1 excluded), got {warmup!r}")
    rising = round(warmup * steps)
    falling = cosine(lr, max(1, steps - rising))
    return lambda step: lr * (step + 1) / (rising + 1) if step < rising else falling(step - rising)


def _check_schedule(name: str, steps: int = 1, **rates: float) -> None:
    require(is_whole(steps) and steps >= 1, f"{name}: steps must be an integer of at least 1, got {steps!r}")
    for rate, value in rates.items():
        require(_is_at_least_0(value), f"{name}: {rate} must be 0 or more, got {value!r}")


def _is_at_least_0(value: float) -> bool:
    return is_number(value) and 0 <= value < math.inf


def _half_cosine(start: float, end: float, fraction: float) -> float:
    """start at fraction 0, end at fraction 1, level at both."""
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}
