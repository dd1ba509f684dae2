"""On what it was measured: figures mean nothing without it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import scratchnet
from scratchnet.machine import available_cores, processor_name

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def describe() -> dict[str, Any]:
    """The processor, its cores, and the versions of what computes on them; nothing that names the machine."""
    return {
        "cpu": processor_name(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas(),
        "torch": _version("torch"),
        "scratchnet": scratchnet.__version__,
        "busy_cores": busy_cores(),
        **{name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
    }


def sentence(machine: dict[str, Any]) -> str:
    """One line for people."""
    text = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; Python {machine['python']}, "
        f"NumPy {machine['numpy']} with {machine['blas']}"
    )
    text += f", PyTorch {machine['torch']}" if machine["torch"] else ""
    text += f"; BUSY: others are using {machine['busy_cores']:.1f} of the cores" if too_busy(machine) else ""
    limits = [f"{name}={machine[name]}" for name in THREAD_VARIABLES if name in machine]
    return text + (f"; {', '.join(limits)} limits the threads" if limits else "")


def too_busy(machine: dict[str, Any]) -> bool:
    """Is somebody else at work? Then PyTorch's threads, which wait for each other all the time, suffer most."""
    return bool(machine["busy_cores"] > 0.25)


def busy_cores(seconds: float = 0.5) -> float:
    """How many of the cores that we may use are used by others just now: to be asked while we do nothing ourselves.

    0 where the system does not tell (it is Linux that does).
    """
    before = _working_time()
    time.sleep(seconds)
    after = _working_time()
    return round(sum(after[core] - before[core] for core in before if core in after) / seconds, 2)


def _working_time(stat: Path = Path("/proc/stat")) -> dict[int, float]:
    """Seconds that each core which we may use has worked since the system was started, for whomever."""
    working: dict[int, float] = {}
    with contextlib.suppress(OSError, ValueError, AttributeError):
        ours, tick = os.sched_getaffinity(0), os.sysconf("SC_CLK_TCK")
        for line in stat.read_text(encoding="utf-8").splitlines():
            name, *times = line.split()
            if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in ours:
                user, nice, system, _idle, _waiting, *others = map(int, times[:8])
                working[int(name[3:])] = (user + nice + system + sum(others)) / tick
    return working


def _blas() -> str:
    """NumPy's BLAS, and the kernels that it has chosen for this processor."""
    from threadpoolctl import threadpool_info

    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            kernels = f", {pool['architecture']} kernels" if pool.get("architecture") else ""
            return f"{pool['internal_api']} {pool.get('version') or ''}".strip() + kernels
    return "an unknown BLAS" if sys.platform != "darwin" else "Accelerate"


def _version(package: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None
