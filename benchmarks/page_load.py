"""Does the page of ``scratchnet draw`` stand a classroom? Many visitors at once, each asking as fast as it is answered.

    python -m benchmarks.page_load                          # 20 visitors, 30 seconds
    python -m benchmarks.page_load --visitors 5 --seconds 5

Each visitor goes through what the page asks while a digit is drawn and looked at: picture, forward, backward, terms, maps,
neighbours, a step of SGD, reset. Reported are errors, answers per second, how long the answers took, and the server's
memory in the first and the last third of that time. Exit status 1 if anything went wrong or memory grew.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import command
from scratchnet.datasets import synthetic

VISITORS, SECONDS = 20, 30
WARM_UP = 2  # rounds of each visitor before: caches fill and the memory allocator finds its size
GROWTH = 32.0  # MB that memory goes up and down by itself
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Tally:
    """What the visitors saw: seconds of each answer by path, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return sum(map(len, self.seconds.values()))


class Visitor:
    """One browser: a connection that is kept, and the questions of a page."""

    def __init__(self, port: int, seed: int, tally: Tally) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.picture, self.label = drawing(seed), seed % 10
        self.tally = tally

    def once(self) -> None:
        """Each of the questions once."""
        digit = self.ask("digit?models=cnn", self.picture, "image/png")["digit"]
        self.json("forward", digit=digit)
        self.json("backward", digit=digit)
        for stage, of, index in (("0", "out", [3, 9, 9]), ("3", "dx", [5, 7, 7]), ("0", "w", [2, 0, 1, 1])):
            self.json("terms", digit=digit, stage=stage, of=of, index=index)
        for method in ("grad-cam", "saliency", "integrated-gradients"):
            self.json("why", digit=digit, method=method)
        self.json("neighbours", digit=digit)
        lab = self.json("step", digit=digit, lr=0.003)["lab"]
        self.json("forward", digit=digit, lab=lab)
        self.json("reset", lab=lab)

    def json(self, path: str, **values: Any) -> Any:
        asked = {"model": "cnn", "label": self.label, **values}
        return self.ask(path, json.dumps(asked).encode(), "application/json")

    def ask(self, path: str, body: bytes, kind: str) -> Any:
        start = time.perf_counter()
        self.connection.request("POST", f"/api/{path}", body, {"Content-Type": kind})
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: status {response.status}: {content[:200]!r}")
        self.tally.seconds.setdefault(path.partition("?")[0], []).append(time.perf_counter() - start)
        return json.loads(content)


def drawing(seed: int) -> bytes:
    """A PNG of a digit, 96 x 96, as the page sends it."""
    from PIL import Image

    images, _ = synthetic.make(1, seed=seed)
    file = io.BytesIO()
    Image.fromarray(255 - images[0]).resize((96, 96)).save(file, "PNG")
    return file.getvalue()


@contextmanager
def server() -> Iterator[tuple[int, int]]:
    """``scratchnet draw`` on a free port: its port and its process id. It compares with synthetic digits."""
    with tempfile.TemporaryDirectory() as empty:
        line = [sys.executable, "-m", "scratchnet", "draw", "--port", "0", "--no-browser"]
        line += ["--runs", empty, "--data-dir", empty]
        with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = process.stdout.readline()
            try:
                if not told.startswith("draw at "):
                    raise RuntimeError(f"the server did not start: {told!r}")
                yield int(told.split()[2].rstrip("/").rpartition(":")[2]), process.pid
            finally:
                process.terminate()


def visit(port: int, visitors: int, *, seconds: float | None = None, rounds: int | None = None) -> Tally:
    """Let visitors ask for so many seconds, or so many rounds each."""
    tally, end = Tally(), time.monotonic() + (seconds or 0)

    def run(seed: int) -> None:
        visitor, done = Visitor(port, seed, tally), 0
        try:
            while done < rounds if rounds is not None else time.monotonic() < end:
                visitor.once()
                done += 1
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            tally.errors.append(f"{type(error).__name__}: {error}")
        finally:
            visitor.connection.close()

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def memory(pid: int) -> float | None:
    """A process's resident memory in MB; None where the system does not tell (Windows)."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        (line,) = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) / 1024
    if os.name == "posix":
        return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True).stdout) / 1024
    return None


@contextmanager
def sampled(pid: int, every: float = 0.25) -> Iterator[list[float]]:
    """A process's memory every quarter of a second, for as long as this is entered."""
    samples: list[float] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(every):
            now = memory(pid)
            if now is not None:
                samples.append(now)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def report(tally: Tally, seconds: float, memory: list[float]) -> dict[str, Any]:
    """The results, for JSON and for the table; memory in MB, at equal distances."""
    third = max(1, len(memory) // 3)
    times = {path: np.array(values) for path, values in sorted(tally.seconds.items())}
    every = np.concatenate(list(times.values())) if times else np.zeros(1)
    return {
        "answers": tally.answers,
        "answers_per_second": tally.answers / seconds,
        "errors": tally.errors,
        "milliseconds": {
            path: dict(zip(("median", "p95", "most"), (1e3 * np.quantile(v, [0.5, 0.95, 1])).tolist(), strict=True))
            for path, v in {**times, "all": every}.items()
        },
        "memory_mb": {"first_third": _median(memory[:third]), "last_third": _median(memory[-third:])} if memory else None,
    }


def _median(values: list[float]) -> float:
    return float(np.median(values))


def main(argv: Sequence[str] | None = None) -> int:
    grammar = command.Parser(prog="python -m benchmarks.page_load", description="Many visitors at once on scratchnet draw.")
    for name, default in (("--visitors", VISITORS), ("--seconds", SECONDS)):
        text = f"(default {default})"
        grammar.add_argument(name, type=command.whole_number(1), default=default, metavar="N", help=text)
    grammar.add_argument("--json", metavar="F", help="write the results to F")
    return command.run(_measure, grammar, argv)


def _measure(args: argparse.Namespace) -> None:
    with server() as (port, pid):
        warm = visit(port, args.visitors, rounds=WARM_UP)
        start = time.monotonic()
        with sampled(pid) as samples:
            tally = visit(port, args.visitors, seconds=args.seconds)
        took = time.monotonic() - start
    tally.errors = warm.errors + tally.errors
    results = {"visitors": args.visitors, "seconds": took, **report(tally, took, samples)}
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"{args.visitors} visitors, {took:.0f} s: {tally.answers} answers, {tally.answers / took:.0f} a second")
    for path, ms in results["milliseconds"].items():
        print(f"  {path:12s} median {ms['median']:6.0f} ms, 95 % within {ms['p95']:6.0f} ms, slowest {ms['most']:6.0f} ms")
    if tally.errors:
        raise RuntimeError(f"{len(tally.errors)} errors, the first: {tally.errors[0]}")
    if results["memory_mb"] is not None:
        first, last = results["memory_mb"].values()
        print(f"memory: {first:.0f} MB in the first third, {last:.0f} MB in the last")
        if last - first > GROWTH:
            raise RuntimeError(f"memory grew by {last - first:.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
