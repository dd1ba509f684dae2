"""Which terms add up to one number of a stage: an output, a gradient that goes back, or a weight's gradient.

Every number in a forward or backward pass of these layers is a sum of products, ``sum(left * right) + plus``, or a function
of one number. ``terms_of`` finds the products: the patch under a kernel and the kernel, the gradients of all outputs that
used a pixel and the weights they used it with, and so on. It computes nothing that the layers compute: ``value`` is what the
layer gave, and the sum must come out the same.

    of          index        value                 left                       right               plus
    "out"       as out       out[index]            values of x                weights             bias
    "dx"        as x         dx[index]             values of dout             weights
    a param     as param     its gradient          values of dout             values of x
    "dlogits"   (k,)         dlogits[k]            probs[k]                   1                   -1 at the label
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchnet.explain import receptive_field
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Residual,
    Sigmoid,
    Tanh,
)
from scratchnet.typing import Array
from scratchnet.web.arrays import finite, packed
from scratchnet.web.errors import ApiError, bad_request
from scratchnet.web.stages import INPUT, Pass

Index: TypeAlias = tuple[int, ...]

_ONE_FROM_ONE = (BatchNorm1d, Dropout, Flatten, LeakyReLU, ReLU, Sigmoid, Tanh)  # each value of theirs is made from one

LOSS = "loss"
"""The name of the stage whose number is "dlogits"."""


class Window(NamedTuple):
    """Where ``left`` was taken from: channels and pixels of a map. Rows and columns outside of the map are padding."""

    channel: int | None  # None: all of them
    top: int
    left: int
    height: int
    width: int


class Terms(NamedTuple):
    """sum(left * right) + plus = value. ``right`` None: the left values themselves, or ``rule`` says what happens to one."""

    value: float
    left: Array
    left_name: str
    right: Array | None = None
    right_name: str = ""
    plus: float = 0.0
    plus_name: str = ""
    rule: str = ""
    words: str = ""  # the same in words, where a sum says little
    patch: Array | None = None  # max pooling: the values of the window,
    won: Array | None = None  # and 1 at the one that won
    window: Window | None = None  # in x's map for "out", in out's map for "dx" and params

    @property
    def sum(self) -> float:
        """What the terms add up to, in float64."""
        if self.right is None:
            return self.value if self.rule else float(self.left.sum(dtype=np.float64)) + self.plus
        return float((self.left.astype(np.float64) * self.right).sum()) + self.plus


def terms_of(run: Pass, stage: str, of: str, index: Index) -> Terms:
    """The terms of one number; ``run`` wants a label unless ``of`` is "out".

    Errors    ApiError 404 if there is no such stage; 400 if ``of`` or ``index`` do not fit it
    """
    if stage == LOSS:
        return _of_loss(run, of, index)
    if stage not in run.ahead:
        raise ApiError(404, "unknown-stage", f"there is no such stage; this network has {', '.join(run.ahead)}, {LOSS}")
    layer = run.ahead[stage].layer
    learned = {} if isinstance(layer, Residual) else layer.params
    if of not in ("out", "dx", *learned):
        raise bad_request(f"of must be one of {', '.join(['out', 'dx', *learned])} for {type(layer).__name__}")
    if of != "out" and stage not in run.back:
        raise bad_request("a gradient wants a label")
    whole = run.ahead[stage].out[0] if of == "out" else run.ahead[stage].x[0] if of == "dx" else learned[of]
    _check(index, whole.shape)
    explain = next((_KINDS[kind] for kind in type(layer).__mro__ if kind in _KINDS), _value_alone)
    return explain(run, stage, of, index)


def terms_json(run: Pass, model: Layer, stage: str, of: str, index: Index) -> dict[str, Any]:
    """What /api/terms answers; ``field`` is the receptive field in the image, [top, left, height, width]."""
    terms = terms_of(run, stage, of, index)
    return {
        "stage": stage,
        "of": of,
        "index": list(index),
        "value": finite(terms.value),
        "left": packed(terms.left),
        "left_name": terms.left_name,
        "right": None if terms.right is None else packed(np.broadcast_to(terms.right, terms.left.shape)),
        "right_name": terms.right_name,
        "plus": finite(terms.plus),
        "plus_name": terms.plus_name,
        "rule": terms.rule,
        "words": terms.words,
        "patch": None if terms.patch is None else packed(terms.patch),
        "won": None if terms.won is None else packed(terms.won),
        "sum": finite(terms.sum),
        "window": None if terms.window is None else terms.window._asdict(),
        "sources": [] if stage == LOSS else run.sources(stage),
        "field": _field(run, model, stage, index) if of == "out" else None,
    }


def _field(run: Pass, model: Layer, stage: str, index: Index) -> list[int] | None:
    """The part of the image on which one output depends; None where that is all of it."""
    found = None if stage == LOSS else _on_a_map(run, stage, index)
    if found is None:
        return None
    stage, (_, row, column) = found
    if stage == INPUT:
        return [row, column, 1, 1]
    try:
        field = receptive_field(model, stage, row, column)
    except ValueError:
        return None
    rows, columns = field.within(run.x.shape[2:])
    return [rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start]


def _on_a_map(run: Pass, stage: str, index: Index) -> tuple[str, Index] | None:
    """The pixel that a feature was made from alone, as Flatten's are, and the stage it comes out of; None if of several."""
    while len(index) != 3:
        if stage == INPUT or not isinstance(run.ahead[stage].layer, _ONE_FROM_ONE):
            return None
        if isinstance(run.ahead[stage].layer, Flatten):
            index = tuple(int(i) for i in np.unravel_index(index[0], run.ahead[stage].x.shape[1:]))
        (stage,) = run.sources(stage)
    return stage, index


def _check(index: Index, shape: Index) -> None:
    fits = len(index) == len(shape) and all(0 <= i < n for i, n in zip(index, shape, strict=True))
    if not fits:
        raise bad_request(f"index must be {len(shape)} whole numbers below {list(shape)}, got {list(index)}")


# --- layer by layer --------------------------------------------------------------------------------------------------


def _of_loss(run: Pass, of: str, index: Index) -> Terms:
    if of != "dlogits" or run.label is None:
        raise bad_request("the stage loss has dlogits, and wants a label")
    _check(index, run.dlogits.shape)
    (k,) = index
    one = -1.0 if k == run.label else 0.0
    words = "the label: y is 1, and the logit is pulled up by what its probability lacks"
    if k != run.label:
        words = "not the label: y is 0, and the logit is pushed down by the probability it got"
    return Terms(float(run.dlogits[k]), run.probs[k : k + 1], "p", plus=one, plus_name="(-y)", words=f"{k} is {words}.")


def _conv(run: Pass, name: str, of: str, index: Index) -> Terms:
    stage, layer = run.ahead[name], run.ahead[name].layer
    assert isinstance(layer, Conv2d)
    w, b = layer.params.values()
    (ph, pw), (sh, sw), (kh, kw) = layer.pad, layer.stride, layer.kernel_size
    xpad = np.pad(stage.x[0], ((0, 0), (ph, ph), (pw, pw)))
    if of == "out":
        f, i, j = index
        patch = xpad[:, i * sh : i * sh + kh, j * sw : j * sw + kw]
        place = Window(None, i * sh - ph, j * sw - pw, kh, kw)
        return Terms(float(stage.out[0][index]), patch, "x", w[f], f"w[{f}]", float(b[f]), f"b[{f}]", window=place)
    dout = run.back[name].dout[0]
    oh, ow = dout.shape[1:]
    if of == "b":
        (f,) = index
        return Terms(_grad(run, name, of, index), dout[f], f"dout[{f}]", window=Window(f, 0, 0, oh, ow))
    if of == "w":
        f, c, a, e = index
        used = xpad[c, a : a + sh * oh : sh, e : e + sw * ow : sw]
        return Terms(_grad(run, name, of, index), dout[f], f"dout[{f}]", used, "x", window=Window(f, 0, 0, oh, ow))
    c, r, s = index
    rows, columns = _users(r + ph, kh, sh, oh), _users(s + pw, kw, sw, ow)  # outputs that this pixel was part of
    grads = dout[:, [i for i, _ in rows]][:, :, [j for j, _ in columns]]
    weights = w[:, c][:, [a for _, a in rows]][:, :, [e for _, e in columns]]
    if not rows or not columns:
        return Terms(_dx(run, name, index), np.zeros(0, np.float32), "dout")
    place = Window(None, rows[0][0], columns[0][0], len(rows), len(columns))
    return Terms(_dx(run, name, index), grads, "dout", weights, f"w[:, {c}], turned", window=place)


def _users(at: int, k: int, stride: int, outputs: int) -> list[tuple[int, int]]:
    """Along one axis, the outputs i whose window holds padded place ``at``, each with its place in the window."""
    return [(i, at - i * stride) for i in range(outputs) if 0 <= at - i * stride < k]


def _dense(run: Pass, name: str, of: str, index: Index) -> Terms:
    stage = run.ahead[name]
    w, b = stage.layer.params.values()
    x = stage.x[0]
    if of == "out":
        (m,) = index
        return Terms(float(stage.out[0, m]), x, "x", w[:, m], f"w[:, {m}]", float(b[m]), f"b[{m}]")
    dout = run.back[name].dout[0]
    if of == "dx":
        (d,) = index
        return Terms(_dx(run, name, index), dout, "dout", w[d], f"w[{d}]")
    if of == "b":
        return Terms(_grad(run, name, of, index), dout[list(index)], "dout")
    d, m = index
    return Terms(_grad(run, name, of, index), dout[m : m + 1], f"dout[{m}]", x[d : d + 1], f"x[{d}]")


def _pool(run: Pass, name: str, of: str, index: Index) -> Terms:
    """Max pooling's weights are 1 for the winner and 0 for the others, average pooling's are all the same."""
    stage, layer = run.ahead[name], run.ahead[name].layer
    assert isinstance(layer, MaxPool2d | AvgPool2d)
    (kh, kw), (sh, sw) = layer.kernel_size, layer.stride
    x = stage.x[0]
    maximum = isinstance(layer, MaxPool2d)
    right_name = "won" if maximum else "1/(KH*KW)"

    def share(c: int, i: int, j: int) -> tuple[Array, Array]:
        patch = x[c, i * sh : i * sh + kh, j * sw : j * sw + kw]
        if not maximum:
            return patch, np.full(patch.shape, 1 / patch.size, np.float32)
        winner = int(patch.T.argmax())  # on ties the leftmost column, in it the topmost row
        weights = np.zeros(patch.shape, np.float32)
        weights[winner % kh, winner // kh] = 1
        return patch, weights

    if of == "out":
        c, i, j = index
        patch, weights = share(c, i, j)
        place = Window(c, i * sh, j * sw, kh, kw)
        value = float(stage.out[0][index])
        if not maximum:
            return Terms(value, patch, "x", weights, right_name, window=place)
        words = "The largest value of the window is handed on; the others have no say."
        return Terms(value, patch, "x", weights, right_name, words=words, patch=patch, won=weights, window=place)
    c, r, s = index
    dout = run.back[name].dout[0]
    rows, columns = _users(r, kh, sh, dout.shape[1]), _users(s, kw, sw, dout.shape[2])
    if not rows or not columns:
        return Terms(_dx(run, name, index), np.zeros(0, np.float32), "dout", rule="in no window: pooling left it out")
    grads = np.array([[dout[c, i, j] for j, _ in columns] for i, _ in rows])
    shares = np.array([[share(c, i, j)[1][a, e] for j, e in columns] for i, a in rows])
    place = Window(c, rows[0][0], columns[0][0], len(rows), len(columns))
    terms = Terms(_dx(run, name, index), grads, "dout", shares, right_name, window=place)
    if not maximum or shares.size != 1:
        return terms
    (i, _), (j, _) = rows[0], columns[0]
    patch, won = share(c, i, j)
    if shares[0, 0]:
        return terms._replace(patch=patch, won=won, words="It won its window, and the window's whole gradient lands here.")
    a, e = (int(place[0]) for place in won.nonzero())
    words = f"It did not win its window, so it gets nothing: the gradient lands at [{c}, {i * sh + a}, {j * sw + e}]."
    return terms._replace(patch=patch, won=won, words=words)


def _global_pool(run: Pass, name: str, of: str, index: Index) -> Terms:
    x = run.ahead[name].x[0]
    h, w = x.shape[1:]
    c = index[0]
    share = np.float32(1 / (h * w))
    if of == "out":
        shares = np.full((h, w), share)
        return Terms(float(run.ahead[name].out[0, c]), x[c], "x", shares, "1/(H*W)", window=Window(c, 0, 0, h, w))
    return Terms(_dx(run, name, index), run.back[name].dout[0, c : c + 1], f"dout[{c}]", np.full(1, share), "1/(H*W)")


def _batch_norm(run: Pass, name: str, of: str, index: Index) -> Terms:
    stage, layer = run.ahead[name], run.ahead[name].layer
    assert isinstance(layer, BatchNorm1d | BatchNorm2d)
    c = index[0]
    gamma, beta = (float(array[c]) for array in layer.params.values())
    mean, var = float(layer.state["running_mean"][c]), float(layer.state["running_var"][c])
    inv_std = 1 / np.sqrt(var + layer.eps)
    scale = np.full(1, gamma * inv_std)
    x = stage.x[0]
    if of == "out":
        shift = beta - mean * gamma * inv_std
        value = float(stage.out[0][index])
        return Terms(value, _one(x, index), "x", scale, "gamma/std", shift, "beta - mean*gamma/std", window=_pixel(index))
    dout = run.back[name].dout[0]
    if of == "dx":
        return Terms(_dx(run, name, index), _one(dout, index), "dout", scale, "gamma/std", window=_pixel(index))
    whole = Window(c, 0, 0, *dout.shape[1:]) if dout.ndim == 3 else None
    grads, xhat = np.atleast_1d(dout[c]), np.atleast_1d((x[c] - mean) * inv_std)
    if of == "beta":
        return Terms(_grad(run, name, of, index), grads, f"dout[{c}]", window=whole)
    return Terms(_grad(run, name, of, index), grads, f"dout[{c}]", xhat, "xhat", window=whole)


def _rectifier(run: Pass, name: str, of: str, index: Index) -> Terms:
    """ReLU and LeakyReLU: positive values and their gradients pass, others are multiplied by 0 or the slope."""
    stage = run.ahead[name]
    x = _one(stage.x[0], index)
    slope = np.where(x > 0, np.float32(1), np.float32(getattr(stage.layer, "negative_slope", 0.0)))
    passes, at = bool(x[0] > 0), _pixel(index)
    below = "stopped: 0" if slope[0] == 0 else f"multiplied by {slope[0]:g}"
    told = f"x is {x[0]:.3g}, {'above 0' if passes else 'not above 0'}"
    if of == "out":
        words = f"{told}: it {'passes unchanged' if passes else f'is {below}'}."
        return Terms(float(stage.out[0][index]), x, "x", slope, "slope", words=words, window=at)
    words = f"On the way there {told}: the gradient {'passes unchanged' if passes else f'is {below}'}."
    return Terms(_dx(run, name, index), _one(run.back[name].dout[0], index), "dout", slope, "slope", words=words, window=at)


def _squash(run: Pass, name: str, of: str, index: Index) -> Terms:
    """Sigmoid and Tanh."""
    stage = run.ahead[name]
    out = _one(stage.out[0], index)
    sigmoid = isinstance(stage.layer, Sigmoid)
    if of == "out":
        rule = "1 / (1 + exp(-x))" if sigmoid else "tanh(x)"
        return Terms(float(out[0]), _one(stage.x[0], index), "x", rule=rule, window=_pixel(index))
    slope = out * (1 - out) if sigmoid else 1 - out * out
    slope_name = "out*(1 - out)" if sigmoid else "1 - out^2"
    return Terms(_dx(run, name, index), _one(run.back[name].dout[0], index), "dout", slope, slope_name, window=_pixel(index))


def _unchanged(run: Pass, name: str, of: str, index: Index) -> Terms:
    """Dropout in evaluation."""
    stage, at, words = run.ahead[name], _pixel(index), "Dropout is off here: everything passes unchanged."
    if of == "out":
        return Terms(float(stage.out[0][index]), _one(stage.x[0], index), "x", words=words, window=at)
    return Terms(_dx(run, name, index), _one(run.back[name].dout[0], index), "dout", words=words, window=at)


def _flatten(run: Pass, name: str, of: str, index: Index) -> Terms:
    shape = run.ahead[name].x.shape[1:]
    if of == "out":
        place = tuple(int(i) for i in np.unravel_index(index[0], shape))
        one = _one(run.ahead[name].x[0], place)
        words = f"The same number as x{list(place)}: only the shape changes."
        return Terms(float(run.ahead[name].out[0][index]), one, f"x{list(place)}", words=words, window=_pixel(place))
    d = int(np.ravel_multi_index(index, shape))
    words = f"The same number as dout[{d}]: only the shape changes."
    return Terms(_dx(run, name, index), run.back[name].dout[0, d : d + 1], f"dout[{d}]", words=words)


def _residual(run: Pass, name: str, of: str, index: Index) -> Terms:
    stage = run.ahead[name]
    has_shortcut = "shortcut" in getattr(stage.layer, "children", {})
    if of == "out":
        body = run.ahead[run.last_under(f"{name}.body")].out[0]
        other = run.ahead[run.last_under(f"{name}.shortcut")].out[0] if has_shortcut else stage.x[0]
        both = np.array([body[index], other[index]])
        return Terms(float(stage.out[0][index]), both, "body(x), shortcut(x)", window=_pixel(index))
    ways = [_last_back(run, f"{name}.body"), _last_back(run, f"{name}.shortcut") if has_shortcut else run.back[name].dout[0]]
    return Terms(_dx(run, name, index), np.array([way[index] for way in ways]), "dx of body, of shortcut")


def _last_back(run: Pass, prefix: str) -> Array:
    """What comes out below a Residual's body or shortcut."""
    back = [stage for name, stage in run.back.items() if name == prefix or name.startswith(f"{prefix}.")][-1]
    assert back.dx is not None
    return back.dx[0]


def _value_alone(run: Pass, name: str, of: str, index: Index) -> Terms:
    """A layer that this module does not know."""
    stage = run.ahead[name]
    value = (
        float(stage.out[0][index]) if of == "out" else _dx(run, name, index) if of == "dx" else _grad(run, name, of, index)
    )
    rule = f"the terms of {type(stage.layer).__name__} are not written down here; its formula is"
    return Terms(value, np.zeros(0, np.float32), "", rule=rule)


_KINDS: dict[type[Layer], Callable[[Pass, str, str, Index], Terms]] = {
    Conv2d: _conv,
    Dense: _dense,
    MaxPool2d: _pool,
    AvgPool2d: _pool,
    GlobalAvgPool: _global_pool,
    BatchNorm1d: _batch_norm,
    BatchNorm2d: _batch_norm,
    ReLU: _rectifier,
    LeakyReLU: _rectifier,
    Sigmoid: _squash,
    Tanh: _squash,
    Dropout: _unchanged,
    Flatten: _flatten,
    Residual: _residual,
}


def _one(array: Array, index: Index) -> Array:
    """One value, as an array of one."""
    return array[index].reshape(1)


def _pixel(index: Index) -> Window | None:
    return Window(index[0], index[1], index[2], 1, 1) if len(index) == 3 else None


def _dx(run: Pass, name: str, index: Index) -> float:
    dx = run.back[name].dx
    assert dx is not None
    return float(dx[0][index])


def _grad(run: Pass, name: str, key: str, index: Index) -> float:
    return float(run.back[name].grads[key][index])
