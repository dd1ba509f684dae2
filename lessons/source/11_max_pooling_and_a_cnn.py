# %% [markdown]
# # Lesson 11: Max pooling and a CNN end to end
#
# **The idea.** Max pooling keeps the largest value of each window and forgets the others. So on the way back its gradient goes
# to the winner of each window, and to nobody else. With this last layer you have all that a convolutional network is made of,
# and you train one on 60 000 digits: with your own convolution, pooling and loss.
#
# **You need** the convolution of lessons [9](09_convolution_by_loops.ipynb) and [10](10_im2col_and_col2im.ipynb) and the softmax
# cross-entropy of [lesson 4](04_softmax_and_cross_entropy.ipynb), both of which you bring along; the ReLU's mask from [lesson
# 5](05_dense_and_relu.ipynb); and the momentum and learning rates of [lesson 8](08_optimizers.ipynb).
#
# **Time** about 60 minutes.
#
# **Afterwards you can** route a gradient through a maximum, build and train a CNN end to end, and look at what it sees and what it
# gets wrong.

# %%
import numpy as np
from matplotlib.patches import Rectangle

from scratchnet import viz
from scratchnet.engine import Engine, loss_and_grads
from scratchnet.layers import Conv2d, Dense, Flatten, MaxPool2d, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy, softmax
from scratchnet.metrics import confusion_matrix
from scratchnet.optim import Nesterov, one_cycle
from scratchnet.preprocess import prepare
from scratchnet.train import evaluate, steps_per_epoch, train_steps
from scratchnet_lessons import (
    check,
    digits,
    effort,
    gradient_check,
    hint,
    hours_for,
    learner,
    panels,
    solution,
    style,
    whose_code,
)

# %% [markdown]
# ## Keep the largest
#
# A filter that looks for an edge says for each place how much of an edge is there. Whether it is one pixel further left is of no
# importance for "this is a 7". So lay windows over its answers, mostly of 2 × 2 and side by side, and keep of each the **largest**
# value only: *somewhere in here there was this much of an edge*. The image gets a quarter of its size, and what follows is four
# times as fast.

# %%
numbers = np.array([[1, 3, 2, 0], [5, 4, 1, 1], [0, 2, 9, 6], [1, 1, 7, 8]], float)
colours = [[viz.SKY, viz.ORANGE], [viz.YELLOW, viz.PURPLE]]


def draw_numbers(ax, numbers, title, colour):
    rows, columns = numbers.shape
    for i, j in np.ndindex(rows, columns):
        ax.add_patch(Rectangle((j, i), 1, 1, facecolor=colour(i, j), edgecolor="#555555"))
        ax.text(j + 0.5, i + 0.5, f"{numbers[i, j]:g}", ha="center", va="center", fontsize=13)
    ax.set(xlim=(-0.05, columns + 0.05), ylim=(rows + 0.05, -0.05), aspect="equal", title=title)
    ax.set_axis_off()


with style():
    figure, axes = panels(1, 2, size=(7, 3.2), width_ratios=[4, 2.4])
    draw_numbers(axes[0], numbers, "x, and four windows", lambda i, j: colours[i // 2][j // 2])
    draw_numbers(axes[1], np.array([[5.0, 2], [2, 9]]), "out", lambda i, j: colours[i][j])
figure

# %% [markdown]
# A window may also have another size, and a **stride** smaller than its size; then windows overlap. Rows and columns that do not
# fill a window are left out. For each image and each channel:
#
# $$\text{out}_{ncij} = \max_{a, b}\; x_{n,\;c,\;i \cdot \text{sh} + a,\;j \cdot \text{sw} + b}$$
#
# $(i, j)$ is the position of the window, $(a, b)$ its **entry**, row $a$ and column $b$ inside of it: $0 \le a < \text{KH}$ and
# $0 \le b < \text{KW}$. $\text{sh}$ and $\text{sw}$ are the stride down and across. (Lesson 10's $(p, q)$ is $(a, b)$ here, as in lesson 9; its `kh`
# and `oh` are `KH` and `OH`. A $b$ in an index is a column of the window, and no bias.)
#
# To compute that without a loop over all windows, do as im2col did: go through the few entries of the window. Entry $(a, b)$ of
# *all* windows together is a cut-out of `x`, a slice `start : stop : step` each way:
#
# | | start | stop | step | how many |
# |---|---|---|---|---|
# | rows | `a` | `a + sh * OH` | `sh` | `OH` |
# | columns | `b` | `b + sw * OW` | `sw` | `OW` |
#
# Why this stop? Window $i$ begins at row $i \cdot \text{sh}$, so in the last window, $i = \text{OH} - 1$, entry $a$ is row
# $a + \text{sh} \cdot (\text{OH} - 1)$. That row is to be the last one taken. A slice ends *before* its stop, so let it stop one step further on, at
# $a + \text{sh} \cdot \text{OH}$. For example, in a single column of 13 pixels, a window of $\text{KH} = 2$ with the stride $\text{sh} = 3$ has
# $\text{OH} = \lfloor (13 - 2) / 3 \rfloor + 1 = 4$ positions:

# %%
column = np.arange(13)
for a in range(2):
    print(f"entry {a}: column[{a} : {a + 3 * 4} : 3] is {column[a : a + 3 * 4 : 3]}")
print("without a stop: column[0::3] is", column[0::3])

# %% [markdown]
# Without a stop pixel 12 comes along, where only half a window is left. Back to the example in colours, where window, stride and the
# number of positions are all 2, down and across:

# %%
for a in range(2):
    for b in range(2):
        cut_out = numbers[a : a + 2 * 2 : 2, b : b + 2 * 2 : 2]
        print(f"entry {(a, b)}, index {2 * a + b}: {cut_out.tolist()}")

# %% [markdown]
# Take the upper left value of each of these four cut-outs: 1, 3, 5, 4. That is the blue window. Its maximum is 5, which has **index** 2 of the
# four, counted from 0. So lay the cut-outs in one array `windows`, the window's entries along its first axis: (KH · KW, N, C, OH,
# OW). Then ask for the maximum along that axis, and for the **index of the winner**, which the backward pass will need. NumPy has
# both: `windows.max(axis=0)` and `windows.argmax(axis=0)`.
#
# ## Exercise 11.1: max pooling, forward
#
# | | |
# |---|---|
# | formula | the one above |
# | takes | `x` (N, C, H, W); `kernel_size` and `stride`, each a pair (down, across) |
# | returns | `out` (N, C, OH, OW), and the cache |
# | missing | `pixels` (N, C, OH, OW), entry `(a, b)` of all windows; `out`; and `winner` (N, C, OH, OW), the index of the largest entry, of the first one if there are several |


# %% tags=["exercise-11.1"]
def max_pool_forward(x, kernel_size=(2, 2), stride=(2, 2)):
    (KH, KW), (sh, sw) = kernel_size, stride
    N, C, H, W = x.shape
    OH, OW = (H - KH) // sh + 1, (W - KW) // sw + 1
    windows = np.empty((KH * KW, N, C, OH, OW), x.dtype)
    for a in range(KH):
        for b in range(KW):
            pixels = ...
            windows[a * KW + b] = pixels  # entries are counted along the rows of the window
    out = ...
    winner = ...
    return out, (winner, x.shape, kernel_size, stride)


# %%
check("11.1", max_pool_forward)

# %%
pool_forward = learner("11.1", max_pool_forward)
out, cache = pool_forward(numbers.reshape(1, 1, 4, 4))
print("out   ", out[0, 0].tolist())
print("winner", cache[0][0, 0].tolist())

# %% [markdown]
# ## Backward: the winner takes it all
#
# Ask what you always ask: *which outputs does this value reach, and by what is it multiplied on the way?*
#
# - The largest value of a window **is** the window's output. If it grows by 1, so does the output: slope 1.
# - Any other one may grow a little, and the output stays as it is: slope 0.
#
# $$\text{dx}_{n,c,u,v} = \sum \text{dout}_{ncij} \quad\text{over all windows } (i, j) \text{ that pixel } (u, v) \text{ has won}$$
#
# That is a sum because windows may overlap, and then one pixel can win several of them. By hand, in a single row: $x = (3, 7, 5, 1)$,
# a window of 3 and stride 1, so there are two windows. Let $\text{dout} = (10, 20)$.
#
# | | window 0 sees $(x_0, x_1, x_2) = (3, 7, 5)$ | window 1 sees $(x_1, x_2, x_3) = (7, 5, 1)$ | sum |
# |---|---|---|---|
# | out | 7, won by $x_1$ (index 1 of the window) | 7, won by $x_1$ (index 0 of the window) | |
# | to the pixels | 10 to $x_1$ | 20 to $x_1$ | $\text{dx} = (0,\; 10 + 20,\; 0,\; 0)$ |
#
# In the example with four windows nothing overlaps. With $\text{dout}$ = 10, 20, 30, 40:

# %%
dout = np.array([[10.0, 20.0], [30.0, 40.0]])
with style():
    figure, axes = panels(1, 2, size=(7, 3.2), width_ratios=[2.4, 4])
    draw_numbers(axes[0], dout, "dout", lambda i, j: colours[i][j])
    dx = np.zeros((4, 4))
    dx[1, 0], dx[0, 2], dx[2, 1], dx[2, 2] = 10, 20, 30, 40
    draw_numbers(axes[1], dx, "dx", lambda i, j: colours[i // 2][j // 2] if dx[i, j] else "white")
figure

# %% [markdown]
# ### Who wins a tie?
#
# Why remember the winner's index? One could also ask, in the backward pass, which pixels equal the maximum. You will find code that
# does so. Here it is, and the gradient check:


# %%
def naive_forward(x):
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2)  # axes 3 and 5 are the row and the column inside of a window
    return windows.max(axis=(3, 5)), x


def naive_backward(dout, cache):
    x = cache
    out, _ = naive_forward(x)
    out_of_pixel = out.repeat(2, axis=2).repeat(2, axis=3)  # (N, C, H, W): for each pixel the maximum of its window ..
    dout_of_pixel = dout.repeat(2, axis=2).repeat(2, axis=3)  # .. and its gradient
    return dout_of_pixel * (x == out_of_pixel)


gradient_check((naive_forward, naive_backward), np.random.default_rng(0).standard_normal((2, 2, 4, 6)))

# %% [markdown]
# With random numbers alone it would pass: no two of them are equal. The checker of this course also tries an image whose pixels are
# all equal. Then each of a window's four pixels gets the whole gradient, 4 times what there is to give. But when all four
# grow by 1 the maximum grows by 1, not by 4: **the shares of a window's pixels must add up to 1**.
#
# And ties are no rare case. Here are feature maps as this lesson's network is going to pool them: the answers of eight random filters
# to digits.

# %%
images, labels, source = digits("train", effort(60_000, fast=640))
maps = Conv2d(1, 8, 5, rng=np.random.default_rng(0))(prepare(images[:500]))  # (N, 8, 24, 24)
entries = np.stack([maps[:, :, a::2, b::2] for a in range(2) for b in range(2)])  # (4, N, 8, 12, 12)
tied = (entries == entries.max(axis=0)).sum(axis=0) > 1
print(f"{tied.mean():.0%} of the 2 x 2 windows have a tie ({source} digits)")

# %% [markdown]
# How is that, after a convolution? Where a filter sees nothing but empty background, it says the same each time, and a digit has a
# lot of that. So what to do with a tie? The shares must add up to 1, and it is simplest to give all to **one** pixel. Which one does not
# matter; `argmax` takes the first.
#
# In code, go through the entries $(a, b)$ of the window again, as forward did. Entry $(a, b)$ has the index `a * KW + b`. Where it is the winner,
# it gets `dout`, elsewhere 0: a **mask**, as with the ReLU. For the example, and index 2:

# %%
winner = cache[0][0, 0]
print("winner              ", winner.tolist())
print("winner == 2         ", (winner == 2).tolist())
print("dout * (winner == 2)", (dout * (winner == 2)).tolist())

# %% [markdown]
# True and False count as 1 and 0. One window has been won by its entry of index 2, which is $(1, 0)$, the lower left. What an entry
# gets is added to the very cut-out of `dx` that forward took from `x`.
#
# ## Exercise 11.2: max pooling, backward
#
# | | |
# |---|---|
# | takes | `dout` (N, C, OH, OW), and the cache of forward |
# | returns | `dx` (N, C, H, W) |
# | missing | `mask` (N, C, OH, OW), True in those windows that entry `(a, b)` has won; and the line that adds to `dx` |


# %% tags=["exercise-11.2"]
def max_pool_backward(dout, cache):
    winner, x_shape, (KH, KW), (sh, sw) = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for a in range(KH):
        for b in range(KW):
            mask = ...
            # here: add to the pixels of entry (a, b) what they have won
    return dx


# %%
check("11.2", max_pool_backward)

# %%
pool_backward = learner("11.2", max_pool_backward)
print(pool_backward(dout.reshape(1, 1, 2, 2), cache)[0, 0])  # the picture
_, row_cache = pool_forward(np.array([[[[3.0, 7.0, 5.0, 1.0]]]]), (1, 3), (1, 1))
print(pool_backward(np.array([[[[10.0, 20.0]]]]), row_cache).ravel())  # 0, 30, 0, 0, as by hand

# %% [markdown]
# ### Two relatives
#
# **Average pooling** takes the mean of each window. Then every pixel has a part in the output, with the slope $1 / (\text{KH} \cdot \text{KW})$: so each
# gets $\text{dout}_{ncij} / (\text{KH} \cdot \text{KW})$, and where windows overlap the parts add. **Global average pooling** has one window, the whole image:
# `out` is (N, C), and every pixel gets $\text{dout}_{nc} / (H \cdot W)$.
#
# **Flatten** stands between the last image layer and the first dense one, which wants rows of numbers. It computes nothing: pixel
# $(c, h, w)$ of an image gets the index $(c \cdot H + h) \cdot W + w$ in its row, `x.reshape(N, -1)`. Each value reaches one output with the slope
# 1, so the gradient goes the same way back: `dx = dout.reshape(x.shape)`.
#
# ## Your own convolution and loss
#
# Two parts are missing, and you have written both. **Replace the two stubs** of each exercise by your functions: a stub that is still
# there, further down in the cell or run later, is what counts. If you have not done these lessons, leave the cells as they are, and the
# library's versions stand in.
#
# ## Exercise 11.3: bring your convolution
#
# | | |
# |---|---|
# | forward | $\text{out}_{nfij} = b_f + \sum_{c,a,b} \text{xpad}_{n,\;c,\;i \cdot \text{sh} + a,\;j \cdot \text{sw} + b}\; w_{fcab}$ (the index $b$ has nothing to do with the bias $b_f$) |
# | takes | `x` (N, C, H, W), `w` (F, C, KH, KW), `b` (F,); `stride` and `pad`, each a pair (down, across) |
# | returns | `out` (N, F, OH, OW), and a cache of your own |
# | backward | takes `dout` and that cache, returns `dx`, `dw`, `db` |
#
# From [lesson 10](10_im2col_and_col2im.ipynb) **four** functions have to come along, all of them into the one cell below: `im2col` (exercise
# 10.1), `col2im` (10.2), `conv_forward` (which stands there) and `conv_backward` (10.3). The last two call `im2col_here` and
# `col2im_here`, names that only that notebook has: write `im2col` and `col2im` instead. (The loops of [lesson
# 9](09_convolution_by_loops.ipynb) are right, too: exercises 9.2 and 9.3, together with `places` of 9.1, which they call `places_here`. They
# would take hours for what follows, so the network would then be trained with the library's.)


# %% tags=["exercise-11.3"]
def conv_forward(x, w, b, stride=(1, 1), pad=(0, 0)):
    out = ...
    cache = ...
    return out, cache


def conv_backward(dout, cache):
    dx = ...
    dw = ...
    db = ...
    return dx, dw, db


# %%
check("11.3", conv_forward, conv_backward)

# %%
conv = learner("11.3", (conv_forward, conv_backward), Conv2d.functions)

# %% [markdown]
# ## Exercise 11.4: bring your loss
#
# | | |
# |---|---|
# | forward | $\text{probs}_{nk} = e^{\text{logits}_{nk}} / \sum_j e^{\text{logits}_{nj}}$, and the loss is the mean of $-\log \text{probs}_{n,\,\text{labels}_n}$ over the $N$ rows |
# | backward | $\text{dlogits}_{nk} = \dfrac{\text{dloss}}{N} \left(\text{probs}_{nk} - [\,k = \text{labels}_n]\right)$, where $[\ldots]$ is 1 for the row's label and 0 for all other classes |
# | takes | `logits` (N, K), `labels` (N,), whole numbers from 0 to K - 1 |
# | returns | the loss, a number, and a cache of your own |
# | backward | takes `dloss`, a number (how much the loss itself counts, mostly 1), and the cache; returns `dlogits` (N, K) |
# | mind | logits of 1000 must not make anything infinite. So take the row's largest logit off first, which changes no probability: that is $\text{shifted}$. And take no logarithm of a probability, which may have been rounded to 0, but of the sum: $\log \text{probs}_{nk} = \text{shifted}_{nk} - \log \sum_j e^{\text{shifted}_{nj}}$ |
#
# In [lesson 4](04_softmax_and_cross_entropy.ipynb) these are `cross_entropy_forward` (exercise 4.2) and `cross_entropy_backward` (4.3): copy them, and
# call them `loss_forward` and `loss_backward`.


# %% tags=["exercise-11.4"]
def loss_forward(logits, labels):
    loss = ...
    cache = ...
    return loss, cache


def loss_backward(dloss, cache):
    dlogits = ...
    return dlogits


# %%
check("11.4", loss_forward, loss_backward)

# %%
loss = SoftmaxCrossEntropy(functions=learner("11.4", (loss_forward, loss_backward), SoftmaxCrossEntropy.functions))

# %% [markdown]
# ## The network
#
# | layer | output for one image | parameters |
# |---|---|---|
# | image | (1, 28, 28) | |
# | convolution, 8 filters of 5 × 5 | (8, 24, 24) | 8 · 25 + 8 = 208 |
# | max pooling 2 × 2, ReLU | (8, 12, 12) | |
# | convolution, 16 filters of 5 × 5 | (16, 8, 8) | 16 · 8 · 25 + 16 = 3216 |
# | max pooling 2 × 2, ReLU | (16, 4, 4) | |
# | flatten | (256,) | |
# | dense | (10,) | 256 · 10 + 10 = 2570 |
# | **together** | | **208 + 3216 + 2570 = 5994** |
#
# The images get smaller and there are more of them: less *where*, more *what*. Pooling stands before the ReLU. The result is the same in
# either order, since the largest number stays the largest when negative ones become 0, and this way the ReLU has a quarter of the work.

# %%
rng = np.random.default_rng(0)


def build(conv):
    pool = pool_forward, pool_backward
    return Sequential(
        Conv2d(1, 8, 5, rng=rng, functions=conv),
        MaxPool2d(2, functions=pool),
        ReLU(),
        Conv2d(8, 16, 5, rng=rng, functions=conv),
        MaxPool2d(2, functions=pool),
        ReLU(),
        Flatten(),
        Dense(16 * 4 * 4, 10, rng=rng),
    )


model = build(conv)
for name, layer, x, out, _ in model.stages(prepare(images[:1])):
    print(f"{name}  {type(layer).__name__:10s} {x.shape} -> {out.shape}")

# %% [markdown]
# ## Training
#
# Two passes over all images, in batches of 64, with Nesterov's momentum and a learning rate that rises and falls, from [lesson
# 8](08_optimizers.ipynb). First one batch is timed: with a convolution by loops all of them would take hours, and then the library's
# takes over. `Engine` and `train_steps` are the training loop of lesson 10, wrapped up: take a batch, forward, loss, backward, change the
# parameters, and say how it went. The test images are not looked at before the end. It takes about half a minute.

# %%
batch_size, epochs = 64, effort(2, fast=1)
steps = epochs * steps_per_epoch(len(images), batch_size)


def one_batch():
    loss_and_grads(model, loss, prepare(images[:batch_size]), labels[:batch_size])


hours = hours_for(one_batch, times=steps)
if hours > 0.25:
    print(f"With this convolution {steps} steps would take {hours:.1f} hours: trained with the library's.")
    model = build(Conv2d.functions)
first_filters = model.params["0.w"][:, 0].copy()  # (8, 5, 5), as they are before training: for later

engine = Engine(model, loss, images, labels, prepare=prepare)
peak = 0.05  # the largest learning rate
optimizer = Nesterov(lr=peak)  # it wants an lr, but with a schedule each step takes the schedule's
schedule = one_cycle(peak, steps)
history = []
for step in train_steps(engine, optimizer, epochs=epochs, batch_size=batch_size, schedule=schedule, seed=0):
    history.append((step.loss, step.correct / step.size))
    if len(history) % max(1, steps // 6) == 0:
        mean_loss, accuracy = np.mean(history[-100:], axis=0)
        print(
            f"step {len(history):4d} of {steps}: loss {mean_loss:.3f}, {accuracy:.1%} of the last training images are right"
        )

# %%
test_images, test_labels, _ = digits("test", effort(10_000, fast=200))
result = evaluate(engine, test_images, test_labels)
print(f"{source}: {result.accuracy:.2%} of {len(test_images)} test images are right")
if hours > 0.25:
    print("Your convolution was only timed; the training ran on the library's.")
whose_code()

# %% [markdown]
# On MNIST that is 98.5 % or better: one or two digits in a hundred are wrong, with 5994 parameters. Whose gradients have trained
# them? For pooling, convolution and loss the table says so. The ReLU, Flatten and the dense layer are the library's here; the ReLU and the dense
# layer you have written in lesson 5. (Synthetic digits are more varied than MNIST's; with them it is some 93 %.)

# %%
losses = np.array(history)[:, 0]
width = max(1, len(losses) // 40)
smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
with style():
    figure, ax = panels(size=(9, 3.6))
    ax.plot(losses, color=viz.SKY, linewidth=0.8, label="each batch")
    ax.plot(np.arange(len(smooth)) + width - 1, smooth, color=viz.BLUE, linewidth=2.5, label=f"mean of {width} batches")
    ax.set(xlabel="step", ylabel="loss", ylim=(0, None), title="Most is learned in the first few hundred steps")
    ax.legend(frameon=False)
figure

# %% [markdown]
# ## What it sees
#
# Each filter makes an image of its own out of the digit: its **feature map**. Here are the eight filters of the first convolution
# before and after training, their maps, and what is left of these after pooling and ReLU.

# %%
which = np.flatnonzero(test_labels == 4)[0]
stages = {name: out[0] for name, _, _, out, _ in model.stages(prepare(test_images[which : which + 1]))}
weights = model.params["0.w"][:, 0]  # (8, 5, 5)
largest_weight = max(np.abs(first_filters).max(), np.abs(weights).max())  # one colour scale for all filters ..
largest_answer = np.abs(stages["0"]).max()  # .. and one for all maps
rows = [
    ("filters at the start\n5 × 5, enlarged", first_filters, 5, largest_weight),
    ("trained", weights, 5, largest_weight),
    ("maps of these\n24 × 24", stages["0"], 24, largest_answer),
    ("pooled, ReLU\n12 × 12", stages["2"], 24, largest_answer),
]
with style():
    figure, axes = panels(4, 10, size=(13, 5.6), width_ratios=[1, 1.45] + [1] * 8)
    for ax in axes.ravel():
        ax.set_axis_off()
    axes[2, 0].imshow(test_images[which], cmap="gray")
    axes[2, 0].set_title("the digit")
    for row, (title, pictures, frame, largest) in enumerate(rows):
        middle = (pictures.shape[1] - 1) / 2
        axes[row, 1].text(0, 0.5, title, transform=axes[row, 1].transAxes, va="center", fontsize=11)
        for k, ax in enumerate(axes[row, 2:]):
            ax.imshow(pictures[k], cmap=viz.SIGNS, vmin=-largest, vmax=largest)
            ax.set(xlim=(middle - frame / 2, middle + frame / 2), ylim=(middle + frame / 2, middle - frame / 2))
            if row == 0:
                ax.set_title(f"filter {k}")
figure

# %% [markdown]
# Orange is positive, blue negative, and white is 0. All filters have one colour scale, and all maps another one. Compare a trained
# filter with its map: it answers most where the image is bright under its orange weights and dark under its blue ones. One that is
# orange on one side and blue on the other finds edges, on one side of the strokes; one with an orange or a blue band through its middle
# finds strokes of that direction, or the gaps between them.
#
# You made such filters by hand in lesson 9. These were made by nobody, but not by the gradient alone either: chance drew them, and the
# gradient has changed what did not help. Compare the first two rows: most filters still show where they began.
#
# Which of the eight find edges, which strokes? Lay a pattern over the filter, multiply and sum, as a convolution does. With $w$ the
# filter, less its mean, and $p$ the pattern, $(\sum w p)^2 / (\sum w^2 \sum p^2)$ is the **share** of the pattern: 1 if the filter is nothing
# else, 0 if it has nothing of it. An edge of any direction is made of two patterns, one that grows downwards and one that grows across,
# and their shares add up; for strokes there are two as well, straight and diagonal.

# %%
down, across = np.mgrid[-2:3, -2:3]  # row and column of each weight, counted from the middle
patterns = {"edge": (down, across), "stroke": (down**2 - across**2, down * across)}


def share(w, pair):
    w = w - w.mean()
    return sum((w * p).sum() ** 2 / ((w**2).sum() * (p**2).sum()) for p in pair)


for k in range(8):
    found = [
        f"{name} {share(first_filters[k], pair):4.0%} at the start, {share(weights[k], pair):4.0%} now"
        for name, pair in patterns.items()
    ]
    print(f"filter {k}:  {'    '.join(found)}")

# %% [markdown]
# Chance alone gives each of the two some 8 %: 25 weights less their mean leave room for 24 patterns, and these are 2 of them. So
# call one an edge or a stroke if its share is several times that. One that has little of both looks for something else: the end of a
# stroke, a corner, a spot, or something that has no name. And compare the start with the end: what training has made of a filter, and
# what chance had put into it before.
#
# The lowest row has no blue left. But why is the *empty* background not white there, for some filters? The network never
# sees 0 for black: `prepare` takes the mean of all pixels off and divides by their standard deviation, which makes it −0.42. So a filter's
# answer to the background is its bias minus 0.42 times the sum of its weights, and where that is positive the ReLU keeps it:

# %%
black = prepare(np.zeros((1, 28, 28), np.uint8)).min()
for k, answer in enumerate(model.params["0.b"] + black * weights.sum(axis=(1, 2))):
    print(f"filter {k}: {answer:+.2f} for the background, {max(answer, 0):.2f} after the ReLU")

# %% [markdown]
# The second convolution looks at all eight of these maps together. Its sixteen answers are 4 × 4 numbers after pooling, and the dense
# layer weighs these 256 to name the digit. Where a map is all white, its filter has found nothing in this digit that it looks for:

# %%
with style():
    figure, axes = panels(2, 8, size=(11, 3.2))
    for k, ax in enumerate(axes.ravel()):
        ax.imshow(stages["5"][k], cmap=viz.SIGNS, vmin=-stages["5"].max(), vmax=stages["5"].max())
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=True, color="#B5B5B5")
    figure.suptitle("The 16 maps after the second pooling and ReLU", fontsize=13)
figure

# %% [markdown]
# ## What it gets wrong
#
# Here are test images that it took for another digit: first those where it was most sure. Above each stands the true label, the predicted
# one, and how probable the network found that.

# %%
viz.mistakes(test_images, test_labels, softmax(result.logits), count=15)

# %% [markdown]
# Some are hard for people, too. Look for what they have in common: loops that are not closed, strokes that are cut off, slants. What
# it never saw in training it can't know; [lesson 13](13_batchnorm_dropout_augmentation.ipynb) makes it see more.
#
# Which digits does it take for which? In the **confusion matrix** each row is a true label and each column a predicted one, so that what
# is right stands on the diagonal. The colour is the share of a row's images that went wrong in this way, as the bar says:

# %%
matrix = confusion_matrix(test_labels, result.logits.argmax(axis=1), 10)
viz.confusion(matrix)

# %%
mistakes = matrix - np.diag(np.diag(matrix))  # without the right answers
often = mistakes >= max(np.sort(mistakes, axis=None)[-3], 1)  # the top three, and all that are as frequent as the third
for true, predicted in np.argwhere(often)[np.argsort(-mistakes[often], kind="stable")]:
    print(f"{true} taken for {predicted}: {mistakes[true, predicted]} of {matrix[true].sum()}")

# %% [markdown]
# ## What you can do now
#
# - Say what max pooling is good for, and route its gradient to the winners, ties included.
# - Say what average pooling and Flatten give back to each pixel, and why.
# - Build a CNN of your own layers, count its parameters, and train it (to 98.5 % on MNIST).
# - Look at feature maps and at mistakes, and say which digits a network confuses.
#
# **Before** [lesson 10: im2col and col2im](10_im2col_and_col2im.ipynb) · **Next** [lesson 12: debugging](12_debugging.ipynb), for
# the day on which it does not learn · In the library: `scratchnet/layers/pool.py`, which finds the maximum down and across, one after
# the other, and `scratchnet/models.py`
#
# *Sources.* Y. LeCun et al., "Gradient-based learning applied to document recognition", *Proceedings of the IEEE* 1998 (the whole
# network, with averages for pooling). M. Ranzato et al., "Unsupervised learning of invariant feature hierarchies", CVPR 2007 (max
# pooling). M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014 (global average pooling).
