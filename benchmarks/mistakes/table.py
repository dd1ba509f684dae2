"""Wrong implementations, written together with the checker: the half that it was built on."""
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
from scratchnet.gradcheck.inputs import generic
from scratchnet.optim import SGD, Momentum

CASES: list[Case] = []


def case(id, operation, style, target, args=(), options=None, expected=(), reference=None):
    expected = (expected,) if isinstance(expected, str) else expected
    CASES.append(Case(id, operation, style, target, args, options or {}, expected, reference))


# --- dense -----------------------------------------------------------------------------------------------------------------


def affine_forward(x, w, b):
    return x.dot(w) + b, (x, w, b)


def affine_mean_bias(dout, cache):
    x, w, b = cache
    return dout.dot(w.T), x.T.dot(dout), np.mean(dout, axis=0)


case("dense-bias-mean", "dense", "pair", (affine_forward, affine_mean_bias), (X, W, B), expected="extra 1/N")


class LinearNoTranspose:
    def __init__(self, weight, bias):
        self.weight = weight
        self.bias = bias

    def forward(self, inputs):
        self.inputs = inputs
        return np.matmul(inputs, self.weight) + self.bias

    def backward(self, grad_output):
        self.grad_weight = np.matmul(self.inputs.T, grad_output)
        self.grad_bias = grad_output.sum(0)
        return np.matmul(grad_output, self.weight)


case("dense-no-transpose", "dense", "class, PyTorch's names", LinearNoTranspose, (X, SQUARE, B4), expected="transposed")
case(
    "dense-no-transpose-raises",
    "dense",
    "class, PyTorch's names",
    LinearNoTranspose,
    (X, W, B),
    expected=("raises an error", "transposed"),
)


def fc(x, w, b):
    out = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        for m in range(len(b)):
            out[n, m] = b[m] + sum(x[n, d] * w[d, m] for d in range(x.shape[1]))
    return out


def dfc(dout, x, w, b):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for n in range(len(x)):
        for m in range(len(b)):
            db[m] += dout[n, m]
            for d in range(x.shape[1]):
                dx[n, d] += dout[n, m] * w[d, m]
                dw[d, m] = dout[n, m] * x[n, d]
    return dx, dw, db


case("dense-overwrites-dw", "dense", "plain functions, loops", (fc, dfc), (X, W, B), expected="sum overwritten")


def layer_backward_swapped(dout, cache):
    x, w, b = cache
    return x.T @ dout, dout @ w.T, dout.sum(axis=0)


case(
    "dense-order",
    "dense",
    "pair",
    (affine_forward, layer_backward_swapped),
    (X, W, B),
    expected="gradients in the wrong order",
)


def affine_keepdims(dout, cache):
    x, w, b = cache
    return dout @ w.T, (dout.T @ x).T, dout


case("dense-db-not-summed", "dense", "pair", (affine_forward, affine_keepdims), (X, W, B), expected="wrong shape")


def affine_with_output(x, w, b):
    z = np.einsum("nd,dm->nm", x, w) + b
    return z, {"input": x, "weights": w, "z": z}


def affine_uses_output(dz, cache):
    dx = np.einsum("nm,dm->nd", dz, cache["weights"])
    dw = np.einsum("nd,nm->dm", cache["input"], cache["z"])
    return dx, dw, np.einsum("nm->m", dz)


case(
    "dense-dw-of-output",
    "dense",
    "pair, einsum",
    (affine_with_output, affine_uses_output),
    (X, W, B),
    expected="wrong operand",
)


def affine_averages(dout, cache):
    x, w, b = cache
    m = x.shape[0]
    return dout @ w.T, x.T @ dout / m, np.sum(dout, axis=0, keepdims=True).reshape(b.shape) / m


case("dense-divides-again", "dense", "pair", (affine_forward, affine_averages), (X, W, B), expected="extra 1/N")

_running = {}


def affine_accumulate(dout, cache):
    x, w, b = cache
    _running["w"] = _running.get("w", 0) + x.T @ dout
    return dout @ w.T, _running["w"], dout.sum(axis=0)


case(
    "dense-grad-accumulates",
    "dense",
    "pair, global",
    (affine_forward, affine_accumulate),
    (X, W, B),
    expected="accumulated over calls",
)


def affine_int(dout, cache):
    x, w, b = cache
    dw = np.zeros(w.shape, dtype=int)
    for n in range(len(x)):
        dw = dw + np.outer(x[n], dout[n]).astype(int)
    return dout @ w.T, dw, dout.sum(axis=0)


case("dense-integers", "dense", "pair, loop", (affine_forward, affine_int), (X, W, B), expected="integer arithmetic")


def affine_forgets_last(dout, cache):
    x, w, b = cache
    dw = np.zeros(w.shape)
    for n in range(x.shape[0] - 1):
        dw += np.outer(x[n], dout[n])
    return dout @ w.T, dw, dout.sum(axis=0)


case(
    "dense-forgets-last-image",
    "dense",
    "pair, loop",
    (affine_forward, affine_forgets_last),
    (X, W, B),
    expected="terms left out",
)


def affine_no_bias_forward(x, w, b):
    return x @ w, (x, w)


def affine_no_bias_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, np.zeros(w.shape[1])


case(
    "dense-forward-forgets-bias",
    "dense",
    "pair",
    (affine_no_bias_forward, affine_no_bias_backward),
    (X, W, B),
    expected="forward wrong",
    reference="dense",
)

# --- ReLU ------------------------------------------------------------------------------------------------------------------


def relu(z):
    return np.maximum(0, z)


def relu_grad(dout, z):
    return np.where(dout > 0, dout, 0)


case("relu-mask-of-dout", "relu", "plain functions", (relu, relu_grad), (X,), expected="mask of the wrong array")


def relu_times_x(dout, z):
    return dout * relu(z)


case("relu-times-value", "relu", "plain functions", (relu, relu_times_x), (X,), expected="value instead of mask")


class ReluInverted:
    def forward(self, x):
        self.mask = x > 0
        out = x.copy()
        out[~self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


case("relu-inverted", "relu", "class", ReluInverted, (X,), expected="mask inverted")


class ReluInPlace:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


case("relu-dout-in-place", "relu", "class", ReluInPlace, (X,), expected="dout changed in place")


def relu_in_place_forward(x):
    x[x < 0] = 0
    return x, x


def relu_in_place_backward(dout, out):
    return dout * (out > 0)


case(
    "relu-input-in-place",
    "relu",
    "pair",
    (relu_in_place_forward, relu_in_place_backward),
    (X,),
    expected="input changed in place",
)


def relu_threshold_backward(dout, cache):
    dx = np.zeros_like(dout)
    for i in range(cache.shape[0]):
        for j in range(cache.shape[1]):
            if cache[i, j] > 1:
                dx[i, j] = dout[i, j]
    return dx


case(
    "relu-threshold",
    "relu",
    "pair, loops",
    (lambda x: (x * (x > 0), x), relu_threshold_backward),
    (X,),
    expected="mask of the wrong array",
)

_last = {}


def relu_global_forward(x):
    _last["x"] = x
    return np.maximum(x, 0), None


def relu_global_backward(dout, _):
    return dout * (_last["x"] > 0)


case("relu-global", "relu", "pair, global", (relu_global_forward, relu_global_backward), (X,), expected="stale cache")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_of_x(dout, x):
    return dout * x * (1 - x)


case("sigmoid-of-x", "sigmoid", "plain functions", (sigmoid, sigmoid_of_x), (X,), expected="derivative at the wrong value")
case(
    "tanh-straight-through", "tanh", "plain functions", (np.tanh, lambda d, x: d), (X,), expected="local derivative missing"
)
case(
    "sigmoid-no-dout",
    "sigmoid",
    "plain functions",
    (sigmoid, lambda dout, x: sigmoid(x) * (1 - sigmoid(x))),
    (X,),
    expected="upstream gradient ignored",
)

# --- softmax and losses ----------------------------------------------------------------------------------------------------


def softmax_rows(z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def ce(scores, y):
    p = softmax_rows(scores)
    return -np.mean(np.log(p[range(len(y)), y])), (p, y)


def ce_no_onehot(dloss, cache):
    p, y = cache
    return dloss * p / len(y)


case("ce-no-onehot", "softmax_cross_entropy", "pair", (ce, ce_no_onehot), (LOGITS,), {"y": LABELS}, "one-hot missing")


def ce_columns(dloss, cache):
    p, y = cache
    dx = p.copy()
    dx[:, y] -= 1
    return dloss * dx / len(y)


case("ce-columns", "softmax_cross_entropy", "pair", (ce, ce_columns), (LOGITS,), {"y": LABELS}, "labels index every row")


def ce_sum_axis0(scores, y):
    p = softmax_rows(scores)
    loss = 0.0
    for i in range(len(y)):
        loss -= np.log(p[i, y[i]])
    return loss / len(y)


def ce_gradient_axis0(scores, y):
    e = np.exp(scores)
    p = e / e.sum(axis=0)
    p[np.arange(len(y)), y] -= 1
    return p / len(y)


case(
    "ce-wrong-axis",
    "softmax_cross_entropy",
    "plain functions without upstream gradient",
    (ce_sum_axis0, ce_gradient_axis0),
    (LOGITS,),
    {"y": LABELS},
    "softmax over the wrong axis",
)


class SoftmaxLoss:
    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        self.t = t
        self.y = softmax_rows(x)
        self.loss = -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-12)) / len(t)
        return self.loss

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / self.t.shape[0]


case(
    "ce-class-no-dout", "softmax_cross_entropy", "class", SoftmaxLoss, (LOGITS,), {"t": LABELS}, "upstream gradient ignored"
)


def ce_logits(dloss, scores, y):
    onehot = np.eye(scores.shape[1])[y]
    return dloss * (scores - onehot) / len(y)


def ce_plain(scores, y):
    shifted = scores - scores.max(1)[:, None]
    return float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y]))


case(
    "ce-scores",
    "softmax_cross_entropy",
    "plain functions",
    (ce_plain, ce_logits),
    (LOGITS,),
    {"y": LABELS},
    "softmax missing",
)


def ce_divides_by_classes(dloss, scores, y):
    p = softmax_rows(scores)
    p[np.arange(len(y)), y] -= 1
    return dloss * p / scores.shape[1]


case(
    "ce-over-k",
    "softmax_cross_entropy",
    "plain functions",
    (ce_plain, ce_divides_by_classes),
    (LOGITS,),
    {"y": LABELS},
    "divided by the wrong count",
)


def softmax_layer(x):
    p = softmax_rows(x)
    return p, p


def softmax_diagonal(dout, p):
    return dout * p * (1 - p)


case("softmax-diagonal", "softmax", "pair", (softmax_layer, softmax_diagonal), (LOGITS,), {}, "Jacobian's diagonal only")


def svm(scores, y):
    loss = 0.0
    for i in range(len(y)):
        for j in range(scores.shape[1]):
            if j != y[i]:
                loss += max(0, scores[i, j] - scores[i, y[i]] + 1)
    return loss / len(y)


def svm_no_right(dloss, scores, y):
    d = np.zeros(scores.shape)
    for i in range(len(y)):
        for j in range(scores.shape[1]):
            if j != y[i] and scores[i, j] - scores[i, y[i]] + 1 > 0:
                d[i, j] += 1
    return dloss * d / len(y)


case(
    "svm-no-right-class",
    "hinge",
    "plain functions, loops",
    (svm, svm_no_right),
    (LOGITS,),
    {"y": LABELS},
    "right class wrong",
)


def svm_vector(scores, y):
    right = scores[np.arange(len(y)), y][:, None]
    margins = np.maximum(0, scores - right + 1.0)
    margins[np.arange(len(y)), y] = 0
    return margins.sum() / len(y), (margins, y)


def svm_values(dloss, cache):
    margins, y = cache
    d = margins.copy()
    d[np.arange(len(y)), y] = -margins.sum(axis=1)
    return dloss * d / len(y)


def svm_no_margin(dloss, scores, y):
    right = scores[np.arange(len(y)), y][:, None]
    mask = (scores > right).astype(float)
    mask[np.arange(len(y)), y] = -mask.sum(axis=1)
    return dloss * mask / len(y)


case("svm-values", "hinge", "pair", (svm_vector, svm_values), (LOGITS,), {"y": LABELS}, "value instead of mask")
case("svm-no-margin", "hinge", "plain functions", (svm, svm_no_margin), (LOGITS,), {"y": LABELS}, "mask of the wrong array")


def mse(pred, target):
    return np.mean((pred - target) ** 2)


def mse_grad(pred, target):
    return (pred - target) / pred.size


case(
    "mse-no-2",
    "mean_squared_error",
    "plain functions without upstream gradient",
    (mse, mse_grad),
    (X,),
    {"target": LOGITS},
    "factor 2 missing",
)
case(
    "mse-sign",
    "mean_squared_error",
    "plain functions",
    (mse, lambda d, pred, target: d * 2 * (target - pred) / pred.size),
    (X,),
    {"target": LOGITS},
    "sign flipped",
)

# --- linear classifier with weight decay -----------------------------------------------------------------------------------


def linear_loss(w, b, x, y, reg):
    p = softmax_rows(x @ w + b)
    data = -np.log(p[np.arange(len(y)), y]).mean()
    return data + 0.5 * reg * np.sum(w * w)


def linear_gradients(reg_w, reg_b):
    def gradients(w, b, x, y, reg):
        d = softmax_rows(x @ w + b)
        d[np.arange(len(y)), y] -= 1
        d /= len(y)
        return x.T @ d + reg_w * reg * w, d.sum(axis=0) + reg_b * reg * b

    return gradients


X2 = generic((6, 4), np.random.default_rng(8))
Y2 = np.array([0, 2, 1, 1, 0, 2])
_linear = {"x": X2, "y": Y2, "reg": 0.3}
for name, (reg_w, reg_b), expected in (
    ("decay-missing", (0, 0), "weight decay missing"),
    ("decay-doubled", (2, 0), "weight decay scaled wrong"),
    ("decay-on-bias", (1, 1), "weight decay on the bias"),
):
    target = (linear_loss, linear_gradients(reg_w, reg_b))
    case(name, "weight_decay", "plain functions, linear classifier", target, (W, B), _linear, expected)


def penalty(w, lam):
    return lam * np.sum(w**2)


case(
    "penalty-half",
    "weight_decay",
    "plain functions",
    (penalty, lambda dout, w, lam: dout * lam * w),
    (W,),
    {"lam": 0.2},
    "weight decay scaled wrong",
)

# --- convolution -----------------------------------------------------------------------------------------------------------


def conv_naive(x, w, b, stride=1, pad=0):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    OH, OW = (H + 2 * pad - HH) // stride + 1, (W + 2 * pad - WW) // stride + 1
    out = np.zeros((N, F, OH, OW))
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    r, s = i * stride, j * stride
                    out[n, f, i, j] = np.sum(xp[n, :, r : r + HH, s : s + WW] * w[f]) + b[f]
    return out, (x, w, b, stride, pad, xp)


def conv_naive_backward_overwrites(dout, cache):
    x, w, b, stride, pad, xp = cache
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), dout.sum(axis=(0, 2, 3))
    HH, WW = w.shape[2:]
    N, F, OH, OW = dout.shape
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                r, s = i * stride, j * stride
                g = 0
                for f in range(F):
                    dw[f] += dout[n, f, i, j] * xp[n, :, r : r + HH, s : s + WW]
                    g = g + dout[n, f, i, j] * w[f]
                dxp[n, :, r : r + HH, s : s + WW] = g
    return dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]], dw, db


case(
    "conv-overwrites",
    "conv2d",
    "pair, loops",
    (conv_naive, conv_naive_backward_overwrites),
    (IMAGES, KERNELS, BIAS),
    {"pad": 1},
    "overlap overwritten",
)


def conv_backward(dout, cache, crop=None, turned=False, step=None, dtype=float):
    x, w, b, stride, pad, xp = cache
    dxp, dw = np.zeros(xp.shape, dtype), np.zeros_like(w)
    HH, WW = w.shape[2:]
    step = step or stride
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            r, s = i * step, j * step
            k = w[:, :, ::-1, ::-1] if turned else w
            dw += np.tensordot(
                dout[:, :, i, j], xp[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW], (0, 0)
            )
            dxp[:, :, r : r + HH, s : s + WW] += np.tensordot(dout[:, :, i, j], k, (1, 0))
    H, W = x.shape[2:]
    start = pad if crop is None else crop
    return dxp[:, :, start : start + H, start : start + W], dw, dout.sum(axis=(0, 2, 3))


def conv_not_cropped(dout, cache):
    return conv_backward(dout, cache, crop=0)


def conv_turned(dout, cache):
    return conv_backward(dout, cache, turned=True)


def conv_no_stride(dout, cache):
    return conv_backward(dout, cache, step=1)


case(
    "conv-crop",
    "conv2d",
    "pair, loops over positions",
    (conv_naive, conv_not_cropped),
    (IMAGES, KERNELS, BIAS),
    {"pad": 1},
    "padding not cropped",
)
case(
    "conv-turned",
    "conv2d",
    "pair, loops over positions",
    (conv_naive, conv_turned),
    (IMAGES, KERNELS, BIAS),
    {"pad": 1},
    "kernel flipped",
)
case(
    "conv-no-stride",
    "conv2d",
    "pair, loops over positions",
    (conv_naive, conv_no_stride),
    (IMAGES, KERNELS, BIAS),
    {"stride": 2, "pad": 1},
    "stride ignored",
)


def conv_padded_dx(dout, cache):
    x, w, b, stride, pad, xp = cache
    dx, dw, db = conv_backward(dout, cache, crop=0)
    full = np.zeros(xp.shape)
    HH, WW = w.shape[2:]
    for n, f, i, j in np.ndindex(dout.shape):
        full[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW] += w[f] * dout[n, f, i, j]
    return full, dw, db


case(
    "conv-padded-dx",
    "conv2d",
    "pair, loops",
    (conv_naive, conv_padded_dx),
    (IMAGES, KERNELS, BIAS),
    {"pad": 1},
    "padding not cropped",
)


def conv_db_mean(dout, cache):
    dx, dw, _ = conv_backward(dout, cache)
    return dx, dw, dout.mean(axis=(0, 2, 3))


case(
    "conv-db-mean",
    "conv2d",
    "pair",
    (conv_naive, conv_db_mean),
    (IMAGES, KERNELS, BIAS),
    {},
    "mean over positions instead of sum",
)


def im2col(x, kh, kw, stride, pad):
    n, c, h, w = x.shape
    oh, ow = (h + 2 * pad - kh) // stride + 1, (w + 2 * pad - kw) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.zeros((n, c, kh, kw, oh, ow))
    for i in range(kh):
        for j in range(kw):
            col[:, :, i, j] = img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)


def col2im(col, shape, kh, kw, stride, pad, add=True):
    n, c, h, w = shape
    oh, ow = (h + 2 * pad - kh) // stride + 1, (w + 2 * pad - kw) // stride + 1
    col = col.reshape(n, oh, ow, c, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((n, c, h + 2 * pad + stride - 1, w + 2 * pad + stride - 1))
    for i in range(kh):
        for j in range(kw):
            if add:
                img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] += col[:, :, i, j]
            else:
                img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] = col[:, :, i, j]
    return img[:, :, pad : h + pad, pad : w + pad]


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        oh = (H + 2 * self.pad - FH) // self.stride + 1
        ow = (W + 2 * self.pad - FW) // self.stride + 1
        self.x = x
        self.col = im2col(x, FH, FW, self.stride, self.pad)
        self.col_W = self.W.reshape(FN, -1).T
        out = self.col @ self.col_W + self.b
        return out.reshape(N, oh, ow, -1).transpose(0, 3, 1, 2)


class ConvReshape(Convolution):
    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = (self.col.T @ dout).T.reshape(FN, C, FH, FW)
        return col2im(dout @ self.col_W.T, self.x.shape, FH, FW, self.stride, self.pad)


class ConvOverwrites(Convolution):
    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = (self.col.T @ dout).transpose(1, 0).reshape(FN, C, FH, FW)
        return col2im(dout @ self.col_W.T, self.x.shape, FH, FW, self.stride, self.pad, add=False)


case(
    "conv-im2col-reshape",
    "conv2d",
    "class, im2col",
    ConvReshape,
    (IMAGES, KERNELS, BIAS),
    {"pad": 1},
    "reshaped in the wrong order",
)
case(
    "conv-im2col-overwrites",
    "conv2d",
    "class, im2col",
    ConvOverwrites,
    (IMAGES, KERNELS, BIAS),
    {"stride": 2},
    "overlap overwritten",
)


class ConvDwReshape(Convolution):
    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = (self.col.T @ dout).reshape(FN, C, FH, FW)
        return col2im(dout @ self.col_W.T, self.x.shape, FH, FW, self.stride, self.pad)


case(
    "conv-im2col-dw-reshape",
    "conv2d",
    "class, im2col",
    ConvDwReshape,
    (IMAGES, SQUARE_KERNELS, BIAS),
    {"pad": 1},
    "reshaped in the wrong order",
)


def to_columns(x, k=3, pad=1):
    return im2col(x, k, k, 1, pad), x.shape


def to_columns_back(dcols, shape):
    return col2im(dcols, shape, 3, 3, 1, 1, add=False)


case("col2im-overwrites", "im2col", "pair", (to_columns, to_columns_back), (IMAGES,), {}, "overlap overwritten")


def to_columns_shifted(dcols, shape):
    n, c, h, w = shape
    grown = col2im(dcols, (n, c, h + 2, w + 2), 3, 3, 1, 0)
    return grown[:, :, :h, :w]


case("col2im-not-cropped", "im2col", "pair", (to_columns, to_columns_shifted), (IMAGES,), {}, "padding not cropped")

# --- pooling ---------------------------------------------------------------------------------------------------------------


def maxpool(x, size=2, stride=2):
    N, C, H, W = x.shape
    OH, OW = (H - size) // stride + 1, (W - size) // stride + 1
    out = np.zeros((N, C, OH, OW))
    for i in range(OH):
        for j in range(OW):
            out[:, :, i, j] = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size].max(axis=(2, 3))
    return out, (x, out, size, stride)


def maxpool_backward(assign):
    def backward(dout, cache):
        x, out, size, stride = cache
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(out.shape):
            r, s = i * stride, j * stride
            assign(dx[n, c, r : r + size, s : s + size], x[n, c, r : r + size, s : s + size], dout[n, c, i, j])
        return dx

    return backward


def _all(dx, window, g):
    dx += g


def _ties(dx, window, g):
    dx += g * (window == window.max())


def _overwrite(dx, window, g):
    k = np.argmax(window)
    dx[k // window.shape[1], k % window.shape[1]] = g


def _turned(dx, window, g):
    k = np.argmax(window)
    dx[k % window.shape[1], k // window.shape[1]] += g


case("maxpool-all", "max_pool2d", "pair, loops", (maxpool, maxpool_backward(_all)), (IMAGES,), {}, "mask missing")
case(
    "maxpool-ties",
    "max_pool2d",
    "pair, loops",
    (maxpool, maxpool_backward(_ties)),
    (IMAGES,),
    {},
    "ties all get the gradient",
)
case(
    "maxpool-overwrites",
    "max_pool2d",
    "pair, loops",
    (maxpool, maxpool_backward(_overwrite)),
    (IMAGES,),
    {"size": 3, "stride": 1},
    "overlap overwritten",
)
case(
    "maxpool-wrong-index",
    "max_pool2d",
    "pair, loops",
    (maxpool, maxpool_backward(_turned)),
    (IMAGES,),
    {"size": 2},
    "wrong winner",
)


def maxpool_from_zero(x):
    N, C, H, W = x.shape
    out = np.zeros((N, C, H // 2, W // 2))
    arg = np.zeros(out.shape, int)
    for n, c, i, j in np.ndindex(out.shape):
        best = 0.0
        for k in range(4):
            v = x[n, c, 2 * i + k // 2, 2 * j + k % 2]
            if v > best:
                best, arg[n, c, i, j] = v, k + 1
        out[n, c, i, j] = best
    return out, (x.shape, arg)


def maxpool_from_zero_backward(dout, cache):
    shape, arg = cache
    dx = np.zeros(shape)
    for n, c, i, j in np.ndindex(dout.shape):
        k = arg[n, c, i, j] - 1
        if k >= 0:
            dx[n, c, 2 * i + k // 2, 2 * j + k % 2] += dout[n, c, i, j]
    return dx


case(
    "maxpool-starts-at-0",
    "max_pool2d",
    "pair, loops",
    (maxpool_from_zero, maxpool_from_zero_backward),
    (IMAGES - 1.0,),
    {},
    "forward wrong",
    "max_pool2d",
)


def avgpool(x):
    N, C, H, W = x.shape
    x = x[:, :, : H // 2 * 2, : W // 2 * 2].reshape(N, C, H // 2, 2, W // 2, 2)
    return x.mean(axis=(3, 5))


def avgpool_grad(dout, x):
    dx = np.zeros_like(x)
    grown = dout.repeat(2, axis=2).repeat(2, axis=3)
    dx[:, :, : grown.shape[2], : grown.shape[3]] = grown
    return dx


case(
    "avgpool-no-mean",
    "avg_pool2d",
    "plain functions, reshape",
    (avgpool, avgpool_grad),
    (IMAGES,),
    {},
    "window mean missing",
)


def avgpool_tile(dout, x):
    dx = np.zeros_like(x)
    grown = np.tile(dout, (1, 1, 2, 2)) / 4
    dx[:, :, : grown.shape[2], : grown.shape[3]] = grown
    return dx


case(
    "avgpool-tile",
    "avg_pool2d",
    "plain functions, reshape",
    (avgpool, avgpool_tile),
    (IMAGES,),
    {},
    "reshaped in the wrong order",
)

# --- flatten ---------------------------------------------------------------------------------------------------------------


def flatten(x):
    return x.reshape(x.shape[0], -1), x.shape


def unflatten_wrong(dout, shape):
    n, c, h, w = shape
    return dout.reshape(n, h, w, c).transpose(0, 3, 1, 2)


case("flatten-order", "flatten", "pair", (flatten, unflatten_wrong), (IMAGES,), {}, "reshaped in the wrong order")
case("flatten-not-back", "flatten", "pair", (flatten, lambda dout, shape: dout), (IMAGES,), {}, "wrong shape")

# --- dropout ---------------------------------------------------------------------------------------------------------------


def dropout(x, p, rng):
    mask = rng.random(x.shape) > p
    return x * mask / (1 - p), (mask, p, rng)


def dropout_no_scale(dout, cache):
    mask, p, _ = cache
    return dout * mask


def dropout_again(dout, cache):
    _, p, rng = cache
    return dout * (rng.random(dout.shape) > p) / (1 - p)


case("dropout-scale", "dropout", "pair", (dropout, dropout_no_scale), (X,), {"p": 0.4}, "dropout scale wrong")
case("dropout-again", "dropout", "pair", (dropout, dropout_again), (X,), {"p": 0.4}, "random numbers drawn again")


class DropoutNoMask:
    def __init__(self, ratio):
        self.ratio = ratio

    def forward(self, x):
        self.mask = np.random.rand(*x.shape) > self.ratio  # noqa: NPY002
        return x * self.mask / (1.0 - self.ratio)

    def backward(self, dout):
        return dout / (1.0 - self.ratio)


case("dropout-no-mask", "dropout", "class, np.random", DropoutNoMask, (X,), {"ratio": 0.5}, "mask missing")


def dropout_own_rng(x, p):
    mask = np.random.default_rng().random(x.shape) > p
    return x * mask / (1 - p), mask / (1 - p)


case(
    "dropout-own-rng",
    "dropout",
    "pair",
    (dropout_own_rng, lambda dout, mask: dout * mask),
    (X,),
    {"p": 0.5},
    "forward not repeatable",
)

# --- BatchNorm -------------------------------------------------------------------------------------------------------------


def bn(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    std = np.sqrt(var + eps)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (xhat, gamma, std, x - mu)


def bn_backward(mean=1.0, var=1.0, g=1.0, power=1, count=None):
    def backward(dout, cache):
        xhat, gamma, std, xc = cache
        n = count or len(dout)
        dxhat = dout * gamma**g
        dx = dxhat - mean * dxhat.sum(axis=0) / n - var * xhat * (dxhat * xhat).sum(axis=0) / n
        return dx / std**power, (dout * xhat).sum(axis=0), dout.sum(axis=0)

    return backward


for name, keywords, expected in (
    ("bn-no-mean", {"mean": 0}, "mean term missing"),
    ("bn-no-variance", {"var": 0}, "variance term missing"),
    ("bn-constants", {"mean": 0, "var": 0}, "statistics treated as constants"),
    ("bn-no-gamma", {"g": 0}, "gamma missing"),
    ("bn-variance-for-std", {"power": 2}, "power of the standard deviation wrong"),
    ("bn-n-minus-1", {"count": 4}, "N - 1 for N"),
):
    case(name, "batch_norm", "pair", (bn, bn_backward(**keywords)), (X, GAMMA, BETA), {}, expected)


def bn_images(x, gamma, beta):
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = ((x - mu) ** 2).mean(axis=(0, 2, 3), keepdims=True)
    xhat = (x - mu) / np.sqrt(var + 1e-5)
    return gamma[None, :, None, None] * xhat + beta[None, :, None, None], (x, xhat, mu, var, gamma)


def bn_images_backward(dout, cache):
    x, xhat, mu, var, gamma = cache
    m = x.shape[0]
    dbeta, dgamma = dout.sum(axis=(0, 2, 3)), (dout * xhat).sum(axis=(0, 2, 3))
    dxhat = dout * gamma[None, :, None, None]
    s1, s2 = dxhat.sum(axis=(0, 2, 3), keepdims=True), (dxhat * xhat).sum(axis=(0, 2, 3), keepdims=True)
    return (dxhat - s1 / m - xhat * s2 / m) / np.sqrt(var + 1e-5), dgamma, dbeta


case(
    "bn-images-count",
    "batch_norm",
    "pair",
    (bn_images, bn_images_backward),
    (IMAGES, GAMMA2, BETA2),
    {},
    "divided by the wrong count",
)


def bn_dgamma_x(dout, cache):
    x, xhat, mu, var, gamma = cache
    dxhat = dout * gamma[None, :, None, None]
    axes = (0, 2, 3)
    dx = dxhat - dxhat.mean(axis=axes, keepdims=True) - xhat * (dxhat * xhat).mean(axis=axes, keepdims=True)
    return dx / np.sqrt(var + 1e-5), (dout * x).sum(axis=axes), dout.sum(axis=axes)


case("bn-dgamma-of-x", "batch_norm", "pair", (bn_images, bn_dgamma_x), (IMAGES, GAMMA2, BETA2), {}, "wrong operand")

# --- residual --------------------------------------------------------------------------------------------------------------


def block(x, w):
    hidden = np.maximum(0, x @ w)
    return x + hidden, (x, w, hidden)


def block_no_shortcut(dout, cache):
    x, w, hidden = cache
    d = dout * (hidden > 0)
    return d @ w.T, x.T @ d


def block_twice(dout, cache):
    x, w, hidden = cache
    d = dout * (hidden > 0)
    return d @ w.T + dout + dout, x.T @ d


def block_only_shortcut(dout, cache):
    x, w, hidden = cache
    return dout, x.T @ (dout * (hidden > 0))


case("residual-no-shortcut", "residual", "pair", (block, block_no_shortcut), (X, SQUARE), {}, "branch missing")
case("residual-twice", "residual", "pair", (block, block_twice), (X, SQUARE), {}, "branch counted twice")
case("residual-only-shortcut", "residual", "pair", (block, block_only_shortcut), (X, SQUARE), {}, "branch missing")

# --- momentum and weight decay as steps ------------------------------------------------------------------------------------


def step_forgets(w, g, state, lr, momentum):
    v = momentum * np.zeros_like(w) + g
    return w - lr * v


def step_sums(w, g, v, lr, momentum):
    v = v + g
    return w - lr * v, v


def step_damped(w, g, v, lr, mu):
    v = mu * v + (1 - mu) * g
    return w - lr * v, v


def step_lr_twice(w, g, state, lr, momentum):
    state["v"] = momentum * state.get("v", 0.0) - lr * g
    w += lr * state["v"]


def step_order(w, g, v, lr, momentum):
    new = w - lr * v
    return new, momentum * v + g


class MomentumShared:
    def __init__(self, lr=0.1, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, 0.0

    def step(self, params, grads):
        for key in params:
            g = grads[key]
            self.v = self.momentum * np.mean(self.v) + g
            params[key] -= self.lr * self.v


class MomentumLost:
    def __init__(self, lr=0.1, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, {}

    def step(self, params, grads):
        for key, w in params.items():
            self.v[key] = self.momentum * self.v.get(key, 0) + grads[key]
            w = w - self.lr * self.v[key]


_momentum = {"lr": 0.1, "momentum": 0.9}
_rule = Momentum(lr=0.1, momentum=0.9)
case("momentum-forgets", "momentum", "step with state", step_forgets, (), _momentum, "velocity forgotten", _rule)
case("momentum-sums", "momentum", "step with v", step_sums, (), _momentum, "momentum not applied", _rule)
case("momentum-damped", "momentum", "step with v", step_damped, (), {"lr": 0.1, "mu": 0.9}, "gradient damped", _rule)
case(
    "momentum-lr-twice", "momentum", "step with state, in place", step_lr_twice, (), _momentum, "learning rate twice", _rule
)
case("momentum-order", "momentum", "step with v", step_order, (), _momentum, "updated in the wrong order", _rule)
case("momentum-shared", "momentum", "class", MomentumShared, (), _momentum, "state shared between arrays", _rule)
case("momentum-lost", "momentum", "class", MomentumLost, (), _momentum, "weights not changed", _rule)


def sgd_no_decay(w, g, state, lr, weight_decay):
    return w - lr * g


def sgd_decay_twice(w, g, state, lr, weight_decay):
    return w - lr * (g + 2 * weight_decay * w)


_decay, _sgd = {"lr": 0.1, "weight_decay": 0.2}, SGD(lr=0.1, weight_decay=0.2)
case("sgd-no-decay", "weight_decay", "step with state", sgd_no_decay, (), _decay, "weight decay missing", _sgd)
case("sgd-decay-twice", "weight_decay", "step with state", sgd_decay_twice, (), _decay, "weight decay scaled wrong", _sgd)
