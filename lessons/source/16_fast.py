# %% [markdown]
# # Lesson 16: Fast
#
# **The idea.** A network's arithmetic is fixed; how long it takes is not. Most of the time goes into *moving numbers*, and how many
# have to be moved is decided by the order in which they lie in memory. With the right order most of im2col's copies need not be
# made at all, and then the batch is dealt out to all cores.
#
# **You need** im2col from [lesson 10](10_im2col_and_col2im.ipynb).
#
# **Time** about 60 minutes.
#
# **Afterwards you can** read strides, make a view that costs nothing where others copy, split a batch without changing its
# gradient, and tell whether a layer waits for arithmetic or for memory.

# %%
import time

import numpy as np
from matplotlib.patches import Rectangle
from numpy.lib.stride_tricks import as_strided

from scratchnet import viz
from scratchnet.engine import ShardedEngine, loss_and_grads
from scratchnet.layers import Conv2d, Dense, Flatten, MaxPool2d, ReLU, Sequential
from scratchnet.layers.conv import conv2d_backward, conv2d_forward
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.machine import available_cores, one_blas_thread
from scratchnet.preprocess import prepare
from scratchnet_lessons import check, digits, effort, hint, learner, panels, solution, style, whose_code

BUDGET = effort(0.3, fast=0.002)  # seconds for one measurement


def seconds(work, budget=BUDGET):
    """How long ``work()`` takes: the shortest of as many tries as fit into the budget, three at least."""
    work()  # the first time is slower: memory has to be fetched
    tries, begun = [], time.perf_counter()
    while len(tries) < effort(3, fast=1) or time.perf_counter() - begun < budget:
        start = time.perf_counter()
        work()
        tries.append(time.perf_counter() - start)
    return min(tries)


# %% [markdown]
# All times here are measured on the machine that runs the notebook, so yours are others. What is compared is always measured side by side.
# Where nothing else is said it is on one core.
#
# ## Memory is one long line
#
# An array has axes, memory has none: it is one long line of bytes. The **strides** of an array say how it is laid on that line: by how many
# bytes one has to go on to get to the next entry along each axis. In the usual order (C order) the last axis runs fastest. An
# array of the shape (2, 3, 4) with float32 numbers, of 4 bytes each:
#
# | axis | to the next entry | bytes |
# |---|---|---|
# | 2, the last | the next number | 4 |
# | 1 | skip a row of 4 numbers | 4 · 4 = 16 |
# | 0 | skip 3 rows | 3 · 16 = 48 |
#
# $$\text{stride}_a = \text{itemsize} \cdot \prod_{c > a} \text{shape}_c \qquad
# \text{place of entry } (i_0, i_1, \dots) = \sum_a i_a \cdot \text{stride}_a$$
#
# ($\prod$ is a product, here of the lengths of all axes *behind* axis $a$; behind the last one there are none, and the product is 1.)
#
# ## Exercise 16.1: strides
#
# | | |
# |---|---|
# | takes | `shape`, a tuple of whole numbers; `itemsize`, the bytes of one number |
# | returns | a tuple, as long as `shape`: the strides in bytes, in C order |
# | example | `(2, 3, 4)` and 4 give `(48, 16, 4)` |


# %% tags=["exercise-16.1"]
def strides_of(shape, itemsize):
    strides = ...  # as many lines as you like
    return tuple(strides)


# %%
check("16.1", strides_of)

# %%
strides_here = learner("16.1", strides_of)
print(strides_here((2, 3, 4), 4), "NumPy says", np.zeros((2, 3, 4), np.float32).strides)

# %% [markdown]
# ## Why the order matters
#
# im2col needs the images shifted by a column: `x[:, :, :, 1:]`. Which numbers of the long line are these? Three images of 2 rows and 4
# columns, first in the order (N, C, H, W) that everybody uses, then in the order (H, C, W, N): rows outermost, and the images
# innermost, so that the same pixel of all images lies side by side.


# %%
def touched(order):
    """For each number in memory: does it belong to x[:, :, :, 1:]? ``order`` says how the axes of x (N, C, H, W) lie there."""
    shape = dict(zip("NCHW", (3, 1, 2, 4), strict=True))
    strides = dict(zip(order, strides_here(tuple(shape[axis] for axis in order), 1), strict=True))
    belongs = np.zeros(24, bool)
    for n, c, h, w in np.ndindex(3, 1, 2, 4):
        belongs[n * strides["N"] + c * strides["C"] + h * strides["H"] + w * strides["W"]] = w >= 1
    return belongs


with style():
    figure, axes = panels(2, 1, size=(10, 2.6))
    for ax, order in zip(axes, ("NCHW", "HCWN"), strict=True):
        belongs = touched(order)
        runs = np.count_nonzero(np.diff(belongs.astype(int), prepend=0) == 1)
        for place, taken in enumerate(belongs):
            ax.add_patch(Rectangle((place, 0), 1, 1, facecolor=viz.SKY if taken else "white", edgecolor="#555555"))
        ax.set(xlim=(-0.1, 24.1), ylim=(-0.05, 1.05), title=f"({', '.join(order)}): {runs} runs")
        ax.set_axis_off()
figure

# %% [markdown]
# The same 18 numbers. In the usual order they lie in short runs of three, with a gap behind each row of each image. In the other order
# there are two runs only. Memory is fetched in blocks, mostly of 64 bytes, and a copy is set up anew for each run: so long runs are fast. For
# a batch of 64 digits the runs have 27 numbers in the one order, and 27 · 64 = 1728 in the other.

# %%
batch = np.zeros((64, 8, 28, 28), np.float32)
usual = batch  # (N, C, H, W) in memory
last = np.ascontiguousarray(batch.transpose(2, 1, 3, 0)).transpose(3, 1, 0, 2)  # the same shape, in memory (H, C, W, N)
into_usual, into_last = np.empty_like(usual[:, :, :, 1:]), np.empty_like(last[:, :, :, 1:])
slow = seconds(lambda: np.copyto(into_usual, usual[:, :, :, 1:]))
fast = seconds(lambda: np.copyto(into_last, last[:, :, :, 1:]))
print(f"the same copy: {slow * 1e3:.2f} ms in the order (N, C, H, W), {fast * 1e3:.2f} ms in (H, C, W, N)")

# %% [markdown]
# To those who use it `last` is still an array of the shape (N, C, H, W), with other strides. Nobody needs to know: layers
# take any order and give the same numbers; one is merely faster.
#
# ## Half of im2col for nothing
#
# im2col copies each pixel KH · KW times. With rows outermost, KH of these come for free. Take the padded images, and copy only the
# **column** shifts, KW of them. Put together what belongs to the same image row: `cols[r]` holds row `r` in its KW shifts, a matrix
# with K = KW · C rows and L = OW · N columns.
#
# Which input rows does output row $i$ need? $i, i+1, \dots, i+\text{KH}-1$. So its patch matrix is `cols[i]` on top of `cols[i+1]`, on top of ... And to put
# matrices of the same width on top of each other means to lay them end to end in memory. **There they lie already.** The patch matrix of
# output row $i$ is a window on `cols`, and the next one begins one row later:

# %%
with style():
    figure, ax = panels(size=(10, 2.6))
    for r in range(6):
        ax.add_patch(Rectangle((r, 0), 1, 0.7, facecolor="#EDF3F7", edgecolor="#555555"))
        ax.text(r + 0.5, 0.35, f"cols[{r}]", ha="center", va="center", fontsize=12)
    for i, colour in enumerate((viz.BLUE, viz.VERMILLION, viz.GREEN, viz.PURPLE)):
        ax.plot([i + 0.04, i + 2.96], [-0.3 - 0.35 * i] * 2, color=colour, lw=5, solid_capstyle="butt")
        ax.text(i + 3.05, -0.3 - 0.35 * i, f"patches of output row {i}", va="center", fontsize=12)
    ax.set(xlim=(-0.05, 8.2), ylim=(-1.55, 0.75), title="In memory, with KH = 3: the windows overlap")
    ax.set_axis_off()
figure

# %% [markdown]
# Such a view is an array with strides of our own choice; `as_strided(array, shape, strides)` makes it. Its shape is (OH, KH·K, L): for
# each output row a matrix with KH·K rows and L columns. Now the strides, axis by axis:
#
# | axis | one step means | |
# |---|---|---|
# | 2 | to the next number | as in `cols` |
# | 1 | to the next row of the matrix, L numbers on | as in `cols`; and behind the last row of `cols[i]` comes the first of `cols[i+1]`, just as it should |
# | 0 | to the next window | it begins one `cols[r]` later, as large as **one** of them is; not as large as a window |
#
# By hand: `cols` of the shape (6, 2, 5) with 4 bytes. A number is 4 bytes, a row of 5 numbers 20, a `cols[r]` of two rows 40.
# With KH = 3 there are OH = 6 − 3 + 1 = 4 windows of 3 · 2 = 6 rows: shape (4, 6, 5), strides (40, 20, 4).
#
# `as_strided` believes whatever it is told. With wrong strides it reads memory that belongs to others, so we compute the
# numbers first and let them be checked.
#
# ## Exercise 16.2: overlapping windows
#
# | | |
# |---|---|
# | takes | `cols_shape` = (H, K, L) of an array in C order; `kh`, how many rows make a window; `itemsize` |
# | returns | `shape` and `strides`, two tuples of three numbers |
# | formulas | shape (H − KH + 1, KH·K, L); strides as in the table, in bytes |


# %% tags=["exercise-16.2"]
def window_view(cols_shape, kh, itemsize):
    h, k, length = cols_shape
    shape = ...
    strides = ...
    return shape, strides


# %%
check("16.2", window_view)

# %%
view_here = learner("16.2", window_view)


def half_im2col_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    """A convolution with stride 1 that copies KW times, not KH * KW times. The cache is the library's."""
    (n, c, h, width), (f, _, kh, kw), (ph, pw) = x.shape, w.shape, pad
    oh, ow = h + 2 * ph - kh + 1, width + 2 * pw - kw + 1
    xpad = np.pad(x.transpose(2, 1, 3, 0), ((ph, ph), (0, 0), (pw, pw), (0, 0)))  # (H, C, W, N)
    cols = np.empty((len(xpad), kw, c, ow, n), x.dtype)
    for shift in range(kw):
        cols[:, shift] = xpad[:, :, shift : shift + ow]
    shape, strides = view_here((len(xpad), kw * c, ow * n), kh, cols.itemsize)
    patches = as_strided(cols, shape, strides, writeable=False)  # (OH, KH*KW*C, OW*N): nothing is copied
    rows = w.transpose(0, 2, 3, 1).reshape(f, -1)  # a filter as a row, in the order of a patch
    out = rows @ patches + b[:, None]  # OH products: (OH, F, OW*N)
    return out.reshape(oh, f, ow, n).transpose(3, 1, 0, 2), (patches, x.shape, w, stride, pad)


# %% [markdown]
# `rows @ patches` multiplies the same filters with each of the OH matrices. Beside it, for comparison, the convolution by loops and the
# plain im2col of the textbooks, each with its backward pass. All three must give the same numbers.


# %%
def loops_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    kh, kw = w.shape[2:]
    xpad = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    out = np.empty((len(x), len(w), xpad.shape[2] - kh + 1, xpad.shape[3] - kw + 1), x.dtype)
    for n, f, i, j in np.ndindex(out.shape):
        out[n, f, i, j] = (xpad[n, :, i : i + kh, j : j + kw] * w[f]).sum() + b[f]
    return out, (xpad, w, pad)


def loops_backward(dout, cache):
    xpad, w, (ph, pw) = cache
    kh, kw = w.shape[2:]
    dxpad, dw = np.zeros_like(xpad), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dout.shape):
        dw[f] += dout[n, f, i, j] * xpad[n, :, i : i + kh, j : j + kw]
        dxpad[n, :, i : i + kh, j : j + kw] += dout[n, f, i, j] * w[f]
    h, width = xpad.shape[2:]
    return dxpad[:, :, ph : h - ph, pw : width - pw], dw, dout.sum(axis=(0, 2, 3))


def textbook_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    (f, c, kh, kw), n = w.shape, len(x)
    xpad = np.pad(np.ascontiguousarray(x), ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    oh, ow = xpad.shape[2] - kh + 1, xpad.shape[3] - kw + 1
    cols = np.empty((n, c, kh, kw, oh, ow), x.dtype)
    for i, j in np.ndindex(kh, kw):
        cols[:, :, i, j] = xpad[:, :, i : i + oh, j : j + ow]
    patches = cols.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)  # a patch is a row
    out = (patches @ w.reshape(f, -1).T + b).reshape(n, oh, ow, f)
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2)), (patches, xpad.shape, w, pad)


def textbook_backward(dout, cache):
    patches, (n, c, h, width), w, (ph, pw) = cache
    (f, _, kh, kw), (oh, ow) = w.shape, dout.shape[2:]
    drows = dout.transpose(0, 2, 3, 1).reshape(-1, f)
    dcols = (drows @ w.reshape(f, -1)).reshape(n, oh, ow, c, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    dxpad = np.zeros((n, c, h, width), dout.dtype)
    for i, j in np.ndindex(kh, kw):
        dxpad[:, :, i : i + oh, j : j + ow] += dcols[:, :, i, j]
    return dxpad[:, :, ph : h - ph, pw : width - pw], (drows.T @ patches).reshape(w.shape), drows.sum(axis=0)


rng = np.random.default_rng(0)
x, w, b = rng.standard_normal((3, 2, 7, 6)), rng.standard_normal((4, 2, 3, 3)), rng.standard_normal(4)
ways = {
    "loops": (loops_forward, loops_backward),
    "textbook im2col": (textbook_forward, textbook_backward),
    "half im2col": (half_im2col_forward, conv2d_backward),
}
right, _ = conv2d_forward(x, w, b, pad=1)
for name, (forward, backward) in ways.items():
    out, cache = forward(x, w, b, pad=(1, 1))
    print(f"{name:16s} differs by {np.abs(out - right).max():.0e} from the library's")

# %% [markdown]
# ## All cores: shards
#
# A computer has several cores. Deal each batch out: four parts, **shards**, to four workers. Each computes the gradient of its own
# part, and the parts are put together. How?
#
# The loss is a *mean* over the batch, and so is its gradient. By hand: five images with the gradients 1, 2, 3, 4, 5. The mean is 3. In two
# shards, (1, 2, 3) and (4, 5), the means are 2 and 4.5. Their sum is 6.5 and their mean 3.25: both wrong! The larger shard stands
# for more images. Weight each with its share of the batch:
#
# $$\text{gradient} = \sum_\text{shards} \frac{\text{images in the shard}}{\text{images in the batch}} \cdot \text{the shard's gradient}
# \qquad \tfrac35 \cdot 2 + \tfrac25 \cdot 4.5 = 3$$
#
# `np.array_split(x, 4)` cuts an array along axis 0 into four parts that are as equal as can be.
#
# ## Exercise 16.3: the gradient from shards
#
# | | |
# |---|---|
# | takes | `gradient_of`, a function: `gradient_of(x, labels)` is the gradient of the mean loss; `x` (N, ...); `labels` (N,); `shards`, how many parts |
# | returns | the gradient of the whole batch, from those of its parts |


# %% tags=["exercise-16.3"]
def sharded_gradient(gradient_of, x, labels, shards):
    total = 0.0
    for part, part_labels in zip(np.array_split(x, shards), np.array_split(labels, shards), strict=True):
        total = ...
    return total


# %%
check("16.3", sharded_gradient)

# %%
sharded_here = learner("16.3", sharded_gradient)


def network(functions=None, seed=0):
    """Two convolutions of 5 × 5, and a dense layer."""
    rng = np.random.default_rng(seed)
    return Sequential(
        Conv2d(1, 8, 5, pad=2, rng=rng, functions=functions),
        MaxPool2d(2),
        ReLU(),
        Conv2d(8, 16, 5, pad=2, rng=rng, functions=functions),
        MaxPool2d(2),
        ReLU(),
        Flatten(),
        Dense(16 * 7 * 7, 10, rng=rng),
    )


images, labels, source = digits("train", 1000)
model, loss = network(), SoftmaxCrossEntropy()


def gradient_of(x, labels):
    return loss_and_grads(model, loss, x, labels).grads["3.w"]  # of the second convolution's weights


whole = gradient_of(prepare(images[:50]), labels[:50])
dealt = sharded_here(gradient_of, prepare(images[:50]), labels[:50], 4)
print("largest difference:", f"{np.abs(whole - dealt).max():.0e}", "of", f"{np.abs(whole).max():.0e}")

# %% [markdown]
# The same but for rounding. Why *processes* and not threads? Python runs one thread at a time. NumPy lets the others run while it computes, but each of its
# calls is short here. Processes share the weights and the gradients through shared memory, so nothing has to be sent. `ShardedEngine` does it.
#
# ## The ladder
#
# One training step, forward and backward, in each way. (The loops get two images only, the others 64, and the shards 64 each.)

# %%
some, some_labels = images[:64], labels[:64]
speeds = {}
with one_blas_thread():
    for name, functions in ways.items():
        count = effort(2, fast=1) if name == "loops" else 64
        candidate, x = network(functions), prepare(some[:count])
        x = np.ascontiguousarray(x) if name in ("loops", "textbook im2col") else x

        def step(candidate=candidate, x=x, count=count):
            loss_and_grads(candidate, loss, x, some_labels[:count])

        speeds[name] = count / seconds(step, budget=effort(0.8, fast=0.0))

cores = available_cores()
with ShardedEngine(
    network(), loss, images, labels, prepare=prepare, shards=4, workers=effort(min(4, cores), fast=0)
) as engine:
    sharded = seconds(lambda: engine.loss_and_grads(np.arange(256), seed=0, step=0), budget=effort(0.8, fast=0.0))
    speeds[f"shards, {min(4, cores)} processes"] = 256 / sharded

with style():
    figure, ax = panels(size=(10, 3.4))
    for place, (name, speed) in enumerate(speeds.items()):
        ax.barh(place, speed, color=viz.BLUE)
        ax.text(speed * 1.15, place, f"{speed:,.0f} images a second", va="center")
    ax.set_yticks(range(len(speeds)), speeds)
    ax.invert_yaxis()
    ax.set(xscale="log", xlim=(1, max(speeds.values()) * 30), xlabel="images a second in training (logarithmic)")
    ax.set_title("The ladder: the same network, the same numbers")
figure

# %% [markdown]
# The largest step is the first, from Python's loops to a matrix product: the arithmetic is the same, but no longer done a number at a
# time by Python. Then memory order and half im2col save copies. Shards gain what free cores there are: on a busy machine, or on one with a
# single core, nothing.
#
# How far is that from a program that large companies work on? `python -m benchmarks.vs_pytorch`, in the repository, trains networks
# such as this one in scratchnet and in PyTorch side by side on the same processor, and `benchmarks/README.md` keeps what was measured: on
# four cores PyTorch took 1.8 times as long to train to 99 % on MNIST. Small networks are where a library written in Python can win: a product
# of small matrices is over soon, and what counts is how little stands around it.
#
# ## How fast can it get? A roofline
#
# A core can do so many multiplications and additions a second, its **peak**; and it can fetch so many bytes from memory a second, its
# **bandwidth**. Whatever an operation is, it is limited by one of the two. Which one depends on its **intensity**: how many
# operations (flop) it does for each byte that it has to fetch or store.
#
# - ReLU: one comparison for each number, which is fetched (4 bytes) and stored (4 bytes). Intensity $\frac18$. With a bandwidth of, say,
#   10 GB/s that is at most 1.25 billion operations a second, on a processor that could do fifty times as many.
# - The product of two matrices $n \times n$: $2n^3$ operations on $3n^2$ numbers of 4 bytes. Intensity $\frac{2n^3}{12n^2} = \frac n6$: the larger the better.
#
# $$\text{speed} \le \min(\text{peak},\ \text{intensity} \cdot \text{bandwidth})$$
#
# On logarithmic axes the right side looks like a roof. Below it: what we measure for some of the layers.

# %%
rng = np.random.default_rng(0)
SIZE = effort(1024, fast=128)
a, b = (rng.random((SIZE, SIZE), np.float32) for _ in range(2))
long = np.zeros(effort(16_000_000, fast=100_000), np.float32)
target = np.empty_like(long)
points = {}
with one_blas_thread():
    peak = 2 * SIZE**3 / seconds(lambda: a @ b)
    bandwidth = 2 * long.nbytes / seconds(lambda: np.copyto(target, long))  # fetched and stored

    def measure(name, layer, x, flops):
        out, _ = layer.forward(x)
        moved = x.nbytes + out.nbytes + sum(array.nbytes for array in layer.params.values())
        points[name] = flops / moved, flops / seconds(lambda: layer.forward(x))

    def maps(channels, size):
        return rng.standard_normal((size, channels, size, 64)).astype(np.float32).transpose(3, 1, 0, 2)

    measure("ReLU", ReLU(), maps(64, 28), 64 * 64 * 28 * 28)
    measure("max pooling", MaxPool2d(2), maps(64, 28), 3 * 64 * 64 * 14 * 14)
    for c, f, size in (1, 8, 28), (8, 16, 14), (64, 64, 14):
        flops = 2 * 64 * f * size * size * c * 25
        measure(f"conv 5×5, {c} to {f}", Conv2d(c, f, 5, pad=2, rng=rng), maps(c, size), flops)
    dense = Dense(784, 10, rng=rng)
    measure("dense 784 to 10", dense, rng.standard_normal((64, 784)).astype(np.float32), 2 * 64 * 784 * 10)

with style():
    figure, ax = panels(size=(10, 5))
    at = np.logspace(-1.3, 3.2, 200)
    ax.loglog(at, np.minimum(peak, at * bandwidth) / 1e9, color="black", linewidth=2.5)
    for (name, (intensity, speed)), marker in zip(points.items(), "os^vDP", strict=True):
        ax.loglog(intensity, speed / 1e9, marker, markersize=10, label=name)
    ax.set(xlabel="intensity: operations for each byte moved", ylabel="billion operations a second", title="Under the roof")
    ax.text(700, peak / 1e9 * 1.15, "peak", ha="center")
    ax.text(0.5, 0.62 * bandwidth / 1e9, "bandwidth", rotation=38, ha="center", va="bottom", rotation_mode="anchor")
    ax.set_ylim(top=peak / 1e9 * 2.5)
    ax.grid()
    ax.legend(frameon=False, loc="lower right")
figure

# %% [markdown]
# Far to the left ReLU and pooling wait for memory: no cleverer arithmetic would help them, only fewer bytes. That is why the networks here
# pool *before* ReLU: the function is the same, and ReLU has a quarter of the numbers to look at. (What fits into the processor's own
# small memory, its cache, may come to lie above the slanted line, which was measured with large arrays.) Far to the right the large convolution
# comes near to the peak. The small ones lie in between, well below the roof: there the copies and the calls themselves take their part of the time.
#
# So before you make something faster, ask where it is in this picture. And *measure*: most of what one believes about speed is wrong.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Say where in memory an entry of an array lies, and which order makes long runs.
# - Make a view with strides of your own, and save copies.
# - Put a batch's gradient together from its shards, whatever their sizes.
# - Tell whether something waits for arithmetic or for memory.
#
# **Before** [lesson 15: looking inside](15_looking_inside.ipynb) · **Next** your own: a layer that nobody has written, a data set of your
# own, `scratchnet train` · In the library: `scratchnet/memory.py`, `layers/conv.py` and `engine/`; the measurements are in `benchmarks/`
#
# *Sources.* M. Cho and D. Brand, "MEC: memory-efficient convolution for deep neural network", ICML 2017 (the overlapping windows).
# S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful visual performance model for multicore architectures",
# *Communications of the ACM* 2009.
