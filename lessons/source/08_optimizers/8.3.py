# %% [markdown]
# # Adam

# %% check
import math

import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    w, m, s = w.copy(), m.copy(), s.copy()
    for i in np.ndindex(w.shape):
        m[i] = beta1 * m[i] + (1 - beta1) * g[i]
        s[i] = beta2 * s[i] + (1 - beta2) * g[i] ** 2
        mean, square = m[i] / (1 - beta1**t), s[i] / (1 - beta2**t)
        w[i] -= lr * mean / (math.sqrt(square) + eps)
    return w, m, s


def adam_with(
    enter=True, correct="power", root=True, squared=True, eps_inside=False, swapped=False, kept=False, first="means"
):
    """Adam with a mistake in it."""

    def step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        if swapped:
            beta1, beta2 = beta2, beta1
        old_m, old_s = m, s
        m = beta1 * m + ((1 - beta1) if enter else 1) * g
        s = beta2 * s + ((1 - beta2) if enter else 1) * (g**2 if squared else np.abs(g))
        share = {
            "power": (1 - beta1**t, 1 - beta2**t),
            "none": (1, 1),
            "no power": (1 - beta1, 1 - beta2),
            "t - 1": (1 - beta1 ** (t - 1), 1 - beta2 ** (t - 1)),
        }
        a, b = share[correct]
        with np.errstate(all="ignore"):
            mean, square = (old_m / a, old_s / b) if first == "step" else (m / a, s / b)
            below = np.sqrt(square + eps) if eps_inside else np.sqrt(square) + eps if root else square + eps
            w = w - lr * mean / below
        return (w, mean, square) if kept else (w, m, s)

    return step


def examine(adam_step):
    rng = np.random.default_rng(0)

    def case(shape, t, size=1.0):
        w, g = rng.standard_normal(shape), size * rng.standard_normal(shape)
        if t == 1:
            return w, g, np.zeros(shape), np.zeros(shape), t, 0.03
        return w, g, size * rng.standard_normal(shape), size**2 * rng.uniform(0.5, 1.5, shape), t, 0.03

    return values(
        adam_step,
        reference,
        case((4, 3), 3),
        case((4, 3), 1),
        case((5,), 40),
        case((3,), 7, size=1e-6),
        (*case((2, 2), 4), 0.8, 0.95, 1e-3),
        mistakes=(
            Mistake(
                "correction missing",
                adam_with(correct="none"),
                "After the first step, how large is m for a gradient of 3? What is done about it?",
            ),
            Mistake(
                "power t missing", adam_with(correct="no power"), "By what are m and s divided: 1 - beta, or 1 - beta**t?"
            ),
            Mistake(
                "root missing", adam_with(root=False), "s is the mean of the squares. How do you get a size from a square?"
            ),
            Mistake("gradient not squared", adam_with(squared=False), "Of what is s the mean?"),
            Mistake(
                "a sum for a mean",
                adam_with(enter=False),
                "The two factors of a running mean add up to 1. With which factor does the new gradient enter?",
            ),
            Mistake(
                "eps inside of the root", adam_with(eps_inside=True), "Is eps added to the root, or to what is under it?"
            ),
            Mistake(
                "the betas exchanged", adam_with(swapped=True), "Which of the two is for the mean, which for the squares?"
            ),
            Mistake(
                "corrected means kept",
                adam_with(kept=True),
                "The corrected means are for this step alone. Which m and s does the next step start from?",
            ),
            Mistake("t counted from 0", adam_with(correct="t - 1"), "t is 1 in the first step: use it as it is."),
            Mistake(
                "updated in the wrong order",
                adam_with(first="step"),
                "Does this step already use this step's gradient? First the means, then the weights.",
            ),
        ),
    )


# %% [markdown] hint
# Work from top to bottom: the two means, the two corrected means, the step. Each is one formula of the text. In which of them does g
# occur?

# %% [markdown] hint
# `m = beta1 * m + (1 - beta1) * g`, and s likewise with `g**2`. For the step divide m by `1 - beta1**t` and s by `1 - beta2**t`, under
# names of their own: m and s themselves are returned as they are.

# %% [markdown] hint
# `mean = m / (1 - beta1**t)` and `square = s / (1 - beta2**t)`; then `w = w - lr * mean / (np.sqrt(square) + eps)`.

# %% [markdown] derivation
# Write the running mean out, from $m_0 = 0$ on: $m_t = (1 - \beta) \sum_{i=1}^{t} \beta^{t-i} g_i$. If all $g_i$ are the same $g$, then
#
# $$m_t = g\,(1 - \beta)(1 + \beta + .. + \beta^{t-1}) = g\,(1 - \beta^t),$$
#
# so dividing by $1 - \beta^t$ gives $g$ at every $t$. The same holds for the squares. What is left is to divide the one by the root of
# the other, for each weight on its own.


# %% solution
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    mean = m / (1 - beta1**t)
    square = s / (1 - beta2**t)
    w = w - lr * mean / (np.sqrt(square) + eps)
    return w, m, s


# %% wrong: correction missing
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    w = w - lr * m / (np.sqrt(s) + eps)
    return w, m, s


# %% wrong: power t missing
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    w = w - lr * (m / (1 - beta1)) / (np.sqrt(s / (1 - beta2)) + eps)
    return w, m, s


# %% wrong: root missing
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    w = w - lr * (m / (1 - beta1**t)) / (s / (1 - beta2**t) + eps)
    return w, m, s


# %% wrong: a sum for a mean
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + g
    s = beta2 * s + g**2
    w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(s / (1 - beta2**t)) + eps)
    return w, m, s


# %% wrong: eps inside of the root
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    w = w - lr * (m / (1 - beta1**t)) / np.sqrt(s / (1 - beta2**t) + eps)
    return w, m, s


# %% wrong: corrected means kept
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    m = m / (1 - beta1**t)
    s = s / (1 - beta2**t)
    w = w - lr * m / (np.sqrt(s) + eps)
    return w, m, s


# %% wrong: the betas exchanged
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta2 * m + (1 - beta2) * g
    s = beta1 * s + (1 - beta1) * g**2
    w = w - lr * (m / (1 - beta2**t)) / (np.sqrt(s / (1 - beta1**t)) + eps)
    return w, m, s


# %% wrong: input changed in place
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m *= beta1
    m += (1 - beta1) * g
    s *= beta2
    s += (1 - beta2) * g**2
    w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(s / (1 - beta2**t)) + eps)
    return w, m, s


# %% wrong: result 1 is wrong in
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    w = w - lr * g / (np.sqrt(s / (1 - beta2**t)) + eps)
    return w, m, s
