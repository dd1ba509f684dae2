"""PyTorch as a contender: in one process with its own threads, or as several processes that exchange gradients.

This module and checks.py are the only ones that import PyTorch when they are imported.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import math
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from ctypes import c_float
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset

from benchmarks.data import Data
from benchmarks.networks import CASES, copy_weights
from benchmarks.ours import INFER_UNIT, LR, MOMENTUM, infer
from benchmarks.rounds import Contender, Worker
from scratchnet import optim
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Composite,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.preprocess import Normalization
from scratchnet.recipes import Recipe

torch.set_num_interop_threads(1)  # nothing here runs beside anything else


def normalised(images: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 28, 28) -> float32 (N, 1, 28, 28) on the scale that our ``prepare`` uses."""
    scale = Normalization()
    return images.unsqueeze(1).float().div_(255).sub_(scale.mean).div_(scale.std)


def network_for(case: str, *, channels_last: bool = False, pool_first: bool = False) -> nn.Module:
    """PyTorch's network with our initial weights."""
    network = CASES[case].theirs(nn)
    copy_weights(CASES[case].build(), network)
    if pool_first:
        network = pooling_before_relu(network)
    return network.to(memory_format=torch.channels_last) if channels_last else network


def pooling_before_relu(network: nn.Sequential) -> nn.Sequential:
    """The same function with ReLU, MaxPool2d turned into MaxPool2d, ReLU."""
    layers = list(network)
    for i in range(len(layers) - 1):
        if isinstance(layers[i], nn.ReLU) and isinstance(layers[i + 1], nn.MaxPool2d):
            layers[i : i + 2] = layers[i + 1], layers[i]
    return nn.Sequential(*layers)


def bulk_loader(images: torch.Tensor, labels: torch.Tensor, batch_size: int, *, shuffle: bool) -> DataLoader[Any]:
    """A DataLoader that takes a whole batch at once out of arrays in memory, as PyTorch's documentation advises for them
    ("Disable automatic batching"); image after image, as it does otherwise, takes half as long again, workers longer."""
    dataset = TensorDataset(images, labels)
    sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
    return DataLoader(dataset, sampler=BatchSampler(sampler, batch_size, drop_last=False), batch_size=None)


# --- A recipe in PyTorch ---------------------------------------------------------------------------------------------------


def translated(model: Composite) -> nn.Module:
    """PyTorch's network for ours, with copies of its weights.

    Errors    TypeError if it has a layer that is not known here
    """
    network = _translated(model)
    copy_weights(model, network)
    return network


def _translated(layer: Layer) -> nn.Module:
    match layer:
        case Sequential():
            return nn.Sequential(*map(_translated, layer.layers))
        case Residual():
            return _Residual(*map(_translated, layer.children.values()))
        case Conv2d():
            sizes = layer.in_channels, layer.out_channels, layer.kernel_size
            return nn.Conv2d(*sizes, stride=layer.stride, padding=layer.pad)
        case Dense():
            return nn.Linear(layer.in_features, layer.out_features)
        case BatchNorm2d():
            return nn.BatchNorm2d(layer.num_features, eps=layer.eps, momentum=layer.momentum)
        case BatchNorm1d():
            return nn.BatchNorm1d(layer.num_features, eps=layer.eps, momentum=layer.momentum)
        case MaxPool2d():
            return nn.MaxPool2d(layer.kernel_size, layer.stride)
        case AvgPool2d():
            return nn.AvgPool2d(layer.kernel_size, layer.stride)
        case GlobalAvgPool():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case Flatten():
            return nn.Flatten()
        case Dropout():
            return nn.Dropout(layer.p)
        case LeakyReLU():
            return nn.LeakyReLU(layer.negative_slope)
        case ReLU() | Sigmoid() | Tanh():
            kind: nn.Module = getattr(nn, type(layer).__name__)()
            return kind
    raise TypeError(f"{type(layer).__name__} can't be translated to PyTorch")


class _Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.body(x) + (x if self.shortcut is None else self.shortcut(x))
        return out


def optimizer_for(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer, with the settings that ours has; weight decay on weights alone."""
    made = recipe.build_optimizer()
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in network.parameters():
        (decayed if parameter.ndim > 1 else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    match made:
        case optim.Momentum():
            nesterov = isinstance(made, optim.Nesterov)
            return torch.optim.SGD(groups, recipe.lr, momentum=made.momentum, nesterov=nesterov, fused=True)
        case optim.SGD():
            return torch.optim.SGD(groups, recipe.lr, fused=True)
        case optim.RMSProp():
            return torch.optim.RMSprop(groups, recipe.lr, alpha=made.alpha, eps=made.eps)
        case optim.Adam():
            kind = torch.optim.AdamW if isinstance(made, optim.AdamW) else torch.optim.Adam
            return kind(groups, recipe.lr, betas=made.betas, eps=made.eps, fused=True)
    raise TypeError(f"{type(made).__name__} can't be translated to PyTorch")


# --- One process -----------------------------------------------------------------------------------------------------------


class Theirs(Worker):
    """PyTorch in one process; ``threads`` None leaves their number as PyTorch chooses it."""

    def __init__(self, data: Data, threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._images, self._labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
        self._test_images, self._test_labels = torch.from_numpy(data.test_images), torch.from_numpy(data.test_labels)

    def threads(self) -> int:
        return torch.get_num_threads()

    def set_up(
        self,
        case: str,
        what: str,
        *,
        channels_last: bool = False,
        pool_first: bool = False,
        fused: bool = False,
        infer_batch: int = 250,
    ) -> None:
        """As ``Ours.set_up``. For "train" and "infer" the images are made ready, cut into batches, before any turn.

        ``pool_first`` see ``pooling_before_relu``; ``fused`` is the optimizer's; ``infer_batch`` is how many images go
        through the network at once in evaluation.
        """
        self.what, self._fused, self._infer_batch = what, fused, infer_batch
        self._channels_last, self._batch_size = channels_last, CASES[case].batch_size
        self._new_network = functools.partial(network_for, case, channels_last=channels_last, pool_first=pool_first)
        self.warm_up = 0.0 if what == "whole-run" else Worker.warm_up
        if what != "whole-run":
            self._network = self._new_network()
        if what == "train":
            self._make_trainable()
            self._batches = self._for_ever(self._in_batches())
        elif what == "infer":
            self._network.eval()
            self._ready = self._in_format(normalised(self._test_images))

    def work(self, amount: int) -> None:
        if self.what == "train":
            for _ in range(amount):
                self._step(*next(self._batches))
        elif self.what == "infer":
            infer(self._logits, self._ready, amount * INFER_UNIT)
        else:
            self._whole_run()

    def accuracy(self) -> float:
        return self._accuracy

    def _in_format(self, x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=torch.channels_last) if self._channels_last else x

    def _make_trainable(self) -> None:
        self._network.train()
        self._optimizer = torch.optim.SGD(self._network.parameters(), LR, MOMENTUM, fused=self._fused)

    def _in_batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        x, size = self._in_format(normalised(self._images)), self._batch_size
        return list(zip(x.split(size), self._labels.split(size), strict=True))

    @staticmethod
    def _for_ever(batches: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield from batches

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self._optimizer.zero_grad()
        loss = functional.cross_entropy(self._network(x), y)
        loss.backward()
        self._optimizer.step()

    @torch.inference_mode()
    def _logits(self, x: torch.Tensor) -> None:
        for batch in x.split(self._infer_batch):
            self._network(batch)

    def _whole_run(self) -> None:
        """As ``Ours._whole_run``: DataLoader, normalisation of each batch, one epoch, and the test set."""
        self._network = self._new_network()
        self._make_trainable()
        for images, labels in bulk_loader(self._images, self._labels, self._batch_size, shuffle=True):
            self._step(self._in_format(normalised(images)), labels)
        self._network.eval()
        right = 0
        with torch.inference_mode():
            for images, labels in bulk_loader(self._test_images, self._test_labels, self._infer_batch, shuffle=False):
                logits = self._network(self._in_format(normalised(images)))
                right += int((logits.argmax(1) == labels).sum())
        self._accuracy = right / len(self._test_labels)


# --- Several processes -----------------------------------------------------------------------------------------------------


class SharedMemory:
    """What processes need to average gradients without sockets: a row of memory for each, one for the mean, and a barrier.

    The barrier is a dissemination barrier: in round k everybody tells the one 2**k places further and waits for the one
    2**k places before (Hensgen, Finkel and Manber, 1988).
    """

    def __init__(self, ranks: int, size: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.ranks, self.size = ranks, size
        self._rows = context.RawArray(c_float, (ranks + 1) * size)
        rounds = math.ceil(math.log2(ranks)) if ranks > 1 else 0
        self._told = [[context.Semaphore(0) for _ in range(rounds)] for _ in range(ranks)]

    def rows(self) -> torch.Tensor:
        """(ranks + 1, size); the last one is for the mean."""
        return torch.from_numpy(np.frombuffer(self._rows, np.float32).reshape(self.ranks + 1, self.size))

    def wait(self, rank: int) -> None:
        """Until all ranks have called it."""
        yield_core = getattr(os, "sched_yield", lambda: time.sleep(0))
        for k, mine in enumerate(self._told[rank]):
            self._told[(rank + 2**k) % self.ranks][k].release()
            for _ in range(500):  # the others are at most a fraction of a millisecond behind: don't sleep at once
                if mine.acquire(block=False):
                    break
                yield_core()
            else:
                mine.acquire()


class Rank(Theirs):
    """One of several PyTorch processes with one thread each: every batch is split among them, and after each backward pass
    they average their gradients, by DistributedDataParallel over gloo or by hand in shared memory."""

    def __init__(self, data: Data, rank: int, shared: SharedMemory, meeting: str) -> None:
        super().__init__(data, threads=1)
        torch.manual_seed(rank)
        self._rank, self._ranks, self._shared = rank, shared.ranks, shared
        self._meeting = meeting

    def connect(self) -> bool:
        """Set gloo up; False where this build of PyTorch has none, or the processes can't reach each other."""
        if not (dist.is_available() and dist.is_gloo_available()):
            return False
        where, patience = Path(self._meeting).as_uri(), datetime.timedelta(seconds=60)
        try:
            dist.init_process_group("gloo", init_method=where, rank=self._rank, world_size=self._ranks, timeout=patience)
        except RuntimeError:
            return False
        return True

    def set_up(self, case: str, what: str, *, exchange: str, **settings: Any) -> None:
        super().set_up(case, what, **settings)
        self._by_hand = exchange == "shared memory"
        if self._by_hand:
            self._parameters = list(self._network.parameters())
            size = sum(p.numel() for p in self._parameters)
            rows = self._shared.rows()[:, :size]
            self._mine, self._mean = rows[self._rank], rows[-1]
            part = slice(self._rank * size // self._ranks, (self._rank + 1) * size // self._ranks)
            self._part, self._part_mean = rows[:-1, part], self._mean[part]
            numbers = [p.numel() for p in self._parameters]
            self._means = [m.view(p.shape) for m, p in zip(self._mean.split(numbers), self._parameters, strict=True)]
        else:
            # The running statistics of BatchNorm stay with each process (broadcast_buffers=False), which saves an exchange.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # newer versions call it forward_sync_buffers
                self._network = DistributedDataParallel(
                    self._network, broadcast_buffers=False, gradient_as_bucket_view=True, static_graph=True
                )

    def checksum(self) -> list[float]:
        """Of this rank's weights; the same everywhere, or else gradients are not exchanged."""
        return [float(p.detach().double().sum()) for p in self._network.parameters()]

    def checksums_agree(self) -> bool:
        """Do all ranks have the same weights?"""
        rows = self._shared.rows()
        own = torch.tensor(self.checksum())
        rows[self._rank, : len(own)] = own
        self._shared.wait(self._rank)
        agree = all(torch.equal(rows[rank, : len(own)], own) for rank in range(self._ranks))
        self._shared.wait(self._rank)
        return agree

    def _in_batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """This rank's part of every batch."""
        parts = []
        for x, y in super()._in_batches():
            own = np.array_split(np.arange(len(x)), self._ranks)[self._rank]
            parts.append((x[own[0] : own[-1] + 1], y[own[0] : own[-1] + 1]))
        self._share = self._ranks * len(parts[0][0]) / self._batch_size  # 1 where batches split evenly
        return parts

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self._optimizer.zero_grad()
        loss = functional.cross_entropy(self._network(x), y)
        if self._share != 1:
            loss = loss * self._share
        loss.backward()
        if self._by_hand:
            self._average()
        self._optimizer.step()

    def _average(self) -> None:
        """Everybody lays its gradients out, averages one part of them for all, and takes the mean."""
        gradients = [p.grad for p in self._parameters]
        torch.cat([g.reshape(-1) for g in gradients], out=self._mine)
        self._shared.wait(self._rank)
        torch.mean(self._part, dim=0, out=self._part_mean)
        self._shared.wait(self._rank)
        torch._foreach_copy_(gradients, self._means)

    def close(self) -> None:
        if dist.is_available() and dist.is_initialized():
            with contextlib.suppress(RuntimeError):
                dist.destroy_process_group()


@contextlib.contextmanager
def ranks(data: Data, count: int, largest: int) -> Iterator[Contender]:
    """``count`` PyTorch processes for networks of at most ``largest`` parameters."""
    shared = SharedMemory(count, largest)
    with tempfile.TemporaryDirectory() as folder:
        meeting = os.path.join(folder, "ranks")
        with Contender("torch-ddp", Rank, data, *[(rank, shared, meeting) for rank in range(count)]) as contender:
            yield contender
