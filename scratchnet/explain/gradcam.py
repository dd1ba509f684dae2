"""Grad-CAM: where in the image the network sees what speaks for a class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchnet.explain.receptive_field import centres
from scratchnet.explain.scores import Labels, Of, check_images, class_score, which_labels
from scratchnet.layers import Composite, Conv2d, Layer
from scratchnet.layers.base import Stage, walk
from scratchnet.typing import Array


class GradCam(NamedTuple):
    """What ``grad_cam`` gives: the stage it looked at, the channels' weights, the map, and the map laid over the image."""

    stage: str
    weights: Array  # (N, C)
    maps: Array  # (N, OH, OW)
    heat: Array  # (N, H, W)


def grad_cam(model: Layer, x: Array, labels: Labels = None, *, stage: str | None = None, of: Of = "logit") -> GradCam:
    """A sum of one stage's feature maps, each weighted by how much the class's score wants more of it.

    Coarse, since deep maps are small, but it differs from class to class. ``stage`` is a name from ``model.stages``; without
    it the last one that still gives maps is taken. In ``heat`` every unit of the map lies at the middle of its receptive
    field, which is not the same as stretching the map over the image where convolutions do not pad.

    Shapes    x (N, C, H, W), labels (N,) -> weights (N, F), maps (N, OH, OW), heat (N, H, W)
    Formula   weights[n,f] = 1/(OH*OW) * sum_i,j d score[n] / d out[n,f,i,j]
              maps[n,i,j]  = max(0, sum_f weights[n,f] * out[n,f,i,j])
              With global average pooling and one dense layer after it, weights[n,f] * OH*OW is that layer's w[f, label]:
              then the map is the class activation map of Zhou et al., "Learning deep features", CVPR 2016.
    Errors    ValueError if the network has no convolution, the stage is none that gives maps, or x or labels do not fit
    Source    Selvaraju et al., "Grad-CAM: visual explanations from deep networks", ICCV 2017, equations 1 and 2
    """
    check_images("grad_cam", model, x)
    _require_convolution(model)
    ahead: list[Stage] = []
    logits, cache = walk(model.stages(x), ahead.append)
    _, dlogits = class_score(logits, logits.argmax(axis=1) if labels is None else which_labels(model, x, labels), of)
    name = _last_with_maps(ahead) if stage is None else stage
    out = next((s.out for s in ahead if s.name == name), None)
    if out is None or out.ndim != 4:
        with_maps = ", ".join(s.name for s in ahead if s.out.ndim == 4)
        raise ValueError(f"grad_cam: stage must be one that gives feature maps ({with_maps}), got {stage!r}")
    dout = next(back.dout for back in model.stages_back(dlogits, cache) if back.name == name)

    weights = dout.mean(axis=(2, 3))
    maps = np.maximum(np.einsum("nf,nfij->nij", weights, out), 0)
    return GradCam(name, weights, maps, _over_image(maps, *centres(model, name, maps.shape[1:]), x.shape[2:]))


def _last_with_maps(stages: list[Stage]) -> str:
    return [s.name for s in stages if s.out.ndim == 4][-1]


def _over_image(maps: Array, rows: Array, columns: Array, size: tuple[int, ...]) -> Array:
    """Bilinear interpolation of maps (N, OH, OW) whose units lie at these rows and columns; (N, H, W)."""
    down, across = (_interpolation(at, length) for at, length in zip((rows, columns), size, strict=True))
    return (down @ maps @ across.T).astype(maps.dtype)


def _interpolation(at: Array, length: int) -> Array:
    """The matrix (length, len(at)) that interpolates between values at these places; beyond the ends they stay the same."""
    return np.stack([np.interp(np.arange(length), at, unit) for unit in np.eye(len(at))], axis=1)


def _require_convolution(model: Layer) -> None:
    if not has_convolution(model):
        from scratchnet.models import MODELS, build

        having = [name for name in MODELS if has_convolution(build(name))]
        raise ValueError(
            "grad_cam: the network has no convolution, so no feature maps to weigh; "
            f"of the named models {', '.join(having)} have them"
        )


def has_convolution(model: Layer) -> bool:
    """Can ``grad_cam`` explain this network?"""
    layers = [layer for _, layer in model.leaves()] if isinstance(model, Composite) else [model]
    return any(isinstance(layer, Conv2d) for layer in layers)
