"""``scratchnet train --resume``: what a run that was interrupted leaves, and how it ends."""

import csv
import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from benchmarks.broken_disk import BrokenDisk
from benchmarks.faults import outcome, quick_plot
from scratchnet import checkpoint, cli, files, runs
from scratchnet.checkpoint import FILES, Checkpoints
from scratchnet.datasets import idx
from scratchnet.engine import ShardedEngine

STEPS = 12  # 250 training images in batches of 64, three times


class Crash(BaseException):
    """The process is gone: nothing that it would have done is done, so it must not be caught."""


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCRATCHNET_DATA", raising=False)
    monkeypatch.setattr(checkpoint, "SHARE", np.inf)
    monkeypatch.setattr(cli.train, "_plot", quick_plot)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        try:
            status = cli.main([str(a) for a in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return call


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in MNIST's layout: digit k is a bright bar in column 2k + 4."""
    folder = tmp_path_factory.mktemp("data") / "digits"
    write_digits(folder)
    return folder


def write_digits(folder: Path, seed: int = 0) -> None:
    folder.mkdir()
    for part, n in (("train", 300), ("t10k", 60)):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = np.random.default_rng(seed + n).integers(0, 120, (n, 28, 28)).astype(np.uint8)
        images[np.arange(n), :, 2 * labels + 4] = 160
        idx.write(folder / f"{part}-images-idx3-ubyte.gz", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte.gz", labels)


SOFTMAX = ("--model", "softmax", "--epochs", 3, "--val-size", 50, "--batch-size", 64, "--optimizer", "adam", "--ema", 0.9)
SMALL = ("--model", "cnn-small", *SOFTMAX[2:], "--shift", 1, "--rotation", 5, "--erase", 0.2)  # with BatchNorm
EVERY_STEP = ("--checkpoint-every", 0)


@pytest.fixture
def dies_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """``dies_at(n)``: the process is gone when it is about to take its n-th step from now (None: never again)."""
    step = ShardedEngine.step

    def at(count: int | None) -> None:
        left = count

        def counted(self: ShardedEngine, *arguments: Any, **named: Any) -> Any:
            nonlocal left
            if left is not None:
                left -= 1
                if left < 0:
                    raise Crash
            return step(self, *arguments, **named)

        monkeypatch.setattr(ShardedEngine, "step", counted)

    return at


@pytest.fixture(scope="module")
def whole(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What becomes of SOFTMAX when nobody interrupts it."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.train, "_plot", quick_plot)
        assert cli.main([str(a) for a in ("train", *SOFTMAX, "--dataset", digits, "--out", folder)]) == 0
    return outcome(folder)


# --- the end is the same ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "moments"), [(SOFTMAX, (0, 1)), (SOFTMAX, (4, 7)), (SMALL, (3, 4, 2)), (SMALL, (11,))])
def test_an_interrupted_run_ends_as_if_it_had_not_been(
    settings: tuple[Any, ...], moments: tuple[int, ...], run: Run, digits: Path, tmp_path: Path, dies_at: Any
) -> None:
    assert run("train", *settings, "--dataset", digits, "--out", "whole", "--checkpoint-every", "epoch").status == 0
    command: tuple[Any, ...] = ("train", *settings, "--dataset", digits, "--out", "run")
    for moment in moments:
        dies_at(moment)
        with pytest.raises(Crash):
            run(*command, *EVERY_STEP)
        assert not (tmp_path / "run" / "model.npz").exists()
        command = ("train", "--resume", "run")
    dies_at(None)
    result = run(*command)
    assert result.status == 0, result.err
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")
    assert f"going on after step {sum(moments)}, with" in result.out


def test_on_another_number_of_workers(run: Run, digits: Path, tmp_path: Path, dies_at: Any) -> None:
    assert run("train", *SMALL, "--dataset", digits, "--out", "whole", "--workers", 0).status == 0
    dies_at(6)
    with pytest.raises(Crash):
        run("train", *SMALL, "--dataset", digits, "--out", "run", *EVERY_STEP, "--workers", 2)
    dies_at(None)
    result = run("train", "--resume", "run", "--workers", 3)
    assert result.status == 0, result.err
    assert json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))["workers"] == 3
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_from_before_the_first_epoch_to_after_the_last_step(
    run: Run, digits: Path, whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can fail after training: the run is not finished before all its files are there."""
    for index, name in enumerate(("save_model", "evaluate", "_plot")):
        folder = f"run{index}"

        def crash(*_: object, **__: object) -> None:
            raise Crash

        with monkeypatch.context() as patch:
            patch.setattr(cli.train, name, crash)
            with pytest.raises(Crash):
                run("train", *SOFTMAX, "--dataset", digits, "--out", folder, *EVERY_STEP)
        result = run("train", "--resume", folder)
        assert result.status == 0, result.err
        assert outcome(tmp_path / folder) == whole


def test_ctrl_c_and_on(
    run: Run, digits: Path, whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two checkpoints: the step under way is kept."""
    step, taken = ShardedEngine.step, 0

    def counted(self: ShardedEngine, *arguments: Any, **named: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken == 6:
            signal.raise_signal(signal.SIGINT)
        return step(self, *arguments, **named)

    monkeypatch.setattr(ShardedEngine, "step", counted)
    result = run("train", *SOFTMAX, "--dataset", digits, "--out", "run", "--checkpoint-every", 1e6)
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert "interrupted in epoch 2 of 3; what was trained so far is saved in run, and --resume run goes on with it" in line
    assert json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))["interrupted"] is True
    result = run("train", "--resume", "run")
    assert "going on after step 6, with 1 of 3 epochs done" in result.out
    assert "epoch 1/3" not in result.out
    assert outcome(tmp_path / "run") == whole
    assert taken == STEPS


KILLED = """
import os, signal, sys
from scratchnet import checkpoint, cli
from scratchnet.engine import ShardedEngine

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(count, thing, name):
    original = getattr(thing, name)
    def counted(*arguments, **named):
        nonlocal count
        count -= 1
        return (kill if count < 0 else original)(*arguments, **named)
    setattr(thing, name, counted)

checkpoint.SHARE = 1e9
where, count, *command = sys.argv[1:]
after(int(count), ShardedEngine if where == "step" else os, where)
cli.main(command)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("where", "count"), [("step", 7), ("replace", 6), ("fsync", 6)])
def test_a_killed_process(where: str, count: int, run: Run, digits: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    """SIGKILL in a step, or when a checkpoint is written and not yet in its place."""
    command = ["train", *SOFTMAX, "--dataset", digits, "--out", "run", *EVERY_STEP]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, where, str(count), *map(str, command)], cwd=tmp_path, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = sorted(name for name in os.listdir(tmp_path / "run") if name not in (*FILES, "config.json", ".lock"))
    assert len(left) == (0 if where == "step" else 1)  # the temporary file, which the next one removes
    result = run("train", "--resume", "run")
    assert result.status == 0, result.err
    assert outcome(tmp_path / "run") == whole


# --- checkpoints that can't be used ----------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(run: Run, digits: Path, tmp_path: Path, dies_at: Any) -> Path:
    """A run that was interrupted after step 5, with checkpoints of steps 4 and 5."""
    dies_at(5)
    with pytest.raises(Crash):
        run("train", *SOFTMAX, "--dataset", digits, "--out", "run", *EVERY_STEP)
    dies_at(None)
    return tmp_path / "run"


def test_a_damaged_checkpoint_is_said_and_the_one_before_it_is_used(
    run: Run, digits: Path, whole: dict[str, Any], tmp_path: Path, interrupted: Path
) -> None:
    steps = {}
    for name in FILES:
        with np.load(interrupted / name, allow_pickle=False) as archive:
            steps[json.loads(str(archive["about"]))["step"]] = interrupted / name
    assert sorted(steps) == [4, 5]
    content = steps[5].read_bytes()
    steps[5].write_bytes(content[:5000] + b"\x55" + content[5001:])
    result = run("train", "--resume", interrupted)
    assert result.status == 0, result.err
    (line,) = result.err.splitlines()
    assert line.startswith(f"{steps[5]} is damaged: ")
    assert line.endswith("; going on from the other one, after step 4")
    assert outcome(interrupted) == whole


def test_when_both_are_damaged_nothing_is_begun(run: Run, interrupted: Path) -> None:
    for name in FILES:
        (interrupted / name).write_bytes(b"?" * 300)
    result = run("train", "--resume", interrupted)
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert all(f"{interrupted / name} is damaged" in line for name in FILES)
    assert sorted(os.listdir(interrupted)) == sorted([*FILES, "config.json"])


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    runs.write_json(folder / "config.json", {**config, **changes})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shards": 2}, "says shards 2; the run was begun with 4"),
        ({"lr": 0.5}, "says lr 0.5; the run was begun with 0.003"),
        ({"dataset": "synthetic"}, "says dataset synthetic; the run was begun with"),
    ],
)
def test_changed_settings_are_refused(change: dict[str, Any], message: str, run: Run, interrupted: Path) -> None:
    before = {name: (interrupted / name).read_bytes() for name in FILES}
    change_config(interrupted, **change)
    result = run("train", "--resume", interrupted)
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert message in line
    assert {name: (interrupted / name).read_bytes() for name in FILES} == before


def test_other_data_are_refused_and_the_same_elsewhere_are_not(
    run: Run, digits: Path, tmp_path: Path, interrupted: Path
) -> None:
    write_digits(tmp_path / "others", seed=1)
    result = run("train", "--resume", interrupted, "--dataset", tmp_path / "others")
    assert result.status == 1
    assert "the run was begun on other data than" in result.err
    assert len(result.err.splitlines()) == 1
    shutil.copytree(digits, tmp_path / "moved")
    assert run("train", "--resume", interrupted, "--dataset", tmp_path / "moved").status == 0


@pytest.mark.parametrize(
    "option",
    [("--seed", 0), ("--lr", 0.1), ("--model", "cnn"), ("--out", "x"), ("--overwrite",), ("--config", "c"), ("--shift", 0)],
    ids=str,
)
def test_settings_do_not_go_with_resume(option: tuple[Any, ...], run: Run) -> None:
    result = run("train", "--resume", "run", *option)
    assert result.status == 2
    assert result.err == f"scratchnet: error: {option[0]} does not go with --resume: a run goes on as it was begun\n"


def test_a_checkpoint_of_something_else_is_refused(run: Run, interrupted: Path) -> None:
    found = Checkpoints(interrupted).load()
    assert found is not None
    for about in ({}, {**found.run, "settings": {}}, {**found.run, "settings": None}, {**found.run, "notice": 3}):
        checkpoints = Checkpoints(interrupted)
        for _ in FILES:
            checkpoints.save(dataclasses.replace(found, run=about))
        result = run("train", "--resume", interrupted)
        assert result.status == 1
        assert result.err == f"scratchnet: error: {interrupted}: its checkpoint is not of a run of this version\n"


def test_another_version_is_said(run: Run, interrupted: Path) -> None:
    checkpoints = Checkpoints(interrupted)
    found = checkpoints.load()
    assert found is not None
    found.run["versions"]["numpy"] = "2.0.0"
    checkpoints.save(found)
    checkpoints.save(found)
    result = run("train", "--resume", interrupted)
    assert result.status == 0
    assert result.err == f"begun with numpy 2.0.0, and this is {np.__version__}: the last bits may differ\n"


def test_a_config_that_is_lost_is_written_again(run: Run, interrupted: Path) -> None:
    before = (interrupted / "config.json").read_bytes()
    (interrupted / "config.json").unlink()
    assert run("train", "--resume", interrupted).status == 0
    assert (interrupted / "config.json").read_bytes() == before


def test_a_finished_run_has_nothing_to_resume(run: Run, interrupted: Path) -> None:
    assert run("train", "--resume", interrupted).status == 0
    before = outcome(interrupted)
    result = run("train", "--resume", interrupted)
    assert (result.status, result.err) == (0, "")
    assert result.out == f"the run in {interrupted} is finished: there is nothing to resume\n"
    assert outcome(interrupted) == before


def test_where_no_run_is(run: Run, tmp_path: Path) -> None:
    result = run("train", "--resume", "nowhere")
    assert (result.status, result.err) == (1, "scratchnet: error: nowhere: no such run folder\n")
    (tmp_path / "empty").mkdir()
    result = run("train", "--resume", "empty")
    assert result.status == 1
    assert (
        "empty holds no checkpoint, so there is nothing to go on from: start the run again (with --overwrite)" in result.err
    )
    assert os.listdir(tmp_path / "empty") == []


def test_a_stand_in_stays_one(run: Run, digits: Path, tmp_path: Path, dies_at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = cli.common.open_source(str(digits))
    stand_in = dataclasses.replace(source, name="synthetic", notice="NOT MNIST")
    monkeypatch.setattr(cli.common, "open_source", lambda name, *_, **__: stand_in if name == "auto" else source)
    dies_at(3)
    with pytest.raises(Crash):
        run("train", *SOFTMAX, "--out", "run")
    dies_at(None)
    result = run("train", "--resume", "run")
    assert "NOT MNIST" in result.err
    assert json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))["synthetic_stand_in"] is True


# --- folders, disks and clocks ---------------------------------------------------------------------------------------------


def test_an_interrupted_run_is_not_written_over_unasked(run: Run, digits: Path, interrupted: Path) -> None:
    before = {name: (interrupted / name).read_bytes() for name in os.listdir(interrupted)}
    result = run("train", *SOFTMAX, "--dataset", digits, "--out", interrupted)
    assert result.status == 1
    assert "holds a run that was interrupted: --resume goes on with it, --overwrite replaces it" in result.err
    assert {name: (interrupted / name).read_bytes() for name in os.listdir(interrupted)} == before
    assert run("train", *SOFTMAX, "--dataset", digits, "--out", interrupted, "--overwrite", "--seed", 1).status == 0
    assert outcome(interrupted)["metrics.json"]["seed"] == 1


def test_two_runs_in_one_folder(run: Run, digits: Path, interrupted: Path) -> None:
    """The second is told so, whatever it wants there; nothing is changed."""
    before = {name: (interrupted / name).read_bytes() for name in FILES}
    with runs.reopen(interrupted):
        for command in (("--resume", interrupted), ("--out", interrupted), ("--out", interrupted, "--overwrite")):
            settings = () if "--resume" in command else (*SOFTMAX, "--dataset", digits)
            result = run("train", *settings, *command)
            assert result.status == 1
            assert result.err.startswith(f"scratchnet: error: another run is writing to {interrupted}")
    assert {name: (interrupted / name).read_bytes() for name in FILES} == before
    assert run("train", "--resume", interrupted).status == 0


def test_two_tables_in_one_folder(run: Run, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    with runs.held(tmp_path / "table"):
        result = run("reproduce", "--models", "knn", "--dataset", digits, "--out", "table")
    assert result.status == 1
    assert "another run is writing to table" in result.err


def test_leftovers_of_a_killed_run_are_removed(run: Run, interrupted: Path) -> None:
    (interrupted / ".checkpoint-a.npz.01234567.tmp").touch()
    (interrupted / ".lock").touch()
    assert run("train", "--resume", interrupted).status == 0
    outcome(interrupted)  # looks at all names


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("room", [0, 100_000, 150_000, 520_000, 560_000])
def test_a_full_disk_loses_nothing(
    room: int, number: int, run: Run, digits: Path, whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the config, a checkpoint, the model or the plots: one line at the end; with room again, the run goes on."""
    disk = BrokenDisk(room, number)
    with monkeypatch.context() as patch:
        patch.setattr(files, "open", disk.open, raising=False)
        result = run("train", *SOFTMAX, "--dataset", digits, "--out", "run", "--checkpoint-every", "epoch")
    assert disk.failed
    assert result.status == 1
    *notes, error = result.err.splitlines()
    assert all(note.startswith("no checkpoint: ") and note.endswith("; training goes on") for note in notes)
    assert error.startswith(f"scratchnet: error: [Errno {number}]")
    assert not [name for name in os.listdir(tmp_path / "run") if name.endswith(".tmp")]
    if Checkpoints(tmp_path / "run"):
        result = run("train", "--resume", "run")
    else:
        result = run("train", *SOFTMAX, "--dataset", digits, "--out", "run")
    assert result.status == 0, result.err
    assert outcome(tmp_path / "run") == whole


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only for root, nor a folder on Windows")
def test_a_read_only_folder(run: Run, digits: Path, interrupted: Path) -> None:
    before = {name: (interrupted / name).read_bytes() for name in os.listdir(interrupted)}
    interrupted.chmod(0o500)
    try:
        result = run("train", "--resume", interrupted)
    finally:
        interrupted.chmod(0o700)
    assert result.status == 1
    assert result.err == f"scratchnet: error: can't write to the output folder {interrupted}: Permission denied\n"
    assert {name: (interrupted / name).read_bytes() for name in os.listdir(interrupted)} == before


def test_a_clock_that_is_set_back(
    run: Run, digits: Path, whole: dict[str, Any], tmp_path: Path, interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files from the future, and times of day that go backwards: nothing depends on either."""
    for seconds, name in enumerate((*FILES, "config.json")):
        os.utime(interrupted / name, (4e9 - seconds, 4e9 - seconds))
    now = 1e6  # as where the clock's battery is empty

    def backwards() -> float:
        nonlocal now
        now -= 10
        return now

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", backwards)
        patch.setattr(time, "strftime", lambda *_: "19700112-134640")
        assert run("train", "--resume", interrupted).status == 0
        for _ in range(2):
            assert run("train", *SOFTMAX, "--dataset", digits).status == 0
    assert outcome(interrupted) == whole
    assert sorted(os.listdir(tmp_path / "runs")) == ["19700112-134640-softmax", "19700112-134640-softmax-2"]
    with open(interrupted / "history.csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 4


def test_a_run_that_diverged_is_over(run: Run, digits: Path, tmp_path: Path) -> None:
    settings = ("--model", "mlp", "--lr", 1e9, "--val-size", 0, "--dataset", digits)
    assert run("train", *settings, "--out", "run").status == 1
    assert os.listdir(tmp_path / "run") == ["config.json"]


@pytest.mark.parametrize("text", ["-1", "never", "nan", "", "1s"])
def test_how_often_is_seconds_or_epoch(text: str, run: Run) -> None:
    result = run("train", "--checkpoint-every", text)
    assert result.status == 2
    assert "--checkpoint-every" in result.err
    assert len(textwrap.dedent(result.err).splitlines()) == 1
