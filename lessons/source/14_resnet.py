# %% [markdown]
# # Lesson 14: ResNet
#
# **The idea.** Let a block of layers compute only what is to be *added* to its input: $\text{out} = x + \text{body}(x)$. On the way back
# the gradient then has two ways, and one of them is free: it arrives in front of the block just as it came, however many
# blocks there are. A motorway for the gradient, on which networks of a hundred layers can be trained.
#
# **You need** the dense layer and the ReLU of [lesson 5](05_dense_and_relu.ipynb). The values that die on the way, in
# [lesson 13](13_batchnorm_dropout_augmentation.ipynb), are the same trouble seen from the other side.
#
# **Time** about 45 minutes.
#
# **Afterwards you can** write the backward pass of everything that branches and adds, measure how a gradient fares on its way
# through a network, and say why deep networks are built of residual blocks.

# %%
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from scratchnet import viz
from scratchnet.engine import loss_and_grads
from scratchnet.gradcheck import check as gradient_check
from scratchnet.init import he_normal
from scratchnet.layers import BatchNorm2d, Conv2d, Dense, Layer, ReLU, Residual, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.optim import Momentum
from scratchnet.preprocess import prepare
from scratchnet_lessons import check, digits, effort, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## Many factors
#
# Take a network in which everything is a single number. Each block multiplies what comes by its slope, say 0.25. The chain rule
# multiplies the slopes: behind one block 0.25 of the gradient is left, behind two 0.0625, and behind twenty
#
# $$0.25^{20} \approx 0.000\,000\,000\,001$$
#
# The first block's weights then hardly move. With slopes of 4 instead it is $10^{12}$, and training explodes. Only slopes
# of just 1 would do. Now let each block *add* to its input: $\text{out} = x + 0.25\,x$. Its slope is $1 + 0.25$, and behind twenty
#
# $$1.25^{20} \approx 87$$
#
# Not 1, but no millionth of a millionth either, and with smaller bodies it is closer to 1: $1.05^{20} \approx 2.7$. Multiply two blocks
# out to see what happens:
#
# $$(1 + a)(1 + b) = 1 + a + b + ab$$
#
# Four terms, four ways through the network: around both bodies, through the one, through the other, through both. A plain
# network has the last one alone, which is the weakest. The 1 in front is the motorway.


# %%
def draw_blocks(ax, count=3):
    for k in range(count):
        left = 3.4 * k
        ax.add_patch(
            FancyBboxPatch((left + 0.75, 1.0), 1.2, 0.7, boxstyle="round,pad=0.05", fc="#DCEBF7", ec=viz.BLUE, lw=1.5)
        )
        ax.text(left + 1.35, 1.35, f"body {k + 1}", ha="center", va="center", fontsize=12)
        ax.text(left + 2.75, 0, "+", ha="center", va="center", fontsize=14)
        ax.add_patch(FancyBboxPatch((left + 2.6, -0.15), 0.3, 0.3, boxstyle="circle,pad=0.1", fc="none", ec="black", lw=1.2))
        for start, end in ((0, 0), (0.7, 1.35)), ((1.95, 1.35), (2.7, 0.25)):
            arrow = FancyArrowPatch(
                (left + start[0], start[1]),
                (left + end[0], end[1]),
                arrowstyle="->",
                mutation_scale=16,
                shrinkA=0,
                shrinkB=4,
            )
            ax.add_patch(arrow)
    ax.plot([-0.5, 3.4 * count], [0, 0], color="black", lw=1.3, zorder=0)
    ax.annotate(
        "",
        (-0.5, -0.75),
        (3.4 * count, -0.75),
        arrowprops={"arrowstyle": "->", "color": viz.VERMILLION, "lw": 3, "shrinkA": 0},
    )
    ax.text(
        1.7 * count,
        -0.95,
        "the gradient's motorway: nothing is multiplied on it",
        ha="center",
        va="top",
        color=viz.VERMILLION,
    )
    ax.text(-0.6, 0, "x", ha="right", va="center", fontsize=14)
    ax.text(3.4 * count + 0.1, 0, "out", va="center", fontsize=14)
    ax.set(xlim=(-1, 3.4 * count + 0.8), ylim=(-1.5, 1.9), aspect="equal")
    ax.set_axis_off()


with style():
    figure, ax = panels(size=(10, 3.2))
    draw_blocks(ax)
figure

# %% [markdown]
# ## A residual block
#
# The body we take is a dense layer, a ReLU, and another dense layer; biases are left out, to keep it short. `x` is (N, D), `w1` is
# (D, M), `w2` is (M, D), so that the body's output has the shape of `x` and the two can be added:
#
# $$h = \max(x\,w_1,\, 0) \qquad \text{out} = x + h\,w_2$$
#
# It is called *residual* because the body learns the rest, what is still missing to `x`. If nothing is missing, `w2` = 0 is right,
# which is far easier to learn than a body that has to copy its input.


# %%
def block_forward(x, w1, w2):
    h = np.maximum(x @ w1, 0)  # (N, M)
    out = x + h @ w2  # (N, D)
    return out, (x, h, w1, w2)


# %% [markdown]
# ## Backward: two ways, so add
#
# Ask as always: *which outputs does this number reach, and by what is it multiplied on the way?* `x[n, d]` reaches the output in
# two ways. Directly: it is a term of `out[n, d]`, with slope 1, and brings home `dout[n, d]`. And through the body, which is lesson 5
# twice, with a ReLU between:
#
# | | shape | |
# |---|---|---|
# | `dh` | (N, M) | through the second matrix, `dout` (N, D) and `w2` (M, D); then 0 where the ReLU has stopped, `h > 0` |
# | `dw2` | (M, D) | from `h` (N, M) and `dout` (N, D) |
# | `dw1` | (D, M) | from `x` (N, D) and `dh` (N, M) |
# | the body's part of `dx` | (N, D) | from `dh` (N, M) and `w1` (D, M) |
#
# Where ways meet, gradients add:
#
# $$\text{dx} = \underbrace{\text{dout}}_{\text{shortcut}} + \underbrace{\text{dh}\; w_1^T}_{\text{body}}$$
#
# By hand, with single numbers: $x = 2$, $w_1 = 3$, $w_2 = 0.5$. Then $h = 6$, $\text{out} = 2 + 3 = 5$. For $\text{dout} = 1$: $\text{dh} = 0.5$,
# $\text{dw}_2 = 6$, $\text{dw}_1 = 2 \cdot 0.5 = 1$, and $\text{dx} = 1 + 0.5 \cdot 3 = 2.5$.
#
# ## Exercise 14.1: a residual block, backward
#
# | | |
# |---|---|
# | formulas | dh, dw2, dw1 as in the table; $\text{dx} = \text{dout} + \text{dh}\,w_1^T$ |
# | takes | `dout` (N, D), and the cache `(x, h, w1, w2)`: (N, D), (N, M), (D, M), (M, D) |
# | returns | `dx` (N, D), `dw1` (D, M), `dw2` (M, D) |
# | leave alone | `dout`: it belongs to the caller |


# %% tags=["exercise-14.1"]
def block_backward(dout, cache):
    x, h, w1, w2 = cache
    dh = ...
    dw2 = ...
    dw1 = ...
    dx = ...
    return dx, dw1, dw2


# %%
check("14.1", block_backward)

# %%
backward_here = learner("14.1", block_backward)
one = np.ones((1, 1))
_, cache = block_forward(2 * one, 3 * one, 0.5 * one)
print(*(float(gradient[0, 0]) for gradient in backward_here(one, cache)))  # 2.5, 1, 6 as by hand

# %% [markdown]
# ## A deep network, with and without
#
# Twenty blocks, forty matrices, for digits. The plain network has the same bodies without `x +`. Its backward pass is yours,
# minus what the shortcut brought.


# %%
def plain_forward(x, w1, w2):
    out, cache = block_forward(x, w1, w2)
    return out - x, cache


def plain_backward(dout, cache):
    dx, dw1, dw2 = backward_here(dout, cache)
    return dx - dout, dw1, dw2


class Block(Layer):
    """A block as a layer: a pair of functions, and the arrays that it learns."""

    def __init__(self, width, functions, scale, rng):
        super().__init__(functions)
        w1, w2 = (scale * he_normal(rng, (width, width)) for _ in range(2))
        self.params = {"w1": w1, "w2": w2 / np.float32(2**0.5)}  # no ReLU behind w2 that halves the squares


RESIDUAL, PLAIN = (block_forward, backward_here), (plain_forward, plain_backward)
WIDTH = 32


def deep(functions, scale, blocks=20, seed=0):
    """``blocks`` blocks between two dense layers; their weights are ``scale`` times the usual ones."""
    rng = np.random.default_rng(seed)
    middle = [Block(WIDTH, functions, scale, rng) for _ in range(blocks)]
    return Sequential(Dense(784, WIDTH, rng=rng), *middle, Dense(WIDTH, 10, rng=rng))


images, labels, source = digits("train", 2000)
x_digits = prepare(images).reshape(len(images), -1)
print(len(deep(RESIDUAL, 0.5).params), "arrays of weights and biases")

# %% [markdown]
# Forward and backward through a whole network are two loops. Forward, each layer takes what the one before it gives, and the caches
# are kept in a list. Backward goes through the same list from its end: each layer takes a `dout` and gives a `dx`, and *that dx is
# the dout of the layer before*.
#
# On the way we can look at the gradient. One number for its size: the **root of the mean of the squares** (RMS), which is what a
# typical entry is, whichever its sign. Of $(3, -4)$ it is $\sqrt{(9 + 16)/2} \approx 3.54$.
#
# $$\text{rms}(\text{dx}) = \sqrt{\text{mean of } \text{dx}^2}$$
#
# ## Exercise 14.2: the gradient on its way
#
# | | |
# |---|---|
# | takes | `layers`, a list; `caches`, their caches in the same order; `dlogits`, the gradient of the last layer's output |
# | a layer | `layer.backward(dout, cache)` returns two things: `dx`, and a dict with the gradients of its weights, not needed here |
# | returns | a list of numbers, one for each layer, in the order of `layers`: the RMS of the layer's `dx` |
#
# `reversed(..)` walks through a list from its end, and `sizes[::-1]` is a list turned round.


# %% tags=["exercise-14.2"]
def gradient_sizes(layers, caches, dlogits):
    sizes = []
    dout = dlogits
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx, _ = layer.backward(dout, cache)
        size = ...
        sizes.append(size)
        dout = ...  # for the layer before
    in_order = ...
    return in_order


# %%
check("14.2", gradient_sizes)

# %%
sizes_here = learner("14.2", gradient_sizes)


def sizes_of(model):
    """The RMS of each layer's dx for 200 digits."""
    logits, caches = model.forward(x_digits[:200])
    dlogits = np.random.default_rng(1).standard_normal(logits.shape).astype(np.float32)  # whatever the loss may send
    return sizes_here(model.layers, list(caches), dlogits)


with style():
    figure, axes = panels(1, 2, size=(11, 4.2), sharey=True)
    for ax, functions, title in (axes[0], PLAIN, "Plain: out = body(x)"), (axes[1], RESIDUAL, "Residual: out = x + body(x)"):
        for scale, dash, marker in (0.5, "-", "o"), (0.75, "--", "s"), (1.0, ":", "^"):
            sizes = sizes_of(deep(functions, scale))[1:-1]  # the blocks
            ax.semilogy(range(1, 21), sizes, dash, marker=marker, markersize=5, label=f"weights × {scale:g}")
        ax.set(xlabel="block (1: nearest to the image)", title=title, xticks=(1, 5, 10, 15, 20))
        ax.grid(axis="y")
    axes[0].set_ylabel("RMS of the gradient, logarithmic")
    axes[0].legend(frameon=False, loc="lower right")
figure

# %% [markdown]
# Read from right to left, since that is how the gradient goes. In the plain network it changes by the same factor in each
# block: for weights of half the usual size that is about a quarter, and twenty blocks leave next to nothing. Only one size of the
# weights is right, and training moves away from it. In the residual network the gradient reaches block 1 with all sizes.
#
# With × 1 it *grows*: there a body is as strong as the shortcut, and each block makes the gradient about 1.4 times as large. So the
# bodies should start small. ResNets do that by a BatchNorm at the end of the body, whose $\gamma$ may even start as 0.
#
# ## Which one learns?
#
# The plain network may have × 0.5, like the residual one, and also the weights that suit it best, × 1.


# %%
def train(model, steps, lr=0.005, seed=0):
    rng, loss, optimizer = np.random.default_rng(seed), SoftmaxCrossEntropy(), Momentum(lr)
    losses = []
    for _ in range(steps):
        batch = rng.choice(len(x_digits), 50, replace=False)
        result = loss_and_grads(model, loss, x_digits[batch], labels[batch])
        optimizer.step(model.params, result.grads)
        losses.append(result.loss)
    return losses


steps = effort(200, fast=6)
networks = {
    "plain, × 0.5": (deep(PLAIN, 0.5), ":"),
    "plain, × 1": (deep(PLAIN, 1.0), "--"),
    "residual, × 0.5": (deep(RESIDUAL, 0.5), "-"),
}
with style():
    figure, ax = panels(size=(9, 4))
    for name, (model, dash) in networks.items():
        losses = np.convolve(train(model, steps), np.ones(5) / 5, mode="valid")  # the mean of five steps
        ax.plot(losses, dash, label=name)
    ax.axhline(np.log(10), color="grey", linewidth=1)
    ax.text(steps, np.log(10) + 0.05, "guessing: ln 10", ha="right", color="#555555")
    ax.set(xlabel="step", ylabel="training loss", ylim=(0, 3), title="Twenty blocks")
    ax.legend(frameon=False, loc="upper right", ncols=3)
figure

# %% [markdown]
# One plain network does not leave the line of those who guess; the other, with the best weights that there are, crawls. The residual
# one learns as if it were shallow, and it has not one number more to learn.
#
# ## Take a block out
#
# $(1+a)(1+b)\cdots$ says that there are many ways through the network, most of them through some of the bodies only. If that is
# so, a trained network should get over the loss of one body: half of the ways are still there. Try it, with a plain network
# beside it that is shallow enough to learn, four blocks.

# %%
test_images, test_labels, _ = digits("test", 1000)
x_test = prepare(test_images).reshape(len(test_images), -1)


def accuracy(layers):
    return (Sequential(*layers)(x_test).argmax(axis=1) == test_labels).mean()


shallow = deep(PLAIN, 1.0, blocks=4)
train(shallow, steps)
with style():
    figure, axes = panels(1, 2, size=(11, 3.8), sharey=True, width_ratios=[1, 3])
    for ax, model, title in (
        (axes[0], shallow, "plain, 4 blocks"),
        (axes[1], networks["residual, × 0.5"][0], "residual, 20 blocks"),
    ):
        layers = model.layers
        without = [accuracy(layers[:k] + layers[k + 1 :]) for k in range(1, len(layers) - 1)]
        ax.bar(range(1, len(without) + 1), [100 * share for share in without], color=viz.BLUE)
        ax.axhline(100 * accuracy(layers), color="black", linestyle="--", linewidth=1.5, label="with all blocks")
        ax.axhline(10, color="grey", linewidth=1)
        ax.set(title=title, xlabel="the block that is taken out", ylim=(0, 115), xticks=range(1, len(without) + 1))
    axes[0].set_ylabel("right in 1000 new digits, %")
    axes[1].legend(frameon=False, loc="upper right")
figure

# %% [markdown]
# Without one of its blocks the plain network is lost, near the 10 % of guessing: each block expects the very numbers that the one
# before it makes. The residual network gets over most losses; it is a crowd of short networks rather than one long one.
#
# ## In real ResNets
#
# The bodies are convolutions, each with a BatchNorm behind it. The library's `Residual(body)` is what you have written, for a body
# of any layers: run the body, add `x`; backward, add `dout` to the body's dx.
#
# Sometimes the body's output has another shape, more channels for instance. Then `x` can't be added as it is, and the shortcut gets
# a layer of its own, mostly a convolution with a 1 × 1 window: $\text{out} = \text{body}(x) + \text{shortcut}(x)$. Nothing changes in
# principle: two ways, so
#
# $$\text{dx} = \text{dx}_\text{body} + \text{dx}_\text{shortcut}$$
#
# where the shortcut is nothing but $x$ itself its dx is `dout`, which is our case. The judge of lesson 3, on such a block:

# %%
rng = np.random.default_rng(0)
body = Sequential(
    Conv2d(2, 3, 3, pad=1, rng=rng),
    BatchNorm2d(3),
    ReLU(),
    Conv2d(3, 3, 3, pad=1, rng=rng),
    BatchNorm2d(3),
)
gradient_check(Residual(body, shortcut=Conv2d(2, 3, 1, rng=rng)), shape=(2, 2, 5, 4))

# %% [markdown]
# All gradients agree, those of the body, of the shortcut, and dx. (The bias of a convolution with a BatchNorm behind it has the gradient 0:
# [lesson 13](13_batchnorm_dropout_augmentation.ipynb) says why. The mean is taken off again.)
#
# In the paper there is a ReLU behind each addition; later it was found that the motorway is better left free, as in our blocks.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Say why gradients vanish: many factors; and why a sum helps: $(1+a)(1+b)$ begins with 1.
# - Write the backward pass of whatever branches and adds: a term for each way.
# - Measure the gradient at each depth, the first thing to do when a deep network does not learn.
#
# **Before** [lesson 13: BatchNorm, dropout, augmentation](13_batchnorm_dropout_augmentation.ipynb) · **Next** [lesson 15: looking
# inside](15_looking_inside.ipynb) · In the library: `Residual` in `scratchnet/layers/compose.py`; `scratchnet train --model resnet`
# trains one
#
# *Sources.* K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition", CVPR 2016, section 3; by the same,
# "Identity mappings in deep residual networks", ECCV 2016 (the free motorway). A. Veit, M. Wilber and S. Belongie, "Residual
# networks behave like ensembles of relatively shallow networks", NeurIPS 2016 (taking blocks out).
