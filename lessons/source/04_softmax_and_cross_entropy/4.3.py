# %% [markdown]
# # Cross-entropy, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def cross_entropy_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -sum(log_probs[n, label] for n, label in enumerate(labels)) / len(labels)
    return loss, (np.exp(log_probs), labels)


def examine(cross_entropy_backward):
    rng = np.random.default_rng(0)
    cases = (generic((5, 4), rng), np.array([3, 0, 1, 1, 2])), (generic((3, 6), rng), np.array([5, 5, 0]))
    return [gradients((cross_entropy_forward, cross_entropy_backward), z, options={"labels": y}) for z, y in cases]


# %% [markdown] hint
# You have the probabilities already. In how many places per row does the one-hot array differ from 0, and how do you get at them?

# %% [markdown] hint
# Begin with `dlogits = probs.copy()`. Take 1 off at one place in each row: the one of its label, as in exercise 4.2. Then there are
# two factors to multiply by.

# %% [markdown] hint
# `dlogits[rows, labels] -= 1`, then `dlogits *= dloss / len(labels)`.

# %% [markdown] derivation
# For one row $-\ln p_y = \ln S - z_y$ with $S = \sum_j e^{z_j}$. The slope of $\ln S$ with respect to $z_k$ is $e^{z_k}/S = p_k$; that of $z_y$ is 1 if $k = y$ and
# else 0, which is the one-hot array. The mean over the rows contributes $1/N$, and what comes from above `dloss`:
#
# $$\text{dlogits} = \text{dloss} \cdot \frac{p - \text{onehot}}{N}$$


# %% solution
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    rows = np.arange(len(probs))
    dlogits = probs.copy()
    dlogits[rows, labels] -= 1
    dlogits *= dloss / len(labels)
    return dlogits


# %% wrong: one-hot missing
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    dlogits = dloss * probs / len(labels)
    return dlogits


# %% wrong: 1/N missing
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    rows = np.arange(len(probs))
    dlogits = probs.copy()
    dlogits[rows, labels] -= 1
    return dloss * dlogits


# %% wrong: labels index every row
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    dlogits = probs.copy()
    dlogits[:, labels] -= 1
    return dloss * dlogits / len(labels)


# %% wrong: upstream gradient ignored
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    rows = np.arange(len(probs))
    dlogits = probs.copy()
    dlogits[rows, labels] -= 1
    return dlogits / len(labels)


# %% wrong: sign flipped
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    onehot = np.eye(probs.shape[1])[labels]
    dlogits = dloss * (onehot - probs) / len(labels)
    return dlogits


# %% wrong: cache
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    rows = np.arange(len(probs))
    dlogits = probs
    dlogits[rows, labels] -= 1
    dlogits *= dloss / len(labels)
    return dlogits


# %% wrong: Jacobian's diagonal only
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    onehot = np.eye(probs.shape[1])[labels]
    dlogits = dloss * (probs - onehot) * probs * (1 - probs) / len(labels)
    return dlogits


# %% wrong: divided by the wrong count
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    rows = np.arange(len(probs))
    dlogits = probs.copy()
    dlogits[rows, labels] -= 1
    return dloss * dlogits / probs.shape[1]
