"""Do the tests notice wrong code? ``python -m benchmarks.mutation_score [--count 500] [--modules idx,losses] [--jobs 2]``

The code is changed in one place at random, an operator, a constant, a condition, an argument, a statement, and the tests of
its module run on it, first those that reach the place. They should fail: then the mutant is *killed*. One that passes
*survives*, and is printed as a diff: either no test says what that place is for, or the change makes no difference that
anybody could see. The latter are listed with the reason in ``equivalent.py`` beside this file. The score is the share of
the others that is killed.

Nothing is changed in the checkout: the tests run in a copy of it, with the same examples each time. Texts are left as they
are, and annotations. Linux and macOS: on Windows a process can't be forked.
"""

from __future__ import annotations

import ast
import compileall
import contextlib
import difflib
import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from coverage import CoverageData

from benchmarks.command import Parser, list_of, whole_number
from benchmarks.equivalent import EQUIVALENT
from benchmarks.mutations import _replacer, _setter, mutate

ROOT = Path(__file__).parent.parent

# What is changed, and the tests that should notice. Patterns, relative to the checkout.
MODULES: dict[str, tuple[list[str], list[str]]] = {
    "layers": (
        ["scratchnet/layers/*.py"],
        [
            *(f"tests/test_{name}.py" for name in ("dense", "conv", "pool", "activations", "norm", "dropout", "reshape")),
            *(f"tests/test_{name}.py" for name in ("fourier", "neighbors", "compose", "all_layers", "arguments")),
        ],
    ),
    "losses": (["scratchnet/losses.py"], ["tests/test_losses.py", "tests/test_arguments.py"]),
    "optim": (["scratchnet/optim.py"], ["tests/test_optim.py", "tests/test_arguments.py"]),
    "gradcheck": (["scratchnet/gradcheck/**/*.py"], ["tests/gradcheck/test_*.py"]),
    "idx": (["scratchnet/datasets/idx.py"], ["tests/test_idx.py"]),
    "serialize": (["scratchnet/serialize.py"], ["tests/test_serialize.py"]),
}
TABLES = {"scratchnet/gradcheck/catalogue.py"}  # texts, and lessons' numbers: what would test those is a second copy of them
LEAST = 95.0  # the score that each module should have, in percent

# --- mutations -------------------------------------------------------------------------------------------------------------

_OPPOSITES = {
    "any": "all", "min": "max", "maximum": "minimum", "argmax": "argmin", "floor": "ceil", "isfinite": "isnan",
}  # fmt: skip
_OPPOSITES |= {value: key for key, value in _OPPOSITES.items()}
_OPERATORS: dict[type, ast.AST] = {
    ast.Mod: ast.Mult(), ast.BitAnd: ast.BitOr(), ast.BitOr: ast.BitAnd(), ast.In: ast.NotIn(), ast.NotIn: ast.In(),
}  # fmt: skip
Change = tuple[str, Callable[[], None]]


def changes(part: ast.Module, source: str) -> list[Change]:
    """(what is changed, a function that changes it) for each possible mutation of a part of a module."""
    return [*mutate(part, source), *_more(part, source)]


def parts(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.Module]]:
    """Each function, and each other statement of modules and classes, as ``mutate`` wants it: the body of the first body."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            yield prefix + statement.name, ast.Module([statement], [])
        elif isinstance(statement, ast.ClassDef):
            yield from parts(statement.body, f"{prefix}{statement.name}.")
        elif not isinstance(statement, (ast.Import, ast.ImportFrom)) and "TypeAlias" not in ast.unparse(statement):
            yield prefix.rstrip(".") or "module", ast.Module([ast.Module([statement], [])], [])  # type: ignore[list-item]


def _more(tree: ast.Module, source: str) -> Iterator[Change]:
    """Mutations that ``mutate``, which is made for backward passes, does not have."""
    lines = source.split("\n")
    function = tree.body[0]
    defaults: list[ast.AST] = []  # which mutate does not look at
    if isinstance(function, ast.FunctionDef):
        given = (*function.args.defaults, *function.args.kw_defaults)
        defaults = [node for default in given if default for node in ast.walk(default)]
    for node in ast.walk(function):
        line = lines[getattr(node, "lineno", 1) - 1].split("  #")[0].strip()
        where = f"[{line}] column {getattr(node, 'col_offset', 0)}"
        for number, condition in enumerate(_conditions(node)):
            if not isinstance(condition, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
                opposite = ast.UnaryOp(ast.Not(), condition)
                yield f"{where}: condition {number} turned round", _replacer(tree, condition, opposite)
        if isinstance(node, ast.Constant) and type(node.value) is bool:
            yield f"{where}: {node.value} -> {not node.value}", _setter(node, "value", not node.value)
        elif isinstance(node, ast.Constant) and type(node.value) in ((int, float) if node in defaults else (float,)):
            for value in (node.value + 1, node.value - 1):
                yield f"{where}: {node.value} -> {value}", _setter(node, "value", value)
        elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            other = _OPERATORS[type(node.op)]
            yield f"{where}: {type(node.op).__name__} -> {type(other).__name__}", _setter(node, "op", other)
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
            other = _OPERATORS[type(node.ops[0])]
            change = f"{where}: {type(node.ops[0]).__name__} -> {type(other).__name__}"
            yield change, _setter(node, "ops", [other, *node.ops[1:]])
        elif isinstance(node, ast.BoolOp):
            for i, value in enumerate(node.values):
                rest = [*node.values[:i], *node.values[i + 1 :]]
                yield f"{where}: without {ast.unparse(value)}", _setter(node, "values", rest)
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg:
                    others = [other for other in node.keywords if other is not keyword]
                    yield f"{where}: {ast.unparse(node.func)} without {keyword.arg}=", _setter(node, "keywords", others)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            attribute = "id" if isinstance(node, ast.Name) else "attr"
            other_name = _OPPOSITES.get(getattr(node, attribute))
            if other_name and isinstance(node.ctx, ast.Load):
                yield f"{where}: {ast.unparse(node)} -> {other_name}", _setter(node, attribute, other_name)
        elif isinstance(node, ast.Slice) and node.lower and node.upper:
            for bound in ("lower", "upper"):
                yield f"{where}: [{ast.unparse(node)}] without {bound} bound", _setter(node, bound, None)
        elif isinstance(node, (ast.Break, ast.Continue)):
            loop = ast.Continue() if isinstance(node, ast.Break) else ast.Break()
            yield f"{where}: break <-> continue", _replacer(tree, node, loop)
        elif isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
            for i, kind in enumerate(node.type.elts):
                rest = [*node.type.elts[:i], *node.type.elts[i + 1 :]]
                yield f"{where}: {ast.unparse(kind)} not caught", _setter(node.type, "elts", rest)
        elif _can_go(node):
            yield f"{where}: statement left out", _replacer(tree, node, ast.Pass())


def _conditions(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.If, ast.IfExp, ast.While, ast.Assert)):
        return [node.test]
    return node.ifs if isinstance(node, ast.comprehension) else []


def _can_go(node: ast.AST) -> bool:
    """Whether it is a statement whose absence does not always lead to a NameError."""
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    return isinstance(node, (ast.Raise, ast.AugAssign)) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))


class _Quiet(ast.NodeTransformer):
    """Annotations become texts, which no mutation changes."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(ast.unparse(node.annotation))
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = node.annotation and ast.Constant(ast.unparse(node.annotation))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = node.returns and ast.Constant(ast.unparse(node.returns))
        return self.generic_visit(node)


def parse(source: str) -> ast.Module:
    tree: ast.Module = ast.fix_missing_locations(_Quiet().visit(ast.parse(source)))
    return tree


Lines: TypeAlias = dict[int, list[str]]
"""The tests that run each line of a source file, as ``coverage`` writes them: "tests/test_idx.py::test_read|run"."""


@dataclass(frozen=True)
class Mutant:
    """One change of one source file."""

    module: str
    path: str  # relative to the checkout
    function: str
    change: str
    part: int  # of the file, in the order of ``parts``
    number: int  # of the mutation, in the order of ``changes``

    @property
    def name(self) -> str:
        return f"{self.path} {self.function}: {self.change}"

    def sources(self) -> tuple[str, str]:
        """The file's code without the change and with it, both as ``ast.unparse`` writes them."""
        source = _read(self.path)
        tree = parse(source)
        before = ast.unparse(tree)
        _, part = list(parts(tree.body))[self.part]
        changes(part, source)[self.number][1]()
        return before, ast.unparse(ast.fix_missing_locations(tree))

    def can_run(self) -> bool:
        """Whether it is other code, and Python at all."""
        before, after = self.sources()
        try:
            compile(after, self.path, "exec")
        except SyntaxError:
            return False
        return before != after

    def diff(self) -> str:
        lines = difflib.unified_diff(*(text.splitlines() for text in self.sources()), "before", "after", lineterm="", n=2)
        return "\n".join(list(lines)[2:])


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _files(patterns: list[str]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def files_of(module: str) -> list[str]:
    return _files(MODULES[module][0])


def tests_of(module: str) -> list[str]:
    return _files(MODULES[module][1])


def test_files(mutant: Mutant) -> list[str]:
    """Those of its module; first the one that has its source file's name."""
    found = tests_of(mutant.module)
    return sorted(found, key=lambda test: Path(test).stem != f"test_{Path(mutant.path).stem}")


def reaching(mutant: Mutant, lines: Lines) -> list[str]:
    """The tests that run the changed function; none if it is not known, as of what runs when a module is imported."""
    _, part = list(parts(parse(mutant.sources()[0]).body))[mutant.part]
    function = part.body[0]
    if not isinstance(function, ast.FunctionDef):
        return []
    where = range(function.body[0].lineno, (function.end_lineno or 0) + 1)
    found = {test.split("|")[0] for line in where for test in lines.get(line, [])}
    return [] if "" in found else sorted(found)


def mutants(module: str) -> list[Mutant]:
    """Every mutation of a module."""
    found = []
    for path in files_of(module):
        source = _read(path)
        for i, (name, part) in enumerate(parts(parse(source).body)):
            if path in TABLES and name == "module":
                continue
            found += [Mutant(module, path, name, what, i, j) for j, (what, _) in enumerate(changes(part, source))]
    return found


def drawn(modules: list[str], count: int, seed: int, only: str = "") -> list[Mutant]:
    """``count`` mutants whose names contain ``only``, as many of each module as of the others, if it has so many."""
    chosen: list[Mutant] = []
    everything = {module: [m for m in mutants(module) if only in m.name] for module in modules}
    for done, module in enumerate(sorted(modules, key=lambda module: len(everything[module]))):
        wanted = -(-(count - len(chosen)) // (len(modules) - done))
        order = np.random.default_rng(seed).permutation(len(everything[module]))
        mine: list[Mutant] = []
        for i in order:
            if len(mine) < wanted and everything[module][i].can_run():
                mine.append(everything[module][i])
        chosen += sorted(mine, key=lambda mutant: (mutant.path, mutant.number))
    return chosen


# --- running the tests -----------------------------------------------------------------------------------------------------


class Copy:
    """A copy of the checkout in which tests run. ``close`` when it is no longer wanted."""

    def __init__(self, folder: Path) -> None:
        self.root, self.output = folder, folder.with_suffix(".txt")
        ignored = (".git", "__pycache__", ".*_cache", ".hypothesis", "data_cache", "runs", "*.egg-info")
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*ignored))
        # CI is left out: there other programs' shared memory would be taken for the tests', and a mutant for killed.
        foreign = ("SCRATCHNET_DATA", "PYTEST_ADDOPTS", "CI")
        environment = {
            **{key: value for key, value in os.environ.items() if key not in foreign},
            "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1",
        }  # fmt: skip
        self.pytest = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("warm_pytest.py")],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is ours
        )
        self.group = 0  # of the processes of a test that is running

    def interrupt(self) -> None:
        if self.group:
            _end(self.group)

    def close(self) -> None:
        with self.pytest:  # which ends it
            pass

    def write(self, path: str, code: str) -> None:
        """Put other code into a file. Python could take old bytecode for its own, so there is none from now on."""
        (self.root / path).write_text(code, encoding="utf-8")
        Path(importlib.util.cache_from_source(str(self.root / path))).unlink(missing_ok=True)

    def compile(self) -> None:
        for folder in ("scratchnet", "benchmarks", "tests"):
            compileall.compile_dir(self.root / folder, quiet=1)

    def test(self, tests: list[str], limit: float | None, *more: str) -> tuple[str, str]:
        """("passed", "failed" or "too slow", what pytest printed)."""
        options = ["-x", "--no-header", "--tb=short", "-p", "no:cacheprovider", "--assert=plain", *more]
        request = [*options, "--hypothesis-profile=no-shrinking", *tests], str(self.output)
        self.output.unlink(missing_ok=True)
        assert self.pytest.stdin is not None
        assert self.pytest.stdout is not None
        print(json.dumps(request), file=self.pytest.stdin, flush=True)
        self.group = group = int(self.pytest.stdout.readline())
        slow = threading.Event()
        watch = threading.Timer(limit or threading.TIMEOUT_MAX, lambda: (slow.set(), _end(group)))
        watch.start()
        code = int(self.pytest.stdout.readline())
        watch.cancel()
        watch.join()
        _end(group)  # what the tests started ends with them
        self.group = 0
        return "too slow" if slow.is_set() else "failed" if code else "passed", self.output.read_text(errors="replace")

    def traced(self, tests: list[str], files: list[str]) -> tuple[str, str, dict[str, Lines]]:
        """``test``, and who runs each line of the source files."""
        outcome, text = self.test(
            tests, None, "--cov=scratchnet", "--cov-context=test", f"--cov-config={os.devnull}", "--cov-report="
        )
        data = CoverageData(str(self.root / ".coverage"))
        data.read()
        return outcome, text, {path: data.contexts_by_lineno(str(self.root / path)) for path in files}


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


class Failed(RuntimeError):
    """The score can't be measured."""


def results(chosen: list[Mutant], jobs: int, tell: Callable[[str], None]) -> dict[Mutant, str]:
    """What the tests say of each mutant: "passed", "failed" or "too slow"."""
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    running: list[Copy] = []
    modules = sorted({mutant.module for mutant in chosen})
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        for number in range(jobs):
            copy = Copy(folder / str(number))
            stack.callback(copy.close)
            for path in (path for module in modules for path in files_of(module)):
                copy.write(path, ast.unparse(parse(_read(path))))  # so that a mutant differs in nothing else
            copy.compile()
            copies.put(copy)
            running.append(copy)
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        for copy in running:
            stack.callback(copy.interrupt)  # after an error, or Ctrl-C
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)

        limits: dict[str, float] = {}
        lines: dict[str, Lines] = {}

        def clean(module: str) -> None:
            copy = copies.get()
            start = time.perf_counter()
            outcome, text, traced = copy.traced(tests_of(module), files_of(module))
            limits[module] = 60 + 4 * (time.perf_counter() - start)
            lines.update(traced)
            copies.put(copy)
            if outcome != "passed":
                raise Failed(f"the tests of {module} fail without any change:\n{text}")

        list(pool.map(clean, modules))

        def run(mutant: Mutant) -> str:
            copy = copies.get()
            before, after = mutant.sources()
            copy.write(mutant.path, after)
            outcome = "passed"
            try:
                for tests in (
                    reaching(mutant, lines[mutant.path]),
                    test_files(mutant),
                ):  # all, since state can outlive a test
                    if tests and outcome == "passed":
                        outcome, _ = copy.test(tests, limits[mutant.module])
            finally:
                copy.write(mutant.path, before)
                copies.put(copy)
            tell(f"{outcome}: {mutant.name}")
            return outcome

        found = dict(zip(chosen, pool.map(run, chosen), strict=True))
        list(pool.map(clean, modules))  # else the mutants may have failed for another reason, such as a full disk
        return found


# --- the command -----------------------------------------------------------------------------------------------------------


def table(found: dict[Mutant, str]) -> tuple[list[str], float]:
    """The result for each module as lines, and the lowest score."""
    lines = [f"{'module':10} {'mutants':>8} {'killed':>7} {'too slow':>9} {'equivalent':>11} {'survived':>9} {'score':>8}"]
    scores = []
    for module in [*dict.fromkeys(mutant.module for mutant in found), "all"]:
        mine = {mutant: outcome for mutant, outcome in found.items() if module in (mutant.module, "all")}
        outcomes = list(mine.values())
        slow = outcomes.count("too slow")
        killed = outcomes.count("failed") + slow
        same = sum(outcome == "passed" and mutant.name in EQUIVALENT for mutant, outcome in mine.items())
        scores.append(100 * killed / max(1, len(mine) - same))
        survived = len(mine) - killed - same
        lines.append(f"{module:10} {len(mine):8} {killed:7} {slow:9} {same:11} {survived:9} {scores[-1]:7.1f}%")
    return lines, min(scores)


def main(argv: list[str] | None = None) -> int:
    parser = Parser(prog="python -m benchmarks.mutation_score", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=whole_number(1), default=500, help="how many mutants, drawn at random (default 500)")
    parser.add_argument("--seed", type=whole_number(0), default=0)
    modules = list(MODULES)
    parser.add_argument("--modules", type=list_of(modules), default=modules, metavar="A,B", help=", ".join(modules))
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants whose name contains this")
    parser.add_argument("--jobs", type=whole_number(1), default=1, help="how many run at the same time (default 1)")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every mutant as it is done")
    args = parser.parse_args(argv)
    if not hasattr(os, "fork"):
        parser.error("it can't fork processes here: run it on Linux or macOS")
    start = time.perf_counter()
    chosen = drawn(args.modules, args.count, args.seed, args.only)
    if not chosen:
        parser.error(f"no mutant's name contains {args.only!r}")
    tell: Callable[[str], Any] = (lambda text: print(text, flush=True)) if args.verbose else lambda text: None
    try:
        found = results(chosen, args.jobs, tell)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    survivors = [mutant for mutant, outcome in found.items() if outcome == "passed"]
    for mutant in survivors:
        reason = EQUIVALENT.get(mutant.name)
        print(f"\n{'equivalent' if reason else 'SURVIVED'}: {mutant.name}\n{reason or mutant.diff()}")
    lines, lowest = table(found)
    print("\n" + "\n".join(lines) + f"\n{time.perf_counter() - start:.0f} s")
    return 0 if lowest >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
