# %% [markdown]
# # Logistic regression, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def logistic_forward(w, b, x, labels, decay):
    scores = x @ w + b
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(len(x)), labels]).mean() + 0.5 * decay * (w**2).sum()
    return loss, (x, w, probs, labels, decay)


def examine(logistic_backward):
    rng = np.random.default_rng(0)
    for (n, d, k), decay in (((5, 4, 3), 0.3), ((3, 4, 4), 0.7), ((7, 2, 3), 0.0)):
        w, b, x = generic((d, k), rng), generic((k,), rng), generic((n, d), rng)
        labels = rng.integers(0, k, n)
        options = {"x": x, "labels": labels, "decay": decay}
        yield gradients((logistic_forward, logistic_backward), w, b, options=options)


# %% [markdown] hint
# There are three steps, and the text above has a formula for each. In the first: from which entries of `probs` is 1 taken off, one
# in each row?

# %% [markdown] hint
# Begin with `dlogits = probs.copy()`. Row n's right class is the entry `[n, labels[n]]`; for all rows at once it is
# `[np.arange(len(x)), labels]`. Then divide by the number of rows. For dw and db see lesson 5, and add what weight decay gives.

# %% [markdown] hint
# `dlogits[np.arange(len(x)), labels] -= 1`, then `dlogits /= len(x)`. `dw = x.T @ dlogits + decay * w`, and db sums dlogits over
# axis 0.

# %% [markdown] derivation
# **The logits.** The loss of one row is $-\log p_y = -\text{logits}_y + \log \sum_j e^{\text{logits}_j}$. Its derivative by $\text{logits}_k$ is
# $-[k = y] + e^{\text{logits}_k} / \sum_j e^{\text{logits}_j} = p_k - [k = y]$. The loss is the mean of the rows, so it is divided by $N$.
#
# **The layer.** $\text{logits}_{nk} = b_k + \sum_d x_{nd} w_{dk}$: so $w_{dk}$ reaches $\text{logits}_{nk}$ in every row with slope $x_{nd}$, and $b_k$
# with slope 1. Summed over the rows that is `x.T @ dlogits` and `dlogits.sum(axis=0)`.
#
# **Weight decay.** $\frac{d}{dw} \frac{\lambda}{2} w^2 = \lambda w$; the half is there to cancel the 2. It is added, and not divided by $N$, as it
# stands outside of the mean. Only $w$ stands in it.


# %% solution
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    dlogits /= len(x)
    dw = x.T @ dlogits + decay * w
    db = dlogits.sum(axis=0)
    return dw, db


# %% wrong: weight decay missing
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    dlogits /= len(x)
    dw = x.T @ dlogits
    db = dlogits.sum(axis=0)
    return dw, db


# %% wrong: 1/N missing
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    dw = x.T @ dlogits + decay * w
    db = dlogits.sum(axis=0)
    return dw, db


# %% wrong: one-hot missing
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs / len(x)
    dw = x.T @ dlogits + decay * w
    db = dlogits.sum(axis=0)
    return dw, db


# %% wrong: labels index every row
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[:, labels] -= 1
    dlogits /= len(x)
    dw = x.T @ dlogits + decay * w
    db = dlogits.sum(axis=0)
    return dw, db


# %% wrong: weight decay scaled wrong
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    dlogits /= len(x)
    dw = x.T @ dlogits + 2 * decay * w
    db = dlogits.sum(axis=0)
    return dw, db


# %% wrong: weight decay scaled wrong
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    dw = (x.T @ dlogits + decay * w) / len(x)
    db = dlogits.sum(axis=0) / len(x)
    return dw, db


# %% wrong: extra 1/N
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    dlogits /= len(x)
    dw = x.T @ dlogits + decay * w
    db = dlogits.mean(axis=0)
    return dw, db


# %% wrong: gradients in the wrong order
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    dlogits /= len(x)
    dw = x.T @ dlogits + decay * w
    db = dlogits.sum(axis=0)
    return db, dw


# %% wrong: sign flipped
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = -probs
    dlogits[np.arange(len(x)), labels] += 1
    dlogits /= len(x)
    dw = x.T @ dlogits - decay * w
    db = dlogits.sum(axis=0)
    return dw, db
