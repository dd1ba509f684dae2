# %% [markdown]
# # Momentum

# %% check
from scratchnet.optim import Momentum
from scratchnet_lessons.exercises import gradients


def examine(momentum_step):
    return gradients(momentum_step, reference=Momentum(lr=0.1, momentum=0.9), options={"lr": 0.1, "momentum": 0.9})


# %% [markdown] hint
# Two lines, two formulas. Which of the two must come first, if the step is to use the new velocity?

# %% [markdown] hint
# The new velocity is the share `momentum` of the old one, plus the gradient as it is. The new weights are the old ones minus `lr` times
# the new velocity.

# %% [markdown] hint
# `v = momentum * v + g`, then `w = w - lr * v`.

# %% [markdown] derivation
# Write the velocity out: after $t$ steps with gradients $g_1, \dots, g_t$ and momentum $\mu$
#
# $$v_t = g_t + \mu\, g_{t-1} + \mu^2 g_{t-2} + \dots$$
#
# All earlier gradients are in it, the older the less. If all are the same $g$, this is $g\,(1 + \mu + \mu^2 + ..) = g / (1 - \mu)$. If their
# sign alternates it is $g\,(1 - \mu + \mu^2 - ..) = g / (1 + \mu)$.


# %% solution
def momentum_step(w, g, v, lr, momentum):
    v = momentum * v + g
    w = w - lr * v
    return w, v


# %% wrong: velocity forgotten
def momentum_step(w, g, v, lr, momentum):
    v = g
    w = w - lr * v
    return w, v


# %% wrong: momentum not applied
def momentum_step(w, g, v, lr, momentum):
    v = v + g
    w = w - lr * v
    return w, v


# %% wrong: gradient damped
def momentum_step(w, g, v, lr, momentum):
    v = momentum * v + (1 - momentum) * g
    w = w - lr * v
    return w, v


# %% wrong: learning rate missing
def momentum_step(w, g, v, lr, momentum):
    v = momentum * v + g
    w = w - v
    return w, v


# %% wrong: learning rate twice
def momentum_step(w, g, v, lr, momentum):
    v = momentum * v + lr * g
    w = w - lr * v
    return w, v


# %% wrong: updated in the wrong order
def momentum_step(w, g, v, lr, momentum):
    w = w - lr * v
    v = momentum * v + g
    return w, v


# %% wrong: sign flipped
def momentum_step(w, g, v, lr, momentum):
    v = momentum * v + g
    w = w + lr * v
    return w, v


# %% wrong: velocity forgotten
def momentum_step(w, g, v, lr, momentum):
    new = momentum * v + g
    w = w - lr * new
    return w, v
