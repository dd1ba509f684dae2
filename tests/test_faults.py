"""The judge of ``python -m benchmarks.faults``: it takes no damaged run for a whole one, nor another one for the same."""

import errno
import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import faults
from benchmarks.broken_disk import BrokenDisk
from scratchnet.checkpoint import FILES, Checkpoint, Checkpoints
from scratchnet.layers import Dense, Flatten, Sequential
from scratchnet.serialize import save_model


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    metrics = {"test_accuracy": 0.5, "seconds": 3.0, "workers": 2}
    model = Sequential(Flatten(), Dense(4, 2, rng=np.random.default_rng(0)))
    save_model(folder / "model.npz", model, {"provenance": {"metrics": metrics}})
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (folder / "history.csv").write_text("epoch,loss\n1,0.5\n", encoding="utf-8")
    for name in ("curves.png", "confusion.png", "mistakes.png"):
        (folder / name).write_bytes(b"drawing" + faults.END_OF_PNG)
    return folder


@pytest.mark.parametrize("name", faults.OF_A_RUN)
def test_a_file_that_is_cut_off_is_damaged(name: str, finished: Path) -> None:
    faults.outcome(finished)
    content = (finished / name).read_bytes()
    (finished / name).write_bytes(content[:-3] if name != "history.csv" else content[:-5])
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        faults.outcome(finished)


def test_a_damaged_checkpoint_is_damaged(finished: Path) -> None:
    for step in (1, 2):
        (checkpoints := Checkpoints(finished)).load()
        checkpoints.save(Checkpoint(step, {"params.w": np.ones(3)}))
    faults.check_files(finished)
    assert not faults.is_whole(finished)
    (finished / FILES[0]).write_bytes((finished / FILES[0]).read_bytes()[:-1])
    with pytest.raises(ValueError, match="checkpoint-a"):
        faults.check_files(finished)


def test_only_times_may_differ(finished: Path, tmp_path: Path) -> None:
    def changed(name: str, content: bytes) -> dict[str, Any]:
        other = tmp_path / "other"
        shutil.copytree(finished, other, dirs_exist_ok=True)
        (other / name).write_bytes(content)
        return faults.outcome(other)

    same = faults.outcome(finished)
    assert changed("metrics.json", b'{"test_accuracy": 0.5, "seconds": 4.0, "workers": 0}') == same
    assert changed("metrics.json", b'{"test_accuracy": 0.25, "seconds": 3.0, "workers": 2}') != same
    assert changed("history.csv", b"epoch,loss\n1,0.6\n") != same
    assert changed("curves.png", b"other" + faults.END_OF_PNG) != same
    (finished / ".model.npz.01234567.tmp").touch()
    with pytest.raises(ValueError, match="holds"):
        faults.outcome(finished)


def test_200_runs_are_what_is_planned(tmp_path: Path) -> None:
    lab = faults.Lab(tmp_path, random.Random(0))
    planned = Counter(name for name, _ in faults._plan(lab, tmp_path, faults.RUNS))
    assert sum(planned[name] for name in faults.INTERRUPTIONS) == faults.RUNS
    assert planned["SIGKILL at a random moment"] == 50


def test_a_broken_disk_takes_what_fits(tmp_path: Path) -> None:
    disk = BrokenDisk(5, errno.ENOSPC)
    file = disk.open(tmp_path / "a", "wb")
    file.write(b"12345678")
    with pytest.raises(OSError, match="No space left"):
        file.flush()
    with pytest.raises(OSError, match="No space left"):
        file.close()
    assert (tmp_path / "a").read_bytes() == b"12345"
    assert disk.failed == 2
