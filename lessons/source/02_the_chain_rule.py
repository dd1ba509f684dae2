# %% [markdown]
# # Lesson 2: The chain rule
#
# **The idea.** A long calculation is a chain of short ones, and the slope of each short one is easy. Walk through the chain
# backwards and multiply: *local slope times what comes from above*. Where a value is used twice, add. There is no more to
# backpropagation than these two rules.
#
# **You need** slopes and the word gradient from [lesson 1](01_one_neuron.ipynb); from school $(x^2)' = 2x$, $(e^x)' = e^x$ and
# $(1/x)' = -1/x^2$.
#
# **Time** about 50 minutes.
#
# **Afterwards you can** draw a calculation as a graph, compute all slopes in it by hand, and write the backward pass of a
# function, or of a whole chain of them.

# %%
import numpy as np

from scratchnet import viz
from scratchnet_lessons import check, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## Slopes multiply
#
# A car drives 1.5 km a minute. It burns 0.07 litres a kilometre. A litre costs 1.80 €. What does one minute more cost?
#
# $$1.5\ \tfrac{\text{km}}{\text{min}} \cdot 0.07\ \tfrac{\text{l}}{\text{km}} \cdot 1.80\ \tfrac{\text{€}}{\text{l}} = 0.189\ \tfrac{\text{€}}{\text{min}}$$
#
# You have just used the chain rule. Each of the three numbers is a slope: so much more of this for one more of that. Along
# a chain $x \to u \to v \to \text{out}$ the slopes multiply:
#
# $$\frac{\partial\,\text{out}}{\partial x} = \frac{\partial\,\text{out}}{\partial v} \cdot \frac{\partial v}{\partial u} \cdot \frac{\partial u}{\partial x}$$
#
# In the car the slopes are always the same. In general they depend on where one is: the slope of $u^2$ is $2u$. So first go
# *forward* through the chain and note each value; then go *backward* and use them.
#
# ## A graph by hand
#
# Take $\text{out} = (a \cdot b + c)^2$ at $a = 2$, $b = -1$, $c = 5$. In single steps:
#
# $$u = a \cdot b = -2 \qquad v = u + c = 3 \qquad \text{out} = v^2 = 9$$
#
# Now backward. We call the slope of `out` with respect to a value by a `d` in front of its name: `dv` stands for
# $\partial\,\text{out} / \partial v$. It begins with the output itself: if `out` grows by 1, `out` grows by 1, so `dout` = 1. Then, for each
# step, **local slope times what comes from above**:
#
# | step | local slope | times what comes from above |
# |---|---|---|
# | $\text{out} = v^2$ | $2v = 6$ | `dv` = 6 · `dout` = 6 |
# | $v = u + c$ | 1 for $u$, 1 for $c$ | `du` = 1 · `dv` = 6, and `dc` = 1 · `dv` = 6 |
# | $u = a \cdot b$ | $b = -1$ for $a$, $a = 2$ for $b$ | `da` = −1 · `du` = −6, and `db` = 2 · `du` = 12 |
#
# Look at the product: if $a$ grows by 1, then $a \cdot b$ grows by $b$. The slope for one factor is the *other* one.
#
# Drag the slider. Values go forward in blue, above the lines; slopes come back in orange, below.


# %%
def draw_graph(ax, places, edges, seen):
    """places {name: (x, y, text)}; edges (from, to, value, slope, when value and slope appear); seen: what time it is."""
    white = {"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    for start, end, value, slope, forward, back in edges:
        (x0, y0, _), (x1, y1, _) = places[start], places[end]
        ax.annotate(
            "", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "-|>", "color": "#777777", "shrinkA": 20, "shrinkB": 20}
        )
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        if seen >= forward:
            ax.text(x, y + 0.025, value, color=viz.BLUE, ha="center", va="bottom", fontsize=13, bbox=white)
        if seen >= back:
            ax.text(x, y - 0.025, slope, color="#B34700", ha="center", va="top", fontsize=13, bbox=white)
    for x, y, text in places.values():
        ax.text(x, y, text, ha="center", va="center", fontsize=15, bbox={"boxstyle": "circle,pad=0.35", "fc": "white"})
    ax.set_axis_off()


places = {
    "a": (0, 2.6, "a"),
    "b": (0, 0.6, "b"),
    "c": (2.6, -0.6, "c"),
    "*": (2.6, 1.6, "×"),
    "+": (5.2, 0.6, "+"),
    "²": (7.8, 0.6, "²"),
    "out": (10.4, 0.6, "out"),
}
edges = [  # from, to, value, slope, and when the two are shown
    ("a", "*", "a = 2", "da = −1 · 6 = −6", 0, 6),
    ("b", "*", "b = −1", "db = 2 · 6 = 12", 0, 6),
    ("c", "+", "c = 5", "dc = 1 · 6 = 6", 0, 5),
    ("*", "+", "u = −2", "du = 1 · 6 = 6", 1, 5),
    ("+", "²", "v = 3", "dv = 6 · 1 = 6", 2, 4),
    ("²", "out", "out = 9", "dout = 1", 3, 3.5),
]
moments = {
    0: "three numbers come in",
    1: "forward: u = a · b",
    2: "forward: v = u + c",
    3: "forward: out = v²",
    3.5: "backward: how much does out grow if out grows by 1? By 1",
    4: "backward through the square: local slope 2v = 6",
    5: "backward through the sum: local slopes 1 and 1",
    6: "backward through the product: local slopes b = −1 and a = 2",
}


def draw_moment(moment):
    with style():
        figure, ax = panels(size=(10.5, 4))
        draw_graph(ax, places, edges, moment)
        ax.set(title=moments[moment], xlim=(-0.5, 10.9), ylim=(-1, 3))
    return figure


frames(draw_moment, moments)

# %% [markdown]
# Each step used only three things: its local slope, made of the values that went into it, and the one slope that came from
# above. It did not have to know what the rest of the graph is. That is why layers of a network can be written one at a time.
#
# Is it right? If $a$ grows from 2 to 2.01, then $v = -2.01 + 5 = 2.99$ and $\text{out} = 8.9401$: it has fallen by 0.0599, about
# 6 times 0.01.
#
# ## As code: forward, cache, backward
#
# In code each function of this course comes as a **pair**. `forward` returns its output and a **cache**: those values that the
# local slopes are made of. `backward` takes `dout`, what comes from above, and the cache, and returns one slope for each
# argument of forward, in the same order. `dout` is not always 1: whatever comes behind `out`, its slope arrives there.


# %%
def graph_forward(a, b, c):
    v = a * b + c
    return v**2, (a, b, v)


# %% [markdown]
# Arrays may come in too, as long as all of them have the same shape: the graph is computed for each entry on its own.
#
# ## Exercise 2.1: the graph, backward
#
# | | |
# |---|---|
# | formula | as in the table above, with any `dout` in the place of 1 |
# | takes | `dout`, and the cache `(a, b, v)`: numbers, or arrays of one shape |
# | returns | `da`, `db`, `dc`, each of that shape |


# %% tags=["exercise-2.1"]
def graph_backward(dout, cache):
    a, b, v = cache
    dv = ...
    da = ...
    db = ...
    dc = ...
    return da, db, dc


# %%
check("2.1", graph_backward)

# %%
graph_backward_here = learner("2.1", graph_backward)
out, cache = graph_forward(2.0, -1.0, 5.0)
print("out", out, " da, db, dc", graph_backward_here(1.0, cache))

# %% [markdown]
# ## A function in small steps: the sigmoid
#
# The sigmoid squashes any number to one between 0 and 1, so that it can stand for a probability:
#
# $$\text{out} = \frac{1}{1 + e^{-x}}$$
#
# Nobody has to know its derivative. Take it apart into steps whose slopes you know from school:
#
# | step | value at $x = 0$ | local slope | at $x = 0$ |
# |---|---|---|---|
# | $p = -x$ | 0 | $-1$ | −1 |
# | $q = e^p$ | 1 | $e^p = q$ | 1 |
# | $r = 1 + q$ | 2 | $1$ | 1 |
# | $\text{out} = 1/r$ | 0.5 | $-1/r^2 = -\text{out}^2$ | −0.25 |
#
# Multiply the last column: $(-1) \cdot 1 \cdot 1 \cdot (-0.25) = 0.25$. That is the slope of the sigmoid in its middle. For any $x$ the
# product is $q \cdot \text{out}^2$. It can be said by the output alone: since $\text{out} = 1/(1+q)$, we have $q = 1/\text{out} - 1$, and
#
# $$\frac{\partial\,\text{out}}{\partial x} = \Big(\frac{1}{\text{out}} - 1\Big)\,\text{out}^2 = \text{out}\,(1 - \text{out})$$
#
# So for the cache the output is enough.
#
# **tanh** is its relative: $\tanh(x) = 2\,\text{sigmoid}(2x) - 1$, squashed to between −1 and 1. The chain rule again: 2 from the
# last step, 2 from the first, and the sigmoid's slope $s(1-s)$ between them. With $s = (1 + \text{out})/2$ that is
#
# $$2 \cdot 2 \cdot \frac{1+\text{out}}{2} \cdot \frac{1-\text{out}}{2} = 1 - \text{out}^2$$

# %%
x = np.linspace(-6, 6, 200)
sigmoid, tanh = 1 / (1 + np.exp(-x)), np.tanh(x)
with style():
    figure, axes = panels(1, 2, size=(10, 3.6))
    for ax, out, slope, name in (
        (axes[0], sigmoid, sigmoid * (1 - sigmoid), "sigmoid"),
        (axes[1], tanh, 1 - tanh**2, "tanh"),
    ):
        ax.plot(x, out, color=viz.BLUE, label="out")
        ax.plot(x, slope, "--", color=viz.VERMILLION, label="its slope")
        ax.set(title=f"{name}: the slope is at most {slope.max():.2g}", xlabel="x")
        ax.legend(frameon=False, loc="upper left")
        ax.grid(axis="y")
figure

# %% [markdown]
# Far from 0 both are flat: the slope is nearly 0 there, and whatever comes from above is multiplied by nearly 0. One says
# that the unit is **saturated**.
#
# ## Exercise 2.2: the sigmoid, backward
#
# | | |
# |---|---|
# | formula | local slope times what comes from above; the local slope is $\text{out}\,(1 - \text{out})$ |
# | takes | `dout`, an array of any shape, and the cache: `out`, of the same shape |
# | returns | `dx`, of that shape |


# %% tags=["exercise-2.2"]
def sigmoid_backward(dout, cache):
    out = cache
    dx = ...
    return dx


# %%
check("2.2", sigmoid_backward)

# %%
from scratchnet.layers.activations import sigmoid_backward as library_sigmoid_backward
from scratchnet.layers.activations import sigmoid_forward, tanh_backward, tanh_forward

sigmoid_backward_here = learner("2.2", sigmoid_backward, library_sigmoid_backward)
at_zero = np.array([0.5])  # the sigmoid of 0
print("slope at 0:", sigmoid_backward_here(np.ones(1), at_zero))

# %% [markdown]
# ## Used twice: add
#
# Often a value takes part more than once. In $\text{out} = x \cdot x$ the number $x$ is both factors. There are two ways from $x$ to
# `out`; along each the local slope is the other factor, which is $x$. If $x$ grows, the output grows along both ways at once:
#
# $$\text{dx} = x \cdot \text{dout} + x \cdot \text{dout} = 2x \cdot \text{dout}$$
#
# So: **one term for each way, and add them.** That is the second and last rule. (In lesson 1 it was the reason for the sum
# over the days: the weight is used on each of them.)
#
# A real example. Networks of today use a function that lets a number pass through a gate which the number itself opens:
#
# $$\text{out} = x \cdot s \qquad\text{with the gate}\quad s = \text{sigmoid}(x)$$
#
# It is called **SiLU** or swish. One way from $x$ leads straight to the product, the other one through the gate:

# %%
places = {"x": (0, 1.2, "x"), "s": (3.6, -0.9, "gate"), "*": (7.2, 1.2, "×"), "out": (10, 1.2, "out")}
edges = [
    ("x", "*", "x", "s · dout", 0, 0),
    ("x", "s", "x", "s (1 − s) · ds", 0, 0),
    ("s", "*", "s", "ds = x · dout", 0, 0),
    ("*", "out", "out = x · s", "dout", 0, 0),
]
with style():
    figure, ax = panels(size=(10.5, 3.8))
    draw_graph(ax, places, edges, 0)
    ax.text(0, 1.75, "dx = the sum of both", color="#B34700", ha="center", va="bottom", fontsize=13)
    ax.set(xlim=(-1.5, 10.5), ylim=(-1.7, 2.2), title="Two ways from x to out: two terms in dx")
figure

# %% [markdown]
# At $x = 2$, with $s = \text{sigmoid}(2) = 0.88$ and `dout` = 1: the straight way gives $s = 0.88$. The way through the gate gives
# first `ds` $= x = 2$, and then $2 \cdot s\,(1 - s) = 2 \cdot 0.105 = 0.21$. Together: 1.09.


# %%
def silu_forward(x):
    s = sigmoid_forward(x)[0]
    return x * s, (x, s)


# %% [markdown]
# ## Exercise 2.3: SiLU, backward
#
# | | |
# |---|---|
# | formula | the sum of both ways, each of them local slope times what comes from above |
# | takes | `dout`, an array of any shape, and the cache `(x, s)` of the same shape, `s` is the sigmoid of `x` |
# | returns | `dx`, of that shape |


# %% tags=["exercise-2.3"]
def silu_backward(dout, cache):
    x, s = cache
    straight = ...
    through_the_gate = ...
    return straight + through_the_gate


# %%
check("2.3", silu_backward)

# %%
silu_backward_here = learner("2.3", silu_backward)
print("slope at 2:", silu_backward_here(np.ones(1), silu_forward(np.array([2.0]))[1]))

# %% [markdown]
# ## Many in a row
#
# A network is a chain of such pairs, one called a layer. Forward goes through the chain from the first to the last: what
# one returns is what the next one takes. Each leaves a cache.


# %%
def chain_forward(pairs, x):
    caches = []
    for forward, _ in pairs:
        x, cache = forward(x)
        caches.append(cache)
    return x, caches


out, caches = chain_forward([(tanh_forward, tanh_backward), (silu_forward, silu_backward_here)], np.array([0.5, -1.0]))
print(out, "and", len(caches), "caches")

# %% [markdown]
# Backward goes the other way. The last pair gets `dout` and its own cache, and returns its dx. For the pair before it, this
# dx is what comes from above, since the output of the one is the input of the other:
#
# $$\text{dout} \;\to\; \boxed{\text{last}} \;\to\; \text{dx} = \text{the next one's dout} \;\to\; \boxed{\text{the one before}} \;\to\; \dots \;\to\; \boxed{\text{first}} \;\to\; \text{dx}$$
#
# That the order is reversed is not a matter of taste: the first pair can't begin before it knows what comes from above. In
# Python `reversed(a_list)` goes through a list from its end, and `zip(a, b)` through two lists side by side.
#
# ## Exercise 2.4: the chain, backward
#
# | | |
# |---|---|
# | takes | `pairs`, a list of `(forward, backward)`; `dout`, the slope at the end; `caches`, a list with the cache of each pair |
# | calls | `backward(dout, cache)` of each pair, which returns its dx |
# | returns | `dx`, the slope for what went into the first pair |


# %% tags=["exercise-2.4"]
def chain_backward(pairs, dout, caches):
    dx = ...  # use as many lines as you like
    return dx


# %%
check("2.4", chain_backward)

# %%
chain_backward_here = learner("2.4", chain_backward)

# %% [markdown]
# ## What happens to a slope in a deep chain?
#
# It is a product of many factors. Each sigmoid contributes one that is at most 0.25; twenty of them make at most
# $0.25^{20}$, about $10^{-12}$. Measure it, with your own backward functions:

# %%
kinds = {
    "sigmoid": (sigmoid_forward, sigmoid_backward_here),
    "tanh": (tanh_forward, tanh_backward),
    "SiLU": (silu_forward, silu_backward_here),
}
start = np.random.default_rng(0).standard_normal(500)
depths = range(1, 21)
with style():
    figure, ax = panels(size=(8, 4.2))
    for (name, pair), marker in zip(kinds.items(), "os^", strict=True):
        sizes = []
        for depth in depths:
            out, caches = chain_forward([pair] * depth, start)
            dx = chain_backward_here([pair] * depth, np.ones_like(out), caches)
            sizes.append(np.abs(dx).mean())
        ax.semilogy(depths, sizes, marker=marker, label=name)
    ax.set(xlabel="how many in a row", ylabel="mean size of dx", title="The slope that is left at the beginning of a chain")
    ax.set_xticks([1, 5, 10, 15, 20])
    ax.legend(frameon=False)
    ax.grid(axis="y")
figure

# %% [markdown]
# (tanh does better here because its values come ever nearer to 0, where its slope is 1.)
#
# A loss at the end hardly reaches the beginning of a deep chain of sigmoids, so its first layers learn next to nothing. This
# is the **vanishing gradient**, which kept deep networks from learning for a long time. Three remedies will come: a
# function whose slope is 1 ([ReLU, lesson 5](05_dense_and_relu.ipynb)), values that are kept near 0 where slopes are large
# ([BatchNorm, lesson 13](13_batchnorm_dropout_augmentation.ipynb)), and a second way around each layer, whose slope is *added*
# ([ResNet, lesson 14](14_resnet.ipynb)).
#
# ## Layers with weights
#
# Where a layer has weights, its backward returns their slopes too. These are not handed on, since nothing lies before a
# weight; they are kept for the update. The library's `Sequential` is the loop that you have written, plus that: it collects
# the slopes by the layers' numbers.

# %%
from scratchnet.layers import Dense, Sequential, Tanh

rng = np.random.default_rng(0)
model = Sequential(Dense(3, 4, rng=rng), Tanh(), Dense(4, 1, rng=rng))
out, cache = model.forward(rng.standard_normal((5, 3)))
dx, grads = model.backward(np.ones_like(out), cache)
print("dx", dx.shape, " and", {name: g.shape for name, g in grads.items()})

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Take a formula apart into steps, and write values forward and slopes backward into its graph.
# - Apply the two rules: local slope times what comes from above; add where a value is used more than once.
# - Write the backward pass of a function, and of a chain of functions.
# - Say why gradients vanish.
#
# **Before** [lesson 1: one neuron](01_one_neuron.ipynb) · **Next** [lesson 3: numeric gradients](03_numeric_gradients.ipynb), which
# measures a slope without any rule and so checks yours · In the library: `Sequential` in `scratchnet/layers/compose.py`,
# `sigmoid_backward` and `tanh_backward` in `activations.py`
#
# *Sources.* S. Linnainmaa, "Taylor expansion of the accumulated rounding error", *BIT* 1976 (slopes carried backward through a
# program). D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating errors", *Nature* 1986.
# S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units", *Neural Networks* 2018 (SiLU). S. Hochreiter, diploma
# thesis, TU München 1991 (the vanishing gradient).
