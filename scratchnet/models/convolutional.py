"""Convolutional networks, from LeNet-5 to a small residual network.

Pooling stands before normalisation and ReLU. For ReLU that makes no difference to the function, since max pooling and ReLU
can be swapped; either way both have a quarter of the values to look at.
"""

from scratchnet.layers import (
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)
from scratchnet.models.shapes import NUM_CLASSES
from scratchnet.typing import Rng


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
    """Three small convolutions with batch normalisation: soon trained to 99 %."""
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


def residual_block(channels: int, rng: Rng) -> Residual:
    """x + f(x), where f are two convolutions that keep the size (He et al., CVPR 2016, section 3.2).

    (N, C, H, W) -> (N, C, H, W); the ReLU that follows the sum stands after the block.
    """
    return Residual(
        Sequential(
            Conv2d(channels, channels, 3, pad=1, rng=rng),
            BatchNorm2d(channels),
            ReLU(),
            Conv2d(channels, channels, 3, pad=1, rng=rng),
            BatchNorm2d(channels),
        )
    )


def cnn_bn(rng: Rng) -> Sequential:
    """Five convolutions with batch normalisation, the last two in a residual block, then the mean of each map."""
    return Sequential(
        Conv2d(1, 32, 5, rng=rng),  # (32, 24, 24)
        MaxPool2d(2),
        BatchNorm2d(32),
        ReLU(),  # (32, 12, 12)
        Conv2d(32, 64, 3, pad=1, rng=rng),
        BatchNorm2d(64),
        ReLU(),  # (64, 12, 12)
        Conv2d(64, 64, 3, rng=rng),  # (64, 10, 10)
        MaxPool2d(2),
        BatchNorm2d(64),
        ReLU(),  # (64, 5, 5)
        residual_block(64, rng),
        ReLU(),
        Dropout(0.3),
        GlobalAvgPool(),  # (64,)
        Dense(64, NUM_CLASSES, rng=rng),
    )


def resnet(rng: Rng) -> Sequential:
    """A small residual network (He et al., CVPR 2016): two blocks, whose convolutions learn what to add to their input."""
    return Sequential(
        Conv2d(1, 32, 5, rng=rng),  # (32, 24, 24)
        MaxPool2d(2),
        BatchNorm2d(32),
        ReLU(),  # (32, 12, 12)
        residual_block(32, rng),
        ReLU(),
        Conv2d(32, 64, 3, rng=rng),  # (64, 10, 10)
        MaxPool2d(2),
        BatchNorm2d(64),
        ReLU(),  # (64, 5, 5)
        residual_block(64, rng),
        ReLU(),
        Dropout(0.3),
        GlobalAvgPool(),  # (64,)
        Dense(64, NUM_CLASSES, rng=rng),
    )


def tiny(rng: Rng) -> Sequential:
    """Fewer than 9 000 parameters: narrow convolutions, and the mean of each map in place of a large dense layer."""
    return Sequential(
        Conv2d(1, 8, 3, rng=rng),
        BatchNorm2d(8),
        ReLU(),  # (8, 26, 26)
        Conv2d(8, 16, 3, rng=rng),  # (16, 24, 24)
        MaxPool2d(2),
        BatchNorm2d(16),
        ReLU(),  # (16, 12, 12)
        Conv2d(16, 16, 3, rng=rng),
        BatchNorm2d(16),
        ReLU(),  # (16, 10, 10)
        Conv2d(16, 16, 3, rng=rng),
        BatchNorm2d(16),
        ReLU(),  # (16, 8, 8)
        Conv2d(16, 16, 3, rng=rng),
        BatchNorm2d(16),
        ReLU(),  # (16, 6, 6)
        GlobalAvgPool(),
        Dense(16, NUM_CLASSES, rng=rng),
    )
