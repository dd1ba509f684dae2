"""Why a network says what it says: the maps of ``scratchnet.explain`` over the image, and features in a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from scratchnet import explain
from scratchnet.typing import Array
from scratchnet.viz.arguments import check_image, check_numbers, check_probabilities
from scratchnet.viz.figures import (
    BLACK,
    CLASSES,
    ERRORS,
    GREY,
    SIGNS,
    bare,
    new_figure,
    note,
    one_axes,
    style,
    suptitle,
)
from scratchnet.viz.images import bars, show


def saliency(image: Array, values: Array, *, ax: Axes | None = None, title: str | None = None) -> Figure:
    """A signed map, as ``explain.saliency``, ``smooth_grad`` or ``integrated_gradients`` give it, with the image's outline.

    Orange speaks for the class, blue against it, white does not matter. The scale ends at the largest value of all.

    Shapes    image (H, W) or (1, H, W), values the same
    Errors    ValueError if shapes do not fit
    """
    image, values = check_image("saliency", image), check_image("saliency", values, "values")
    if image.shape != values.shape:
        raise ValueError(f"saliency: image and values want one shape, got {image.shape} and {values.shape}")
    return _signed(image, values, ax, title)


def occlusion(image: Array, drops: Array, *, ax: Axes | None = None, title: str | None = None) -> Figure:
    """What ``explain.occlusion`` gives, with the image's outline: orange where covering the image lowers the score.

    Shapes    image (H, W) or (1, H, W), drops (ceil(H/stride), ceil(W/stride)) for any stride
    Errors    ValueError if shapes do not fit
    """
    image, drops = check_image("occlusion", image), check_image("occlusion", drops, "drops")
    strides = {s for s in range(1, max(image.shape) + 1) if tuple(-(-side // s) for side in image.shape) == drops.shape}
    if not strides:
        raise ValueError(f"occlusion: drops must be (H, W) of the image over a stride, got {drops.shape} for {image.shape}")
    return _signed(image, drops, ax, title, stride=min(strides))


def grad_cam(image: Array, heat: Array, *, ax: Axes | None = None, title: str | None = None) -> Figure:
    """The heat of ``explain.grad_cam`` under the image: dark orange where the network sees what speaks for the class.

    Shapes    image (H, W) or (1, H, W), heat (H, W), none negative
    Errors    ValueError if shapes do not fit or heat is negative
    """
    image, heat = check_image("grad_cam", image), check_image("grad_cam", heat, "heat")
    if image.shape != heat.shape:
        raise ValueError(f"grad_cam: image and heat want one shape, got {image.shape} and {heat.shape}")
    if (heat < 0).any():
        raise ValueError("grad_cam: heat must not be negative; for signed maps there is saliency")
    with style():
        figure, ax = one_axes(ax, 3.6, 4.0)
        top = float(heat.max()) or 1.0
        low, high = float(image.min()), float(image.max())
        ink = (image - low) / (high - low or 1.0)
        colours = ERRORS(0.8 * heat / top)[..., :3]
        ax.imshow(colours * (1 - 0.8 * ink[..., None]))
        bare(ax, frame=True)
        note(ax, f"0 .. {top:.2g}", 10.5)
        if title:
            ax.set_title(title)
    return figure


def _signed(image: Array, values: Array, ax: Axes | None, title: str | None, stride: int = 1) -> Figure:
    with style():
        figure, ax = one_axes(ax, 3.6, 4.0)
        top = float(np.abs(values).max()) or 1.0
        (h, w), half = values.shape, stride / 2  # a value is a square of stride x stride about its pixel
        extent = (-half, stride * w - half, stride * h - half, -half)
        ax.imshow(values, cmap=SIGNS, vmin=-top, vmax=top, extent=extent)
        if image.min() < image.max() and min(image.shape) > 1:
            ax.contour(image, [(float(image.min()) + float(image.max())) / 2], colors=[BLACK], linewidths=1.0, alpha=0.75)
        ax.set_xlim(-0.5, image.shape[1] - 0.5)
        ax.set_ylim(image.shape[0] - 0.5, -0.5)
        bare(ax, frame=True)
        note(ax, f"± {top:.2g}", 10.5)
        if title:
            ax.set_title(title)
    return figure


_PANELS = {
    "saliency": (saliency, "saliency"),
    "smooth-grad": (saliency, "SmoothGrad"),
    "integrated-gradients": (saliency, "integrated gradients"),
    "grad-cam": (grad_cam, "Grad-CAM"),
    "occlusion": (occlusion, "occlusion"),
}


def explanations(
    image: Array,
    maps: Mapping[str, Array],
    probs: Array,
    label: int,
    *,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """An image, the probabilities, and several maps of why the class ``label`` got its score, side by side.

    maps: by the method's name, one or more of saliency, smooth-grad, integrated-gradients, grad-cam (its heat), occlusion.

    Shapes    image (H, W) or (1, H, W), maps as the method gives them for one image, probs (K,)
    Errors    ValueError if there is no map or an unknown one, or shapes do not fit
    """
    image, probs = check_image("explanations", image), check_probabilities("explanations", probs)
    if probs.ndim != 1 or not 0 <= label < len(probs):
        raise ValueError(f"explanations: probs wants (K,) and label 0 .. K-1, got {probs.shape} and {label}")
    unknown = [name for name in maps if name not in _PANELS]
    if unknown or not maps:
        raise ValueError(f"explanations: maps wants some of {', '.join(_PANELS)}, got {', '.join(maps) or 'none'}")
    names = [str(k) for k in range(len(probs))] if class_names is None else [str(name) for name in class_names]
    if len(names) != len(probs):
        raise ValueError(f"explanations: {len(names)} class names for {len(probs)} probabilities")
    with style():
        panels = len(maps) + 2
        columns = panels if panels <= 4 else -(-panels // 2)
        rows = -(-panels // columns)
        figure = new_figure(2.75 * columns, 3.0 * rows + 0.4)
        cells = figure.add_gridspec(rows, columns)
        wide = rows * columns - panels  # a cell too many goes to the probabilities
        places = [
            cells[0, 0],
            cells[0, 1 : 2 + wide],
            *(cells[k // columns, k % columns] for k in range(2 + wide, panels + wide)),
        ]
        axes = [figure.add_subplot(place) for place in places]
        show(axes[0], image)
        axes[0].set_title("what the network sees")
        bars(axes[1], probs, names, label)
        axes[1].set_xlim(0, 1.22 if wide else 1.5)  # the numbers beside the bars stay in the panel
        axes[1].set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"], fontsize=10.5, color=GREY)
        axes[1].spines["bottom"].set(visible=True, bounds=(0, 1))
        axes[1].set_title("probabilities")
        for ax, (method, values) in zip(axes[2:], maps.items(), strict=True):
            draw, heading = _PANELS[method]
            draw(image, values, ax=ax, title=heading)
        words = f"orange speaks for {names[label]}, blue against it; each map has its own scale"
        figure.supxlabel(words, fontsize=12, color=GREY)
        suptitle(figure, title)
    return figure


def _apart(places: Array, least: float) -> Array:
    """The places (N, 2), those closer than ``least`` pushed away from each other."""
    places = places.copy()
    for _ in range(50):
        for i in range(len(places)):
            for j in range(i):
                way = places[i] - places[j]
                distance = float(np.hypot(*way)) or 1e-9
                if distance < least:
                    push = (least - distance) / 2 * (way / distance if way.any() else np.array([1.0, 0.0]))
                    places[i] += push
                    places[j] -= push
    return places


def pca(
    points: Array,
    labels: Array,
    *,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Figure:
    """Features in the plane along which they spread most (``explain.pca``): every point is drawn as its label.

    Classes that lie apart here are apart; those that overlap here may still be told apart in other directions: the axes say
    how much of the variance the plane shows.

    Shapes    points (N, D), as ``explain.features`` gives them, labels (N,) from 0 to 9
    Errors    ValueError if shapes do not fit, or a label has no colour or name
    """
    points, labels = check_numbers("pca", points, "points"), check_numbers("pca", labels, "labels")
    if points.ndim != 2 or labels.shape != points.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"pca: points (N, D) and whole labels (N,) want one N, got {points.shape}, {labels.shape}")
    names = [str(k) for k in range(len(CLASSES))] if class_names is None else [str(name) for name in class_names]
    if labels.size and not (labels.min() >= 0 and labels.max() < min(len(names), len(CLASSES))):
        raise ValueError(
            f"pca: labels must be in 0 .. {min(len(names), len(CLASSES)) - 1}, got {labels.min()} .. {labels.max()}"
        )
    found = explain.pca(points)
    plane = found.project(points)
    with style():
        figure, ax = one_axes(ax, 7, 6.2)
        for k in np.unique(labels):
            own = plane[labels == k]
            ax.scatter(own[:, 0], own[:, 1], s=26, marker=f"${k}$", color=CLASSES[k], linewidths=0.2, alpha=0.8)
        classes = np.unique(labels)
        span = np.maximum(np.ptp(plane, axis=0), 1e-12)
        middles = np.array([np.median(plane[labels == k], axis=0) for k in classes]) / span
        for k, (x, y) in zip(classes, _apart(middles, 0.065) * span, strict=True):
            halo = [withStroke(linewidth=4, foreground="white")]
            ax.text(
                x, y, names[k], ha="center", va="center", fontsize=19, weight="bold", color=CLASSES[k], path_effects=halo
            )
        for axis, which, share in zip((ax.xaxis, ax.yaxis), ("first", "second"), found.shares, strict=True):
            axis.set_label_text(f"{which} principal component ({share:.0%} of the variance)")
        ax.set_xticks([])
        ax.set_yticks([])
        if title:
            ax.set_title(title)
    return figure
