"""The average of the weights: its formula, what it covers, and that it costs the network nothing."""

from typing import Any

import numpy as np
import pytest

from scratchnet.augment import Augmentation
from scratchnet.engine import Engine, ShardedEngine
from scratchnet.engine.average import WeightAverage
from scratchnet.engine.flat import statistics
from scratchnet.layers import BatchNorm1d, Dense, Flatten, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.optim import SGD, Nesterov
from scratchnet.preprocess import prepare
from scratchnet.train import evaluate
from scratchnet.typing import Array, Params

STEPS = 7


def network() -> Sequential:
    rng = np.random.default_rng(1)
    return Sequential(Flatten(), Dense(72, 8, rng=rng), BatchNorm1d(8), ReLU(), Dense(8, 3, rng=rng))


def data() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60, 9, 8)).astype(np.uint8), rng.integers(0, 3, 60)


def copies(model: Sequential) -> Params:
    return {key: array.copy() for key, array in {**model.params, **model.state}.items()}


def by_hand(history: list[Params], decay: float) -> Params:
    """The formula in float64, over the weights before the first step and after each."""
    average = {key: array.astype(np.float64) for key, array in history[0].items()}
    for step, after in enumerate(history[1:]):
        d = min(decay, (1 + step) / (10 + step))
        average = {key: d * value + (1 - d) * after[key] for key, value in average.items()}
    return average


@pytest.mark.parametrize("kind", [Engine, ShardedEngine])
@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_it_is_the_formula_over_params_and_statistics(kind: type[Engine], decay: float) -> None:
    model, settings = network(), {"workers": 0} if kind is ShardedEngine else {}
    history, optimizer = [copies(model)], Nesterov(0.1)
    with kind(model, SoftmaxCrossEntropy(), *data(), prepare=prepare, ema=decay, **settings) as engine:
        for step in range(STEPS):
            engine.step(optimizer, np.arange(step, step + 20), 0.1, seed=0, step=step)
            history.append(copies(model))
        with engine.averaged():
            averaged = copies(model)
            with engine.averaged():  # no further change
                assert all(np.array_equal(array, averaged[key]) for key, array in copies(model).items())
        assert all(np.array_equal(array, history[-1][key]) for key, array in copies(model).items())
        wanted = by_hand(history, decay)
        assert averaged.keys() == wanted.keys()
        for key, array in averaged.items():
            np.testing.assert_allclose(array, wanted[key], rtol=1e-4, atol=1e-6)
            assert not np.array_equal(array, history[-1][key])


def trained(**settings: Any) -> tuple[Params, Params, float]:
    model = network()
    augment = Augmentation(shift=1, rotation=10, elastic=0.5, erase=0.2)
    with ShardedEngine(
        model, SoftmaxCrossEntropy(), *data(), prepare=prepare, augment=augment, ema=0.9, **settings
    ) as engine:
        optimizer = Nesterov(0.1)
        for step in range(STEPS):
            engine.step(optimizer, np.arange(step, step + 17), 0.1, seed=3, step=step)
        loss = evaluate(engine, *data()).loss
    with engine.averaged():  # closing it has given the network its own arrays back; the average is still there
        averaged = copies(model)
    return copies(model), averaged, loss


def test_the_number_of_workers_changes_no_bit() -> None:
    (own, averaged, loss), together = trained(workers=0), trained(workers=3)
    assert all(np.array_equal(array, together[0][key]) for key, array in own.items())
    assert all(np.array_equal(array, together[1][key]) for key, array in averaged.items())
    assert loss == together[2]


def test_evaluation_is_of_the_average_and_leaves_the_weights() -> None:
    model = network()
    engine = Engine(model, SoftmaxCrossEntropy(), *data(), prepare=prepare, ema=0.9)
    for step in range(STEPS):
        engine.step(SGD(0.5), np.arange(20), 0.5, seed=0, step=step)
    before = copies(model)
    loss = evaluate(engine, *data()).loss
    assert all(np.array_equal(array, before[key]) for key, array in copies(model).items())
    plain = Engine(model, SoftmaxCrossEntropy(), prepare=prepare)
    assert evaluate(plain, *data()).loss != loss
    with engine.averaged():
        assert evaluate(plain, *data()).loss == loss


def test_the_weights_come_back_after_an_error() -> None:
    model = network()
    engine = Engine(model, SoftmaxCrossEntropy(), *data(), prepare=prepare, ema=0.5)
    engine.step(SGD(0.5), np.arange(20), 0.5, seed=0, step=0)
    before = copies(model)
    with pytest.raises(KeyError), engine.averaged():
        raise KeyError
    assert all(np.array_equal(array, before[key]) for key, array in copies(model).items())


def test_a_step_that_changes_nothing_is_not_averaged() -> None:
    model = network()
    model.params["4.b"][0] = np.nan
    engine = Engine(model, SoftmaxCrossEntropy(), *data(), prepare=prepare, ema=0.5)
    assert engine.average is not None
    before = {key: array.copy() for key, array in engine.average.values.items()}
    engine.step(SGD(0.5), np.arange(20), 0.5, seed=0, step=0)
    assert all(np.array_equal(array, before[key], equal_nan=True) for key, array in engine.average.values.items())


def test_without_one_nothing_is_kept() -> None:
    model = network()
    engine = Engine(model, SoftmaxCrossEntropy(), *data(), prepare=prepare)
    before = copies(model)
    with engine.averaged():
        assert all(np.array_equal(array, before[key]) for key, array in copies(model).items())
    assert engine.average is None


def test_statistics_are_batchnorms() -> None:
    assert statistics(network()).keys() == {"2.running_mean", "2.running_var"}
    assert statistics(BatchNorm1d(3)).keys() == {"running_mean", "running_var"}
    assert statistics(Dense(2, 2, rng=np.random.default_rng(0))) == {}


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_wrong_decay(decay: float) -> None:
    with pytest.raises(ValueError, match=r"decay must be in 0 \.\. 1"):
        WeightAverage(network(), decay)
