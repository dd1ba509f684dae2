"""Figures: how a training went, what a network gets wrong, what the data looks like.

The only package that imports matplotlib. Every function returns a ``matplotlib.figure.Figure`` of its own, not pyplot's: no
window, no display, nothing to close. A notebook shows it when it is a cell's last value; ``save`` writes it as PNG.
"""

from scratchnet.viz.comparison import disagreements, robustness
from scratchnet.viz.evaluation import classes, confused, confusion, mistakes, reliability
from scratchnet.viz.figures import (
    BLACK,
    BLUE,
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
from scratchnet.viz.passes import trace
from scratchnet.viz.reports import gradients
from scratchnet.viz.training import History, NamedRow, curves
from scratchnet.viz.tuning import tuning

__all__ = [
    "BLACK",
    "BLUE",
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
    "gradients",
    "mistakes",
    "probabilities",
    "reliability",
    "robustness",
    "save",
    "style",
    "trace",
    "tuning",
]
