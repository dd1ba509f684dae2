# %% [markdown]
# # Nesterov

# %% check
from scratchnet.optim import Nesterov
from scratchnet_lessons.exercises import gradients


def examine(nesterov_step):
    return gradients(nesterov_step, reference=Nesterov(lr=0.1, momentum=0.9), options={"lr": 0.1, "momentum": 0.9})


# %% [markdown] hint
# The first line is that of 8.1. What stands in the brackets of the second one, and which velocity is meant there?

# %% [markdown] hint
# In the brackets stand the gradient and `momentum` times the new velocity. All of it is multiplied by lr.

# %% [markdown] hint
# `v = momentum * v + g`, then `w = w - lr * (g + momentum * v)`.

# %% [markdown] derivation
# With the ball at $\theta$ and the looked-ahead weights $w = \theta - \text{lr} \cdot \mu v$ (where $\mu$ is the momentum):
#
# $$\theta = w + \text{lr} \cdot \mu v = w + \text{lr} \cdot (v' - g) \qquad\text{since } v' = \mu v + g$$
#
# $$w' = \theta - \text{lr} \cdot v' - \text{lr} \cdot \mu v' = w + \text{lr} \cdot (v' - g) - \text{lr} \cdot v' - \text{lr} \cdot \mu v' = w - \text{lr} \cdot (g + \mu v')$$
#
# So the newest gradient acts at once with its full weight, and the velocity is already taken one step further.


# %% solution
def nesterov_step(w, g, v, lr, momentum):
    v = momentum * v + g
    w = w - lr * (g + momentum * v)
    return w, v


# %% wrong: there is no look-ahead
def nesterov_step(w, g, v, lr, momentum):
    v = momentum * v + g
    w = w - lr * v
    return w, v


# %% wrong: the look-ahead uses the old velocity
def nesterov_step(w, g, v, lr, momentum):
    new = momentum * v + g
    w = w - lr * (g + momentum * v)
    return w, new


# %% wrong: velocity forgotten
def nesterov_step(w, g, v, lr, momentum):
    new = momentum * v + g
    w = w - lr * (g + momentum * new)
    return w, v


# %% wrong: learning rate twice
def nesterov_step(w, g, v, lr, momentum):
    v = momentum * v + lr * g
    w = w - lr * (lr * g + momentum * v)
    return w, v


# %% wrong: learning rate missing
def nesterov_step(w, g, v, lr, momentum):
    v = momentum * v + g
    w = w - (g + momentum * v)
    return w, v


# %% wrong: momentum not applied
def nesterov_step(w, g, v, lr, momentum):
    v = v + g
    w = w - lr * (g + v)
    return w, v


# %% wrong: sign flipped
def nesterov_step(w, g, v, lr, momentum):
    v = momentum * v + g
    w = w + lr * (g + momentum * v)
    return w, v
