# %% [markdown]
# # Lesson 10: im2col and col2im
#
# **The idea.** Copy every patch of the image into a column of its own. Then a convolution is *one matrix product*, which is
# what computers are fastest at. On the way back each patch returns its gradient to the pixels it was copied from, and where
# patches overlap the gradients **add**.
#
# **You need** the convolution of [lesson 9](09_convolution_by_loops.ipynb), and the backward pass of a matrix product from
# [lesson 5](05_dense_and_relu.ipynb). The network at the end learns to read digits as that of [lesson 7](07_training.ipynb) does.
#
# **Time** about 85 minutes.
#
# **Afterwards you can** write im2col and its backward pass, build a convolution of them, and say what it costs.

# %%
import time

import numpy as np
from matplotlib.patches import Rectangle

from scratchnet import viz
from scratchnet.layers import Conv2d, Dense, Flatten, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.preprocess import prepare
from scratchnet_lessons import check, digits, effort, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## What a convolution does, once more
#
# A filter is a small window of weights. It is laid on the image; each weight is multiplied with the pixel under it, and the
# sum is one number of the output. Then the window moves on. The names, as in lesson 9:
#
# | | |
# |---|---|
# | `x` (N, C, H, W) | N images of C channels, H rows and W columns |
# | `w` (F, C, KH, KW) | F filters; each has KH × KW weights for each channel |
# | `b` (F,) | a bias for each filter |
# | `out` (N, F, OH, OW) | one number for each image, filter and position of the window |
# | `stride`, a pair `(sh, sw)` | how far the window moves from position to position, down and across |
# | `pad`, a pair `(ph, pw)` | how many rows of zeros are laid above the image and as many below, how many columns left and right; `xpad` is the image with them |
#
# $$\text{out}_{nfij} = b_f + \sum_{c,\,p,\,q} \text{xpad}_{n,\;c,\;i \cdot \text{sh} + p,\;j \cdot \text{sw} + q} \; w_{fcpq}
# \qquad \text{OH} = \left\lfloor \frac{H + 2\,\text{ph} - \text{KH}}{\text{sh}} \right\rfloor + 1$$
#
# Two kinds of place, and two words for them: $(i, j)$ is the **position** of the window on the image, and $(p, q)$ is the **entry** of
# the window, row $p$ and column $q$ inside of it. (Lessons 9 and 11 call the entry $(a, b)$, and so does the library; here $b$ is the
# bias and nothing else.) $c$ is the channel. OH counts the positions downwards; OW, across, goes likewise, with $W$, pw, KW and sw.
#
# Written with loops, that is slow in Python: one turn for each output number.


# %%
def conv_by_loops(x, w, b, stride, pad):
    (sh, sw), (ph, pw) = stride, pad
    (n, c, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.zeros((n, f, oh, ow), x.dtype)
    for image in range(n):
        for k in range(f):
            for i in range(oh):
                for j in range(ow):
                    patch = xpad[image, :, i * sh : i * sh + kh, j * sw : j * sw + kw]  # (C, KH, KW)
                    out[image, k, i, j] = (patch * w[k]).sum() + b[k]
    return out


# %% [markdown]
# The innermost line is a sum of products. So is each entry of a matrix product:
#
# $$(A B)_{ft} = \sum_r A_{fr} B_{rt}$$
#
# Can we choose $A$ and $B$ so that a single product gives all output numbers? The sum in a convolution runs over three things,
# $c$, $p$ and $q$; the sum in a product over one. So number the window's entries, channel by channel and row by row. For a window of 3 × 3:
#
# | $r$ | 0 | 1 | 2 | 3 | .. | 8 | 9 | .. |
# |---|---|---|---|---|---|---|---|---|
# | $(c, p, q)$ | (0, 0, 0) | (0, 0, 1) | (0, 0, 2) | (0, 1, 0) | .. | (0, 2, 2) | (1, 0, 0) | .. |
#
# And let $t$ number the positions of the window, for now on a single image. Then row $f$ of $A$ is filter $f$, laid out in one line, and
# column $t$ of $B$ is *patch* $t$, laid out in one column. $B$ is called `cols`, and making it **im2col**, image to columns.
#
# ## Which patch fills which column
#
# One image of 4 × 4 pixels, numbered from 0 to 15, and a window of 3 × 3. It has 2 × 2 positions:

# %%
image = np.arange(16).reshape(4, 4)
corners = [(0, 0), (0, 1), (1, 0), (1, 1)]  # where the window begins: positions 0, 1, 2, 3
colours = [viz.SKY, viz.ORANGE, viz.YELLOW, viz.PURPLE]
columns = np.stack([image[i : i + 3, j : j + 3].ravel() for i, j in corners], axis=1)  # (9, 4)


def draw_numbers(ax, numbers, colour_of, title):
    rows, width = numbers.shape
    for i, j in np.ndindex(rows, width):
        ax.add_patch(Rectangle((j, i), 1, 1, facecolor=colour_of(i, j), edgecolor="#555555"))
        ax.text(j + 0.5, i + 0.5, f"{numbers[i, j]:g}", ha="center", va="center", fontsize=12)
    ax.set(xlim=(-0.05, width + 0.05), ylim=(rows + 0.05, -0.05), aspect="equal", title=title)
    ax.set_axis_off()


with style():
    figure, axes = panels(1, 5, size=(12, 4.2), width_ratios=[1, 1, 1, 1, 1.3])
    for position, ((top, left), ax) in enumerate(zip(corners, axes, strict=False)):

        def inside(i, j, top=top, left=left, colour=colours[position]):
            return colour if 0 <= i - top < 3 and 0 <= j - left < 3 else "white"

        draw_numbers(ax, image, inside, f"position {position}")
    draw_numbers(axes[4], columns, lambda i, j: colours[j], "cols, 9 × 4")
figure

# %% [markdown]
# Pixel 5 lies in all four patches, so it stands in all four columns, each time in another row. Now look along the *rows* of
# `cols`: row 0 holds what the window's first entry, $(p, q) = (0, 0)$, meets in the four positions: 0, 1, 4, 5. Row 8 holds what its
# last entry, $(2, 2)$, meets: 10, 11, 14, 15. Mark these pixels in the image, and on the right those of one entry where the stride
# is 2:

# %%
picture = np.arange(49).reshape(7, 7)


def marked(rows, columns, colour):
    """A colour for the pixels in these rows and columns, white for all others."""
    return lambda i, j: colour if i in rows and j in columns else "white"


with style():
    figure, axes = panels(1, 3, size=(11, 4.2), width_ratios=[1, 1, 1.4])
    draw_numbers(axes[0], image, marked((0, 1), (0, 1), viz.SKY), "row 0 of cols: entry (0, 0)")
    draw_numbers(axes[1], image, marked((2, 3), (2, 3), viz.ORANGE), "row 8 of cols: entry (2, 2)")
    draw_numbers(axes[2], picture, marked((1, 3, 5), (0, 2, 4), viz.YELLOW), "stride 2: entry (1, 0)")
figure

# %% [markdown]
# Each row of `cols` is a whole little image, *a shifted cut-out* of the big one; with a stride it leaves pixels out. That is the
# trick that saves the loops over all positions: only KH × KW cut-outs have to be copied, and NumPy copies each in one go.
#
# Which cut-out? Window entry $(p, q)$ meets the padded pixel $(i \cdot \text{sh} + p,\; j \cdot \text{sw} + q)$. For the rows: it begins at $p$, at
# $i = 0$, goes on in steps of `sh`, and there are OH of them. A slice `start : stop : step` says that; its stop is not reached. Which
# stop takes all OH rows and no more, whatever OH is? And what is the line for the columns?
#
# | | start | stop | step | how many | in the picture on the right |
# |---|---|---|---|---|---|
# | rows | `p` | ? | `sh` | `oh` | `1 : 7 : 2` |
# | columns | ? | ? | ? | `ow` | `0 : 6 : 2` |

# %%
print(picture[1:7:2, 0:6:2])  # the yellow pixels: p = 1, q = 0, stride 2, three positions each way

# %% [markdown]
# With several channels and images there are more rows and more columns. We fix their order once and for all:
#
# - **Rows** in the order of `(c, p, q)`: that is how the weights of one filter lie in `w`, so `w.reshape(F, -1)` fits.
# - **Columns** in the order of `(i, j, n)`: position after position, and for each one all images; what was $t$ now numbers these
#   triples. Any order would do. This is the library's: it keeps images with N as the last axis in memory, too, so that copies go in
#   long runs. [Lesson 16](16_fast.ipynb) measures what that gains; here `x` lies in memory as (N, C, H, W), and nothing is gained.
#
# In the code `cols` has all six axes by name, `(c, kh, kw, oh, ow, n)`, and becomes a matrix by a `reshape` in the last line.
#
# ### transpose and reshape
#
# Two tools rearrange axes, and most mistakes in this lesson come from taking one for the other. **`reshape` never changes the
# order of the numbers**, it only says where the axes begin and end; the last axis runs fastest. **`transpose` changes the order of
# the axes**: `transpose(1, 2, 3, 0)` says which of the *old* axes stands first, second, third and last. A cut-out of all images has
# the axes (N, C, OH, OW), numbered 0, 1, 2, 3; taken in the order 1, 2, 3, 0 they are (C, OH, OW, N). And back? In (C, OH, OW, N) the N
# stands at 3, C at 0, OH at 1, OW at 2: `transpose(3, 0, 1, 2)`.

# %%
cut_out = np.zeros((2, 3, 4, 5))  # N = 2, C = 3, OH = 4, OW = 5
turned = cut_out.transpose(1, 2, 3, 0)
print("(N, C, OH, OW)", cut_out.shape, " (C, OH, OW, N)", turned.shape, " and back", turned.transpose(3, 0, 1, 2).shape)

# %% [markdown]
# `reshape(3, 4, 5, 2)` would give the same shape, and no error, but with the numbers in wrong places.
#
# ## Exercise 10.1: im2col
#
# | | |
# |---|---|
# | formula | $\text{cols}_{(c,p,q),(i,j,n)} = \text{xpad}_{n,\;c,\;i \cdot \text{sh} + p,\;j \cdot \text{sw} + q}$ |
# | takes | `x` (N, C, H, W); `kernel_size`, `stride` and `pad`, each a pair (down, across) |
# | returns | `cols` (C·KH·KW, OH·OW·N) |
# | missing | `pixels` (N, C, OH, OW): for all images and channels, what window entry `(p, q)` meets |


# %% tags=["exercise-10.1"]
def im2col(x, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x.shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.empty((c, kh, kw, oh, ow, n), x.dtype)
    for p in range(kh):
        for q in range(kw):
            pixels = ...
            cols[:, p, q] = pixels.transpose(1, 2, 3, 0)  # (N, C, OH, OW) -> (C, OH, OW, N)
    return cols.reshape(c * kh * kw, oh * ow * n)


# %%
check("10.1", im2col)

# %%
im2col_here = learner("10.1", im2col)
print(im2col_here(image.reshape(1, 1, 4, 4), (3, 3), (1, 1), (0, 0)))

# %% [markdown]
# The same matrix as in the picture.
#
# ## The convolution is a product
#
# | | | shape |
# |---|---|---|
# | filters as rows | `w.reshape(F, -1)` | (F, C·KH·KW) |
# | patches as columns | `cols` | (C·KH·KW, OH·OW·N) |
# | their product, and the bias for each row | `rows` | (F, OH·OW·N) |
# | sorted into axes again | `rows.reshape(F, OH, OW, N)` | (F, OH, OW, N) |
# | in the order everybody expects | `.transpose(3, 0, 1, 2)` | (N, F, OH, OW) |
#
# A word on the last two lines. `reshape` never changes the order: so first `reshape` to the axes that the numbers *are* in, then
# `transpose` to those that you want. To go back, do it the other way round: first `transpose`, then `reshape`.


# %%
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (n, _, h, width), (f, _, kh, kw) = x.shape, w.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride[0] + 1, (width + 2 * pad[1] - kw) // stride[1] + 1
    cols = im2col_here(x, (kh, kw), stride, pad)
    rows = w.reshape(f, -1) @ cols + b[:, None]  # (F, OH*OW*N); b[:, None] is (F, 1): a bias for each row
    out = rows.reshape(f, oh, ow, n).transpose(3, 0, 1, 2)
    return out, (cols, x.shape, w, stride, pad)


def best_of(runs, function, *arguments):
    """(what it returns, the seconds of its fastest run). One run goes before: the first is slower, memory has to be fetched."""
    result, seconds = function(*arguments), []
    for _ in range(runs):
        start = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


rng = np.random.default_rng(0)
x, w, b = rng.standard_normal((2, 3, 12, 12)), rng.standard_normal((4, 3, 5, 5)), rng.standard_normal(4)
slow, slow_seconds = best_of(effort(30, fast=1), conv_by_loops, x, w, b, (1, 1), (2, 2))
(fast, _), fast_seconds = best_of(effort(30, fast=1), conv_forward, x, w, b, (1, 1), (2, 2))
print(f"largest difference {np.abs(slow - fast).max():.0e}")
print(
    f"the loops take {slow_seconds * 1e3:.1f} ms, the product {fast_seconds * 1e3:.1f} ms: it is {slow_seconds / fast_seconds:.0f} times as fast"
)

# %% [markdown]
# The same numbers, and much faster; how much depends on the computer. It is paid for with memory: `cols` holds each pixel up to KH × KW times, 25 times for this
# window. (Most of that can be saved, too: [lesson 16](16_fast.ipynb).)
#
# ## Backward: give back what you were lent
#
# Two steps were done forward, im2col and the product, so two are to be undone, the last one first. The product you know from
# lesson 5. New is the question: `dcols` is known, the gradient for every number in `cols`. What is the gradient for `x`?
#
# Ask as always: *which outputs does this number reach, and by what is it multiplied on the way?* im2col multiplies nothing, it
# only copies: all local slopes are 1. And a pixel reaches every number of `cols` that it was copied to. So
#
# $$\text{dxpad}_\text{pixel} = \sum_{\text{its copies}} \text{dcols}_\text{copy}$$
#
# By hand, with a picture of a single row: $x = (x_0, x_1, x_2, x_3)$ and a window of three. There are two patches:
#
# $$\text{cols} = \begin{pmatrix} x_0 & x_1 \\ x_1 & x_2 \\ x_2 & x_3 \end{pmatrix} \qquad
# \text{dcols} = \begin{pmatrix} 1 & 2 \\ 3 & 4 \\ 5 & 6 \end{pmatrix}$$
#
# $x_0$ has one copy, so $dx_0 = 1$. $x_1$ has two, at the 2 and at the 3: $dx_1 = 2 + 3 = 5$. Likewise $dx_2 = 4 + 5 = 9$, and $dx_3 = 6$.
# How many copies a pixel has depends on how many windows lie over it:

# %%
with style():
    figure, axes = panels(1, 4, size=(12, 3.4))
    for ax, (kernel, step, edge) in zip(axes, [(3, 1, 0), (3, 2, 0), (2, 2, 0), (3, 1, 1)], strict=True):
        counts = np.zeros((7 + 2 * edge, 7 + 2 * edge))
        places = range(0, 7 + 2 * edge - kernel + 1, step)
        for i in places:
            for j in places:
                counts[i : i + kernel, j : j + kernel] += 1
        counts = counts[edge : edge + 7, edge : edge + 7]

        def shade(i, j, counts=counts):
            return viz.ERRORS(0.55 * counts[i, j] / 9)

        draw_numbers(ax, counts, shade, f"window {kernel}, stride {step}, pad {edge}")
figure

# %% [markdown]
# In the third picture the stride is as large as the window. The windows lie side by side, and no pixel has more than one copy.
# (The last row and column have none: no window reaches them.) Whoever forgets to add overlaps gets the right numbers there. So a
# good check has windows that overlap, as the others do.
#
# **col2im** walks the way of im2col backwards. For each window entry $(p, q)$ take that row of `dcols`, which is a little
# image again, and **add** it to the cut-out it was copied from. The cut-out is the one of 10.1, in a `dxpad` that starts with
# zeros. And at the very end cut the padding off: the zeros around the image were not `x`'s, nobody wants their gradient. (Mind that a
# slice is `start : stop`, two places. It does not say how long it is.)
#
# ## Exercise 10.2: col2im
#
# | | |
# |---|---|
# | formula | $\text{dxpad}_{n,c,u,v} = \sum \text{dcols}_{(c,p,q),(i,j,n)}$ over all $p, q, i, j$ with $i \cdot \text{sh} + p = u$ and $j \cdot \text{sw} + q = v$: the pixel in row $u$, column $v$ |
# | takes | `dcols` (C·KH·KW, OH·OW·N); `x_shape`, which is (N, C, H, W); `kernel_size`, `stride` and `pad` as above |
# | returns | `dx` (N, C, H, W) |
# | missing | `gradient` (N, C, OH, OW), which is the part of `dcols` for window entry `(p, q)`; the line that adds it; `dx` |


# %% tags=["exercise-10.2"]
def col2im(dcols, x_shape, kernel_size, stride, pad):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, pad
    n, c, h, width = x_shape
    oh, ow = (h + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    dcols = dcols.reshape(c, kh, kw, oh, ow, n)
    dxpad = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dcols.dtype)
    for p in range(kh):
        for q in range(kw):
            gradient = ...
            # here: add gradient to the pixels of dxpad that (p, q) has met
    dx = ...
    return dx


# %%
check("10.2", col2im)

# %%
col2im_here = learner("10.2", col2im)
by_hand = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
print(col2im_here(by_hand, (1, 1, 1, 4), (1, 3), (1, 1), (0, 0)))  # 1, 5, 9, 6, as by hand

# %% [markdown]
# ## The whole backward pass
#
# Forward was `rows = w_rows @ cols + b[:, None]`, with `w_rows = w.reshape(f, -1)`. The gradient of `rows` is called `drows`: it is `dout`, with
# its axes in the order in which `rows` has them. The product is that of lesson 5, and the shapes say which factor is turned round:
#
# | wanted | shape | from |
# |---|---|---|
# | `drows` | (F, OH·OW·N) | `dout` (N, F, OH, OW): first `transpose`, then `reshape` |
# | `dw` | (F, C·KH·KW), then that of `w` | `drows` (F, OH·OW·N) and `cols` (C·KH·KW, OH·OW·N) |
# | `db` | (F,) | `drows`: each filter's bias is added in every position, so sum |
# | `dcols` | (C·KH·KW, OH·OW·N) | `w_rows` (F, C·KH·KW) and `drows` (F, OH·OW·N) |
# | `dx` | (N, C, H, W) | `dcols`, by `col2im_here` |
#
# ## Exercise 10.3: the convolution, backward
#
# | | |
# |---|---|
# | formula | $\text{dw}_{fr} = \sum_t \text{drows}_{ft}\,\text{cols}_{rt} \qquad \text{db}_f = \sum_t \text{drows}_{ft} \qquad \text{dcols}_{rt} = \sum_f \text{w\_rows}_{fr}\,\text{drows}_{ft}$ |
# | takes | `dout` (N, F, OH, OW), and the cache of `conv_forward` |
# | returns | `dx` (N, C, H, W), `dw` (F, C, KH, KW), `db` (F,) |


# %% tags=["exercise-10.3"]
def conv_backward(dout, cache):
    cols, x_shape, w, stride, pad = cache
    f = w.shape[0]
    w_rows = w.reshape(f, -1)  # (F, C*KH*KW), as in forward
    drows = ...
    dw = ...
    db = ...
    dcols = ...
    dx = col2im_here(dcols, x_shape, w.shape[2:], stride, pad)
    return dx, dw, db


# %%
check("10.3", conv_backward)

# %% [markdown]
# ## A network on it
#
# The real thing: two convolutions of eight filters, each with a ReLU, and a dense layer learn to read digits. Both convolutions
# run on the functions of this lesson. What is needed for what? Both need `im2col` to go forward, and their `dw` and `db` to learn. The
# second one needs `col2im` as well: it makes the `dx` that the first one gets as its `dout`, and without which that would learn nothing.
# The `dx` of the first one, the gradient of the pixels, is made and thrown away: nobody wants to change the pixels. Beside it, for
# comparison, a network of dense layers only.
#
# The other names, with the lessons they are from:
#
# | | |
# |---|---|
# | `digits("train", 2000)` | images (2000, 28, 28) of whole numbers 0 .. 255, labels (2000,) 0 .. 9, and where they are from ([lesson 6](06_bytes_to_images.ipynb)) |
# | `prepare(images)` | the same as (N, 1, 28, 28), float32, with a mean of about 0: what the network takes ([lesson 6](06_bytes_to_images.ipynb)) |
# | `Flatten()` | (N, C, H, W) to (N, C·H·W): each image's numbers in one row, as a dense layer takes them |
# | `batch` | 50 images drawn at random for each step, on which the gradient is measured ([lesson 7](07_training.ipynb)) |

# %%
backward_here = learner("10.3", conv_backward)
images, labels, source = digits("train", 2000)
test_images, test_labels, _ = digits("test", 500)
mine = (conv_forward, backward_here)
model = Sequential(
    Conv2d(1, 8, 5, stride=2, pad=2, rng=rng, functions=mine),  # 28 x 28 -> 14 x 14
    ReLU(),
    Conv2d(8, 8, 3, stride=2, pad=1, rng=rng, functions=mine),  # 14 x 14 -> 7 x 7
    ReLU(),
    Flatten(),
    Dense(8 * 7 * 7, 10, rng=rng),
)
dense_only = Sequential(Flatten(), Dense(28 * 28, 32, rng=rng), ReLU(), Dense(32, 10, rng=rng))
loss = SoftmaxCrossEntropy()


def train(model, steps):
    losses = []
    for _ in range(steps):
        batch = rng.choice(len(images), 50, replace=False)
        logits, cache = model.forward(prepare(images[batch]))
        value, loss_cache = loss.forward(logits, labels[batch])
        losses.append(value)
        _, grads = model.backward(loss.backward(1.0, loss_cache), cache)
        for name, array in model.params.items():
            array -= 0.1 * grads[name]
    return losses


def right(network, images, labels):
    return (network(prepare(images)).argmax(axis=1) == labels).mean()


steps = effort(400, fast=5)
losses = {"two convolutions": train(model, steps), "dense layers only": train(dense_only, steps)}
print(f"{source} digits, right after {steps} steps:")
for name, network in zip(losses, (model, dense_only), strict=True):
    numbers = sum(array.size for array in network.params.values())
    seen, new = right(network, images, labels), right(network, test_images, test_labels)
    print(f"{name}, {numbers} weights and biases: {seen:.1%} of the 2000 training digits, {new:.1%} of 500 new ones")

# %%
with style():
    figure, axes = panels(2, 6, size=(12, 3.8), width_ratios=[2.6, 0.2, 1, 1, 1, 1])
    curve = figure.add_subplot(axes[0, 0].get_gridspec()[:, 0])
    for ax in axes[:, :2].ravel():
        ax.remove()
    width = min(20, steps)
    for (name, values), dash in zip(losses.items(), ("-", "--"), strict=True):
        smooth = np.convolve(values, np.full(width, 1 / width), mode="valid")
        curve.plot(np.arange(width, steps + 1), smooth, dash, label=name)
    curve.set(xlabel="step", ylabel=f"loss, mean of {width} steps", ylim=(0, None), title="The loss goes down")
    curve.legend()
    seen = model.layers[0](prepare(test_images[:1]))[0]  # (8, 14, 14)
    for k, ax in enumerate(axes[:, 2:].ravel()):
        ax.imshow(seen[k], cmap=viz.SIGNS, vmin=-np.abs(seen).max(), vmax=np.abs(seen).max())
        ax.set_title(f"filter {k}", fontsize=11)
        ax.set_axis_off()
figure

# %% [markdown]
# On the right: what the eight filters of the first convolution make of one digit, before the ReLU; orange positive, blue negative.
# Some show a frame along the edge. There the window lies partly on the padding. The padding is 0, while `prepare` makes the black
# background of a digit about -0.42: so the window meets a step where the picture ends, as it does at the edge of a stroke.
#
# Chance alone would name one digit in ten rightly. On the left: the loss of both networks goes down alike. It is measured on the
# training digits, and of these the two also name about the same share rightly. On new digits, which no step has seen, the convolutions
# are ahead. The dense network sees 784 numbers of which it does not know that they are neighbours, and it has several times as many
# weights. With these it can fit the training digits one by one, which does not help with others. A filter has few weights, and they must do
# in every place of every image: what it learns in one place holds in all.
#
# How far can one trust two such numbers? Among 500 digits chance alone moves a share by two in a hundred, and another seed gives another
# network. We have repeated it with five seeds: the convolutions were ahead on new digits each time, but not by the same amount. The
# networks of the next lesson are far better than both, with the very same convolution in them.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Turn a convolution into a matrix product: filters as rows, patches as columns.
# - Undo a copy: each copy gives its gradient back, and the gradients add.
# - Keep `reshape` and `transpose` apart, forward and backward.
# - Say what im2col costs: KH × KW times the image's memory.
#
# **Before** [lesson 9: convolution by loops](09_convolution_by_loops.ipynb) · **Next** [lesson 11: max pooling and a CNN end to
# end](11_max_pooling_and_a_cnn.ipynb) · In the library: `scratchnet/layers/conv.py` begins with this very idea and then saves
# most of the copies
#
# *Sources.* K. Chellapilla, S. Puri and P. Simard, "High performance convolutional neural networks for document processing",
# 2006 (im2col). Y. LeCun et al., "Gradient-based learning applied to document recognition", *Proceedings of the IEEE* 1998,
# section II (the layer).
