# %% [markdown]
# # Lesson 13: BatchNorm, dropout, augmentation
#
# **The idea.** Three helpers that act in training only. BatchNorm gives each unit mean 0 and variance 1 over the batch; since
# the mean and the variance are *computed from the input*, they have a gradient too, and that is what makes its backward pass
# interesting. Dropout switches units off at random, augmentation changes the images at random, and both keep a network from
# learning its training images by heart.
#
# **You need** the backward pass of a dense layer from [lesson 5](05_dense_and_relu.ipynb), and the training loop of
# [lesson 7](07_training.ipynb).
#
# **Time** about 60 minutes.
#
# **Afterwards you can** derive the backward pass of anything that normalises, write dropout so that nothing has to change in
# evaluation, and see in two curves whether a network learns by heart.

# %%
import numpy as np

from scratchnet import viz
from scratchnet.augment import Augmentation
from scratchnet.engine import Engine, loss_and_grads
from scratchnet.init import he_normal
from scratchnet.layers import BatchNorm1d, BatchNorm2d, Conv2d, Dense, Dropout, Flatten, MaxPool2d, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.optim import Momentum, constant
from scratchnet.preprocess import prepare
from scratchnet.train import evaluate, train_epochs, train_steps
from scratchnet_lessons import check, digits, effort, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## Values that die on the way
#
# Eight dense layers with a ReLU after each, 64 units wide. The weights are drawn at random, but a little too small: half of what
# they should be. Each layer then makes its input half as large, and eight layers make it $2^8 = 256$ times smaller.

# %%
images, labels, source = digits("train", 1000)
x_digits = prepare(images).reshape(len(images), -1)  # (1000, 784)
DEPTH = 8


def deep(scale, norm=None, seed=0):
    """Dense, (norm,) ReLU, eight times, and a dense layer to ten scores; weights ``scale`` times the usual ones."""
    rng = np.random.default_rng(seed)
    layers, width = [], 784
    for _ in range(DEPTH):
        layers.append(Dense(width, 64, rng=rng, init=lambda rng, shape: scale * he_normal(rng, shape)))
        layers += [norm(64)] if norm else []
        layers.append(ReLU())
        width = 64
    return Sequential(*layers, Dense(64, 10, rng=rng))


def draw_histograms(rows):
    """What goes into the ReLU of layers 1, 3, 5 and 8: a row for each network."""
    with style():
        figure, axes = panels(len(rows), 4, size=(11, 2.4 * len(rows) + 0.2), sharex=True, squeeze=False)
        for (name, model), cells in zip(rows.items(), axes, strict=True):
            before = []

            def look(x, before=before, model=model):
                for layer in model.layers:
                    if isinstance(layer, ReLU):
                        before.append(x)
                    x, _ = layer.forward(x, train=True)

            look(x_digits[:200])
            for ax, i in zip(cells, (0, 2, 4, 7), strict=True):
                ax.hist(np.clip(before[i], -3.5, 3.5).ravel(), bins=71, range=(-3.5, 3.5), color=viz.BLUE)
                ax.set(title=f"layer {i + 1}: std {before[i].std():.3f}", yticks=[], xlim=(-3.6, 3.6))
            cells[0].set_ylabel(name)
        for ax in axes[-1]:
            ax.set_xlabel("value before ReLU")
    return figure


draw_histograms({"weights half as large": deep(0.5)})

# %% [markdown]
# In layer 8 all values are nearly 0, whatever the digit. The ten scores hardly depend on the image any more, and on the way
# back the gradient meets the same weights and dies as well. With weights too large it is the other way round: values explode.
#
# One can draw the weights with more care (the usual ones are made so that the size is kept). But they *change* in training. The
# alternative: measure how large the values are, and put it right, in every layer and at every step.
#
# ## Normalise
#
# A layer's values for one batch are `x` (N, D): N rows of the batch, D units. Take one unit, that is, one *column*: N numbers.
# Subtract their mean and divide by their standard deviation, and they have mean 0 and variance 1, whatever they were.
#
# One column by hand, $x = (1, 5, 3)$. The mean is 3, so what is left is $(-2, 2, 0)$. The variance is the mean of the squares,
# $(4 + 4 + 0)/3 = 2.667$, its root is $1.633$, and $\hat x = (-1.225,\ 1.225,\ 0)$.
#
# $$\mu_d = \frac1N \sum_n x_{nd} \qquad \sigma^2_d = \frac1N \sum_n (x_{nd} - \mu_d)^2 \qquad
# \hat x_{nd} = \frac{x_{nd} - \mu_d}{\sqrt{\sigma^2_d + \varepsilon}} \qquad \text{out}_{nd} = \gamma_d\, \hat x_{nd} + \beta_d$$
#
# Two things are new there. $\varepsilon$ (`eps`), a tiny number such as $10^{-5}$, keeps us from dividing by 0 where all of a column is
# equal; it stands *inside* of the root. And $\gamma$ and $\beta$, one number each for every unit, are learned like weights: a
# network that would rather have another mean and spread can choose them. They start as 1 and 0.
#
# In NumPy `x.mean(axis=0)` goes *along* axis 0, down the column, and gives one number a column, shape (D,). `x.var(axis=0)`
# likewise, and it divides by N as our formula does. Arithmetic between (N, D) and (D,) works row by row.
#
# ## Exercise 13.1: BatchNorm, forward
#
# | | |
# |---|---|
# | formula | $\hat x = (x - \mu) \,/\, \sqrt{\sigma^2 + \varepsilon}$, column by column; $\text{out} = \gamma \hat x + \beta$ |
# | takes | `x` (N, D), `gamma` (D,), `beta` (D,), `eps`, a number |
# | returns | `out` (N, D), and the cache `(xhat, gamma, inv_std)` |
# | missing | `inv_std` (D,), which is $1/\sqrt{\sigma^2 + \varepsilon}$; `xhat` (N, D); `out` |


# %% tags=["exercise-13.1"]
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = ...
    xhat = ...
    out = ...
    return out, (xhat, gamma, inv_std)


# %%
check("13.1", batch_norm_forward)

# %%
forward_here = learner("13.1", batch_norm_forward)
column = np.array([[1.0], [5.0], [3.0]])
print(forward_here(column, np.ones(1), np.zeros(1))[0].ravel())  # as by hand

# %% [markdown]
# ## Backward: the statistics move, too
#
# `dout` (N, D) arrives. $\gamma_d$ and $\beta_d$ reach every row of their column, $\gamma_d$ multiplied by $\hat x_{nd}$:
#
# $$\text{dgamma}_d = \sum_n \text{dout}_{nd}\, \hat x_{nd} \qquad \text{dbeta}_d = \sum_n \text{dout}_{nd} \qquad
# \text{dxhat}_{nd} = \text{dout}_{nd}\, \gamma_d$$
#
# That was lesson 5. Now from $\hat x$ to $x$. It is tempting to say: $\hat x$ is $x$ divided by the standard deviation, so divide
# the gradient by it as well. Try that on the smallest batch that there is, **two** rows. Take $x = (1, 3)$: mean 2, standard
# deviation 1, so $\hat x = (-1, 1)$. Take $x = (1, 5)$: mean 3, standard deviation 2, and again $\hat x = (-1, 1)$! With two rows
# the output is *always* $(-1, 1)$ or $(1, -1)$ ($\varepsilon$ apart). However you move $x$, nothing moves. The gradient is **0**, and what was
# tempting is wrong. It forgets that $x_n$ reaches the output in three ways: directly, through the mean, and through the
# standard deviation.
#
# We take the two steps of the forward pass one at a time. One column, N rows, indices $n$ and $k$ for rows.
#
# **Step 1, centring:** $c_k = x_k - \mu$. How does $x_n$ reach $c_k$? Its own, with slope 1; and through the mean *all* of them, with
# slope $-\frac1N$. Add up, as always:
#
# $$\text{dx}_n = \text{dc}_n - \frac1N \sum_k \text{dc}_k$$
#
# Centring forward is centring backward: the mean of the gradient is taken off.
#
# **Step 2, scaling:** $\hat x_k = s\, c_k$ with $s = (\sigma^2 + \varepsilon)^{-1/2}$ and $\sigma^2 = \frac1N \sum_k c_k^2$. How does $c_n$ reach $\hat x_k$? Its own
# directly, with slope $s$; and through $s$ all of them. By how much does $s$ grow when $c_n$ does? The chain rule:
#
# $$\frac{\partial s}{\partial c_n} = -\tfrac12 (\sigma^2 + \varepsilon)^{-3/2} \cdot \frac{2 c_n}{N} = -\frac{s^3 c_n}{N} = -\frac{s^2\, \hat x_n}{N}$$
#
# (the last step puts $\hat x_n$ for $s\, c_n$.) And $\hat x_k = s\, c_k$ grows by $c_k$ times that, which is $-\frac{s}{N} \hat x_k \hat x_n$. Add up over all $k$:
#
# $$\text{dc}_n = s \Big( \text{dxhat}_n - \hat x_n \cdot \frac1N \sum_k \text{dxhat}_k\, \hat x_k \Big)$$
#
# **Together.** Put step 2 into step 1. The mean of dc is $s$ times the mean of dxhat, as the mean of $\hat x$ is 0. So
#
# $$\text{dx}_{nd} = s_d \Big( \text{dxhat}_{nd} - \underbrace{\frac1N \sum_k \text{dxhat}_{kd}}_{\text{through the mean}}
# - \hat x_{nd} \cdot \underbrace{\frac1N \sum_k \text{dxhat}_{kd}\, \hat x_{kd}}_{\text{through the variance}} \Big)$$
#
# The two rows again, with $\gamma = 1$, $s = 1$, $\hat x = (-1, 1)$ and $\text{dout} = (1, 0)$. The mean of dxhat is $\frac12$; the mean of
# $\text{dxhat} \cdot \hat x$ is $-\frac12$. So $\text{dx}_1 = 1 - \frac12 - (-1)(-\frac12) = 0$, and $\text{dx}_2 = 0 - \frac12 - (1)(-\frac12) = 0$. As it must be.
#
# ## What is left of the gradient
#
# Two things can be done to a column without any effect on the output: add the same number to all of it, and make it wider
# about its mean. A gradient that asks for either asks in vain. The formula takes just these two parts away:

# %%
rng = np.random.default_rng(2)
x_column = rng.standard_normal((8, 1))
_, (xhat_column, _, _) = forward_here(x_column, np.ones(1), np.zeros(1))
dout_column = rng.standard_normal((8, 1)) + 0.6 + 0.6 * xhat_column
through_mean = np.full((8, 1), dout_column.mean())
through_variance = xhat_column * (dout_column * xhat_column).mean()
parts = {
    "dxhat, what arrives": dout_column,
    "− its mean": -through_mean,
    "− its part along xhat": -through_variance,
    "= what is left": dout_column - through_mean - through_variance,
}
with style():
    figure, axes = panels(1, 4, size=(12, 3), sharey=True)
    for ax, (name, values), colour in zip(axes, parts.items(), (viz.BLUE, viz.ORANGE, viz.ORANGE, viz.GREEN), strict=True):
        ax.bar(range(8), values.ravel(), color=colour)
        ax.axhline(0, color="black", linewidth=1)
        ax.set(title=name, xlabel="row n of the batch", xticks=range(8))
    axes[0].set_ylabel("gradient of one column")
figure

# %% [markdown]
# So there are two checks that you can make by eye, in each column of a right `dx`: its sum is 0, and its product with $\hat x$ sums
# to 0.
#
# ## Exercise 13.2: BatchNorm, backward
#
# | | |
# |---|---|
# | formulas | dgamma, dbeta and dx as above; $s$ is `inv_std`, and $\frac1N\sum_k$ is `.mean(axis=0)` |
# | takes | `dout` (N, D), and the cache `(xhat, gamma, inv_std)`: (N, D), (D,), (D,) |
# | returns | `dx` (N, D), `dgamma` (D,), `dbeta` (D,) |


# %% tags=["exercise-13.2"]
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = ...
    dbeta = ...
    dxhat = ...
    dx = ...
    return dx, dgamma, dbeta


# %%
check("13.2", batch_norm_backward)

# %%
backward_here = learner("13.2", batch_norm_backward)
_, cache = forward_here(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1))
print(backward_here(np.array([[1.0], [0.0]]), cache)[0].ravel())  # two rows: nearly 0

# %% [markdown]
# ## One image is no batch
#
# In evaluation there may be a single image, and its answer must not depend on who else is in the batch. So while it trains
# the layer keeps **running statistics**, one mean and one variance for each unit, moved a tenth of the way towards the
# batch's at each step:
#
# $$\text{running} \leftarrow 0.9 \cdot \text{running} + 0.1 \cdot \text{the batch's}$$
#
# In evaluation these stand in the place of the batch's, and are *constants*: then `dx = dout * gamma * inv_std` is right, what was
# tempting above. The layer `BatchNorm1d` does this bookkeeping; the mathematics is yours:


# %%
def forward_both(x, gamma, beta, eps=1e-5, mean=None, var=None):
    if mean is None:
        return forward_here(x, gamma, beta, eps)  # training: the batch's own statistics
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, None


def my_norm(features):
    return BatchNorm1d(features, functions=(forward_both, backward_here))


draw_histograms({"without": deep(0.5), "with BatchNorm": deep(0.5, my_norm)})

# %% [markdown]
# The same weights, half as large as they should be; with BatchNorm each layer's values have the same spread. Now train: three
# times without and three times with it, from weights of three sizes.


# %%
def train(model, steps, lr=0.05, seed=0):
    rng, loss, optimizer = np.random.default_rng(seed), SoftmaxCrossEntropy(), Momentum(lr)
    losses = []
    for _ in range(steps):
        batch = rng.choice(len(x_digits), 50, replace=False)
        result = loss_and_grads(model, loss, x_digits[batch], labels[batch])
        optimizer.step(model.params, result.grads)
        model.update_state(result.observed)  # the running statistics
        losses.append(result.loss)
    return losses


steps = effort(150, fast=8)
with style():
    figure, axes = panels(1, 2, size=(11, 4), sharey=True)
    for ax, norm, title in (axes[0], None, "Without BatchNorm"), (axes[1], my_norm, "With BatchNorm"):
        for scale, dash in (0.25, "-"), (0.5, "--"), (1.0, ":"):
            losses = train(deep(scale, norm), steps)
            smooth = np.convolve(losses, np.ones(5) / 5, mode="valid")  # the mean of five steps
            ax.plot(smooth, dash, label=f"weights × {scale:g}")
        ax.axhline(np.log(10), color="grey", linewidth=1)
        ax.set(xlabel="step", title=title, ylim=(0, 3))
        ax.legend(frameon=False, loc="lower left" if norm is None else "center right")
    axes[0].set_ylabel("training loss")
    axes[0].text(steps, np.log(10) + 0.07, "guessing: ln 10", ha="right", color="#555555")
figure

# %% [markdown]
# On the left all depends on how the weights were drawn; on the right the three curves are nearly one.
#
# **For images** BatchNorm normalises each *channel*, over all images and all pixels: `x` (N, C, H, W) has N·H·W values for each
# channel. Nothing new has to be derived: make every pixel a row and every channel a column. This is how one checks the
# library's `BatchNorm2d` with our function:

# %%
maps = np.random.default_rng(3).standard_normal((4, 3, 5, 5))  # (N, C, H, W)
rows = maps.transpose(0, 2, 3, 1).reshape(-1, 3)  # (N*H*W, C)
ours, _ = forward_here(rows, np.ones(3), np.zeros(3))
theirs, _ = BatchNorm2d(3).forward(maps, train=True)
print("apart by", f"{np.abs(ours.reshape(4, 5, 5, 3).transpose(0, 3, 1, 2) - theirs).max():.0e}")

# %% [markdown]
# ## Dropout
#
# A network with many weights and few images can learn the images by heart: a unit that answers to one smudge in one image is
# worth something in training, and nothing afterwards. **Dropout** makes that hard. In each training step each value is set to
# 0 with probability $p$, drawn anew, so no unit can rely on another one being there.
#
# In evaluation everything is there again. With $p = 0.5$ the next layer would suddenly get sums twice as large as it ever saw.
# So the values that stay are made larger in training, by the factor $\frac{1}{1-p}$; then their mean over all draws is right:
#
# $$\text{mean} = p \cdot 0 + (1 - p) \cdot \frac{x}{1-p} = x$$
#
# and in evaluation nothing at all has to be done. With $p = 0.2$, a value of 4 becomes 0 in one step out of five, and 5 in the
# others: the mean is $0.2 \cdot 0 + 0.8 \cdot 5 = 4$.
#
# In code both are one array, the **mask**: 0 where a value is dropped, $\frac1{1-p}$ where it stays. `rng.random(shape)` draws numbers
# between 0 and 1, each part of that range equally likely; such a number is below $p$ with probability $p$. So drop where
# `draw < p`, and keep where `draw >= p`.
#
# Backward: each output is its own input times a number of the mask. That number is the local slope, and **the same** mask has
# to be used again, which is why it is the cache.
#
# ## Exercise 13.3: dropout
#
# | | |
# |---|---|
# | formula | $\text{out} = x \cdot \text{mask}$, with $\text{mask} = 0$ where `draw < p`, else $\frac1{1-p}$; $\text{dx} = \text{dout} \cdot \text{mask}$ |
# | takes | forward: `x` of any shape, `p` from 0 to below 1, a generator `rng`; backward: `dout` like `x`, and the mask |
# | returns | forward: `out` like `x`, and the cache: the mask; backward: `dx` like `x` |


# %% tags=["exercise-13.3"]
def dropout_forward(x, p, rng):
    draw = rng.random(x.shape)
    mask = ...
    mask = mask.astype(x.dtype)  # float32 in, float32 out
    return x * mask, mask


def dropout_backward(dout, cache):
    mask = cache
    dx = ...
    return dx


# %%
check("13.3", dropout_forward, dropout_backward)

# %%
dropout_here = learner("13.3", (dropout_forward, dropout_backward))
seen = prepare(images[:1])[0, 0] - prepare(images[:1]).min()
rng = np.random.default_rng(4)
with style():
    figure, axes = panels(1, 5, size=(11, 2.6))
    shown = [dropout_here[0](seen, 0.5, rng)[0] for _ in range(1000)]
    for ax, image, title in zip(
        axes,
        (seen, *shown[:3], np.mean(shown, axis=0)),
        ("x", "out, p = 0.5", "drawn again", "and again", "mean of 1000"),
        strict=True,
    ):
        ax.imshow(image, vmin=0, vmax=2 * seen.max())
        ax.set_title(title)
        ax.set_axis_off()
figure

# %% [markdown]
# What stays is twice as bright, and the mean of many draws is the image itself.
#
# ## Augmentation
#
# The best remedy against learning by heart is more images. They can be made: a three that is shifted by two pixels, or turned
# by ten degrees, is still a three, but to the network it is 784 other numbers. `Augmentation` changes the training images at
# random, each time they come up. It has no gradient: it happens before the first layer, to the data.

# %%
augment = Augmentation(shift=2, rotation=10, scale=0.1, shear=0.1)
rng = np.random.default_rng(5)
with style():
    figure, axes = panels(2, 7, size=(11, 3.4))
    for row, ax_row in zip((0, 1), axes, strict=True):
        changed = augment(np.repeat(images[row : row + 1], 6, axis=0), rng)
        for ax, image, title in zip(ax_row, (images[row], *changed), ("as it is", *["changed"] * 6), strict=True):
            ax.imshow(image, vmin=0, vmax=255)
            ax.set_title(title if row == 0 else "", fontsize=11)
            ax.set_axis_off()
figure

# %% [markdown]
# What may be changed is knowledge about the task: nobody would mirror a 3, or turn a 6 by 180 degrees.
#
# ## Learning by heart, in two curves
#
# A small CNN, and only 200 training images. Four times the same training: as it is, with your dropout, with augmentation, and
# with both. On the left the loss on the training images (as they are shown, changed and with values missing), on the right on
# 1000 images that were never trained on.


# %%
def small_cnn(p):
    rng = np.random.default_rng(0)
    return Sequential(
        Conv2d(1, 8, 5, rng=rng),
        MaxPool2d(2),
        ReLU(),  # (8, 12, 12)
        Conv2d(8, 16, 3, rng=rng),
        MaxPool2d(2),
        ReLU(),  # (16, 5, 5)
        Flatten(),
        Dropout(p, functions=dropout_here),
        Dense(400, 10, rng=rng),
    )


few, few_labels = images[:200], labels[:200]
new, new_labels, _ = digits("test", 1000)
epochs = effort(40, fast=1)
runs = {}
for name, p, change in (
    ("as it is", 0.0, None),
    ("dropout 0.5", 0.5, None),
    ("augmentation", 0.0, augment),
    ("both", 0.5, augment),
):
    engine = Engine(small_cnn(p), SoftmaxCrossEntropy(), few, few_labels, prepare=prepare, augment=change)
    training = train_steps(engine, Momentum(0.01), epochs=epochs, batch_size=25, schedule=constant(0.01), seed=0)
    runs[name] = list(train_epochs(training, lambda engine=engine: evaluate(engine, new, new_labels)))

with style():
    figure, axes = panels(1, 2, size=(11, 4.2))
    for (name, run), dash in zip(runs.items(), ("-", "--", "-.", ":"), strict=True):
        axes[0].semilogy([epoch.epoch for epoch in run], [epoch.train_loss for epoch in run], dash, label=name)
        axes[1].plot([epoch.epoch for epoch in run], [epoch.val_loss for epoch in run], dash)
    axes[0].set(xlabel="epoch", ylabel="loss, logarithmic", title="200 training images")
    axes[1].set(xlabel="epoch", ylabel="loss", title="1000 new images", ylim=(0, None))
    axes[0].legend(frameon=False, loc="lower left")
figure

# %%
for name, run in runs.items():
    print(
        f"{name:13s} training loss {run[-1].train_loss:6.4f}   {run[-1].val_accuracy:.1%} of the new {source} digits are right"
    )

# %% [markdown]
# As it is, the training loss falls towards 0: after a while every image is known by heart, and what happens then helps nobody.
# The helpers make training *harder*, so their training loss is larger; the loss on new images is what counts. So watch both
# curves: if the left one is tiny and the right one no longer falls, or rises, the network learns by heart, and a helper is
# worth trying. If already the left one stays large, a helper makes it worse.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Derive the gradient of a normalisation: the statistics are paths, too.
# - Check a `dx` of BatchNorm by eye: its columns sum to 0, and so do their products with $\hat x$.
# - Say what is different in evaluation: running statistics, no dropout, no augmentation.
# - Recognise learning by heart, and know two remedies.
#
# **Before** [lesson 12: debugging](12_debugging.ipynb) · **Next** [lesson 14: ResNet](14_resnet.ipynb), which goes deeper still ·
# In the library: `scratchnet/layers/norm.py`, `dropout.py`, and `scratchnet/augment.py`
#
# *Sources.* S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015, algorithm 1. N. Srivastava et al., "Dropout: a simple way
# to prevent neural networks from overfitting", *JMLR* 2014. P. Simard, D. Steinkraus and J. Platt, "Best practices for
# convolutional neural networks", ICDAR 2003, section 2 (augmentation).
