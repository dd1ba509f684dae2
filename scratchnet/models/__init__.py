"""Named models for 28 x 28 digits: x (N, 1, 28, 28) -> logits (N, 10)."""

from collections.abc import Callable

from scratchnet.layers import Sequential
from scratchnet.layers.base import require
from scratchnet.models.convolutional import cnn, cnn_bn, cnn_small, lenet5, resnet, tiny
from scratchnet.models.shallow import knn, mlp, softmax, svm, svm_rff
from scratchnet.models.shapes import INPUT_SHAPE, NUM_CLASSES
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Rng

__all__ = ["INPUT_SHAPE", "MODELS", "NUM_CLASSES", "build"]

MODELS: dict[str, Callable[[Rng], Sequential]] = {
    "softmax": softmax,
    "svm": svm,
    "knn": knn,
    "svm-rff": svm_rff,
    "mlp": mlp,
    "lenet5": lenet5,
    "cnn": cnn,
    "cnn-small": cnn_small,
    "tiny": tiny,
    "resnet": resnet,
    "cnn-bn": cnn_bn,
}


def build(name: str, *, seed: int = 0) -> Sequential:
    """The named model with fresh random weights, the same for the same seed; knn with an empty memory.

    Errors    ValueError if there is no such model
    """
    require(isinstance(name, str) and name in MODELS, f"unknown model {name!r}, there are {', '.join(MODELS)}")
    return MODELS[name](stream(seed, Purpose.INIT))
