# %% [markdown]
# # Lesson 7: Training
#
# **The idea.** Training is a loop: take a few images, see how the loss would fall, move all weights a little that way; and again.
# How good the result is must be measured on images that had no part in it. A single matrix learns to read digits so, and you can
# *look* at what it has learned.
#
# **You need** the backward pass of a dense layer from [lesson 5](05_dense_and_relu.ipynb), softmax and cross-entropy from
# [lesson 4](04_softmax_and_cross_entropy.ipynb), and the images of [lesson 6](06_bytes_to_images.ipynb).
#
# **Time** about 60 minutes.
#
# **Afterwards you can** write a training loop, split your data so that the result can be trusted, and derive the gradients of two
# classic classifiers: logistic regression and the linear support vector machine.

# %%
import numpy as np

from scratchnet import viz
from scratchnet.datasets.split import split
from scratchnet.layers import Dense
from scratchnet.losses import MulticlassHinge, softmax
from scratchnet.machine import one_blas_thread
from scratchnet.preprocess import prepare
from scratchnet_lessons import check, digits, effort, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## Three piles
#
# An exam tells nothing if its questions were handed out before. A network is no different: asked about the very images that it was
# trained on, it may only remember. So the images are dealt onto three piles, and no image lies on two of them:
#
# | pile | what for |
# |---|---|
# | **training** | the gradient is computed from these, and from nothing else |
# | **validation** | to compare and choose: which learning rate, how long, which kind of network |
# | **test** | one measurement, at the very end |
#
# Why is validation not enough? Who tries twenty settings and takes the one that is best on the validation images has chosen what
# suits *these* images, partly by luck. The number is a little too good, and only images that had no part in any choice say by how
# much. MNIST comes with its own test images; the validation images we take from the training images, the same share of every digit.

# %%
images, labels, source = digits("train", effort(6000, fast=1200))
test_images, test_labels, _ = digits("test", effort(10000, fast=400))
train, val = split(labels, 1 / 6, seed=0)  # two arrays of indices
print(f"{source} digits: {len(train)} for training, {len(val)} for validation, {len(test_labels)} for the test")
print("in both piles:", len(np.intersect1d(train, val)))

# %% [markdown]
# An image is a row of numbers for us now, 28 · 28 = 784 of them, so all images are a matrix `x` of the shape `(N, 784)`. `labels` is
# `(N,)`, whole numbers from 0 to 9.


# %%
def rows(images):
    return prepare(images).reshape(len(images), -1)  # uint8 (N, 28, 28) -> float32 (N, 784)


x, x_test = rows(images), rows(test_images)
print(x.shape, x.dtype, labels[:10])

# %% [markdown]
# ## A few at a time
#
# The loss is a mean over all training images. But to know roughly which way is down, you need not ask all of them: a hundred
# tell nearly the same as five thousand, for a fiftieth of the work. So each step takes only a few images, a **batch**, and steps
# after the gradient of *their* loss. The gradient of a batch is a little wrong, each time in another way; on the whole that
# evens out. This is **stochastic gradient descent**, SGD.
#
# One pass in which each training image has its turn once is an **epoch**. The order must be new in each epoch, and mixed: files are
# often sorted, and a batch of nothing but zeros pulls the weights towards "it is always a zero". `rng.permutation(n)` gives the
# numbers 0 to n - 1 in a random order. Cut into batches, here ten of them in fours:

# %%
order = np.random.default_rng(1).permutation(10)
print("order  ", order)
print("batches", order[0:4], order[4:8], order[8:10])

# %% [markdown]
# The last one is smaller. It is not thrown away: these images have a right to be seen, too. (A slice that reaches too far, as
# `order[8:12]`, ends where the array ends.)
#
# ## Exercise 7.1: batches
#
# | | |
# |---|---|
# | takes | `n`, how many images there are; `size`, how many a batch has; `rng`, a random generator |
# | returns | `parts`, a list of index arrays: `order` cut into pieces of `size`, in that order; the last piece may be smaller |


# %% tags=["exercise-7.1"]
def batches(n, size, rng):
    order = rng.permutation(n)
    parts = ...  # a list; use as many lines as you like
    return parts


# %%
check("7.1", batches)

# %%
batches_here = learner("7.1", batches)
print(batches_here(10, 4, np.random.default_rng(1)))

# %% [markdown]
# ## Logistic regression
#
# The smallest network: a single dense layer from 784 pixels to 10 scores (**logits**), one for each digit, and the loss of lesson 4
# on top. It is older than neural networks and has a name of its own, **logistic regression**. With K = 10 classes:
#
# $$\text{logits} = x w + b \qquad p_{nk} = \frac{e^{\text{logits}_{nk}}}{\sum_j e^{\text{logits}_{nj}}} \qquad
# \text{loss} = -\frac1N \sum_n \log p_{n,\,\text{labels}_n} + \frac{\lambda}{2} \sum_{d,k} w_{dk}^2$$
#
# | | shape |
# |---|---|
# | `x` | (N, 784) |
# | `w`, `b` | (784, 10), (10,) |
# | `logits`, `probs` | (N, 10) |
#
# The last term is new. It is called **weight decay**, and it puts a price on large weights: of two matrices that explain the training
# images equally well, take the smaller one. $\lambda$ (in the code `decay`) says how high the price is; 0 turns it off. The bias
# pays nothing.


# %%
def logistic_forward(w, b, x, labels, decay):
    probs = softmax(x @ w + b)
    right = probs[np.arange(len(x)), labels]  # (N,): of each row the probability of its right class
    loss = -np.log(right).mean() + 0.5 * decay * (w**2).sum()
    return loss, (x, w, probs, labels, decay)


# %% [markdown]
# (`probs[np.arange(N), labels]` picks entry `[n, labels[n]]` from each row `n`. The library computes the logarithm in a safer way;
# lesson 4 says why.)
#
# ### Its gradient
#
# Three steps, from the loss back to the weights, and you know two of them.
#
# **1. Softmax and cross-entropy** (lesson 4): the gradient for the logits is the probabilities, less 1 at the right class, divided by
# $N$:
#
# $$\text{dlogits}_{nk} = \frac{1}{N}\,\big(p_{nk} - [k = \text{labels}_n]\big)$$
#
# The bracket is 1 if what stands in it is true, else 0. By hand, for one image ($N = 1$) and three classes: logits $(2, 1, 0)$ give
# $p = (0.67, 0.24, 0.09)$. If class 1 is right, then $\text{dlogits} = (0.67, -0.76, 0.09)$. The score of class 1 is to rise, and the
# others are to fall, most of all the one that was believed most.
#
# **2. The dense layer** (lesson 5), with `dlogits` as its `dout`: $\;\text{dw} = x^T\,\text{dlogits}$, and db is the sum of the rows.
#
# **3. Weight decay.** Each weight stands in the sum once, as $\frac{\lambda}{2} w_{dk}^2$, whose derivative is $\lambda w_{dk}$. `w` reaches
# the loss on two ways, so the two gradients are *added*:
#
# $$\text{dw}_{dk} = \sum_n x_{nd}\,\text{dlogits}_{nk} + \lambda w_{dk} \qquad \text{db}_k = \sum_n \text{dlogits}_{nk}$$
#
# ## Exercise 7.2: logistic regression, backward
#
# | | |
# |---|---|
# | takes | the cache of `logistic_forward`: `x` (N, D), `w` (D, K), `probs` (N, K), `labels` (N,), `decay`, a number |
# | returns | `dw` (D, K), `db` (K,). Nobody wants the gradient for the pixels |
# | leave alone | `probs`, which belongs to the cache: work on a copy |


# %% tags=["exercise-7.2"]
def logistic_backward(cache):
    x, w, probs, labels, decay = cache
    dlogits = ...  # use as many lines as you like
    dw = ...
    db = ...
    return dw, db


# %%
check("7.2", logistic_backward)

# %%
backward_here = learner("7.2", logistic_backward)

# %% [markdown]
# ## The loop
#
# Now everything is there. Read this function line by line: *all* training in this course looks like it.


# %%
def accuracy(w, b, chosen):
    return (np.argmax(x[chosen] @ w + b, axis=1) == labels[chosen]).mean()


def train_logistic(chosen, decay=0.0, epochs=10, lr=0.02, size=50, seed=0):
    """Train on the images of these indices; returns w, b, and what happened in each epoch."""
    rng = np.random.default_rng(seed)
    w, b = np.zeros((784, 10), np.float32), np.zeros(10, np.float32)
    history = []
    for _ in range(epochs):
        losses = []
        for part in batches_here(len(chosen), size, rng):
            batch = chosen[part]
            loss, cache = logistic_forward(w, b, x[batch], labels[batch], decay)
            dw, db = backward_here(cache)
            w -= lr * dw
            b -= lr * db
            losses.append(loss)
        history.append((np.mean(losses), accuracy(w, b, chosen), accuracy(w, b, val), w.copy()))
    return w, b, history


w, b, history = train_logistic(train, epochs=effort(12, fast=3))
print(f"right after training: {history[-1][1]:.1%} of the training images, {history[-1][2]:.1%} of the validation images")

# %%
with style():
    figure, (left, right) = panels(1, 2, size=(11, 3.8))
    epochs = np.arange(1, len(history) + 1)
    left.plot(epochs, [row[0] for row in history], marker="o")
    left.set(title="The loss of the training images", xlabel="epoch", ylabel="loss", ylim=(0, None))
    right.plot(epochs, [100 * row[1] for row in history], marker="o", label="training")
    right.plot(epochs, [100 * row[2] for row in history], "--", marker="s", label="validation")
    right.set(title="How many are right", xlabel="epoch", ylabel="%")
    right.legend(frameon=False, loc="center right")
    for ax in left, right:
        ax.grid(axis="y")
figure

# %% [markdown]
# Guessing would be right one time in ten; a single matrix does far better, within seconds. (On MNIST about nine in ten; the drawn
# digits differ more from each other, and are harder.) The two curves on the right part: the network learns something about
# the training images that does not hold for others. More of that below.
#
# ## What has it learned?
#
# Score $k$ is the sum of all pixels, each times its weight in column $k$ of `w`. That column has 784 entries, as many as an image has
# pixels: so it *is* an image, a **template**. Where it is orange, ink speaks for digit $k$; where it is blue, ink speaks against it.

# %%
moments = {0: np.zeros_like(w)} | {epoch: row[3] for epoch, row in enumerate(history, 1)}
largest = 0.6 * np.abs(w).max()


def draw_templates(epoch):
    with style():
        figure, axes = panels(2, 5, size=(9, 4.2))
        for k, ax in enumerate(axes.ravel()):
            ax.imshow(moments[epoch][:, k].reshape(28, 28), cmap=viz.SIGNS, vmin=-largest, vmax=largest)
            ax.set_title(f"for a {k}", fontsize=11)
            ax.set_axis_off()
        figure.suptitle(f"column k of w as a picture, after epoch {epoch}")
    return figure


frames(draw_templates, [epoch for epoch in (0, 1, 2, 4, 8, 12) if epoch in moments])

# %% [markdown]
# Drag the slider. A zero wants ink in a ring, and none in the middle, where it is blue. Others are harder to read, because a
# template must say what parts its digit from *all others*, not what it looks like. And there is only one template for each digit,
# however differently people write; that is why this network can't get much better. (The pixels at the edge are never inked. They
# are the same number in all images, so all they can do is to act as one more bias, and they share one pale colour.)
#
# ## A second loss: the margin
#
# Cross-entropy is never content: the right class could always be a little more probable. Here is a loss that is. It says: the right
# score shall lie above each of the others by at least a **margin** of 1; then the image costs nothing. What a wrong class lacks
# of that is its cost:
#
# $$\text{loss} = \frac1N \sum_n \sum_{k \ne y_n} \max\big(0,\; \text{logits}_{nk} - \text{logits}_{n y_n} + 1\big)
# \qquad\text{with } y_n = \text{labels}_n$$
#
# This is the **hinge loss**; a dense layer that is trained with it is a **linear support vector machine**, SVM. By hand, one image
# with the logits $(3, 2.5, -1)$, and class 0 is right:
#
# | class | logit - right logit + 1 | cost |
# |---|---|---|
# | 0 | is the right one: not compared with itself | |
# | 1 | 2.5 - 3 + 1 = 0.5 | 0.5: it is lower, but not by 1 |
# | 2 | -1 - 3 + 1 = -3 | 0 |
#
# In the picture the two losses for two classes, as functions of how far the right logit lies above the wrong one:

# %%
ahead = np.linspace(-3, 4, 300)
with style():
    figure, (left, right) = panels(1, 2, size=(11, 3.8))
    left.plot(ahead, np.log1p(np.exp(-ahead)), label="cross-entropy")
    left.plot(ahead, np.maximum(0, 1 - ahead), "--", label="hinge")
    left.set(title="The loss", ylabel="loss of one image")
    right.plot(ahead, -1 / (1 + np.exp(ahead)), label="cross-entropy")
    right.plot(ahead, np.where(ahead < 1, -1.0, 0.0), "--", label="hinge")
    right.set(title="Its slope: how hard it pulls", ylabel="slope")
    for ax in left, right:
        ax.set_xlabel("right logit - wrong logit")
        ax.grid(axis="y")
        ax.legend(frameon=False)
figure

# %% [markdown]
# Where the answer is badly wrong both pull with (nearly) full force. Where it is right cross-entropy pulls ever more softly; the
# hinge pulls with the same force up to the margin, and from there on not at all.


# %%
def hinge_forward(logits, labels, margin=1.0):
    rows = np.arange(len(logits))
    right = logits[rows, labels][:, None]  # (N, 1): the right class's logit
    margins = np.maximum(0, logits - right + margin)  # (N, K)
    margins[rows, labels] = 0  # the right class is not compared with itself
    return float(margins.sum() / len(logits)), (margins, labels)


print(hinge_forward(np.array([[3.0, 2.5, -1.0]]), np.array([0])))

# %% [markdown]
# ### Its gradient
#
# Two questions, as always: which parts of the loss does a logit reach, and with which slope?
#
# **A wrong class** $k$ stands in one term of its row. If that is positive (the margin is *violated*) the logit enters with slope 1. If
# it is 0 the logit can move a little and nothing happens: slope 0. So it is a mask, as with the ReLU.
#
# **The right class** stands in *all* terms of its row, with a minus. It gets $-1$ from each one that is violated: minus their number.
#
# By hand, for logits $(3, 2.5, -1)$ with class 0 right: class 1 is violated, class 2 is not. The gradient is $(-1, 1, 0)$. And for
# $(3, 2.5, 2.8)$ both are violated: $(-2, 1, 1)$. The whole is divided by $N$, because the loss is a mean:
#
# $$\text{dlogits}_{nk} = \frac{\text{dloss}}{N} \cdot \begin{cases}
# [\text{margins}_{nk} > 0] & \text{for a wrong class } k \\[2pt]
# -\sum_{j} [\text{margins}_{nj} > 0] & \text{for the right class } k = y_n \end{cases}$$
#
# `dloss` is what comes from above, the gradient for the loss itself. It is 1 when nothing follows, but it is a factor all the same.
#
# ## Exercise 7.3: the hinge loss, backward
#
# | | |
# |---|---|
# | takes | `dloss`, a number; the cache of `hinge_forward`: `margins` (N, K), in which the right class has 0, and `labels` (N,) |
# | returns | `dlogits` (N, K) |


# %% tags=["exercise-7.3"]
def hinge_backward(dloss, cache):
    margins, labels = cache
    dlogits = ...  # use as many lines as you like
    return dlogits


# %%
check("7.3", hinge_backward)

# %% [markdown]
# ## The same loop, another loss
#
# This time with the library's parts: a `Dense` layer, and its loss with *your* backward in it. What changes in the loop? Only who
# computes the gradient.

# %%
loss = MulticlassHinge(functions=(hinge_forward, learner("7.3", hinge_backward)))
rng = np.random.default_rng(0)
svm = Dense(784, 10, rng=rng)
svm.params["w"][:] = 0
for _ in range(effort(12, fast=3)):
    for part in batches_here(len(train), 50, rng):
        batch = train[part]
        logits, cache = svm.forward(x[batch])
        _, loss_cache = loss.forward(logits, labels[batch])
        _, grads = svm.backward(loss.backward(1.0, loss_cache), cache)
        for name, array in svm.params.items():
            array -= 0.002 * grads[name]

svm_w, svm_b = svm.params["w"], svm.params["b"]
print(f"logistic regression: {accuracy(w, b, val):.1%} of the validation images are right")
print(f"linear SVM:          {accuracy(svm_w, svm_b, val):.1%}")

# %%
with style():
    figure, axes = panels(2, 10, size=(12, 2.9))
    for row, (name, matrix) in enumerate({"logistic": w, "SVM": svm_w}.items()):
        limit = 0.6 * np.abs(matrix).max()
        for k in range(10):
            axes[row, k].imshow(matrix[:, k].reshape(28, 28), cmap=viz.SIGNS, vmin=-limit, vmax=limit)
            axes[row, k].set(xticks=[], yticks=[], title=f"{k}" if row == 0 else "")
            axes[row, k].spines[:].set_visible(False)
        axes[row, 0].set_ylabel(name, fontsize=12)
figure

# %% [markdown]
# Two losses, nearly the same templates, nearly the same result. What limits both is not the loss but what a single matrix can say.
#
# ## Learning by heart
#
# Now with fewer training images. The loop is the same; the fewer they are, the more epochs it takes.

# %%
counts = [n for n in (50, 150, 500, 1500, 5000) if n <= len(train)]
known, unknown = [], []
for n in counts:
    some = np.random.default_rng(n).permutation(train)[:n]
    with one_blas_thread():  # these matrix products are too small to be worth sharing among the cores
        _, _, run = train_logistic(some, epochs=effort(max(12, 5000 // n), fast=4), size=min(50, n))
    known.append(100 * run[-1][1])
    unknown.append(100 * run[-1][2])

with style():
    figure, ax = panels(size=(8, 4))
    ax.semilogx(counts, known, marker="o", label="training images")
    ax.semilogx(counts, unknown, "--", marker="s", label="validation images")
    ax.fill_between(counts, unknown, known, color=viz.PALE)
    ax.set(title="Known and unknown images", xlabel="number of training images", ylabel="right, %", ylim=(0, 103))
    ax.set_xticks(counts, counts)
    ax.minorticks_off()
    ax.grid(axis="y")
    ax.legend(frameon=False, loc="lower right")
figure

# %% [markdown]
# With fifty images each of them is named rightly, and new ones often are not. There are countless ways to set 7850 numbers so that
# fifty pictures come out right, and most of these ways are worth little elsewhere. That is **overfitting**. Who looks at the training
# images alone sees the blue line, and believes that it is best to learn from 50 images. What helps most is more images. Where
# there are none, a price on large weights may help a little, and how high it should be is a *choice*, so:
#
# ## The right use of three piles
#
# Train with several prices on 500 images; let the validation images choose; and then, once, ask the test images.

# %%
some = np.random.default_rng(500).permutation(train)[:500]
tried = {}
for decay in (0.0, 0.01, 0.1, 0.3, 1.0):
    with one_blas_thread():
        w_tried, b_tried, run = train_logistic(some, decay=decay, epochs=effort(20, fast=3))
    tried[decay] = run[-1][2], w_tried, b_tried
    print(f"weight decay {decay:<5g} training {run[-1][1]:6.1%}   validation {run[-1][2]:6.1%}")

best = max(tried, key=lambda decay: tried[decay][0])
_, w_best, b_best = tried[best]
right = (np.argmax(x_test @ w_best + b_best, axis=1) == test_labels).mean()
print(f"chosen: {best:g}. The test images, for the first and only time: {right:.1%}")

# %% [markdown]
# A word on such tables. On a thousand images an accuracy is uncertain by one percent or more, by chance alone, so rows that differ
# by less can't be told apart. The best of several rows is rather one that was lucky, and its number therefore rather too high: a
# little where five were tried, much where it was hundreds. The test images took no part in the choice, so their number has no such
# luck in it.
#
# In the same way one chooses the learning rate, the number of epochs, or between this and the SVM. And if the number on the test
# images is a disappointment? Then it is one. Whoever goes back now and tries on until it looks better has turned the test images into
# validation images.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Deal data onto three piles, and say what each of them is for.
# - Cut an epoch into mixed batches, and write the loop around them.
# - Derive the gradient of logistic regression, weight decay included, and of the linear SVM.
# - Look at a linear network's weights as templates.
# - See overfitting, which needs two curves to be seen.
#
# **Before** [lesson 6: bytes to images](06_bytes_to_images.ipynb) · **Next** [lesson 8: optimizers](08_optimizers.ipynb), which makes
# more of each gradient than one small step · In the library: `scratchnet/losses.py` holds both losses, `train.py` the loop
#
# *Sources.* H. Robbins and S. Monro, "A stochastic approximation method", 1951. J. Weston and C. Watkins, "Support vector machines for
# multi-class pattern recognition", ESANN 1999. Y. LeCun et al., "Gradient-based learning applied to document recognition",
# *Proceedings of the IEEE* 1998: a linear classifier misreads 12 % of MNIST's test images there. T. Hastie, R. Tibshirani and J.
# Friedman, *The Elements of Statistical Learning*, chapter 7, on the three piles.
