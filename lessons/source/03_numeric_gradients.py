# %% [markdown]
# # Lesson 3: Numeric gradients
#
# **The idea.** You can *measure* a slope: move the input a little to either side and see how much the output moves. That is
# far too slow for training, but it needs no mathematics at all, so it is the judge of every gradient that you will derive
# by hand from now on.
#
# **You need** Python, arrays of NumPy, and the derivative from school. [Lesson 2](02_the_chain_rule.ipynb) helps, but is not
# necessary.
#
# **Time** about 40 minutes.
#
# **Afterwards you can** measure the gradient of any function, choose the step, tell a wrong gradient from a rounding error,
# and say where there is no gradient to measure.

# %%
import numpy as np

from scratchnet_lessons import check, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## How steep is it?
#
# The derivative $f'(x)$ is the slope of the curve at $x$: by how much does $f$ grow, for each bit that $x$ grows? At school
# you take a second point at a distance $h$, draw the line through both, and let $h$ go to 0:
#
# $$f'(x) = \lim_{h \to 0} \frac{f(x+h) - f(x)}{h}$$
#
# A computer can't let $h$ go to 0, but it can take a small $h$. Let us see how good that is, for $f(x) = x^3$, where the
# truth is known: $f'(x) = 3x^2$. Multiply $(x+h)^3$ out:
#
# $$\frac{(x+h)^3 - x^3}{h} = \frac{3x^2h + 3xh^2 + h^3}{h} = \underbrace{3x^2}_{\text{the slope}} + \underbrace{3xh + h^2}_{\text{the error}}$$
#
# Halve $h$ and the error halves. That is slow. Now put one point to the *left* of $x$ and one to the *right*, at the same
# distance. They are $2h$ apart:
#
# $$\frac{(x+h)^3 - (x-h)^3}{2h} = \frac{6x^2h + 2h^3}{2h} = 3x^2 + h^2$$
#
# The term with $3xh$ has dropped out, because it is the same on both sides. Halve $h$ and the error is a *quarter*. This is
# the **central difference**; it costs one more call of $f$ and is worth it. (It is no accident of $x^3$: for any smooth
# function the error shrinks like $h^2$.)

# %%
x, h = 1.0, 0.5
curve = np.linspace(0.2, 1.8, 100)
with style():
    figure, axes = panels(1, 2, size=(10, 3.8), sharey=True)
    for ax, left, right, title in (
        (axes[0], x, x + h, "one-sided: from x to x + h"),
        (axes[1], x - h, x + h, "central: x - h to x + h"),
    ):
        slope = (right**3 - left**3) / (right - left)
        ax.plot(curve, curve**3, label="f(x) = x³")
        ax.plot(curve, 1 + 3 * (curve - x), "--", color="black", linewidth=1.5, label="the true slope, 3")
        ax.plot(curve, left**3 + slope * (curve - left), label=f"through the points, {slope:.2f}")
        ax.plot([left, right], [left**3, right**3], "o", color="black")
        ax.set(title=title, xlabel="x", ylim=(-1.5, 6))
        ax.legend(frameon=False, loc="upper left")
figure

# %% [markdown]
# The points of the right picture are further apart, and yet their line is nearly parallel to the true slope.
#
# ## Exercise 3.1: the central difference
#
# | | |
# |---|---|
# | formula | $\dfrac{f(x+h) - f(x-h)}{2h}$ |
# | takes | `f`, a function of one number; `x`, a number; `h`, the step, a number |
# | returns | the slope, a number |
#
# Replace `...` by your code and run the cell, then run the next one. It says what is right or wrong. If you are stuck, ask
# for `hint("3.1")`.


# %% tags=["exercise-3.1"]
def slope(f, x, h):
    return ...


# %%
check("3.1", slope)

# %% [markdown]
# Each exercise is followed by a line such as the next one. From there on the lesson runs with *your* function if it is
# right, and with a ready one if not. So you can read on at any time, and come back later.

# %%
slope_here = learner("3.1", slope)
print(slope_here(np.sin, 1.0, 1e-3), "is nearly", np.cos(1.0))

# %% [markdown]
# ## How small a step?
#
# The smaller $h$, the smaller the error, says the formula. So why not take $10^{-15}$? Measure it. The truth is known for
# the sine: its slope is the cosine.

# %%
steps = 10.0 ** np.arange(-15, 0.5, 0.5)


def error(step, dtype, one_sided=False):
    x, h = dtype(1.0), dtype(step)
    measured = (np.sin(x + h) - np.sin(x)) / h if one_sided else slope_here(np.sin, x, h)
    return abs(float(measured) - np.cos(1.0))


curves = {
    "one-sided, float64": [error(h, np.float64, one_sided=True) for h in steps],
    "central, float64": [error(h, np.float64) for h in steps],
    "central, float32": [error(h, np.float32) for h in steps],
}
with style():
    figure, ax = panels(size=(9, 5))
    for (name, errors), marker in zip(curves.items(), "os^", strict=True):
        ax.loglog(steps, np.maximum(errors, 1e-13), marker=marker, markersize=5, label=name)
    ax.axvline(1e-5, color="grey", linestyle=":", linewidth=1.5)
    ax.text(1.3e-5, 1e-13, "h = 1e-5", color="#555555")
    ax.text(3e-16, 3e-8, "rounding:\nsmaller h, larger error", color="#555555")
    ax.text(2e-3, 1e-10, "the formula:\nlarger h, larger error", color="#555555")
    ax.set(
        xlabel="step h",
        ylabel="error of the slope",
        title="Too large and too small: the V curve",
        ylim=(3e-14, 30),
        xlim=(2e-16, 5),
    )
    ax.legend(frameon=False, loc="lower left")
figure

# %% [markdown]
# Read it from right to left. At first the error falls as promised: by a factor 100 for each factor 10 of $h$ where the
# difference is central, by 10 where it is one-sided. Then it *rises* again. That is **rounding**. A float64 holds about 16
# digits, so $f(x+h)$ and $f(x-h)$ are known to about $10^{-16}$ each. Where $h$ is tiny they agree in nearly all of their
# digits; the subtraction throws these away and leaves the last few, which are rounded, and then divides by the tiny $2h$:
#
# $$\text{error} \approx \underbrace{h^2}_{\text{formula}} + \underbrace{\frac{10^{-16}}{h}}_{\text{rounding}}$$
#
# The best step of a central difference in float64 is near $10^{-5}$, with some ten right digits. **In float32**, with its 7
# digits, no step is good: at $h = 10^{-5}$ two or three digits are right, and never more than five or six. Networks are
# trained in float32, because it is fast; gradients are *checked* in float64. Remember that when a gradient seems wrong: look
# at its `dtype` first.
#
# ## Many inputs: a gradient
#
# A network's loss depends on many numbers at once. Its **gradient** is an array of the input's shape: entry $i$ is the slope
# when entry $i$ alone moves, and all others stay where they are.
#
# $$g_i = \frac{f(x \text{ with } x_i + h) - f(x \text{ with } x_i - h)}{2h}$$
#
# An example with two inputs, $f(x) = x_0^2 + 3 x_1$ at $x = (2, 5)$: move $x_0$ and the slope is $2x_0 = 4$; move $x_1$ and it is
# $3$. So the gradient is $(4, 3)$, of the same shape as $x$.
#
# ## Exercise 3.2: the numeric gradient of an array
#
# | | |
# |---|---|
# | takes | `f`, a function of an array that returns one number; `x`, an array of floats of *any* shape; `h` |
# | returns | `g`, an array of `x.shape`, in which `g[i]` is the slope when `x[i]` alone moves |
# | leave alone | `x` itself: the caller may still need it, so work on copies |
#
# `np.ndindex(x.shape)` walks through all entries of an array, however many axes it has:

# %%
for i in np.ndindex((2, 3)):
    print(i, end="  ")

# %% [markdown]
# and `x[i]` with such an `i` is one entry.


# %% tags=["exercise-3.2"]
def numeric_gradient(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        slope_of_i = ...  # the slope of f when x[i] alone moves; use as many lines as you like
        g[i] = slope_of_i
    return g


# %%
check("3.2", numeric_gradient)

# %%
from scratchnet.gradcheck import numeric_gradient as library_gradient

gradient_here = learner("3.2", numeric_gradient, lambda f, x, h=1e-5: library_gradient(f, x, h=h))
print(gradient_here(lambda x: x[0] ** 2 + 3 * x[1], np.array([2.0, 5.0])))

# %% [markdown]
# ## The judge at work
#
# Here is a gradient that somebody derived by hand. Ten houses, three figures for each (`x`, shape (10, 3)), and a price `y`.
# We predict the price as a weighted sum of the figures, `x @ w` with `w` of shape (3,), and the loss is the mean of the
# squared errors:
#
# $$\text{loss}(w) = \frac1N \sum_n \Big(\sum_d x_{nd} w_d - y_n\Big)^2
# \qquad\text{with the gradient}\qquad \frac{\partial\,\text{loss}}{\partial w_d} = \frac2N \sum_n x_{nd} \Big(\sum_e x_{ne} w_e - y_n\Big)$$
#
# How it was derived is the business of [lesson 1](01_one_neuron.ipynb). Whether it is *right* you can see now without knowing
# that.

# %%
rng = np.random.default_rng(0)
x, y, w = rng.standard_normal((10, 3)), rng.standard_normal(10), rng.standard_normal(3)


def loss(w):
    return np.mean((x @ w - y) ** 2)


by_hand = 2 / 10 * x.T @ (x @ w - y)
measured = gradient_here(loss, w)
print("by hand ", by_hand)
print("measured", measured)
print("apart by", np.abs(by_hand - measured).max())

# %% [markdown]
# They never agree to the last digit, since the measurement is not exact. So when are they *the same*?
#
# - Take the **largest** difference of all entries. A mean hides the one entry in a thousand that is wrong.
# - Take its **size**, without the sign: differences of $+1$ and $-1$ must not cancel.
# - Compare it with the size of the **gradient**: a difference of 0.001 is nothing for a gradient of 10 000 and everything
#   for one of 0.001. In float64, differences of a millionth of the largest entry are rounding.
# - And allow a tiny **absolute** difference too, or a gradient that is 0 everywhere could never be right.
#
# ## Exercise 3.3: the same or not?
#
# | | |
# |---|---|
# | formula | $\max_i \lvert a_i - n_i\rvert \;\le\; 10^{-6} \max_i \lvert n_i\rvert + 10^{-9}$ |
# | takes | `a`, the gradient derived by hand, and `n`, the measured one: two arrays of the same shape |
# | returns | `True` or `False` |


# %% tags=["exercise-3.3"]
def agree(a, n):
    return ...


# %%
check("3.3", agree)

# %%
agree_here = learner("3.3", agree)
print("by hand:            ", agree_here(by_hand, measured))
print("with a forgotten 2: ", agree_here(by_hand / 2, measured))

# %% [markdown]
# That is a **gradient check**. From here on each lesson has one behind its `check`, and it can do one thing more: when
# gradients differ it looks at *how* they differ, because each mistake leaves its own trace in the numbers. A gradient that
# is exactly half as large everywhere is one of these traces:

# %%
from scratchnet.gradcheck import check as gradient_check


def predict_loss(w):
    return np.mean((x @ w - y) ** 2)


def predict_loss_gradient(dloss, w):
    return dloss * x.T @ (x @ w - y) / 10


gradient_check((predict_loss, predict_loss_gradient), w)

# %% [markdown]
# ## From an array to one number
#
# A layer of a network returns an array, not one number, so "the slope of its output" would be a slope for each output and
# each input. The trick that everybody uses: draw a random array `dout` of the output's shape, and check
#
# $$f(x) = \sum_i \text{out}_i(x) \cdot \text{dout}_i$$
#
# which *is* one number. A backward pass that is given `dout` returns exactly this function's gradient. Random numbers
# matter: with `dout` all ones, a backward pass that forgets to multiply by `dout` would look right.
#
# ## Where there is no slope
#
# `max(x, 0)`, the ReLU of [lesson 5](05_dense_and_relu.ipynb), has a **kink** at 0: to the left the slope is 0, to the right it
# is 1. At the kink itself there is none. The central difference returns something all the same:

# %%
at = np.linspace(-0.02, 0.02, 401)
with style():
    figure, (left, right) = panels(1, 2, size=(10, 3.6))
    left.plot(at, np.maximum(at, 0))
    left.set(title="max(x, 0)", xlabel="x")
    for h in 0.01, 0.001:
        right.plot(at, [slope_here(lambda v: np.maximum(v, 0), v, h) for v in at], label=f"measured, h = {h:g}")
    right.plot([-0.02, 0], [0, 0], "k--", linewidth=1.5, label="the slope")
    right.plot([0, 0.02], [1, 1], "k--", linewidth=1.5)
    right.set(title="its slope, measured", xlabel="x", ylim=(-0.1, 1.5))
    right.legend(frameon=False, loc="upper left")
    for ax in left, right:
        ax.set_xticks([-0.02, -0.01, 0, 0.01, 0.02])
figure

# %% [markdown]
# Closer to the kink than $h$ the two points lie on different sides, and the measurement is a mixture of both slopes. This is
# **no mistake of your gradient**. The checker of this course looks at both one-sided slopes, says "kink", and takes any
# value between the two. When you write a check of your own, keep the inputs away from zeros and ties.
#
# ## Why not train with it?
#
# Two calls of the function for every number. A small network has 30 000 weights, so one gradient takes 60 000 forward
# passes; backpropagation computes the same gradient in the time of about two. That is why you will derive gradients by
# hand, and measure them only to check.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Measure a slope with the central difference, and say why it is better than the one-sided one.
# - Choose `h = 1e-5` in float64, and distrust every gradient check in float32.
# - Compare two gradients: the largest difference, against the size of the gradient.
# - Recognise a kink, which is no mistake.
#
# **Before** [lesson 2: the chain rule](02_the_chain_rule.ipynb) · **Next** [lesson 4: softmax and
# cross-entropy](04_softmax_and_cross_entropy.ipynb), whose gradient you will check with this · In the library:
# `scratchnet/gradcheck/numeric.py`, `compare.py` and `kinks.py`
#
# *Sources.* W. H. Press et al., *Numerical Recipes*, section 5.7 (numerical derivatives) on the best step. The tolerance
# and the random `dout` are those of `scratchnet.gradcheck.check`.
