# %% [markdown]
# # Mend the network

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, attempt, generic, gradients


def look_at_weights(first_weights):
    shape = 400, 300

    def wrong(problem, name="", hint=""):
        return Comparison("first_weights", f"rng, shape {shape}", problem, name, hint)

    w, failed = attempt(first_weights, np.random.default_rng(0), shape)
    if failed is not None:
        return failed
    if not isinstance(w, np.ndarray) or w.shape != shape:
        return wrong(f"wanted an array {shape}, got {getattr(w, 'shape', type(w).__name__)}", "wrong shape")
    if w.dtype != np.float32:
        return wrong(f"it holds {w.dtype}, wanted float32", "float64", "astype(np.float32) on the whole product.")
    if np.ptp(w, axis=1).max() == 0:
        return wrong(
            "all units start with the same weights", "equal units", "Units that start equal stay equal. Draw D * M numbers."
        )
    again, _ = attempt(first_weights, np.random.default_rng(0), shape)
    if not np.array_equal(w, again):
        return wrong("the same rng gives other numbers each time", "not from rng", "Draw from the rng that is handed in.")
    wanted, mean, std = np.sqrt(2 / shape[0]), float(w.mean()), float(w.std())
    if abs(mean) > 0.1 * wanted:
        return wrong(
            f"their mean is {mean:.3g}, wanted 0",
            "not centred",
            "Which numbers does standard_normal draw, and which uniform?",
        )
    for name, value, hint in (
        (
            "not scaled",
            1.0,
            "With 400 inputs the sums are twenty times too large. By what are the normal numbers multiplied?",
        ),
        ("M for D", np.sqrt(2 / shape[1]), "A unit's sum runs over its inputs. How many are there: D or M?"),
        ("root forgotten", 2 / shape[0], "A sum of D numbers grows like the root of D."),
        ("factor 2 missing", np.sqrt(1 / shape[0]), "The ReLU throws half of the numbers away."),
        ("divided by the scale", 1 / wanted, "Should weights be larger or smaller if there are more inputs?"),
    ):
        if abs(std / value - 1) < 0.02 and abs(wanted / value - 1) > 0.02:
            return wrong(f"their standard deviation is {std:.3g}, wanted {wanted:.3g}", name, hint)
    if abs(std / wanted - 1) > 0.02:
        return wrong(f"their standard deviation is {std:.3g}, wanted {wanted:.3g}")
    return Comparison("first_weights", calls=2)


def relu(x):
    return np.where(x > 0, x, 0.0)


def examine(first_weights, relu_forward, relu_backward):
    rng = np.random.default_rng(0)
    yield look_at_weights(first_weights)
    for shape in (5, 4), (2, 3, 4):
        yield gradients((relu_forward, relu_backward), generic(shape, rng), reference=relu)


# %% [markdown] hint
# first_weights: the formula is a product of two things, one of which is drawn. relu: what does backward have to know about the input, and through what does it get that from *its*
# forward?

# %% [markdown] hint
# `shape[0]` is D. A product of float32 and float64 is float64, so convert at the end. In relu_forward, put the mask (or out) into the cache; in relu_backward take it out of the
# cache, and multiply.

# %% [markdown] hint
# `w = (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)`; `out = np.maximum(x, 0)`, `cache = x > 0`; `dx = dout * cache`.

# %% [markdown] derivation
# A sum of D independent products $x_d w_d$ has the variance $D \cdot \overline{x^2} \cdot \sigma^2$. Behind a ReLU half of the numbers are 0, so $\overline{x^2}$ is half the variance $v$ that they had
# before it. For the sum to have the same variance again, $D \cdot \frac{v}{2} \cdot \sigma^2 = v$, so $\sigma^2 = 2 / D$.
#
# The cache is made anew in each call of forward, and handed to the backward of that call alone. Two ReLUs, or two batches, never share it.


# %% solution
def first_weights(rng, shape):
    w = (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: equal units
def first_weights(rng, shape):
    w = (np.ones(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: not scaled
def first_weights(rng, shape):
    w = (rng.standard_normal(shape)).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: M for D
def first_weights(rng, shape):
    w = (rng.standard_normal(shape) * np.sqrt(2 / shape[1])).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: root forgotten
def first_weights(rng, shape):
    w = (rng.standard_normal(shape) * 2 / shape[0]).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: not centred
def first_weights(rng, shape):
    w = (rng.random(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: float64
def first_weights(rng, shape):
    w = rng.standard_normal(shape) * np.sqrt(2 / shape[0])
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: stale cache
def first_weights(rng, shape):
    w = (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
    return w


def relu_forward(x):
    global mask
    mask = x > 0
    out = x * mask
    cache = None
    return out, cache


def relu_backward(dout, cache):
    dx = dout * mask
    return dx


# %% wrong: value instead of mask
def first_weights(rng, shape):
    w = (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = out
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: not from rng
def first_weights(rng, shape):
    w = (np.random.default_rng().standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * cache
    return dx


# %% wrong: mask of the wrong array
def first_weights(rng, shape):
    w = (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
    return w


def relu_forward(x):
    out = np.maximum(x, 0)
    cache = x > 0
    return out, cache


def relu_backward(dout, cache):
    dx = dout * (dout > 0)
    return dx
