"""Maps from the gradient of a class's score with respect to the image: one backward pass, and means of several."""

from __future__ import annotations

import math

import numpy as np

from scratchnet.arguments import is_number, is_whole, require, require_array, require_numbers, require_rng
from scratchnet.explain.scores import Labels, Of, blank, class_score, parts, scores, which_labels
from scratchnet.layers import Layer
from scratchnet.typing import Array, Rng


def saliency(model: Layer, x: Array, labels: Labels = None, *, of: Of = "logit") -> Array:
    """How much each pixel moves the score of the class: the same backward pass as in training, taken down to the image.

    Positive where a brighter pixel speaks for the class, negative where it speaks against it. ``magnitude`` of it is the map
    that the paper shows.

    Shapes    x (N, C, H, W) or (N, D), labels (N,) -> as x
    Formula   d score(x)[n] / d x[n]
    Errors    ValueError if x is no floating-point batch that the network takes, or labels do not fit
    Source    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", ICLR workshop 2014, section 3
    """
    labels = which_labels(model, x, labels)
    dx = np.empty_like(x)
    for part in parts(len(x)):
        logits, cache = model.forward(x[part])
        _, dlogits = class_score(logits, labels[part], of)
        dx[part], _ = model.backward(dlogits, cache)
    return dx


def smooth_grad(
    model: Layer,
    x: Array,
    labels: Labels = None,
    *,
    sigma: float = 0.15,
    samples: int = 50,
    rng: Rng,
    of: Of = "logit",
) -> Array:
    """The mean saliency of noisy copies of the image: what many nearly equal images agree on.

    ``sigma`` is the noise's standard deviation as a part of the image's span, from its smallest to its largest value. With
    sigma 0 this is ``saliency``.

    Shapes    x (N, C, H, W) or (N, D), labels (N,) -> as x
    Formula   1/samples * sum of saliency(x + noise), noise ~ Normal(0, (sigma * span)^2)
    Errors    ValueError as ``saliency``; if sigma is negative or samples is not positive
    Source    Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, section 3
    """
    fine = is_number(sigma) and 0 <= sigma < math.inf
    require(fine, f"smooth_grad: sigma must be 0 or more, got {sigma!r}")
    require(is_whole(samples) and samples >= 1, f"smooth_grad: samples must be at least 1, got {samples!r}")
    require_rng("smooth_grad: rng", rng)
    labels = which_labels(model, x, labels)
    result = np.empty_like(x)
    for n, image in enumerate(x):
        noise = sigma * np.ptp(image) * rng.standard_normal((samples, *image.shape))
        result[n] = saliency(model, image + noise.astype(x.dtype), int(labels[n]), of=of).mean(axis=0)
    return result


def integrated_gradients(
    model: Layer,
    x: Array,
    labels: Labels = None,
    *,
    baseline: Array | float | None = None,
    steps: int = 64,
    of: Of = "logit",
) -> Array:
    """What each pixel adds to the score on the straight way from ``baseline``, an image without content, to x.

    The shares add up to score(x) - score(baseline), whatever the network (completeness). They do so exactly for a linear
    network; else as closely as the midpoint rule integrates: ``completeness`` says how much is missing.

    Shapes    x (N, C, H, W) or (N, D), labels (N,), baseline a number or what broadcasts to x -> as x.
              Without a baseline each image's smallest value is taken: blank paper, in a digit from ``prepare``.
    Formula   (x - baseline) * integral from 0 to 1 of saliency(baseline + a * (x - baseline)) da,
              the integral as the mean over the midpoints a = (i + 1/2) / steps, i = 0 .. steps-1
    Errors    ValueError as ``saliency``; if the baseline does not fit x or steps is not positive
    Source    Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017, sections 3 and 5
    """
    require(is_whole(steps) and steps >= 1, f"integrated_gradients: steps must be at least 1, got {steps!r}")
    labels = which_labels(model, x, labels)
    start = blank(x, baseline, "baseline")
    way = x - start
    midpoints = ((np.arange(steps) + 0.5) / steps).astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
    result = np.empty_like(x)
    for n in range(len(x)):
        points = start[n] + midpoints * way[n]  # (steps, C, H, W)
        result[n] = way[n] * saliency(model, points, int(labels[n]), of=of).mean(axis=0)
    return result


def completeness(
    model: Layer,
    x: Array,
    attributions: Array,
    labels: Labels = None,
    *,
    baseline: Array | float | None = None,
    of: Of = "logit",
) -> tuple[Array, Array]:
    """What the shares of ``integrated_gradients`` add up to, and what they should: score(x) - score(baseline). Both (N,).

    If they differ by more than a few percent, more steps are needed.

    Errors    ValueError as ``integrated_gradients``, or if attributions do not have x's shape
    """
    labels = which_labels(model, x, labels)
    require_numbers("completeness: attributions", attributions)
    same = attributions.shape == x.shape
    require(same, f"completeness: attributions must have x's shape, {x.shape}, got {attributions.shape}")
    rise = scores(model, x, labels, of=of) - scores(model, blank(x, baseline, "baseline"), labels, of=of)
    return attributions.reshape(len(x), -1).sum(axis=1), rise


def magnitude(attributions: Array) -> Array:
    """How strongly each place counts, whichever way: (N, C, H, W) -> (N, H, W), the largest |value| of the channels."""
    require_array("magnitude: attributions", attributions, 4, "(N, C, H, W)")
    require(attributions.shape[1] > 0, f"magnitude: attributions must have a channel, got {attributions.shape}")
    return np.abs(attributions).max(axis=1)
