"""The command line, from the outside: what it prints, what it writes, how it fails."""

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from scratchnet import cli
from scratchnet.datasets import idx
from scratchnet.layers import Dense, Flatten, Sequential
from scratchnet.serialize import load_model, save_model

FILES = ("model.npz", "config.json", "history.csv", "metrics.json", "curves.png", "confusion.png", "mistakes.png")


class Result(NamedTuple):
    status: int
    out: str
    err: str

    def error(self) -> str:
        """The one line on stderr that a failure is."""
        assert self.status in (1, 2), self
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in an empty folder without a data folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCRATCHNET_DATA", raising=False)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        try:
            status = cli.main([str(a) for a in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in MNIST's layout: digit k is a bright bar in column 2k + 4, easy to learn."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for part, n in (("train", 300), ("t10k", 60)):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = np.random.default_rng(n).integers(0, 50, (n, 28, 28)).astype(np.uint8)
        images[np.arange(n), :, 2 * labels + 4] = 250
        idx.write(folder / f"{part}-images-idx3-ubyte.gz", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


QUICK = ("--model", "softmax", "--epochs", 2, "--val-size", 50)


@pytest.fixture
def trained(run: Run, data: Path, tmp_path: Path) -> Path:
    result = run("train", *QUICK, "--epochs", 8, "--dataset", data, "--out", tmp_path / "run")
    assert result.status == 0, result.err
    return tmp_path / "run"


def test_train_writes_everything(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("train", *QUICK, "--dataset", data, "--out", tmp_path / "run", "--seed", 5, "--lr", 0.1)
    assert result.status == 0, result.err
    folder = tmp_path / "run"
    assert sorted(os.listdir(folder)) == sorted(FILES)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["dataset"] == str(data)
    assert (metrics["model"], metrics["seed"], metrics["epochs"]) == ("softmax", 5, 2)
    assert 0 <= metrics["test_accuracy"] <= 1
    assert metrics["test_loss"] > 0
    assert metrics["seconds"] > 0
    assert metrics["versions"]["numpy"] == np.__version__
    assert (metrics["interrupted"], metrics["synthetic_stand_in"]) == (False, False)
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["val_loss"]) > 0
    for name in ("curves.png", "confusion.png", "mistakes.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    metadata = load_model(folder / "model.npz").metadata
    assert metadata["provenance"]["metrics"] == metrics
    assert metadata["provenance"]["recipe"]["lr"] == 0.1
    assert f"test accuracy {metrics['test_accuracy']:.2%}" in result.out


def test_train_learns_and_evaluate_agrees(run: Run, data: Path, trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test_accuracy"] == 1.0
    for model_file in (trained, trained / "model.npz"):
        result = run("evaluate", "--model-file", model_file, "--dataset", data, "--json")
        values = json.loads(result.out)
        assert values["accuracy"] == metrics["test_accuracy"]
        assert values["loss"] == pytest.approx(metrics["test_loss"])
        assert np.trace(values["confusion"]) == 60
        assert values["recall"] == [1.0] * 10
    text = run("evaluate", "--model-file", trained, "--dataset", data).out
    assert "accuracy 100.00%" in text
    assert "precision" in text


def test_same_seed_same_weights_bitwise(run: Run, data: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        arguments = ("--model", "cnn", "--epochs", 1, "--val-size", 50, "--dataset", data)
        assert run("train", *arguments, "--out", tmp_path / name, "--seed", seed).status == 0
    a, b, c = (load_model(tmp_path / name / "model.npz").model.params for name in "abc")
    assert all(a[key].tobytes() == b[key].tobytes() for key in a)
    assert a["0.w"].tobytes() != c["0.w"].tobytes()


def test_the_number_of_processes_changes_no_bit(run: Run, data: Path, tmp_path: Path) -> None:
    for workers in (0, 2):
        arguments = ("--model", "cnn-small", "--epochs", 1, "--val-size", 50, "--dataset", data, "--workers", workers)
        assert run("train", *arguments, "--out", tmp_path / str(workers)).status == 0
    alone, together = (load_model(tmp_path / name / "model.npz").model for name in "02")
    for key, array in {**alone.params, **alone.state}.items():
        assert array.tobytes() == {**together.params, **together.state}[key].tobytes()
    losses = [json.loads((tmp_path / name / "metrics.json").read_text(encoding="utf-8"))["test_loss"] for name in "02"]
    assert losses[0] == losses[1]


def test_a_runs_config_gives_the_run_again(run: Run, data: Path, trained: Path, tmp_path: Path) -> None:
    again = run("train", "--config", trained / "config.json", "--out", tmp_path / "again")
    assert again.status == 0, again.err
    first, second = (load_model(folder / "model.npz").model.params for folder in (trained, tmp_path / "again"))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    changed = run("train", "--config", trained / "config.json", "--epochs", 1, "--out", tmp_path / "changed")
    assert "epoch 1/1" in changed.out


def test_no_validation_is_possible(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("train", *QUICK[:-1], 0, "--dataset", data, "--out", tmp_path / "run")
    assert result.status == 0, result.err
    assert (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[3:5] == ["", ""]


def test_default_folder_is_named_after_time_and_model(run: Run, data: Path, tmp_path: Path) -> None:
    for _ in range(2):  # within a second, perhaps: they must not collide
        assert run("train", *QUICK, "--epochs", 1, "--dataset", data).status == 0
    names = os.listdir(tmp_path / "runs")
    assert len(names) == 2
    assert all("-softmax" in name for name in names)


def test_a_run_is_not_overwritten_unasked(run: Run, data: Path, trained: Path) -> None:
    before = (trained / "model.npz").read_bytes()
    result = run("train", *QUICK, "--dataset", data, "--out", trained)
    assert result.status == 1
    assert "holds a run already" in result.error()
    assert (trained / "model.npz").read_bytes() == before
    assert run("train", *QUICK, "--dataset", data, "--out", trained, "--overwrite").status == 0


def test_overwriting_leaves_nothing_of_the_old_run(run: Run, data: Path, trained: Path, tmp_path: Path) -> None:
    (trained / "own-notes.txt").touch()
    result = run("train", "--model", "mlp", "--lr", 1e9, "--dataset", data, "--val-size", 0, "--out", trained, "--overwrite")
    assert result.status == 1  # it diverged: there is no new model, and the old one does not pass for it
    assert sorted(os.listdir(trained)) == ["config.json", "own-notes.txt"]


def test_some_of_mnist_is_not_none_of_it(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file can't be fetched: that is an error, not a reason to train on something else."""
    from scratchnet.datasets import errors, mnist

    def fetch(root: object = None, **_: object) -> Path:
        raise errors.FetchError("could not download")

    monkeypatch.setattr(mnist, "fetch", fetch)
    for name in ("train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (data / name).rename(data / "away")
        assert "could not download" in run("train", *QUICK, "--data-dir", data).error()
        (data / "away").rename(data / name)


def test_nothing_learned_is_said(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("train", *QUICK, "--lr", 1e-9, "--schedule", "constant", "--dataset", data, "--out", tmp_path / "run")
    assert result.status == 0
    assert "nothing was learned; a smaller --lr" in result.out


def test_learning_something_else_is_said(run: Run, data: Path, tmp_path: Path) -> None:
    """The training images of a class have the label of the next: no learning rate helps against that."""
    labels = data / "train-labels-idx1-ubyte.gz"
    idx.write(labels, (idx.read(labels) + 1) % 10)
    result = run("train", *QUICK, "--epochs", 8, "--dataset", data, "--out", tmp_path / "run")
    assert result.status == 0
    assert re.search(r"hardly better than guessing: [\d.]+% of the training images .* See scratchnet doctor", result.out)
    assert "nothing was learned" not in result.out


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_closed_pipe_does_not_end_the_training(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scratchnet", "train", *map(str, QUICK), "--dataset", str(data), "--out"]
    process = subprocess.Popen([*command, str(tmp_path / "run")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()  # as head -1 does
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0, err
    assert err == ""
    assert sorted(os.listdir(tmp_path / "run")) == sorted(FILES)


def test_without_mnist_it_says_synthetic_everywhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirrors are out of reach and the data folder is empty; a small synthetic set stands in."""
    from scratchnet.datasets import errors, mnist, synthetic

    def fetch(root: object = None, **_: object) -> Path:
        raise errors.FetchError("no mirror answers")

    images, labels = synthetic.make(120, seed=0)
    monkeypatch.setattr(mnist, "fetch", fetch)
    monkeypatch.setattr(synthetic, "load", lambda folder, split, **_: (images, labels))
    (tmp_path / "empty").mkdir()
    result = run("train", *QUICK, "--data-dir", tmp_path / "empty", "--out", tmp_path / "run")
    assert result.status == 0, result.err
    assert "NOT MNIST" in result.err
    assert "SYNTHETIC" in result.err
    assert "no mirror answers" in result.err
    assert "(SYNTHETIC digits, not MNIST)" in result.out
    assert json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["dataset"] == "synthetic"
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["dataset"] == "synthetic"
    assert metrics["synthetic_stand_in"] is True
    evaluated = run("evaluate", "--data-dir", tmp_path / "empty", "--model-file", tmp_path / "run", "--json")
    assert json.loads(evaluated.out)["dataset"] == "synthetic"  # stdout stays pure JSON
    assert "NOT MNIST" in evaluated.err


# --- misuse and failure: one line, non-zero -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "COMMAND"),
        (("fly",), "invalid choice: 'fly'"),
        (("train", "--model", "vgg"), "invalid choice: 'vgg'"),
        (("train", "--epochs", "0"), "found '0', wanted a whole number of at least 1"),
        (("train", "--epochs", "2.5"), "found '2.5', wanted a whole number"),
        (("train", "--lr", "nan"), "found 'nan', wanted a number above 0"),
        (("train", "--lr", "0"), "found '0', wanted a number above 0"),
        (("train", "--optimizer", "lion"), "invalid choice: 'lion'"),
        (("train", "--recipe", "fast99", "--model", "mlp"), "--recipe fast99 --model mlp: model is 'mlp'"),
        (("train", "--dataset", "cifar"), "unknown data set 'cifar'"),
        (("evaluate", "--dataset", "cifar"), "unknown data set 'cifar'"),
        (
            ("trace", "a.png", "b.png"),
            "scratchnet trace: error: unrecognized arguments: b.png (see scratchnet trace --help)",
        ),
        (("data", "info", "--fast"), "unrecognized arguments: --fast (see scratchnet data info --help)"),
        (("--fast", "train"), "unrecognized arguments: --fast (see scratchnet --help)"),
        (("train", "--seed", "-1"), "found '-1'"),
        (("predict",), "at least one picture"),
        (("train", "--checkpoint-every", "never"), "found 'never', wanted a number of at least 0, or the word epoch"),
        (("train", "--seed", "1e9"), "wanted a whole number of at least 0 and at most 9223372036854775808"),
    ],
)
def test_misuse_is_one_line_and_2(run: Run, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert message in result.error()
    assert result.status == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--config", "none.json"), "none.json: can't be read: No such file"),
        (("train", "--config", "list.json"), "list.json: found a JSON array"),
        (("train", "--config", "null.json"), "null.json: found a JSON null"),
        (("train", "--config", "true.json"), "true.json: dataset must be a text, got true"),
        (("train", "--config", "unknown.json"), "val_size, seed, dataset, data_dir"),
        (("tune", "--config", "unknown.json"), "val_size, seed, dataset, data_dir"),
        (("recipe", "cnn", "-o", "none/r.json"), "'none/r.json'"),
        (("train", "--dataset", "none/here"), "no such file or folder: none/here"),
        (("evaluate", "--dataset", "none.csv"), "no such file or folder: none.csv"),
        (("evaluate", "--dataset", "./none"), "no such file or folder: ./none"),
        (("evaluate", "--model-file", "none"), "none: no such model file"),
        (("predict", "none.png"), "none.png: no such file"),
    ],
)
def test_a_file_that_is_not_there_or_wrong_is_1(run: Run, arguments: tuple[str, ...], message: str) -> None:
    for name, text in {"list": "[]", "null": "null", "true": '{"dataset": true}', "unknown": '{"epoch": 3}'}.items():
        Path(f"{name}.json").write_text(text, encoding="utf-8")
    result = run(*arguments)
    assert message in result.error()
    assert result.status == 1


def test_unknown_data_set(run: Run) -> None:
    result = run("train", "--dataset", "cifar")
    assert "unknown data set 'cifar'" in result.error()
    assert result.status == 2
    assert "mnist" in result.err


def corrupt(folder: Path, name: str, change: Callable[[bytes], bytes], *, compress: bool = True) -> None:
    path = folder / f"{name}.gz"
    content = change(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(content) if compress else content)


@pytest.mark.parametrize(
    ("name", "change", "compress", "message"),
    [
        ("train-images-idx3-ubyte", lambda b: b[:-100], True, "train-images"),
        ("train-images-idx3-ubyte", lambda b: b"\x00\x00\x08\x03\xff\xff\xff\xff" + b[8:], True, "train-images"),
        ("train-images-idx3-ubyte", lambda b: b"\x01\x02" + b[2:], True, "magic"),
        ("train-labels-idx1-ubyte", lambda b: b"<!DOCTYPE html><title>403 Forbidden</title>", False, "HTML"),
        ("train-labels-idx1-ubyte", lambda b: b[:4] + b"\x00\x00\x00\x0a" + b[8:18], True, "10"),
    ],
    ids=["truncated", "oversized-header", "wrong-magic", "html-as-gz", "count-mismatch"],
)
def test_damaged_data_is_named(
    run: Run, data: Path, name: str, change: Callable[[bytes], bytes], compress: bool, message: str
) -> None:
    corrupt(data, name, change, compress=compress)
    result = run("train", *QUICK, "--dataset", data, "--out", "run")
    assert message in result.error()
    assert name in result.err
    assert not Path("run").exists()  # nothing half-done is left


def test_a_file_where_the_folder_should_be(run: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        assert "can't write to the output folder" in run("train", *QUICK, "--dataset", data, "--out", out).error()


def test_validation_can_not_take_all(run: Run, data: Path) -> None:
    result = run("train", "--dataset", data, "--val-size", 300)
    assert "--val-size 300 leaves nothing of 300" in result.error()
    assert result.status == 2


@pytest.mark.parametrize("command", ["train", "tune"])
def test_a_config_whose_validation_takes_all_is_named(run: Run, data: Path, command: str) -> None:
    Path("c.json").write_text('{"val_size": 300}', encoding="utf-8")
    result = run(command, "--config", "c.json", "--dataset", data)
    assert "c.json: val_size 300 leaves nothing of 300" in result.error()
    assert result.status == 1
    result = run(command, "--config", "c.json", "--dataset", data, "--val-size", 301)
    assert "--val-size 301 leaves nothing of 300" in result.error()
    assert result.status == 2


def test_divergence_is_an_error(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("train", "--model", "mlp", "--lr", 1e9, "--val-size", 0, "--dataset", data, "--out", tmp_path / "run")
    assert result.status == 1
    assert "smaller learning rate" in result.error()
    assert not (tmp_path / "run" / "model.npz").exists()


def test_a_model_file_that_is_none(run: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(b"hello")
    assert "m.npz: not a model file" in run("evaluate", "--model-file", tmp_path / "m.npz", "--dataset", data).error()
    assert "none.npz" in run("evaluate", "--model-file", tmp_path / "none.npz", "--dataset", data).error()


def test_a_model_of_another_shape(run: Run, data: Path, tmp_path: Path) -> None:
    model = Sequential(Flatten(), Dense(100, 10, rng=np.random.default_rng(0)))
    save_model(
        tmp_path / "m.npz", model, {"input_shape": [1, 10, 10], "num_classes": 10, "normalization": {"mean": 0, "std": 1}}
    )
    result = run("evaluate", "--model-file", tmp_path / "m.npz", "--dataset", data)
    assert "takes [1, 10, 10]" in result.error()
    assert "wanted [1, 28, 28]" in result.err


@pytest.mark.parametrize("text", ["{", '{"epoch": 3}', '{"dataset": 7}', "[]"])
def test_config_errors(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    result = run("train", "--config", tmp_path / "c.json")
    assert "c.json" in result.error()
    assert result.status == 1


@pytest.mark.parametrize(
    "number", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.skipif(os.name == "nt", reason="POSIX"))]
)
def test_ctrl_c_while_modules_are_imported_is_one_line(number: str) -> None:
    code = f"""
import builtins, runpy, signal
real = builtins.__import__
def interrupted(name, *rest, **named):
    if name == "numpy":
        signal.raise_signal(signal.{number})
    return real(name, *rest, **named)
builtins.__import__ = interrupted
runpy.run_module("scratchnet", run_name="__main__")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "scratchnet: error: interrupted\n")


# --- the other commands ------------------------------------------------------------------------------------------------


def test_data_info_and_verify(run: Run, data: Path) -> None:
    info = run("data", "info", "--data-dir", data)
    assert info.status == 0, info.err
    assert "mnist train: 300 x 28 x 28" in info.out
    assert "6 6 6 6 6 6 6 6 6 6" in info.out
    verify = run("data", "verify", "--data-dir", data)  # files of our own are not MNIST
    assert verify.status == 1
    assert "4 of MNIST's 4 files are missing or wrong" in verify.error()


def test_data_synthetic_writes_idx_files(run: Run, tmp_path: Path) -> None:
    result = run("data", "synthetic", "--out", tmp_path / "s", "--n-train", 40, "--n-test", 10, "--seed", 3)
    assert result.status == 0, result.err
    images = idx.read(tmp_path / "s" / "train-images-idx3-ubyte.gz")
    assert images.shape == (40, 28, 28)
    assert idx.read(tmp_path / "s" / "t10k-labels-idx1-ubyte.gz").shape == (10,)


def test_gradcheck(run: Run) -> None:
    result = run("gradcheck")
    assert result.status == 0
    assert "Conv2d" in result.out
    assert "every gradient is right" in result.out


def test_every_command_has_help(run: Run) -> None:
    for command in ((), ("train",), ("evaluate",), ("predict",), ("data",), ("data", "fetch"), ("gradcheck",)):
        result = run(*command, "--help")
        assert result.status == 0
        assert result.out.startswith("usage: scratchnet")
    assert run("--version").out.startswith("scratchnet ")


def test_python_dash_m() -> None:
    result = subprocess.run([sys.executable, "-m", "scratchnet", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("scratchnet ")


def test_ctrl_c_during_the_test_keeps_the_weights(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluate(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.train, "evaluate", evaluate)
    result = run("train", *QUICK[:-1], 0, "--dataset", data, "--out", tmp_path / "run")
    assert result.error() == "scratchnet: error: interrupted"
    assert result.status == 1
    assert sorted(os.listdir(tmp_path / "run")) == ["checkpoint-a.npz", "config.json", "history.csv", "model.npz"]
    assert load_model(tmp_path / "run" / "model.npz").metadata["name"] == "softmax"


@pytest.fixture
def long_run(data: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A training run of two processes that would take days, after its third epoch."""
    command = [sys.executable, "-m", "scratchnet", "train", "--model", "softmax", "--epochs", "1000000", "--val-size", "50"]
    process = subprocess.Popen(
        [*command, "--workers", "2", "--dataset", str(data), "--out", str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    next(line for line in process.stdout if line.startswith("epoch 3/"))
    yield process
    process.kill()
    process.wait()


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Ids of its worker processes. The first child is Python's own, which tidies up after the others."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    return [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in /proc")
def test_a_killed_worker_ends_the_run_and_keeps_the_weights(long_run: subprocess.Popen[str], tmp_path: Path) -> None:
    workers = workers_of(long_run)
    assert len(workers) == 1  # and the parent
    os.kill(workers[0], signal.SIGKILL)
    _, err = long_run.communicate()  # to the end of what the last process writes
    assert long_run.returncode == 1
    assert len(err.splitlines()) == 1, err
    assert re.search(
        r"worker \d \(process \d+\) was ended by signal 9.*in epoch \d+ of 1000000; what was trained so far", err
    )
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert load_model(tmp_path / "run" / "model.npz").metadata["name"] == "softmax"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
def test_ctrl_c_saves_what_there_is(way: str, long_run: subprocess.Popen[str], tmp_path: Path) -> None:
    """Interrupted after some epochs: one line, exit status 1, and a run folder that can be used."""
    if way == "Ctrl-C":
        os.killpg(long_run.pid, signal.SIGINT)  # as a terminal does it: to all processes at once
    else:
        long_run.terminate()  # as whoever ends a service or a batch job
    _, err = long_run.communicate()
    assert long_run.returncode == 1
    assert len(err.splitlines()) == 1, err
    assert "interrupted in epoch" in err
    metrics: dict[str, Any] = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["interrupted"] is True
    assert metrics["epochs"] >= 3
    assert sorted(os.listdir(tmp_path / "run")) == sorted(("checkpoint-a.npz", "checkpoint-b.npz", *FILES))
