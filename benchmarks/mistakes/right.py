"""Right implementations in many styles: not one of them may be called wrong."""
# ruff: noqa: RUF059  (students unpack more than they use)

import numpy as np

from benchmarks.mistakes import table as wrong
from benchmarks.mistakes.case import (
    BETA,
    BETA2,
    BIAS,
    GAMMA,
    GAMMA2,
    IMAGES,
    KERNELS,
    LABELS,
    LOGITS,
    SQUARE,
    SQUARE_KERNELS,
    B,
    Case,
    W,
    X,
)
from scratchnet.optim import SGD, Momentum, Nesterov

CASES: list[Case] = []


def case(id, operation, style, target, args=(), options=None, reference=None):
    CASES.append(Case(f"right-{id}", operation, style, target, args, options or {}, (), reference))


# --- dense -----------------------------------------------------------------------------------------------------------------


def dense_loops(dout, x, w, b):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for n in range(len(x)):
        for m in range(len(b)):
            db[m] += dout[n, m]
            for d in range(x.shape[1]):
                dx[n, d] += dout[n, m] * w[d, m]
                dw[d, m] += dout[n, m] * x[n, d]
    return dx, dw, db


def dense_einsum(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b, dict(inputs=x, weights=w)


def dense_einsum_back(grad, saved):
    return (
        np.einsum("nm,dm->nd", grad, saved["weights"]),
        np.einsum("nd,nm->dm", saved["inputs"], grad),
        np.einsum("nm->m", grad),
    )


class Linear:
    """PyTorch's layout: weight (M, D)."""

    def __init__(self, weight, bias):
        self.weight, self.bias, self.grads = weight, bias, {}

    def forward(self, inp):
        self.inp = inp
        return inp @ self.weight.T + self.bias

    def backward(self, g):
        self.grads["weight"] = g.T @ self.inp
        self.grads["bias"] = g.sum(axis=0)
        return g @ self.weight


class Affine:
    def __init__(self, W, b):
        self.params = {"W": W, "b": b}

    def forward(self, x):
        return x @ self.params["W"] + self.params["b"], x

    def backward(self, dout, x):
        return dout @ self.params["W"].T, {"dW": x.T @ dout, "db": dout.sum(0)}


def dense_row_bias(x, w, b):
    return x @ w + b


def dense_row_bias_back(dZ, x, w, b):
    return dZ @ w.T, x.T @ dZ, dZ.sum(axis=0, keepdims=True)


case("dense-loops", "dense", "plain functions, loops", (wrong.fc, dense_loops), (X, W, B), reference="dense")
case("dense-einsum", "dense", "pair, einsum, dict for cache", (dense_einsum, dense_einsum_back), (X, W, B))
case("dense-torch-layout", "dense", "class, weight (M, D)", Linear, (X, W.T.copy(), B), reference="dense")
case("dense-class-params", "dense", "class with a params dict, cache returned", Affine, (X, W, B))
case("dense-row-bias", "dense", "plain functions, bias (1, M)", (dense_row_bias, dense_row_bias_back), (X, W, B[None]))
case("dense-object", "dense", "an object", Linear(W.T.copy(), B), (X,))

# --- activations -----------------------------------------------------------------------------------------------------------


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


def relu_loop(x):
    out = []
    for v in x.ravel():
        out.append(v if v > 0 else 0.0)
    return np.array(out).reshape(x.shape)


def relu_loop_back(dout, x):
    return np.array([g if v > 0 else 0.0 for g, v in zip(dout.ravel(), x.ravel(), strict=True)]).reshape(x.shape)


def leaky(x, slope=0.1):
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_back(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, slope)


case("relu-class", "relu", "class", Relu, (X,), reference="relu")
case("relu-loop", "relu", "plain functions, loop", (relu_loop, relu_loop_back), (X,))
case("relu-images", "relu", "plain functions", (lambda x: np.maximum(x, 0), lambda g, x: g * np.heaviside(x, 0)), (IMAGES,))
case("leaky-relu", "leaky_relu", "pair", (leaky, leaky_back), (X,))
case("sigmoid-of-out", "sigmoid", "plain functions, from the output", (wrong.sigmoid, lambda dy, y: dy * y * (1 - y)), (X,))
case("tanh", "tanh", "plain functions", (np.tanh, lambda dout, x: dout / np.cosh(x) ** 2), (X,))

# --- softmax and losses ----------------------------------------------------------------------------------------------------


def softmax_back(dout, p):
    return p * (dout - (dout * p).sum(axis=1, keepdims=True))


def softmax_back_jacobian(dout, p):
    dx = np.zeros_like(p)
    for n in range(len(p)):
        dx[n] = (np.diag(p[n]) - np.outer(p[n], p[n])) @ dout[n]
    return dx


def ce_onehot(scores, t):
    p = wrong.softmax_rows(scores)
    return -np.sum(t * np.log(p)) / len(t), (p, t)


def ce_onehot_back(d, cache):
    p, t = cache
    return d * (p - t) / p.shape[0]


def ce_sum(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -sum(logp[i, k] for i, k in enumerate(labels))


def ce_sum_gradient(logits, labels):
    p = wrong.softmax_rows(logits)
    for i, k in enumerate(labels):
        p[i, k] -= 1
    return p


def ce_smooth(dloss, logits, labels, s):
    target = np.full(logits.shape, s / logits.shape[1])
    target[np.arange(len(labels)), labels] += 1 - s
    return dloss * (wrong.softmax_rows(logits) - target) / len(labels)


def ce_smooth_loss(logits, labels, s):
    logp = np.log(wrong.softmax_rows(logits))
    right = logp[np.arange(len(labels)), labels]
    return -np.mean((1 - s) * right + s * logp.mean(axis=1))


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.y, self.t = wrong.softmax_rows(x), t
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dout * dx / len(self.t)


def svm_back_loops(scores, y):
    d = np.zeros_like(scores)
    for i in range(len(y)):
        for j in range(scores.shape[1]):
            if j != y[i] and scores[i, j] - scores[i, y[i]] + 1 > 0:
                d[i, j] += 1 / len(y)
                d[i, y[i]] -= 1 / len(y)
    return d


case("softmax", "softmax", "pair", (wrong.softmax_layer, softmax_back), (LOGITS,))
case("softmax-jacobian", "softmax", "pair, Jacobian by rows", (wrong.softmax_layer, softmax_back_jacobian), (LOGITS,))
case("ce-onehot", "softmax_cross_entropy", "pair, one-hot", (ce_onehot, ce_onehot_back), (LOGITS,), {"t": np.eye(4)[LABELS]})
case("ce-sum", "softmax_cross_entropy", "plain, sum, no upstream", (ce_sum, ce_sum_gradient), (LOGITS,), {"labels": LABELS})
case(
    "ce-smooth",
    "softmax_cross_entropy",
    "plain functions",
    (ce_smooth_loss, ce_smooth),
    (LOGITS,),
    {"labels": LABELS, "s": 0.1},
)
case("ce-class", "softmax_cross_entropy", "class", SoftmaxWithLoss, (LOGITS,), {"t": LABELS}, "softmax_cross_entropy")
case("svm-loops", "hinge", "plain, loops, no upstream", (wrong.svm, svm_back_loops), (LOGITS,), {"y": LABELS}, "hinge")
case(
    "mse",
    "mean_squared_error",
    "plain functions",
    (wrong.mse, lambda p, target: 2 * (p - target) / p.size),
    (X,),
    {"target": LOGITS},
)
case(
    "linear-decay",
    "weight_decay",
    "plain functions",
    (wrong.linear_loss, wrong.linear_gradients(1, 0)),
    (W, B),
    wrong._linear,
)
case("penalty", "weight_decay", "plain functions", (wrong.penalty, lambda d, w, lam: d * 2 * lam * w), (W,), {"lam": 0.2})

# --- convolution -----------------------------------------------------------------------------------------------------------


class Conv(wrong.Convolution):
    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = (self.col.T @ dout).transpose(1, 0).reshape(FN, C, FH, FW)
        return wrong.col2im(dout @ self.col_W.T, self.x.shape, FH, FW, self.stride, self.pad)


def conv_as_convolution(dout, cache):
    """dx as a full correlation of dout with the turned kernel (stride 1)."""
    x, w, b, stride, pad, xp = cache
    F, C, HH, WW = w.shape
    big = np.pad(dout, ((0, 0), (0, 0), (HH - 1, HH - 1), (WW - 1, WW - 1)))
    turned = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    dxp = np.zeros_like(xp)
    for i, j in np.ndindex(xp.shape[2:]):
        dxp[:, :, i, j] = np.tensordot(big[:, :, i : i + HH, j : j + WW], turned, ([1, 2, 3], [1, 2, 3]))
    dw = np.zeros_like(w)
    for i, j in np.ndindex(HH, WW):
        dw[:, :, i, j] = np.einsum("nfxy,ncxy->fc", dout, xp[:, :, i : i + dout.shape[2], j : j + dout.shape[3]])
    H, W = x.shape[2:]
    return dxp[:, :, pad : pad + H, pad : pad + W], dw, dout.sum((0, 2, 3))


def conv_windows(x, w, b):
    view = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("ncxykl,fckl->nfxy", view, w) + b[:, None, None], (x.shape, view, w)


def conv_windows_back(dout, cache):
    shape, view, w = cache
    dx = np.zeros(shape)
    for k, m in np.ndindex(w.shape[2:]):
        dx[:, :, k : k + dout.shape[2], m : m + dout.shape[3]] += np.einsum("nfxy,fc->ncxy", dout, w[:, :, k, m])
    return dx, np.einsum("nfxy,ncxykl->fckl", dout, view), np.einsum("nfxy->f", dout)


case(
    "conv-loops",
    "conv2d",
    "pair, loops",
    (wrong.conv_naive, wrong.conv_backward),
    (IMAGES, KERNELS, BIAS),
    {"pad": 1},
    "conv2d",
)
case("conv-stride", "conv2d", "pair, loops", (wrong.conv_naive, wrong.conv_backward), (IMAGES, KERNELS, BIAS), {"stride": 2})
case("conv-class", "conv2d", "class, im2col", Conv, (IMAGES, KERNELS, BIAS), {"stride": 2, "pad": 1}, "conv2d")
case(
    "conv-turned",
    "conv2d",
    "pair, full correlation",
    (wrong.conv_naive, conv_as_convolution),
    (IMAGES, SQUARE_KERNELS, BIAS),
    {"pad": 1},
)
case("conv-einsum", "conv2d", "pair, einsum on windows", (conv_windows, conv_windows_back), (IMAGES, KERNELS, BIAS))
case(
    "col2im",
    "im2col",
    "pair",
    (wrong.to_columns, lambda dcols, shape: wrong.col2im(dcols, shape, 3, 3, 1, 1)),
    (IMAGES,),
)

# --- pooling, flatten ------------------------------------------------------------------------------------------------------


def _first(dx, window, g):
    k = np.unravel_index(np.argmax(window), window.shape)
    dx[k] += g


def _shared(dx, window, g):
    mask = window == window.max()
    dx += g * mask / mask.sum()


def pool_reshape(x):
    n, c, h, w = x.shape
    v = (
        x[:, :, : h // 2 * 2, : w // 2 * 2]
        .reshape(n, c, h // 2, 2, w // 2, 2)
        .transpose(0, 1, 2, 4, 3, 5)
        .reshape(n, c, h // 2, w // 2, 4)
    )
    return v.max(axis=-1), (x.shape, v.argmax(axis=-1))


def pool_reshape_back(dout, cache):
    (n, c, h, w), arg = cache
    spread = np.eye(4)[arg] * dout[..., None]
    spread = spread.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2 * 2, w // 2 * 2)
    dx = np.zeros((n, c, h, w))
    dx[:, :, : h // 2 * 2, : w // 2 * 2] = spread
    return dx


def avg_back(dout, x):
    dx = np.zeros_like(x)
    for i, j in np.ndindex(dout.shape[2:]):
        dx[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += dout[:, :, i, j, None, None] / 4
    return dx


case(
    "maxpool-argmax",
    "max_pool2d",
    "pair, loops",
    (wrong.maxpool, wrong.maxpool_backward(_first)),
    (IMAGES,),
    {"size": 3, "stride": 2},
)
case("maxpool-shared", "max_pool2d", "pair, loops, ties shared", (wrong.maxpool, wrong.maxpool_backward(_shared)), (IMAGES,))
case(
    "maxpool-ties",
    "max_pool2d",
    "pair, loops, ties shared",
    (wrong.maxpool, wrong.maxpool_backward(_shared)),
    (np.round(3 * IMAGES) / 3,),
    {"size": 3},
)
case("maxpool-reshape", "max_pool2d", "pair, reshape", (pool_reshape, pool_reshape_back), (IMAGES,), reference="max_pool2d")
case("avgpool", "avg_pool2d", "plain functions", (wrong.avgpool, avg_back), (IMAGES,), reference="avg_pool2d")
case(
    "global-avgpool",
    "global_avg_pool",
    "plain functions",
    (lambda x: x.mean((2, 3)), lambda d, x: np.ones_like(x) * d[:, :, None, None] / x[0, 0].size),
    (IMAGES,),
)
case("flatten", "flatten", "plain functions", (lambda x: x.reshape(len(x), -1), lambda d, x: d.reshape(x.shape)), (IMAGES,))

# --- dropout, BatchNorm, residual ------------------------------------------------------------------------------------------


class Dropout:
    def __init__(self, ratio=0.5):
        self.ratio = ratio

    def forward(self, x):
        self.mask = (np.random.rand(*x.shape) >= self.ratio) / (1 - self.ratio)  # noqa: NPY002
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def bn_steps(x, gamma, beta, eps=1e-5):
    N = x.shape[0]
    mu = x.sum(0) / N
    xmu = x - mu
    var = (xmu**2).sum(0) / N
    sqrtvar = np.sqrt(var + eps)
    ivar = 1 / sqrtvar
    xhat = xmu * ivar
    return gamma * xhat + beta, (xhat, gamma, xmu, ivar, sqrtvar, var, eps)


def bn_steps_back(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N = len(dout)
    dxhat = dout * gamma
    divar = (dxhat * xmu).sum(0)
    dvar = 0.5 / np.sqrt(var + eps) * (-1 / sqrtvar**2) * divar
    dxmu = dxhat * ivar + 2 * xmu / N * dvar
    dmu = -dxmu.sum(0)
    return dxmu + dmu / N, (dout * xhat).sum(0), dout.sum(0)


def bn_images_right(dout, cache):
    x, xhat, mu, var, gamma = cache
    m = x.size / x.shape[1]
    axes = (0, 2, 3)
    dxhat = dout * gamma[None, :, None, None]
    s1, s2 = dxhat.sum(axis=axes, keepdims=True), (dxhat * xhat).sum(axis=axes, keepdims=True)
    return (dxhat - s1 / m - xhat * s2 / m) / np.sqrt(var + 1e-5), (dout * xhat).sum(axes), dout.sum(axes)


def block_right(dout, cache):
    x, w, hidden = cache
    d = dout * (hidden > 0)
    return d @ w.T + dout, x.T @ d


case("dropout", "dropout", "pair", (wrong.dropout, lambda d, c: d * c[0] / (1 - c[1])), (X,), {"p": 0.3})
case("dropout-class", "dropout", "class, np.random", Dropout, (IMAGES,), {"ratio": 0.5})
case("bn", "batch_norm", "pair", (wrong.bn, wrong.bn_backward()), (X, GAMMA, BETA), reference="batch_norm")
case("bn-steps", "batch_norm", "pair, step by step", (bn_steps, bn_steps_back), (X, GAMMA, BETA))
case("bn-images", "batch_norm", "pair", (wrong.bn_images, bn_images_right), (IMAGES, GAMMA2, BETA2), reference="batch_norm")
case("residual", "residual", "pair", (wrong.block, block_right), (X, SQUARE))

# --- optimizer steps -------------------------------------------------------------------------------------------------------


def momentum_state(w, dw, state, lr, momentum):
    v = state.get("v", np.zeros_like(w))
    state["v"] = momentum * v - lr * dw
    return w + state["v"]


def sgd_momentum(w, dw, config):
    v = config.get("velocity", np.zeros_like(w))
    v = config["momentum"] * v - config["learning_rate"] * dw
    config["velocity"] = v
    return w + v, config


class MomentumClass:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def step(self, params, grads):
        if self.v is None:
            self.v = {k: np.zeros_like(p) for k, p in params.items()}
        for k in params:
            self.v[k] = self.momentum * self.v[k] - self.lr * grads[k]
            params[k] += self.v[k]


def nesterov(w, g, v, lr, mu):
    v = mu * v + g
    return w - lr * (g + mu * v), v


case("momentum-state", "momentum", "step with state", momentum_state, (), {"lr": 0.1, "momentum": 0.9}, Momentum(0.1, 0.9))
case(
    "momentum-config",
    "momentum",
    "step with config",
    sgd_momentum,
    (),
    {"learning_rate": 0.1, "momentum": 0.9},
    Momentum(0.1, 0.9),
)
case("momentum-class", "momentum", "class", MomentumClass, (), {"lr": 0.1, "momentum": 0.9}, Momentum(0.1, 0.9))
case("nesterov", "momentum", "step with v", nesterov, (), {"lr": 0.1, "mu": 0.9}, Nesterov(0.1, 0.9))
case(
    "sgd-decay",
    "weight_decay",
    "step",
    lambda w, g, lr, wd: w * (1 - lr * wd) - lr * g,
    (),
    {"lr": 0.1, "wd": 0.2},
    SGD(0.1, weight_decay=0.2),
)
