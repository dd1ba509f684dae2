"""Why does a network say what it says? Maps that show which pixels its answer rests on.

    saliency(model, x)[0]              # (C, H, W): how much each pixel of the first image moves the score, and which way
    grad_cam(model, x, 3).heat[0]      # (H, W): where the network sees what speaks for a 3

Every function takes a network and a batch, runs them in evaluation mode, and leaves both as they are. What is explained is
one number per image: the score of one class, ``labels``, which is one label per image, one for all, or None for the
network's own answers.

A map shows what the network does, right or wrong; it does not show that this is a good reason. Two methods often disagree,
since they answer different questions: the docstrings say which.
"""

from scratchnet.explain.features import PCA, features, nearest, pca
from scratchnet.explain.gradcam import GradCam, grad_cam
from scratchnet.explain.gradients import completeness, integrated_gradients, magnitude, saliency, smooth_grad
from scratchnet.explain.occlusion import occlusion
from scratchnet.explain.receptive_field import Field, receptive_field
from scratchnet.explain.scores import Of, scores

__all__ = [
    "PCA",
    "Field",
    "GradCam",
    "Of",
    "completeness",
    "features",
    "grad_cam",
    "integrated_gradients",
    "magnitude",
    "nearest",
    "occlusion",
    "pca",
    "receptive_field",
    "saliency",
    "scores",
    "smooth_grad",
]
