"""The loop: take a file from the corpus, change it, have it read, and keep it if it led somewhere new."""

import hashlib
import random
import sys
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fuzz.coverage import Branches
from benchmarks.fuzz.targets import Broken, Target
from benchmarks.fuzz.watch import watched

MEASURED = 200  # every so many executions memory is measured exactly, which takes its time; and for every new file


@dataclass
class Result:
    """What came of a run."""

    executions: int = 0
    seconds: float = 0.0
    corpus: list[bytes] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)  # kinds of answers
    peak: int = 0  # largest number of bytes taken for one file
    share: float = 0.0  # of what is allowed
    findings: list[str] = field(default_factory=list)


def fuzz(
    target: Target,
    branches: Branches,
    executions: int,
    *,
    seed: int = 0,
    seconds: float = float("inf"),
    findings: Path | None = None,
    say: Callable[[Result], None] = lambda result: None,
) -> Result:
    """Read so many files, or for so long. A finding is a reader that raises anything but its declared error, warns, takes
    more memory than it may, does what ``watch`` forbids, or gives something wrong; it is described, and its file is kept.

    The same seed and Python give the same files. An interrupt ends it early.
    """
    rng, result, started = random.Random(seed), Result(), time.monotonic()
    starts, told = target.seeds(), set()
    good: list[bytes] = []  # those in the corpus that were read and not refused
    try:
        while result.executions < executions and len(result.findings) < 20:
            if result.executions < len(starts):
                data = starts[result.executions]
            else:
                data = target.mutate(rng, _pick(rng, result.corpus, good))
            branches.news = False
            outcome, problem = run(target, data)
            result.executions += 1
            new = branches.news or outcome not in result.outcomes
            result.outcomes[outcome] += 1
            if new or result.executions <= len(starts):
                result.corpus.append(data)
                if outcome.startswith("accepted"):
                    good.append(data)
            if problem is None and (new or result.executions % MEASURED == 0):
                peak = memory(target, data)
                allowed = target.allowance(len(data))
                if peak / allowed > result.share:
                    result.peak, result.share = peak, peak / allowed
                if peak > allowed:
                    problem = f"{peak} bytes of memory for a file of {len(data)}, allowed are {allowed}"
            if problem is not None and outcome not in told:
                told.add(outcome)
                result.findings.append(problem)
                if findings is not None:
                    findings.mkdir(parents=True, exist_ok=True)
                    name = f"{type(target).__name__.lower()}-{hashlib.sha256(data).hexdigest()[:12]}"
                    (findings / name).write_bytes(data)
                    result.findings[-1] += f"\n    the file: {findings / name}"
            if result.executions % 1000 == 0:
                result.seconds = time.monotonic() - started
                say(result)
                if result.seconds > seconds:
                    break
    except KeyboardInterrupt:
        pass  # what was done counts
    result.seconds = time.monotonic() - started
    return result


def _pick(rng: random.Random, corpus: list[bytes], good: list[bytes]) -> bytes:
    """Half of the time a good file, since a refused one mostly stays refused; and often a late one, the least explored."""
    files = good if good and rng.random() < 0.5 else corpus
    return rng.choice(files[-20:] if rng.random() < 0.3 else files)


def run(target: Target, data: bytes) -> tuple[str, str | None]:
    """What the reader said of it, and what is wrong with that, if anything is."""
    if target.on_disk:
        target.path.write_bytes(data)
    try:
        with warnings.catch_warnings(action="error"):
            with watched() as seen:
                outcome = target.read(data)
            if seen:  # again: what happens once only is a module being imported
                with watched() as seen:
                    outcome = target.read(data)
    except Broken as error:
        return f"broken: {str(error)[:40]}", str(error)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = "".join(traceback.format_exception(error, limit=-4, chain=False))
        return f"{type(error).__name__} {where.filename}:{where.lineno}", text
    return outcome, f"forbidden: {seen[0]}" if seen else None


def memory(target: Target, data: bytes) -> int:
    """The largest number of bytes that Python and NumPy hold while the file is read."""
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run(target, data)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not already:
            tracemalloc.stop()


def limit_memory(bytes_more: int) -> bool:
    """From here on this process gets at most so much more address space: what asks for more fails with MemoryError."""
    if sys.platform != "linux":
        return False
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + bytes_more
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    return True
