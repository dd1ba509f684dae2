# %% [markdown]
# # Your loss

# %% check
import math
import re

import numpy as np

from scratchnet_lessons.exercises import Mistake, generic, gradients, values


def log_softmax(logits):
    """Row by row, in the most careful way."""
    log_probs = np.zeros(logits.shape)
    for n, row in enumerate(logits):
        top = row.max()
        log_probs[n] = row - top - math.log(math.fsum(math.exp(z - top) for z in row))
    return log_probs


def cross_entropy(logits, labels):
    return -sum(log_probs[label] for log_probs, label in zip(log_softmax(logits), labels, strict=True)) / len(logits)


def log_of_probabilities(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return -np.log(e / e.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels].mean()


def by_axes(top, total):
    """The loss with the largest logit, and with the sum, taken along these axes; None is over all numbers."""

    def loss(logits, labels):
        shifted = logits - logits.max(axis=top, keepdims=True)
        log_probs = shifted - np.log(np.exp(shifted).sum(axis=total, keepdims=True))
        return -log_probs[np.arange(len(labels)), labels].mean()

    return loss


ROWS_TOP = "Each *row's* own largest logit is taken off, a column of N numbers. Which axis goes away, and which one stays?"
ROWS_SUM = "The probabilities of each *row* add up to 1, so each row has a sum of its own. Along which axis do you sum?"
KNOWN = (
    Mistake("the largest of all logits, not of each row", by_axes(None, 1), ROWS_TOP),
    Mistake("the largest of each column, not of each row", by_axes(0, 1), ROWS_TOP),
    Mistake("one sum for all rows", by_axes(1, None), ROWS_SUM),
    Mistake("the sum of each column, not of each row", by_axes(1, 0), ROWS_SUM),
    Mistake(
        "a sum, not a mean",
        lambda z, y: cross_entropy(z, y) * len(z),
        "The loss is the mean over the rows. Of how many?",
    ),
    Mistake(
        "the logarithm of a probability that was rounded to 0",
        log_of_probabilities,
        "Here logits lie 900 apart, and e ** -900 is rounded to 0. Which logarithm does the exercise's table take instead?",
    ),
    Mistake(
        "labels index every row",
        lambda z, y: -log_softmax(z)[:, y].mean(),
        "Print the shape of what your index picks. How many entries does each row contribute?",
    ),
    Mistake(
        "labels pick whole rows",
        lambda z, y: -log_softmax(z)[y].mean(),
        "One index array picks rows, and the labels are no rows. How do you pick one entry of each row?",
    ),
    Mistake(
        "every class counts",
        lambda z, y: -log_softmax(z).mean(),
        "Of each row only the right class counts. Which argument does your loss not use?",
    ),
    Mistake(
        "every class counts",
        lambda z, y: -log_softmax(z).sum() / len(z),
        "Of each row only the right class counts. Which argument does your loss not use?",
    ),
    Mistake(
        "logarithm to the base 10",
        lambda z, y: cross_entropy(z, y) / np.log(10),
        "The logarithm of the formula is the natural one, the inverse of exp. Which function of NumPy is that?",
    ),
    Mistake(
        "logarithm to the base 2",
        lambda z, y: cross_entropy(z, y) / np.log(2),
        "The logarithm of the formula is the natural one, the inverse of exp. Which function of NumPy is that?",
    ),
    Mistake(
        "sign flipped",
        lambda z, y: -cross_entropy(z, y),
        "The logarithm of a probability is never positive, and a loss never negative.",
    ),
)


def examine(loss_forward, loss_backward):
    rng = np.random.default_rng(0)
    logits, labels = generic((5, 4), rng), np.array([3, 0, 2, 0, 1])
    large = np.array([[1000.0, 999.0, 990.0], [-1000.0, -1002.0, -1001.0]])
    far = np.array([[0.0, 900.0, 3.0], [-800.0, 0.0, -1.0]])

    def loss(logits, labels):
        return loss_forward(logits, labels)[0]

    cases = (logits, labels), (large, np.array([1, 2])), (far, np.array([0, 0]))
    said = values(loss, cross_entropy, *cases, mistakes=KNOWN)
    said.title, said.problem = "loss_forward", said.problem.replace("the result", "the loss")
    if re.search(r"broadcast.* \(5,4\) \(5,\)", said.problem):
        said.hint = (
            "NumPy lays (5,) along the 4 classes, but it has one number for each row, and must be (5, 1): "
            "keepdims=True in max and sum leaves the axis standing."
        )
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


# %% wrong: the logarithm of a probability that was rounded to 0
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    probs = e / total
    loss = -np.log(probs[np.arange(len(logits)), labels]).mean()
    cache = probs, labels
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
    probs = e / total
    loss = -(shifted - np.log(total))[:, labels].mean()
    cache = probs, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: logarithm to the base 10
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    probs = e / total
    loss = -(shifted / np.log(10) - np.log10(total))[np.arange(len(logits)), labels].mean()
    cache = probs, labels
    return loss, cache


def loss_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[np.arange(len(probs)), labels] -= 1
    dlogits *= dloss / len(probs)
    return dlogits


# %% wrong: the largest of all logits, not of each row
def loss_forward(logits, labels):
    shifted = logits - logits.max()
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


# %% wrong: the largest of each column, not of each row
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=0)
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


# %% wrong: one sum for all rows
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum()
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


# %% wrong: keepdims=True in max and sum
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1)
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


# %% wrong: keepdims=True in max and sum
def loss_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1)
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
