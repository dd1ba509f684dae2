# %% [markdown]
# # Your loss

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, generic, gradients, values


def cross_entropy(logits, labels):
    """Row by row, in the most careful way."""
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        top = row.max()
        total += top + np.log(np.exp(row - top).sum()) - row[label]
    return float(total / len(logits))


def examine(loss_forward, loss_backward):
    rng = np.random.default_rng(0)
    logits, labels = generic((5, 4), rng), np.array([3, 0, 2, 0, 1])
    large = np.array([[1000.0, 999.0, 990.0], [-1000.0, -1002.0, -1001.0]])

    def loss(logits, labels):
        return loss_forward(logits, labels)[0]

    def probs(logits, axis=1):
        e = np.exp(logits - logits.max())
        return e / e.sum(axis=axis, keepdims=True)

    said = values(
        loss,
        cross_entropy,
        (logits, labels),
        (large, np.array([1, 2])),
        mistakes=(
            Mistake(
                "a sum, not a mean",
                lambda logits, labels: cross_entropy(logits, labels) * len(logits),
                "The loss is the mean over the rows. Of how many?",
            ),
        ),
    )
    said.title = "loss_forward"
    yield said
    yield gradients((loss_forward, loss_backward), logits, options={"labels": labels})


# %% [markdown] hint
# What is the probability of the right class in each row, and what is the loss made of it? Which array will backward need?

# %% [markdown] hint
# `shifted = logits - logits.max(axis=1, keepdims=True)`; the probabilities are `exp(shifted)` divided by its row sums. Take the log of the *sum*, not of a
# probability: it may have been rounded to 0. Backward: lesson 4 found probs minus one-hot, over N.

# %% [markdown] hint
# `log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))`; the loss is `-log_probs[np.arange(N), labels].mean()`. Backward: copy
# the probabilities, subtract 1 at `[np.arange(N), labels]`, multiply by `dloss / N`.

# %% [markdown] derivation
# With $m$ the row's largest logit, $\log \text{probs}_{k} = (\text{logits}_k - m) - \log \sum_j e^{\text{logits}_j - m}$; the loss is minus its mean at the labels. Its gradient
# is that of lesson 4: $\partial(-\log \text{probs}_y) / \partial\,\text{logits}_k = \text{probs}_k - [k = y]$, over $N$ for the mean, times $\text{dloss}$ by the chain rule.


# %% solution
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: nan or infinity
def loss_forward(logits, labels):
    shifted = logits
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: 1/N missing
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss
    return dlogits


# %% wrong: one-hot missing
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: a sum, not a mean
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].sum()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: sign flipped
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: labels index every row
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[:, labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: upstream gradient ignored
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= 1 / len(probs)
    return dlogits


# %% wrong: input changed in place
def loss_forward(logits, labels):
    shifted = logits
    shifted -= logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_probs = shifted - np.log(total)
    loss = -log_probs[np.arange(len(logits)), labels].mean()
    cache = e / total, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits
