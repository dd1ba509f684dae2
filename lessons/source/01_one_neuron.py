# %% [markdown]
# # Lesson 1: One neuron
#
# **The idea.** A neuron multiplies, adds, and is wrong. *How* wrong is one number, the loss, and for each of its own numbers
# the neuron asks: if I turn this one up a little, does the loss rise or fall? Then it turns it the other way. That is all
# of learning; larger networks do the same with more numbers.
#
# **You need** Python, arrays of NumPy, and the derivative from school: $(x^2)' = 2x$.
#
# **Time** about 45 minutes.
#
# **Afterwards you can** say what a loss, a gradient and a learning rate are, derive the gradient of the mean squared error,
# and train a neuron with a loop of your own.

# %%
import numpy as np

from scratchnet import viz
from scratchnet_lessons import check, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## A kiosk
#
# A kiosk sells ice cream. For thirty days its owner has written down how warm it was, and how much she sold. How much should
# she order if tomorrow has 25 °C?
#
# Two arrays of the shape `(N,)`, with `N` = 30 days: `x`, the temperature in tens of degrees (2.5 is 25 °C), and `y`, the
# portions sold, in hundreds (4.1 is 410).

# %%
rng = np.random.default_rng(1)
x = rng.uniform(0.5, 3.2, 30)
y = 1.5 * x + 0.4 + 0.35 * rng.standard_normal(30)


def draw_days(ax):
    ax.plot(x, y, "o", color=viz.BLACK, markersize=5, label="a day")
    ax.set(xlabel="x, temperature (10 °C)", ylabel="y, portions (100)", xlim=(0, 3.5), ylim=(-0.5, 6.5))


ends = np.array([0.0, 3.5])
with style():
    figure, ax = panels(size=(7, 4))
    draw_days(ax)
    for w, b, dash in (3.0, -1.0, "--"), (0.5, 2.0, ":"), (1.5, 0.4, "-"):
        ax.plot(ends, w * ends + b, dash, label=f"w = {w}, b = {b}")
    ax.legend(frameon=False, loc="upper left")
    ax.set_title("Which line fits?")
figure

# %% [markdown]
# ## The neuron
#
# Our neuron draws a straight line. It has two numbers of its own, its **parameters**: the **weight** $w$, by which it
# multiplies the input, and the **bias** $b$, which it adds.
#
# $$\text{out}_n = w\, x_n + b$$
#
# Here $n$ counts the days. `x` is an array `(N,)`, $w$ and $b$ are one number each, so `out = w * x + b` is an array `(N,)` again: a
# prediction for each day. The weight is how steep the line is, the bias how high it stands at $x = 0$.
#
# The kiosk's three first days, small enough for a pencil: $x = (1, 2, 3)$, sold were $y = (1, 3, 4)$. Somebody guesses
# $w = 2$ and $b = 0$. Then
#
# $$\text{out} = (2 \cdot 1 + 0,\; 2 \cdot 2 + 0,\; 2 \cdot 3 + 0) = (2, 4, 6)$$
#
# ## How wrong is it?
#
# The neuron said 2, 4, 6 and it was 1, 3, 4: off by 1, 1 and 2. We want *one* number for all days, small if the line fits
# well. The usual one is the **mean squared error**: square each difference, and take the mean.
#
# $$\text{loss} = \frac1N \sum_n (\text{out}_n - y_n)^2 \qquad\text{here}\qquad \frac{1^2 + 1^2 + 2^2}{3} = 2$$
#
# Why the square? Too much and too little both count as wrong and don't cancel, one large error counts more than many small
# ones, and a square has a slope everywhere, which we are about to need.


# %%
def loss_of(out, y):
    return np.mean((out - y) ** 2)


x3, y3 = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 4.0])
print("three days: ", loss_of(2.0 * x3 + 0.0, y3))
print("thirty days:", loss_of(2.0 * x + 0.0, y))

# %% [markdown]
# ## Which way is downhill?
#
# Leave the bias at 0 and try out many weights. The loss as a function of $w$ is a valley:

# %%
weights = np.linspace(0.2, 3.0, 100)
losses = [loss_of(weight * x, y) for weight in weights]
with style():
    figure, ax = panels(size=(8, 4))
    ax.plot(weights, losses, color=viz.BLACK, label="loss")
    for weight, colour, dash in (0.7, viz.BLUE, "--"), (2.5, viz.VERMILLION, "-."):
        h = 1e-5
        slope = (loss_of((weight + h) * x, y) - loss_of((weight - h) * x, y)) / (2 * h)
        height = loss_of(weight * x, y)
        near = np.array([weight - 0.35, weight + 0.35])
        ax.plot(near, height + slope * (near - weight), dash, color=colour, label=f"slope at w = {weight}: {slope:+.1f}")
        ax.plot(weight, height, "o", color=colour, markersize=9)
        way = 0.28 if slope < 0 else -0.28
        ax.annotate("", (weight + way, 0.25), (weight, 0.25), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2})
        ax.text(weight + way / 2, 0.45, "step", ha="center", color=colour)
    ax.set(xlabel="weight w, with b = 0", ylabel="loss", ylim=(0, None), title="The slope says which way, and how urgently")
    ax.legend(frameon=False, loc="upper center")
figure

# %% [markdown]
# Where the slope is negative the loss falls to the right: make $w$ larger. Where it is positive the loss falls to the left:
# make $w$ smaller. So always step *against* the slope, and step further where it is steep. That is the **update rule**:
#
# $$w \;\leftarrow\; w - \text{lr} \cdot \text{dw}$$
#
# `dw` is how the code of this course calls the slope of the loss with respect to $w$, the derivative $\partial\,\text{loss} / \partial w$;
# `db` is the same for $b$. All these slopes together are the **gradient**. `lr`, the **learning rate**, is a small number that we
# choose, 0.1 for example. Doing this again and again is called **gradient descent**.
#
# What is missing are `dw` and `db`. We could measure them, as for the picture; but there is a formula, and we get it in two
# steps, from the loss backwards.
#
# ## First step: from the loss to the outputs
#
# If `out[n]` grows a little, how much does the loss grow? Only one term of the sum contains $\text{out}_n$. The derivative
# of $u^2$ is $2u$; here $u = \text{out}_n - y_n$, which grows exactly as $\text{out}_n$ does; and the factor $\frac1N$ of the mean stays where it is:
#
# $$\text{dout}_n = \frac{\partial\,\text{loss}}{\partial\,\text{out}_n} = \frac2N\, (\text{out}_n - y_n)$$
#
# Its sign makes sense: if the output is too large, the loss grows with it. For the three days it is
# $\frac23 \cdot (1, 1, 2) = (0.67, 0.67, 1.33)$. There is one slope for each output, so `dout` has the shape of `out`.
#
# Networks often have several outputs, say $K$ for each of the $N$ rows; then `out` and `y` have the shape `(N, K)`, and the mean is
# over all $N \cdot K$ numbers. Still each output stands in one term only, so that the formula is the same with another
# count: $\text{dout}_{nk} = \frac{2}{N K} (\text{out}_{nk} - y_{nk})$. For both cases `out.size` is the right number: how many entries there are.
#
# ## Exercise 1.1: the slope of the mean squared error
#
# | | |
# |---|---|
# | formula | $\text{dout} = \dfrac{2}{\text{how many}}\, (\text{out} - y)$ |
# | takes | `out`, the predictions, and `y`, the truth: two arrays of the same shape, `(N,)` or `(N, K)` |
# | returns | `dout`, an array of that shape |
#
# Replace `...` by your code, run the cell, then run the next one. It says what is right or wrong. If you are stuck:
# `hint("1.1")`.


# %% tags=["exercise-1.1"]
def loss_backward(out, y):
    return ...


# %%
check("1.1", loss_backward)

# %%
loss_backward_here = learner("1.1", loss_backward)
dout3 = loss_backward_here(2.0 * x3 + 0.0, y3)
print(dout3)

# %% [markdown]
# (The line with `learner` takes your function if it was right and a ready one if not, so that you can read on in any case.)
#
# ## Second step: from the outputs to the parameters
#
# If $w$ grows a little, how much does $\text{out}_n = w\,x_n + b$ grow? $x_n$ times as much. And then the loss grows by $\text{dout}_n$ for each
# bit that $\text{out}_n$ has grown. So the way through day $n$ contributes $\text{dout}_n \cdot x_n$. But $w$ is used on *every* day, and the
# loss feels all of them: **add**.
#
# $$\text{dw} = \sum_n \text{dout}_n\, x_n \qquad\qquad \text{db} = \sum_n \text{dout}_n \cdot 1$$
#
# For the bias it is the same with 1 in the place of $x_n$: if $b$ grows by a bit, each output grows by just that bit.
#
# The three days by hand, with $\text{dout} = \frac23 \cdot (1, 1, 2)$:
#
# $$\text{dw} = \tfrac23 (1 \cdot 1 + 1 \cdot 2 + 2 \cdot 3) = 6 \qquad\qquad \text{db} = \tfrac23 (1 + 1 + 2) = 2.67$$
#
# Is that so? Turn $w$ from 2 to 2.01. The outputs become 2.01, 4.02, 6.03, and the loss
# $\frac13 (1.01^2 + 1.02^2 + 2.03^2) = 2.0605$. It was 2, so it has grown by 0.0605, which is about 6 times 0.01.
#
# A sum, not a mean: the division by $N$ is in `dout` already.
#
# ## Exercise 1.2: the gradient of the neuron
#
# | | |
# |---|---|
# | formula | $\text{dw} = \sum_n \text{dout}_n x_n$, $\quad \text{db} = \sum_n \text{dout}_n$ |
# | takes | `dout` (N,), and `x` (N,), the neuron's input |
# | returns | `dw` and `db`, one number each |


# %% tags=["exercise-1.2"]
def neuron_backward(dout, x):
    dw = ...
    db = ...
    return dw, db


# %%
check("1.2", neuron_backward)

# %%
neuron_backward_here = learner("1.2", neuron_backward)


def gradient(w, b):
    """(dw, db) of the loss over the thirty days."""
    out = w * x + b
    return neuron_backward_here(loss_backward_here(out, y), x)


print("three days:  dw = {:.2f}, db = {:.2f}".format(*neuron_backward_here(dout3, x3)))
print("thirty days: dw = {:.2f}, db = {:.2f}".format(*gradient(2.0, 0.0)))

# %% [markdown]
# `gradient` goes forward through the neuron and backward through loss and neuron. It is a function of the two parameters
# alone, since the thirty days stay what they are.
#
# ## The loop
#
# Now walk. Where you stand, ask for both slopes; make one step against them; ask again, since the slopes are different
# where you stand now. The three days, from $w = 2$ and $b = 0$ with a learning rate of 0.1:
#
# $$w = 2 - 0.1 \cdot 6 = 1.4 \qquad\qquad b = 0 - 0.1 \cdot 2.67 = -0.267$$
#
# One step, and the loss has fallen from 2 to 0.08. Both parameters step at the same time: ask for *both* slopes before you
# move *either*.
#
# ## Exercise 1.3: gradient descent
#
# | | |
# |---|---|
# | formula | $w \leftarrow w - \text{lr} \cdot \text{dw}$, $\quad b \leftarrow b - \text{lr} \cdot \text{db}$, and that `steps` times |
# | takes | `gradient`, a function: `gradient(w, b)` returns `(dw, db)`; `w` and `b`, where to start; `lr`; `steps`, how many |
# | returns | `w` and `b` after the last step |


# %% tags=["exercise-1.3"]
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        # the slopes where you stand now, then one step with both; use as many lines as you like
        w = ...
        b = ...
    return w, b


# %%
check("1.3", descend)

# %%
descend_here = learner("1.3", descend)
w, b = descend_here(gradient, 3.0, 4.0, 0.1, 500)
print(f"w = {w:.3f}, b = {b:.3f}: at 25 °C it predicts {100 * (w * 2.5 + b):.0f} portions")

# %% [markdown]
# ## The line that moves
#
# Watch it. On the left the line; on the right the same as a walk on the map of the loss, where each point is a pair of $w$
# and $b$, and dark is low. It starts from a bad guess, $w = 3$ and $b = 4$.

# %%
path = [(3.0, 4.0)]
for _ in range(200):
    path.append(descend_here(gradient, *path[-1], 0.1, 1))

map_w, map_b = np.meshgrid(np.linspace(-0.3, 3.4, 90), np.linspace(-1.2, 4.7, 90))
heights = ((map_w[..., None] * x + map_b[..., None] - y) ** 2).mean(axis=-1)  # the loss at each point of the map
levels = np.geomspace(0.09, 60, 13)


def draw_walk(steps):
    w, b = path[steps]
    with style():
        figure, (line, over) = panels(1, 2, size=(10, 4.2))
        draw_days(line)
        line.vlines(x, y, w * x + b, color=viz.SKY, linewidth=1.2, label="how wrong")
        line.plot(ends, w * ends + b, color=viz.VERMILLION, label="the neuron")
        line.set_ylim(-0.5, 10)
        line.legend(frameon=False, loc="upper left")
        line.set_title(f"after {steps} step{'s' * (steps != 1)}: loss {loss_of(w * x + b, y):.3f}")
        over.contourf(map_w, map_b, heights, levels=levels, norm="log", cmap="Greys_r", extend="both")
        over.plot(*np.transpose(path[: steps + 1]), "-o", color=viz.VERMILLION, markersize=3.5, linewidth=1.2)
        over.plot(w, b, "o", color=viz.VERMILLION, markersize=9, markeredgecolor="white")
        over.set(xlabel="weight w", ylabel="bias b", title=f"w = {w:.2f}, b = {b:.2f}", xlim=(-0.3, 3.4), ylim=(-1.2, 4.7))
    return figure


frames(draw_walk, [0, 1, 2, 5, 10, 25, 50, 100, 200])

# %% [markdown]
# The first step does nearly everything: the valley's walls are steep. Then the walk creeps along the bottom, where there is
# hardly any slope left. Large networks train like that too: quickly at first, then slowly for a long time.
#
# ## The learning rate
#
# How large should it be? A valley whose floor is known, $\text{loss} = w^2$, answers. Its slope is $2w$, so one step is
#
# $$w \;\leftarrow\; w - \text{lr} \cdot 2w = (1 - 2\,\text{lr})\, w$$
#
# Each step multiplies $w$ by $1 - 2\,\text{lr}$. With lr = 0.1 that is 0.8, and $w$ shrinks towards the floor at 0. With lr = 0.5 it is
# 0: one step and there. With lr = 0.9 it is $-0.8$: each step lands on the other side, but closer. With **lr = 1.1 it is
# $-1.2$: each step lands higher than it came from.** The loss explodes, although every step goes "downhill".
#
# Our neuron has the same three regions:

# %%
rates = {0.001: "too small", 0.1: "good", 0.205: "too large"}
with style():
    figure, axes = panels(1, 3, size=(11.5, 3.6))
    for ax, (rate, name) in zip(axes, rates.items(), strict=True):
        w, b, losses = 3.0, 4.0, []
        for _ in range(30):
            losses.append(loss_of(w * x + b, y))
            w, b = descend_here(gradient, w, b, rate, 1)
        ax.plot(losses, marker="o", markersize=3.5, color=viz.BLUE)
        ax.set(xlabel="step", ylim=(0, max(losses[0], losses[-1]) * 1.1), title=f"{name}: lr = {rate}")
    axes[0].set_ylabel("loss")
figure

# %% [markdown]
# The steepest direction decides which rate is too large; the flattest one decides how long it takes. If your loss grows, or
# becomes `nan`, the first thing to try is a learning rate ten times smaller.
#
# ## A trick that costs one line
#
# On the map the valley is long and narrow, which makes the walk slow. Why is it narrow? All temperatures are positive, so a
# larger $w$ lifts the line everywhere; a larger $b$ does that as well. The two do nearly the same, and quarrel. Measure the
# temperature from its mean instead and in units of its spread, and the valley is round:

# %%
z = (x - x.mean()) / x.std()


def gradient_of_z(w, b):
    return neuron_backward_here(loss_backward_here(w * z + b, y), z)


with style():
    figure, axes = panels(1, 2, size=(10, 4.2))
    for ax, inputs, slopes, rate, name in (
        (axes[0], x, gradient, 0.1, "x as it is, lr = 0.1"),
        (axes[1], z, gradient_of_z, 0.4, "(x - mean) / spread, lr = 0.4"),
    ):
        best = np.polyfit(inputs, y, 1)
        walk = [tuple(best + np.array([1.5, 3.7]))]
        for _ in range(30):
            walk.append(descend_here(slopes, *walk[-1], rate, 1))
        across, up = np.meshgrid(best[0] + np.linspace(-2.3, 2.3, 80), best[1] + np.linspace(-5, 5, 80))
        loss_there = ((across[..., None] * inputs + up[..., None] - y) ** 2).mean(axis=-1)
        ax.contourf(across, up, loss_there, levels=levels, norm="log", cmap="Greys_r", extend="both")
        ax.plot(*np.transpose(walk), "-o", color=viz.VERMILLION, markersize=4, linewidth=1.2)
        ax.plot(*best, "*", color=viz.YELLOW, markersize=13, markeredgecolor=viz.BLACK, label="the lowest point")
        ax.set(xlabel="weight w", ylabel="bias b", title=f"{name}: 30 steps")
        ax.legend(frameon=True, loc="lower left")
figure

# %% [markdown]
# It is the same line and the same loss. Only the units are better chosen, and the walk is there after a handful of steps. That
# is why images are brought to mean 0 and spread 1 before a network sees them.
#
# ## More than one input
#
# The sales may also depend on the day of the week and on the wind. A neuron with $D$ inputs has $D$ weights and still one bias:
#
# $$\text{out}_n = b + \sum_d x_{nd}\, w_d \qquad\qquad \text{dw}_d = \sum_n \text{dout}_n\, x_{nd}$$
#
# Nothing is new: to $w_d$ the factor on the way is $x_{nd}$, and all rows are added up. With `x` (N, D) and `w` (D,) that is
# `out = x @ w + b` and `dw = x.T @ dout`; [lesson 5](05_dense_and_relu.ipynb) says how one sees this. Put many such neurons side by
# side and you have a layer; put layers one after the other and you have a network. For those you need to go backwards
# through more than two steps: the chain rule.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Say what a neuron computes, and what its weight and its bias do.
# - Derive the slope of the mean squared error, $\frac2N (\text{out} - y)$, and carry it on to the parameters.
# - Write the loop: forward, slopes, a step against them.
# - Recognise a learning rate that is too small or too large by the loss alone.
#
# **Before** [lesson 0: start here](00_start_here.ipynb) · **Next** [lesson 2: the chain rule](02_the_chain_rule.ipynb), which goes
# backwards through any number of steps · In the library: `mean_squared_error_forward` and `.._backward` in
# `scratchnet/losses.py`, `SGD` in `scratchnet/optim.py`
#
# *Sources.* B. Widrow and M. E. Hoff, "Adaptive switching circuits", *IRE WESCON Convention Record* 1960 (one neuron trained
# by the slope of its squared error). Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998, sections 4.3
# and 5 (centred inputs; the largest learning rate).
