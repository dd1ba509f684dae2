# %% [markdown]
# # Lesson 8: Optimizers
#
# **The idea.** The gradient says which way is down *here*. An optimizer decides what to make of that. It may remember earlier
# gradients, so that zigzag cancels and what stays the same adds up: momentum. It may give each weight a step of its own size: Adam.
# And it may take large steps first and small ones in the end: a schedule.
#
# **You need** the update rule of [lesson 1](01_one_neuron.ipynb) and the training loop of [lesson 7](07_training.ipynb).
#
# **Time** about 60 minutes.
#
# **Afterwards you can** write SGD, momentum, Nesterov and Adam, say what each of them cures, and read a learning rate schedule.

# %%
import numpy as np

from scratchnet import viz
from scratchnet.layers import Dense, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.machine import one_blas_thread
from scratchnet.preprocess import prepare
from scratchnet_lessons import check, digits, effort, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## A ravine
#
# Until now a step was always the same: the **learning rate** `lr` times the gradient, downhill. For weights $w$ and their gradient $g$:
#
# $$w \leftarrow w - \text{lr} \cdot g$$
#
# The arrow means: the new $w$ is what stands on the right. This is **SGD** when the gradient is that of a batch. It has one
# weakness, which can be seen with two weights already. Take a loss that is steep one way and flat the other way, a ravine:
#
# $$\text{loss}(w) = \tfrac12 \big(w_0^2 + 40\, w_1^2\big) \qquad g = (w_0,\; 40\, w_1)$$
#
# Put the gradient into the step, for each weight on its own:
#
# $$w_0 \leftarrow (1 - \text{lr})\, w_0 \qquad\qquad w_1 \leftarrow (1 - 40\, \text{lr})\, w_1$$
#
# So each step multiplies each weight by a number. By hand, for lr = 0.045: $w_1$ is multiplied by $1 - 1.8 = -0.8$. It jumps to the other
# side of the ravine, a little lower each time. For lr = 0.052 the number is $-1.08$, and each jump lands *higher* than it started: it
# diverges. The steep direction therefore allows no more than lr = 2/40 = 0.05. And even with
# 0.045 the flat direction is multiplied by 0.955 only: it crawls.

# %%
steepness = np.array([1.0, 40.0])
begin = np.array([-8.0, 1.2])


def sgd_step(w, g, lr):
    return w - lr * g


def ravine(ax):
    """Lines of equal loss."""
    across, up = np.meshgrid(np.linspace(-9.5, 4, 200), np.linspace(-2.2, 2.2, 120))
    lines = ax.contour(across, up, 0.5 * (across**2 + 40 * up**2), levels=[2, 10, 30, 60], colors="#BBBBBB", linewidths=1)
    lines.set_antialiased(False)  # makes small pictures
    ax.plot(0, 0, "*", color="black", markersize=12)
    ax.set(xlabel="w[0]", ylabel="w[1]", xlim=(-9.5, 4), ylim=(-2.2, 2.2))


with style():
    figure, axes = panels(1, 3, size=(12, 3.4), sharey=True)
    for ax, lr in zip(axes, (0.01, 0.045, 0.052), strict=True):
        path = [begin]
        for _ in range(20):
            path.append(sgd_step(path[-1], steepness * path[-1], lr))
        ravine(ax)
        ax.plot(*np.transpose(path), marker="o", markersize=4, linewidth=1.5)
        ax.set_title(f"SGD, lr = {lr}, 20 steps")
        ax.label_outer()
figure

# %% [markdown]
# Grey: lines of equal loss. Star: the minimum. The loss of a real network is like this in thousands of directions at once: the
# steepest one limits the learning rate, and the flat ones pay for it.
#
# ## Momentum: a memory
#
# Think of a ball that rolls instead of a hiker who asks for the way at every step. The ball has a **velocity** $v$. Each gradient pushes
# it a bit, and a part of the old velocity remains, the share `momentum`, usually 0.9:
#
# $$v \leftarrow \text{momentum} \cdot v + g \qquad\qquad w \leftarrow w - \text{lr} \cdot v$$
#
# First the velocity, then the weights, so that the newest gradient already counts. At the very beginning $v$ is 0. Do it by hand, with
# momentum 0.9, once for a gradient that is 1 each time, and once for one that changes its sign each time:
#
# | step | gradient | velocity | gradient | velocity |
# |---|---|---|---|---|
# | 1 | 1 | 0.9 · 0 + 1 = 1 | 1 | 1 |
# | 2 | 1 | 0.9 · 1 + 1 = 1.9 | -1 | 0.9 · 1 - 1 = -0.1 |
# | 3 | 1 | 0.9 · 1.9 + 1 = 2.71 | 1 | 0.9 · (-0.1) + 1 = 0.91 |
#
# That is all there is to it. What stays the same adds up, in the end to $1 / (1 - 0.9) = 10$ times the gradient. What goes back and
# forth cancels, in the end to $1 / (1 + 0.9)$, about half of it.

# %%
turns = np.arange(1, 31)
with style():
    figure, (left, right) = panels(1, 2, size=(11, 3.5))
    for ax, gradients, title in (
        (left, np.ones(30), "always the same gradient"),
        (right, (-1.0) ** (turns + 1), "back and forth"),
    ):
        v, velocities = 0.0, []
        for g in gradients:
            v = 0.9 * v + g
            velocities.append(v)
        ax.plot(turns, gradients, "--", marker="s", markersize=4, linewidth=1.2, color=viz.ORANGE, label="gradient")
        ax.plot(turns, velocities, marker="o", markersize=5, color=viz.BLUE, label="velocity")
        ax.set(title=title, xlabel="step")
        ax.grid(axis="y")
    left.legend(frameon=False, loc="center right")
    left.set_ylim(0, 10.5)
    right.set_ylim(-1.5, 1.5)
figure

# %% [markdown]
# ## Exercise 8.1: momentum
#
# | | |
# |---|---|
# | formula | $v \leftarrow \text{momentum} \cdot v + g \qquad w \leftarrow w - \text{lr} \cdot v$ |
# | takes | `w`, its gradient `g` and the old velocity `v`, three arrays of the same shape; `lr` and `momentum`, numbers |
# | returns | the new `w` and the new `v` |


# %% tags=["exercise-8.1"]
def momentum_step(w, g, v, lr, momentum):
    v = ...
    w = ...
    return w, v


# %%
check("8.1", momentum_step)

# %%
momentum_here = learner("8.1", momentum_step)

# %% [markdown]
# ## Nesterov: look ahead
#
# Before the next gradient is even computed it is known where the velocity will carry the weights: to $w - \text{lr} \cdot \text{momentum} \cdot v$.
# Then it is wiser to ask for the gradient *there*. If that place lies up the other side of the ravine, the gradient turns the ball
# round before it gets there.
#
# It need not be computed at a strange place, though. We write down the *looked-ahead* weights instead of the others, and call these
# $w$. So let the ball be at $\theta$ (theta), and $w = \theta - \text{lr} \cdot \text{momentum} \cdot v$. The ball moves as before, with
# the gradient $g$ at $w$: the new velocity is $v' = \text{momentum} \cdot v + g$, and the new place $\theta' = \theta - \text{lr} \cdot v'$. From there we
# look ahead again:
#
# $$w' = \theta' - \text{lr} \cdot \text{momentum} \cdot v' = \theta - \text{lr} \cdot v' - \text{lr} \cdot \text{momentum} \cdot v'$$
#
# Now put in $\theta = w + \text{lr} \cdot \text{momentum} \cdot v$, and for $\text{momentum} \cdot v$ its value $v' - g$. The terms with $\text{lr} \cdot v'$
# cancel, and what is left is
#
# $$w' = w - \text{lr} \cdot \big(g + \text{momentum} \cdot v'\big)$$
#
# ## Exercise 8.2: Nesterov
#
# | | |
# |---|---|
# | formula | $v \leftarrow \text{momentum} \cdot v + g \qquad w \leftarrow w - \text{lr} \cdot (g + \text{momentum} \cdot v)$, with the *new* $v$ |
# | takes, returns | as in 8.1 |


# %% tags=["exercise-8.2"]
def nesterov_step(w, g, v, lr, momentum):
    v = ...
    w = ...
    return w, v


# %%
check("8.2", nesterov_step)

# %%
nesterov_here = learner("8.2", nesterov_step)

# %% [markdown]
# ## Adam: each weight its own step
#
# Another cure for the ravine: divide each gradient by its *usual size*. The steep direction has large gradients and is divided by
# much, the flat one by little, and both move at the same pace. **Adam** does that, and has a memory as well. For each weight it keeps
# two running means, of the gradient and of its square:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad\qquad s \leftarrow \beta_2 s + (1 - \beta_2)\, g^2$$
#
# with $\beta_1 = 0.9$ and $\beta_2 = 0.999$. (Squared, multiplied, divided: here everything goes entry by entry.) These are means and no
# sums, because the factors $\beta$ and $1 - \beta$ add up to 1: for a gradient that is always 3, $m$ ends at 3 and $s$ at 9. So $\sqrt s$ is
# the usual size of the gradient.
#
# In the beginning both are 0, and that is a lie: nothing is known yet. By hand, the first step with $g = 3$: $m = 0.1 \cdot 3 = 0.3$,
# much too small, and $s = 0.001 \cdot 9 = 0.009$, far too small. How much is missing is known: after $t$ steps the factors that have been
# handed out add up to $1 - \beta^t$ only. So divide by that, with $t$ = 1 for the first step:
#
# $$\hat m = \frac{m}{1 - \beta_1^t} = \frac{0.3}{1 - 0.9} = 3 \qquad\qquad \hat s = \frac{s}{1 - \beta_2^t} = \frac{0.009}{1 - 0.999} = 9$$
#
# $$w \leftarrow w - \text{lr} \cdot \frac{\hat m}{\sqrt{\hat s} + \varepsilon}$$
#
# In the first step $3 / \sqrt 9 = 1$: every weight moves by just lr, whatever its gradient. The small $\varepsilon = 10^{-8}$ is there in case
# a gradient is always 0. The corrected $\hat m$ and $\hat s$ are for this step only; $m$ and $s$ themselves are what is kept.
#
# ## Exercise 8.3: Adam
#
# | | |
# |---|---|
# | takes | `w`, its gradient `g`, the old means `m` and `s`, four arrays of the same shape; `t`, the number of this step: 1, 2, ..; `lr`, `beta1`, `beta2` and `eps` |
# | returns | the new `w`, `m` and `s` |


# %% tags=["exercise-8.3"]
def adam_step(w, g, m, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = ...
    s = ...
    w = ...  # use as many lines as you like
    return w, m, s


# %%
check("8.3", adam_step)

# %%
adam_here = learner("8.3", adam_step)

# %% [markdown]
# ## Four ways down
#
# All four in the ravine, from the same place. For each one `rules` holds a function that does one step; `memory` is whatever it wants
# to keep until the next one.


# %%
def sgd_rule(w, g, memory, t, lr, momentum):
    return sgd_step(w, g, lr), memory


def momentum_rule(w, g, memory, t, lr, momentum):
    w, v = momentum_here(w, g, memory[0], lr, momentum)
    return w, (v,)


def nesterov_rule(w, g, memory, t, lr, momentum):
    w, v = nesterov_here(w, g, memory[0], lr, momentum)
    return w, (v,)


def adam_rule(w, g, memory, t, lr, momentum):
    w, m, s = adam_here(w, g, *memory, t, lr)
    return w, (m, s)


rules = {"SGD": (sgd_rule, 0), "momentum": (momentum_rule, 1), "Nesterov": (nesterov_rule, 1), "Adam": (adam_rule, 2)}
looks = {"SGD": ("o", "-"), "momentum": ("s", "--"), "Nesterov": ("^", "-."), "Adam": ("D", ":")}  # marker, dash
rates = {"SGD": 0.045, "momentum": 0.02, "Nesterov": 0.02, "Adam": 0.5}
colours = dict(zip(rules, (viz.BLUE, viz.ORANGE, viz.GREEN, viz.VERMILLION), strict=True))


def descend(name, gradient, start, steps):
    rule, arrays = rules[name]
    w, memory = start, tuple(np.zeros_like(start) for _ in range(arrays))
    path = [w.copy()]
    for t in range(1, steps + 1):
        w, memory = rule(w, gradient(w), memory, t, rates[name], 0.8)
        path.append(w.copy())
    return np.array(path)


paths = {name: descend(name, lambda w: steepness * w, begin, 60) for name in rules}


def draw_paths(step):
    with style():
        figure, axes = panels(2, 2, size=(8.6, 4.4), sharex=True, sharey=True)
        for ax, (name, path) in zip(axes.ravel(), paths.items(), strict=True):
            ravine(ax)
            ax.plot(*path[: step + 1].T, marker="o", markersize=3, linewidth=1.2, color=colours[name])
            ax.plot(*path[step], marker=looks[name][0], markersize=9, color=colours[name], markeredgecolor="black")
            loss = 0.5 * (steepness * path[step] ** 2).sum()
            ax.set(title=f"{name}, lr {rates[name]}: loss {loss:.2g}")
            ax.label_outer()
        figure.suptitle(f"after {step} steps")
    return figure


frames(draw_paths, [1, 3, 6, 12, 25, 60])

# %% [markdown]
# Drag the slider. SGD jumps from side to side and crawls along. Momentum swings, for the ball has to lose its speed; with every
# swing what is across cancels, and along the ravine it gains. Nesterov swings less. Adam goes nearly straight at first, since both
# directions move at the same pace, and overshoots: its memory of the size is long.
#
# Is Adam the best of them? It divides each *weight's* gradient, so it sees a ravine only if that runs along the axes. Turn the
# ravine by 45 degrees, and both weights have gradients of the same size:

# %%
angle = np.pi / 4
turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
bowl = turn @ np.diag(steepness) @ turn.T  # the same loss as before, 1/2 w bowl w, turned
with style():
    figure, axes = panels(1, 2, size=(11, 4), sharey=True)
    for ax, matrix, start, title in (
        (axes[0], np.diag(steepness), begin, "along the axes"),
        (axes[1], bowl, turn @ begin, "the same ravine, turned by 45 degrees"),
    ):
        for name, (marker, dash) in looks.items():
            path = descend(name, lambda w, matrix=matrix: matrix @ w, start, 60)
            losses = [0.5 * w @ matrix @ w for w in path]
            ax.semilogy(losses, dash, marker=marker, markevery=8, label=name, color=colours[name])
        ax.set(title=title, xlabel="step", ylim=(1e-6, 200))
        ax.grid(axis="y")
    axes[0].set_ylabel("loss")
    axes[0].legend(frameon=False, loc="lower left")
figure

# %% [markdown]
# (Where a curve dips and rises again, the path has run past the minimum.) The first three don't notice the turn at all: their curves
# are the same on both sides. Adam does. There is no best optimizer; there are cures, each for its own trouble. Where the sizes of
# gradients differ much between *weights*, as between the layers of a deep network, Adam saves a lot of tuning. The small CNNs of this
# course are trained with Nesterov.
#
# ## Noise, and schedules
#
# A batch's gradient is the true one plus noise, so near the minimum the weights do not come to rest: they jitter about it, the wider the
# larger the steps are. Small steps jitter less, but need ages to get there. So: large steps first, small ones in the end. A function
# that says which learning rate belongs to which step is a **schedule**. A favourite goes down along half a cosine, which begins and ends
# gently; and before that the learning rate rises for some steps, the **warmup**, because the first gradients of a fresh network are large
# and point anywhere, and the memory is still empty.
#
# With `steps` steps in all, numbered 0, 1, .., and `warmup` of them to rise:
#
# $$\text{lr} = \begin{cases} \text{peak} \cdot \dfrac{\text{step} + 1}{\text{warmup}} & \text{while step} < \text{warmup} \\[8pt]
# \text{peak} \cdot \dfrac{1 + \cos(\pi \cdot \text{done})}{2} & \text{then, with } \text{done} = \dfrac{\text{step} - \text{warmup}}{\text{steps} - \text{warmup}}
# \end{cases}$$
#
# `done` goes from 0 to 1, the share of the way down. By hand, with 100 steps, 20 of them warmup, and peak 0.1: step 0 has
# $0.1 \cdot \frac{1}{20} = 0.005$; step 19 has 0.1; at step 60 done is $\frac{60 - 20}{100 - 20} = 0.5$, the cosine of $\frac{\pi}{2}$ is 0, and lr is 0.05. (Step
# 0 gets 1/20 and not 0, since a step with lr = 0 would be wasted.)
#
# ## Exercise 8.4: a schedule
#
# | | |
# |---|---|
# | takes | `step`, from 0 to `steps` - 1; `steps`; `warmup`, which may be 0; `peak` |
# | returns | the learning rate of this step. `np.cos` and `np.pi` are what their names say |


# %% tags=["exercise-8.4"]
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return ...
    done = ...
    return ...


# %%
check("8.4", warmup_cosine)

# %%
schedule_here = learner("8.4", warmup_cosine)

# %%
steps = 300
schedules = {
    "always 0.04": [0.04] * steps,
    "always 0.004": [0.004] * steps,
    "warmup and cosine": [schedule_here(step, steps, 30, 0.04) for step in range(steps)],
}
with style():
    figure, (left, right) = panels(1, 2, size=(11, 3.8))
    for (name, lrs), dash, colour in zip(
        schedules.items(), ("-", "--", "-."), (viz.BLUE, viz.ORANGE, viz.GREEN), strict=True
    ):
        noise = np.random.default_rng(8)
        everywhere = np.tile(begin, (200, 1))  # two hundred walkers at once: their mean shows what is not chance
        losses = []
        for lr in lrs:
            losses.append(0.5 * (steepness * everywhere**2).sum(axis=1).mean())
            g = steepness * everywhere + 3 * noise.standard_normal(everywhere.shape)
            everywhere = sgd_step(everywhere, g, lr)
        left.plot(lrs, dash, color=colour, label=name)
        right.semilogy(losses, dash, color=colour, label=name)
    left.set(title="The learning rate", xlabel="step", ylabel="lr", ylim=(0, 0.062))
    right.set(title="The loss in a ravine with noise", xlabel="step", ylabel="loss, mean of 200 runs")
    right.grid(axis="y")
    left.legend(frameon=False, loc="upper right")
figure

# %% [markdown]
# The large learning rate is down quickly and then stays where the noise holds it. The small one would get lower, if there were time.
# The schedule has both.
#
# ## Digits
#
# Now a real network, with your steps in it: 784 pixels, 32 hidden units, 10 digits. The parameters are several arrays, and **each
# array has a memory of its own**. The new weights are written *into* the array that the model holds, `array[:] = ..`; `array = ..` would
# make another array, of which the model knows nothing.

# %%
images, labels, source = digits("train", effort(5000, fast=600))
x = prepare(images).reshape(len(images), -1)
train, val = np.arange(len(x) * 4 // 5), np.arange(len(x) * 4 // 5, len(x))
loss = SoftmaxCrossEntropy()


def train_with(name, lrs):
    """The losses of the steps, and the loss on the validation images in the end."""
    rng = np.random.default_rng(0)  # the same network and the same batches for all
    model = Sequential(Dense(784, 32, rng=rng), ReLU(), Dense(32, 10, rng=rng))
    rule, arrays = rules[name]
    memory = {key: tuple(np.zeros_like(a) for _ in range(arrays)) for key, a in model.params.items()}
    losses = []
    for t, lr in enumerate(lrs, 1):
        batch = rng.choice(train, 50, replace=False)
        logits, cache = model.forward(x[batch])
        value, loss_cache = loss.forward(logits, labels[batch])
        losses.append(value)
        _, grads = model.backward(loss.backward(1.0, loss_cache), cache)
        for key, array in model.params.items():
            array[:], memory[key] = rule(array, grads[key], memory[key], t, lr, 0.9)
    return losses, loss.forward(model(x[val]), labels[val])[0]


count = effort(240, fast=12)
choices = {"SGD": (0.02, 0.05, 0.1, 0.2), "momentum": (0.005, 0.01, 0.02, 0.05), "Nesterov": (0.005, 0.01, 0.02, 0.05)}
choices["Adam"] = (0.001, 0.002, 0.005, 0.01)
best = {}
print(f"{source} digits: loss on the validation images after {count} steps")
for name, candidates in choices.items():
    with one_blas_thread():  # these matrix products are too small to be worth sharing among the cores
        found = {lr: train_with(name, [lr] * count) for lr in candidates}
    print(f"{name:<9}", "   ".join(f"lr {lr:<5g} {result[1]:.3f}" for lr, result in found.items()))
    best[name] = min(found, key=lambda lr: found[lr][1])

# %% [markdown]
# Two things to see. Every one of them depends on its learning rate; to compare two of them at the *same* rate is unfair. And
# momentum's good rates are a fifth to a tenth of SGD's. You know why: where gradients stay the same the velocity is ten times the
# gradient. So whoever turns momentum 0.9 on has to turn lr down.
#
# Each at its best rate, and Nesterov once more with a schedule whose peak is higher than its best constant rate:

# %%
peak = 2 * best["Nesterov"]
with one_blas_thread():
    runs = {f"{name}, lr {best[name]:g}": train_with(name, [best[name]] * count) for name in rules}
    falling = [schedule_here(step, count, count // 10, peak) for step in range(count)]
    runs[f"Nesterov, schedule to {peak:g}"] = train_with("Nesterov", falling)

with style():
    figure, ax = panels(size=(9.5, 4.4))
    window = effort(20, fast=4)
    styles = [*((looks[key][0], looks[key][1], colours[key]) for key in rules), ("v", "-", viz.BLACK)]
    for (name, (losses, end)), (marker, dash, colour) in zip(runs.items(), styles, strict=True):
        smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
        steps_of = np.arange(len(smooth)) + window / 2
        ax.plot(
            steps_of,
            smooth,
            dash,
            color=colour,
            marker=marker,
            markevery=max(count // 8, 1),
            label=f"{name}: {end:.3f} in the end",
        )
    ax.set(
        title="Five ways to train the same network",
        xlabel="step",
        ylabel=f"loss of the batches, mean of {window}",
        ylim=(0, None),
    )
    ax.grid(axis="y")
    ax.legend(frameon=False, fontsize=11)
figure

# %% [markdown]
# The legend says the loss on the validation images in the end. The differences between well-chosen optimizers are smaller than those
# between a good and a bad learning rate. Momentum, a schedule and a rate that was tried out are what trains nearly all networks of this
# course.
#
# ## Weight decay, once more
#
# In [lesson 7](07_training.ipynb) a price on large weights added $\lambda w$ to the gradient. So it does in SGD, momentum and Nesterov: first
# $g \leftarrow g + \lambda w$, and then everything as above, *through* the velocity. On `w` only, biases pay nothing. In Adam there is a catch:
# it divides what it is given by its usual size, and with it the $\lambda w$. Weights with large gradients would hardly be shrunk at all.
# **AdamW** therefore keeps the two apart: first $w \leftarrow (1 - \text{lr} \cdot \lambda)\, w$, and then Adam's step with the bare gradient.
#
# ## What goes wrong
#
# | what you see | what it may be |
# |---|---|
# | the loss grows, or becomes `nan` | lr too large; or uphill: a plus for a minus |
# | the loss falls, but ever so slowly | lr too small; lr multiplied in twice, into the velocity and again into the step |
# | no better than SGD | the velocity starts at 0 in every step: it is not stored, or stored where nobody looks |
# | it never comes to rest | the old velocity is not multiplied by momentum, so nothing is ever forgotten |
# | shapes do not fit, or arrays drift strangely | one velocity for all arrays |
# | nothing happens at all | a new array is made, `w = w - ..`, and the model still holds the old one |

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Say why a steep and a flat direction together make SGD slow.
# - Write momentum and Nesterov, and say what the memory does to steady and to alternating gradients.
# - Write Adam with its two corrected means, and say when it helps and when it does not.
# - Choose a learning rate by trying, and bring it down with a schedule.
#
# **Before** [lesson 7: training](07_training.ipynb) · **Next** [lesson 9: convolution by loops](09_convolution_by_loops.ipynb): from
# here on the images stay images · In the library: `scratchnet/optim.py`
#
# *Sources.* B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964 (momentum). Y. Nesterov, "A method of
# solving a convex programming problem with convergence rate O(1/k²)", 1983. I. Sutskever et al., "On the importance of initialization and
# momentum in deep learning", ICML 2013 (Nesterov's rule as momentum). D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR
# 2015. I. Loshchilov and F. Hutter, "SGDR", ICLR 2017 (the cosine), and "Decoupled weight decay regularization", ICLR 2019 (AdamW). G. Goh, "Why
# momentum really works", *Distill* 2017.
