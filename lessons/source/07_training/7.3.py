# %% [markdown]
# # The hinge loss, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def hinge_forward(logits, labels, margin=1.0):
    rows = np.arange(len(logits))
    margins = np.maximum(0, logits - logits[rows, labels][:, None] + margin)
    margins[rows, labels] = 0
    return float(margins.sum() / len(logits)), (margins, labels)


def examine(hinge_backward):
    rng = np.random.default_rng(0)
    for (n, k), size in (((5, 4), 1.0), ((3, 6), 2.0), ((4, 4), 0.5)):
        logits, labels = size * generic((n, k), rng), rng.integers(0, k, n)
        yield gradients((hinge_forward, hinge_backward), logits, options={"labels": labels})


# %% [markdown] hint
# Take the row by hand from the text, logits (3, 2.5, 2.8) with class 0 right. Its margins are (0, 0.5, 0.8). How do you come from
# these to (-2, 1, 1)?

# %% [markdown] hint
# `violated = (margins > 0) * 1.0` has a 1 for each violated margin, and 0 for the right class. How many are there in each row? Minus
# that number belongs into the entry `[n, labels[n]]`.

# %% [markdown] hint
# `dlogits = (margins > 0) * 1.0`, then `dlogits[np.arange(len(margins)), labels] = -dlogits.sum(axis=1)`, and all of it times
# `dloss / len(margins)`.

# %% [markdown] derivation
# Row $n$'s loss is $\sum_{k \ne y} \max(0, s_k - s_y + 1)$ with the logits $s$. A term is either 0, and stays so if the logits move a little, or it is
# $s_k - s_y + 1$, with the slope $1$ by $s_k$ and $-1$ by $s_y$. So a wrong class has $[\text{margin}_k > 0]$, and the right class collects $-1$ from each
# violated term: $-\sum_k [\text{margin}_k > 0]$. Each row therefore sums to 0: only differences of logits matter to this loss, and moving all
# of them together changes nothing. The mean over the rows divides by $N$, and `dloss` is the slope from above.


# %% solution
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = (margins > 0).astype(margins.dtype)
    dlogits[np.arange(len(margins)), labels] = -dlogits.sum(axis=1)
    dlogits *= dloss / len(margins)
    return dlogits


# %% wrong: right class wrong
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = (margins > 0) * 1.0
    dlogits *= dloss / len(margins)
    return dlogits


# %% wrong: right class wrong
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = (margins > 0) * 1.0
    dlogits[np.arange(len(margins)), labels] = -1
    dlogits *= dloss / len(margins)
    return dlogits


# %% wrong: value instead of mask
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = margins.copy()
    dlogits[np.arange(len(margins)), labels] = -dlogits.sum(axis=1)
    dlogits *= dloss / len(margins)
    return dlogits


# %% wrong: 1/N missing
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = (margins > 0) * 1.0
    dlogits[np.arange(len(margins)), labels] = -dlogits.sum(axis=1)
    dlogits *= dloss
    return dlogits


# %% wrong: upstream gradient ignored
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = (margins > 0) * 1.0
    dlogits[np.arange(len(margins)), labels] = -dlogits.sum(axis=1)
    dlogits /= len(margins)
    return dlogits


# %% wrong: labels index every row
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = (margins > 0) * 1.0
    dlogits[:, labels] = -dlogits.sum(axis=1, keepdims=True)
    dlogits *= dloss / len(margins)
    return dlogits


# %% wrong: mask missing
def hinge_backward(dloss, cache):
    margins, labels = cache
    n, k = margins.shape
    dlogits = np.ones((n, k))
    dlogits[np.arange(n), labels] = -(k - 1)
    dlogits *= dloss / n
    return dlogits


# %% wrong: sign flipped
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = (margins > 0) * -1.0
    dlogits[np.arange(len(margins)), labels] = -dlogits.sum(axis=1)
    dlogits *= dloss / len(margins)
    return dlogits


# %% wrong: summed over the wrong axis
def hinge_backward(dloss, cache):
    margins, labels = cache
    violated = (margins > 0) * 1.0
    dlogits = violated.copy()
    dlogits[np.arange(len(margins)), labels] = -violated.sum(axis=0)[labels]
    dlogits *= dloss / len(margins)
    return dlogits
