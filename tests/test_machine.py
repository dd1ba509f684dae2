"""What the machine grants: cores within affinity and container limits."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchnet import machine


def limit(tmp_path: Path, own: str, files: dict[str, str]) -> int:
    (tmp_path / "own").write_text(own, encoding="utf-8")
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text, encoding="utf-8")
    return machine._container_limit(tmp_path / "root", tmp_path / "own")


@pytest.mark.parametrize(
    ("own", "files", "wanted"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, sys.maxsize),
        ("0::/a/b\n", {"cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n", "a/b/cpu.max": "max 100000\n"}, 3),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "400000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "nonsense\n"}, sys.maxsize),
        ("", {}, sys.maxsize),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 3),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "-1\n", "cpu/x/cpu.cfs_period_us": "50000\n"}, sys.maxsize),
    ],
)
def test_container_limits(tmp_path: Path, own: str, files: dict[str, str], wanted: int) -> None:
    assert limit(tmp_path, own, files) == pytest.approx(wanted)


def test_no_control_groups(tmp_path: Path) -> None:
    assert machine._container_limit(tmp_path, tmp_path / "none") == pytest.approx(sys.maxsize)


def test_available_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= machine.available_cores() <= (os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
        monkeypatch.setattr(machine, "_container_limit", lambda: 3)
        assert machine.available_cores() == 3
        monkeypatch.setattr(machine, "_container_limit", lambda: 100)
        assert machine.available_cores() == 6


def test_one_blas_thread_is_taken_back() -> None:
    from threadpoolctl import threadpool_info

    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    np.ones((2, 2)) @ np.ones((2, 2))
    before = threads()
    with machine.one_blas_thread():
        assert threads() == [1] * len(before)
    assert threads() == before


def test_keeping_freed_memory_is_harmless_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    machine.keep_freed_memory()
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: object())  # a C library without mallopt
    machine.keep_freed_memory()
