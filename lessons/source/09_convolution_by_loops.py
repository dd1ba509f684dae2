# %% [markdown]
# # Lesson 9: Convolution by loops
#
# **The idea.** A small window of weights slides over the image, and at each place it asks the same question: *does what I
# see look like me?* All places share the same few weights. So each weight gets a gradient from every place it was used at,
# and these add up.
#
# **You need** the dense layer and its backward pass from [lesson 5](05_dense_and_relu.ipynb).
#
# **Time** about 60 minutes.
#
# **Afterwards you can** say how large a convolution's output is, compute one with pencil and paper, and write its forward and
# backward pass with nothing but loops and sums.

# %%
import numpy as np
from matplotlib.patches import Rectangle

from scratchnet import viz
from scratchnet.layers import Conv2d, Dense, Flatten, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.preprocess import prepare
from scratchnet_lessons import check, digits, effort, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## What a dense layer does not know
#
# Give a dense layer a digit, and then the same digit moved by three pixels. For you that is the same digit. For the layer it is
# something entirely new: each weight belongs to *one* pixel, and what it has learned there it does not know anywhere else.
# And it needs many weights. From 28 × 28 pixels to an image of 24 × 24 numbers:
#
# | | weights |
# |---|---|
# | dense: every output has a weight for every pixel | 24 · 24 · 28 · 28 = 451 584 |
# | convolution: one window of 5 × 5 weights, used at every place | 5 · 5 = 25 |
#
# An edge is an edge wherever it is. So let one small set of weights look for it everywhere: that is a **convolution**. Its set
# of weights is called a **filter** or a **kernel**.
#
# ## One place, by hand
#
# An image of 5 × 5 pixels, dark on the left (0) and bright on the right (1), and a filter of 3 × 3 weights: $-1$ on its left, $+1$
# on its right. Lay the filter on a corner of the image, multiply each weight with the pixel under it, and add up:

# %%
image = np.array([[0, 0, 1, 1, 1]] * 4 + [[0, 0, 0, 0, 1]], float)
edge = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], float)
for i, j in (0, 0), (0, 1), (0, 2):
    patch = image[i : i + 3, j : j + 3]
    products = " ".join(f"{w:g}·{p:g}" for w, p in zip(edge.ravel(), patch.ravel(), strict=True))
    print(f"rows {i} to {i + 2}, columns {j} to {j + 2}:  {products}  sum {(patch * edge).sum():g}")

# %% [markdown]
# Each sum is one number of the output. It is large where the image gets brighter from left to right, and 0 where nothing
# changes. Now slide the filter over the whole image:

# %%
answers = np.array([[(image[i : i + 3, j : j + 3] * edge).sum() for j in range(3)] for i in range(3)])


def draw_numbers(ax, numbers, title, colour=lambda i, j: "white"):
    rows, columns = numbers.shape
    for i, j in np.ndindex(rows, columns):
        ax.add_patch(Rectangle((j, i), 1, 1, facecolor=colour(i, j), edgecolor="#555555"))
        if np.isfinite(numbers[i, j]):
            ax.text(j + 0.5, i + 0.5, f"{numbers[i, j]:g}", ha="center", va="center", fontsize=13)
    ax.set(xlim=(-0.05, columns + 0.05), ylim=(rows + 0.05, -0.05), aspect="equal", title=title)
    ax.set_axis_off()


def draw_window(place):
    i, j = divmod(place, 3)
    so_far = np.where(np.arange(9).reshape(3, 3) <= place, answers, np.nan)
    with style():
        figure, axes = panels(1, 3, size=(10, 3.6), width_ratios=[5, 3, 3])
        draw_numbers(axes[0], image, "the image", lambda r, q: viz.SKY if 0 <= r - i < 3 and 0 <= q - j < 3 else "white")
        draw_numbers(axes[1], edge, "times the filter", lambda r, q: viz.SKY)
        draw_numbers(
            axes[2],
            so_far,
            f"is out[{i}, {j}] = {answers[i, j]:g}",
            lambda r, q: viz.ORANGE if (r, q) == (i, j) else "white",
        )
    return figure


frames(draw_window, range(9))

# %% [markdown]
# Drag the slider, and check two or three of the numbers with pencil and paper. In the last row of windows the edge is weaker,
# since the image's lowest row begins to be bright further to the right.
#
# ## How large is the output?
#
# A window of 3 fits on a row of 5 at **three** places: it can begin at 0, 1 or 2. In general a window of $K$ on a row of $H$ begins at
# $0, 1, \ldots, H - K$, and those are $H - K + 1$ places. Two settings change that:
#
# - **stride**: how far the window moves from one place to the next. With stride $s$ it begins at $0, s, 2s, \ldots$ as long as it
#   still fits.
# - **pad**: so many zeros are laid around the image first, on *both* sides, so that the window can also stand on the rim. The row
#   is then $H + 2\,\text{pad}$ long.
#
# By hand: $H = 7$, $K = 3$, stride 2, pad 1. The padded row has $7 + 2 = 9$ pixels, numbered 0 to 8. The window begins at 0, 2, 4 and 6
# (6, 7, 8: it just fits), so there are **4** places. If $H$ were 8, the padded row would have 10 pixels; a window at 8 would want
# pixel 10, which is not there, so it is 4 places again, and the last pixel is never seen. Hence the rounding *down*, which is
# written $\lfloor \cdot \rfloor$:

# %%
with style():
    figure, axes = panels(1, 3, size=(11, 2.9))
    for ax, (size, kernel, step, pad) in zip(axes, [(7, 3, 1, 0), (7, 3, 2, 1), (8, 3, 2, 1)], strict=True):
        total = size + 2 * pad
        for r in range(total):
            inside = pad <= r < pad + size
            ax.add_patch(Rectangle((r, -1), 1, 1, facecolor=viz.PALE if inside else "white", edgecolor="#555555"))
            ax.text(r + 0.5, -0.5, str(r), ha="center", va="center", fontsize=11)
        begins = range(0, total - kernel + 1, step)
        for n, r in enumerate(begins):
            ax.add_patch(Rectangle((r + 0.08, 0.3 + 0.75 * n), kernel - 0.16, 0.5, facecolor=viz.SKY, edgecolor="#555555"))
        ax.set(xlim=(-0.1, 10.1), ylim=(5.0, -1.2), title=f"H {size}, window {kernel}, stride {step}, pad {pad}")
        ax.text(0, 4.75, f"{len(begins)} places", fontsize=13)
        ax.set_axis_off()
figure

# %% [markdown]
# White squares are padding, each blue bar is one place of the window.
#
# ## Exercise 9.1: how many places?
#
# | | |
# |---|---|
# | formula | $\left\lfloor \dfrac{\text{size} + 2\,\text{pad} - \text{kernel}}{\text{stride}} \right\rfloor + 1$ |
# | takes | `size`, the image's height or width; `kernel`, that of the window; `stride` and `pad`: four whole numbers |
# | returns | the number of places along that axis, a whole number; Python rounds a division down with `//` |


# %% tags=["exercise-9.1"]
def places(size, kernel, stride, pad):
    return ...


# %%
check("9.1", places)

# %%
places_here = learner("9.1", places)
print(places_here(5, 3, 1, 0), places_here(7, 3, 2, 1), places_here(8, 3, 2, 1))

# %% [markdown]
# ## Channels and filters
#
# An image may have several **channels**, for example red, green and blue. Then a filter has a window of weights *for each
# channel*, and the sum runs over all of them: from three channels comes **one** number. And a layer has several **filters**, each
# of which makes an image of its own; these are the channels of the output. Every filter has a bias, as every output of a dense
# layer had. The names, for good:
#
# | | |
# |---|---|
# | `x` (N, C, H, W) | N images of C channels, H rows and W columns |
# | `w` (F, C, KH, KW) | F filters; each has KH × KW weights for each channel |
# | `b` (F,) | a bias for each filter |
# | `out` (N, F, OH, OW) | one number for each image, filter and place of the window |
# | `stride`, `pad` | two numbers each, (down, across): $\text{sh}, \text{sw}$ and $\text{ph}, \text{pw}$; `xpad` is the image with the zeros around it |
#
# $$\text{out}_{nfij} = b_f + \sum_{c,\,a,\,b} \text{xpad}_{n,\;c,\;i \cdot \text{sh} + a,\;j \cdot \text{sw} + b} \; w_{fcab}$$
#
# $(i, j)$ is the place of the window, so its corner lies on pixel $(i \cdot \text{sh},\; j \cdot \text{sw})$. $(a, b)$ is the place *inside* of the window, and $c$
# the channel. (The index $b$ has nothing to do with the bias $b_f$.)
#
# As code: the pixels under the window are the **patch**, and a slice cuts it out of the image, all channels at once. A slice
# `start : stop` begins at the corner and ends KH rows, or KW columns, later. The patch then has the shape (C, KH, KW), which is that
# of one filter `w[f]`: multiply entry by entry, and sum all.
#
# ## Exercise 9.2: the convolution, forward
#
# | | |
# |---|---|
# | formula | the one above |
# | takes | `x` (N, C, H, W), `w` (F, C, KH, KW), `b` (F,); `stride` and `pad`, each a pair (down, across) |
# | returns | `out` (N, F, OH, OW), and a cache |
# | missing | `patch` (C, KH, KW), the pixels under the window at place `(i, j)`; and `answer`, the output number there |


# %% tags=["exercise-9.2"]
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (sh, sw), (ph, pw) = stride, pad
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = places_here(H, KH, sh, ph), places_here(W, KW, sw, pw)
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))  # (N, C, H + 2 ph, W + 2 pw)
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                patch = ...
                for f in range(F):
                    answer = ...
                    out[n, f, i, j] = answer
    return out, (xpad, w, stride, pad)


# %%
check("9.2", conv_forward)

# %%
forward_here = learner("9.2", conv_forward)
out, _ = forward_here(image.reshape(1, 1, 5, 5), edge.reshape(1, 1, 3, 3), np.zeros(1))
print(out[0, 0])

# %% [markdown]
# The numbers of the slider.
#
# ## What filters see
#
# Four filters made by hand, on one digit. Orange is positive, blue is negative.

# %%
images, labels, source = digits("train", 1000)
by_hand = {
    "left to right": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "top to bottom": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "rising stroke": [[-1, 0, 2], [0, 0, 0], [2, 0, -1]],
    "blur": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
}
filters = np.array(list(by_hand.values()), float)[:, None]  # (4, 1, 3, 3)
digit = images[labels == 2][0]  # (28, 28)
seen = forward_here(digit[None, None] / 255, filters, np.zeros(4), pad=(1, 1))[0][0]  # (4, 28, 28)
with style():
    figure, axes = panels(2, 5, size=(11, 4.6))
    axes[0, 0].set_axis_off()
    axes[1, 0].imshow(digit, cmap="gray")
    axes[1, 0].set_title("the digit")
    for k, name in enumerate(by_hand):
        axes[0, k + 1].imshow(filters[k, 0], cmap=viz.SIGNS, vmin=-2, vmax=2)
        axes[0, k + 1].set_title(name)
        axes[1, k + 1].imshow(seen[k], cmap=viz.SIGNS, vmin=-np.abs(seen[k]).max(), vmax=np.abs(seen[k]).max())
    for ax in axes.ravel():
        ax.set_axis_off()
figure

# %% [markdown]
# *Left to right* is positive on the left rim of each stroke, where the image gets brighter, and negative on the right rim. And
# because all places share the filter, a digit that moves takes its answers along:

# %%
moved = np.roll(digit, (2, 3), axis=(0, 1))  # two down, three to the right
there = forward_here(moved[None, None] / 255, filters, np.zeros(4), pad=(1, 1))[0][0]
print(
    "answers for the moved digit = moved answers:",
    np.allclose(there[:, 4:-4, 4:-4], np.roll(seen, (2, 3), (1, 2))[:, 4:-4, 4:-4]),
)

# %% [markdown]
# ## Backward: what one output number gives back
#
# As always the loss sends us `dout`, of the shape of `out`, and we owe a gradient to each argument: `dx`, `dw` and `db`. In lesson 5 we
# asked for one number which outputs it reaches. Here it is easier to stand at *one output number* and ask what **it** depends on.
# It is a dense layer with a single output, whose inputs are the pixels of its patch:
#
# $$\text{out}_{nfij} = b_f + \text{patch} \cdot w_f$$
#
# So, with $g = \text{dout}_{nfij}$ (one number), this output alone would give
#
# | to | slope | so it gets | shape |
# |---|---|---|---|
# | the filter's bias | 1 | $g$ | a number |
# | the filter | the patch | $g \cdot \text{patch}$ | (C, KH, KW) |
# | the patch | the filter | $g \cdot w_f$ | (C, KH, KW) |
#
# And all output numbers do so. A weight is used at *every* place, in *every* image; a pixel lies under *several* windows, and
# every filter looks at it. Whatever is used several times gets the **sum** of all its gradients. That is all there is to it: the
# same loops as forward, and three `+=`.
#
# By hand, in a single row: pixels $x = (1, 2, 3)$, filter $w = (10, 20)$, so there are two places. Let $\text{dout} = (1, 2)$.
#
# | | place 0 sees $(x_0, x_1)$, $g = 1$ | place 1 sees $(x_1, x_2)$, $g = 2$ | sum |
# |---|---|---|---|
# | to the bias | 1 | 2 | $\text{db} = 3$ |
# | to the filter | $1 \cdot (1, 2) = (1, 2)$ | $2 \cdot (2, 3) = (4, 6)$ | $\text{dw} = (5, 8)$ |
# | to the pixels | $1 \cdot (10, 20)$, to $x_0, x_1$ | $2 \cdot (10, 20)$, to $x_1, x_2$ | $\text{dx} = (10,\; 20 + 20,\; 40)$ |
#
# $x_1$ lies under both windows, and is the only one with two terms.

# %%
pixel = (2, 1)
with style():
    figure, axes = panels(1, 4, size=(12, 3.4))
    draw_numbers(axes[0], np.full((3, 3), np.nan), "this weight ...", lambda r, q: viz.BLUE if (r, q) == (0, 1) else "white")
    draw_numbers(
        axes[1],
        np.full((5, 5), np.nan),
        "... meets all of these pixels",
        lambda r, q: viz.SKY if r < 3 and 1 <= q < 4 else "white",
    )
    draw_numbers(axes[2], np.full((5, 5), np.nan), "this pixel ...", lambda r, q: viz.BLUE if (r, q) == pixel else "white")
    draw_numbers(
        axes[3],
        np.full((3, 3), np.nan),
        "... reaches all of these outputs",
        lambda r, q: viz.ORANGE if 0 <= pixel[0] - r < 3 and 0 <= pixel[1] - q < 3 else "white",
    )
figure

# %% [markdown]
# As formulas, if you collect all that one number gets:
#
# $$\text{db}_f = \sum_{n,i,j} \text{dout}_{nfij} \qquad
# \text{dw}_{fcab} = \sum_{n,i,j} \text{dout}_{nfij}\; \text{xpad}_{n,\;c,\;i \cdot \text{sh} + a,\;j \cdot \text{sw} + b}$$
#
# $$\text{dxpad}_{n,c,r,q} = \sum \text{dout}_{nfij}\; w_{fcab} \quad\text{over all } f, i, j, a, b \text{ with } i \cdot \text{sh} + a = r \text{ and } j \cdot \text{sw} + b = q$$
#
# The last one looks worst and is the same thing: pixel $(r, q)$ gets a term from each window entry that lay on it. Nobody has to
# search for these windows. Walk through all places, and let each give to its own pixels.
#
# One thing is left. The zeros around the image were not `x`'s, so nobody wants their gradient: `dx` is what lies in the middle of
# `dxpad`. At which row does the image begin in there?
#
# ## Exercise 9.3: the convolution, backward
#
# | | |
# |---|---|
# | takes | `dout` (N, F, OH, OW), and the cache of `conv_forward` |
# | returns | `dx` (N, C, H, W), `dw` (F, C, KH, KW), `db` (F,) |
# | missing | three lines in the innermost loop, which add to `db`, `dw` and `dxpad` what `g` gives them; and `dx`, cut out of `dxpad` |
#
# A slice can stand on the left of `+=` as well: `dxpad[n, :, 0:3, 0:3] += ...` adds to these pixels.


# %% tags=["exercise-9.3"]
def conv_backward(dout, cache):
    xpad, w, (sh, sw), (ph, pw) = cache
    (N, F, OH, OW), (_, C, KH, KW) = dout.shape, w.shape
    H, W = xpad.shape[2] - 2 * ph, xpad.shape[3] - 2 * pw
    dxpad, dw, db = np.zeros_like(xpad), np.zeros_like(w), np.zeros(F, w.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    g = dout[n, f, i, j]
                    # here: what g gives to db, to dw and to dxpad
    dx = ...
    return dx, dw, db


# %%
check("9.3", conv_backward)

# %%
backward_here = learner("9.3", conv_backward)
row, weights = np.array([[[[1.0, 2.0, 3.0]]]]), np.array([[[[10.0, 20.0]]]])
_, cache = forward_here(row, weights, np.zeros(1))
dx, dw, db = backward_here(np.array([[[[1.0, 2.0]]]]), cache)
print("dx", dx.ravel(), " dw", dw.ravel(), " db", db)

# %% [markdown]
# The numbers of the table.
#
# ## The gradient of a convolution is a convolution
#
# Look at $\text{dx}$ once more, at stride 1. A pixel gets `dout` of the window that *begins* on it, times the filter's first weight; `dout`
# of the window one place *before*, times the *second* weight; and so on. So it sees `dout` through a window, too, and the weights
# run **backwards**: a filter turned by 180 degrees. The library computes `dx` that way. Try it: pad `dout` by KH - 1 and KW - 1 so that
# every pixel gets its windows, turn the filter, exchange the roles of channels and filters, and slide:

# %%
rng = np.random.default_rng(0)
x, w, b = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(4)
out, cache = forward_here(x, w, b)
dout = rng.standard_normal(out.shape)
dx, _, _ = backward_here(dout, cache)
turned = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)  # (C, F, KH, KW)
again, _ = forward_here(dout, turned, np.zeros(3), pad=(2, 1))
print("largest difference", f"{np.abs(dx - again).max():.0e}")

# %% [markdown]
# (In mathematics "convolution" is the name of the operation with the turned filter, and what we do forward is called
# *cross-correlation*. Everybody in this field says convolution.)
#
# ## A network that learns its own filters
#
# Nobody designs filters by hand any more. Here are four that start as random numbers, with 5 × 5 weights, stride 4, and then a ReLU
# and a dense layer. Both convolution functions are those of this lesson.

# %%
conv = Conv2d(1, 4, 5, stride=4, pad=2, rng=rng, functions=(forward_here, backward_here))  # 28 x 28 -> 7 x 7
model = Sequential(conv, ReLU(), Flatten(), Dense(4 * 7 * 7, 10, rng=rng))
loss = SoftmaxCrossEntropy()
test_images, test_labels, _ = digits("test", effort(300, fast=20))
x_train, x_test = prepare(images), prepare(test_images)
before = conv.params["w"].copy()
losses = []
for _ in range(effort(250, fast=4)):
    batch = rng.choice(len(images), 20, replace=False)
    logits, cache = model.forward(x_train[batch])
    value, loss_cache = loss.forward(logits, labels[batch])
    losses.append(value)
    _, grads = model.backward(loss.backward(1.0, loss_cache), cache)
    for name, array in model.params.items():
        array -= 0.05 * grads[name]

right = (model(x_test).argmax(axis=1) == test_labels).mean()
print(
    f"{source} digits: loss {losses[0]:.2f} before, {np.mean(losses[-20:]):.2f} after; {right:.0%} of {len(x_test)} new ones are right"
)

# %%
with style():
    figure, axes = panels(2, 6, size=(12, 3.8), width_ratios=[3.2, 0.5, 1, 1, 1, 1])
    curve = figure.add_subplot(axes[0, 0].get_gridspec()[:, 0])
    for ax in axes[:, :2].ravel():
        ax.remove()
    curve.plot(losses)
    curve.set(xlabel="step", ylabel="loss", ylim=(0, None), title="The loss goes down")
    largest = max(np.abs(before).max(), np.abs(conv.params["w"]).max())
    for k in range(4):
        for ax, weights, when in (axes[0, k + 2], before, "before"), (axes[1, k + 2], conv.params["w"], "after"):
            ax.imshow(weights[k, 0], cmap=viz.SIGNS, vmin=-largest, vmax=largest)
            ax.set_title(f"filter {k} {when}", fontsize=11)
            ax.set_axis_off()
figure

# %% [markdown]
# One guess in ten would be right by chance. Filters that start at random are changed by the gradients of all their places
# together; within so few steps that is little to see. It works, and it is slow: each of these steps walks through 20 · 7 · 7 · 4 = 3920
# output numbers twice, in Python, and real trainings have thousands of steps on larger layers. The next lesson replaces all of
# these loops by a single matrix product.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Say why an image wants shared weights, and how many a layer has.
# - Count the places of a window, with stride and padding.
# - Compute a convolution and all three of its gradients by hand, for a small row.
# - Walk a forward pass's loops again and let each output number give back what it has used.
#
# **Before** [lesson 8: optimizers](08_optimizers.ipynb) · **Next** [lesson 10: im2col and col2im](10_im2col_and_col2im.ipynb), the
# same in one matrix product · In the library: `scratchnet/layers/conv.py`, which is tested against loops as plain as yours
#
# *Sources.* Y. LeCun et al., "Gradient-based learning applied to document recognition", *Proceedings of the IEEE* 1998, section
# II. K. Fukushima, "Neocognitron", *Biological Cybernetics* 1980 (the same features everywhere). V. Dumoulin and F. Visin, "A
# guide to convolution arithmetic for deep learning", arXiv 1603.07285 (sizes, strides, padding).
