"""The sharded engine: the same numbers whoever does the work, and nothing left when somebody stops working."""

import gc
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker, spawn
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnet.engine import BatchResult, Engine, ShardedEngine, WorkerDied, logits_of, loss_and_grads
from scratchnet.engine import workers as workers_module
from scratchnet.engine.sharded import START_METHODS
from scratchnet.layers import BatchNorm2d, Conv2d, Dense, Dropout, Flatten, MaxPool2d, ReLU, Residual, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.optim import SGD, Adam, AdamW, Nesterov, Optimizer, RMSProp, constant
from scratchnet.preprocess import prepare
from scratchnet.rng import Purpose, stream
from scratchnet.train import evaluate, train_steps
from scratchnet.typing import Array, Rng

N = 70


def data() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (N, 9, 8)).astype(np.uint8), rng.integers(0, 3, N)


def network() -> Sequential:
    """Everything that could depend on who works: dropout's draws, BatchNorm's statistics, nested keys."""
    rng = np.random.default_rng(1)
    return Sequential(
        Conv2d(1, 4, 3, pad=1, rng=rng),
        BatchNorm2d(4),
        MaxPool2d(2),
        ReLU(),
        Residual(Sequential(Conv2d(4, 4, 3, pad=1, rng=rng), BatchNorm2d(4))),
        Flatten(),
        Dropout(0.3),
        Dense(64, 3, rng=rng),
    )


def shift(images: Array, rng: Rng) -> Array:
    """An augmentation."""
    return np.roll(images, rng.integers(-2, 3), axis=2)


def engine(model: Sequential, **settings: Any) -> ShardedEngine:
    return ShardedEngine(model, SoftmaxCrossEntropy(0.1), *data(), prepare=prepare, **settings)


def trained(**settings: Any) -> tuple[dict[str, Array], list[float], Array]:
    """Weights and statistics after some steps, the losses on the way, and logits at the end."""
    model = network()
    with engine(model, augment=shift, **settings) as worker_engine:
        steps = train_steps(worker_engine, Nesterov(0.1), epochs=2, batch_size=17, schedule=constant(0.1), seed=5)
        losses = [step.loss for step in steps]  # batches of 17 make shards of unequal size; the last has 2 images
        logits = worker_engine.logits(np.concatenate([data()[0]] * 6))
    return {**model.params, **model.state}, losses, logits


@pytest.fixture(scope="module")
def alone() -> tuple[dict[str, Array], list[float], Array]:
    return trained(workers=0)


@pytest.mark.parametrize("settings", [{"workers": 1}, {"workers": 2}, {"workers": 4}, {"workers": 3}])
def test_the_number_of_workers_changes_no_bit(settings: dict[str, Any], alone: tuple[Any, ...]) -> None:
    arrays, losses, logits = trained(**settings)
    assert losses == alone[1]
    assert all(np.array_equal(array, alone[0][key]) for key, array in arrays.items())
    assert np.array_equal(logits, alone[2])


def start_methods(*methods: str) -> Callable[[Any], Any]:
    """Run a test with each of these, if there are such here."""
    there = multiprocessing.get_all_start_methods()
    cases = [
        pytest.param(
            method,
            marks=[
                pytest.mark.skipif(method not in there, reason=f"there is no {method} here"),
                # Python 3.12 and later say so whenever fork is used beside a thread, as every engine has one
                pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
            ],
        )
        for method in methods
    ]
    return pytest.mark.parametrize("method", cases)


@start_methods(*START_METHODS[1:])
def test_nor_does_the_way_they_start(method: str, alone: tuple[Any, ...]) -> None:
    arrays, losses, _ = trained(workers=2, start_method=method)
    assert losses == alone[1]
    assert all(np.array_equal(array, alone[0][key]) for key, array in arrays.items())


def test_the_number_of_shards_is_part_of_the_result(alone: tuple[Any, ...]) -> None:
    assert trained(workers=0, shards=2)[1] != alone[1]


def by_hand(model: Sequential, batch: Array, shards: int) -> BatchResult:
    """Every shard on its own, then the weighted sums."""
    images, labels = data()
    parts = [part for part in np.array_split(batch, shards) if len(part)]
    results = [
        loss_and_grads(
            model,
            SoftmaxCrossEntropy(0.1),
            prepare(images[part]),
            labels[part],
            rng=stream(7, Purpose.STEP, step=3, shard=i),
        )
        for i, part in enumerate(parts)
    ]
    share = [len(part) / len(batch) for part in parts]

    def mean(values: list[Any]) -> Any:
        return sum(s * value for s, value in zip(share, values, strict=True))

    return BatchResult(
        mean([r.loss for r in results]),
        sum(r.correct for r in results),
        {key: mean([r.grads[key] for r in results]) for key in model.params},
        {key: mean([r.observed[key] for r in results]) for key in model.state},
    )


@pytest.mark.parametrize("size", [40, 11, 3, 1])
def test_a_batch_is_the_weighted_mean_of_its_shards(size: int) -> None:
    model, batch = network(), np.arange(size)[::-1]
    wanted = by_hand(model, batch, 4)
    with engine(model, workers=0) as sharded:
        result = sharded.loss_and_grads(batch, seed=7, step=3)
        assert result.loss == pytest.approx(wanted.loss)
        assert result.correct == wanted.correct
        for mine, theirs in ((result.grads, wanted.grads), (result.observed, wanted.observed)):
            assert mine.keys() == theirs.keys()
            for key, array in theirs.items():
                np.testing.assert_allclose(mine[key], array, rtol=1e-4, atol=1e-6)


OPTIMIZER_SETTINGS: list[Callable[[], Optimizer]] = [
    lambda: SGD(0.1),
    lambda: Nesterov(0.1, 0.8, weight_decay=0.01),
    lambda: RMSProp(0.01),
    lambda: AdamW(0.01, weight_decay=0.1),
]


@pytest.mark.parametrize("make", OPTIMIZER_SETTINGS)
def test_an_optimizer_in_parts_is_the_whole_one(make: Callable[[], Optimizer]) -> None:
    """Each worker changes its part of the weights; with decay only on those called w, and a state that goes on."""
    results = []
    for workers in (0, 3):
        model, optimizer = network(), make()
        for first in (0, 3):  # the second engine takes over what the first one left
            with engine(model, workers=workers) as sharded:
                for step in range(first, first + 3):
                    sharded.step(optimizer, np.arange(step, step + 20), 0.05, seed=0, step=step)
        results.append((model.params, optimizer))
    (params, optimizer), (params_in_parts, in_parts) = results
    assert all(np.array_equal(array, params_in_parts[key]) for key, array in params.items())
    assert optimizer.t == in_parts.t == 6
    assert optimizer.state.keys() == in_parts.state.keys()
    for slot, arrays in optimizer.state.items():
        assert arrays.keys() == in_parts.state[slot].keys()
        assert all(np.array_equal(array, in_parts.state[slot][key]) for key, array in arrays.items())


@start_methods("spawn", "fork")
def test_two_optimizers_in_turn_keep_their_states(method: str) -> None:
    states = []
    for workers in (0, 2):
        model, first, second = network(), Nesterov(0.1), Adam(0.01)
        with engine(model, workers=workers, start_method=method) as sharded:
            for step, optimizer in enumerate((first, second, first, second)):
                sharded.step(optimizer, np.arange(20), 0.02, seed=0, step=step)
        states.append({**first.state, **second.state})
    for slot, arrays in states[0].items():
        assert all(np.array_equal(array, states[1][slot][key]) for key, array in arrays.items())


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    model = network()
    model.params["7.b"][0] = np.nan
    before = {key: array.copy() for key, array in {**model.params, **model.state}.items()}
    with engine(model, workers=2) as sharded:
        loss, _ = sharded.step(Nesterov(0.1), np.arange(20), 0.1, seed=0, step=0)
    assert np.isnan(loss)
    assert all(np.array_equal(array, before[key], equal_nan=True) for key, array in {**model.params, **model.state}.items())


def test_one_shard_is_the_plain_engine() -> None:
    batch, model = np.arange(20), network()
    plain = Engine(model, SoftmaxCrossEntropy(0.1), *data(), prepare=prepare).loss_and_grads(batch, seed=1, step=2)
    with engine(model, shards=1, workers=0) as sharded:
        result = sharded.loss_and_grads(batch, seed=1, step=2)
        assert result.loss == plain.loss
        assert all(np.array_equal(result.grads[key], grad) for key, grad in plain.grads.items())


@start_methods("spawn", "fork")
def test_the_network_is_lent_and_given_back(method: str) -> None:
    model = network()
    own = {**model.params, **model.state}
    before = {key: array.copy() for key, array in own.items()}
    with engine(model, workers=2, start_method=method) as sharded:
        assert model.params["0.w"] is not own["0.w"]
        model.params["0.w"] += 1  # in memory that the worker sees
        model.state["1.running_mean"] += 3
        np.testing.assert_array_equal(sharded.logits(data()[0]), model(prepare(data()[0])))
    assert {**model.params, **model.state}.keys() == own.keys()
    assert all(array is own[key] for key, array in {**model.params, **model.state}.items())
    np.testing.assert_array_equal(model.params["0.w"], before["0.w"] + 1)
    np.testing.assert_array_equal(model.state["1.running_mean"], before["1.running_mean"] + 3)
    np.testing.assert_array_equal(model.params["7.b"], before["7.b"])


def test_data_are_shared_and_float64_stays() -> None:
    model = Sequential(Flatten(), Dense(72, 3, rng=np.random.default_rng(0)))
    dense = model.layers[1]
    dense.params = {key: array.astype(np.float64) for key, array in dense.params.items()}
    with engine(model, workers=0) as sharded:
        assert sharded.loss_and_grads(np.arange(8), seed=0, step=0).grads["1.w"].dtype == np.float64


def test_evaluation_on_workers() -> None:
    images, labels = data()
    model = network()
    with ShardedEngine(model, SoftmaxCrossEntropy(), prepare=prepare, workers=2) as sharded:
        assert (
            evaluate(sharded, images, labels).accuracy
            == evaluate(Engine(model, SoftmaxCrossEntropy(), prepare=prepare), images, labels).accuracy
        )
        many = np.concatenate([images] * 8)
        np.testing.assert_allclose(sharded.logits(many), logits_of(model, many, prepare), rtol=1e-5, atol=1e-5)
        assert sharded.logits(images[:1]).shape == (1, 3)
        with pytest.raises(ValueError, match="no images"):
            sharded.logits(images[:0])
        assert not sharded.closed


# --- when something goes wrong ---------------------------------------------------------------------------------------------


def in_worker() -> bool:
    return multiprocessing.parent_process() is not None


def dies(images: Array) -> Array:
    """A prepare whose process is taken away; the parent, which works too, is left alone."""
    if in_worker():
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare(images)


def exits(images: Array) -> Array:
    if in_worker():
        os._exit(3)
    return prepare(images)


def fails(images: Array) -> Array:
    if in_worker():
        raise ValueError(f"no {len(images)}")
    return prepare(images)


def fails_here(images: Array) -> Array:
    if not in_worker():
        raise ValueError(f"no {len(images)}")
    return prepare(images)


class Untransportable(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__("cannot be made again from this")


def fails_oddly(images: Array) -> Array:
    if in_worker():
        raise Untransportable(1, 2)
    return prepare(images)


def alive(processes: list[Any]) -> list[bool]:
    return [process.is_alive() for process in processes]


CALLS: list[Callable[[ShardedEngine], Any]] = [
    lambda e: e.loss_and_grads(np.arange(20), seed=0, step=0),
    lambda e: e.logits(np.concatenate([data()[0]] * 6)),
]
either_call = pytest.mark.parametrize("call", CALLS, ids=["train", "infer"])


@either_call
@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        pytest.param(
            dies, WorkerDied, "was ended by signal 9", marks=pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
        ),
        (exits, WorkerDied, "ended with exit status 3"),
        (fails, ValueError, r"no \d+"),
        (fails_here, ValueError, r"no \d+"),
        (fails_oddly, RuntimeError, "Untransportable: cannot be made again"),
    ],
)
@start_methods("spawn", "fork")
def test_what_goes_wrong_in_a_worker_is_said_here(
    call: Any, how: Any, error: type[Exception], message: str, method: str
) -> None:
    model = network()
    own = model.params["0.w"]
    sharded = ShardedEngine(model, SoftmaxCrossEntropy(), *data(), prepare=how, workers=2, start_method=method)
    processes = sharded._others.processes
    with pytest.raises(error, match=message):
        call(sharded)
    assert not any(alive(processes))
    assert sharded.closed
    assert model.params["0.w"] is own
    with pytest.raises(RuntimeError, match="it is closed"):
        call(sharded)


@either_call
@start_methods("spawn", "fork")
def test_a_worker_killed_while_it_waits(call: Any, method: str) -> None:
    sharded = engine(network(), workers=3, start_method=method)
    processes = sharded._others.processes
    call(sharded)
    processes[1].kill()
    processes[1].join()
    with pytest.raises(WorkerDied, match=r"worker 2 \(process \d+\)"):
        call(sharded)
    assert not any(alive(processes))
    gc.collect()  # Python 3.13 would complain here of what is left half sent


@pytest.mark.skipif(os.name == "nt", reason="wants a program that does nothing")
def test_a_worker_that_ends_before_it_reads_what_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more to be sent than a pipe holds: its parent must not wait for a reader that there is not."""
    resource_tracker.ensure_running()  # a Python process, too
    monkeypatch.setattr(spawn, "_python_exe", os.fsencode(shutil.which("true") or "true"))
    large = Sequential(Flatten(), Dense(72, 5000, rng=np.random.default_rng(0)))
    with (
        pytest.raises(WorkerDied, match="ended with exit status 0"),
        ShardedEngine(large, SoftmaxCrossEntropy(), *data(), prepare=prepare, workers=2) as sharded,
    ):
        sharded.loss_and_grads(np.arange(8), seed=0, step=0)


@start_methods(*START_METHODS)
def test_an_engine_that_is_forgotten_ends_its_workers(method: str) -> None:
    sharded = engine(network(), workers=2, start_method=method)
    processes = sharded._others.processes
    sharded.loss_and_grads(np.arange(8), seed=0, step=0)
    del sharded
    gc.collect()
    assert not any(alive(processes))


def test_interrupt_in_the_parent_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    sharded = engine(network(), workers=2)
    processes = sharded._others.processes

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sharded._board, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sharded.loss_and_grads(np.arange(8), seed=0, step=0)
    assert not any(alive(processes))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@start_methods(*START_METHODS)
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, method: str) -> None:
    """The pipe that the workers hold open ends when the last of them does."""
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""
        import os, signal, sys
        import numpy as np
        from scratchnet.engine import ShardedEngine
        from scratchnet.layers import Dense, Flatten, Sequential
        from scratchnet.losses import SoftmaxCrossEntropy
        from scratchnet.preprocess import prepare

        if __name__ == "__main__":
            model = Sequential(Flatten(), Dense(4, 2, rng=np.random.default_rng(0)))
            images, labels = np.zeros((8, 2, 2), np.uint8), np.zeros(8, int)
            start = {"workers": 2, "start_method": sys.argv[1]}
            engine = ShardedEngine(model, SoftmaxCrossEntropy(), images, labels, prepare=prepare, **start)
            engine.loss_and_grads(np.arange(8), seed=0, step=0)
            print("working", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """),
        encoding="utf-8",
    )
    with tempfile.TemporaryDirectory() as folder:  # where a killed parent leaves its forkserver's socket
        result = subprocess.run(  # reads to the pipe's end
            [sys.executable, tmp_path / "script.py", method],
            capture_output=True,
            text=True,
            env={**os.environ, "TMPDIR": folder},
        )
    assert result.stdout == "working\n"
    assert result.returncode == -signal.SIGKILL


def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""
        import numpy as np
        from scratchnet.engine import ShardedEngine
        from scratchnet.layers import Dense, Flatten, Sequential
        from scratchnet.losses import SoftmaxCrossEntropy
        from scratchnet.preprocess import prepare

        model = Sequential(Flatten(), Dense(4, 2, rng=np.random.default_rng(0)))
        engine = ShardedEngine(model, SoftmaxCrossEntropy(), prepare=prepare, workers=2)
        engine.logits(np.zeros((8, 2, 2), np.uint8))
        """),
        encoding="utf-8",
    )
    result = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert "WorkerDied" in last
    assert last.endswith('a script has to start workers under if __name__ == "__main__":')


def test_close_waits_for_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that still has the semaphores would destroy them, and Python may end in the middle of that: then they count
    as leaked, and that is printed when the program has long ended."""
    waited_for = threading.Event()
    watch = workers_module._watch

    class Thread(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            waited_for.set()
            super().join(timeout)

    def slow(*arguments: Any) -> None:
        watch(*arguments)
        waited_for.wait()

    monkeypatch.setattr(workers_module, "_watch", slow)
    monkeypatch.setattr(workers_module.threading, "Thread", Thread)
    sharded = engine(network(), workers=2)
    (thread,) = (thread for thread in threading.enumerate() if type(thread) is Thread)
    sharded.close()
    try:
        assert not thread.is_alive()
    finally:
        waited_for.set()


class FromHere(Flatten):
    pass


def test_what_cannot_be_sent_is_an_error_before_a_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"can't be sent to worker processes.*workers=0"):
        ShardedEngine(network(), SoftmaxCrossEntropy(), prepare=lambda images: prepare(images), workers=2)
    monkeypatch.setattr(FromHere, "__module__", "__main__")
    model = Sequential(FromHere(), Dense(72, 3, rng=np.random.default_rng(0)))
    own = model.params["1.w"]
    with pytest.raises(ValueError, match=r"FromHere is defined in a script or notebook.*workers=0"):
        ShardedEngine(model, SoftmaxCrossEntropy(), prepare=prepare, workers=2)
    assert model.params["1.w"] is own


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shards": 0}, "shards must be at least 1, got 0"),
        ({"shards": 2.0}, "shards must be at least 1, got 2.0"),
        ({"workers": -1}, "workers must be 0 or more, got -1"),
        ({"workers": 2, "start_method": "thread"}, "start_method must be one of .*got 'thread'"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine(network(), **settings)


def test_workers_by_default_are_the_cores_but_not_more_than_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    from scratchnet.engine import sharded

    for cores, shards, wanted in ((1, 4, 1), (2, 4, 2), (64, 4, 4), (4, 1, 1)):
        monkeypatch.setattr(sharded, "available_cores", lambda cores=cores: cores)
        assert sharded._how_many(None, shards) == wanted
    assert sharded._how_many(9, 4) == 4
