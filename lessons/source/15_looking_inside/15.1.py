# %% [markdown]
# # Saliency

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, generic, values


class Small:
    """Pixels, a dense layer, a smooth bend, a dense layer: logits."""

    def __init__(self, pixels, classes, rng):
        self.w1, self.w2 = rng.standard_normal((pixels, 4)), rng.standard_normal((4, classes))

    def forward(self, x):
        h = np.tanh(x.reshape(len(x), -1) @ self.w1)
        return h @ self.w2, (x.shape, h)

    def backward(self, dlogits, cache):
        shape, h = cache
        dlogits = np.asarray(dlogits, np.float64)
        dh = dlogits @ self.w2.T * (1 - h**2)
        return (dh @ self.w1.T).reshape(shape), {"w2": h.T @ dlogits}

    def __repr__(self):
        return "a small network"


def measured(model, x, labels):
    """Central differences, a pixel at a time."""
    out, h = np.zeros(x.shape), 1e-4
    for place in np.ndindex(x.shape):
        scores = []
        for step in h, -h:
            moved = x.copy()
            moved[place] += step
            scores.append(model.forward(moved)[0][place[0], labels[place[0]]])
        out[place] = (scores[0] - scores[1]) / (2 * h)
    return out


def started(dlogits_of):
    """Saliency with another start."""

    def saliency(model, x, labels):
        logits, cache = model.forward(x)
        onehot = np.zeros(logits.shape)
        onehot[np.arange(len(x)), labels] = 1
        return model.backward(dlogits_of(logits, onehot, labels), cache)[0]

    return saliency


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def every_row(logits, onehot, labels):
    chosen = np.zeros(logits.shape)
    chosen[:, labels] = 1
    return chosen


def winner(logits, onehot, labels):
    return np.eye(logits.shape[1])[logits.argmax(axis=1)]


def examine(saliency):
    rng = np.random.default_rng(0)
    cases = []
    for n, c, h, w, classes in (3, 1, 3, 2, 4), (2, 2, 2, 3, 3):
        model = Small(c * h * w, classes, rng)
        x = 0.3 * generic((n, c, h, w), rng)
        labels = (
            model.forward(x)[0].argmax(axis=1) + np.arange(1, n + 1)
        ) % classes  # the first is not the network's answer
        cases.append((model, x, labels))
    no_loss = "A loss has no part in this. By how much does logit[n, label] grow when logit[n, j] does?"
    mistakes = (
        Mistake("gradient of the loss", started(lambda z, onehot, y: softmax(z) - onehot), no_loss),
        Mistake("gradient of the loss", started(lambda z, onehot, y: (softmax(z) - onehot) / len(z)), no_loss),
        Mistake(
            "all classes at once",
            started(lambda z, onehot, y: np.ones(z.shape)),
            "Ones everywhere ask for the sum of all scores. Which of them do you want to know about?",
        ),
        Mistake(
            "logits for dlogits",
            started(lambda z, onehot, y: z),
            "dlogits is no output of the network: it says which output you ask about. What is it for the other classes?",
        ),
        Mistake(
            "the score times the gradient",
            started(lambda z, onehot, y: z * onehot),
            "By how much does the score grow when the score grows by 1? Not by its value.",
        ),
        Mistake(
            "labels index every row",
            started(every_row),
            "How many ones stand in each row of your dlogits? `dlogits[np.arange(N), labels]` pairs rows and labels.",
        ),
        Mistake(
            "the winner, not the label",
            started(winner),
            "Whose score is asked for, that of the class in labels, or that of the network's answer?",
        ),
        Mistake(
            "sign lost",
            lambda model, x, labels: np.abs(measured(model, x, labels)),
            "Some pixels speak against the class. How is that to be seen in your map?",
        ),
        Mistake(
            "sign flipped",
            lambda model, x, labels: -measured(model, x, labels),
            "If the pixel gets brighter and the score rises, which sign has the slope?",
        ),
    )
    return values(saliency, measured, *cases, mistakes=mistakes, tolerance=1e-5)


# %% [markdown] hint
# What does dlogits look like for one image of class 2, if there are four classes? And which of the two things that `model.backward`
# returns do you want?

# %% [markdown] hint
# Make an array of zeros like `logits` (`np.zeros_like`), and set one entry in each row to 1: that of the label. `np.arange(len(x))`
# counts the rows.

# %% [markdown] hint
# `dlogits = np.zeros_like(logits)`, then `dlogits[np.arange(len(x)), labels] = 1`, then `gradient, _ = model.backward(...)`.

# %% [markdown] derivation
# The question is one number for each image, $s_n = \text{logits}_{n,\text{labels}_n}$. Its slope for $\text{logits}_{nj}$ is 1 for $j = \text{labels}_n$ and 0 else;
# with this the backward pass starts, and all that comes after is the chain rule of the network's own layers. Images do not
# influence each other, so one backward pass does all of them at once.


# %% solution
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    dlogits = np.zeros_like(logits)
    dlogits[np.arange(len(x)), labels] = 1
    gradient, _ = model.backward(dlogits, cache)
    return gradient


# %% wrong: gradient of the loss
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    dlogits = probs.copy()
    dlogits[np.arange(len(x)), labels] -= 1
    gradient, _ = model.backward(dlogits, cache)
    return gradient


# %% wrong: all classes at once
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    dlogits = np.ones_like(logits)
    gradient, _ = model.backward(dlogits, cache)
    return gradient


# %% wrong: labels index every row
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    dlogits = np.zeros_like(logits)
    dlogits[:, labels] = 1
    gradient, _ = model.backward(dlogits, cache)
    return gradient


# %% wrong: logits for dlogits
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    dlogits = logits
    gradient, _ = model.backward(dlogits, cache)
    return gradient


# %% wrong: the winner, not the label
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    dlogits = np.zeros_like(logits)
    dlogits[np.arange(len(x)), logits.argmax(axis=1)] = 1
    gradient, _ = model.backward(dlogits, cache)
    return gradient


# %% wrong: sign lost
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    dlogits = np.zeros_like(logits)
    dlogits[np.arange(len(x)), labels] = 1
    gradient, _ = model.backward(dlogits, cache)
    return np.abs(gradient)
