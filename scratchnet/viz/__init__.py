"""Figures: how a training went, what a network gets wrong, what is inside it, why it says what it says.

The only package that imports matplotlib. Every function returns a ``matplotlib.figure.Figure`` of its own, not pyplot's: no
window, no display, nothing to close. A notebook shows it when it is a cell's last value; ``save`` writes it as PNG.
"""

from scratchnet.viz.comparison import disagreements, robustness
from scratchnet.viz.evaluation import classes, confused, confusion, mistakes, reliability
from scratchnet.viz.explanations import explanations, grad_cam, occlusion, pca, saliency
from scratchnet.viz.figures import (
    BLACK,
    BLUE,
    CLASSES,
    ERRORS,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    SIGNS,
    SKY,
    VERMILLION,
    YELLOW,
    save,
    style,
)
from scratchnet.viz.images import digits, probabilities
from scratchnet.viz.network import feature_maps, filters, histograms
from scratchnet.viz.passes import trace
from scratchnet.viz.patches import im2col
from scratchnet.viz.paths import paths
from scratchnet.viz.reports import gradients
from scratchnet.viz.training import History, NamedRow, curves
from scratchnet.viz.tuning import tuning

__all__ = [
    "BLACK",
    "BLUE",
    "CLASSES",
    "ERRORS",
    "GREEN",
    "GREY",
    "ORANGE",
    "PALE",
    "PURPLE",
    "SIGNS",
    "SKY",
    "VERMILLION",
    "YELLOW",
    "History",
    "NamedRow",
    "classes",
    "confused",
    "confusion",
    "curves",
    "digits",
    "disagreements",
    "explanations",
    "feature_maps",
    "filters",
    "grad_cam",
    "gradients",
    "histograms",
    "im2col",
    "mistakes",
    "occlusion",
    "paths",
    "pca",
    "probabilities",
    "reliability",
    "robustness",
    "saliency",
    "save",
    "style",
    "trace",
    "tuning",
]
