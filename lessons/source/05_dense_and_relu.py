# %% [markdown]
# # Lesson 5: Dense and ReLU
#
# **The idea.** A dense layer multiplies by a matrix and adds a bias. Its backward pass is three lines, and each of them
# follows from one question: *which outputs does this number reach, and by what is it multiplied on the way?* Put a ReLU
# between two such layers and the network can bend.
#
# **You need** the chain rule as in [lesson 2](02_the_chain_rule.ipynb): local slope times the slope that comes from above. The
# loss is that of [lesson 4](04_softmax_and_cross_entropy.ipynb); here it is used as it is.
#
# **Time** about 75 minutes.
#
# **Afterwards you can** derive the backward pass of any layer that multiplies and adds, with the shapes as your guide, and
# train a small network whose every line you have written.

# %%
import numpy as np
from matplotlib.patches import Rectangle

from scratchnet import viz
from scratchnet.layers import Dense, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet_lessons import check, effort, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## A problem that no line can solve
#
# Three hundred points in the plane, of two kinds. A network is to learn which kind stands where. (Run the cells that
# draw, here and later, but you need not read them: look at the picture.)

# %%
rng = np.random.default_rng(5)
angle = rng.uniform(0, np.pi, 150)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
lower = np.stack([1 - np.cos(angle), 0.4 - np.sin(angle)], axis=1)
points = np.concatenate([upper, lower]) + 0.13 * rng.standard_normal((300, 2))
points = points.astype(np.float32)  # (300, 2): a row for each point
labels = np.repeat([0, 1], 150)  # (300,): its kind


def draw_points(ax):
    for kind, colour, marker in (0, viz.BLUE, "o"), (1, viz.VERMILLION, "^"):
        ax.scatter(*points[labels == kind].T, c=colour, marker=marker, s=22, edgecolors="white", linewidths=0.5)
    ax.set(xlabel="x[n, 0]", ylabel="x[n, 1]", xlim=(-1.5, 2.5), ylim=(-1.15, 1.55))


with style():
    figure, ax = panels(size=(6.5, 4))
    draw_points(ax)
    ax.set_title("No straight line separates the two kinds")
figure

# %% [markdown]
# ## Forward: a weighted sum for each output
#
# One output of a dense layer is a weighted sum of *all* inputs, plus a number of its own, the **bias**. Take a single point
# $x = (1, 2)$, and one output with the weights $(3, -1)$ and the bias $10$:
#
# $$\text{out} = 1 \cdot 3 + 2 \cdot (-1) + 10 = 11$$
#
# A layer has many outputs, each with weights and a bias of its own, and it gets many points at once. Let us name the sizes,
# and keep these names for good (the numbers are others in each example):
#
# | size | what it counts | for the points above |
# |---|---|---|
# | `N` | rows of the batch: points, images | 300 |
# | `D` | inputs of the layer, for each row | 2 |
# | `M` | outputs of the layer, for each row | as many as we like |
#
# The weights of output $m$ are column $m$ of a matrix `w`, which so has the shape `(D, M)`. With $j$ for the number of an input:
#
# $$\text{out}_{nm} = b_m + \sum_{j} x_{nj}\, w_{jm}$$
#
# A sum of products over one index is just what a **matrix product** computes:
#
# $$(A B)_{rs} = \sum_k A_{rk} B_{ks}$$
#
# The index that is summed, $k$, is the *last* of the first matrix and the *first* of the second. NumPy writes it `A @ B`; the
# shapes `(R, K) @ (K, S)` give `(R, S)`. In our formula $j$ is the last index of `x` and the first of `w`: so it is `x @ w`, with
# the shapes `(N, D) @ (D, M)`, which give `(N, M)`. The bias has the shape `(M,)`; adding it to a matrix `(N, M)` adds it to
# every row.

# %%
x_small = np.array([[1.0, 2.0], [0.0, 1.0], [5.0, 0.0]])  # N = 3 rows, D = 2
w_small = np.array([[3.0, 0.0, 1.0, 2.0], [-1.0, 4.0, 1.0, 0.0]])  # (2, 4): M = 4 outputs
b_small = np.array([10.0, 0.0, 0.0, 0.0])
print("x", x_small.shape, " w", w_small.shape, " b", b_small.shape, " x @ w", (x_small @ w_small).shape)

# %% [markdown]
# A forward function of this course returns two things: the output, and a **cache** with all that the backward pass will need.
# For this layer that is `x` and `w`; you will see why.
#
# ## Exercise 5.1: dense, forward
#
# | | |
# |---|---|
# | formula | $\text{out}_{nm} = b_m + \sum_j x_{nj} w_{jm}$ |
# | takes | `x` (N, D), `w` (D, M), `b` (M,) |
# | returns | `out` (N, M), and the cache, the tuple `(x, w)` |


# %% tags=["exercise-5.1"]
def dense_forward(x, w, b):
    out = ...
    return out, (x, w)


# %%
check("5.1", dense_forward)

# %%
from scratchnet.layers.dense import dense_backward as library_dense_backward
from scratchnet.layers.dense import dense_forward as library_dense_forward

# learner(..) returns your function if the check has found it right, else the library's: the lesson goes on with that one.
forward_here = learner("5.1", dense_forward, library_dense_forward)
out_small, cache_small = forward_here(x_small, w_small, b_small)
print(out_small)

# %% [markdown]
# The 11 of the calculation above stands in the corner, `out[0, 0]`.
#
# ## Backward: three questions
#
# Somewhere behind this layer stands the loss, one number. Backpropagation arrives at our layer with the answer to "if
# `out[n, m]` grows a little, how much does the loss grow?", for each output: an array `dout` of the shape of `out`, `(N, M)`. Our
# layer has to answer the same for each of its own three arguments: `dx`, `dw` and `db`, **each of the shape of its argument**.
# Mind the name: `dx` is no small step in `x`. It says *how much the loss grows per unit of `x`*, entry by entry, and is short for
# $\partial\,\text{loss} / \partial x$; likewise `dw`, `db`, and `dout`, which comes from above.
#
# The chain rule says how. Take one number, say the weight `w[2, 1]` in a layer of 3 inputs and 2 outputs. Find all the outputs that it
# reaches. For each, multiply the *local slope* (by how much does this output grow, for each bit that the number grows?) with what comes
# from above, `dout` at that output. If it reaches several outputs, **add**: the loss feels all of them. In a picture, with 4 rows in the
# batch:

# %%
N, D, M = 4, 3, 2
reach = {
    "b[1] is added to column 1 of out": {"b": [(0, 1)], "out": [(n, 1) for n in range(N)]},
    "w[2, 1] meets x[n, 2]": {"w": [(2, 1)], "x": [(n, 2) for n in range(N)], "out": [(n, 1) for n in range(N)]},
    "x[1, 2] meets w[2, m]": {"x": [(1, 2)], "w": [(2, m) for m in range(M)], "out": [(1, m) for m in range(M)]},
}
places = {"x": (0, 0, N, D), "w": (4.2, 0, D, M), "b": (4.2, 4.2, 1, M), "out": (7.4, 0, N, M)}  # where, rows, columns


def draw_reach(ax, title, marked):
    number = title.split("[")[0]
    for name, (left, top, rows, columns) in places.items():
        for i, j in np.ndindex(rows, columns):
            colour = viz.BLUE if name == number else viz.ORANGE if name == "out" else viz.SKY
            colour = colour if (i, j) in marked.get(name, ()) else "white"
            ax.add_patch(Rectangle((left + j, top + i), 1, 1, facecolor=colour, edgecolor="#555555"))
        ax.text(left + columns / 2, top - 0.25, name, ha="center", fontsize=13)
    ax.text(3.6, 1.5, "@", ha="center", va="center", fontsize=13)
    ax.text(3.6, 4.7, "+", ha="center", va="center", fontsize=13)
    ax.text(6.8, 1.5, "=", ha="center", va="center", fontsize=13)
    ax.set(title=title, xlim=(-0.2, 9.6), ylim=(5.4, -1), aspect="equal")
    ax.set_axis_off()


with style():
    figure, axes = panels(1, 3, size=(12, 3))
    for ax, (title, marked) in zip(axes, reach.items(), strict=True):
        draw_reach(ax, title, marked)
figure

# %% [markdown]
# Dark blue: one number. Orange: the outputs that it reaches. Light blue: what it is multiplied by on the way, that is, the
# local slopes. Read the three answers off the picture:
#
# **The bias.** `b[m]` is added to `out[n, m]` in every row `n`. Its local slope is 1 everywhere. So
#
# $$\text{db}_m = \sum_n 1 \cdot \text{dout}_{nm}$$
#
# Sum the column. *Not* the mean: if the loss is a mean over the batch, the division by $N$ has been done in the loss, and is in
# `dout` already.
#
# **A weight.** `w[j, m]` reaches `out[n, m]` in every row `n`, multiplied by `x[n, j]`, which is therefore the local slope:
#
# $$\text{dw}_{jm} = \sum_n x_{nj}\, \text{dout}_{nm}$$
#
# **An input.** `x[n, j]` reaches every output `m` of its own row `n`, multiplied by `w[j, m]`:
#
# $$\text{dx}_{nj} = \sum_m \text{dout}_{nm}\, w_{jm}$$
#
# This is also why `x` and `w` are in the cache. In the product $x \cdot w$ the slope along $w$ is $x$, and the slope along $x$ is $w$: each
# is the other's local slope, so backward needs both.
#
# ### From sums to matrix products
#
# A matrix product sums over the last index of the first factor and the first index of the second. In $\text{dw}$ we sum over $n$,
# but $n$ is the *first* index of both. Turn the first matrix round: `x.T`, the **transposed** matrix, has rows and columns
# exchanged, $(x^T)_{jn} = x_{nj}$. Now the shapes fit. In $\text{dx}$ we sum over $m$, the last index of both; which one has to be
# turned?
#
# The shapes answer that as well, which is the best check that you have in your head. You know the shapes of `x`, `w` and
# `dout`, and that `dw` must be `(D, M)`. Here is the first row; fill in the other two on paper, before you write any code:
#
# | wanted | shape | from | the only product that fits |
# |---|---|---|---|
# | `dw` | (D, M) | `x` (N, D) and `dout` (N, M) | (D, N) @ (N, M): the first is `x.T` |
# | `dx` | (N, D) | `dout` (N, M) and `w` (D, M) | ? |
# | `db` | (M,) | `dout` (N, M) | no product: a sum, over which axis? |
#
# Two entries by hand. Let this come from above, in our small example:
#
# $$\text{dout} = \begin{pmatrix} 1 & 0 & 2 & -1 \\ 3 & 1 & 0 & 2 \\ 2 & -2 & 1 & 0 \end{pmatrix}$$
#
# Weight `w[0, 0]` meets `x[n, 0]`, which is 1, 0 and 5 in the three rows, and reaches column 0 of `out`. There `dout` is 1, 3 and 2:
# `dw[0, 0]` $= 1\cdot1 + 0\cdot3 + 5\cdot2 = 11$.
#
# Input `x[0, 0]` meets row 0 of `w`, which is 3, 0, 1 and 2, and reaches row 0 of `out`. There `dout` is 1, 0, 2 and -1:
# `dx[0, 0]` $= 3\cdot1 + 0\cdot0 + 1\cdot2 + 2\cdot(-1) = 3$.
#
# ## Exercise 5.2: dense, backward
#
# | | |
# |---|---|
# | takes | `dout` (N, M), and the cache `(x, w)` |
# | returns | `dx` (N, D), `dw` (D, M), `db` (M,): one gradient for each argument of forward, in the same order |


# %% tags=["exercise-5.2"]
def dense_backward(dout, cache):
    x, w = cache
    dx = ...
    dw = ...
    db = ...
    return dx, dw, db


# %%
check("5.2", dense_backward)

# %%
backward_here = learner("5.2", dense_backward, library_dense_backward)
dout_small = np.array([[1.0, 0.0, 2.0, -1.0], [3.0, 1.0, 0.0, 2.0], [2.0, -2.0, 1.0, 0.0]])
dx, dw, db = backward_here(dout_small, cache_small)
print("dx", dx.shape, " dw", dw.shape, " db", db.shape)
print("dw[0, 0] is", dw[0, 0], " and dx[0, 0] is", dx[0, 0])

# %% [markdown]
# ## Why something has to bend
#
# Why not put two dense layers one after the other and be done? Because two are no more than one. Multiply out:
#
# $$(x w_1 + b_1)\, w_2 + b_2 = x\, (w_1 w_2) + (b_1 w_2 + b_2)$$
#
# That is a dense layer with the matrix $w_1 w_2$ and the bias $b_1 w_2 + b_2$.
#
# Say that the two outputs are scores for the two kinds, and that the larger one wins. The **decision boundary** is where neither
# does: score 1 − score 0 = 0. Each score of a dense layer is a weighted sum of $x_0$ and $x_1$ plus a number, and so is their difference:
# $x_0 u_0 + x_1 u_1 + c = 0$. That is the equation of a straight line. So however many dense layers you stack, the boundary stays one.

# %%
w1, b1, w2, b2 = rng.standard_normal((2, 8)), rng.standard_normal(8), rng.standard_normal((8, 2)), rng.standard_normal(2)
two_layers = (points @ w1 + b1) @ w2 + b2
one_layer = points @ (w1 @ w2) + (b1 @ w2 + b2)
print("largest difference:", f"{np.abs(two_layers - one_layer).max():.0e}")

# %% [markdown]
# So between the two we put a function that is no straight line, applied to each number on its own. The simplest that works
# is the **ReLU** (rectified linear unit): positive numbers pass, all others become 0.
#
# $$\text{out} = \max(x, 0) \qquad\text{slope: } 1 \text{ where } x > 0, \text{ and } 0 \text{ where } x < 0$$
#
# At $x = 0$ there is a kink and no slope ([lesson 3](03_numeric_gradients.ipynb)); everybody takes 0 there.
#
# Its backward pass is the chain rule for a function of one number: local slope times `dout`, entry by entry. The local slope is
# 1 or 0, a **mask**: where the input was stopped, no gradient comes back either, because a little more or less of a negative
# number changes nothing. For the cache the *output* is enough: it is positive exactly where the input was.
#
# ## Exercise 5.3: ReLU, backward
#
# | | |
# |---|---|
# | takes | `dout` (any shape), and the cache: `out`, of the same shape |
# | returns | `dx`, of the same shape: `dout` where `out` is positive, 0 elsewhere |
# | leave alone | `dout`: it belongs to the caller |


# %%
def relu_forward(x):
    out = np.maximum(x, 0)
    return out, out


# %% tags=["exercise-5.3"]
def relu_backward(dout, cache):
    out = cache
    dx = ...
    return dx


# %%
check("5.3", relu_backward)

# %%
from scratchnet.layers.activations import relu_backward as library_relu_backward

relu_here = learner("5.3", relu_backward, library_relu_backward)

# %% [markdown]
# A relative, the **leaky ReLU**, lets negative numbers pass with a small slope, say 0.01, so that some gradient always comes
# back. What would stand in the place of its mask? (The derivation in `solution("5.3")` says it.)
#
# ## The network
#
# Dense from 2 to 16, ReLU, dense from 16 to 2: a **multilayer perceptron**, MLP for short. The two numbers that come out are
# scores for the two kinds; the larger one is the answer. The 16 numbers between the layers are called **hidden units**, as neither
# the input nor the output shows them. `functions=` makes a layer run on the given pair instead of the
# library's own, so if your three functions were right, everything that follows runs on *your* code.

# %%
dense = (forward_here, backward_here)
model = Sequential(
    Dense(2, 16, rng=rng, functions=dense),
    ReLU(functions=(relu_forward, relu_here)),
    Dense(16, 2, rng=rng, functions=dense),
)
loss = SoftmaxCrossEntropy()
for name, array in model.params.items():
    print(name, array.shape)

# %% [markdown]
# `"0.w"` is the `w` of layer 0. Training is [lesson 1](01_one_neuron.ipynb) again, with more numbers: forward, loss, backward, and a
# small step downhill for each parameter. The gradient that starts the backward pass comes from the loss; each layer hands
# its `dx` to the layer before it as that one's `dout`. These lines are all of it; look at them line by line:
#
# ```python
# for _ in range(steps):                                # _: the number of the step is not needed
#     logits, cache = model.forward(points)             # the scores (300, 2), before any softmax; what each layer remembers
#     value, loss_cache = loss.forward(logits, labels)  # one number, the mean loss of the 300 points
#     dlogits = loss.backward(1.0, loss_cache)          # 1.0: per unit of the loss the loss itself grows by 1
#     _, grads = model.backward(dlogits, cache)         # _: the gradient of the points, which nobody wants to change
#     for name, array in model.params.items():
#         array -= 0.3 * grads[name]                    # downhill; in place, as the model holds this very array
# ```
#
# The cell below is the same loop; what it does more is to keep, for the picture after it, the loss and at nine moments the
# scores all over the plane. Its range is one longer because of that: the last round only looks at what all steps have led to, and
# takes none itself. (`effort` gives the number of steps; only automatic tests take fewer.)

# %%
x0, x1 = np.meshgrid(np.linspace(-1.5, 2.5, 120), np.linspace(-1.15, 1.55, 90))
everywhere = np.stack([x0.ravel(), x1.ravel()], axis=1).astype(np.float32)  # the plane as a batch of points
steps = effort(1500, fast=60)
moments = sorted({int(steps * share) for share in (0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.7, 1)})
losses, maps = [], {}

for step in range(steps + 1):
    logits, cache = model.forward(points)  # (300, 2)
    value, loss_cache = loss.forward(logits, labels)
    losses.append(value)
    if step in moments:  # for the picture
        scores = model(everywhere)
        maps[step] = (scores[:, 1] - scores[:, 0]).reshape(x0.shape)  # positive: kind 1
    if step == steps:
        break
    dlogits = loss.backward(1.0, loss_cache)
    _, grads = model.backward(dlogits, cache)
    for name, array in model.params.items():
        array -= 0.3 * grads[name]

right = (model(points).argmax(axis=1) == labels).mean()
print(f"loss {losses[0]:.3f} before, {losses[-1]:.3f} after {steps} steps; {right:.1%} of the points are right")


# %%
def draw_map(step):
    with style():
        figure, ax = panels(size=(6.5, 4.2))
        ax.contourf(x0, x1, np.clip(maps[step], -6, 6), levels=np.linspace(-6, 6, 13), cmap=viz.SIGNS, alpha=0.5)
        ax.contour(x0, x1, maps[step], levels=[0], colors="black", linewidths=2)
        draw_points(ax)
        ax.set_title(f"after {step} steps, loss {losses[step]:.3f}")
    return figure


frames(draw_map, moments)

# %% [markdown]
# You see the end; drag the slider to the left, to the beginning, and from there to the right. The black line is the decision boundary,
# where both scores are equal; the stronger a colour, the surer the network. It starts as chance left it, with its one bend at (0, 0):
# a new network has random weights, but its biases are 0, so every hidden unit begins on a line through (0, 0). Then it
# becomes nearly straight, as that is what helps most at first, and then it folds.
#
# ## What the sixteen do
#
# Each of the 16 hidden units is 0 on one side of a line and grows on the other. The lines can be drawn: unit $m$ begins where
# $x_0 w_{0m} + x_1 w_{1m} + b_m = 0$. The boundary is straight between them, and bends only where it crosses one: there the picture
# has a dot. Some of the bends are too small to see; such a unit has little say in score 1 − score 0.

# %%
w, b = model.params["0.w"], model.params["0.b"]
with style():
    figure, (ax, curve) = panels(1, 2, size=(11, 4), width_ratios=[1.6, 1])
    for m in range(16):
        ax.contour(x0, x1, x0 * w[0, m] + x1 * w[1, m] + b[m], levels=[0], colors="#888888", linewidths=1)
    boundary = ax.contour(x0, x1, maps[steps], levels=[0], colors="black", linewidths=2.5)
    draw_points(ax)
    for piece in boundary.allsegs[0]:  # (corners, 2)
        side = piece @ w + b > 0  # (corners, 16): on which side of each unit's line
        at, _ = np.nonzero(side[1:] != side[:-1])
        ax.plot(*piece[at].T, "o", color="black", markersize=6, markerfacecolor="white", zorder=5)
    ax.set_title("Grey: where a hidden unit begins. Black: the boundary")
    curve.plot(losses)
    curve.set(xlabel="step", ylabel="loss", ylim=(0, None), title="The loss goes down")
    curve.grid(axis="y")
figure

# %% [markdown]
# ## A derivation of your own
#
# Nobody shows you the formulas this time. The layer multiplies each feature by a number of its own and adds another:
#
# $$\text{out}_{nj} = x_{nj}\, g_j + b_j$$
#
# With `x` (N, D), `g` (D,) and `b` (D,) that is `out = x * g + b`: the same `g` and `b` in every row. No sum over $j$, so no matrix product.
# Ask the question of this lesson three times. Which outputs does $x_{nj}$ reach? Which does $g_j$? Which $b_j$? By what is each multiplied
# on the way?
#
# ## Exercise 5.4: scale and shift, backward
#
# | | |
# |---|---|
# | forward | `out = x * g + b` |
# | takes | `dout` (N, D), and the cache `(x, g)` |
# | returns | `dx` (N, D), `dg` (D,), `db` (D,) |


# %%
def scale_forward(x, g, b):
    return x * g + b, (x, g)


# %% tags=["exercise-5.4"]
def scale_backward(dout, cache):
    x, g = cache
    dx = ...
    dg = ...
    db = ...
    return dx, dg, db


# %%
check("5.4", scale_backward)

# %%
scale_here = learner("5.4", scale_backward)
_, cache = scale_forward(x_small, np.array([2.0, 3.0]), np.array([0.0, 1.0]))
for name, gradient in zip(("dx", "dg", "db"), scale_here(x_small - 1, cache), strict=True):
    print(name, gradient.tolist())

# %% [markdown]
# Check one number of each by hand: `x` is `x_small`, `g` is (2, 3), and what comes from above is `x_small - 1`. You will meet this layer
# again as the second half of batch normalisation.
#
# ## The same in PyTorch
#
# You will meet the layers of this lesson under other names:
#
# | PyTorch | scratchnet |
# |---|---|
# | `nn.Linear(D, M)`, its weight is (M, D) | `Dense(D, M, rng=rng)`, `w` is (D, M) |
# | `nn.ReLU()` | `ReLU()` |
# | `nn.Sequential(..)` | `Sequential(..)` |

# %% [markdown]
# And which of the functions that ran in this lesson were yours?

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Derive a backward pass: for one number, find the outputs that it reaches, multiply local slope and `dout`, add up.
# - Turn such sums into matrix products, and check them by their shapes.
# - Say why there is a ReLU between two dense layers, and what its mask does to the gradient.
# - Read a training loop to its last line.
#
# **Before** [lesson 4: softmax and cross-entropy](04_softmax_and_cross_entropy.ipynb) · **Next** [lesson 6: bytes to
# images](06_bytes_to_images.ipynb), after which the points are pictures · In the library: `scratchnet/layers/dense.py` and
# `activations.py`, which hold what you have just written
#
# *Sources.* D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating errors", *Nature* 1986.
# V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010. A. Maas, A. Hannun and
# A. Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013 (the leaky ReLU).
