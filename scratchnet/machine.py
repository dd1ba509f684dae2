"""What this machine gives us: its cores, its BLAS threads, its memory allocator."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
from contextlib import AbstractContextManager
from pathlib import Path


def available_cores() -> int:
    """How many cores this process may use: not more than its affinity and its container's limit allow."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _container_limit()))


def _container_limit(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Whole cores that Linux's control groups grant (docker run --cpus 2); a huge number where there is no limit."""
    limits = [float(sys.maxsize)]
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in own.read_text(encoding="utf-8").splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0":  # version 2: one tree, "quota period" in each of its folders
                base, names = root, ["cpu.max"]
            elif "cpu" in controllers.split(","):  # version 1
                base, names = root / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
            else:
                continue
            here = base / path.strip("/")
            for folder in [here, *here.parents][: len(here.relative_to(base).parts) + 1]:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    quota, period = " ".join((folder / name).read_text(encoding="utf-8") for name in names).split()
                    if quota not in ("max", "-1"):
                        limits.append(int(quota) / int(period))
    return int(max(1.0, min(limits)))


def processor_name() -> str:
    """What the processor calls itself, for tables of figures."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown processor"


def one_blas_thread() -> AbstractContextManager[object]:
    """Within this context a matrix product runs on one core.

    A convolution is many small products. Sharing each among threads gains about a quarter on an idle machine, and loses a
    factor of ten on a busy one, where every product waits for the thread that was sent to sleep.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed arrays for the next ones, where it knows how (glibc).

    A training step frees what it allocated, and the next step wants the same sizes again. By default glibc returns large
    blocks to the system at once, and gets them back page by page, each page zeroed first, which costs a good part of a
    step's time.
    """
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    with contextlib.suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(m_mmap_threshold, 32 << 20)  # the most it takes: larger arrays still come from the system
        libc.mallopt(m_trim_threshold, 1 << 30)


def how_to_install(extra: str) -> str:
    """What to type for one of setup.cfg's optional parts."""
    return f'python -m pip install -e ".[{extra}]" in a checkout of scratchnet gets it'
