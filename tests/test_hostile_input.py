"""What is promised of files from strangers: no code is run, nothing is written, one clear line, bounded memory."""

import ast
import contextlib
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scratchnet
from benchmarks.fuzz.coverage import Branches
from benchmarks.fuzz.loop import fuzz, memory, run
from benchmarks.fuzz.targets import TARGETS
from benchmarks.fuzz.watch import watched
from scratchnet import cli
from scratchnet.layers import Dense, Flatten, Sequential
from scratchnet.preprocess import Normalization
from scratchnet.serialize import save_model

PACKAGE = Path(scratchnet.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))


# --- no code -------------------------------------------------------------------------------------------------------------

# The engine's processes hand each other what this program made; nothing of that comes from a file.
MAY_PICKLE = {"engine/workers.py", "engine/sharded.py"}
MAY_START_PROGRAMS = {"cli/lessons.py"}  # JupyterLab, and no file has a say in which
DANGEROUS_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "execv", "spawnv", "startfile"}
DANGEROUS_MODULES = {"pickle", "cPickle", "marshal", "shelve", "yaml", "joblib", "dill", "cloudpickle", "runpy", "code"}


def dangers(source):
    """Every place where a source could run what stands in a file, as (line, what)."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [(node.lineno, name) for name in names if name.split(".")[0] in {*DANGEROUS_MODULES, "subprocess"}]
        elif isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            of = getattr(getattr(node.func, "value", None), "id", "")
            safe = any(k.arg == "allow_pickle" and getattr(k.value, "value", None) is False for k in node.keywords)
            if called in DANGEROUS_CALLS and of != "re":
                found.append((node.lineno, called))
            elif (of in ("np", "numpy") and called == "load") or called in ("read_array", "read_magic"):
                found += [] if safe else [(node.lineno, f"{called} without allow_pickle=False")]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_source_runs_what_stands_in_a_file(path):
    name = path.relative_to(PACKAGE).as_posix()
    allowed = ({"pickle"} if name in MAY_PICKLE else set()) | ({"subprocess"} if name in MAY_START_PROGRAMS else set())
    assert [(line, what) for line, what in dangers(path.read_text(encoding="utf-8")) if what not in allowed] == []


def test_the_search_finds_what_it_looks_for():
    source = "import pickle\nfrom yaml import load\neval(x)\nos.system(y)\nnp.load(f)\nnp.load(f, allow_pickle=True)\n"
    assert [line for line, _ in dangers(source)] == [1, 2, 3, 4, 5, 6]
    assert dangers("re.compile(x)\nnp.load(f, allow_pickle=False)\njson.load(f)") == []


def test_the_watch_sees_what_is_forbidden(tmp_path):
    with watched() as seen:
        (tmp_path / "read").exists()
    assert seen == []
    for harm in (
        lambda: (tmp_path / "a").write_text("x", encoding="utf-8"),
        lambda: eval("1 + 1"),
        lambda: os.mkdir(tmp_path / "b"),
        lambda: os.remove(tmp_path / "a"),
        lambda: subprocess.run([sys.executable, "--version"], capture_output=True, check=True),
    ):
        with watched() as seen:
            harm()
        assert seen


# --- the fuzzer, for a moment (python -m benchmarks.fuzz is the long form) -----------------------------------------------


SHORT = {"idx": 400, "weights": 250, "config": 400, "pictures": 60}


@pytest.mark.parametrize("name", TARGETS)
def test_no_file_makes_a_reader_do_anything_but_read_or_refuse(tmp_path, tmp_path_factory, capfd, name):
    """In CI always the same files, elsewhere others each time; what is found is kept, and its place is told."""
    target = TARGETS[name](tmp_path)
    for data in target.seeds():
        run(target, data)
    seed = 0 if "CI" in os.environ else int.from_bytes(os.urandom(4), "big")
    with Branches(target.code) as branches:
        result = fuzz(target, branches, SHORT[name], seed=seed, findings=tmp_path_factory.getbasetemp() / "findings")
    assert result.findings == []
    assert result.executions == SHORT[name]
    assert any(outcome.startswith("accepted") for outcome in result.outcomes)
    assert len(result.outcomes) > 4
    assert os.listdir(tmp_path) == ["file"] * target.on_disk
    assert capfd.readouterr() == ("", ""), "nor does anything below Python print"


@pytest.mark.parametrize("name", TARGETS)
@given(seed=st.integers(0, 2**32), at=st.integers(0, 1000))
def test_any_change_of_a_good_file(tmp_path_factory, name, seed, at):
    target = TARGETS[name](tmp_path_factory.getbasetemp())
    rng, seeds = random.Random(seed), target.seeds() if name != "pictures" else [b"\x89PNG\r\n\x1a\n", b"GIF89a", b""]
    data = target.mutate(rng, target.mutate(rng, seeds[at % len(seeds)]))
    _, problem = run(target, data)
    assert problem is None


class Planted:
    """A reader with a mistake that only a certain file shows."""

    on_disk = False

    def __init__(self, harm):
        self.harm = harm
        self.code = (self.read.__func__,)

    def seeds(self):
        return [b"good"]

    def mutate(self, rng, data):
        at = rng.randrange(len(data))
        return data[:at] + rng.choice([b"b", b"a", b"d", b"!"]) + data[at + 1 :]

    def read(self, data):
        if data[0] == ord("b"):
            if data[1] == ord("a"):
                if data[2] == ord("d"):
                    self.harm()
                return "accepted, partly"
            return "refused"
        return "accepted"

    def allowance(self, size):
        return 1 << 20


HARM = {
    "another error": (lambda: {}["x"], "KeyError"),
    "a warning": (lambda: np.float32(1e30).astype(np.float32) * np.float32(1e30), "RuntimeWarning"),
    "memory": (lambda: bytearray(10 << 20), "bytes of memory"),
    "code": (lambda: eval("1"), "forbidden: "),
}


@pytest.mark.parametrize("case", HARM)
def test_the_fuzzer_finds_planted_mistakes(tmp_path, case):
    harm, words = HARM[case]
    target = Planted(harm)
    with Branches(target.code) as branches:
        result = fuzz(target, branches, 3000, findings=tmp_path)
    assert words in "".join(result.findings)
    (kept,) = list(tmp_path.iterdir())[:1]
    _, problem = run(target, kept.read_bytes())
    assert problem is not None or memory(target, kept.read_bytes()) > 10 << 20
    if branches.on:
        assert branches.taken() == branches.there_are() == 6
        assert branches.missing() == []


# --- one clear line, whatever is asked ------------------------------------------------------------------------------------


def called(*arguments):
    """Exit status and what stands on stderr."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = cli.main(list(arguments))
        except SystemExit as end:
            status = end.code
    return status, err.getvalue()


words = st.sampled_from(
    [name for command in cli.COMMANDS for name in [command.__name__.rpartition(".")[2]]]
    + [
        "--json",
        "--help",
        "--seed",
        "--lr",
        "--workers",
        "--model-file",
        "--dataset",
        "--config",
        "-o",
        "--",
        "-1",
        "1e999",
        "",
    ]
)
argument = words | st.text(max_size=12) | st.from_regex(r"--?[a-z]{1,8}(=.{0,5})?", fullmatch=True)


@given(st.lists(argument, max_size=6))
def test_any_arguments_are_understood_or_refused_in_one_line(arguments):
    """The grammar alone: what is understood is not run here."""
    err, status = io.StringIO(), 0
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.parser().parse_args(arguments)
        except SystemExit as end:
            status = end.code
    assert status in (0, 2)
    lines = err.getvalue().splitlines(keepends=True)
    assert len(lines) == (status == 2)
    assert all(line.endswith("\n") and line[:-1].isprintable() for line in lines)


METADATA = {"normalization": Normalization().to_dict(), "input_shape": [1, 28, 28], "num_classes": 10}
EVIL = ("\x1b[2J\nscratchnet: all is well", [1], {"a": 1}, None, 1e300)


@pytest.fixture
def picture(tmp_path):
    from pictures import draw

    draw(3, "plain").save(tmp_path / "three.png")
    return str(tmp_path / "three.png")


@pytest.mark.parametrize("value", EVIL, ids=repr)
@pytest.mark.parametrize("key", ["loss", "name", "provenance", "normalization", "input_shape", "num_classes"])
def test_metadata_may_say_anything(tmp_path, picture, key, value):
    model = Sequential(Flatten(), Dense(784, 10, rng=np.random.default_rng(0)))
    for entry in (value, {"recipe": value, "metrics": value}):
        save_model(tmp_path / "m.npz", model, METADATA | {key: entry})
        status, err = called("predict", picture, "--model-file", str(tmp_path / "m.npz"))
        assert status in (0, 1)
        assert len(err.splitlines()) == status
        assert err.rstrip("\n").isprintable()


def test_weights_so_large_that_nothing_can_be_computed(tmp_path, picture):
    model = Sequential(Flatten(), Dense(784, 10, rng=np.random.default_rng(0)))
    model.params["1.w"][...] = 3e38
    save_model(tmp_path / "m.npz", model, METADATA)
    for command in (
        ["predict", picture],
        ["predict", "--json", picture],
        ["explain", picture, "-o", str(tmp_path / "x.png")],
    ):
        status, err = called(*command, "--model-file", str(tmp_path / "m.npz"))
        assert (status, len(err.splitlines())) == (1, 1)
        assert "not finite" in err


def test_a_file_s_name_is_shown_and_not_obeyed(tmp_path):
    name = "\x1b[2J\x07.png"
    status, err = called("predict", str(tmp_path / name))
    assert (status, len(err.splitlines())) == (1, 1)
    assert err.rstrip("\n").isprintable()


def test_nothing_is_written_outside_of_the_folder_that_is_asked_for(tmp_path, picture, monkeypatch):
    """A config may name data, and nothing that is written; a model file may name nothing."""
    monkeypatch.chdir(tmp_path)
    for key in ("out", "overwrite", "path", "../x", "traceback"):
        (tmp_path / "c.json").write_text(
            json.dumps({"model": "softmax", key: str(tmp_path / "elsewhere")}), encoding="utf-8"
        )
        status, err = called("train", "--config", "c.json", "--out", "run", "--dataset", "synthetic")
        assert status == 1
        assert f"unknown setting '{key}'" in err
    assert sorted(os.listdir(tmp_path)) == ["c.json", "three.png"]
