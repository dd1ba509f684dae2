"""What a network makes of images before it names them: features, their main directions, and who is near to whom."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchnet.arguments import is_whole, require, require_finite, require_numbers
from scratchnet.explain.scores import check_batch, parts
from scratchnet.layers import Dense, Layer
from scratchnet.layers.base import Stage
from scratchnet.typing import Array


def features(model: Layer, x: Array, *, stage: str | None = None) -> Array:
    """The last hidden layer: what the network's last dense layer takes, from which it computes the logits.

    Where digits of one class lie close together and classes apart, a linear layer can tell them apart; that is what all the
    layers before it are for. ``stage``, a name from ``model.stages``, asks for that stage's output instead.

    Shapes    x (N, ...) -> (N, D)
    Errors    ValueError if there is no such stage, or no dense layer and no stage is named
    """
    check_batch(model, x)
    return np.concatenate([_features(list(model.stages(x[part])), stage) for part in parts(len(x))])


def _features(stages: list[Stage], stage: str | None) -> Array:
    if stage is None:
        found = [s.x for s in stages if isinstance(s.layer, Dense)]
        require(bool(found), "features: the network has no dense layer; name the stage whose output you want")
    else:
        found = [s.out for s in stages if s.name == stage]
        require(bool(found), f"features: stage must be one of {', '.join(s.name for s in stages)}, got {stage!r}")
    return found[-1].reshape(len(found[-1]), -1)


class PCA(NamedTuple):
    """Principal components: where the points lie, along which directions they spread, and how far."""

    mean: Array  # (D,)
    directions: Array  # (k, D), orthonormal
    variances: Array  # (k,), falling
    shares: Array  # (k,), of the total variance

    def project(self, points: Array) -> Array:
        """The points' coordinates along the directions: (N, D) -> (N, k)."""
        return (points - self.mean) @ self.directions.T


def pca(points: Array, components: int = 2) -> PCA:
    """The directions in which points spread most: the flattest look at many dimensions that a plane can give.

    Shapes    points (N, D) -> directions (components, D)
    Formula   points - mean = U S V^T (singular value decomposition); directions are the first rows of V^T, variances
              S^2 / (N - 1). The sign of a direction is free: here its largest entry is positive.
    Errors    ValueError if points is not (N, D) with N > 1, or there are fewer than ``components`` directions
    Source    Pearson, "On lines and planes of closest fit to systems of points in space", 1901
    """
    points = _points("pca: points", points)
    require(points.ndim == 2 and len(points) > 1, f"pca: points must be (N, D) with N > 1, got {points.shape}")
    n, d = points.shape
    fit = is_whole(components) and 1 <= components <= min(n, d)
    require(fit, f"pca: components must be in 1 .. {min(n, d)} for points {points.shape}")
    mean = points.mean(axis=0)
    _, s, vt = np.linalg.svd(points - mean, full_matrices=False)
    directions = vt[:components]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1, keepdims=True), axis=1)
    directions = directions * np.where(largest < 0, -1.0, 1.0)
    variances = s**2 / (n - 1)
    total = variances.sum()
    return PCA(mean, directions, variances[:components], variances[:components] / (total if total > 0 else 1.0))


def nearest(points: Array, queries: Array, count: int = 5) -> tuple[Array, Array]:
    """The points closest to each query, the closest first; of equally far ones the first.

    Shapes    points (N, D), queries (M, D) -> indices (M, count), Euclidean distances (M, count)
    Formula   |p - q|^2 = |p|^2 - 2 p.q + |q|^2, in float64
    Errors    ValueError if the shapes do not fit, or there are fewer than ``count`` points
    """
    points, queries = _points("nearest: points", points), _points("nearest: queries", queries)
    require(
        points.ndim == queries.ndim == 2 and points.shape[1] == queries.shape[1],
        f"nearest: points (N, D) and queries (M, D) want one D, got {points.shape} and {queries.shape}",
    )
    fit = is_whole(count) and 1 <= count <= len(points)
    require(fit, f"nearest: count must be in 1 .. {len(points)}, got {count!r}")
    squares = (points**2).sum(axis=1) - 2 * queries @ points.T + (queries**2).sum(axis=1, keepdims=True)
    order = np.argsort(squares, axis=1, kind="stable")[:, :count]
    return order, np.sqrt(np.maximum(np.take_along_axis(squares, order, axis=1), 0))


def _points(name: str, points: Array) -> Array:
    """Finite numbers, in float64."""
    points = np.asarray(points)
    require_numbers(name, points)
    require_finite(name, points)
    return points.astype(np.float64)
