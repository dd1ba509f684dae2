"""Named networks for 28 x 28 digits: x (N, 1, 28, 28) -> logits (N, 10).

Pooling stands before ReLU: max pooling and ReLU can be swapped without changing the function, and this way ReLU has a
quarter of the values to look at.
"""

from collections.abc import Callable

from scratchnet.layers import BatchNorm2d, Conv2d, Dense, Dropout, Flatten, MaxPool2d, ReLU, Sequential
from scratchnet.layers.base import require
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Rng

INPUT_SHAPE = (1, 28, 28)
NUM_CLASSES = 10


def softmax(rng: Rng) -> Sequential:
    """Multinomial logistic regression: one template per digit, a score is how well it matches."""
    return Sequential(Flatten(), Dense(784, NUM_CLASSES, rng=rng))


def mlp(rng: Rng) -> Sequential:
    """Multi-layer perceptron: two hidden layers that see all pixels at once."""
    return Sequential(
        Flatten(),
        Dense(784, 512, rng=rng),
        ReLU(),
        Dense(512, 128, rng=rng),
        ReLU(),
        Dense(128, NUM_CLASSES, rng=rng),
    )


def lenet5(rng: Rng) -> Sequential:
    """LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B).

    Its sizes, 6 and 16 maps of 5 x 5, then 120 and 84 units; modernised: max pooling for the trainable sub-sampling, ReLU
    for the scaled tanh, every map of the second convolution sees all six of the first, softmax for the RBF outputs.
    """
    return Sequential(
        Conv2d(1, 6, 5, pad=2, rng=rng),  # (6, 28, 28)
        MaxPool2d(2),
        ReLU(),  # (6, 14, 14)
        Conv2d(6, 16, 5, rng=rng),  # (16, 10, 10)
        MaxPool2d(2),
        ReLU(),  # (16, 5, 5)
        Flatten(),
        Dense(400, 120, rng=rng),
        ReLU(),
        Dense(120, 84, rng=rng),
        ReLU(),
        Dense(84, NUM_CLASSES, rng=rng),
    )


def cnn(rng: Rng) -> Sequential:
    """The default: two convolutions, each followed by pooling, and one dense layer."""
    return Sequential(
        Conv2d(1, 16, 5, pad=2, rng=rng),  # (16, 28, 28)
        MaxPool2d(2),
        ReLU(),  # (16, 14, 14)
        Conv2d(16, 32, 5, pad=2, rng=rng),  # (32, 14, 14)
        MaxPool2d(2),
        ReLU(),  # (32, 7, 7)
        Flatten(),
        Dropout(0.1),
        Dense(1568, NUM_CLASSES, rng=rng),
    )


def cnn_small(rng: Rng) -> Sequential:
    """Three small convolutions with batch normalisation: soon trained to 99 %.

    Pooling stands before normalisation too, which then has a quarter of the values to look at.
    """
    return Sequential(
        Conv2d(1, 12, 5, rng=rng),  # (12, 24, 24)
        MaxPool2d(2),
        BatchNorm2d(12),
        ReLU(),  # (12, 12, 12)
        Conv2d(12, 24, 3, rng=rng),  # (24, 10, 10)
        MaxPool2d(2),
        BatchNorm2d(24),
        ReLU(),  # (24, 5, 5)
        Conv2d(24, 48, 3, rng=rng),
        BatchNorm2d(48),
        ReLU(),  # (48, 3, 3)
        Flatten(),
        Dense(432, NUM_CLASSES, rng=rng),
    )


MODELS: dict[str, Callable[[Rng], Sequential]] = {
    "softmax": softmax,
    "mlp": mlp,
    "cnn": cnn,
    "cnn-small": cnn_small,
    "lenet5": lenet5,
}


def build(name: str, *, seed: int = 0) -> Sequential:
    """The named network with fresh random weights, the same for the same seed.

    Errors    ValueError if there is no such network
    """
    require(name in MODELS, f"unknown model {name!r}, there are {', '.join(MODELS)}")
    return MODELS[name](stream(seed, Purpose.INIT))
