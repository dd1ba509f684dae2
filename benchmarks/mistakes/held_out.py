"""Cases that were written without looking at the code that diagnoses: they measure it, it is not tuned on them.

First the wrong ones, operation by operation, then the right ones in unusual styles, then the list.
"""
# ruff: noqa: RUF059  (students unpack more than they use)

import numpy as np

from benchmarks.mistakes.case import (
    B4,
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
from scratchnet.optim import SGD, Momentum

_rng = np.random.default_rng(20)

X43, W34, TARGETS = _rng.standard_normal((4, 3)), _rng.standard_normal((3, 4)), _rng.standard_normal((5, 4))
W_TORCH = _rng.standard_normal((3, 4))  # (out, in)
W45, W54, B5 = _rng.standard_normal((4, 5)), _rng.standard_normal((5, 4)), _rng.standard_normal(5)
LOGITS7, LABELS7 = _rng.standard_normal((5, 7)), np.array([6, 1, 1, 4, 2])
DATA = _rng.standard_normal((6, 4))  # for linear classifiers with W (4, 3)
CLASSES = np.array([2, 0, 1, 1, 0, 2])
SMALL = _rng.standard_normal((2, 3, 5, 6))  # N, C, H, W
SMALL_W, SMALL_B = _rng.standard_normal((4, 3, 2, 3)), _rng.standard_normal(4)
TIED = np.array([[0.0, 0.0, 1.5, 0.3], [0.0, 0.0, 0.2, 1.5], [2.0, 0.5, 0.7, 0.1], [2.0, 0.1, 0.4, 0.6]]).reshape(1, 1, 4, 4)

# --- dense -----------------------------------------------------------------------------------------------------------------


class FullyConnected:
    def __init__(self, W, b):
        self.W = W
        self.b = b

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W)


def linear(input, weight, bias):
    return input @ weight.T + bias


def linear_backward(grad_output, input, weight):
    grad_input = grad_output @ weight
    grad_weight = input.T @ grad_output
    grad_bias = grad_output.sum(0)
    return grad_input, grad_weight, grad_bias


def affine_dict_forward(x, w, b):
    cache = {"x": x, "w": w}
    return x @ w + b, cache


def affine_dict_backward(dout, cache):
    dx = dout @ cache["w"].T
    dw = cache["x"].T @ dout
    db = np.mean(dout, axis=0)
    return dx, dw, db


def layer_f(inp, weights, biases):
    n, m = len(inp), weights.shape[1]
    res = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            res[i, j] = np.dot(inp[i], weights[:, j]) + biases[j]
    return res, (inp, weights)


def layer_b(grad, saved):
    inp, weights = saved
    dinp = np.zeros_like(inp)
    dweights = np.zeros_like(weights)
    dbiases = np.zeros(weights.shape[1])
    for i in range(len(inp)):
        dinp[i] = weights @ grad[i]
        dweights = np.outer(inp[i], grad[i])
        dbiases += grad[i]
    return dinp, dweights, dbiases


def dense_einsum(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b, (x, w)


def dense_einsum_back(dout, cache):
    x, w = cache
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.einsum("nd,nm->dm", x, dout)
    db = np.einsum("nm->n", dout)
    return dx, dw, db


def fc_forward(X, W, b):
    Z = np.dot(X, W) + b
    return Z, (X, W, b)


def fc_backward(dZ, cache):
    A_prev, W, b = cache
    dW = np.dot(A_prev.T, dZ)
    db = np.sum(dZ, axis=0, keepdims=True)
    dA_prev = np.dot(dZ, W.T)
    return dA_prev, dW, db


class AccumulatingLinear:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias
        self.grad_weight = np.zeros_like(weight)
        self.grad_bias = np.zeros_like(bias)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, grad):
        self.grad_weight += self.x.T @ grad
        self.grad_bias += grad.sum(axis=0)
        return grad @ self.weight.T


memory = {}


def dense_remember(a, w, b):
    memory["a"] = a
    return a @ w + b, w


def dense_recall(dz, w):
    a = memory["a"]
    return dz @ w.T, a.T @ dz, dz.sum(axis=0)


class NeuronLayer:
    def __init__(self, w, b, learning_rate):
        self.w, self.b, self.learning_rate = w, b, learning_rate

    def forward(self, x):
        return x @ self.w + self.b, x

    def backward(self, dout, x):
        grads = {"w": self.learning_rate * x.T @ dout, "b": dout.sum(axis=0)}
        return dout @ self.w.T, grads


def hidden_layer(x, w, b):
    z = x @ w + b
    a = 1 / (1 + np.exp(-z))
    return a, (x, w, a)


def hidden_layer_backward(da, cache):
    x, w, _ = cache
    delta = da
    return delta @ w.T, x.T @ delta, delta.sum(axis=0)


# --- ReLU and its relatives ------------------------------------------------------------------------------------------------


def rectify(x):
    return np.maximum(0, x)


def rectify_gradient(dout, x):
    return np.where(dout > 0, dout, 0)


def relu_fwd_cs(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_bwd_cs(dout, cache):
    x = cache
    dout[x <= 0] = 0
    return dout


class ReLUModule:
    def forward(self, input):
        input[input < 0] = 0
        self.output = input
        return self.output

    def backward(self, grad_output):
        return grad_output * (self.output > 0)


def relu_z(Z):
    A = np.maximum(0, Z)
    return A, {"Z": Z}


def relu_z_backward(dA, cache):
    Z = cache["Z"]
    dZ = np.array(dA, copy=True)
    dZ[Z > 0] = 0
    return dZ


def relu_loop(v):
    r = v.copy()
    for idx in np.ndindex(v.shape):
        if v[idx] < 0:
            r[idx] = 0.0
    return r, r


def relu_loop_backward(g, r):
    d = np.empty_like(g)
    for idx in np.ndindex(g.shape):
        d[idx] = g[idx] * max(0, r[idx])
    return d


def leaky(x, alpha):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def leaky_backward(dout, cache):
    x, alpha = cache
    slope = np.ones(x.shape, dtype=int)
    slope[x < 0] = alpha
    return dout * slope


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def sigmoid_layer(x):
    a = sigmoid(x)
    return a, a


def sigmoid_layer_backward(dout, a):
    return dout * sigmoid_prime(a)


def tanh_f(x):
    return np.tanh(x)


def tanh_df(dout, x):
    return dout * (1 - x**2)


# --- mean squared error ----------------------------------------------------------------------------------------------------


def mse(pred, target):
    diff = pred - target
    return np.mean(diff**2), diff


def mse_backward(dloss, diff):
    return dloss * diff / diff.size


def mse_loss(input, target):
    return ((input - target) ** 2).mean()


def mse_loss_grad(dloss, input, target):
    return dloss * 2 * (input - target) / input.shape[0]


def half_squared(a, t):
    n = a.shape[0]
    return 0.5 * np.sum((a - t) ** 2) / n, (a, t, n)


def half_squared_back(dl, cache):
    a, t, n = cache
    return dl * 2.0 * (a - t) / n


class SquaredLoss:
    def __init__(self, truth):
        self.truth = truth

    def forward(self, guess):
        self.error = self.truth - guess
        return np.square(self.error).mean()

    def backward(self, dloss):
        return dloss * 2 * self.error / self.error.size


# --- softmax and cross-entropy ---------------------------------------------------------------------------------------------


def softmax_loss(x, labels):
    shifted = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted), axis=1, keepdims=True)
    log_probs = shifted - np.log(Z)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), labels]) / N
    return loss, (np.exp(log_probs), labels)


def softmax_loss_backward(dloss, cache):
    probs, labels = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[np.arange(N), labels] -= 1
    dx /= N
    return dx


def softmax_classifier(W, X, t):
    scores = X.dot(W)
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return -np.log(p[range(len(t)), t]).mean()


def softmax_classifier_grad(W, X, t):
    num_train = X.shape[0]
    scores = X.dot(W)
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[range(num_train), t] -= 1
    dscores = p / num_train
    dW = X.T.dot(dscores)
    dW /= num_train
    return dW


class CrossEntropy:
    def __init__(self, labels):
        self.labels = labels

    def forward(self, logits):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        onehot = np.eye(logits.shape[1])[self.labels]
        return -np.sum(onehot * np.log(self.probs)) / len(self.labels)

    def backward(self, dloss):
        return dloss * self.probs / len(self.probs)


def nll(scores, labels):
    e = np.exp(scores)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(labels)), labels])), (p, labels)


def nll_back(dloss, cache):
    p, labels = cache
    d = p.copy()
    d[:, labels] -= 1
    return dloss * d / len(labels)


def xent(z, labels):
    m = z.max(axis=1, keepdims=True)
    lse = m[:, 0] + np.log(np.exp(z - m).sum(axis=1))
    return (lse - z[np.arange(len(z)), labels]).mean()


def xent_grad(dloss, z, labels):
    e = np.exp(z - z.max())
    p = e / e.sum(axis=0)
    p[np.arange(len(z)), labels] -= 1.0
    return dloss * p / len(z)


def ce_forward(scores, labels):
    exp_scores = np.exp(scores)
    loss = 0.0
    for i in range(len(scores)):
        loss -= np.log(exp_scores[i, labels[i]] / exp_scores[i].sum())
    return loss / len(scores), (exp_scores, labels)


def ce_backward(dloss, cache):
    exp_scores, labels = cache
    dscores = np.zeros_like(exp_scores)
    for i in range(len(exp_scores)):
        for k in range(exp_scores.shape[1]):
            dscores[i, k] = exp_scores[i, k] - (k == labels[i])
    return dloss * dscores / len(exp_scores)


def smooth_ce(logits, labels, smoothing):
    n, k = logits.shape
    target = np.full((n, k), smoothing / k)
    target[np.arange(n), labels] += 1 - smoothing
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -(target * logp).sum() / n


def smooth_ce_grad(dloss, logits, labels, smoothing):
    n, k = logits.shape
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    target = np.eye(k)[labels]
    return dloss * (p - target) / n


def onehot_ce(a, labels):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    t = np.zeros_like(p)
    t[np.arange(len(p)), labels] = 1
    return -np.sum(t * np.log(p)) / len(p), (p, t)


def onehot_ce_back(dloss, cache):
    p, t = cache
    return dloss * (p - t) / len(p)


def weighted_ce(logits, labels, class_weights):
    logits = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    losses = -np.log(p[rows, labels]) * class_weights[labels]
    return losses.mean(), (p, labels)


def weighted_ce_backward(dloss, cache):
    p, labels = cache
    d = p.copy()
    d[np.arange(len(labels)), labels] -= 1
    return dloss * d / len(labels)


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.out = e / e.sum(axis=-1, keepdims=True)
        return self.out

    def backward(self, grad):
        return grad * self.out * (1 - self.out)


def probabilities(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def probabilities_df(dout, out):
    inner = (dout * out).sum(axis=0)
    return out * (dout - inner)


# --- hinge -----------------------------------------------------------------------------------------------------------------


def svm(scores, t):
    n = len(t)
    correct = scores[np.arange(n), t].reshape(-1, 1)
    margins = np.maximum(0, scores - correct + 1.0)
    margins[np.arange(n), t] = 0
    return margins.sum() / n, (margins, t)


def svm_back(dloss, cache):
    margins, _ = cache
    n = len(margins)
    return dloss * (margins > 0).astype(float) / n


def svm_minus_delta(s, labels, delta):
    rows = np.arange(len(s))
    m = np.maximum(0, s - s[rows, labels][:, np.newaxis] + delta)
    return np.mean(np.sum(m, axis=1)) - delta, (m, labels)


def svm_minus_delta_back(upstream, cache):
    m, labels = cache
    binary = np.where(m > 0, 1.0, 0.0)
    binary[np.arange(len(m)), labels] = -np.sum(binary, axis=1)
    return upstream * binary / len(m)


def svm_naive(W, X, t):
    loss = 0.0
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            if j == t[i]:
                continue
            margin = scores[j] - scores[t[i]] + 1
            if margin > 0:
                loss += margin
    return loss / X.shape[0]


def svm_naive_grad(W, X, t):
    dW = np.zeros(W.shape)
    for i in range(X.shape[0]):
        for j in range(W.shape[1]):
            if j == t[i]:
                continue
            dW[:, j] += X[i]
            dW[:, t[i]] -= X[i]
    return dW / X.shape[0]


class Hinge:
    def __init__(self, labels, margin):
        self.labels, self.margin = labels, margin
        self.rows = np.arange(len(labels))

    def forward(self, scores):
        self.diff = scores - scores[self.rows, self.labels][:, None]
        loss = np.maximum(0, self.diff + self.margin)
        loss[self.rows, self.labels] = 0
        return loss.sum(axis=1).mean()

    def backward(self, dloss):
        d = (self.diff > 0) * 1.0
        d[self.rows, self.labels] = -d.sum(axis=1)
        return dloss * d / len(d)


def hinge_f(scores, labels, margin):
    n = len(scores)
    gaps = scores - np.take_along_axis(scores, labels[:, None], axis=1) + margin
    np.put_along_axis(gaps, labels[:, None], 0, axis=1)
    hinge = np.clip(gaps, 0, None)
    return hinge.sum() / n, (hinge, labels)


def hinge_b(dloss, cache):
    hinge, labels = cache
    d = hinge / len(hinge)
    d[np.arange(len(d)), labels] = -d.sum(axis=1)
    return dloss * d


def max_margin(s, labels):
    total = 0.0
    for n in range(len(s)):
        for k in range(s.shape[1]):
            if k != labels[n]:
                total += max(0, 1 + s[n, k] - s[n, labels[n]])
    return total / len(s)


def max_margin_df(dout, s, labels):
    ds = np.zeros_like(s)
    for n in range(len(s)):
        for k in range(s.shape[1]):
            if k != labels[n] and 1 + s[n, k] - s[n, labels[n]] > 0:
                ds[n, k] += 1
                ds[n, labels[n]] -= 1
    return dout * ds


# --- convolution -----------------------------------------------------------------------------------------------------------


def conv_forward_naive(x, w, b, stride, pad):
    N, C, H, Wd = x.shape
    F, _, HH, WW = w.shape
    Hn = 1 + (H + 2 * pad - HH) // stride
    Wn = 1 + (Wd + 2 * pad - WW) // stride
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, Hn, Wn))
    for n in range(N):
        for f in range(F):
            for i in range(Hn):
                for j in range(Wn):
                    window = xp[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, stride, pad)


def conv_backward_naive(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, Wd = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    h0, w0 = i * stride, j * stride
                    dw[f] += xp[n, :, h0 : h0 + HH, w0 : w0 + WW] * dout[n, f, i, j]
                    dxp[n, :, h0 : h0 + HH, w0 : w0 + WW] += w[f] * dout[n, f, i, j]
                    db[f] += dout[n, f, i, j]
    dx = dxp[:, :, :H, :Wd]
    return dx, dw, db


def conv_shift_forward(img, ker, bias, pad):
    kh, kw = ker.shape[2:]
    imgp = np.pad(img, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    oh, ow = imgp.shape[2] - kh + 1, imgp.shape[3] - kw + 1
    out = np.zeros((len(img), len(ker), oh, ow)) + bias[:, None, None]
    for a in range(kh):
        for c in range(kw):
            out += np.tensordot(imgp[:, :, a : a + oh, c : c + ow], ker[:, :, a, c], axes=(1, 1)).transpose(0, 3, 1, 2)
    return out, {"imgp": imgp, "ker": ker, "pad": pad}


def conv_shift_backward(dout, cache):
    imgp, ker, pad = cache["imgp"], cache["ker"], cache["pad"]
    oh, ow = dout.shape[2:]
    dimgp, dker = np.zeros_like(imgp), np.zeros_like(ker)
    for a in range(ker.shape[2]):
        for c in range(ker.shape[3]):
            dker[:, :, a, c] = np.einsum("nfij,ncij->fc", dout, imgp[:, :, a : a + oh, c : c + ow])
            dimgp[:, :, a : a + oh, c : c + ow] += np.einsum("nfij,fc->ncij", dout, ker[:, :, a, c])
    return dimgp[:, :, pad:, pad:], dker, dout.sum((0, 2, 3))


def patch_indices(channels, kh, kw, oh, ow, stride):
    i0 = np.tile(np.repeat(np.arange(kh), kw), channels)
    j0 = np.tile(np.arange(kw), kh * channels)
    i1 = stride * np.repeat(np.arange(oh), ow)
    j1 = stride * np.tile(np.arange(ow), oh)
    k = np.repeat(np.arange(channels), kh * kw).reshape(-1, 1)
    return k, i0.reshape(-1, 1) + i1.reshape(1, -1), j0.reshape(-1, 1) + j1.reshape(1, -1)


def im2col_indices(x, kh, kw, stride):
    n, c, h, w = x.shape
    oh, ow = (h - kh) // stride + 1, (w - kw) // stride + 1
    k, i, j = patch_indices(c, kh, kw, oh, ow, stride)
    return x[:, k, i, j], (x.shape, k, i, j)


def col2im_indices(dcols, cache):
    shape, k, i, j = cache
    dx = np.zeros(shape)
    dx[:, k, i, j] += dcols
    return dx


def unroll(a, k, s):
    n, c, h, w = a.shape
    oh, ow = (h - k) // s + 1, (w - k) // s + 1
    rows = []
    for m in range(n):
        for i in range(oh):
            for j in range(ow):
                rows.append(a[m, :, i * s : i * s + k, j * s : j * s + k].ravel())
    return np.array(rows), oh, ow


def conv_cols(x, w, b, stride):
    cols, oh, ow = unroll(x, w.shape[2], stride)
    out = cols @ w.reshape(len(w), -1).T + b
    return out.reshape(len(x), oh, ow, len(w)).transpose(0, 3, 1, 2), (cols, x.shape, w, stride)


def conv_cols_backward(dout, cache):
    cols, (n, c, h, wd), w, s = cache
    f, _, k, _ = w.shape
    _, _, oh, ow = dout.shape
    db = dout.sum(axis=(0, 2, 3))
    dmat = dout.reshape(f, -1)
    dw = (dmat @ cols).reshape(w.shape)
    dcols = dmat.T @ w.reshape(f, -1)
    dx = np.zeros((n, c, h, wd))
    row = 0
    for m in range(n):
        for i in range(oh):
            for j in range(ow):
                dx[m, :, i * s : i * s + k, j * s : j * s + k] += dcols[row].reshape(c, k, k)
                row += 1
    return dx, dw, db


def conv_short(x, w, b):
    n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    y = np.empty((n, f, h - kh + 1, wd - kw + 1))
    for i in range(h - kh + 1):
        for j in range(wd - kw + 1):
            y[:, :, i, j] = np.tensordot(x[:, :, i : i + kh, j : j + kw], w, axes=((1, 2, 3), (1, 2, 3))) + b
    return y, (x, w)


def conv_short_grad(dy, cache):
    x, w = cache
    n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(h - kh):
        for j in range(wd - kw):
            g = dy[:, :, i, j]
            dw += np.tensordot(g, x[:, :, i : i + kh, j : j + kw], axes=(0, 0))
            dx[:, :, i : i + kh, j : j + kw] += np.tensordot(g, w, axes=(1, 0))
    return dx, dw, dy.sum(axis=(0, 2, 3))


class StridedConv:
    def __init__(self, w, b, stride=1):
        self.w, self.b, self.stride = w, b, stride

    def forward(self, x):
        self.x = x
        s = self.stride
        _, _, kh, kw = self.w.shape
        self.oh, self.ow = (x.shape[2] - kh) // s + 1, (x.shape[3] - kw) // s + 1
        out = np.zeros((x.shape[0], self.w.shape[0], self.oh, self.ow))
        for i in range(self.oh):
            for j in range(self.ow):
                patch = x[:, :, i * s : i * s + kh, j * s : j * s + kw]
                out[:, :, i, j] = np.einsum("nchw,fchw->nf", patch, self.w) + self.b
        return out

    def backward(self, dout):
        s = self.stride
        _, _, kh, kw = self.w.shape
        dx = np.zeros_like(self.x)
        self.dw = np.zeros_like(self.w)
        self.db = dout.sum(axis=(0, 2, 3))
        for i in range(self.oh):
            for j in range(self.ow):
                patch = self.x[:, :, i * s : i * s + kh, j * s : j * s + kw]
                self.dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], patch)
                dx[:, :, i : i + kh, j : j + kw] += np.einsum("nf,fchw->nchw", dout[:, :, i, j], self.w)
        return dx


def correlate(a, k):
    windows = np.lib.stride_tricks.sliding_window_view(a, k.shape[2:], axis=(2, 3))
    return np.einsum("ncijab,fcab->nfij", windows, k)


def conv_windows(x, w, b):
    return correlate(x, w) + b.reshape(1, -1, 1, 1), (x, w)


def conv_windows_backward(dout, cache):
    x, w = cache
    kh, kw = w.shape[2:]
    full = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    dx = correlate(full, w.transpose(1, 0, 2, 3))
    dw = correlate(x.transpose(1, 0, 2, 3), dout.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)
    return dx, dw, dout.sum(axis=(0, 2, 3))


def conv_rot(x, w, b):
    view = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.tensordot(view, w, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + b[None, :, None, None]


def conv_rot_gradients(dout, x, w, b):
    kh, kw = w.shape[2:]
    n, f, oh, ow = dout.shape
    dpad = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    w_rot = np.rot90(w, 2, axes=(2, 3))
    dx = np.zeros_like(x)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            dx[:, :, i, j] = np.einsum("nfab,fcab->nc", dpad[:, :, i : i + kh, j : j + kw], w_rot)
    dw = np.zeros_like(w)
    for a in range(kh):
        for c in range(kw):
            dw[:, :, a, c] = np.einsum("nfij,ncij->fc", dout, x[:, :, a : a + oh, c : c + ow])
    return dx, np.rot90(dw, 2, axes=(2, 3)), dout.sum((0, 2, 3))


def conv_gather(x, w, b):
    kh, kw = w.shape[2:]
    oh, ow = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    out = sum(
        np.einsum("nchw,fc->nfhw", x[:, :, a : a + oh, c : c + ow], w[:, :, a, c]) for a in range(kh) for c in range(kw)
    )
    return out + b[:, None, None], (x, w)


def conv_gather_backward(dout, cache):
    x, w = cache
    kh, kw = w.shape[2:]
    oh, ow = dout.shape[2:]
    H, Wd = x.shape[2:]
    padded = np.pad(dout, ((0, 0), (0, 0), (kh, kh), (kw, kw)))
    flipped = w[:, :, ::-1, ::-1]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for a in range(kh):
        for c in range(kw):
            dx += np.einsum("nfhw,fc->nchw", padded[:, :, a : a + H, c : c + Wd], flipped[:, :, a, c])
            dw[:, :, a, c] = np.einsum("nfhw,nchw->fc", dout, x[:, :, a : a + oh, c : c + ow])
    return dx, dw, np.einsum("nfhw->f", dout)


def conv_as_strided(x, w, b):
    n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    sn, sc, sh, sw = x.strides
    shape = (n, h - kh + 1, wd - kw + 1, c, kh, kw)
    view = np.lib.stride_tricks.as_strided(x, shape, (sn, sh, sw, sc, sh, sw))
    return np.einsum("nijcab,fcab->nfij", view, w) + b[:, None, None], (view, x.shape, w)


def conv_as_strided_back(dout, cache):
    view, shape, w = cache
    dx = np.zeros(shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i : i + w.shape[2], j : j + w.shape[3]] += np.tensordot(dout[:, :, i, j], w, 1)
    dw = np.einsum("nfij,nijcab->fcab", dout, view)
    db = dout.mean(axis=(0, 2, 3))
    return dx, dw, db


def conv_matmul(x, w, b):
    n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    oh, ow = h - kh + 1, wd - kw + 1
    cols = np.zeros((n, c * kh * kw, oh * ow))
    for i in range(oh):
        for j in range(ow):
            cols[:, :, i * ow + j] = x[:, :, i : i + kh, j : j + kw].reshape(n, -1)
    out = w.reshape(f, -1) @ cols + b[:, None]
    return out.reshape(n, f, oh, ow), {"cols": cols, "w": w, "x": x}


def conv_matmul_grad(dout, cache):
    cols, w, x = cache["cols"], cache["w"], cache["x"]
    n, f, oh, ow = dout.shape
    kh, kw = w.shape[2:]
    d = dout.reshape(n, f, oh * ow)
    dw = np.mean(d @ cols.transpose(0, 2, 1) / (oh * ow), axis=0).reshape(w.shape)
    dcols = w.reshape(f, -1).T @ d
    dx = np.zeros_like(x)
    for i in range(oh):
        for j in range(ow):
            dx[:, :, i : i + kh, j : j + kw] += dcols[:, :, i * ow + j].reshape(n, -1, kh, kw)
    return dx, dw, d.sum(axis=(0, 2))


def conv_filters(x, filters, biases):
    kh, kw = filters.shape[2:]
    oh, ow = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    out = np.zeros((len(x), len(filters), oh, ow))
    for f, (filt, bias) in enumerate(zip(filters, biases, strict=True)):
        for i in range(oh):
            for j in range(ow):
                out[:, f, i, j] = (x[:, :, i : i + kh, j : j + kw] * filt).sum(axis=(1, 2, 3)) + bias
    return out, (x, filters, biases)


def conv_filters_backward(dout, cache):
    x, filters, biases = cache
    kh, kw = filters.shape[2:]
    dx, dfilters, dbiases = np.zeros_like(x), np.zeros_like(filters), np.zeros_like(biases)
    for f in range(len(filters)):
        dfilter, dbias = dfilters[f], dbiases[f]
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                d = dout[:, f, i, j][:, None, None, None]
                dfilter += (d * x[:, :, i : i + kh, j : j + kw]).sum(axis=0)
                dx[:, :, i : i + kh, j : j + kw] += d * filters[f]
                dbias += d.sum()
    return dx, dfilters, dbiases


class Conv:
    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, x):
        view = np.lib.stride_tricks.sliding_window_view(x, self.w.shape[2:], axis=(2, 3))
        return np.einsum("ncijab,fcab->nfij", view, self.w) + self.b[:, None, None], (x, view)

    def backward(self, dout, cache):
        x, view = cache
        kh, kw = self.w.shape[2:]
        dw = np.einsum("nfij,ncijab->fcab", dout, view)
        dx = np.zeros_like(x)
        for i, j in np.ndindex(dout.shape[2:]):
            dx[:, :, i : i + kh, j : j + kw] += np.einsum("nf,fcab->ncab", dout[:, :, i, j], self.w)
        return dx, {"w": dw}


def conv_f32(x, w, b):
    n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    oh, ow = h - kh + 1, wd - kw + 1
    cols = np.zeros((n, oh, ow, c * kh * kw), dtype=np.float32)
    for i in range(oh):
        for j in range(ow):
            cols[:, i, j] = x[:, :, i : i + kh, j : j + kw].reshape(n, -1)
    return (cols @ w.reshape(f, -1).T + b).transpose(0, 3, 1, 2), (cols, w, x.shape)


def conv_f32_backward(dout, cache):
    cols, w, shape = cache
    f, _, kh, kw = w.shape
    d = dout.transpose(0, 2, 3, 1)
    dw = np.tensordot(d, cols, axes=((0, 1, 2), (0, 1, 2))).reshape(w.shape)
    dx = np.zeros(shape)
    for i in range(d.shape[1]):
        for j in range(d.shape[2]):
            dx[:, :, i : i + kh, j : j + kw] += (d[:, i, j] @ w.reshape(f, -1)).reshape(-1, *w.shape[1:])
    return dx, dw, d.sum(axis=(0, 1, 2))


def conv_last_image(x, k, b):
    kh, kw = k.shape[2:]
    out = np.zeros((len(x), len(k), x.shape[2] - kh + 1, x.shape[3] - kw + 1))
    for n, f, i, j in np.ndindex(out.shape):
        out[n, f, i, j] = np.vdot(x[n, :, i : i + kh, j : j + kw], k[f]) + b[f]
    return out, (x, k)


def conv_last_image_back(dout, cache):
    x, k = cache
    kh, kw = k.shape[2:]
    dx, dk, db = np.zeros_like(x), np.zeros_like(k), np.zeros(len(k))
    for n, f, i, j in np.ndindex(dout.shape):
        dx[n, :, i : i + kh, j : j + kw] += dout[n, f, i, j] * k[f]
        db[f] += dout[n, f, i, j]
    for n in range(len(x)):
        for f in range(len(k)):
            for a in range(kh):
                for c in range(kw):
                    patch = x[n, :, a : a + dout.shape[2], c : c + dout.shape[3]]
                    dk[f, :, a, c] = (patch * dout[n, f]).sum(axis=(1, 2))
    return dx, dk, db


def conv_pasted(x, w, b, stride):
    kh, kw = w.shape[2:]
    oh, ow = (x.shape[2] - kh) // stride + 1, (x.shape[3] - kw) // stride + 1
    out = np.zeros((len(x), len(w), oh, ow))
    for n, f, i, j in np.ndindex(out.shape):
        window = x[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        out[n, f, i, j] = (window * w[f]).sum() + b[f]
    return out, (x, w, stride)


def conv_pasted_back(dout, cache):
    x, w, stride = cache
    kh, kw = w.shape[2:]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dout.shape):
        rows, cols = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
        window = x[n, :, rows, cols]
        dw[f] += window * dout[n, f, i, j]
        dx[n, :, rows, cols] += window * dout[n, f, i, j]
    return dx, dw, dout.sum(axis=(0, 2, 3))


# --- pooling ---------------------------------------------------------------------------------------------------------------


def pool_blocks(x):
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    out = blocks.max(axis=3).max(axis=4)
    return out, (blocks, out, x.shape)


def pool_blocks_backward(dout, cache):
    blocks, out, shape = cache
    mask = blocks == out[:, :, :, None, :, None]
    return (mask * dout[:, :, :, None, :, None]).reshape(shape)


def maxpool_argmax(x, k):
    n, c, h, w = x.shape
    out = np.zeros((n, c, h // k, w // k))
    where = np.zeros(out.shape, dtype=int)
    for m, d, i, j in np.ndindex(out.shape):
        window = x[m, d, i * k : i * k + k, j * k : j * k + k]
        where[m, d, i, j] = np.argmax(window)
        out[m, d, i, j] = window.max()
    return out, (where, x.shape, k)


def maxpool_argmax_back(dout, cache):
    where, shape, k = cache
    dx = np.zeros(shape)
    for m, d, i, j in np.ndindex(dout.shape):
        row, col = where[m, d, i, j] % k, where[m, d, i, j] // k
        dx[m, d, i * k + row, j * k + col] += dout[m, d, i, j]
    return dx


class MaxPooling:
    def __init__(self, size, step):
        self.size, self.step = size, step

    def forward(self, x):
        self.x = x
        oh, ow = (x.shape[2] - self.size) // self.step + 1, (x.shape[3] - self.size) // self.step + 1
        out = np.zeros((*x.shape[:2], oh, ow))
        for i in range(oh):
            for j in range(ow):
                r, s = i * self.step, j * self.step
                out[:, :, i, j] = x[:, :, r : r + self.size, s : s + self.size].max(axis=(2, 3))
        return out

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for n, c, i, j in np.ndindex(dout.shape):
            r, s = i * self.step, j * self.step
            window = self.x[n, c, r : r + self.size, s : s + self.size]
            a, b = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, r + a, s + b] = dout[n, c, i, j]
        return dx


def downsample(x):
    corners = np.stack([x[:, :, 0::2, 0::2], x[:, :, 1::2, 0::2], x[:, :, 0::2, 1::2], x[:, :, 1::2, 1::2]])
    return corners.max(axis=0)


def downsample_gradient(dout, x):
    return dout.repeat(2, axis=2).repeat(2, axis=3)


def maxpool_from_zero(x, kernel_size, stride):
    n, c, h, w = x.shape
    out = np.zeros((n, c, (h - kernel_size) // stride + 1, (w - kernel_size) // stride + 1))
    winners = np.full((*out.shape, 2), -1)
    for m, d, i, j in np.ndindex(out.shape):
        for a in range(i * stride, i * stride + kernel_size):
            for b in range(j * stride, j * stride + kernel_size):
                if x[m, d, a, b] > out[m, d, i, j]:
                    out[m, d, i, j] = x[m, d, a, b]
                    winners[m, d, i, j] = a, b
    return out, (winners, x.shape)


def maxpool_from_zero_back(dout, cache):
    winners, shape = cache
    dx = np.zeros(shape)
    for m, d, i, j in np.ndindex(dout.shape):
        a, b = winners[m, d, i, j]
        if a >= 0:
            dx[m, d, a, b] += dout[m, d, i, j]
    return dx


def mean_pool(x, k):
    n, c, h, w = x.shape
    return x[:, :, : h // k * k, : w // k * k].reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5))


def mean_pool_grad(dout, x, k):
    dx = np.zeros_like(x)
    up = np.kron(dout, np.ones((1, 1, k, k)))
    dx[:, :, : up.shape[2], : up.shape[3]] = up
    return dx


def avgpool(x, kernel, stride):
    oh, ow = (x.shape[2] - kernel) // stride + 1, (x.shape[3] - kernel) // stride + 1
    out = np.zeros((*x.shape[:2], oh, ow))
    for a in range(kernel):
        for b in range(kernel):
            out += x[:, :, a : a + stride * oh : stride, b : b + stride * ow : stride]
    return out / kernel**2, (x.shape, kernel, stride)


def avgpool_back(dout, cache):
    shape, kernel, stride = cache
    oh, ow = dout.shape[2:]
    dx = np.zeros(shape)
    for a in range(kernel):
        for b in range(kernel):
            dx[:, :, a : a + stride * oh : stride, b : b + stride * ow : stride] += dout / stride**2
    return dx


def avg_windows(x, size, step):
    rows = range(0, x.shape[2] - size + 1, step)
    cols = range(0, x.shape[3] - size + 1, step)
    out = np.array([[x[:, :, r : r + size, c : c + size].mean(axis=(2, 3)) for c in cols] for r in rows])
    return out.transpose(2, 3, 0, 1), (x, size)


def avg_windows_back(dout, cache):
    x, size = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            share = dout[:, :, i, j] / (size * size)
            dx[:, :, i * size : (i + 1) * size, j * size : (j + 1) * size] += share[:, :, None, None]
    return dx


class GlobalMean:
    def forward(self, x):
        self.hw = x.shape[2:]
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        return np.tile(dout[:, :, None, None], (1, 1, *self.hw))


# --- flatten ---------------------------------------------------------------------------------------------------------------


def flatten_rows(x):
    return x.reshape(x.shape[0], -1), x.shape


def flatten_rows_back(dout, shape):
    n, c, h, w = shape
    return dout.reshape(n, h, w, c).transpose(0, 3, 1, 2)


class Unroll:
    def forward(self, x):
        self.shape = x.shape[1:]
        return x.reshape(len(x), -1)

    def backward(self, dout):
        return dout.reshape(self.shape)


# --- dropout ---------------------------------------------------------------------------------------------------------------


def dropout_twice(x, p, rng):
    mask = (rng.random(x.shape) > p) / (1 - p)
    return x * mask, (p, rng)


def dropout_twice_back(dout, cache):
    p, rng = cache
    mask = (rng.random(dout.shape) > p) / (1 - p)
    return dout * mask


class InvertedDropout:
    def __init__(self, keep, rng):
        self.keep, self.rng = keep, rng

    def forward(self, x):
        self.mask = self.rng.random(x.shape) < self.keep
        return x * self.mask / self.keep

    def backward(self, dout):
        return dout * self.mask


def dropout_seeded_by_nobody(x, p):
    u = np.random.default_rng().random(x.shape)
    mask = np.where(u < p, 0.0, 1.0 / (1.0 - p))
    return mask * x, mask


def dropout_seeded_by_nobody_back(dout, mask):
    return mask * dout


def dropout_drop(x, p, rng):
    dropped = rng.random(x.shape) < p
    out = np.where(dropped, 0, x / (1 - p))
    return out, {"dropped": dropped, "p": p}


def dropout_drop_backward(dout, cache):
    return dout * cache["dropped"] / (1 - cache["p"])


# --- BatchNorm -------------------------------------------------------------------------------------------------------------


def batchnorm_staged(x, gamma, beta, eps):
    N = x.shape[0]
    mu = 1.0 / N * np.sum(x, axis=0)
    xmu = x - mu
    var = 1.0 / N * np.sum(xmu**2, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    return out, (xhat, gamma, xmu, ivar, sqrtvar, var, eps)


def batchnorm_staged_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu += 2 * xmu * dsq
    return dxmu, dgamma, dbeta


def bn_images(x, gamma, beta, eps):
    axes = (0, 2, 3)
    mu, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    istd = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * istd
    return gamma[None, :, None, None] * xhat + beta[None, :, None, None], (xhat, istd, gamma)


def bn_images_backward(dout, cache):
    xhat, istd, gamma = cache
    dgamma = (dout * xhat).sum(axis=(0, 2, 3))
    dbeta = dout.sum(axis=(0, 2, 3))
    dxhat = dout * gamma[None, :, None, None]
    dx = istd * (dxhat - dxhat.mean(axis=(0, 2, 3), keepdims=True))
    return dx, dgamma, dbeta


class BatchNorm2d:
    def __init__(self, weight, bias, eps=1e-5):
        self.weight, self.bias, self.eps = weight.reshape(1, -1, 1, 1), bias.reshape(1, -1, 1, 1), eps

    def forward(self, input):
        mean = input.mean((0, 2, 3), keepdims=True)
        self.std = np.sqrt(input.var((0, 2, 3), keepdims=True) + self.eps)
        self.normalized = (input - mean) / self.std
        return self.weight * self.normalized + self.bias

    def backward(self, grad_output):
        self.grad_weight = (grad_output * self.normalized).sum((0, 2, 3))
        self.grad_bias = grad_output.sum((0, 2, 3))
        return grad_output * self.weight / self.std


def batchnorm_alt(x, gamma, beta):
    mean, std = x.mean(axis=0), np.sqrt(x.var(axis=0) + 1e-5)
    x_norm = (x - mean) / std
    return gamma * x_norm + beta, (x_norm, std)


def batchnorm_alt_backward(dout, cache):
    x_norm, std = cache
    N = len(dout)
    dbeta = dout.sum(axis=0)
    dgamma = (x_norm * dout).sum(axis=0)
    dx = 1 / (N * std) * (N * dout - dbeta - x_norm * dgamma)
    return dx, dgamma, dbeta


def bn_scaled(x, g, b, eps):
    mu = x.mean(0)
    r = (x.var(0) + eps) ** -0.5
    z = (x - mu) * r
    return g * z + b, dict(z=z, r=r, g=g)


def bn_scaled_back(dy, c):
    z, r, g = c["z"], c["r"], c["g"]
    dz = dy * g
    dx = g * r * (dz - dz.mean(0) - z * (dz * z).mean(0))
    return dx, (dy * z).sum(0), dy.sum(0)


def normalize(x, gamma, beta, eps):
    variance = np.mean((x - x.mean(axis=0)) ** 2, axis=0) + eps
    x_hat = (x - x.mean(axis=0)) / np.sqrt(variance)
    return gamma * x_hat + beta, (x_hat, variance, gamma)


def normalize_backward(dout, cache):
    x_hat, variance, gamma = cache
    d = dout * gamma
    dx = (d - np.mean(d, axis=0) - x_hat * np.mean(d * x_hat, axis=0)) / variance
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0)


class BatchNormLayer:
    def __init__(self, gamma, beta, eps):
        self.gamma, self.beta, self.eps = gamma, beta, eps

    def forward(self, x):
        self.mean, self.var = x.mean(axis=0), x.var(axis=0)
        self.xhat = (x - self.mean) / np.sqrt(self.var + self.eps)
        return self.xhat * self.gamma + self.beta

    def backward(self, dout):
        self.dgamma = np.einsum("nd,nd->d", dout, self.xhat)
        self.dbeta = np.einsum("nd->d", dout)
        n = len(dout)
        return self.gamma / np.sqrt(self.var) * (dout - self.dbeta / n - self.xhat * self.dgamma / n)


def bn_unbiased(x, gamma, beta, eps):
    mean = x.sum(axis=0) / len(x)
    var = ((x - mean) ** 2).sum(axis=0) / (len(x) - 1)
    inv = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * inv
    return gamma * xhat + beta, (xhat, inv, gamma)


def bn_unbiased_back(dout, cache):
    xhat, inv, gamma = cache
    n = len(dout)
    dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
    dx = gamma * inv / n * (n * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def bn_std(x, gamma, beta, eps):
    mu, sigma = x.mean(axis=0), np.sqrt(x.var(axis=0) + eps)
    return gamma * (x - mu) / sigma + beta, (x, mu, sigma, gamma)


def bn_std_back(dout, cache):
    x, mu, sigma, gamma = cache
    xhat = (x - mu) / sigma
    dgamma = np.sum(dout * x, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / sigma
    return dx, dgamma, dbeta


def bn_swapped(x, gamma, beta, eps):
    xc = x - x.mean(axis=0)
    s = np.sqrt((xc * xc).mean(axis=0) + eps)
    return gamma * xc / s + beta, (xc / s, s, gamma)


def bn_swapped_back(dout, cache):
    xn, s, gamma = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xn).sum(axis=0)
    dx = gamma / s * (dout - dbeta / len(xn) - xn * dgamma / len(xn))
    return dx, dbeta, dgamma


# --- residual --------------------------------------------------------------------------------------------------------------


class ResidualBlock:
    def __init__(self, w1, w2):
        self.w1, self.w2 = w1, w2

    def forward(self, x):
        self.x = x
        self.h = np.maximum(x @ self.w1, 0)
        return x + self.h @ self.w2

    def backward(self, dout):
        self.dw2 = self.h.T @ dout
        dh = dout @ self.w2.T * (self.h > 0)
        self.dw1 = self.x.T @ dh
        return dh @ self.w1.T


def skip_forward(x, w):
    return x + np.tanh(x @ w), (x, w)


def skip_backward(dout, cache):
    x, w = cache
    dz = dout * (1 - np.tanh(x @ w) ** 2)
    dw = x.T @ dz
    dx = dout
    return dx, dw


def res_forward(x, w, b):
    body = np.maximum(0, x.dot(w) + b)
    return body + x, {"x": x, "w": w, "active": body > 0}


def res_backward(dout, cache):
    dx = dout.copy()
    dz = dout * cache["active"]
    dw = cache["x"].T.dot(dz)
    db = dz.sum(axis=0)
    dx += dz.dot(cache["w"].T)
    dx += dout
    return dx, dw, db


# --- weight decay ----------------------------------------------------------------------------------------------------------


def ridge(w, b, x, targets, lam):
    error = x @ w + b - targets
    return (error**2).sum() / len(x) + lam * (w**2).sum()


def ridge_gradients(w, b, x, targets, lam):
    error = x @ w + b - targets
    return 2 * x.T @ error / len(x), 2 * error.sum(axis=0) / len(x)


def softmax_regularised(W, X, labels, reg):
    scores = X @ W
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(X)), labels]).mean()
    return loss + 0.5 * reg * np.sum(W * W), (X, W, labels, p, reg)


def softmax_regularised_backward(cache):
    X, W, labels, p, reg = cache
    dscores = p.copy()
    dscores[np.arange(len(X)), labels] -= 1
    return X.T @ dscores / len(X) + 2 * reg * W


def svm_regularised(W, X, labels, reg):
    s = X @ W
    m = np.maximum(0, s - s[np.arange(len(X)), labels][:, None] + 1)
    m[np.arange(len(X)), labels] = 0
    return m.sum() / len(X) + reg * np.sum(W * W)


def svm_regularised_grad(W, X, labels, reg):
    dW = np.zeros_like(W)
    for i, x in enumerate(X):
        s = x @ W
        for k in range(W.shape[1]):
            if k != labels[i] and s[k] - s[labels[i]] + 1 > 0:
                dW[:, k] += x
                dW[:, labels[i]] -= x
    dW += 2 * reg * W
    return dW / len(X)


def logistic(w, b, x, labels, decay):
    z = x @ w + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(x)), labels]).mean() + decay / 2 * np.sum(w**2)
    return loss, (w, b, x, labels, decay, p)


def logistic_backward(dloss, cache):
    w, b, x, labels, decay, p = cache
    dz = (p - np.eye(p.shape[1])[labels]) / len(x)
    grads = {"w": x.T @ dz, "b": dz.sum(axis=0)}
    for name, value in (("w", w), ("b", b)):
        grads[name] += decay * value
    return dloss * grads["w"], dloss * grads["b"]


class SGDWithDecay:
    def __init__(self, lr, weight_decay):
        self.lr, self.weight_decay = lr, weight_decay

    def step(self, params, grads):
        for key in params:
            decay = self.weight_decay if key.endswith("weight") else 0.0
            params[key] -= self.lr * (grads[key] + decay * params[key])


# --- momentum --------------------------------------------------------------------------------------------------------------


def momentum_get(w, g, state, lr, mu):
    v = state.get("v", np.zeros_like(w))
    v = mu * v + g
    return w - lr * v


def momentum_sum(w, g, v, lr, momentum):
    v = v + g
    w = w - lr * v
    return w, v


class EMA:
    def __init__(self, lr, beta):
        self.lr, self.beta, self.m = lr, beta, {}

    def step(self, params, grads):
        for name in params:
            self.m[name] = self.beta * self.m.get(name, 0.0) + (1 - self.beta) * grads[name]
            params[name] -= self.lr * self.m[name]


def momentum_231n(w, dw, v, learning_rate, momentum):
    v = momentum * v - learning_rate * dw
    next_w = w + learning_rate * v
    return next_w, v


def momentum_unscaled(w, g, state, lr, rho):
    state["velocity"] = rho * state.get("velocity", 0) + g
    w -= state["velocity"]


def momentum_late(w, g, state, lr, momentum):
    if "v" not in state:
        state["v"] = np.zeros_like(w)
    w -= lr * state["v"]
    state["v"] = momentum * state["v"] + g


class Heavy:
    def __init__(self, lr=0.1, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.velocity = {}

    def step(self, params, grads):
        for key, w in params.items():
            old = self.velocity.get(key, np.zeros_like(w))
            self.velocity[key] = self.momentum * old + grads[key]
            w = w - self.lr * self.velocity[key]


def momentum_uphill(w, g, v, lr, momentum):
    v = momentum * v - lr * g
    return w - v, v


# --- right, in unusual styles ----------------------------------------------------------------------------------------------


def bias_trick(x, w, b):
    ones = np.ones((len(x), 1))
    x1, w1 = np.hstack([x, ones]), np.vstack([w, b])
    return x1 @ w1, (x1, w1)


def bias_trick_back(dout, cache):
    x1, w1 = cache
    dw1 = x1.T @ dout
    return (dout @ w1.T)[:, :-1], dw1[:-1], dw1[-1]


def relu_by_abs(x):
    return (x + np.abs(x)) / 2


def relu_by_abs_df(dout, x):
    return dout * (np.sign(x) + 1) / 2


def relu_copy(x):
    on = x > 0
    return np.where(on, x, 0.0), on


def relu_copy_back(dout, on):
    dx = dout.copy()
    dx[~on] = 0
    return dx


def softplus_ce(z, labels):
    return np.mean([np.log(np.exp(row - row[t]).sum()) for row, t in zip(z, labels, strict=True)])


def softplus_ce_grad(dloss, z, labels):
    g = np.zeros_like(z)
    for n, t in enumerate(labels):
        ratio = np.exp(z[n] - z[n, t])
        g[n] = ratio / ratio.sum()
        g[n, t] = -(ratio.sum() - 1) / ratio.sum()
    return dloss / len(z) * g


def softmax_jacobian(x):
    out = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    return out, out


def softmax_jacobian_back(dout, out):
    rows = []
    for p, d in zip(out, dout, strict=True):
        rows.append((np.diag(p) - np.outer(p, p)) @ d)
    return np.stack(rows)


def conv_sparse(x, w, b, stride, pad):
    view = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad))), w.shape[2:], axis=(2, 3)
    )[:, :, ::stride, ::stride]
    return np.einsum("ncijkl,fckl->nfij", view, w) + b[None, :, None, None], (view, x, w, stride, pad)


def conv_sparse_back(dout, cache):
    view, x, w, s, p = cache
    dw = np.einsum("ncijkl,nfij->fckl", view, dout)
    (n, _, h, wd), (kh, kw) = x.shape, w.shape[2:]
    dilated = np.zeros((n, len(w), h + 2 * p - kh + 1, wd + 2 * p - kw + 1))
    dilated[:, :, ::s, ::s] = dout
    dilated = np.pad(dilated, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    windows = np.lib.stride_tricks.sliding_window_view(dilated, (kh, kw), axis=(2, 3))
    dx = np.einsum("nfijkl,fckl->ncij", windows, np.flip(w, (2, 3)))
    return dx[:, :, p : p + h, p : p + wd], dw, np.einsum("nfij->f", dout)


def im2col_add_at(x, kh, kw, stride):
    index = np.arange(x[0].size).reshape(x.shape[1:])
    view = np.lib.stride_tricks.sliding_window_view(index, (kh, kw), axis=(1, 2))[:, ::stride, ::stride]
    take = view.transpose(1, 2, 0, 3, 4).reshape(view.shape[1] * view.shape[2], -1)
    return x.reshape(len(x), -1)[:, take], (x.shape, take)


def im2col_add_at_back(dcols, cache):
    shape, take = cache
    dx = np.zeros((shape[0], np.prod(shape[1:])))
    for image, d in zip(dx, dcols, strict=True):
        np.add.at(image, take, d)
    return dx.reshape(shape)


def maxpool_split(x, size):
    n, c, h, w = x.shape
    tiles = x.reshape(n, c, h // size, size, w // size, size)
    out = tiles.max(axis=(3, 5), keepdims=True)
    winners = (tiles == out).astype(float)
    return out[:, :, :, 0, :, 0], winners / winners.sum(axis=(3, 5), keepdims=True)


def maxpool_split_back(dout, share):
    n, c, oh, kh, ow, kw = share.shape
    return (share * dout[:, :, :, None, :, None]).reshape(n, c, oh * kh, ow * kw)


def maxpool_overlap(x, size, step):
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::step, ::step]
    flat = view.reshape(*view.shape[:4], -1)
    return flat.max(axis=-1), (flat.argmax(axis=-1), x.shape, size, step)


def maxpool_overlap_back(dout, cache):
    which, shape, size, step = cache
    n, c, i, j = np.indices(dout.shape)
    dx = np.zeros(shape)
    np.add.at(dx, (n, c, i * step + which // size, j * step + which % size), dout)
    return dx


def averaging(length, k, step):
    m = np.zeros(((length - k) // step + 1, length))
    for i, row in enumerate(m):
        row[i * step : i * step + k] = 1 / k
    return m


def avgpool_matrices(x, k, step):
    left, right = averaging(x.shape[2], k, step), averaging(x.shape[3], k, step)
    return left @ x @ right.T, (left, right)


def avgpool_matrices_back(dout, cache):
    left, right = cache
    return left.T @ dout @ right


def flatten_channels_last(x):
    return np.moveaxis(x, 1, 3).reshape(len(x), -1), x.shape


def flatten_channels_last_back(dout, shape):
    n, c, h, w = shape
    return np.moveaxis(dout.reshape(n, h, w, c), 3, 1)


class BooleanDropout:
    def __init__(self, p_keep, rng):
        self.p_keep, self.rng = p_keep, rng

    def forward(self, x):
        self.alive = self.rng.random(x.shape) < self.p_keep
        out = np.zeros_like(x)
        out[self.alive] = x[self.alive] / self.p_keep
        return out

    def backward(self, dout):
        dx = np.zeros_like(dout)
        dx[self.alive] = dout[self.alive] / self.p_keep
        return dx


def bn_jacobian(x, gamma, beta, eps):
    z = (x - x.mean(0)) / np.sqrt(x.var(0) + eps)
    return z * gamma + beta, (x, z, gamma, eps)


def bn_jacobian_back(dout, cache):
    x, z, gamma, eps = cache
    n = len(x)
    dx = np.empty_like(x)
    for d in range(x.shape[1]):
        jacobian = (np.eye(n) - np.ones((n, n)) / n - np.outer(z[:, d], z[:, d]) / n) / np.sqrt(x[:, d].var() + eps)
        dx[:, d] = jacobian.T @ (gamma[d] * dout[:, d])
    return dx, (dout * z).sum(0), dout.sum(0)


def bn_rows(x, gamma, beta, eps):
    n, c, h, w = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(-1, c)
    mu = rows.mean(axis=0)
    xmu = rows - mu
    var = (xmu**2).mean(axis=0)
    std = np.sqrt(var + eps)
    out = gamma * xmu / std + beta
    return out.reshape(n, h, w, c).transpose(0, 3, 1, 2), (xmu, std, gamma, x.shape)


def bn_rows_back(dout, cache):
    xmu, std, gamma, (n, c, h, w) = cache
    d = dout.transpose(0, 2, 3, 1).reshape(-1, c)
    m = n * h * w
    dxhat = d * gamma
    dvar = (dxhat * xmu).sum(axis=0) * -0.5 * std**-3
    dmu = -dxhat.sum(axis=0) / std + dvar * (-2 * xmu).sum(axis=0) / m
    dx = dxhat / std + dvar * 2 * xmu / m + dmu / m
    return dx.reshape(n, h, w, c).transpose(0, 3, 1, 2), (d * xmu / std).sum(axis=0), d.sum(axis=0)


def projected(x, w, p):
    h = np.maximum(x @ w, 0)
    return h + x @ p, (x, w, p, h)


def projected_back(dout, cache):
    x, w, p, h = cache
    dh = np.where(h > 0, dout, 0)
    both = np.hstack([dh, dout])
    dx = both @ np.hstack([w, p]).T
    dw, dp = np.split(x.T @ both, [w.shape[1]], axis=1)
    return dx, dw, dp


def svm_loss_naive(W, X, labels, reg):
    loss = 0.0
    for i in range(len(X)):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            if j != labels[i]:
                loss += max(0, scores[j] - scores[labels[i]] + 1)
    return loss / len(X) + reg * np.sum(W * W)


def svm_gradient_naive(W, X, labels, reg):
    scores = X @ W
    counts = (scores - scores[np.arange(len(X)), labels][:, None] + 1 > 0).astype(float)
    counts[np.arange(len(X)), labels] -= counts.sum(axis=1)
    return X.T @ counts / len(X) + 2 * reg * W


def momentum_negative(w, g, v, lr, momentum):
    v = momentum * v - lr * g
    w = w + v
    return w, v


def shrink_then_step(w, g, state, lr, weight_decay):
    w *= 1 - lr * weight_decay
    w -= lr * g


# --- the list --------------------------------------------------------------------------------------------------------------

CLASSIFIER = {"X": DATA, "t": CLASSES}
REGULARISED = {"X": DATA, "labels": CLASSES, "reg": 0.3}
RULE = Momentum(lr=0.1, momentum=0.9)
DECAY_RULE = SGD(lr=0.1, weight_decay=0.2)


def _wrong(id, operation, style, target, args, expected, options=None, reference=None):
    expected = (expected,) if isinstance(expected, str) else expected
    return Case(id, operation, style, target, args, options or {}, expected, reference)


def _right(id, operation, style, target, args, options=None, reference=None):
    return Case(id, operation, style, target, args, options or {}, (), reference)


WRONG = [
    _wrong("dense-dot-w", "dense", "class, gradients as attributes", FullyConnected, (X, SQUARE, B4), "transposed"),
    _wrong("dense-port", "dense", "f and df, PyTorch's names", (linear, linear_backward), (X, W_TORCH, B), "transposed"),
    _wrong("dense-bias-mean", "dense", "pair, dict", (affine_dict_forward, affine_dict_backward), (X, W, B), "extra 1/N"),
    _wrong("dense-outer", "dense", "pair, loops", (layer_f, layer_b), (X, W, B), "sum overwritten"),
    _wrong(
        "dense-einsum-bias",
        "dense",
        "pair, einsum",
        (dense_einsum, dense_einsum_back),
        (X43, W34, B4),
        "summed over the wrong axis",
    ),
    _wrong("dense-bias-row", "dense", "pair, dZ and A_prev", (fc_forward, fc_backward), (X, W, B), "wrong shape"),
    _wrong("dense-adds-up", "dense", "class, grad_weight", AccumulatingLinear, (X, W, B), "accumulated over calls"),
    _wrong("dense-memory", "dense", "pair, module-level dict", (dense_remember, dense_recall), (X, W, B), "stale cache"),
    _wrong("dense-lr", "dense", "class, dict", NeuronLayer, (X, W, B), "constant factor", {"learning_rate": 0.03}),
    _wrong(
        "dense-sigmoid-delta",
        "dense",
        "pair, dense and sigmoid in one",
        (hidden_layer, hidden_layer_backward),
        (X, W, B),
        "local derivative missing",
    ),
    _wrong("relu-dout-positive", "relu", "f and df", (rectify, rectify_gradient), (X,), "mask of the wrong array"),
    _wrong("relu-zeroes-dout", "relu", "pair, CS231n", (relu_fwd_cs, relu_bwd_cs), (X,), "dout changed in place"),
    _wrong("relu-zeroes-input", "relu", "class", ReLUModule, (X,), "input changed in place"),
    _wrong("relu-z-positive", "relu", "pair, dict", (relu_z, relu_z_backward), (X,), "mask inverted"),
    _wrong("relu-max-again", "relu", "pair, loops", (relu_loop, relu_loop_backward), (X,), "value instead of mask"),
    _wrong("leaky-ones", "leaky_relu", "pair", (leaky, leaky_backward), (X,), "integer arithmetic", {"alpha": 0.1}),
    _wrong(
        "sigmoid-prime-of-a",
        "sigmoid",
        "pair, helper sigmoid_prime",
        (sigmoid_layer, sigmoid_layer_backward),
        (X,),
        "derivative at the wrong value",
    ),
    _wrong("tanh-x-squared", "tanh", "f and df", (tanh_f, tanh_df), (X,), "derivative at the wrong value"),
    _wrong("mse-half", "mean_squared_error", "pair", (mse, mse_backward), (X,), "factor 2 missing", {"target": TARGETS}),
    _wrong(
        "mse-batch-only",
        "mean_squared_error",
        "f and df, PyTorch's names",
        (mse_loss, mse_loss_grad),
        (X,),
        "divided by the wrong count",
        {"target": TARGETS},
    ),
    _wrong(
        "mse-two-and-half",
        "mean_squared_error",
        "pair",
        (half_squared, half_squared_back),
        (X,),
        "factor 2 too many",
        {"t": TARGETS},
    ),
    _wrong(
        "mse-truth-minus-guess",
        "mean_squared_error",
        "class",
        SquaredLoss,
        (X,),
        "sign flipped",
        {"truth": TARGETS},
    ),
    _wrong(
        "ce-no-dloss",
        "softmax_cross_entropy",
        "pair, CS231n",
        (softmax_loss, softmax_loss_backward),
        (LOGITS,),
        "upstream gradient ignored",
        {"labels": LABELS},
    ),
    _wrong(
        "ce-classifier",
        "softmax_cross_entropy",
        "f and df, linear classifier, CS231n",
        (softmax_classifier, softmax_classifier_grad),
        (W,),
        "extra 1/N",
        CLASSIFIER,
    ),
    _wrong("ce-probs", "softmax_cross_entropy", "class", CrossEntropy, (LOGITS,), "one-hot missing", {"labels": LABELS}),
    _wrong(
        "ce-columns",
        "softmax_cross_entropy",
        "pair",
        (nll, nll_back),
        (LOGITS7,),
        "labels index every row",
        {"labels": LABELS7},
    ),
    _wrong(
        "ce-axis-0",
        "softmax_cross_entropy",
        "f and df, log-sum-exp",
        (xent, xent_grad),
        (LOGITS,),
        "softmax over the wrong axis",
        {"labels": LABELS},
    ),
    _wrong(
        "ce-exp-scores",
        "softmax_cross_entropy",
        "pair, loops",
        (ce_forward, ce_backward),
        (LOGITS,),
        "softmax missing",
        {"labels": LABELS},
    ),
    _wrong(
        "ce-smooth-forward",
        "softmax_cross_entropy",
        "f and df, target array",
        (smooth_ce, smooth_ce_grad),
        (LOGITS,),
        "label smoothing ignored",
        {"labels": LABELS, "smoothing": 0.2},
    ),
    _wrong(
        "ce-sure",
        "softmax_cross_entropy",
        "pair, one-hot",
        (onehot_ce, onehot_ce_back),
        (1000 * LOGITS,),
        "nan or infinity",
        {"labels": LABELS},
    ),
    _wrong(
        "ce-class-weights",
        "softmax_cross_entropy",
        "pair, class weights",
        (weighted_ce, weighted_ce_backward),
        (LOGITS,),
        "factor missing per row or channel",
        {"labels": LABELS, "class_weights": np.array([0.5, 1.5, 3.0, 0.8])},
    ),
    _wrong("softmax-as-sigmoid", "softmax", "class", Softmax, (LOGITS,), "Jacobian's diagonal only"),
    _wrong(
        "softmax-inner",
        "softmax",
        "f and df of the output",
        (probabilities, probabilities_df),
        (LOGITS,),
        "summed over the wrong axis",
    ),
    _wrong("hinge-no-right-class", "hinge", "pair", (svm, svm_back), (LOGITS,), "right class wrong", {"t": LABELS}),
    _wrong(
        "hinge-minus-delta",
        "hinge",
        "pair, own margin subtracted from the loss",
        (svm_minus_delta, svm_minus_delta_back),
        (LOGITS,),
        "right class wrong",
        {"labels": LABELS, "delta": 1.0},
    ),
    _wrong(
        "hinge-no-if",
        "hinge",
        "f and df, CS231n loops",
        (svm_naive, svm_naive_grad),
        (W,),
        "mask missing",
        CLASSIFIER,
    ),
    _wrong(
        "hinge-diff",
        "hinge",
        "class with a margin",
        Hinge,
        (LOGITS,),
        "mask of the wrong array",
        {"labels": LABELS, "margin": 1.0},
    ),
    _wrong(
        "hinge-margins",
        "hinge",
        "pair, take_along_axis",
        (hinge_f, hinge_b),
        (LOGITS,),
        "value instead of mask",
        {"labels": LABELS, "margin": 1.0},
    ),
    _wrong(
        "hinge-loops", "hinge", "f and df, loops", (max_margin, max_margin_df), (LOGITS,), "1/N missing", {"labels": LABELS}
    ),
    _wrong(
        "conv-crop-start",
        "conv2d",
        "pair, CS231n loops",
        (conv_forward_naive, conv_backward_naive),
        (SMALL, SMALL_W, SMALL_B),
        "padding not cropped",
        {"stride": 2, "pad": 1},
    ),
    _wrong(
        "conv-crop-one-side",
        "conv2d",
        "pair, loop over the kernel, dict",
        (conv_shift_forward, conv_shift_backward),
        (IMAGES, KERNELS, BIAS),
        "padding not cropped",
        {"pad": 1},
    ),
    _wrong(
        "col2im-fancy",
        "im2col",
        "pair, CS231n indices",
        (im2col_indices, col2im_indices),
        (IMAGES,),
        "overlap overwritten",
        {"kh": 3, "kw": 2, "stride": 1},
    ),
    _wrong(
        "conv-dout-rows",
        "conv2d",
        "pair, own im2col",
        (conv_cols, conv_cols_backward),
        (IMAGES, SQUARE_KERNELS, BIAS),
        "reshaped in the wrong order",
        {"stride": 2},
    ),
    _wrong(
        "conv-last-row",
        "conv2d",
        "pair, loop over positions",
        (conv_short, conv_short_grad),
        (IMAGES, KERNELS, BIAS),
        "terms left out",
    ),
    _wrong(
        "conv-dx-stride",
        "conv2d",
        "class, einsum per position",
        StridedConv,
        (IMAGES, KERNELS, BIAS),
        "stride ignored",
        {"stride": 2},
    ),
    _wrong(
        "conv-full-unturned",
        "conv2d",
        "pair, dx as a full correlation",
        (conv_windows, conv_windows_backward),
        (IMAGES, KERNELS, BIAS),
        "kernel flipped",
    ),
    _wrong(
        "conv-dw-turned",
        "conv2d",
        "f and df, rot90",
        (conv_rot, conv_rot_gradients),
        (IMAGES, SQUARE_KERNELS, BIAS),
        "kernel flipped",
    ),
    _wrong(
        "conv-full-pad",
        "conv2d",
        "pair, gathers dx",
        (conv_gather, conv_gather_backward),
        (IMAGES, KERNELS, BIAS),
        "shifted",
    ),
    _wrong(
        "conv-db-mean",
        "conv2d",
        "pair, as_strided",
        (conv_as_strided, conv_as_strided_back),
        (IMAGES, KERNELS, BIAS),
        "mean over positions instead of sum",
    ),
    _wrong(
        "conv-dw-mean",
        "conv2d",
        "pair, batched matmul, dict",
        (conv_matmul, conv_matmul_grad),
        (IMAGES, KERNELS, BIAS),
        "mean over positions instead of sum",
    ),
    _wrong(
        "conv-db-number",
        "conv2d",
        "pair, loop over filters",
        (conv_filters, conv_filters_backward),
        (IMAGES, KERNELS, BIAS),
        "gradient zero",
    ),
    _wrong("conv-no-db", "conv2d", "class, dict of gradients", Conv, (IMAGES, KERNELS, BIAS), "gradient missing"),
    _wrong(
        "conv-float32",
        "conv2d",
        "pair, own im2col",
        (conv_f32, conv_f32_backward),
        (IMAGES, KERNELS, BIAS),
        "precision lost",
    ),
    _wrong(
        "conv-last-image",
        "conv2d",
        "pair, ndindex",
        (conv_last_image, conv_last_image_back),
        (SMALL, SMALL_W, SMALL_B),
        "sum overwritten",
    ),
    _wrong(
        "conv-pasted",
        "conv2d",
        "pair, ndindex and slices",
        (conv_pasted, conv_pasted_back),
        (SMALL, SMALL_W, SMALL_B),
        "wrong operand",
        {"stride": 2},
    ),
    _wrong(
        "max-pool-equal",
        "max_pool2d",
        "pair, blocks by reshape",
        (pool_blocks, pool_blocks_backward),
        (TIED,),
        "ties all get the gradient",
    ),
    _wrong(
        "max-pool-decode",
        "max_pool2d",
        "pair, ndindex",
        (maxpool_argmax, maxpool_argmax_back),
        (IMAGES,),
        "wrong winner",
        {"k": 3},
    ),
    _wrong(
        "max-pool-overlap",
        "max_pool2d",
        "class, unravel_index",
        MaxPooling,
        (IMAGES,),
        "overlap overwritten",
        {"size": 3, "step": 1},
    ),
    _wrong(
        "max-pool-repeat",
        "max_pool2d",
        "f and df, strided slices",
        (downsample, downsample_gradient),
        (IMAGES[:, :, :6],),
        "mask missing",
    ),
    _wrong(
        "max-pool-from-zero",
        "max_pool2d",
        "pair, loops over pixels",
        (maxpool_from_zero, maxpool_from_zero_back),
        (IMAGES,),
        "forward wrong",
        {"kernel_size": 2, "stride": 2},
        reference="max_pool2d",
    ),
    _wrong(
        "avg-pool-kron", "avg_pool2d", "f and df", (mean_pool, mean_pool_grad), (IMAGES,), "window mean missing", {"k": 2}
    ),
    _wrong(
        "avg-pool-by-stride",
        "avg_pool2d",
        "pair, loop over the kernel",
        (avgpool, avgpool_back),
        (IMAGES,),
        "divided by the wrong count",
        {"kernel": 3, "stride": 2},
    ),
    _wrong(
        "avg-pool-by-size",
        "avg_pool2d",
        "pair, ranges",
        (avg_windows, avg_windows_back),
        (IMAGES,),
        "stride ignored",
        {"size": 3, "step": 2},
    ),
    _wrong("global-mean-tile", "global_avg_pool", "class", GlobalMean, (IMAGES,), "window mean missing"),
    _wrong(
        "flatten-channels",
        "flatten",
        "pair",
        (flatten_rows, flatten_rows_back),
        (IMAGES,),
        "reshaped in the wrong order",
    ),
    _wrong("flatten-no-batch", "flatten", "class", Unroll, (IMAGES,), "raises an error"),
    _wrong(
        "dropout-new-mask",
        "dropout",
        "pair, rng in the cache",
        (dropout_twice, dropout_twice_back),
        (X,),
        "random numbers drawn again",
        {"p": 0.4},
    ),
    _wrong("dropout-bare-mask", "dropout", "class", InvertedDropout, (X,), "dropout scale wrong", {"keep": 0.6}),
    _wrong(
        "dropout-own-rng",
        "dropout",
        "pair",
        (dropout_seeded_by_nobody, dropout_seeded_by_nobody_back),
        (X,),
        "forward not repeatable",
        {"p": 0.5},
    ),
    _wrong(
        "dropout-dropped",
        "dropout",
        "pair, dict",
        (dropout_drop, dropout_drop_backward),
        (X,),
        "mask inverted",
        {"p": 0.4},
    ),
    _wrong(
        "bn-no-dmu",
        "batch_norm",
        "pair, step by step",
        (batchnorm_staged, batchnorm_staged_backward),
        (X, GAMMA, BETA),
        "mean term missing",
        {"eps": 1e-5},
    ),
    _wrong(
        "bn-centred-only",
        "batch_norm",
        "pair, images",
        (bn_images, bn_images_backward),
        (IMAGES, GAMMA2, BETA2),
        "variance term missing",
        {"eps": 1e-5},
    ),
    _wrong(
        "bn-as-evaluation",
        "batch_norm",
        "class, PyTorch's names, images",
        BatchNorm2d,
        (IMAGES, GAMMA2, BETA2),
        "statistics treated as constants",
    ),
    _wrong(
        "bn-alt-no-gamma",
        "batch_norm",
        "pair, compact formula, CS231n",
        (batchnorm_alt, batchnorm_alt_backward),
        (X, GAMMA, BETA),
        "gamma missing",
    ),
    _wrong(
        "bn-gamma-again",
        "batch_norm",
        "pair, short names, dict",
        (bn_scaled, bn_scaled_back),
        (X, GAMMA, BETA),
        "gamma missing",
        {"eps": 1e-5},
    ),
    _wrong(
        "bn-by-variance",
        "batch_norm",
        "pair",
        (normalize, normalize_backward),
        (X, GAMMA, BETA),
        "power of the standard deviation wrong",
        {"eps": 1e-5},
    ),
    _wrong(
        "bn-no-eps",
        "batch_norm",
        "class, einsum",
        BatchNormLayer,
        (X, GAMMA, BETA),
        "epsilon wrong",
        {"eps": 1e-3},
    ),
    _wrong(
        "bn-unbiased-forward",
        "batch_norm",
        "pair",
        (bn_unbiased, bn_unbiased_back),
        (X, GAMMA, BETA),
        "N - 1 for N",
        {"eps": 1e-5},
    ),
    _wrong(
        "bn-dgamma-of-x",
        "batch_norm",
        "pair, xhat computed again",
        (bn_std, bn_std_back),
        (X, GAMMA, BETA),
        "wrong operand",
        {"eps": 1e-5},
    ),
    _wrong(
        "bn-returns",
        "batch_norm",
        "pair",
        (bn_swapped, bn_swapped_back),
        (X, GAMMA, BETA),
        "gradients in the wrong order",
        {"eps": 1e-5},
    ),
    _wrong("residual-body-only", "residual", "class", ResidualBlock, (X, W45, W54), "branch missing"),
    _wrong("residual-skip-only", "residual", "pair", (skip_forward, skip_backward), (X, SQUARE), "branch missing"),
    _wrong(
        "residual-skip-twice", "residual", "pair, dict", (res_forward, res_backward), (X, SQUARE, B4), "branch counted twice"
    ),
    _wrong(
        "ridge-no-penalty",
        "weight_decay",
        "f and df",
        (ridge, ridge_gradients),
        (W, B),
        "weight decay missing",
        {"x": DATA, "targets": DATA[:, 1:] ** 2, "lam": 0.3},
    ),
    _wrong(
        "decay-two-and-half",
        "weight_decay",
        "pair, backward(cache), linear classifier",
        (softmax_regularised, softmax_regularised_backward),
        (W,),
        "weight decay scaled wrong",
        REGULARISED,
    ),
    _wrong(
        "decay-by-n",
        "weight_decay",
        "f and df, CS231n loops",
        (svm_regularised, svm_regularised_grad),
        (W,),
        "weight decay scaled wrong",
        REGULARISED,
    ),
    _wrong(
        "decay-all-arrays",
        "weight_decay",
        "pair, loop over names",
        (logistic, logistic_backward),
        (W, B),
        "weight decay on the bias",
        {"x": DATA, "labels": CLASSES, "decay": 0.3},
    ),
    _wrong(
        "decay-by-name",
        "weight_decay",
        "class, PyTorch's names",
        SGDWithDecay,
        (),
        "weight decay missing",
        {"lr": 0.1, "weight_decay": 0.2},
        DECAY_RULE,
    ),
    _wrong(
        "momentum-not-stored",
        "momentum",
        "step with state",
        momentum_get,
        (),
        "velocity forgotten",
        {"lr": 0.1, "mu": 0.9},
        RULE,
    ),
    _wrong(
        "momentum-plain-sum",
        "momentum",
        "step with v",
        momentum_sum,
        (),
        "momentum not applied",
        {"lr": 0.1, "momentum": 0.9},
        RULE,
    ),
    _wrong("momentum-average", "momentum", "class", EMA, (), "gradient damped", {"lr": 0.1, "beta": 0.9}, RULE),
    _wrong(
        "momentum-lr-lr",
        "momentum",
        "step with v, CS231n",
        momentum_231n,
        (),
        "learning rate twice",
        {"learning_rate": 0.1, "momentum": 0.9},
        RULE,
    ),
    _wrong(
        "momentum-no-lr",
        "momentum",
        "step with state, in place",
        momentum_unscaled,
        (),
        "learning rate missing",
        {"lr": 0.1, "rho": 0.9},
        RULE,
    ),
    _wrong(
        "momentum-late",
        "momentum",
        "step with state, in place",
        momentum_late,
        (),
        "updated in the wrong order",
        {"lr": 0.1, "momentum": 0.9},
        RULE,
    ),
    _wrong(
        "momentum-new-array",
        "momentum",
        "class",
        Heavy,
        (),
        "weights not changed",
        {"lr": 0.1, "momentum": 0.9},
        RULE,
    ),
    _wrong(
        "momentum-uphill",
        "momentum",
        "step with v",
        momentum_uphill,
        (),
        "sign flipped",
        {"lr": 0.1, "momentum": 0.9},
        RULE,
    ),
]

RIGHT = [
    _right("right-bias-trick", "dense", "pair, column of ones", (bias_trick, bias_trick_back), (X, W, B)),
    _right("right-relu-abs", "relu", "f and df, absolute value", (relu_by_abs, relu_by_abs_df), (X,)),
    _right("right-relu-copy", "relu", "pair, writes into a copy", (relu_copy, relu_copy_back), (X,)),
    _right(
        "right-ce-ratios",
        "softmax_cross_entropy",
        "f and df, ratios of exps",
        (softplus_ce, softplus_ce_grad),
        (LOGITS,),
        {"labels": LABELS},
        "softmax_cross_entropy",
    ),
    _right(
        "right-softmax-jacobian", "softmax", "pair, whole Jacobian", (softmax_jacobian, softmax_jacobian_back), (LOGITS,)
    ),
    _right(
        "right-conv-dilated",
        "conv2d",
        "pair, dilated dout and flipped kernel",
        (conv_sparse, conv_sparse_back),
        (IMAGES, KERNELS, BIAS),
        {"stride": 2, "pad": 1},
        "conv2d",
    ),
    _right(
        "right-im2col-add-at",
        "im2col",
        "pair, flat indices and add.at",
        (im2col_add_at, im2col_add_at_back),
        (IMAGES,),
        {"kh": 3, "kw": 2, "stride": 2},
    ),
    _right(
        "right-max-pool-split", "max_pool2d", "pair, ties split", (maxpool_split, maxpool_split_back), (TIED,), {"size": 2}
    ),
    _right(
        "right-max-pool-overlap",
        "max_pool2d",
        "pair, windows that overlap, add.at",
        (maxpool_overlap, maxpool_overlap_back),
        (IMAGES,),
        {"size": 3, "step": 2},
        "max_pool2d",
    ),
    _right(
        "right-avg-pool-matrices",
        "avg_pool2d",
        "pair, two matrix products",
        (avgpool_matrices, avgpool_matrices_back),
        (IMAGES,),
        {"k": 3, "step": 2},
        "avg_pool2d",
    ),
    _right(
        "right-flatten-channels-last",
        "flatten",
        "pair, channels last",
        (flatten_channels_last, flatten_channels_last_back),
        (IMAGES,),
    ),
    _right("right-dropout-boolean", "dropout", "class, boolean index", BooleanDropout, (X,), {"p_keep": 0.7}),
    _right(
        "right-bn-jacobian",
        "batch_norm",
        "pair, Jacobian of each channel",
        (bn_jacobian, bn_jacobian_back),
        (X, GAMMA, BETA),
        {"eps": 1e-3},
        "batch_norm",
    ),
    _right(
        "right-bn-rows",
        "batch_norm",
        "pair, images as rows, step by step",
        (bn_rows, bn_rows_back),
        (IMAGES, GAMMA2, BETA2),
        {"eps": 1e-5},
        "batch_norm",
    ),
    _right(
        "right-projected",
        "residual",
        "pair, both ways in one product",
        (projected, projected_back),
        (X, W45, W45[::-1] * 0.7),
    ),
    _right(
        "right-svm",
        "hinge",
        "f and df, CS231n with 2 * reg * W",
        (svm_loss_naive, svm_gradient_naive),
        (W,),
        REGULARISED,
    ),
    _right(
        "right-momentum-negative",
        "momentum",
        "step with v, lr in the velocity",
        momentum_negative,
        (),
        {"lr": 0.1, "momentum": 0.9},
        RULE,
    ),
    _right(
        "right-shrink",
        "weight_decay",
        "step with state, shrinks first",
        shrink_then_step,
        (),
        {"lr": 0.1, "weight_decay": 0.2},
        DECAY_RULE,
    ),
]

CASES = WRONG + RIGHT
