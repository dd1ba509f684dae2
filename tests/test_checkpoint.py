"""Checkpoints: a training that was interrupted ends as if it had not been, and a damaged file is never believed."""

import errno
import functools
import hashlib
import io
import itertools
import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.broken_disk import BrokenDisk
from scratchnet import checkpoint, files
from scratchnet.checkpoint import FILES, Checkpoint, CheckpointError, Checkpoints, Progress, changing, restore
from scratchnet.engine import Engine, ShardedEngine
from scratchnet.layers import BatchNorm2d, Conv2d, Dense, Dropout, Flatten, ReLU, Residual, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.optim import OPTIMIZERS, SGD, Adam, Momentum, Nesterov, Optimizer, one_cycle
from scratchnet.preprocess import prepare
from scratchnet.train import Epoch, Evaluation, Step, evaluate, train_epochs, train_steps
from scratchnet.typing import Array, Params, Rng

EPOCHS, STEPS = 3, 12  # 4 steps each; the last one of an epoch has 2 images, fewer than shards


def data() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (50, 6, 5)).astype(np.uint8), rng.integers(0, 3, 50)


def shift(images: Array, rng: Rng) -> Array:
    """An augmentation."""
    return np.roll(images, rng.integers(-2, 3), axis=2)


def engine(*, ema: float = 0.9, workers: int = 0, seed: int = 1) -> ShardedEngine:
    """Everything that a step could leave behind: statistics, dropout's and augmentation's draws, an average."""
    rng = np.random.default_rng(seed)
    model = Sequential(
        Conv2d(1, 4, 3, pad=1, rng=rng),
        BatchNorm2d(4),
        ReLU(),
        Residual(Sequential(Conv2d(4, 4, 3, pad=1, rng=rng), BatchNorm2d(4))),
        Flatten(),
        Dropout(0.3),
        Dense(120, 3, rng=rng),
    )
    return ShardedEngine(
        model, SoftmaxCrossEntropy(0.1), *data(), prepare=prepare, augment=shift, ema=ema, shards=3, workers=workers
    )


def steps_of(worker: Engine, optimizer: Optimizer, start: int = 0) -> Iterator[Step]:
    schedule = one_cycle(0.02, STEPS)
    return train_steps(worker, optimizer, epochs=EPOCHS, batch_size=16, schedule=schedule, seed=7, start=start)


def validation(worker: Engine) -> Callable[[], Evaluation]:
    images, labels = data()
    return lambda: evaluate(worker, images[:20], labels[:20])


def everything(worker: Engine, optimizer: Optimizer) -> dict[str, bytes]:
    arrays = {**worker.task.model.params, **worker.task.model.state}
    arrays |= {f"{slot}.{key}": a for slot, state in optimizer.state.items() for key, a in state.items()}
    arrays |= {f"average.{key}": a for key, a in (worker.average.values if worker.average else {}).items()}
    return {key: array.tobytes() for key, array in arrays.items()}


@functools.cache
def at_once(make: Callable[[float], Optimizer], **settings: Any) -> tuple[dict[str, bytes], list[Epoch]]:
    """What comes of the training without an interruption, and without checkpoints."""
    with engine(**settings) as worker:
        optimizer = make(0.02)
        history = list(train_epochs(steps_of(worker, optimizer), validation(worker)))
        return everything(worker, optimizer), history


def go_on(
    folder: Path, make: Callable[[float], Optimizer], until: int = STEPS, **settings: Any
) -> tuple[dict[str, bytes], list[Epoch]]:
    """A process's life: it goes on with what the folder holds, and is gone after step ``until``."""
    with engine(**settings) as worker:
        optimizer = make(0.02)
        progress = Progress(Checkpoints(folder), worker, optimizer, every=0)
        steps = itertools.islice(steps_of(worker, optimizer, progress.step), until - progress.step)
        for _ in progress.epochs(steps, validation(worker)):
            pass
        return everything(worker, optimizer), progress.history


@pytest.fixture(autouse=True)
def as_often_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SHARE", np.inf)


# --- going on --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_interrupted_twice_it_ends_as_if_it_had_not_been(name: str, tmp_path: Path) -> None:
    for first, second in ((1, 7), (4, 6)):  # 4 ends an epoch
        folder = tmp_path / f"{first}-{second}"
        folder.mkdir()
        for until in (first, second):
            go_on(folder, OPTIMIZERS[name], until)
        assert go_on(folder, OPTIMIZERS[name]) == at_once(OPTIMIZERS[name])


@pytest.mark.parametrize("until", range(STEPS + 1))
def test_interrupted_anywhere(until: int, tmp_path: Path) -> None:
    go_on(tmp_path, Adam, until, ema=0)
    assert go_on(tmp_path, Adam, ema=0) == at_once(Adam, ema=0)


def test_on_another_number_of_workers(tmp_path: Path) -> None:
    go_on(tmp_path, Adam, 5, workers=2)
    go_on(tmp_path, Adam, 7, workers=0)
    assert go_on(tmp_path, Adam, workers=2) == at_once(Adam)


def test_the_plain_engine_goes_on_too(tmp_path: Path) -> None:
    def run(until: int) -> bytes:
        model = Sequential(Flatten(), Dense(30, 3, rng=np.random.default_rng(0)))
        plain, optimizer = Engine(model, SoftmaxCrossEntropy(), *data(), prepare=prepare, ema=0.5), Nesterov(0.1)
        progress = Progress(Checkpoints(tmp_path), plain, optimizer, every=0)
        list(progress.epochs(itertools.islice(steps_of(plain, optimizer, progress.step), until - progress.step)))
        return b"".join(everything(plain, optimizer).values())

    run(6)
    interrupted = run(STEPS)
    Checkpoints(tmp_path).remove()
    assert interrupted == run(STEPS)


def test_it_does_not_begin_again(tmp_path: Path) -> None:
    """Steps that a checkpoint has are not taken again, and the epochs that it has are not told again."""
    go_on(tmp_path, SGD, 7)
    with engine() as worker:
        progress = Progress(Checkpoints(tmp_path), worker, optimizer := SGD(0.02), every=0)
        assert progress.step == 7
        assert [epoch.epoch for epoch in progress.history] == [1]
        told = list(progress.epochs(steps_of(worker, optimizer, 7), validation(worker)))
        assert [epoch.epoch for epoch in told] == [2, 3]
        assert progress.step == STEPS


def test_a_damaged_one_is_replaced_at_once(tmp_path: Path) -> None:
    """Otherwise the next crash, before the next checkpoint, would have only one to go on from."""
    go_on(tmp_path, SGD, 5)
    before = newest(tmp_path)
    before.write_bytes(before.read_bytes()[:-1])
    go_on(tmp_path, SGD, 4)  # not a step more
    assert [_step(tmp_path / name) for name in FILES] == [4, 4]
    assert go_on(tmp_path, SGD) == at_once(SGD)


def test_seconds_add_up(tmp_path: Path) -> None:
    with engine() as worker:
        begun = Checkpoint(0, changing(worker, optimizer := SGD(0.1)), seconds=100.0)
        assert 100 < Progress(Checkpoints(tmp_path), worker, optimizer, begun=begun).seconds < 200


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (SGD, {}, r"optimizer.velocity.0.b is float32 \(4,\) in it, and not there in this one"),
        (Adam, {}, r"optimizer.exp_avg.0.b is not there in it, and float32"),
        (Nesterov, {"ema": 0.0}, r"average.0.b is float32 \(4,\) in it, and not there"),
    ],
)
def test_another_training_is_refused(make: Any, settings: Any, message: str, tmp_path: Path) -> None:
    go_on(tmp_path, Nesterov, 2)
    with pytest.raises(CheckpointError, match=f"the checkpoint is of another training: {message}"):
        go_on(tmp_path, make, **settings)


def test_another_shape_or_dtype_is_refused_and_changes_nothing() -> None:
    with engine() as worker:
        optimizer = Momentum(0.1)
        before = everything(worker, optimizer)
        for change in (lambda a: a.astype(np.float64), lambda a: a[:-1]):
            arrays = {**changing(worker, optimizer)}
            arrays["params.6.w"] = change(arrays["params.6.w"]) + 1
            arrays["params.0.w"] = arrays["params.0.w"] + 1
            with pytest.raises(
                CheckpointError, match=r"params.6.w is float(64|32) \((119|120), 3\) in it, and float32 \(120"
            ):
                restore(Checkpoint(3, arrays), worker, optimizer)
        after = everything(worker, optimizer)
        assert {key: after[key] for key in before} == before
        assert optimizer.t == 0


# --- when ------------------------------------------------------------------------------------------------------------------


class Clock:
    """Seconds go by with each step and each checkpoint, and not else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, each: float, saving: float) -> None:
        self.now, self.saved, self._saving = 1e6, [], saving
        monkeypatch.setattr(checkpoint.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(Checkpoints, "save", self.save)
        self.each = each

    def save(self, kept: Checkpoint) -> None:
        self.saved.append(kept.step)
        self.now += self._saving

    def steps(self, count: int = 40) -> Iterator[Step]:
        for index in range(count):
            self.now += self.each
            yield Step(index // 10, index % 10, index % 10 == 9, 0.5, 1, 2, 0.1)


@pytest.mark.parametrize(
    ("every", "saving", "share", "expected"),
    [
        (5.0, 0.001, 0.01, [0, 5, 10, 15, 20, 25, 30, 35, 40]),
        (2.5, 0.001, 0.01, [0, *range(3, 40, 3)]),
        (None, 0.5, 0.01, [0, 10, 20, 30, 40]),  # asked for each epoch: whatever it takes
        (5.0, 0.1, 0.01, [0, 5, 15, 25, 35]),  # 0.1 seconds in each 10
        (0.0, 0.2, 0.01, [0, 1, 21]),
        (0.0, 0.2, 0.1, [0, 1, *range(3, 41, 2)]),
    ],
)
def test_how_often(
    every: float | None, saving: float, share: float, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SHARE", share)
    clock = Clock(monkeypatch, 1.0, saving)
    with engine() as worker:
        for _ in Progress(Checkpoints("nowhere"), worker, SGD(0.1), every=every).epochs(clock.steps()):
            pass
    assert clock.saved == expected


@pytest.mark.parametrize("every", [-1, np.nan, "epoch", True])
def test_every_must_be_seconds(every: Any, tmp_path: Path) -> None:
    with engine() as worker, pytest.raises(ValueError, match=r"every must be seconds, at least 0, or None, got"):
        Progress(Checkpoints(tmp_path), worker, SGD(0.1), every=every)
    assert os.listdir(tmp_path) == []


def test_a_stop_is_kept_and_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stop = Clock(monkeypatch, 1.0, 0.0), threading.Event()
    with engine() as worker:
        progress = Progress(Checkpoints("nowhere"), worker, SGD(0.1), every=1e9, stop=stop)

        def steps() -> Iterator[Step]:
            for step in clock.steps():
                if (step.epoch, step.index) == (1, 3):
                    stop.set()
                yield step

        with pytest.raises(KeyboardInterrupt):
            list(progress.epochs(steps()))
    assert clock.saved == [0, 14]
    assert len(progress.history) == 1


# --- files -----------------------------------------------------------------------------------------------------------------


def kept(step: int) -> Checkpoint:
    arrays: Params = {"params.0.w": np.arange(600, dtype=np.float32).reshape(20, 30) + step, "empty": np.zeros((0, 3))}
    steps = [Step(1, 0, False, 0.1 + 0.2, 3, 4, 1e-3)]
    return Checkpoint(step, arrays, [Epoch(1, 1 / 3, 0.5, None, None, 0.1)], steps, 12.5, {"recipe": {"lr": 0.1}})


def same(a: Checkpoint | None, b: Checkpoint) -> bool:
    assert a is not None
    assert a.arrays.keys() == b.arrays.keys()
    assert all(np.array_equal(a.arrays[key], array) for key, array in b.arrays.items())
    return (a.step, a.epochs, a.steps, a.seconds, a.run) == (b.step, b.epochs, b.steps, b.seconds, b.run)


def test_what_is_saved_is_loaded_and_the_newest_of_two(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert (checkpoints.load(), bool(checkpoints)) == (None, False)
    for step in (3, 5, 11):
        checkpoints.save(kept(step))
        assert same(checkpoints.load(), kept(step))
        assert same(Checkpoints(tmp_path).load(), kept(step))
    assert checkpoints
    assert sorted(os.listdir(tmp_path)) == list(FILES)
    checkpoints.remove()
    assert os.listdir(tmp_path) == []


def test_the_last_one_is_never_written_over(tmp_path: Path) -> None:
    """Neither by who saved it, nor by who goes on with it."""
    for step in (1, 2):
        Checkpoints(tmp_path).save(kept(step))  # each time the first file
    for step in range(3, 8):
        checkpoints = Checkpoints(tmp_path)
        assert same(checkpoints.load(), kept(step - 1))
        checkpoints.save(kept(step))
        assert {_step(tmp_path / name) for name in FILES} == {step - 1, step}


def _step(path: Path) -> int:
    with np.load(path, allow_pickle=False) as archive:
        step: int = json.loads(str(archive["about"]))["step"]
        return step


def newest(folder: Path) -> Path:
    return max((folder / name for name in FILES), key=_step)


def test_a_damaged_one_is_noticed_wherever_the_damage_is(tmp_path: Path) -> None:
    """One changed bit anywhere, or an end that is missing: the one before it is used, and it is said."""
    for step in (1, 2):
        (checkpoints := Checkpoints(tmp_path)).load()
        checkpoints.save(kept(step))
    path = newest(tmp_path)
    good = path.read_bytes()
    assert len(good) > 2000
    places = (*range(0, len(good), 37), *range(len(good) - 80, len(good)))
    flipped = (good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1 :] for i in places)
    for content in (*flipped, b"", b"PK", good[: len(good) // 2], good[:-1], good + b" ", b"<html>" * 100, bytes(len(good))):
        path.write_bytes(content)
        checkpoints = Checkpoints(tmp_path)
        assert same(checkpoints.load(), kept(1))
        assert checkpoints.damaged == [f"{path} is damaged: its checksum is not that of its content"]
    checkpoints.save(kept(2))  # it takes the damaged one's place
    assert same(Checkpoints(tmp_path).load(), kept(2))


def test_it_is_plain_numpy(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save(kept(7))
    with np.load(tmp_path / FILES[0], allow_pickle=False) as archive:
        assert np.array_equal(archive["params.0.w"], kept(7).arrays["params.0.w"])
        assert json.loads(str(archive["about"]))["step"] == 7


def made_by_hand(path: Path, **members: Any) -> None:
    """A file whose checksum is right."""
    file = io.BytesIO()
    np.savez(file, **members)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = bytes(64)
    content = file.getvalue()[:-64]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"step": "3"},
        {"run": []},
        {"seconds": None},
        {"epochs": [[1, 2]]},
        {"epochs": [[1, "a", 0.5, None, None, 0.1]]},
        {"steps": [[0, 0, False, None, 1, 2, 0.1]]},
        {"steps": 3},
        {"steps": None},
    ],
    ids=str,
)
def test_a_checkpoint_that_says_something_odd_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    about = {"format": 1, "step": 3, "epochs": [], "steps": [], "seconds": 1.0, "run": {}}
    made_by_hand(tmp_path / FILES[0], about=np.array(json.dumps(about)))
    assert same(Checkpoints(tmp_path).load(), Checkpoint(3, {}, seconds=1.0))
    made_by_hand(tmp_path / FILES[0], about=np.array(json.dumps({**about, **change})))
    with pytest.raises(CheckpointError, match=r"checkpoint-a\.npz is no checkpoint that can be used: ") as error:
        Checkpoints(tmp_path).load()
    assert "\n" not in str(error.value)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    made_by_hand(tmp_path / FILES[0], about=np.array([{}], object))
    with pytest.raises(CheckpointError, match="is no checkpoint that can be used: about holds Python objects"):
        Checkpoints(tmp_path).load()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("room", [0, 1, 1000, 3000])
def test_a_write_that_fails_leaves_the_last_one(
    number: int, room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(kept(step))
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    assert len(before[FILES[0]]) > 3000
    with monkeypatch.context() as patch:
        disk = BrokenDisk(room, number)
        patch.setattr(files, "open", disk.open, raising=False)
        for _ in range(3):
            with pytest.raises(OSError, match=rf"\[Errno {number}\].*checkpoint-a.npz"):
                checkpoints.save(kept(3))
        assert disk.failed >= 3
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before
    checkpoints.save(kept(4))
    assert {_step(tmp_path / name) for name in FILES} == {2, 4}


def test_a_disk_that_keeps_something_else_is_noticed_while_the_last_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(kept(step))
    replace = os.replace

    def lossy(source: Path, target: Path) -> None:
        Path(source).write_bytes(Path(source).read_bytes()[:-100] + b"\0" * 100)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lossy)
        for _ in range(2):
            with pytest.raises(CheckpointError, match=r"checkpoint-a\.npz reads back other than it was written"):
                checkpoints.save(kept(3))
    assert same(Checkpoints(tmp_path).load(), kept(2))


def test_a_failure_is_reported_once_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[str] = []
    save = Checkpoints.save

    def full(self: Checkpoints, now: Checkpoint) -> None:
        if now.step in (0, 1, 9):
            return save(self, now)
        raise OSError(errno.ENOSPC, "No space left on device", "a" if now.step < 7 else "b")

    monkeypatch.setattr(Checkpoints, "save", full)
    with engine() as worker:
        progress = Progress(Checkpoints(tmp_path), worker, optimizer := SGD(0.02), every=0, report=reports.append)
        list(progress.epochs(steps_of(worker, optimizer), validation(worker)))
        assert (everything(worker, optimizer), progress.history) == at_once(SGD)
    assert reports == ["[Errno 28] No space left on device: 'a'", "[Errno 28] No space left on device: 'b'"]


def test_without_anybody_to_tell_a_failure_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Checkpoints, now: Checkpoint) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with engine() as worker:
        progress = Progress(Checkpoints(tmp_path), worker, optimizer := SGD(0.02), every=0)
        monkeypatch.setattr(Checkpoints, "save", full)
        with pytest.raises(OSError, match="No space left"):
            list(progress.epochs(steps_of(worker, optimizer)))
        with pytest.raises(OSError, match="No space left"):  # the first one is an error in any case
            Progress(Checkpoints(tmp_path / "other"), worker, optimizer, report=print)
