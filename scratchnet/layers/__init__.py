"""The layers, one file each: a forward/backward pair of pure functions and a thin class around it."""

from scratchnet.layers.activations import LeakyReLU, ReLU, Sigmoid, Tanh
from scratchnet.layers.base import Layer
from scratchnet.layers.compose import Composite, Residual, Sequential
from scratchnet.layers.conv import Conv2d
from scratchnet.layers.dense import Dense
from scratchnet.layers.dropout import Dropout
from scratchnet.layers.fourier import RandomFourierFeatures
from scratchnet.layers.neighbors import NearestNeighbors
from scratchnet.layers.norm import BatchNorm1d, BatchNorm2d
from scratchnet.layers.pool import AvgPool2d, GlobalAvgPool, MaxPool2d
from scratchnet.layers.reshape import Flatten

__all__ = [
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Composite",
    "Conv2d",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "LeakyReLU",
    "MaxPool2d",
    "NearestNeighbors",
    "RandomFourierFeatures",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Tanh",
]
