"""Models without convolutions: templates, neighbours, kernels, and the multi-layer perceptron."""

from scratchnet.layers import AvgPool2d, Dense, Flatten, NearestNeighbors, RandomFourierFeatures, ReLU, Sequential
from scratchnet.models.shapes import NUM_CLASSES
from scratchnet.typing import Rng


def softmax(rng: Rng) -> Sequential:
    """Multinomial logistic regression: one template per digit, a score is how well it matches."""
    return Sequential(Flatten(), Dense(784, NUM_CLASSES, rng=rng))


def svm(rng: Rng) -> Sequential:
    """Linear support vector machine: the same templates, taught by the hinge loss to win by a margin."""
    return Sequential(Flatten(), Dense(784, NUM_CLASSES, rng=rng))


def svm_rff(rng: Rng) -> Sequential:
    """Support vector machine with a Gaussian kernel, through random Fourier features (Rahimi and Recht 2007).

    On 14 x 14 means, which lose hardly anything that the kernel could see and make the features a quarter of the work.
    """
    return Sequential(
        AvgPool2d(2),  # (1, 14, 14)
        Flatten(),
        RandomFourierFeatures(196, 16384, gamma=0.01, rng=rng),
        Dense(16384, NUM_CLASSES, rng=rng),
    )


def knn(rng: Rng) -> Sequential:
    """The 5 most similar training images vote (Cover and Hart 1967).

    Similar are those whose 13 x 13 overlapping means are near: blurred strokes match though they do not quite coincide.
    """
    return Sequential(
        AvgPool2d(3, stride=2),  # (1, 13, 13)
        Flatten(),
        NearestNeighbors(169, NUM_CLASSES, k=5),
    )


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
