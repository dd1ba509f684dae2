# %% [markdown]
# # Lesson 4: Softmax and cross-entropy
#
# **The idea.** A network that is to choose among classes gives a score to each. Softmax turns the scores into probabilities,
# and the loss is small if the right class has got a large one. Both together have the simplest gradient there is: *what the
# network believes, minus what is true*.
#
# **You need** the chain rule of [lesson 2](02_the_chain_rule.ipynb), and from school that $(\ln x)' = 1/x$ and
# $\ln \frac ab = \ln a - \ln b$. NumPy writes $\ln$ as `np.log`.
#
# **Time** about 50 minutes.
#
# **Afterwards you can** write softmax and its loss so that no number overflows, derive $p - y$, and train a classifier with
# them.

# %%
import numpy as np

from scratchnet import viz
from scratchnet_lessons import check, effort, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## From scores to probabilities
#
# A network looks at a picture and gives each of $K$ classes a score, any number, large if it thinks so. These scores are called
# **logits**. For a batch of $N$ pictures they are an array `logits` of the shape `(N, K)`: a row for each picture, a column for
# each class.
#
# We want probabilities: numbers between 0 and 1 that sum to 1 in each row. $e^z$ makes any number positive, and keeps the order:
# a higher score stays higher. Then divide by the row's sum. That is **softmax**:
#
# $$p_{nk} = \frac{e^{z_{nk}}}{\sum_j e^{z_{nj}}}$$
#
# $z_{nk}$ is the logit of class $k$ in row $n$, and $p_{nk}$ its probability; in code `logits` and `probs`. One row by hand, with the scores
# $(2, 1, 0)$:
#
# $$(e^2, e^1, e^0) = (7.39,\; 2.72,\; 1) \qquad \text{sum } 11.11 \qquad p = (0.665,\; 0.245,\; 0.090)$$
#
# Drag the slider and watch all three probabilities, though only one score moves.


# %%
def draw_scores(score):
    z = np.array([2.0, score, 0.0])
    p = np.exp(z) / np.exp(z).sum()
    colours = [viz.BLUE, viz.VERMILLION, viz.BLUE]
    with style():
        figure, (left, right) = panels(1, 2, size=(9.5, 3.4))
        left.bar(range(3), z, color=colours, width=0.6)
        left.axhline(0, color="black", linewidth=1)
        left.set(title=f"logits: 2, {score:g}, 0", xlabel="class k", ylim=(-4, 6), xticks=range(3))
        right.bar(range(3), p, color=colours, width=0.6)
        for k in range(3):
            right.text(k, p[k] + 0.02, f"{p[k]:.3f}", ha="center")
        right.set(title="probabilities", xlabel="class k", ylim=(0, 1.12), xticks=range(3))
    return figure


frames(draw_scores, [-4, -2, -1, 0, 1, 2, 3, 4, 6])

# %% [markdown]
# ## Large scores
#
# Add 100 to all scores of a row. Each $e^z$ becomes $e^{100}$ times as large, the sum as well, and the quotient stays the
# same: **only differences of scores count.** For the computer it is not the same:

# %%
with np.errstate(over="ignore", invalid="ignore"):
    z = np.array([1000.0, 999.0, 998.0])
    print("e^z:         ", np.exp(z))
    print("e^z / sum:   ", np.exp(z) / np.exp(z).sum())
shifted = z - z.max()
print("largest off: ", shifted, "->", np.exp(shifted) / np.exp(shifted).sum())

# %% [markdown]
# $e^{710}$ is already too large for a float64 (and $e^{89}$ for a float32): it becomes `inf`, and `inf / inf` is `nan`, not a
# number. So first take **the row's largest score off each of its scores**. That changes no probability. The largest is 0
# then, so that no $e^z$ is above 1, and the sum is at least 1, so that nothing is divided by 0.
#
# Two things of NumPy that you need for whole batches: `a.sum(axis=1)` sums along each row, and `a.max(axis=1)` takes each row's
# largest. Both turn `(N, K)` into `(N,)`. With `keepdims=True` they give `(N, 1)` instead, a column, and this fits: NumPy
# subtracts a column `(N, 1)` from each column of `(N, K)`.

# %%
small = np.array([[2.0, 1.0, 0.0], [0.0, 5.0, 1.0]])
print(small.max(axis=1), small.max(axis=1).shape)
print(small.max(axis=1, keepdims=True), small.max(axis=1, keepdims=True).shape)

# %% [markdown]
# ## Exercise 4.1: softmax
#
# | | |
# |---|---|
# | formula | $p_{nk} = e^{z_{nk} - m_n} / \sum_j e^{z_{nj} - m_n}$ with $m_n$, the largest logit of row $n$ |
# | takes | `logits` (N, K), which may be very large or very small |
# | returns | `probs` (N, K); each row sums to 1 |


# %% tags=["exercise-4.1"]
def softmax(logits):
    probs = ...
    return probs


# %%
check("4.1", softmax)

# %%
from scratchnet.losses import softmax as library_softmax

softmax_here = learner("4.1", softmax, library_softmax)
print(softmax_here(np.array([[2.0, 1.0, 0.0], [1000.0, 999.0, 998.0]])).round(3))

# %% [markdown]
# ## How wrong? Minus the logarithm
#
# The truth comes as `labels` (N,), for each row the number of the right class. A good network gives this class a probability
# near 1. The loss of a row is
#
# $$-\ln p_{n,\,\text{label of } n}$$
#
# It is 0 where the right class has probability 1; about 0.7 at one half; 2.3 at a tenth; and it grows without end towards 0.
# Being sure and wrong is expensive. The loss of the batch is the mean of its rows. Its name is **cross-entropy**.
#
# Why the logarithm? The probability that the network gives to *all* the right answers together is the product of
# theirs. The logarithm makes a sum of it, whose slopes are easy, and the minus sign turns "as large as possible" into
# "as small as possible".

# %%
p = np.linspace(0.005, 1, 300)
with style():
    figure, ax = panels(size=(7, 3.6))
    ax.plot(p, -np.log(p))
    for at in 0.1, 0.5, 1.0:
        ax.plot(at, -np.log(at), "o", color=viz.VERMILLION)
        ax.text(at + 0.02, -np.log(at) + 0.25, f"{-np.log(at) + 0:.2f}")
    ax.set(xlabel="probability of the right class", ylabel="loss", xlim=(0, 1.12), title="Sure and wrong is expensive")
    ax.grid(axis="y")
figure

# %% [markdown]
# By hand, for the row $(2, 1, 0)$ whose right class is 1: $-\ln 0.245 = 1.41$.
#
# One thing can still go wrong: a probability may be so small that it is rounded to 0, and the logarithm of 0 is $-\infty$. So
# don't compute the probability first. With $m$ for the row's largest logit,
#
# $$\ln p_k = \ln \frac{e^{z_k - m}}{\sum_j e^{z_j - m}} = (z_k - m) - \ln \sum_j e^{z_j - m}$$
#
# which is harmless: the sum lies between 1 and $K$. In code `shifted` stands for $z - m$.
#
# To pick from each row the entry of its own label, index with *two* arrays, which NumPy walks through side by side:

# %%
table = np.array([[10, 11, 12], [20, 21, 22]])
rows, columns = np.array([0, 1]), np.array([2, 0])
print(table[rows, columns], "but", table[:, columns].shape, "are whole columns")

# %% [markdown]
# ## Exercise 4.2: cross-entropy, forward
#
# | | |
# |---|---|
# | formula | $\ln p_{nk} = \text{shifted}_{nk} - \ln \sum_j e^{\text{shifted}_{nj}}$; $\quad \text{loss} = -\frac1N \sum_n \ln p_{n,\,\text{labels}_n}$ |
# | takes | `logits` (N, K), and `labels` (N,), integers from 0 to K − 1 |
# | returns | `loss`, a number, and the cache, the tuple `(probs, labels)` |


# %% tags=["exercise-4.2"]
def cross_entropy_forward(logits, labels):
    rows = np.arange(len(logits))  # 0, 1, 2, .. N - 1
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = ...  # (N, K)
    loss = ...
    return loss, (np.exp(log_probs), labels)


# %%
check("4.2", cross_entropy_forward)

# %%
forward_here = learner("4.2", cross_entropy_forward)
print(f"loss of (2, 1, 0), if class 1 is right: {forward_here(np.array([[2.0, 1.0, 0.0]]), np.array([1]))[0]:.3f}")
for K in 2, 3, 10:
    print(f"{K:2d} classes with equal scores: {forward_here(np.zeros((1, K)), np.array([0]))[0]:.3f}")

# %% [markdown]
# The last lines are worth knowing by heart. A network that knows nothing gives all $K$ classes the same probability, and its
# loss is $\ln K$: 2.303 for ten classes. If your training begins with a much larger loss, something is wrong already.
#
# ## Backward: what it believes minus what is true
#
# If the logit $z_k$ grows a little, how does the loss $-\ln p_y$ of one row change? ($y$ is its label.) The formula above says
# $\ln p_y = z_y - \ln S$ with $S = \sum_j e^{z_j}$; we may leave $m$ out, as it changes nothing. Take the two parts one by one:
#
# - $z_y$ grows with $z_k$ only if $k = y$. Its slope is 1 for the right class and 0 for all others. As an array that is $y$
#   written **one-hot**: $(0, 1, 0)$ for class 1 of three.
# - $\ln S$: the chain rule. The slope of $\ln S$ is $1/S$, and that of $S$ with respect to $z_k$ is $e^{z_k}$, as all other terms
#   stay. Together $e^{z_k} / S$, and this is $p_k$!
#
# The loss has both with the opposite sign, and the batch's mean divides by $N$:
#
# $$\frac{\partial\,\text{loss}}{\partial z_{nk}} = \frac{1}{N} \big(p_{nk} - \text{onehot}_{nk}\big)$$
#
# For $(2, 1, 0)$ with class 1: $(0.665,\; 0.245 - 1,\; 0.090) = (0.665,\; -0.755,\; 0.090)$. Downhill is the other way: raise
# the right class's score, lower the others, each by as much as it was wrong. The three sum to 0, as always: what one class
# gains the others lose.
#
# *Softmax alone* has a slope too, which you may need one day. Each probability depends on *all* scores of its row. Since
# $p_j = e^{\ln p_j}$, the chain rule gives $\frac{\partial p_j}{\partial z_k} = p_j \cdot \frac{\partial \ln p_j}{\partial z_k} = p_j\,([j = k] - p_k)$, where $[j = k]$ is 1 if $j = k$ and
# else 0. Who writes only the part with $j = k$, which is $p_k(1 - p_k)$, forgets the other classes.

# %%
examples = {
    "sure and right": [0.5, 4.0, 0.0],
    "not sure": [1.0, 1.2, 0.8],
    "sure and wrong": [4.0, 0.5, 0.0],
}
with style():
    figure, axes = panels(1, 3, size=(11, 3.6), sharey=True)
    for ax, (name, scores) in zip(axes, examples.items(), strict=True):
        probs = softmax_here(np.array([scores]))[0]
        onehot = np.array([0.0, 1.0, 0.0])
        places = np.arange(3)
        ax.bar(places - 0.27, probs, 0.25, color=viz.BLUE, label="believed, p")
        ax.bar(places, onehot, 0.25, color="#B8B8B8", label="true, one-hot", hatch="//", edgecolor="white")
        ax.bar(places + 0.27, probs - onehot, 0.25, color=viz.VERMILLION, label="slope, p − one-hot")
        ax.axhline(0, color="black", linewidth=1)
        ax.set(title=name, xlabel="class k", xticks=places, ylim=(-1.1, 1.1))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
figure

# %% [markdown]
# Sure and right: hardly any slope, nothing to learn. Sure and wrong: a slope of nearly 1, and nearly −1 for the right class.
#
# One factor is left. `backward` is given `dloss`, what comes from above: 1 if the loss is what you want to lower, and something
# else if it is one part of it. As always it is multiplied in.
#
# ## Exercise 4.3: cross-entropy, backward
#
# | | |
# |---|---|
# | formula | $\text{dlogits}_{nk} = \text{dloss} \cdot \dfrac{p_{nk} - \text{onehot}_{nk}}{N}$ |
# | takes | `dloss`, a number, and the cache `(probs, labels)`: (N, K) and (N,) |
# | returns | `dlogits` (N, K) |
# | leave alone | `probs`: the cache may be used again, so work on a copy |


# %% tags=["exercise-4.3"]
def cross_entropy_backward(dloss, cache):
    probs, labels = cache
    rows = np.arange(len(probs))
    dlogits = ...  # use as many lines as you like
    return dlogits


# %%
check("4.3", cross_entropy_backward)

# %%
backward_here = learner("4.3", cross_entropy_backward)
_, cache = forward_here(np.array([[2.0, 1.0, 0.0]]), np.array([1]))
print(backward_here(1.0, cache).round(3))

# %% [markdown]
# ## Why not the squared error?
#
# One could as well measure the distance from the probabilities to the one-hot truth, as in [lesson 1](01_one_neuron.ipynb). Here
# are both losses as maps. Class 0 is right; to the right its score grows, upwards that of class 1; the third score stays 0.
# Dark is low; arrows point downhill, and their length is the slope.

# %%
axis = np.linspace(-6, 6, 61)
across, up = np.meshgrid(axis, axis)
logits = np.stack([across.ravel(), up.ravel(), np.zeros(across.size)], axis=1)  # each point of the map is a row
probs = softmax_here(logits)
labels = np.zeros(len(logits), int)
downhill = -backward_here(float(len(logits)), forward_here(logits, labels)[1])  # dloss = N undoes the division by N
difference = probs - np.array([1.0, 0.0, 0.0])
squared_slope = 2 * probs * (difference - (difference * probs).sum(axis=1, keepdims=True))  # softmax alone, see above
maps = {
    "cross-entropy": (-np.log(probs[:, 0]), downhill),
    "squared error of the probabilities": ((difference**2).sum(axis=1), -squared_slope),
}
with style():
    figure, axes = panels(1, 2, size=(11, 4.8), sharey=True)
    for ax, (name, (height, arrows)) in zip(axes, maps.items(), strict=True):
        shown = ax.contourf(across, up, height.reshape(across.shape), levels=14, cmap="Greys_r", alpha=0.75)
        figure.colorbar(shown, ax=ax, label="loss")
        some = (slice(2, None, 7), slice(2, None, 7))
        tips = [arrows[:, k].reshape(across.shape)[some] for k in (0, 1)]
        ax.quiver(across[some], up[some], *tips, color=viz.VERMILLION, angles="xy", scale_units="xy", scale=0.9, width=0.008)
        ax.set(xlabel="logit of class 0, the right one", title=name, aspect="equal")
    axes[0].set_ylabel("logit of class 1, a wrong one")
figure

# %% [markdown]
# Look at the upper left corners, where the network is sure and wrong. Cross-entropy is steep there: the network gets out. The
# squared error is a plateau: nearly no slope, and training stands still just where it is most needed. The reason is
# softmax's own slope, $p_j([j=k] - p_k)$, which is nearly 0 if all probabilities are near 0 or 1. The logarithm cancels it.
#
# ## A classifier
#
# Three kinds of points in the plane. The scores are weighted sums, `logits = points @ w + b` with `w` (2, 3) and `b` (3,): three
# neurons side by side, one for each class. The slopes for `w` and `b` come from `dlogits` as in lesson 1; there it was
# `dw = x.T @ dout`. All the rest is yours.

# %%
rng = np.random.default_rng(4)
centres = np.array([[-1.2, -0.7], [1.3, -0.6], [0.1, 1.4]])
labels = np.repeat([0, 1, 2], 100)
points = centres[labels] + 0.75 * rng.standard_normal((300, 2))
colours = viz.BLUE, viz.ORANGE, viz.GREEN
x_axis, y_axis = np.linspace(-3.5, 3.8, 110), np.linspace(-3, 3.8, 100)
plane = np.stack([a.ravel() for a in np.meshgrid(x_axis, y_axis)], axis=1)
rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])

w, b = np.zeros((2, 3)), np.zeros(3)
steps = effort(300, fast=40)
moments = [*(step for step in (0, 1, 3, 10, 30, 100) if step < steps), steps]
losses, maps = [], {}
for step in range(steps + 1):
    loss, cache = forward_here(points @ w + b, labels)
    losses.append(loss)
    if step in moments:
        maps[step] = softmax_here(plane @ w + b).reshape(100, 110, 3)
    dlogits = backward_here(1.0, cache)
    w -= 0.5 * points.T @ dlogits
    b -= 0.5 * dlogits.sum(axis=0)
right = ((points @ w + b).argmax(axis=1) == labels).mean()
print(f"loss {losses[0]:.3f} before (ln 3 is {np.log(3):.3f}), {losses[-1]:.3f} after; {right:.0%} of the points are right")


# %%
def draw_plane(step):
    with style():
        figure, ax = panels(size=(6.5, 4.6))
        mixture = 0.35 * (maps[step] @ rgb) + 0.65  # each point in the mean of the colours, weighted by probability
        ax.imshow(mixture, origin="lower", extent=(-3.5, 3.8, -3, 3.8), aspect="auto")
        for k, marker in enumerate("o^s"):
            ax.scatter(*points[labels == k].T, c=colours[k], marker=marker, s=24, edgecolors="#333333", linewidths=0.5)
        ax.set(xlabel="x[n, 0]", ylabel="x[n, 1]", title=f"after {step} step{'s' * (step != 1)}: loss {losses[step]:.3f}")
    return figure


frames(draw_plane, moments)

# %% [markdown]
# At first all classes are equally likely everywhere. The colours part quickly, and then they only become surer. The borders
# between them are straight lines, since each score is a weighted sum; where the colours mix the classifier is in doubt, and
# says so. With pictures of digits in the place of points this is a program that reads: that is
# [lesson 7](07_training.ipynb).
#
# ## Not quite so sure: label smoothing
#
# With the loss as it is, being sure is never enough: $-\ln p$ still falls as $p$ goes from 0.99 to 0.999, so the scores grow
# for ever. **Label smoothing** asks for a little less than certainty. With a small $s$, 0.1 for example, the truth is not the
# one-hot array but
#
# $$\text{target}_{nk} = (1 - s)\,\text{onehot}_{nk} + \frac sK$$
#
# a probability of 0.91 for the right one of ten classes and 0.01 for each of the others. The loss is then the mean over
# all classes, weighted by the target: $-\sum_k \text{target}_{k} \ln p_{k}$. And its slope? The targets sum to 1, so
#
# $$-\sum_k \text{target}_k \ln p_k = -\sum_k \text{target}_k\, (z_k - \ln S) = \ln S - \sum_k \text{target}_k\, z_k$$
#
# The slope of the first term is $p_k$ as before, that of the second one $\text{target}_k$. So again it is **what it believes minus
# what is true**, $p - \text{target}$, and it is 0 where the probabilities *are* the targets:

# %%
from scratchnet.losses import SoftmaxCrossEntropy

gaps = np.linspace(-2, 14, 200)
with style():
    figure, ax = panels(size=(8, 3.8))
    for s, dash in (0.0, "-"), (0.1, "--"):
        loss = SoftmaxCrossEntropy(label_smoothing=s)
        heights = [loss.forward(np.eye(1, 10) * gap, np.array([0]))[0] for gap in gaps]
        ax.plot(gaps, heights, dash, label=f"s = {s:g}")
        if s:
            lowest = np.log(0.91 / 0.01)  # where the probabilities are 0.91 and nine times 0.01
            ax.plot(lowest, np.interp(lowest, gaps, heights), "o", color=viz.VERMILLION)
            ax.annotate(
                "p = 0.91: enough", (lowest, np.interp(lowest, gaps, heights)), (2.7, 1.5), arrowprops={"arrowstyle": "-"}
            )
    ax.set(
        xlabel="how far the right class's logit is above the nine others",
        ylabel="loss",
        title="With smoothing there is an end",
    )
    ax.legend(frameon=False)
    ax.grid(axis="y")
figure

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Write softmax and its loss for a batch, so that neither large nor small scores break them.
# - Derive $p - \text{onehot}$, and say what it means.
# - Know by $\ln K$ whether a training begins as it should.
# - Say why one does not use the squared error here, and what label smoothing asks for.
#
# **Before** [lesson 3: numeric gradients](03_numeric_gradients.ipynb) · **Next** [lesson 5: dense and
# ReLU](05_dense_and_relu.ipynb), where the scores come from a network · In the library: `softmax`,
# `softmax_cross_entropy_forward` and `.._backward` in `scratchnet/losses.py`
#
# *Sources.* J. Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990. C. Szegedy et al.,
# "Rethinking the Inception architecture for computer vision", CVPR 2016, section 7 (label smoothing). X. Glorot and Y.
# Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, section 4.1 (the plateaus
# of the squared error).
