# %% [markdown]
# # Gradient descent

# %% check
from scratchnet_lessons.exercises import Mistake, values


def reference(gradient, w, b, lr, steps):
    while steps > 0:
        slopes = gradient(w, b)
        w, b = w - lr * slopes[0], b - lr * slopes[1]
        steps = steps - 1
    return w, b


def one_after_the_other(gradient, w, b, lr, steps):
    for _ in range(steps):
        w = w - lr * gradient(w, b)[0]
        b = b - lr * gradient(w, b)[1]
    return w, b


def asked_once(gradient, w, b, lr, steps):
    dw, db = gradient(w, b)
    for _ in range(steps):
        w, b = w - lr * dw, b - lr * db
    return w, b


def one_step(gradient, w, b, lr, steps):
    return reference(gradient, w, b, lr, min(steps, 1))


def uphill(gradient, w, b, lr, steps):
    return reference(gradient, w, b, -lr, steps)


def without_rate(gradient, w, b, lr, steps):
    return reference(gradient, w, b, 1.0, steps)


def one_slope_for_both(gradient, w, b, lr, steps):
    return reference(lambda w, b: (gradient(w, b)[0],) * 2, w, b, lr, steps)


def exchanged(gradient, w, b, lr, steps):
    return reference(lambda w, b: gradient(w, b)[::-1], w, b, lr, steps)


def examine(descend):
    def bowl(w, b):  # of w**2 + 3 * b**2
        return 2 * w, 6 * b

    def valley(w, b):  # the two depend on each other, as in the neuron
        return 2 * w + b - 1, w + 3 * b

    return values(
        descend,
        reference,
        (bowl, 1.0, 2.0, 0.1, 1),
        (valley, 0.5, -1.0, 0.1, 1),
        (valley, 0.5, -1.0, 0.2, 5),
        mistakes=(
            Mistake("uphill", uphill, "Where the slope is positive the loss grows to the right. Which way do you go?"),
            Mistake("learning rate missing", without_rate, "Which argument does your function not use?"),
            Mistake("only one step", one_step, "Is the return line inside of the loop?"),
            Mistake(
                "slopes asked for once only",
                asked_once,
                "After a step you stand somewhere else. Are the slopes there the same?",
            ),
            Mistake(
                "one after the other",
                one_after_the_other,
                "When you ask for db, w must still be where it was when you asked for dw. Ask once, for both.",
            ),
            Mistake("the same slope for both", one_slope_for_both, "gradient returns two slopes. Which is whose?"),
            Mistake("slopes exchanged", exchanged, "gradient returns (dw, db), in this order."),
        ),
    )


# %% [markdown] hint
# One step has three lines: ask for both slopes where you stand, move w, move b. How do you get two values from a function that
# returns a tuple?

# %% [markdown] hint
# `dw, db = gradient(w, b)` asks once, for both. Then each parameter moves against its own slope, by lr times the slope.

# %% [markdown] hint
# In the loop: `dw, db = gradient(w, b)`, then `w = w - lr * dw`, and the same for b.

# %% [markdown] derivation
# The slope says how the loss changes for each bit that the parameter grows; so a step of $-\text{lr} \cdot \text{dw}$ changes the loss by about
# $-\text{lr} \cdot \text{dw}^2$, which is never positive: downhill, whatever the sign of the slope. Both slopes hold at the point where they were
# asked for, so both are asked for before either parameter moves, and again after each step.


# %% solution
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        dw, db = gradient(w, b)
        w = w - lr * dw
        b = b - lr * db
    return w, b


# %% wrong: uphill
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        dw, db = gradient(w, b)
        w = w + lr * dw
        b = b + lr * db
    return w, b


# %% wrong: learning rate missing
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        dw, db = gradient(w, b)
        w = w - dw
        b = b - db
    return w, b


# %% wrong: only one step
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        dw, db = gradient(w, b)
        w = w - lr * dw
        b = b - lr * db
        return w, b


# %% wrong: slopes asked for once only
def descend(gradient, w, b, lr, steps):
    dw, db = gradient(w, b)
    for _ in range(steps):
        w = w - lr * dw
        b = b - lr * db
    return w, b


# %% wrong: one after the other
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        w = w - lr * gradient(w, b)[0]
        b = b - lr * gradient(w, b)[1]
    return w, b


# %% wrong: the same slope for both
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        dw = gradient(w, b)[0]
        w = w - lr * dw
        b = b - lr * dw
    return w, b


# %% wrong: slopes exchanged
def descend(gradient, w, b, lr, steps):
    for _ in range(steps):
        db, dw = gradient(w, b)
        w = w - lr * dw
        b = b - lr * db
    return w, b
