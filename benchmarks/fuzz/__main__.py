"""``python -m benchmarks.fuzz [TARGET ...] --executions N``: read N changed files with each reader of untrusted files.

It starts from good files, changes them, knowing their format or blindly, and goes on from those that took a branch, or got
an answer, that none before took or got. A finding is a reader that does anything but read the file or raise its declared
error with one clear line: another error, a warning, memory beyond what is allowed, a write, code that is run. Findings are
kept as files; ``--file F`` reads one again. Exit status 1 if there are any.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.fuzz.coverage import Branches
from benchmarks.fuzz.loop import Result, fuzz, limit_memory, memory, run
from benchmarks.fuzz.targets import TARGETS, Target

IN_MEMORY = Path("/dev/shm")  # where Linux has files that never reach a disk
SPARE = 64 << 20  # address space beyond what a target may take: allocators do not give everything back


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help=", ".join(TARGETS) + "; all")
    parser.add_argument("--executions", type=int, default=10_000, metavar="N", help="files for each target (10000)")
    parser.add_argument("--seconds", type=float, default=float("inf"), metavar="S", help="end a target after so long")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="default 0")
    parser.add_argument("--findings", type=Path, default=Path("runs/fuzz"), metavar="DIR", help="default runs/fuzz")
    parser.add_argument("--file", type=Path, metavar="F", help="read this file alone, with one target")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: it ends a target and tells what was found
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        targets = {name: TARGETS[name](Path(folder)) for name in args.targets or TARGETS}
        if args.file is not None:
            return sum(_one(target, args.file.read_bytes()) for target in targets.values())
        found = 0
        for name, target in targets.items():
            found += _many(name, target, args)
    return 1 if found else 0


def _one(target: Target, data: bytes) -> int:
    outcome, problem = run(target, data)
    print(f"{outcome}\n{memory(target, data)} bytes of memory for {len(data)}; {target.allowance(len(data))} are allowed")
    print(problem or "no finding")
    return 0 if problem is None else 1


def _many(name: str, target: Target, args: argparse.Namespace) -> int:
    for data in target.seeds():
        run(target, data)  # what is imported on first use is imported now
    limited = limit_memory(target.allowance(1 << 16) + SPARE)

    def say(result: Result) -> None:
        if sys.stderr.isatty():
            line = f"{name}: {result.executions} files, {len(result.corpus)} kept, {len(result.findings)} findings"
            print(f"\r{line} ", end="", file=sys.stderr, flush=True)

    with Branches(target.code) as branches:
        options = {"seed": args.seed, "seconds": args.seconds, "findings": args.findings, "say": say}
        result = fuzz(target, branches, args.executions, **options)
    read = sum(n for outcome, n in result.outcomes.items() if outcome.startswith("accepted"))
    print(
        f"{name}: {result.executions} files in {result.seconds:.0f} s, seed {args.seed}; {read} read, the others refused, "
        f"with {len(result.outcomes)} kinds of answers; {len(result.corpus)} led somewhere new"
    )
    if branches.on:
        print(
            f"    branches: {branches.taken()} of {branches.there_are()}; never both ways: {', '.join(branches.missing())}"
        )
    print(
        f"    memory: at most {result.peak} bytes, {result.share:.0%} of what is allowed"
        + ("; the whole process held to that" if limited else "")
    )
    for finding in result.findings:
        print(f"  FINDING: {finding}")
    sys.stdout.flush()
    return len(result.findings)


if __name__ == "__main__":
    sys.exit(main())
