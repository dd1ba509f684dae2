# %% [markdown]
# # Cross-entropy, forward

# %% check
import math

import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def log_softmax(logits):
    log_probs = np.zeros(logits.shape)
    for n, k in np.ndindex(logits.shape):
        top = max(logits[n])
        log_probs[n, k] = logits[n, k] - top - math.log(math.fsum(math.exp(z - top) for z in logits[n]))
    return log_probs


def reference(logits, labels):
    log_probs = log_softmax(logits)
    loss = -math.fsum(log_probs[n, label] for n, label in enumerate(labels)) / len(labels)
    probs = np.array([[math.exp(value) for value in row] for row in log_probs])
    return loss, (probs, labels)


def instead(loss):
    """The right cache, and another loss."""
    return lambda logits, labels: (loss(logits, labels), reference(logits, labels)[1])


def from_log_probs(log_probs):
    """The same with another formula for log_probs, from shifted (N, K) and the sums (N, 1)."""

    def forward(logits, labels):
        shifted = logits - logits.max(axis=1, keepdims=True)
        found = log_probs(shifted, np.exp(shifted).sum(axis=1, keepdims=True))
        return -found[np.arange(len(labels)), labels].mean(), (np.exp(found), labels)

    return forward


def examine(cross_entropy_forward):
    rng = np.random.default_rng(0)
    far = np.array([[0.0, 900.0, 3.0], [-800.0, 0.0, -1.0]])
    return values(
        cross_entropy_forward,
        reference,
        (np.array([[2.0, 1.0, 0.0]]), np.array([1])),
        (rng.standard_normal((5, 4)), np.array([3, 0, 1, 1, 2])),
        (rng.standard_normal((3, 6)), np.array([5, 5, 0])),
        (far, np.array([0, 0])),
        mistakes=(
            Mistake(
                "1/N missing",
                instead(lambda z, y: reference(z, y)[0] * len(y)),
                "The loss is a mean over the rows. By what is the sum divided?",
            ),
            Mistake(
                "labels index every row",
                instead(lambda z, y: -log_softmax(z)[:, y].mean()),
                "Print the shape of what your index picks. How many entries does each row contribute?",
            ),
            Mistake(
                "every class counts",
                instead(lambda z, y: -log_softmax(z).mean()),
                "Of each row only the right class counts. Which argument does your loss not use?",
            ),
            Mistake(
                "every class counts",
                instead(lambda z, y: -log_softmax(z).sum() / len(y)),
                "Of each row only the right class counts. Which argument does your loss not use?",
            ),
            Mistake(
                "minus sign missing",
                instead(lambda z, y: -reference(z, y)[0]),
                "The logarithm of a probability is never positive, and a loss never negative.",
            ),
            Mistake(
                "logarithm missing",
                instead(lambda z, y: 1 - np.exp(log_softmax(z))[np.arange(len(y)), y].mean()),
                "The loss is made of log_probs, not of probabilities.",
            ),
            Mistake(
                "logarithm missing",
                instead(lambda z, y: -np.exp(log_softmax(z))[np.arange(len(y)), y].mean()),
                "The loss is made of log_probs, not of probabilities.",
            ),
            Mistake(
                "sum of the exponentials missing",
                from_log_probs(lambda shifted, total: shifted),
                "ln p has two parts. Where is the logarithm of the sum?",
            ),
            Mistake(
                "logarithm of the sum missing",
                from_log_probs(lambda shifted, total: shifted - total),
                "ln(a / b) = ln a - ln b. Is what you take off a logarithm?",
            ),
            Mistake(
                "logarithm of the sum missing",
                from_log_probs(lambda shifted, total: shifted / total),
                "ln(a / b) = ln a - ln b. Where is the difference?",
            ),
            Mistake(
                "sign of the logarithm",
                from_log_probs(lambda shifted, total: shifted + np.log(total)),
                "ln(a / b) = ln a - ln b. Which sign has the second part?",
            ),
            Mistake(
                "labels pick whole rows",
                instead(lambda z, y: -log_softmax(z)[y].mean()),
                "One index array picks rows, and the labels are no rows. How do you pick one entry of each row?",
            ),
        ),
    )


# %% [markdown] hint
# log_probs is a difference of two parts. The first is `shifted`. The second is one number for each row: which shape must it have?

# %% [markdown] hint
# `np.log(np.exp(shifted).sum(axis=1, keepdims=True))` is the second part. For the loss pick one entry of each row with the two
# index arrays `rows` and `labels`.

# %% [markdown] hint
# `log_probs[rows, labels]` are the N entries. The loss is minus their mean: `-....mean()`.

# %% [markdown] derivation
# $\ln \frac ab = \ln a - \ln b$ with $a = e^{z_k - m}$, whose logarithm is $z_k - m$, that is `shifted`; and with $b = \sum_j e^{z_j - m}$, a sum along the
# classes. The loss is the mean over the rows of $-\ln p$ at the row's own label: `log_probs[rows, labels]` takes entry
# `(0, labels[0])`, `(1, labels[1])`, and so on.


# %% solution
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))  # 0, 1, 2, .. N - 1
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[rows, labels].mean()
    return loss, (np.exp(log_probs), labels)


# %% wrong: nan or infinity
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -np.log(probs)[rows, labels].mean()
    return loss, (probs, labels)


# %% wrong: labels index every row
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[:, labels].mean()
    return loss, (np.exp(log_probs), labels)


# %% wrong: 1/N missing
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[rows, labels].sum()
    return loss, (np.exp(log_probs), labels)


# %% wrong: every class counts
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs.mean()
    return loss, (np.exp(log_probs), labels)


# %% wrong: minus sign missing
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = log_probs[rows, labels].mean()
    return loss, (np.exp(log_probs), labels)


# %% wrong: could not be broadcast
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1))
    loss = -log_probs[rows, labels].mean()
    return loss, (np.exp(log_probs), labels)


# %% wrong: sum of the exponentials missing
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted
    loss = -log_probs[rows, labels].mean()
    return loss, (np.exp(log_probs), labels)


# %% wrong: logarithm of the sum missing
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -log_probs[rows, labels].mean()
    return loss, (np.exp(log_probs), labels)


# %% wrong: labels pick whole rows
def cross_entropy_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[labels].mean()
    return loss, (np.exp(log_probs), labels)
