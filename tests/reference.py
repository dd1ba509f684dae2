"""Oracles: every operation once more, written from its textbook formula with plain loops and nothing of the package.

They are slow and meant to be obviously right. Images are walked pixel by pixel, and a pixel outside the image is looked up
and found to be zero, so there is no padding, no patch matrix and no memory order here. Optimizers work on one number.
"""

import math

import numpy as np

# --- how results are compared ------------------------------------------------------------------------------------------


def numeric_gradient(f, x, dout=1.0, h=1e-5):
    """d sum(f(x) * dout) / dx for every entry of x, by central differences in float64."""
    assert x.dtype == np.float64, f"finite differences need float64, got {x.dtype}"
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        # The outputs are subtracted before they are summed: entries that x[index] does not touch leave no rounding behind.
        gradient[index] = np.sum((f(up) - f(down)) * dout) / (up[index] - down[index])
    return gradient


def assert_gradient(analytic, numeric, name="gradient"):
    """The tolerance of the whole suite: |analytic - numeric| <= 1e-6 * max|numeric| + 1e-9, entry by entry."""
    assert analytic.shape == numeric.shape, f"{name}: {analytic.shape}, wanted {numeric.shape}"
    if not numeric.size:
        return
    error, bound = np.abs(analytic - numeric), 1e-6 * np.abs(numeric).max() + 1e-9
    worst = np.unravel_index(np.nanargmax(np.where(np.isnan(error), np.inf, error)), error.shape)
    assert (error <= bound).all(), (
        f"{name}{list(map(int, worst))}: backward says {analytic[worst]}, finite differences {numeric[worst]}; "
        f"they may differ by {bound:.1e}"
    )


def assert_close(got, wanted, rounding=None, name="result"):
    """Equal up to rounding: some operation may have summed in another order.

    Measured against the largest value, but at least 1: the gradient of a bias in front of a BatchNorm is 0 but for rounding.
    """
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape, f"{name}: {got.shape}, wanted {wanted.shape}"
    if rounding is None:
        rounding = 1e-5 if np.float32 in (got.dtype, wanted.dtype) else 1e-12
    if wanted.size:
        error, largest = np.abs(got - wanted).max(), np.abs(wanted).max()
        assert error <= rounding * max(largest, 1), f"{name}: off by {error}, largest value {largest}"


# --- layers ------------------------------------------------------------------------------------------------------------


def dense(x, w, b):
    """out[n,m] = b[m] + sum_d x[n,d] w[d,m]"""
    (n, d), m = x.shape, w.shape[1]
    return np.array([[b[j] + math.fsum(x[i, k] * w[k, j] for k in range(d)) for j in range(m)] for i in range(n)])


def conv2d(x, w, b, stride, pad):
    """Cross-correlation: out[n,f,i,j] = b[f] + sum_c,p,q x[n, c, i*sh + p - ph, j*sw + q - pw] w[f,c,p,q], 0 outside."""
    (n, c, height, width), (f, _, kh, kw), (sh, sw), (ph, pw) = x.shape, w.shape, stride, pad
    out = np.zeros((n, f, (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1))
    for image, filt, i, j in np.ndindex(out.shape):
        total = float(b[filt])
        for channel, p, q in np.ndindex(c, kh, kw):
            row, column = i * sh + p - ph, j * sw + q - pw
            if 0 <= row < height and 0 <= column < width:
                total += float(x[image, channel, row, column]) * float(w[filt, channel, p, q])
        out[image, filt, i, j] = total
    return out


def windows(shape, kernel_size, stride):
    """(i, j, rows, columns) of every window that fits into an image of this (height, width)."""
    (kh, kw), (sh, sw) = kernel_size, stride
    i = top = 0
    while top + kh <= shape[0]:
        j = left = 0
        while left + kw <= shape[1]:
            yield i, j, range(top, top + kh), range(left, left + kw)
            j, left = j + 1, left + sw
        i, top = i + 1, top + sh


def max_pool2d(x, kernel_size, stride):
    """(out, winners): winners[n,c,i,j] is the (row, column) that won; ties go to the left, then to the top."""
    places = list(windows(x.shape[2:], kernel_size, stride))
    shape = (*x.shape[:2], places[-1][0] + 1, places[-1][1] + 1)
    out, winners = np.zeros(shape), np.zeros((*shape, 2), int)
    for n, c in np.ndindex(x.shape[:2]):
        for i, j, rows, columns in places:
            best = None
            for column in columns:  # column by column, from the left; only a larger value takes over
                for row in rows:
                    if best is None or x[n, c, row, column] > x[n, c, *best]:
                        best = row, column
            out[n, c, i, j], winners[n, c, i, j] = x[n, c, *best], best
    return out, winners


def max_pool2d_backward(dout, winners, shape):
    """Every window's gradient goes to its winner; a pixel that won several windows adds them up."""
    dx = np.zeros(shape)
    for n, c, i, j in np.ndindex(dout.shape):
        dx[n, c, *winners[n, c, i, j]] += dout[n, c, i, j]
    return dx


def avg_pool2d(x, kernel_size, stride):
    places = list(windows(x.shape[2:], kernel_size, stride))
    out = np.zeros((*x.shape[:2], places[-1][0] + 1, places[-1][1] + 1))
    for n, c in np.ndindex(x.shape[:2]):
        for i, j, rows, columns in places:
            values = [float(x[n, c, row, column]) for row in rows for column in columns]
            out[n, c, i, j] = math.fsum(values) / len(values)
    return out


def channel_values(x, channel):
    """All numbers of one channel of (N, D) or (N, C, H, W)."""
    return [float(v) for v in x[:, channel].ravel()]


def mean_and_variance(values):
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((v - mean) ** 2 for v in values) / len(values)


def batch_norm(x, gamma, beta, eps, mean=None, var=None):
    """gamma * (x - mean) / sqrt(var + eps) + beta, channel by channel; the batch's own statistics if none are given."""
    out = np.zeros(x.shape)
    for channel in range(x.shape[1]):
        own = mean_and_variance(channel_values(x, channel))
        m, v = own if mean is None else (float(mean[channel]), float(var[channel]))
        out[:, channel] = gamma[channel] * (x[:, channel] - m) / math.sqrt(v + eps) + beta[channel]
    return out


def running_statistics(x, running_mean, running_var, momentum):
    """(new running mean, new running variance) after one batch: a moving average of the mean and the UNBIASED variance."""
    new_mean, new_var = [], []
    for channel in range(x.shape[1]):
        values = channel_values(x, channel)
        mean, var = mean_and_variance(values)
        unbiased = var * len(values) / (len(values) - 1)
        new_mean.append((1 - momentum) * running_mean[channel] + momentum * mean)
        new_var.append((1 - momentum) * running_var[channel] + momentum * unbiased)
    return np.array(new_mean), np.array(new_var)


# --- losses ------------------------------------------------------------------------------------------------------------


def softmax_row(scores):
    top = max(scores)
    powers = [math.exp(s - top) for s in scores]
    return [p / math.fsum(powers) for p in powers]


def softmax_cross_entropy(logits, labels, label_smoothing=0.0):
    """mean over rows of -sum_k target_k log softmax_k, with target = (1 - s) * one_hot + s / K."""
    rows = []
    for scores, label in zip(logits.astype(float), labels, strict=True):
        top, k = float(scores.max()), len(scores)
        log_total = top + math.log(math.fsum(math.exp(s - top) for s in scores))
        target = [label_smoothing / k + (1 - label_smoothing) * (j == label) for j in range(k)]
        rows.append(math.fsum(t * (log_total - s) for t, s in zip(target, scores, strict=True)))
    return math.fsum(rows) / len(rows)


def multiclass_hinge(logits, labels, margin=1.0):
    rows = [
        math.fsum(max(0.0, s - scores[label] + margin) for j, s in enumerate(scores) if j != label)
        for scores, label in zip(logits.astype(float), labels, strict=True)
    ]
    return math.fsum(rows) / len(rows)


def mean_squared_error(out, targets):
    return math.fsum((a - t) ** 2 for a, t in zip(out.ravel(), targets.ravel(), strict=True)) / out.size


# --- optimizers: one weight, one gradient a step, the weight after every step ----------------------------------------------


def sgd(w, grads, lrs, weight_decay=0.0):
    for g, lr in zip(grads, lrs, strict=True):
        w = w - lr * (g + weight_decay * w)
        yield w


def momentum(w, grads, lrs, mu=0.9, weight_decay=0.0):
    v = 0.0
    for g, lr in zip(grads, lrs, strict=True):
        v = mu * v + (g + weight_decay * w)
        w = w - lr * v
        yield w


def nesterov(w, grads, lrs, mu=0.9, weight_decay=0.0):
    v = 0.0
    for g, lr in zip(grads, lrs, strict=True):
        g = g + weight_decay * w
        v = mu * v + g
        w = w - lr * (g + mu * v)
        yield w


def rmsprop(w, grads, lrs, alpha=0.99, eps=1e-8, weight_decay=0.0):
    s = 0.0
    for g, lr in zip(grads, lrs, strict=True):
        g = g + weight_decay * w
        s = alpha * s + (1 - alpha) * g**2
        w = w - lr * g / (math.sqrt(s) + eps)
        yield w


def adam(w, grads, lrs, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0, decoupled=False):
    m = v = 0.0
    for t, (g, lr) in enumerate(zip(grads, lrs, strict=True), start=1):
        if decoupled:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
        yield w


def adamw(w, grads, lrs, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    return adam(w, grads, lrs, beta1, beta2, eps, weight_decay, decoupled=True)


# --- schedules ---------------------------------------------------------------------------------------------------------


def step_decay(lr, every, gamma, step):
    for s in range(1, step + 1):
        if s % every == 0:
            lr *= gamma
    return lr


def cosine(lr, steps, final, step):
    if step >= steps:
        return final
    return final + 0.5 * (lr - final) * (1 + math.cos(math.pi * step / steps))


def one_cycle(peak, steps, warmup, start_div, final_div, step):
    """Step ``warmup * steps - 1`` stands on the peak, step ``steps - 1`` at the end; half a cosine on either side."""
    top, last = warmup * steps - 1, steps - 1
    low, end = peak / start_div, peak / start_div / final_div
    if step <= top:
        return low + (peak - low) * math.sin(math.pi / 2 * step / top) ** 2  # sin^2 is half a cosine wave, upwards
    return end + (peak - end) * math.cos(math.pi / 2 * (step - top) / (last - top)) ** 2
