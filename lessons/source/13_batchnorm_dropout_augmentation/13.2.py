# %% [markdown]
# # BatchNorm, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import generic, gradients


def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) * inv_std
    return gamma * xhat + beta, (xhat, gamma, inv_std)


def examine(batch_norm_backward):
    rng = np.random.default_rng(0)
    for n, d in (7, 3), (5, 4):
        x = generic((n, d), rng) * rng.uniform(0.5, 3, d)  # each column with a spread of its own
        gamma, beta = rng.uniform(0.5, 2, d), generic((d,), rng)
        yield gradients((batch_norm_forward, batch_norm_backward), x, gamma, beta)


# %% [markdown] hint
# First what you know from lesson 5: dgamma, dbeta and dxhat. Which of the formulas of dx needs each of the three paths from x to
# the output?

# %% [markdown] hint
# `dgamma` sums `dout * xhat` over the rows, `dbeta` sums `dout`, and `dxhat = dout * gamma`. In dx there are two means over the rows, of
# `dxhat` and of `dxhat * xhat`; each is (D,), one number a column.

# %% [markdown] hint
# `dx = inv_std * (dxhat - dxhat.mean(axis=0) - xhat * ...)`: the last factor is the mean of `dxhat * xhat`, again over axis 0.

# %% [markdown] derivation
# $\gamma_d$ reaches $\text{out}_{nd}$ with slope $\hat x_{nd}$, $\beta_d$ with slope 1, for all $n$: two sums over axis 0.
#
# Centring, $c = x - \mu$: $x_n$ reaches $c_n$ with slope 1 and every $c_k$ with slope $-\frac1N$, so $\text{dx} = \text{dc} - \text{mean}(\text{dc})$.
#
# Scaling, $\hat x = s\,c$ with $s = (\frac1N\sum c_k^2 + \varepsilon)^{-1/2}$: $c_n$ reaches $\hat x_n$ with slope $s$ and every $\hat x_k$ with slope
# $c_k \cdot \partial s/\partial c_n = -\frac sN \hat x_k\hat x_n$, so $\text{dc} = s\,(\text{dxhat} - \hat x \cdot \text{mean}(\text{dxhat}\cdot\hat x))$.
#
# Together, as mean($\hat x$) = 0: $\text{dx} = s\,(\text{dxhat} - \text{mean}(\text{dxhat}) - \hat x \cdot \text{mean}(\text{dxhat}\cdot\hat x))$.


# %% solution
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = inv_std * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    return dx, dgamma, dbeta


# %% wrong: statistics treated as constants
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = dxhat * inv_std
    return dx, dgamma, dbeta


# %% wrong: variance term missing
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = inv_std * (dxhat - dxhat.mean(axis=0))
    return dx, dgamma, dbeta


# %% wrong: mean term missing
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = inv_std * (dxhat - xhat * (dxhat * xhat).mean(axis=0))
    return dx, dgamma, dbeta


# %% wrong: gamma missing
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout
    dx = inv_std * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    return dx, dgamma, dbeta


# %% wrong: power of the standard deviation wrong
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / inv_std
    return dx, dgamma, dbeta


# %% wrong: divided by the wrong count
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = inv_std * (dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
    return dx, dgamma, dbeta


# %% wrong: extra 1/N
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).mean(axis=0)
    dbeta = dout.mean(axis=0)
    dxhat = dout * gamma
    dx = inv_std * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    return dx, dgamma, dbeta


# %% wrong: summed over the wrong axis
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    means = dxhat.mean(axis=1, keepdims=True), (dxhat * xhat).mean(axis=1, keepdims=True)
    dx = inv_std * (dxhat - means[0] - xhat * means[1])
    return dx, dgamma, dbeta


# %% wrong: gradients in the wrong order
def batch_norm_backward(dout, cache):
    xhat, gamma, inv_std = cache
    dbeta = (dout * xhat).sum(axis=0)
    dgamma = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = inv_std * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    return dx, dgamma, dbeta
